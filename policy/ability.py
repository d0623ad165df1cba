"""Ability to pay, apart from willingness: a score in plain sums, so that a person can follow it and dispute it.

Who pays in parts, has debits that bounce, is several instalments behind and still pays something, tries and cannot. Who pays
nothing at all says nothing about ability: silence is not read as poverty, nor as refusal.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Each part is 1 for somebody able and 0 for somebody who is not; what a part needs and is missing leaves the part out.
# Half the payments in part, two bounced debits a year and four instalments behind are where a part reaches 0: beyond them
# more of the same says nothing new.
_PARTIAL_FULL, _REVERSALS_FULL, _BEHIND_FULL = 0.5, 2.0, 3.0
NEEDED: Final = (
    "partial_payment_share_365d", "reversal_count_365d", "overdue_instalment_count", "payment_to_due_ratio_90d",
    "payment_count_90d", "hardship_open",
)  # fmt: skip
_LEAST_PARTS: Final = 2


def ability_score(features: pd.DataFrame) -> NDArray[np.float64]:
    """Return how able each borrower seems to pay, from 0 to 1; missing where too little is known.

    The mean of: payments that were whole; debits that did not bounce; instalments behind, counted only beside payments; and
    what was paid in 90 days against what fell due, counted only where something was paid. Open hardship is 0.

    Parameters
    ----------
    features : DataFrame of shape (n, ...)
        Any of `NEEDED`; columns that are absent are missing.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> rows = pd.DataFrame({"partial_payment_share_365d": [0.0, 0.5], "reversal_count_365d": [0, 2],
    ...                      "overdue_instalment_count": [1, 4], "payment_to_due_ratio_90d": [1.0, 0.3],
    ...                      "payment_count_90d": [3, 3], "hardship_open": [0, 0]})
    >>> ability_score(rows).round(3).tolist()
    [1.0, 0.075]
    """
    seen = {name: _column(features, name) for name in NEEDED}
    paying = seen["payment_count_90d"] > 0
    parts = np.column_stack(
        [
            1 - np.clip(seen["partial_payment_share_365d"] / _PARTIAL_FULL, 0, 1),
            1 - np.clip(seen["reversal_count_365d"] / _REVERSALS_FULL, 0, 1),
            np.where(paying, 1 - np.clip((seen["overdue_instalment_count"] - 1) / _BEHIND_FULL, 0, 1), np.nan),
            np.where(paying, np.clip(seen["payment_to_due_ratio_90d"], 0, 1), np.nan),
        ]
    )
    known = ~np.isnan(parts)
    total = np.where(known, parts, 0.0).sum(axis=1)
    score = np.where(known.sum(axis=1) >= _LEAST_PARTS, total / np.maximum(known.sum(axis=1), 1), np.nan)
    return np.where(seen["hardship_open"] > 0, 0.0, score)


def low_ability(features: pd.DataFrame, below: float) -> NDArray[np.bool_]:
    """Tell whose score is known and below a limit, of shape (n,)."""
    return np.asarray(ability_score(features) < below)


def _column(features: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in features:
        return np.full(len(features), np.nan)
    return features[name].to_numpy(dtype=np.float64)
