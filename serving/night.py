"""One night: from a book to what to do with every overdue borrower, and who is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa

from ..data.book import Book
from ..data.clock import parse_instant
from ..features.ledger import position
from ..features.points import tonight
from ..policy.commitments import standing_decisions
from ..policy.guards import check_ledger, check_rows, guard
from ..policy.rules import RulePack
from ..policy.settings import PolicySettings
from ..training.bundle import ModelBundle
from .decisions import Context, fresh_rows, standing_rows
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
    """

    recommendations: pa.Table
    excluded: pd.DataFrame
    decisions: pa.Table


def run_night(
    book: Book, as_of: str | datetime, bundle: ModelBundle, settings: PolicySettings, packs: Sequence[RulePack]
) -> Night:
    """Recommend for every overdue borrower who may be contacted.

    Raises
    ------
    StaleLedger
        Where the newest posting is older than the limit: who has paid cannot be known.
    UnattributedRows
        Where a quarantined stop or payment may be anybody's.
    """
    instant = parse_instant(as_of)
    check_ledger(book, instant, settings)
    check_rows(book, settings)
    owed, excluded = _eligible(book, instant, settings)
    standing = _standing(book, instant, settings, owed)
    context = Context(book, instant, bundle, settings, packs)
    fresh = fresh_rows(context, owed[~owed["borrower_id"].isin(standing["borrower_id"])].reset_index(drop=True))
    rows = [fresh] if standing.empty else [fresh, standing_rows(context, standing)]
    # A halted night commits to nothing: logged, its decisions would stand for a fortnight after the switch is off again.
    logged = fresh.iloc[:0] if settings.halted else fresh
    return Night(to_arrow(pd.concat(rows, ignore_index=True)), excluded, log_rows(logged))


def _eligible(book: Book, instant: datetime, settings: PolicySettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is owed by those who may be contacted, and the others with their reasons."""
    points = tonight(book, instant, settings.ledger)
    with book.points(points) as table:
        owed = position(book, table, settings.ledger).to_pandas().sort_values("point_id", ignore_index=True)
    owed.insert(0, "borrower_id", points["borrower_id"].to_pandas().astype("str"))
    # The stop switch turns decisions into no contact (`decisions.fresh_rows`); nobody is missing from the table for it.
    excluded = guard(book, points, owed, instant, settings.model_copy(update={"halted": False}))
    return owed[~owed["borrower_id"].isin(excluded["borrower_id"])].reset_index(drop=True), excluded


def _standing(book: Book, instant: datetime, settings: PolicySettings, owed: pd.DataFrame) -> pd.DataFrame:
    """Return the standing decisions of those who may be contacted; the stop switch ends every commitment."""
    found = standing_decisions(book, instant, settings)
    kept = found["borrower_id"].isin(owed["borrower_id"]) & (not settings.halted)
    return found[kept].reset_index(drop=True)
