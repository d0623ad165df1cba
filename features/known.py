"""What was known: the event tables as each point could see them, computed once and shared by the families."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ..data.settings import LedgerSettings
from .calendars import CALENDAR_TYPES, calendar_days, local_wall_time
from .engine import ContractTables, Engine, Tables
from .ledger import account_position, known_dues, known_payments, point_loans
from .settlement import settlements
from .windows import age_band, seen_events, with_edges

POINTS = "decision_points"
CALENDAR = "calendar_days"
_POINT_TYPES = {"point_id": "int64", "borrower_id": "string", "as_of": "timestamp(6)", "as_of_date": "date"}


@dataclass(frozen=True, eq=False)
class Known:
    """The tables that the families build on, all of them limited to what was known before each as_of.

    Parameters
    ----------
    book : Tables
    ledger : LedgerSettings
    calendar : ibis table
        From `calendar_days`: working days of the jurisdictions that occur.
    points : ibis table
        point_id, borrower_id, as_of, as_of_date, jurisdiction, timezone, has_profile, account (currency), the windows' edges.
    nights : ibis table
        The distinct instants: as_of and the windows' edges.
    loans, dues, payments, position, settled, status : ibis table
        See the functions that make them.
    contacts : ibis table
        Contacts in both directions; not computed ahead, as each use needs other rows of it.
    """

    book: Tables
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


@dataclass(frozen=True, eq=False)
class Plan:
    """How what was known is computed: expressions over the contracts' tables, to be kept under their names in this order.

    Parameters
    ----------
    steps : tuple of (str, ibis table)
        Name and expression; a later one may use an earlier one by its name.
    jurisdictions, first_paid_on : ibis table
        What the calendar must cover; it is lent under `CALENDAR` when the steps are done.
    known : Known
    """

    steps: tuple[tuple[str, Any], ...]
    jurisdictions: Any
    first_paid_on: Any
    known: Known


@lru_cache(maxsize=16)
def known_plan(ledger: LedgerSettings, last_year: int) -> Plan:
    """Return the plan for points, lent under the name `POINTS`, of which none lies after a year."""
    steps: list[tuple[str, Any]] = []
    book = ContractTables()

    def keep(name: str, expression: Any) -> Any:
        steps.append((f"known_{name}", expression))
        return ibis.table(expression.schema(), name=f"known_{name}")

    profiled = keep("profiled", with_edges(_profiles(book, ibis.table(_POINT_TYPES, name=POINTS))))
    loans = keep("loans", point_loans(book, profiled))
    slim = loans.drop("product", "principal", "opened_at")
    dues = keep("dues", known_dues(book, slim, ledger))
    payments = keep("payments", _payments(book, slim, ledger, last_year))
    is_open = (loans.filter(loans.is_open), dues.filter(dues.is_open), payments.filter(payments.is_open))
    position = keep("position", account_position(profiled, *is_open, ledger))
    points = keep("points", _with_account(profiled, loans, position))
    known = Known(
        book=book,
        ledger=ledger,
        calendar=ibis.table(CALENDAR_TYPES, name=CALENDAR),
        points=points,
        nights=keep("nights", points.select("as_of", "from_30d").distinct()),
        loans=loans,
        dues=dues,
        payments=payments,
        position=position,
        settled=keep("settled", settlements(dues, payments, ledger)),
        status=keep("status", _status(book, profiled)),
        contacts=_contacts(book, profiled, ledger, last_year),
    )
    named = points.filter(points.jurisdiction.notnull()).select("jurisdiction").distinct()
    return Plan(tuple(steps), named.order_by("jurisdiction"), payments.agg(first=payments.paid_on.min()), known)


def compute_known(engine: Engine, points: pa.Table, plan: Plan) -> None:
    """Compute in an engine what was known to each point, and lend it the calendar."""
    engine.lend(POINTS, points)
    for name, expression in plan.steps:
        engine.keep(name, expression)
    first, last = (pc.min_max(points["as_of_date"])[side].as_py() for side in ("min", "max"))
    first_paid = engine.read(plan.first_paid_on)["first"][0].as_py() or first
    jurisdictions = engine.read(plan.jurisdictions)["jurisdiction"].to_pylist()
    engine.lend(CALENDAR, calendar_days(jurisdictions, min(first, first_paid), last))


def _profiles(book: Tables, points: Any) -> Any:
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


def _payments(book: Tables, owned: Any, ledger: LedgerSettings, last_year: int) -> Any:
    """Return known postings with the local day and hour of payment."""
    seen = known_payments(book, owned)
    wall = local_wall_time(seen.paid_at, ledger.booking_zone, last_year)
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


def _status(book: Tables, points: Any) -> Any:
    """Return status events known before as_of: point_id, loan_id, kind, channel, at, until, detail, band, live."""
    events = book.table("status_events")
    seen = points.join(events, [points.borrower_id == events.borrower_id, events.known_at < points.as_of])
    return seen.select(
        "point_id", "as_of", "loan_id", "kind", "channel", "at", "until", "detail",
        band=age_band(seen, seen["at"]),
        live=seen.until.isnull() | (seen.until >= seen.as_of),
    )  # fmt: skip


def _contacts(book: Tables, points: Any, ledger: LedgerSettings, last_year: int) -> Any:
    """Return contacts known before as_of: point_id, as_of, at, on, band, channel, outcome, is_out, contact_id, decision_id."""
    events = book.table("contacts")
    events = events.mutate(
        is_out=events.direction == "out", on=local_wall_time(events["at"], ledger.booking_zone, last_year).date()
    )
    return seen_events(points, events, "as_of", "on", "channel", "outcome", "is_out", "contact_id", "decision_id")
