"""Habit: when this borrower pays, and how as_of lies to that and to the working calendar."""

from typing import Any

import ibis

from .assemble import attach, days_between, share
from .definition import family
from .known import Known

_LONGEST_MONTH = 31

FEATURES = family(
    "habit",
    ("days_since_payment", "days", "Days since the last payment."),
    ("payment_interval_days_mean", "days", "Days from the first to the last payment, per interval between payments."),
    ("payment_interval_overrun_ratio", "ratio", "days_since_payment over payment_interval_days_mean."),
    (
        "pay_day_of_month_mode",
        "day of month",
        "Most frequent day of month of payments, in the booking zone; the lowest of ties.",
    ),
    ("pay_day_of_month_share", "share", "Payments on that day of month."),
    ("payday_distance_days", "days", "Distance on a circle of 31 days between that day of month and the one of as_of."),
    ("days_to_payday", "days", "Days forward on a circle of 31 days from the day of month of as_of to that one."),
    ("pay_weekday_mode", "weekday", "Most frequent weekday of payments, Monday 0; the lowest of ties."),
    ("pay_weekday_share", "share", "Payments on that weekday."),
    ("pay_hour_mode", "hour", "Most frequent hour of payments in the booking zone; the lowest of ties."),
    ("pay_weekend_share", "share", "Payments on a Saturday or Sunday."),
    (
        "pay_nonworking_day_share",
        "share",
        "Payments on days that are no working days in the jurisdiction, make-up workdays known.",
    ),
    ("as_of_day_of_month", "day of month", "Local day of month of as_of."),
    ("as_of_weekday", "weekday", "Local weekday of as_of, Monday 0."),
    ("is_working_day", "0 or 1", "The local day of as_of is a working day in the jurisdiction."),
    ("is_holiday", "0 or 1", "The local day of as_of is a public holiday in the jurisdiction."),
    ("days_to_working_day", "days", "Days from the local day of as_of to the next working day, 0 if it is one."),
    ("holiday_count_next_14d", "days", "Public holidays in the 14 days after the local day of as_of."),
    ("makeup_workday_count_next_14d", "days", "Weekend days that are make-up workdays in the 14 days after that of as_of."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    points = known.points
    base = points.select(
        "point_id", "as_of", as_of_day_of_month=points.as_of_date.day(), as_of_weekday=points.as_of_date.day_of_week.index()
    )
    modes = [_mode(known, part) for part in ("day_of_month", "weekday", "hour")]
    table = attach(base, _today(known), _rhythm(known), _nonworking(known), *modes)
    forward = (table.pay_day_of_month_mode - table.as_of_day_of_month + _LONGEST_MONTH) % _LONGEST_MONTH
    since = days_between(table.as_of, table.last_paid_at)
    return table.select(
        "point_id", "payment_interval_days_mean", "pay_day_of_month_mode", "pay_weekday_mode", "pay_hour_mode",
        "pay_weekend_share", "pay_nonworking_day_share", "as_of_day_of_month", "as_of_weekday", "is_working_day",
        "is_holiday", "days_to_working_day", "holiday_count_next_14d", "makeup_workday_count_next_14d",
        days_since_payment=since,
        payment_interval_overrun_ratio=share(since, table.payment_interval_days_mean),
        pay_day_of_month_share=share(table.pay_day_of_month_count, table.paid_count),
        pay_weekday_share=share(table.pay_weekday_count, table.paid_count),
        payday_distance_days=ibis.least(forward, _LONGEST_MONTH - forward),
        days_to_payday=forward,
    )  # fmt: skip


def _made(known: Known) -> Any:
    payments = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    return payments.select(
        "point_id", "paid_at", "paid_on",
        day_of_month=payments.paid_on.day(),
        weekday=payments.paid_on.day_of_week.index(),
        hour=payments.paid_hour,
    )  # fmt: skip


def _mode(known: Known, part: str) -> Any:
    made = _made(known)
    counts = made.group_by(["point_id", part]).agg(times=made.count())
    order = ibis.window(group_by=counts.point_id, order_by=[counts.times.desc(), counts[part].asc()])
    ranked = counts.mutate(place=ibis.row_number().over(order))
    best = ranked.filter(ranked.place == 0)
    return best.select("point_id", **{f"pay_{part}_mode": best[part].cast("int32"), f"pay_{part}_count": best.times})


def _rhythm(known: Known) -> Any:
    made = _made(known)
    sums = made.group_by("point_id").agg(
        paid_count=made.count(),
        weekend_count=made.count(where=made.weekday >= 5),
        first_paid_at=made.paid_at.min(),
        last_paid_at=made.paid_at.max(),
    )
    return sums.select(
        "point_id", "paid_count", "last_paid_at",
        pay_weekend_share=share(sums.weekend_count, sums.paid_count),
        payment_interval_days_mean=share(days_between(sums.last_paid_at, sums.first_paid_at), sums.paid_count - 1),
    )  # fmt: skip


def _nonworking(known: Known) -> Any:
    made = _made(known).join(known.points.select("point_id", "jurisdiction"), "point_id")
    days = known.calendar.select("jurisdiction", "day", "is_working")
    dated = made.join(days, [made.jurisdiction == days.jurisdiction, made.paid_on == days.day])
    sums = dated.group_by("point_id").agg(days=dated.count(), closed=dated.count(where=dated.is_working == 0))
    return sums.select("point_id", pay_nonworking_day_share=share(sums.closed, sums.days))


def _today(known: Known) -> Any:
    points, days = known.points, known.calendar
    joined = points.join(days, [points.jurisdiction == days.jurisdiction, points.as_of_date == days.day])
    return joined.select(
        "point_id",
        is_working_day=joined.is_working,
        is_holiday=joined.is_holiday,
        days_to_working_day=joined.days_to_working,
        holiday_count_next_14d=joined.holidays_ahead,
        makeup_workday_count_next_14d=joined.makeups_ahead,
    )
