"""Who may be contacted tonight, and what they owe."""

from datetime import datetime

import pandas as pd

from ..data.book import Book
from ..features.ledger import position
from ..features.points import tonight
from ..policy.guards import guard
from ..policy.settings import PolicySettings


def eligible(book: Book, instant: datetime, settings: PolicySettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is owed by those whom no guard leaves out, in order of borrowers; and the others with their reasons."""
    points = tonight(book, instant, settings.ledger)
    with book.points(points) as table:
        owed = position(book, table, settings.ledger).to_pandas().sort_values("point_id", ignore_index=True)
    owed.insert(0, "borrower_id", points["borrower_id"].to_pandas().astype("str"))
    # The stop switch turns decisions into no contact (`decisions.fresh_rows`); nobody is missing from the table for it.
    excluded = guard(book, points, owed, instant, settings.model_copy(update={"halted": False}))
    return owed[~owed["borrower_id"].isin(excluded["borrower_id"])].reset_index(drop=True), excluded
