"""Status events that are still open: begun before as_of, not run out, not ended by a later event."""

from collections.abc import Sequence
from typing import Any


def open_events(status: Any, kinds: Sequence[str], ended_by: Sequence[str]) -> Any:
    """Return the events of some kinds that stand open at as_of.

    An event is open if it has not run out (`until` before as_of) and no ending lies later than it: an ending that names a
    loan ends the events of that loan, one without a loan ends all of the borrower's.

    Parameters
    ----------
    status : ibis table
        Events known before as_of, of each point.
    kinds, ended_by : sequence of str
        Kinds of the events, and of what ends them.

    Returns
    -------
    ibis table
        point_id, loan_id, kind, at, until.
    """
    endings = status.filter(status.kind.isin(ended_by))
    of_all = endings.filter(endings.loan_id.isnull())
    of_all = of_all.group_by("point_id").agg(all_ended_at=of_all["at"].max())
    of_loan = endings.filter(endings.loan_id.notnull())
    of_loan = of_loan.group_by(["point_id", "loan_id"]).agg(loan_ended_at=of_loan["at"].max())
    begun = status.filter(status.kind.isin(kinds) & status.live)
    of_all, of_loan = of_all.rename(all_point="point_id"), of_loan.rename(loan_point="point_id", ended_loan="loan_id")
    joined = begun.left_join(of_all, begun.point_id == of_all.all_point).left_join(
        of_loan, [begun.point_id == of_loan.loan_point, begun.loan_id == of_loan.ended_loan]
    )
    still = joined.filter(
        (joined.all_ended_at.isnull() | (joined.all_ended_at <= joined["at"]))
        & (joined.loan_ended_at.isnull() | (joined.loan_ended_at <= joined["at"]))
    )
    return still.select("point_id", "as_of", "loan_id", "kind", "at", "until")
