"""When each instalment was settled: a loan's net payments laid over its dues, oldest first."""

from decimal import Decimal
from typing import Any

import ibis

from ..data.settings import LedgerSettings

_MONEY = "decimal(38, 2)"


def settlements(dues: Any, payments: Any, ledger: LedgerSettings) -> Any:
    """Return every known instalment that is settled, with the moment at which its loan's payments first covered it.

    An instalment is settled when the running net payment of its loan, in order of `paid_at`, first reaches the sum of
    the dues up to and including it, less the de-minimis sum. Both sides are laid on one axis of money and one window
    reads off the first payment at or beyond each due: joining every due to every payment would grow with their product.

    Parameters
    ----------
    dues, payments : ibis table
        As known at each point.

    Returns
    -------
    ibis table
        point_id, loan_id, due_on, settled_at (instant), settled_on (local day), late_days (negative: early).
    """
    ignored = ibis.literal(Decimal(str(ledger.de_minimis))).cast(_MONEY)
    by_due_day = ibis.cumulative_window(group_by=[dues.point_id, dues.loan_id], order_by=[dues.due_on, dues.amount])
    due_lines = dues.select(
        "point_id",
        "loan_id",
        "due_on",
        reached=(dues.amount.sum().over(by_due_day) - ignored).cast(_MONEY),
        paid_at=ibis.null("timestamp(6)"),
        paid_on=ibis.null("date"),
    )
    acts = payments.filter(payments.happened)
    by_act = ibis.cumulative_window(group_by=[acts.point_id, acts.loan_id], order_by=[acts.paid_at, acts.payment_id])
    paid_lines = acts.select(
        "point_id",
        "loan_id",
        due_on=ibis.null("date"),
        reached=acts.net.sum().over(by_act).cast(_MONEY),
        paid_at=acts.paid_at,
        paid_on=acts.paid_on,
    )
    axis = due_lines.union(paid_lines)
    # A payment that reaches a due exactly settles it, so at equal sums payments (without a due day) go first.
    beyond = ibis.cumulative_window(
        group_by=[axis.point_id, axis.loan_id], order_by=[axis.reached.desc(), axis.due_on.notnull().asc()]
    )
    covered = axis.select(
        "point_id",
        "loan_id",
        "due_on",
        settled_at=axis.paid_at.min().over(beyond),
        settled_on=axis.paid_on.min().over(beyond),
    )
    settled = covered.filter(covered.due_on.notnull() & covered.settled_at.notnull())
    return settled.mutate(late_days=settled.settled_on.delta(settled.due_on, unit="day"))
