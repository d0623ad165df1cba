"""Tone and offer: how it is said and what is offered beside it, from stage and history.

Good history is spoken to leniently and with positive expectation; firmness needs both a later stage and broken promises.
Little ability is answered with help, never with pressure.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FRIENDLY, NEUTRAL, FIRM = "friendly", "neutral", "firm"
EXTENSION, INSTALMENTS = "extension", "instalments"

# Stage at which most books leave the first reminder phase, and the one after which loans are reported to a bureau.
_EARLY_DAYS, _LATE_DAYS = 7, 30
_GOOD_ON_TIME_SHARE = 0.8
_BROKEN_PROMISES = 2
# Paying in parts, or owing several instalments at once, says that the whole sum is out of reach.
_PARTIAL_SHARE, _INSTALMENTS_BEHIND = 0.25, 3
NEEDED = (
    "days_past_due", "on_time_share", "promise_broken_count_365d", "partial_payment_share_365d", "overdue_instalment_count",
)  # fmt: skip


def tone(features: pd.DataFrame) -> NDArray[np.object_]:
    """Return the tone of the messages, of shape (n,): friendly, neutral or firm.

    Examples
    --------
    >>> rows = pd.DataFrame({"days_past_due": [3, 20, 45], "on_time_share": [0.2, 0.9, 0.4],
    ...                      "promise_broken_count_365d": [0, 0, 2]})
    >>> tone(rows).tolist()
    ['friendly', 'friendly', 'firm']
    """
    days, broken = features["days_past_due"], features["promise_broken_count_365d"]
    good = (features["on_time_share"] >= _GOOD_ON_TIME_SHARE) & (broken == 0)
    firm = (days > _LATE_DAYS) & (broken >= _BROKEN_PROMISES)
    chosen: NDArray[np.object_] = np.select([firm, (days <= _EARLY_DAYS) | good], [FIRM, FRIENDLY], NEUTRAL).astype(object)
    return chosen


def offer(features: pd.DataFrame) -> NDArray[np.object_]:
    """Return what to offer beside the contact, of shape (n,): instalments, extension, or None.

    Examples
    --------
    >>> rows = pd.DataFrame({"partial_payment_share_365d": [0.5, 0.0, 0.5], "overdue_instalment_count": [4, 1, 1]})
    >>> offer(rows).tolist()
    ['instalments', None, 'extension']
    """
    behind = features["overdue_instalment_count"] >= _INSTALMENTS_BEHIND
    partial = features["partial_payment_share_365d"] >= _PARTIAL_SHARE
    offered = np.full(len(features), None, dtype=object)
    offered[partial.to_numpy()] = EXTENSION
    offered[behind.to_numpy()] = INSTALMENTS
    return offered
