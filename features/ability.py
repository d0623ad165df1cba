"""Ability: what is owed, what falls due, what has been paid of it."""

from typing import Any

import ibis

from .assemble import attach, share, zero_filled
from .definition import family
from .known import Known
from .windows import WINDOWS, Measure, age_band, window_totals

_PART_PAID = 95  # per cent of the mean instalment below which a payment is called partial

FEATURES = family(
    "ability",
    ("balance", "account currency", "All known dues of open loans in the account currency less net payments, at least 0."),
    (
        "overdue_amount",
        "account currency",
        "Dues whose day and grace have ended less net payments; 0 up to the de-minimis sum.",
    ),
    ("balance_to_principal_ratio", "ratio", "balance over the principal of the open loans in the account currency."),
    ("overdue_to_balance_ratio", "ratio", "overdue_amount over balance."),
    ("overdue_to_instalment_ratio", "ratio", "overdue_amount over instalment_amount_mean."),
    ("overdue_instalment_count", "instalments", "Instalments fallen due, oldest first, that payments do not cover."),
    ("instalment_amount_mean", "account currency", "Mean known instalment over the loans in the account currency."),
    ("due_sum_next_30d", "account currency", "Instalments of open loans due from the local day of as_of to 29 days after it."),
    ("days_to_next_due", "days", "Days from the local day of as_of to the next due day of an open loan, 0 if it is that day."),
    ("share_of_dues_paid", "share", "Net payments on open loans over their dues that have fallen, at most 1 and at least 0."),
    *(
        (
            f"payment_sum_{days}d",
            "account currency",
            f"Net payments (reversals and refunds taken off), paid in the last {days} days.",
        )
        for days in WINDOWS
    ),
    *((f"payment_count_{days}d", "payments", f"Payments made in the last {days} days.") for days in WINDOWS[1:]),
    ("payment_to_due_ratio_90d", "ratio", "payment_sum_90d over the instalments due in the 90 days before the day of as_of."),
    ("payment_amount_mean", "account currency", "Mean amount of the payments."),
    ("payment_amount_last", "account currency", "Amount of the last payment."),
    ("last_payment_to_instalment_ratio", "ratio", "payment_amount_last over instalment_amount_mean."),
    ("partial_payment_share_365d", "share", "Payments of the last 365 days below 95% of their loan's mean known instalment."),
    ("reversal_count_365d", "reversals", "Reversals of payments dated in the last 365 days."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    points = known.points.select("point_id")
    table = attach(points, _position(known), _dues(known), _payments(known), _last_payment(known))
    zeros = [f"payment_sum_{days}d" for days in WINDOWS] + [f"payment_count_{days}d" for days in WINDOWS[1:]]
    return table.select(
        "point_id", "balance", "overdue_amount", "overdue_instalment_count", "share_of_dues_paid", "days_to_next_due",
        "payment_amount_last", "instalment_amount_mean", "partial_payment_share_365d", "payment_amount_mean",
        **zero_filled(table, [*zeros, "due_sum_next_30d", "reversal_count_365d"]),
        balance_to_principal_ratio=share(table.balance, table.principal),
        overdue_to_balance_ratio=share(table.overdue_amount, table.balance),
        overdue_to_instalment_ratio=share(table.overdue_amount, table.instalment_amount_mean),
        payment_to_due_ratio_90d=share(table.payment_sum_90d.fill_null(0), table.due_sum_90d),
        last_payment_to_instalment_ratio=share(table.payment_amount_last, table.instalment_amount_mean),
    )  # fmt: skip


def _in_account(known: Known, table: Any) -> Any:
    """Keep the rows in each point's account currency, and add the windows' edges."""
    edges = known.points.select("point_id", "account", *(f"from_{days}d" for days in WINDOWS))
    joined = table.join(edges, "point_id")
    return joined.filter(joined.currency == joined.account)


def _position(known: Known) -> Any:
    loans = _in_account(known, known.loans.filter(known.loans.is_open))
    lent = loans.group_by("point_id").agg(principal=loans.principal.sum())
    owed = known.position
    paid = ibis.greatest(ibis.least(owed.paid, owed.due_fallen), 0)
    owed = owed.select(
        "point_id",
        balance=owed.balance.cast("float64"),
        overdue_amount=owed.overdue_amount.cast("float64"),
        overdue_instalment_count=owed.overdue_instalments,
        share_of_dues_paid=share(paid, owed.due_fallen),
    )
    return attach(owed, lent)


def _dues(known: Known) -> Any:
    dues = _in_account(known, known.dues)
    ahead = dues.is_open & (dues.due_on >= dues.as_of_date)
    next_30d = ahead & (dues.due_on < (dues.as_of_date + ibis.interval(days=30)).cast("date"))
    last_90d = (dues.due_on < dues.as_of_date) & (dues.due_on >= (dues.as_of_date - ibis.interval(days=90)).cast("date"))
    sums = dues.group_by(["point_id", "as_of_date"]).agg(
        due_sum=dues.amount.sum(),
        due_count=dues.count(),
        due_next_30d=dues.amount.sum(where=next_30d),
        due_last_90d=dues.amount.sum(where=last_90d),
        next_due_on=dues.due_on.min(where=ahead),
    )
    return sums.select(
        "point_id",
        instalment_amount_mean=share(sums.due_sum, sums.due_count),
        due_sum_next_30d=sums.due_next_30d.cast("float64"),
        due_sum_90d=sums.due_last_90d.cast("float64"),
        days_to_next_due=sums.next_due_on.delta(sums.as_of_date, unit="day"),
    )


def _payments(known: Known) -> Any:
    usual = known.dues.group_by(["point_id", "loan_id"]).agg(
        due_cents=(known.dues.amount.sum() * 100).cast("int64"), dues=known.dues.count()
    )
    acts = _in_account(known, known.payments.filter(known.payments.happened))
    acts = acts.left_join(usual, ["point_id", "loan_id"])
    made = acts.kind == "payment"
    acts = acts.select(
        "point_id", "cents", "kind",
        band=age_band(acts, acts.paid_at),
        is_payment=made,
        # cents / (due_cents / dues) < 0.95, in whole numbers; unknown where the loan has no known dues
        is_partial=made & (acts.cents * acts.dues * 100 < acts.due_cents * _PART_PAID),
        has_usual=made & (acts.dues > 0),
    )  # fmt: skip
    measures = (
        Measure("net", total=lambda t: t.cents),
        Measure("made", where=lambda t: t.is_payment),
        Measure("made_cents", where=lambda t: t.is_payment, total=lambda t: t.cents),
        Measure("partial", where=lambda t: t.is_partial),
        Measure("usual", where=lambda t: t.has_usual),
        Measure("reversed", where=lambda t: t.kind == "reversal"),
    )
    wanted: dict[str, tuple[str, int | None]] = {f"net_{days}": ("net", days) for days in WINDOWS}
    wanted |= {f"payment_count_{days}d": ("made", days) for days in WINDOWS[1:]}
    wanted |= {"partial_365": ("partial", 365), "usual_365": ("usual", 365), "reversal_count_365d": ("reversed", 365)}
    wanted |= {"made_all": ("made", None), "made_cents_all": ("made_cents", None)}
    sums = window_totals(acts, measures, wanted)
    return sums.select(
        "point_id", "reversal_count_365d", *(f"payment_count_{days}d" for days in WINDOWS[1:]),
        **{f"payment_sum_{days}d": sums[f"net_{days}"] / 100.0 for days in WINDOWS},
        payment_amount_mean=share(sums.made_cents_all, sums.made_all) / 100.0,
        partial_payment_share_365d=share(sums.partial_365, sums.usual_365),
    )  # fmt: skip


def _last_payment(known: Known) -> Any:
    made = _in_account(known, known.payments.filter(known.payments.happened & (known.payments.kind == "payment")))
    newest = ibis.window(group_by=made.point_id, order_by=[made.paid_at.desc(), made.payment_id.desc()])
    ranked = made.select("point_id", payment_amount_last=made.cents / 100.0, place=ibis.row_number().over(newest))
    return ranked.filter(ranked.place == 0).drop("place")
