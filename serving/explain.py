"""Explaining one recommendation to a person, from the table alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from ..data.errors import Fault, InvalidInput
from ..policy.reasons import Reason, sentence
from .output import sibling
from .recommendation import COLUMNS

_ABOUT_OTHER_ARMS = (Reason.ARM_REMOVED, Reason.ARM_UNSUPPORTED)


def explain_file(path: Path, borrower_id: str) -> str:
    """Say what is recommended for a borrower and why, or why the borrower is left alone.

    Parameters
    ----------
    path : Path
        Recommendation table that `lighttouch recommend` wrote, as Parquet.
    borrower_id : str

    Raises
    ------
    InvalidInput
        Where there is no such file, or the borrower is in neither table.
    """
    row, left_alone = find_rows(path, borrower_id)
    return explain_exclusion(row) if left_alone else explain(row)


def find_rows(path: Path, borrower_id: str) -> tuple[dict[str, Any], bool]:
    """Return a borrower's row of a night, and whether it is one of those who are left alone.

    Raises
    ------
    InvalidInput
        Where there is no such file, or the borrower is in neither table.
    """
    found = _rows(path, borrower_id, COLUMNS)
    if found:
        return found[0], False
    beside = sibling(path, "excluded")
    left_out = _rows(beside, borrower_id, ("detail",)) if beside.is_file() else []
    if left_out:
        return left_out[0], True
    remedy = "Borrowers are named as in the table 'borrowers'."
    raise InvalidInput([Fault(f"{path} and {beside.name}", f"borrower {borrower_id!r}", "no such borrower", remedy)])


def explain(row: dict[str, Any]) -> str:
    """Say what a recommendation is, why this arm, what took the others away, and what no contact would do.

    Parameters
    ----------
    row : dict
        One row of the recommendation table.
    """
    chosen = [text for text in row["reasons"] if not text.startswith(_ABOUT_OTHER_ARMS)]
    others = [text for text in row["reasons"] if text.startswith(_ABOUT_OTHER_ARMS)]
    lines = [
        f"Borrower {row['borrower_id']}, as of {row['as_of']:%Y-%m-%d %H:%M} UTC: {_plan(row)}",
        *_next(row),
        "Why:",
        *(f"  - {sentence(text)}" for text in chosen),
        *_expectation(row),
    ]
    if others:
        lines += ["Not available:", *(f"  - {sentence(text)}" for text in others)]
    allowed = ", ".join(row["lawful_arms"])
    versions = f"model {row['model_version']}, policy {row['policy_version']}, rules {row['rules_version']}"
    return "\n".join([*lines, f"Lawful arms: {allowed}", f"Decision {row['decision_id']}, made with {versions}"])


def explain_exclusion(row: dict[str, Any]) -> str:
    """Say why a borrower is left alone, every reason."""
    reasons = [f"  - {sentence(text)}" for text in str(row["detail"]).split("; ")]
    return "\n".join([f"Borrower {row['borrower_id']} is left alone tonight.", "Why:", *reasons])


def _plan(row: dict[str, Any]) -> str:
    if pd.isna(row["channel"]):
        return f"no contact (arm {row['arm']}), until {row['commit_until']:%Y-%m-%d}."
    each = f"one contact every {row['interval_days']:.3g} days"
    return f"{row['arm']}: {row['intensity']:.3g} a week, {each}, until {row['commit_until']:%Y-%m-%d}."


def _next(row: dict[str, Any]) -> list[str]:
    if pd.isna(row["next_contact_from"]):
        return []
    line = f"Next contact between {row['next_contact_from']} and {row['next_contact_to']}, the borrower's local time."
    speech = "" if pd.isna(row["tone"]) else f" Tone: {row['tone']}."
    help_ = "" if pd.isna(row["offer"]) else f" Offer: {row['offer']}."
    return [line + speech + help_]


def _expectation(row: dict[str, Any]) -> list[str]:
    if pd.isna(row["response"]):
        return []
    both = f"{row['response']:.1%} with this arm, {row['response_none']:.1%} without contact"
    between = f"{100 * row['uplift_low']:+.1f} to {100 * row['uplift_high']:+.1f} points (interval)"
    return [
        "Expected:",
        f"  - repaid within the horizon: {both} ({100 * row['uplift']:+.1f} points)",
        *([] if pd.isna(row["channel"]) else [f"  - what this arm changes: {between}"]),
        f"  - complaint or opt-out: {row['harm']:.2%}; net value: {row['value']:,.2f}",
    ]


def _rows(path: Path, borrower_id: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path, filters=[("borrower_id", "=", borrower_id)])
    except (OSError, ValueError):
        raise _not_ours(path, "none") from None
    if missing := [name for name in columns if name not in table.column_names]:
        raise _not_ours(path, f"a table without {', '.join(missing)}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _not_ours(path: Path, found: str) -> InvalidInput:
    remedy = "Name a file that `lighttouch recommend --out NAME.parquet` wrote; CSV has lost what an explanation needs."
    return InvalidInput([Fault(str(path), "a recommendation table as Parquet", found, remedy)])
