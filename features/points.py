"""Decision points: who is looked at, and as of when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from ..data.book import Book
from ..data.clock import naive_utc, parse_instant
from ..data.errors import Fault, InvalidInput
from ..data.settings import LedgerSettings


def decision_points(borrower_id: Sequence[str] | Any, as_of: Any, ledger: LedgerSettings | None = None) -> pa.Table:
    """Return the table of decision points that features and positions are computed for.

    Parameters
    ----------
    borrower_id : sequence of str of shape (n,)
    as_of : str, datetime, or array of shape (n,)
        Aware instants. An Arrow timestamp column without a zone is taken as a book's own: UTC.
    ledger : LedgerSettings, optional
        Its `booking_zone` decides which calendar day an instant lies in.

    Returns
    -------
    Table
        point_id (0 to n - 1), borrower_id, as_of (UTC, no zone, microseconds), as_of_date (local day in the booking zone).

    Raises
    ------
    InvalidInput
        Where an instant has no zone, or the lengths differ.

    Examples
    --------
    >>> points = decision_points(["b1"], "2026-11-20T22:00Z", LedgerSettings(booking_zone="Asia/Shanghai"))
    >>> points["as_of_date"].to_pylist()
    [datetime.date(2026, 11, 21)]
    """
    zone = (ledger or LedgerSettings()).booking_zone
    names = pa.array(np.asarray(borrower_id, dtype=object), pa.string(), from_pandas=True)
    instants = _instants(as_of, len(names))
    if len(instants) != len(names):
        fault = Fault("as_of", f"one instant, or one for each of {len(names)} borrowers", f"{len(instants)}", "")
        raise InvalidInput([fault])
    local = instants.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return pa.table(
        {
            "point_id": np.arange(len(names), dtype=np.int64),
            "borrower_id": names,
            "as_of": pa.array(instants.to_numpy().astype("datetime64[us]")),
            "as_of_date": pa.array(local.to_numpy().astype("datetime64[D]")),
        }
    )


def tonight(book: Book, as_of: datetime, ledger: LedgerSettings | None = None) -> pa.Table:
    """Return one decision point for every borrower known at an instant, by borrower_id.

    Parameters
    ----------
    as_of : datetime
        Aware.

    Returns
    -------
    Table
        As from `decision_points`; borrowers with a row in `borrowers` or a loan that is older than as_of.
    """
    instant = ibis.literal(naive_utc(as_of))
    listed = book.table("borrowers").filter(lambda t: t.valid_from < instant).select("borrower_id")
    lent = book.table("loans").filter(lambda t: t.opened_at < instant).select("borrower_id")
    known = listed.union(lent, distinct=True).order_by("borrower_id").to_pyarrow()
    return decision_points(known["borrower_id"], as_of, ledger)


def _instants(as_of: Any, n: int) -> pd.DatetimeIndex:
    """Return naive UTC instants of shape (n,), or of as_of's own length where it is an array."""
    if isinstance(as_of, str | datetime):
        # A pandas timestamp is a datetime too, and goes this way.
        return pd.DatetimeIndex([naive_utc(parse_instant(as_of))]).repeat(n)
    if isinstance(as_of, pa.Array | pa.ChunkedArray) and pa.types.is_timestamp(as_of.type):
        return pd.DatetimeIndex(np.asarray(as_of.cast(pa.timestamp("us")), dtype="datetime64[us]"))
    index = pd.Index(as_of)
    if isinstance(index, pd.DatetimeIndex):
        if index.tz is None:
            raise InvalidInput(
                [Fault("as_of", "instants with a time zone", "an array without one", "Localise it, say to UTC.")]
            )
        return index.tz_convert("UTC").tz_localize(None)
    return pd.DatetimeIndex([naive_utc(parse_instant(value)) for value in index])
