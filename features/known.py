"""What was known: the event tables as each point could see them, computed once and shared by the families."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ..data.book import Book
from ..data.settings import LedgerSettings
from .calendars import lent_calendar, local_wall_time
from .ledger import account_position, known_dues, known_payments, point_loans
from .settlement import settlements
from .windows import age_band, seen_events, with_edges


@dataclass(frozen=True)
class Known:
    """The tables that the families build on, all of them limited to what was known before each as_of.

    Parameters
    ----------
    book : Book
    ledger : LedgerSettings
    calendar : ibis table
        From `lent_calendar`: working days of the jurisdictions that occur.
    points : ibis table
        point_id, borrower_id, as_of, as_of_date, jurisdiction, timezone, has_profile, account (currency), the windows' edges.
    nights : ibis table
        The distinct instants: as_of and the windows' edges.
    loans, dues, payments, position, settled, status : ibis table
        See the functions that make them.
    contacts : ibis table
        Contacts in both directions; not computed ahead, as each use needs other rows of it.
    """

    book: Book
    ledger: LedgerSettings
    calendar: Any
    points: Any
    nights: Any
    loans: Any
    dues: Any
    payments: Any
    position: Any
    settled: Any
    status: Any
    contacts: Any


@contextmanager
def known_at(book: Book, points: pa.Table, ledger: LedgerSettings) -> Iterator[Known]:
    """Lend the tables of what was known; they live in the book's database until the context ends."""
    first_day, last_day = (pc.min_max(points["as_of_date"])[side].as_py() for side in ("min", "max"))
    with ExitStack() as stack:

        def keep(expression: Any) -> Any:
            return stack.enter_context(expression.cache())

        profiled = keep(with_edges(_profiles(book, stack.enter_context(book.points(points)))))
        loans = keep(point_loans(book, profiled))
        slim = loans.drop("product", "principal", "opened_at")
        dues = keep(known_dues(book, slim, ledger))
        payments = keep(_payments(book, slim, ledger, last_day))
        is_open = (loans.filter(loans.is_open), dues.filter(dues.is_open), payments.filter(payments.is_open))
        position = keep(account_position(profiled, *is_open, ledger))
        with_account = keep(_with_account(profiled, loans, position))
        first_paid = payments.paid_on.min().to_pyarrow().as_py() or first_day
        yield Known(
            ledger=ledger,
            book=book,
            calendar=stack.enter_context(lent_calendar(book, profiled, min(first_paid, first_day), last_day)),
            points=with_account,
            nights=keep(with_account.select("as_of", "from_30d").distinct()),
            loans=loans,
            dues=dues,
            payments=payments,
            position=position,
            settled=keep(settlements(dues, payments, ledger)),
            status=keep(_status(book, profiled)),
            contacts=_contacts(book, profiled, ledger, last_day),
        )


def _profiles(book: Book, points: Any) -> Any:
    """Add the borrower's profile in the version that was valid last."""
    versions = book.table("borrowers").select("borrower_id", "valid_from", "jurisdiction", "timezone")
    own = points.join(versions, [points.borrower_id == versions.borrower_id, versions.valid_from < points.as_of])
    newest = ibis.window(group_by=own.point_id, order_by=[own.valid_from.desc(), own.jurisdiction.asc(), own.timezone.asc()])
    own = own.select(
        of_point="point_id", jurisdiction="jurisdiction", timezone="timezone", place=ibis.row_number().over(newest)
    )
    own = own.filter(own.place == 0)
    joined = points.left_join(own, points.point_id == own.of_point)
    return joined.select(*points.columns, "jurisdiction", "timezone", has_profile=joined.of_point.notnull())


def _payments(book: Book, owned: Any, ledger: LedgerSettings, last_day: date) -> Any:
    """Return known postings with the local day and hour of payment."""
    seen = known_payments(book, owned)
    wall = local_wall_time(seen.paid_at, ledger.booking_zone, last_day.year)
    return seen.mutate(
        cents=(seen.net * 100).cast("int64"),
        paid_on=wall.date(),
        paid_hour=wall.hour().cast("int8"),
        # A posting ahead of its own payment, such as a cheque dated forward, is in the ledger but not yet an act.
        happened=seen.paid_at < seen.as_of,
    )


def _with_account(points: Any, loans: Any, position: Any) -> Any:
    """Add the currency that money features are in: the position's, else the newest loan's."""
    newest = ibis.window(group_by=loans.point_id, order_by=[loans.opened_at.desc(), loans.loan_id.asc()])
    last = loans.select(of_point="point_id", last_currency="currency", place=ibis.row_number().over(newest))
    last = last.filter(last.place == 0)
    held = position.select(at_point="point_id", currency="currency")
    joined = points.join(held, points.point_id == held.at_point).left_join(last, points.point_id == last.of_point)
    return joined.select(*points.columns, account=ibis.coalesce(joined.currency, joined.last_currency))


def _status(book: Book, points: Any) -> Any:
    """Return status events known before as_of: point_id, loan_id, kind, channel, at, until, band, live (not run out)."""
    events = book.table("status_events")
    seen = points.join(events, [points.borrower_id == events.borrower_id, events.known_at < points.as_of])
    return seen.select(
        "point_id", "as_of", "loan_id", "kind", "channel", "at", "until",
        band=age_band(seen, seen["at"]),
        live=seen.until.isnull() | (seen.until >= seen.as_of),
    )  # fmt: skip


def _contacts(book: Book, points: Any, ledger: LedgerSettings, last_day: date) -> Any:
    """Return contacts known before as_of: point_id, as_of, at, on, band, channel, outcome, is_out, contact_id, decision_id."""
    events = book.table("contacts")
    events = events.mutate(
        is_out=events.direction == "out", on=local_wall_time(events["at"], ledger.booking_zone, last_day.year).date()
    )
    return seen_events(points, events, "as_of", "on", "channel", "outcome", "is_out", "contact_id", "decision_id")
