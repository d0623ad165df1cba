"""Tone, message and offer: how it is said, what is said and what is offered beside it, from stage and history.

Good history is spoken to leniently and with positive expectation; firmness needs both a later stage and broken promises.
Little ability is answered with help, never with pressure. Nothing is said that is not in the registry of templates.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .ability import low_ability
from .settings import PolicySettings

FRIENDLY, NEUTRAL, FIRM = "friendly", "neutral", "firm"
EXTENSION, INSTALMENTS, HARDSHIP_LINE = "extension", "instalments", "hardship_line"
REMINDER, DUNNING, WARNING = "reminder", "dunning", "warning"

# Stage at which most books leave the first reminder phase, and the one after which loans are reported to a bureau.
_EARLY_DAYS, _LATE_DAYS = 7, 30
_GOOD_ON_TIME_SHARE = 0.8
_BROKEN_PROMISES = 2
# Paying in parts, or owing several instalments at once, says that the whole sum is out of reach.
_PARTIAL_SHARE, _INSTALMENTS_BEHIND = 0.25, 3
NEEDED = (
    "days_past_due", "on_time_share", "promise_broken_count_365d", "partial_payment_share_365d", "overdue_instalment_count",
)  # fmt: skip


def tone(features: pd.DataFrame, low: NDArray[np.bool_] | None = None) -> NDArray[np.object_]:
    """Return the tone of the messages, of shape (n,): friendly, neutral or firm; never firm to somebody of low ability.

    Parameters
    ----------
    features : DataFrame of shape (n, ...)
    low : ndarray of shape (n,), optional
        Whose ability is low; nobody's where left out.

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
    if low is not None:
        firm &= ~low
    chosen: NDArray[np.object_] = np.select([firm, (days <= _EARLY_DAYS) | good], [FIRM, FRIENDLY], NEUTRAL).astype(object)
    return chosen


def template(features: pd.DataFrame, settings: PolicySettings) -> NDArray[np.object_]:
    """Return the id of the template that is used, of shape (n,).

    A reminder in the first days, a dunning message after them. A warning needs a template that is signed off, days past due
    beyond `messages.warning_from_days`, at least two broken promises, and ability; otherwise it stays a dunning message.

    Examples
    --------
    >>> rows = pd.DataFrame({"days_past_due": [3, 20, 99], "on_time_share": [0.2, 0.9, 0.4],
    ...                      "promise_broken_count_365d": [0, 0, 2]})
    >>> template(rows, PolicySettings()).tolist()
    ['reminder-friendly', 'dunning-friendly', 'dunning-firm']
    """
    low = low_ability(features, settings.ability.low_below)
    spoken = tone(features, low)
    days, broken = features["days_past_due"], features["promise_broken_count_365d"]
    known = {(one.kind, one.tone): one.id for one in reversed(settings.messages.templates)}
    signed = np.array([(WARNING, one) in known for one in spoken], dtype=bool)
    late = (days >= settings.messages.warning_from_days) & (broken >= _BROKEN_PROMISES)
    kind = np.select([late & ~low & signed, days <= _EARLY_DAYS], [WARNING, REMINDER], DUNNING)
    return np.array([known[one, said] for one, said in zip(kind, spoken, strict=True)], dtype=object)


def offer(features: pd.DataFrame, low: NDArray[np.bool_] | None = None) -> NDArray[np.object_]:
    """Return what to offer beside the contact, of shape (n,): instalments, extension, hardship_line, or None.

    Parameters
    ----------
    features : DataFrame of shape (n, ...)
    low : ndarray of shape (n,), optional
        Whose ability is low: these are always offered something, the hardship line where nothing else fits.

    Examples
    --------
    >>> rows = pd.DataFrame({"partial_payment_share_365d": [0.5, 0.0, 0.5], "overdue_instalment_count": [4, 1, 1]})
    >>> offer(rows).tolist()
    ['instalments', None, 'extension']
    >>> offer(rows, np.array([True, True, True])).tolist()
    ['instalments', 'hardship_line', 'extension']
    """
    behind = features["overdue_instalment_count"] >= _INSTALMENTS_BEHIND
    partial = features["partial_payment_share_365d"] >= _PARTIAL_SHARE
    offered = np.full(len(features), None, dtype=object)
    if low is not None:
        offered[low] = HARDSHIP_LINE
    offered[partial.to_numpy()] = EXTENSION
    offered[behind.to_numpy()] = INSTALMENTS
    return offered
