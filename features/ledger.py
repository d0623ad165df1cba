"""The ledger as it was known: what is owed, what is overdue and since when, and how fresh the postings are."""

# ruff: noqa: PD003, PD004 (isnull and notnull are ibis's own words)

from datetime import datetime
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.settings import LedgerSettings
from ..data.vocabulary import LOAN_ENDING_KINDS
from .engine import Tables
from .windows import in_64_bits

_MONEY = "decimal(18, 2)"


def net_amount(payments: Any) -> Any:
    """Return the signed amount of a row of payments: what reduces the debt is positive.

    net paid = payment + waiver - reversal - refund.
    """
    return ibis.ifelse(payments.kind.isin(["payment", "waiver"]), payments.amount, -payments.amount)


def loans_with_end(book: Tables) -> Any:
    """Return every loan with the instant from which it is known to be collected here no longer.

    Returns
    -------
    ibis table
        loan_id, borrower_id, product, principal, currency, opened_at, ended_known_at (null: never).
    """
    loans = book.table("loans")
    endings = book.table("status_events").filter(lambda t: t.kind.isin(LOAN_ENDING_KINDS))
    of_loan = endings.filter(endings.loan_id.notnull()).select("loan_id", "known_at")
    # An ending without a loan is about the person: it ends the loans that were open then, not those that came later.
    of_person = endings.filter(endings.loan_id.isnull()).select("borrower_id", person_known_at="known_at")
    of_person = of_person.join(
        loans.select("loan_id", "borrower_id", "opened_at"),
        [of_person.borrower_id == loans.borrower_id, loans.opened_at < of_person.person_known_at],
    ).select("loan_id", known_at="person_known_at")
    first = of_loan.union(of_person).group_by("loan_id").agg(ended_known_at=lambda t: t.known_at.min())
    return loans.left_join(first, "loan_id").select(
        "loan_id", "borrower_id", "product", "principal", "currency", "opened_at", "ended_known_at"
    )


def point_loans(book: Tables, points: Any, *keep: str) -> Any:
    """Return the loans of each point that were opened before its as_of.

    Parameters
    ----------
    book : Tables
    points : ibis table
        As from `decision_points`.
    *keep : str
        More columns of the points that are kept.

    Returns
    -------
    ibis table
        point_id, as_of, as_of_date, loan_id, product, principal, currency, opened_at, is_open (bool: still collected here).
    """
    loans = loans_with_end(book)
    own = points.join(loans, [points.borrower_id == loans.borrower_id, loans.opened_at < points.as_of])
    return own.select(
        "point_id", "as_of", "as_of_date", *keep, "loan_id", "product", "principal", "currency", "opened_at",
        is_open=own.ended_known_at.isnull() | (own.ended_known_at >= own.as_of),
    )  # fmt: skip


def known_dues(book: Tables, owned: Any, ledger: LedgerSettings) -> Any:
    """Return the instalments of each point's loans as they stood at as_of.

    Parameters
    ----------
    owned : ibis table
        From `point_loans`, columns added at will; they are kept.

    Returns
    -------
    ibis table
        The columns of `owned` and due_on, amount, fallen (bool: the due day and the days of grace have ended).
    """
    dues = book.table("instalments")
    joined = owned.join(dues, [owned.loan_id == dues.loan_id, dues.known_at < owned.as_of])
    known = joined.filter(joined.superseded_at.isnull() | (joined.superseded_at >= joined.as_of))
    last_fallen = (known.as_of_date - ibis.interval(days=ledger.grace_days)).cast("date")
    return known.select(*owned.columns, "due_on", "amount", fallen=known.due_on < last_fallen)


def known_payments(book: Tables, owned: Any) -> Any:
    """Return the postings of each point's loans that were known at as_of.

    Returns
    -------
    ibis table
        The columns of `owned` and payment_id, kind, paid_at, posted_at, amount, net (signed).
    """
    payments = book.table("payments")
    joined = owned.join(payments, [owned.loan_id == payments.loan_id, payments.posted_at < owned.as_of])
    return joined.select(*owned.columns, "payment_id", "kind", "paid_at", "posted_at", "amount", net=net_amount(joined))


def position(book: Tables, points: Any, ledger: LedgerSettings) -> Any:
    """Return what each point's borrower owed, as the ledger knew it at as_of.

    Payments settle the oldest due first, over the person's open loans in one currency. Where there are several currencies
    the one with most days past due speaks, then the first of the alphabet.

    Parameters
    ----------
    points : ibis table
        As from `decision_points`.

    Returns
    -------
    ibis table
        One row per point: point_id, currency (null where no loan is open), overdue_amount and balance (money; the balance
        includes what is not yet due), days_past_due (days since the oldest unpaid due day; 0 where nothing is overdue),
        oldest_due_on (null where nothing is overdue), open_loans.
    """
    owned = point_loans(book, points)
    owned = owned.filter(owned.is_open)
    full = account_position(points, owned, known_dues(book, owned, ledger), known_payments(book, owned), ledger)
    return full.select(
        "point_id", "currency", "overdue_amount", "balance", "days_past_due", "oldest_due_on", "open_loans"
    )  # fmt: skip


def account_position(points: Any, owned: Any, dues: Any, payments: Any, ledger: LedgerSettings) -> Any:
    """Return `position`, and more of the account it speaks of.

    Parameters
    ----------
    points, owned, dues, payments : ibis table
        The points, their open loans, and what is known of these loans' dues and postings.

    Returns
    -------
    ibis table
        The columns of `position` and overdue_instalments (not covered; dues of one day in order of loan_id), due_fallen,
        paid (money), currencies.
    """
    accounts = _accounts(owned, dues, payments, ledger)
    order = ibis.window(group_by=accounts.point_id, order_by=[accounts.days_past_due.desc(), accounts.currency.asc()])
    of_point = ibis.window(group_by=accounts.point_id)
    ranked = accounts.mutate(
        place=ibis.row_number().over(order),
        all_loans=in_64_bits(accounts.loans.sum().over(of_point)),
        currencies=accounts.count().over(of_point),
    )
    chosen = ranked.filter(ranked.place == 0).rename(of_point="point_id")
    joined = points.select("point_id").left_join(chosen, points.point_id == chosen.of_point)
    zero = ibis.literal(Decimal("0.00")).cast(_MONEY)
    return joined.select(
        "point_id",
        "currency",
        overdue_amount=joined.overdue_amount.fill_null(zero),
        balance=joined.balance.fill_null(zero),
        days_past_due=joined.days_past_due.fill_null(0),
        oldest_due_on=joined.oldest_due_on,
        open_loans=joined.all_loans.fill_null(0),
        overdue_instalments=joined.overdue_instalments.fill_null(0),
        due_fallen=joined.due_fallen.fill_null(zero),
        paid=joined.paid.fill_null(zero),
        currencies=joined.currencies.fill_null(0),
    )


def _accounts(owned: Any, dues: Any, payments: Any, ledger: LedgerSettings) -> Any:
    """Return the position of each point in each currency in which it has an open loan."""
    zero = ibis.literal(Decimal("0.00")).cast(_MONEY)
    ignored = ibis.literal(Decimal(str(ledger.de_minimis))).cast(_MONEY)
    key = ["point_id", "currency"]
    held = owned.group_by(key).agg(loans=owned.count(), as_of_date=owned.as_of_date.max())
    paid = payments.group_by(key).agg(paid=payments.net.sum().cast(_MONEY))
    held = held.left_join(paid, key).select(*key, "loans", "as_of_date", paid=paid.paid.fill_null(zero))

    by_due_day = ibis.cumulative_window(
        group_by=[dues[name] for name in key], order_by=[dues.due_on, dues.loan_id, dues.amount]
    )
    running = dues.select(*key, "due_on", "amount", "fallen", cumulated=dues.amount.sum().over(by_due_day))
    lines = held.left_join(running, key).select(*key, "loans", "as_of_date", "paid", "due_on", "amount", "fallen", "cumulated")
    open_line = lines.fallen & (lines.cumulated - lines.paid > ignored)
    sums = lines.group_by([*key, "loans", "as_of_date", "paid"]).agg(
        due=lines.amount.sum().fill_null(zero),
        due_fallen=lines.amount.sum(where=lines.fallen).fill_null(zero).cast(_MONEY),
        oldest_due_on=lines.due_on.min(where=open_line),
        overdue_instalments=lines.count(where=open_line),
    )
    late = sums.oldest_due_on.notnull()
    rest = sums.due - sums.paid
    return sums.select(
        *key, "loans", "oldest_due_on", "overdue_instalments", "due_fallen", "paid",
        overdue_amount=ibis.ifelse(late, sums.due_fallen - sums.paid, zero).cast(_MONEY),
        balance=ibis.ifelse(rest > zero, rest, zero).cast(_MONEY),
        days_past_due=ibis.ifelse(late, sums.as_of_date.delta(sums.oldest_due_on, unit="day"), 0).cast("int32"),
    )  # fmt: skip


def newest_posting(book: Book, as_of: datetime) -> pd.DataFrame:
    """Return the newest posting of each product that was known at as_of.

    Parameters
    ----------
    as_of : datetime
        Aware.

    Returns
    -------
    DataFrame
        product, posted_at (aware, UTC), by product; a product without any posting has a missing instant.
    """
    payments = book.table("payments").filter(lambda t: t.posted_at < ibis.literal(naive_utc(as_of)))
    newest = payments.group_by("loan_id").agg(posted_at=payments.posted_at.max())
    loans = book.table("loans")
    by_product = (
        loans.left_join(newest, "loan_id").group_by("product").agg(posted_at=newest.posted_at.max()).order_by("product")
    )
    frame: pd.DataFrame = by_product.to_pandas()
    return frame.assign(posted_at=frame["posted_at"].dt.tz_localize("UTC"))
