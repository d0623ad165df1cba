"""Who is looked at tonight: every borrower that the book knew before as_of."""

from datetime import datetime

import pyarrow as pa

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.settings import LedgerSettings
from .points import decision_points


def tonight(book: Book, as_of: datetime, ledger: LedgerSettings) -> pa.Table:
    """Return one decision point per borrower, in order of borrower_id.

    Parameters
    ----------
    as_of : datetime
        Aware.
    """
    borrowers = book.table("borrowers")
    known = borrowers.filter(borrowers.valid_from < naive_utc(as_of)).select("borrower_id").distinct().order_by("borrower_id")
    return decision_points(known.to_pyarrow()["borrower_id"].to_numpy(), as_of, ledger)
