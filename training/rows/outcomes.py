"""What happened after each decision: repaid, recovered, harmed, and whether it can be known yet.

`repaid` compares the payments within the horizon with what was truly overdue at as_of. "Truly" counts money that had been
paid but was not yet booked: such a borrower was not overdue, and a row about them says nothing about contact.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from ...data.book import Book
from ...data.settings import LedgerSettings, OutcomeSettings
from ...features.ledger import known_dues, net_amount, point_loans, position

_MONEY = "decimal(18, 2)"
_HARM_KINDS = ("complaint", "opt_out")
_POSTING_LAG_QUANTILE = 0.99
# In a book of this many postings, so many of the newest may be dated wrongly; they are less than a day's worth.
_MANY_POSTINGS, _NEWEST_POSTINGS = 1_000, 5
_NEVER = datetime.min  # noqa: DTZ901  the book's instants are naive UTC


@dataclass(frozen=True)
class Maturity:
    """Until when outcomes are known.

    Parameters
    ----------
    known_until : datetime
        Newest posting of the book, naive UTC; the earliest instant there is where nothing was ever posted.
    posting_lag_days : float
        99th percentile of the days from payment to posting.
    """

    known_until: datetime
    posting_lag_days: float

    def last_mature(self, horizon_days: int) -> datetime:
        """Return the last as_of whose outcome is complete: before it a row is yes or no, after it neither."""
        if self.known_until == _NEVER:
            return _NEVER
        return self.known_until - timedelta(days=horizon_days + self.posting_lag_days)


def maturity(book: Book) -> Maturity:
    """Measure how far the book's postings reach."""
    payments = book.table("payments")
    lag = (payments.posted_at.epoch_seconds() - payments.paid_at.epoch_seconds()) / 86_400
    newest = payments.order_by(payments.posted_at.desc()).limit(_NEWEST_POSTINGS).posted_at.min()
    found = payments.agg(
        until=payments.posted_at.max(), lag=lag.quantile(_POSTING_LAG_QUANTILE), rows=payments.count()
    ).to_pandas()
    until, days = found["until"].iloc[0], found["lag"].iloc[0]
    if found["rows"].iloc[0] >= _MANY_POSTINGS:
        # A few postings dated ahead by mistake must not make the last nights look complete.
        until = newest.to_pandas()
    if pd.isna(until):
        return Maturity(_NEVER, 0.0)
    return Maturity(until.to_pydatetime(), float(days))


def outcomes(book: Book, points: pa.Table, outcome: OutcomeSettings, ledger: LedgerSettings) -> pd.DataFrame:
    """Return the outcome of each decision point.

    Parameters
    ----------
    points : Table
        As from `features.points.decision_points`.

    Returns
    -------
    DataFrame
        A row per point, by point_id: currency, overdue (money, as the ledger knew it at as_of), recoverable (money overdue in
        truth at as_of), recovered (net money within the
        horizon, no more than that), repaid (0 or 1), harm (0 or 1: complaint or opt-out within the horizon), truly_overdue
        (bool), mature (bool). repaid and harm are missing where the row is not mature.
    """
    with book.points(points) as table:
        frame = _money(book, table, outcome, ledger).join(_harmed(book, table, outcome), "point_id").to_pandas()
    frame = frame.sort_values("point_id", ignore_index=True)
    mature = pd.to_datetime(points["as_of"].to_numpy()) <= maturity(book).last_mature(outcome.horizon_days)
    floats = {name: frame[name].astype(float) for name in ("overdue", "recoverable", "recovered")}
    repaid = (floats["recovered"] >= outcome.repaid_share * floats["recoverable"] - 0.005).astype(float)
    return pd.DataFrame(
        {
            "point_id": frame["point_id"],
            "currency": frame["currency"],
            **floats,
            "repaid": repaid.where(mature),
            "harm": frame["harm"].astype(float).where(mature),
            "truly_overdue": floats["recoverable"] > ledger.de_minimis,
            "mature": mature,
        }
    )


def _money(book: Book, points: Any, outcome: OutcomeSettings, ledger: LedgerSettings) -> Any:
    """Sum dues and true payments over the loans of the position's currency."""
    zero = ibis.literal(Decimal("0.00")).cast(_MONEY)
    spoken = position(book, points, ledger).select("point_id", "currency", overdue="overdue_amount")
    owned = point_loans(book, points)
    owned = owned.filter(owned.is_open)
    owned = owned.semi_join(spoken, ["point_id", "currency"])
    dues = known_dues(book, owned, ledger)
    fallen = dues.group_by("point_id").agg(due=dues.amount.sum(where=dues.fallen).cast(_MONEY))

    payments = book.table("payments")
    joined = owned.join(payments, owned.loan_id == payments.loan_id)
    end = joined.as_of + ibis.interval(days=outcome.horizon_days)
    net = net_amount(joined)
    paid = joined.group_by("point_id").agg(
        before=net.sum(where=joined.paid_at <= joined.as_of).cast(_MONEY),
        within=net.sum(where=(joined.paid_at > joined.as_of) & (joined.paid_at <= end)).cast(_MONEY),
    )
    sums = spoken.left_join(fallen, "point_id").drop("point_id_right").left_join(paid, "point_id")
    owed = sums.due.fill_null(zero) - sums.before.fill_null(zero)
    recoverable = ibis.greatest(owed, zero)
    return sums.select(
        "point_id",
        "currency",
        "overdue",
        recoverable=recoverable,
        recovered=ibis.greatest(ibis.least(sums.within.fill_null(zero), recoverable), zero),
    )


def _harmed(book: Book, points: Any, outcome: OutcomeSettings) -> Any:
    events = book.table("status_events").filter(lambda t: t.kind.isin(_HARM_KINDS))
    joined = points.join(events, points.borrower_id == events.borrower_id)
    end = joined.as_of + ibis.interval(days=outcome.horizon_days)
    harmed = joined.filter((joined.at > joined.as_of) & (joined.at <= end)).select("point_id").distinct()
    marked = points.select("point_id").left_join(harmed.mutate(hit=True), "point_id")
    return marked.select("point_id", harm=marked.hit.fill_null(ibis.literal(False)))  # noqa: FBT003
