"""Time folds: learn on the past, judge on the future, with a gap so that no outcome window spans both."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.errors import Fault, InvalidInput


@dataclass(frozen=True)
class TimeFolds:
    """Rows to fit on and rows for the final test, in time order.

    Parameters
    ----------
    fit, test : ndarray of shape (n,)
        True where the row belongs to the fold; rows in the gap belong to neither.
    fit_end, test_start : Timestamp
        Every fit row's outcome was complete at `test_start`.
    """

    fit: NDArray[np.bool_]
    test: NDArray[np.bool_]
    fit_end: pd.Timestamp
    test_start: pd.Timestamp


def time_folds(as_of: pd.Series, horizon_days: int, test_share: float = 0.25) -> TimeFolds:
    """Cut rows by time.

    Parameters
    ----------
    as_of : Series of shape (n,)
        Instants of the decisions.
    horizon_days : int
        Length of the gap: outcomes of the fit rows end before the first test row.
    test_share : float
        Share of the rows in the final test fold, about.

    Raises
    ------
    InvalidInput
        Where the rows span too little time for two folds, or the share leaves one of them empty.

    Examples
    --------
    >>> days = pd.Series(pd.date_range("2026-01-01", periods=100))
    >>> folds = time_folds(days, horizon_days=14)
    >>> int(folds.fit.sum()), int(folds.test.sum())
    (61, 25)
    """
    if not 0 < test_share < 1:
        raise InvalidInput([Fault("test_share", "between 0 and 1", repr(test_share), "0.25 judges on the latest quarter.")])
    test_start = pd.Timestamp(as_of.sort_values().iloc[int(len(as_of) * (1 - test_share))])
    fit_end = test_start - timedelta(days=horizon_days)
    fit, test = (as_of < fit_end).to_numpy(), (as_of >= test_start).to_numpy()
    if not fit.any() or not test.any():
        span = f"{as_of.min()} to {as_of.max()}"
        remedy = f"At least three times the horizon of {horizon_days} days is needed to learn and then to test."
        raise InvalidInput([Fault("decisions", "decisions before and after a cut in time", span, remedy)])
    return TimeFolds(fit, test, fit_end, test_start)
