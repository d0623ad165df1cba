"""Keeping to the arm that is best for everyone, unless the data carry leaving it.

The best of K noisy predictions promises too much. Effects are shrunk already, each by its own uncertainty; but the best is
picked among them, and picking finds the errors that flatter. So an arm is worth what the lower end of a narrow interval of
its contrast to the best constant arm says: an eighth of a standard error is taken off. On simulated books of 50,000 decisions
a quarter kept too many with an arm that was not the best for everyone after all, and none left it too often on real letters
where borrowers hardly differ (`docs/adr/0014-the-outlook-as-a-covariate.md`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..inputs import Floats, Ints
from ..response import ResponseModel
from .logged import Log
from .value import best_supported

# Two-sided: its ends lie an eighth of a standard error from the middle.
NARROW = 0.10
# What a run says of the arm that is best for everyone on the fit fold.
BEST_CONSTANT = "best_constant"


def doubt(model: ResponseModel, X: pd.DataFrame, rated: NDArray[np.bool_], anchor: str | None) -> Floats:
    """Return how much probability is taken off each arm, of shape (n, K); 0 where the best constant arm cannot be given.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
    rated : ndarray of shape (n, K)
        Arms that are lawful and supported.
    anchor : str or None
        The best constant arm; nothing is taken off where it is not known.
    """
    off = np.zeros(rated.shape)
    if anchor is None or anchor not in model.arms.names:
        return off
    rows = np.flatnonzero(rated[:, model.arms.index(anchor)])
    if len(rows):
        gap, low, _ = model.contrast_by_arm(X.iloc[rows], anchor, NARROW)
        off[rows] = gap - low
    return off


def steadfast_arms(model: ResponseModel, X: pd.DataFrame, predicted: Floats, supported: NDArray[np.bool_], anchor: str) -> Ints:
    """Return positions of the supported arms of highest response less doubt; the best constant arm where none is supported.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
    predicted : ndarray of shape (n, K)
        `model.predict_by_arm(X)`.
    supported : ndarray of shape (n, K)
    anchor : str
        The best constant arm.
    """
    score = np.where(supported, predicted - doubt(model, X, supported, anchor), -np.inf)
    arms: Ints = np.where(supported.any(axis=1), score.argmax(axis=1), model.arms.index(anchor))
    return arms


def best_for_everyone(log: Log) -> str:
    """Return the arm of which the model expects most for everyone, among those that the log carries; else the baseline."""
    return best_carried(log) or log.arms.baseline


def best_carried(log: Log) -> str | None:
    """Return the arm of which the model expects most for everyone; None where the log carries none of them."""
    every = np.eye(len(log.arms))
    values = log.constants([np.broadcast_to(arm, log.outcome.shape) for arm in every])
    return log.arms.names[best_supported(values)] if any(value.supported for value in values) else None
