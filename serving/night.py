"""One night: from a book to what to do with every overdue borrower, and who is left alone."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from ..data.book import Book
from ..data.clock import parse_instant
from ..policy.commitments import standing_decisions
from ..policy.guards import check_ledger, check_rows
from ..policy.levelling import Load
from ..policy.pre_due import COLUMNS as PRE_DUE_COLUMNS
from ..policy.pre_due import pre_due_reminders
from ..policy.reasons import Reason
from ..policy.refresh import COLUMNS as REFRESH_COLUMNS
from ..policy.refresh import dead_channels, refresh_tasks
from ..policy.settings import PolicySettings
from .decisions import Brain, Context, fresh_rows, standing_rows
from .eligible import eligible
from .recommendation import log_rows, to_arrow


@dataclass(frozen=True)
class Night:
    """What a night decided.

    Parameters
    ----------
    recommendations : Table
        A row per overdue borrower who may be contacted, by borrower.
    excluded : DataFrame
        A row per borrower who is left alone: borrower_id, reason, code, detail.
    decisions : Table
        The fresh decisions, as rows for the decision log.
    refresh : DataFrame
        A task per channel on which an overdue borrower can no longer be reached: borrower_id, channel, cause, since, task.
    pre_due : DataFrame
        Reminders to people who owe nothing yet, a regime of their own; empty unless it is enabled.
    facts : dict
        What the night was made with, so that it replays: versions, counts.
    """

    recommendations: pa.Table
    excluded: pd.DataFrame
    decisions: pa.Table
    refresh: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(REFRESH_COLUMNS), dtype="str"))
    pre_due: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PRE_DUE_COLUMNS), dtype="str"))
    facts: dict[str, Any] = field(default_factory=dict)


def run_night(book: Book, as_of: str | datetime, brain: Brain) -> Night:
    """Recommend for every overdue borrower who may be contacted.

    Raises
    ------
    StaleLedger
        Where the newest posting is older than the limit: who has paid cannot be known.
    UnattributedRows
        Where a quarantined stop or payment may be anybody's.
    """
    instant, settings = parse_instant(as_of), brain.settings
    check_ledger(book, instant, settings)
    check_rows(book, settings)
    owed, excluded = eligible(book, instant, settings)
    standing = _standing(book, instant, settings, owed)
    tasks = refresh_tasks(book, owed["borrower_id"].tolist(), instant, settings)
    context = Context(book, instant, brain, Load.made(book, instant, settings.capacity, settings.ledger.booking_zone))
    new = owed[~owed["borrower_id"].isin(standing["borrower_id"])].reset_index(drop=True)
    rows = []
    # Plans that stand were there first: a team's day is theirs before anything new is laid on it.
    if len(standing):
        rows.append(standing_rows(context, standing, dead_channels(tasks, standing["borrower_id"].tolist())))
    fresh, prices = fresh_rows(context, new, dead_channels(tasks, new["borrower_id"].tolist()), standing["arm"])
    rows.insert(0, fresh)
    # A halted night commits to nothing: logged, its decisions would stand for a fortnight after the switch is off again.
    logged = fresh.iloc[:0] if settings.halted else fresh
    return Night(
        recommendations=to_arrow(pd.concat(rows, ignore_index=True)),
        excluded=excluded,
        decisions=log_rows(logged),
        refresh=tasks,
        pre_due=pre_due_reminders(book, instant, settings, brain.packs, excluded),
        facts=_facts(book, instant, brain) | _counted(fresh, prices) | _left_out(excluded, tasks, rows),
    )


def _counted(fresh: pd.DataFrame, prices: dict[str, float]) -> dict[str, Any]:
    return {"decisions": len(fresh), "explored": int(fresh["explore"].sum()), "prices": prices}


def _left_out(excluded: pd.DataFrame, tasks: pd.DataFrame, rows: list[pd.DataFrame]) -> dict[str, Any]:
    """Count by reason who is left alone, which endpoints are dead, and which contacts found no room."""
    codes = [one for part in rows for told in part["reasons"] for one in told if one.startswith(f"{Reason.UNPLACED}:")]
    return {
        "excluded": {str(reason): int(n) for reason, n in excluded["reason"].value_counts().sort_index().items()},
        "refresh": {str(cause): int(n) for cause, n in tasks["cause"].value_counts().sort_index().items()},
        "unplaced": {text: codes.count(text) for text in sorted(set(codes))},
    }


def _facts(book: Book, instant: datetime, brain: Brain) -> dict[str, Any]:
    return {
        "as_of": instant.isoformat(),
        "model_version": brain.versions.model,
        "policy_version": brain.versions.policy,
        "rules_version": brain.versions.rules,
        "data_digest": book.digest,
        "settings": brain.settings.model_dump(mode="json"),
        "arms": brain.arms.to_dict(),
    }


def _standing(book: Book, instant: datetime, settings: PolicySettings, owed: pd.DataFrame) -> pd.DataFrame:
    """Return the standing decisions of those who may be contacted; the stop switch ends every commitment."""
    found = standing_decisions(book, instant, settings)
    kept = found["borrower_id"].isin(owed["borrower_id"]) & (not settings.halted)
    return found[kept].reset_index(drop=True)
