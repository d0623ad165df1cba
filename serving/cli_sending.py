"""The command of the moment of sending: which of last night's windows may be used now."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import pyarrow.parquet as pq
import typer

from ..data.clock import as_utc, parse_instant
from ..data.errors import Fault, InvalidInput
from ..data.stores import open_book
from ..policy.recheck import Planned, recheck_all
from ..policy.rules import load_packs
from .console import checking, say, show, stage
from .output import check_recommendations, run_card
from .settings import Settings, SettingsFile


def recheck(
    file: Annotated[Path, typer.Argument(help="Recommendation table of last night, as Parquet.")],
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address of the newest event tables.")],
    at: Annotated[str, typer.Option(help="Instant of sending, such as 2026-11-21T10:00Z.")],
    settings: SettingsFile = None,
) -> None:
    """Ask of every window that is open at an instant whether its contact may still be made."""
    now, chosen = parse_instant(at, "at"), Settings.read(settings)
    planned = [one for one in planned_in(file) if as_utc(one.start) <= now < as_utc(one.end)]
    with checking(source):
        book = open_book(source, chosen.book)
    with book, stage(f"asking about {len(planned):,} windows"):
        answers = recheck_all(planned, now, book, load_packs(chosen.policy.packs), chosen.policy)
    said = pd.Series([one.reason or "may be made" for one in answers], dtype="str").value_counts()
    show(said.rename_axis("answer").reset_index(name="contacts"), f"at {now:%Y-%m-%d %H:%M} UTC", {"contacts": "{:,}"})
    for one, answer in zip(planned, answers, strict=True):
        told = "yes" if answer.allowed else "; ".join(answer.reasons)
        say(f"{one.decision_id} {one.borrower_id} {one.channel}: {told}")


def planned_in(file: Path) -> list[Planned]:
    """Return every window of a recommendation table.

    Raises
    ------
    InvalidInput
        Where the file, or the card beside it, is not what a night wrote.
    """
    columns = ["decision_id", "borrower_id", "as_of", "commit_until", "windows"]
    check_recommendations(file, columns)
    # Windows of a standing decision were laid by the night, not by the decision.
    laid_at = _night_of(run_card(file))
    found = []
    for row in pq.read_table(file, columns=columns).to_pylist():
        for text in row["windows"]:
            span, _, channel = text.partition(" ")
            start, end = (datetime.fromisoformat(one) for one in span.split("/"))
            ids = (row["decision_id"], row["borrower_id"], channel)
            found.append(Planned(*ids, start, end, row["as_of"], row["commit_until"], laid_at))
    return found


def _night_of(card: Path) -> datetime | None:
    """Return the instant of the night whose card this is; None where it was not kept."""
    if not card.is_file():
        return None
    try:
        text = str(json.loads(card.read_text(encoding="utf-8"))["as_of"])
    except (OSError, ValueError, KeyError, TypeError):
        remedy = "Restore it, or decide the night again."
        raise InvalidInput([Fault(str(card), "the card of a night's run", "something else", remedy)]) from None
    return parse_instant(text, f"as_of in {card}")
