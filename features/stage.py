"""Stage: how far past due, reported or not, how old the loans are, what other loans there are."""

from typing import Any

import ibis

from .assemble import attach, days_between, flag, not_below_zero, zero_filled
from .bands import BAND_STARTS
from .definition import family
from .known import Known

FEATURES = family(
    "stage",
    (
        "days_past_due",
        "days",
        "Days from the oldest due day not covered to the local day of as_of; 0 where nothing is overdue.",
    ),
    ("days_past_due_band", "band", "0 for none, then 1 to 7 from 1, 4, 8, 16, 31, 61 and 91 days past due."),
    ("bureau_reported", "0 or 1", "An open loan, or the borrower, is known to have been reported to the credit bureau."),
    ("days_since_bureau_reported", "days", "Days since that was done last, at least 0."),
    ("open_loan_count", "loans", "Loans opened before as_of and still collected here."),
    ("ended_loan_count", "loans", "Loans known to be closed, written off, sold or recalled."),
    ("open_currency_count", "currencies", "Currencies of the open loans."),
    ("loan_age_days", "days", "Days since the oldest open loan was opened."),
    ("days_since_loan_opened", "days", "Days since the newest loan was opened, open or not."),
    ("customer_age_days", "days", "Days since the first loan was opened."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    owed = known.position.select("point_id", "days_past_due", open_currencies="currencies")
    table = attach(known.points.select("point_id", "as_of"), owed, _loans(known), _reported(known))
    bands = [(table.days_past_due >= start, band) for band, start in reversed(list(enumerate(BAND_STARTS, start=1)))]
    return table.select(
        "point_id", "days_past_due",
        **zero_filled(table, ["open_loan_count", "ended_loan_count"]),
        days_past_due_band=ibis.cases(*bands, else_=0),
        open_currency_count=table.open_currencies,
        bureau_reported=flag(table.reported_at.notnull()),
        days_since_bureau_reported=not_below_zero(days_between(table.as_of, table.reported_at)),
        loan_age_days=days_between(table.as_of, table.oldest_open_at),
        days_since_loan_opened=days_between(table.as_of, table.newest_at),
        customer_age_days=days_between(table.as_of, table.oldest_at),
    )  # fmt: skip


def _loans(known: Known) -> Any:
    loans = known.loans
    return loans.group_by("point_id").agg(
        open_loan_count=loans.count(where=loans.is_open),
        ended_loan_count=loans.count(where=~loans.is_open),
        oldest_open_at=loans.opened_at.min(where=loans.is_open),
        newest_at=loans.opened_at.max(),
        oldest_at=loans.opened_at.min(),
    )


def _reported(known: Known) -> Any:
    events = known.status.filter(known.status.kind == "bureau_reported")
    held = known.loans.filter(known.loans.is_open).select(held_point="point_id", held_loan="loan_id")
    joined = events.left_join(held, [events.point_id == held.held_point, events.loan_id == held.held_loan])
    concerned = joined.filter(joined.loan_id.isnull() | joined.held_loan.notnull())
    return concerned.group_by("point_id").agg(reported_at=concerned["at"].max())
