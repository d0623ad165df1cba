"""Status events that are still open: begun before as_of, not run out, not ended by a later event."""

from collections.abc import Sequence
from typing import Any

import ibis

from ..data.endings import ENDINGS


def open_events(status: Any, kinds: Sequence[str]) -> Any:
    """Return the events of some kinds that stand open at as_of.

    An event is open if it has not run out (`until` before as_of) and no ending lies later than it: an ending that names a
    loan ends the events of that loan, one without a loan ends all of the borrower's. What ends what is read from
    `data.endings`, as guards and rules do.

    Parameters
    ----------
    status : ibis table
        Events known before as_of, of each point.
    kinds : sequence of str
        Kinds whose `detail` no ending has to repeat.

    Returns
    -------
    ibis table
        point_id, as_of, loan_id, kind, at, until.
    """
    begun = status.filter(status.kind.isin(kinds) & status.live)
    return _not_ended(begun, _endings(status, kinds), ["point_id", "kind"])


def _endings(status: Any, kinds: Sequence[str]) -> Any:
    """Return the events that end some kinds, a row for each kind that they end, which is their `kind` here."""
    found = []
    for ending in ENDINGS:
        ends = [kind for kind in kinds if kind in ending.ends]
        if not ends:
            continue
        rows = status.filter(status.kind.isin(ending.by))
        rows = rows.filter(rows.channel.isnull()) if ending.general else rows
        if ending.detail == "kind":
            rows = rows.filter(rows.detail.isin(ends))
            found.append(rows.select("point_id", "loan_id", "at", kind=rows.detail))
            continue
        rows = rows.filter(rows.detail.isnull()) if ending.detail == "none" else rows
        found += [rows.select("point_id", "loan_id", "at", kind=ibis.literal(kind)) for kind in ends]
    return ibis.union(*found) if len(found) > 1 else found[0]


def _not_ended(begun: Any, endings: Any, keys: Sequence[str]) -> Any:
    """Keep what no later ending of the same keys, for all loans or for its own, has ended."""
    of_all = endings.filter(endings.loan_id.isnull())
    of_all = of_all.group_by(keys).agg(all_ended_at=of_all["at"].max()).rename({f"all_{key}": key for key in keys})
    of_loan = endings.filter(endings.loan_id.notnull())
    of_loan = of_loan.group_by([*keys, "loan_id"]).agg(loan_ended_at=of_loan["at"].max())
    of_loan = of_loan.rename({f"loan_{key}": key for key in keys} | {"ended_loan": "loan_id"})
    joined = begun.left_join(of_all, [begun[key] == of_all[f"all_{key}"] for key in keys])
    joined = joined.left_join(
        of_loan, [*(begun[key] == of_loan[f"loan_{key}"] for key in keys), begun.loan_id == of_loan.ended_loan]
    )
    still = joined.filter(
        (joined.all_ended_at.isnull() | (joined.all_ended_at <= joined["at"]))
        & (joined.loan_ended_at.isnull() | (joined.loan_ended_at <= joined["at"]))
    )
    return still.select("point_id", "as_of", "loan_id", "kind", "at", "until")
