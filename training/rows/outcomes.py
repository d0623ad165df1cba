"""What happened after each decision: repaid, recovered, harmed, and whether it can be known yet.

`repaid` compares the payments within the horizon with what was truly overdue at as_of. "Truly" counts money that had been
paid but was not yet booked: such a borrower was not overdue, and a row about them says nothing about contact. A loan that is
sold or recalled within the horizon ends unpaid here, whatever its buyer receives: leaving such rows out would leave only
those who paid before the sale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ...data.book import Book
from ...data.settings import LedgerSettings, OutcomeSettings
from ...features.ledger import known_dues, net_amount, point_loans, position

_MONEY = "decimal(18, 2)"
_HARM_KINDS = ("complaint", "opt_out")
_TAKEN_AWAY = ("sold", "recalled")
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
    by_product : mapping of str to datetime
        Newest posting of each product's loans, as `known_until`: a feed may stop while others go on.
    """

    known_until: datetime
    posting_lag_days: float
    by_product: Mapping[str, datetime] = field(default_factory=dict)

    def last_mature(self, horizon_days: int, product: str | None = None) -> datetime:
        """Return the last as_of whose outcome is complete: before it a row is yes or no, after it neither."""
        until = self.known_until if product is None else self.by_product.get(product, _NEVER)
        return _NEVER if until == _NEVER else until - timedelta(days=horizon_days + self.posting_lag_days)


def maturity(book: Book) -> Maturity:
    """Measure how far the book's postings reach, and each product's."""
    payments = book.table("payments")
    lag = (payments.posted_at.epoch_seconds() - payments.paid_at.epoch_seconds()) / 86_400
    days = payments.agg(lag=lag.quantile(_POSTING_LAG_QUANTILE)).to_pandas()["lag"].iloc[0]
    loans = book.table("loans")
    posted = loans.left_join(payments, "loan_id").select("product", "posted_at")
    products = _newest(posted, posted.product)
    whole = _newest(payments, ibis.literal("all"))
    known_until = whole.get("all", _NEVER)
    return Maturity(known_until, 0.0 if pd.isna(days) else float(days), products)


def _newest(postings: Any, by: Any) -> dict[str, datetime]:
    """Return the newest posting of each group that can be relied on."""
    place = ibis.row_number().over(group_by=by, order_by=postings.posted_at.desc())
    ranked = postings.mutate(group=by, place=place).filter(lambda t: t.posted_at.notnull())  # noqa: PD004
    found = ranked.group_by("group").agg(
        rows=ranked.count(), until=ranked.posted_at.max(), surely=ranked.posted_at.min(where=ranked.place < _NEWEST_POSTINGS)
    )
    frame = found.to_pandas()
    # A few postings dated ahead by mistake must not make the last nights look complete.
    until = frame["until"].where(frame["rows"] < _MANY_POSTINGS, frame["surely"])
    return {str(name): at.to_pydatetime() for name, at in zip(frame["group"], until, strict=True)}


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
        truth at as_of), recovered (net money within the horizon, no more than that), repaid (0 or 1), harm (0 or 1: complaint
        or opt-out within the horizon), known_overdue (bool: as the ledger knew it), truly_overdue (bool), taken_away (bool: a
        loan was sold or recalled within the horizon), mature (bool: by the postings of every product that the borrower owes
        on). repaid and harm are missing where the row is not mature.
    """
    with book.points(points) as table:
        frame = _money(book, table, outcome, ledger).join(_harmed(book, table, outcome), "point_id").to_pandas()
        gone = _taken_away(book, table, outcome).to_pandas()["point_id"]
        owing = _owing(book, table, ledger).to_pandas()
    frame = frame.sort_values("point_id", ignore_index=True)
    mature = pd.to_datetime(points["as_of"].to_numpy()) <= _last_mature(maturity(book), owing, len(frame), outcome)
    floats = {name: frame[name].astype(float) for name in ("overdue", "recoverable", "recovered")}
    repaid = (floats["recovered"] >= outcome.repaid_share * floats["recoverable"] - 0.005).astype(float)
    return pd.DataFrame(
        {
            "point_id": frame["point_id"],
            "currency": frame["currency"],
            **floats,
            "repaid": repaid.where(mature),
            "harm": frame["harm"].astype(float).where(mature),
            "known_overdue": frame["days_past_due"] > 0,
            "taken_away": frame["point_id"].isin(gone),
            "truly_overdue": floats["recoverable"] > ledger.de_minimis,
            "mature": mature,
        }
    )


def nothing_owed(happened: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return why rows say nothing about contact since nothing was overdue, each reason with its mask of shape (n,).

    Parameters
    ----------
    happened : DataFrame
        From `outcomes`.
    """
    idle = ~happened["truly_overdue"].to_numpy()
    open_, known = happened["currency"].notna().to_numpy(), happened["known_overdue"].to_numpy()
    return {
        "whose borrower had no open loan": idle & ~open_,
        "whose borrower had nothing overdue by the ledger": idle & open_ & ~known,
        "whose borrower had already paid, booked later": idle & open_ & known,
    }


def taken_away(happened: pd.DataFrame, rows: str) -> tuple[str, ...]:
    """Tell how many rows count as not repaid because their loan was sold or recalled; nothing where none does."""
    n = int((happened["taken_away"] & (happened["repaid"] == 0)).sum())
    told = f"{n:,} of {len(happened):,} {rows} count as not repaid, and their loan was sold or recalled within the horizon"
    return (told,) if n else ()


def _last_mature(known: Maturity, owing: pd.DataFrame, n: int, outcome: OutcomeSettings) -> NDArray[np.datetime64]:
    """Return the last mature instant of each point, of shape (n,): of the product whose postings reach the least far."""
    last = pd.Series(np.datetime64(known.last_mature(outcome.horizon_days), "us"), index=range(n))
    reach = {name: known.last_mature(outcome.horizon_days, name) for name in owing["product"].unique()}
    least = owing["product"].map(reach).astype("datetime64[us]").groupby(owing["point_id"]).min()
    last.loc[least.index] = np.minimum(last.loc[least.index], least)
    instants: NDArray[np.datetime64] = last.to_numpy()
    return instants


def _owing(book: Book, points: Any, ledger: LedgerSettings) -> Any:
    """Return point_id and product of the loans on which something had fallen due."""
    owned = point_loans(book, points)
    dues = known_dues(book, owned.filter(owned.is_open), ledger)
    return dues.filter(dues.fallen).select("point_id", "product").distinct()


def _taken_away(book: Book, points: Any, outcome: OutcomeSettings) -> Any:
    """Return point_id where an open loan was sold or recalled within the horizon."""
    owned = point_loans(book, points, "borrower_id")
    events = book.table("status_events").filter(lambda t: t.kind.isin(_TAKEN_AWAY))
    events = events.select("borrower_id", "at", of_loan="loan_id")
    joined = owned.filter(owned.is_open).join(events, "borrower_id")
    end = joined.as_of + ibis.interval(days=outcome.horizon_days)
    own = joined.of_loan.isnull() | (joined.of_loan == joined.loan_id)  # noqa: PD003
    return joined.filter(own & (joined["at"] >= joined.as_of) & (joined["at"] <= end)).select("point_id").distinct()


def _money(book: Book, points: Any, outcome: OutcomeSettings, ledger: LedgerSettings) -> Any:
    """Sum dues and true payments over the loans of the position's currency."""
    zero = ibis.literal(Decimal("0.00")).cast(_MONEY)
    spoken = position(book, points, ledger).select("point_id", "currency", "days_past_due", overdue="overdue_amount")
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
        "days_past_due",
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
