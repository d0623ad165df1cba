"""The holdout: borrowers left without contact for a whole epoch, and the exact odds of being one of them.

Who is in it does not change from night to night, so a borrower's own past tells something about it: whoever was given a contact
in this epoch is not a member, whoever was left alone again and again may be. The odds below follow that by Bayes' rule from the
decision log alone, and with them the logged propensity is P(arm | everything decided before): what an estimate divides by.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import numpy as np
from numpy.typing import NDArray

from ..data.book import Book
from ..data.clock import as_utc, naive_utc
from .exploration import Draws, night_key, uniforms
from .settings import PolicySettings

_FIRST_DAY = datetime(1970, 1, 1)  # noqa: DTZ001  naive UTC, as a book's instants are


def draws(book: Book, borrower_ids: Sequence[str], as_of: datetime, settings: PolicySettings, baseline: str) -> Draws:
    """Return the chance of a night: a draw for each borrower, and the holdout.

    Parameters
    ----------
    borrower_ids : sequence of str of shape (n,)
    as_of : datetime
        Aware.
    baseline : str
        Name of the no-contact arm.
    """
    exploration = settings.exploration
    if not exploration.holdout:
        return Draws.of(borrower_ids, as_of, exploration)
    # Other settings are another policy: what it did says nothing about this holdout, so the holdout is drawn anew.
    epoch = f"{_epoch(as_of, exploration.holdout_days)}|{settings.version}"
    member = uniforms(borrower_ids, epoch, exploration.salt, "holdout") < exploration.holdout
    odds = holdout_odds(book, borrower_ids, as_of, settings, baseline)
    return Draws(uniforms(borrower_ids, night_key(as_of), exploration.salt), member, odds)


def holdout_odds(
    book: Book, borrower_ids: Sequence[str], as_of: datetime, settings: PolicySettings, baseline: str
) -> NDArray[np.float64]:
    """Return P(in the holdout) given what was decided on each borrower in this epoch.

    Each decision for no contact, taken with logged probability p, divides the odds by p; any other decision ends them.

    Returns
    -------
    ndarray of shape (n,)
    """
    days = settings.exploration.holdout_days
    begun = _FIRST_DAY + timedelta(days=_epoch(as_of, days) * days)
    log = book.table("decisions")
    taken = log.filter(
        (log.as_of >= ibis.literal(begun, type="timestamp"))
        & (log.as_of < ibis.literal(naive_utc(as_of), type="timestamp"))
        & (log.policy_version == settings.version)
    ).select("borrower_id", "arm", alone=log.propensities.get(baseline, 0.0))
    rows = taken.to_pandas()
    rows["factor"] = np.where(rows["arm"] == baseline, 1.0 / rows["alone"].where(rows["alone"] > 0, np.inf), 0.0)
    factor = rows.groupby("borrower_id")["factor"].prod().reindex(list(borrower_ids)).fillna(1.0)
    # The decision before last may have been certain up to rounding; no probability is above 1.
    return np.asarray(np.minimum(settings.exploration.holdout * factor.to_numpy(dtype=np.float64), 1.0), dtype=np.float64)


def _epoch(as_of: datetime, days: int) -> int:
    return int((as_utc(as_of).timestamp() // 86_400) // days)
