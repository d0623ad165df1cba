"""The recommendation table: its columns, and how rows of fresh and of standing decisions are put together."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from ..data.arms import ArmCatalogue
from ..policy.calendar import Calendar
from ..training.deciding.decide import Decided

_INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        ("decision_id", pa.string()), ("borrower_id", pa.string()), ("as_of", _INSTANT), ("commit_until", _INSTANT),
        ("standing", pa.bool_()), ("arm", pa.string()), ("channel", pa.string()), ("intensity", pa.float64()),
        ("interval_days", pa.float64()), ("next_contact_from", pa.string()), ("next_contact_to", pa.string()),
        ("windows", pa.list_(pa.string())), ("response", pa.float64()), ("response_none", pa.float64()),
        ("uplift", pa.float64()), ("uplift_low", pa.float64()), ("uplift_high", pa.float64()), ("harm", pa.float64()),
        ("value", pa.float64()), ("propensity", pa.float64()), ("explore", pa.bool_()),
        ("lawful_arms", pa.list_(pa.string())), ("reasons", pa.list_(pa.string())),
        ("tone", pa.string()), ("offer", pa.string()), ("model_version", pa.string()), ("policy_version", pa.string()),
        ("rules_version", pa.string()), ("template", pa.string()),
    ]
)  # fmt: skip
_LOG_SCHEMA: Final = pa.schema(
    [
        *(SCHEMA.field(name) for name in ("decision_id", "borrower_id", "as_of", "commit_until", "arm")),
        ("propensities", pa.map_(pa.string(), pa.float64())),
        *(SCHEMA.field(name) for name in ("explore", "policy_version", "model_version", "rules_version")),
    ]
)
COLUMNS: Final = tuple(SCHEMA.names)
# What the model expected of the arm; the decision log does not hold it.
EXPECTED: Final = ("response", "response_none", "uplift", "uplift_low", "uplift_high", "harm", "value")
NO_MODEL: Final = "house-policy"
_ID_LENGTH: Final = 16


@dataclass(frozen=True)
class Versions:
    """What a decision was made with.

    Parameters
    ----------
    model, policy, rules : str
        Short digests of the model, the settings and the rule packs.
    """

    model: str
    policy: str
    rules: str


def decision_ids(borrower_ids: Sequence[str], as_of: pd.Timestamp, versions: Versions) -> list[str]:
    """Return identifiers that are the same whenever the same decision is made again.

    Parameters
    ----------
    borrower_ids : sequence of str of shape (n,)
    """
    made_with = f"|{as_of.isoformat()}|{versions.model}|{versions.policy}|{versions.rules}"
    return [hashlib.sha256(f"{one}{made_with}".encode()).hexdigest()[:_ID_LENGTH] for one in borrower_ids]


def describe_arms(arms: ArmCatalogue, names: pd.Series) -> pd.DataFrame:
    """Return channel, intensity (contacts per week) and interval_days of each row's arm, retired arms included."""
    distinct = names.unique()
    found = [arms[name] for name in distinct]
    facts = pd.DataFrame(
        {
            "channel": pd.array([arm.channels[0] if arm.channels else None for arm in found], dtype="object"),
            "intensity": [arm.intensity for arm in found],
            "interval_days": [arm.interval_days if arm.interval_days is not None else np.nan for arm in found],
        },
        index=distinct,
    )
    return facts.loc[names].set_axis(names.index)


def decided_frame(decided: Decided, names: list[str]) -> pd.DataFrame:
    """Return the arm given to each row with what the model expects of it and of no contact, and how it was drawn.

    `explore` is true where the draw fell on another arm than would be given without exploration. `propensities` are pairs of
    arm and probability over the arms that law and restraint leave, for the decision log.
    """
    rows = np.arange(len(decided.arm))
    response, none = decided.response[rows, decided.arm], decided.response[:, 0]
    return pd.DataFrame(
        {
            "arm": np.array(names, dtype=object)[decided.arm],
            "response": response,
            "response_none": none,
            "uplift": response - none,
            "harm": decided.harm[rows, decided.arm],
            "value": decided.value[rows, decided.arm],
            "propensity": decided.propensity[rows, decided.arm],
            "explore": decided.arm != decided.chosen,
            "lawful_arms": _lists([names[k] for k in np.flatnonzero(row)] for row in decided.lawful),
            "propensities": _lists(
                [(names[k], float(odds[k])) for k in np.flatnonzero(row)]
                for row, odds in zip(decided.lawful, decided.propensity, strict=True)
            ),
            "reasons": [list(reasons) for reasons in decided.reasons],
        }
    )


def _lists(items: Iterable[list[Any]]) -> pd.Series:
    return pd.Series(list(items), dtype=object)


def describe_windows(calendar: Calendar, borrower_ids: pd.Series) -> pd.DataFrame:
    """Return next_contact_from, next_contact_to (local ISO 8601) and windows (``from/to channel``) of each row."""
    laid = calendar.windows
    text = laid["start_local"] + "/" + laid["end_local"] + " " + laid["channel"]
    by_borrower = pd.DataFrame(
        {
            "next_contact_from": laid["start_local"].groupby(laid["borrower_id"]).first(),
            "next_contact_to": laid["end_local"].groupby(laid["borrower_id"]).first(),
            "windows": text.groupby(laid["borrower_id"]).agg(list),
        }
    )
    described = by_borrower.reindex(borrower_ids.to_numpy()).set_axis(borrower_ids.index)
    described["windows"] = [windows if isinstance(windows, list) else [] for windows in described["windows"]]
    return described


def log_rows(fresh: pd.DataFrame) -> pa.Table:
    """Return fresh decisions as rows of the decision log, with the probability of every arm that might have been given."""
    return _arrow(fresh, _LOG_SCHEMA)


def to_arrow(rows: pd.DataFrame) -> pa.Table:
    """Return the recommendation table in its columns and types, by borrower."""
    return _arrow(rows.sort_values("borrower_id", ignore_index=True), SCHEMA)


def _arrow(rows: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.table([_column(rows[field.name], field.type) for field in schema], schema=schema)


def _column(values: pd.Series, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        # pyarrow reads zoned pandas columns in a way that pandas 3.1 has deprecated.
        return pa.array(values.dt.tz_convert(None).to_numpy()).cast(pa.timestamp(kind.unit)).cast(kind)
    if pa.types.is_nested(kind):
        return pa.array(values.tolist(), kind)
    return pa.array(values.to_numpy(dtype=object), kind, from_pandas=True)
