"""From features to an arm for each borrower: score every arm, price it, choose. Serving and judging share this path."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..policy.choice import Choice, best_arm, choose, lightness
from ..policy.reasons import Reason
from ..policy.settings import PolicySettings
from ..policy.value import arm_value, loss_upper
from .bundle import ModelBundle


@dataclass(frozen=True)
class Decided:
    """Scores of every arm, and the arm chosen.

    Parameters
    ----------
    arm, best : ndarray of shape (n,)
        Positions of the arm given, and of the one with the highest value among those that law and data leave.
    reasons : list of tuple of str, length n
    response, harm : ndarray of shape (n, K)
        Probabilities within the horizon.
    value : ndarray of shape (n, K)
        Expected net recovery, account currency.
    supported : ndarray of shape (n, K)
        True where there is comparable data.
    """

    arm: NDArray[np.int64]
    best: NDArray[np.int64]
    reasons: list[tuple[str, ...]]
    response: NDArray[np.float64]
    harm: NDArray[np.float64]
    value: NDArray[np.float64]
    supported: NDArray[np.bool_]


def decide(
    bundle: ModelBundle,
    features: pd.DataFrame,
    lawful: NDArray[np.bool_],
    recoverable: NDArray[np.float64],
    settings: PolicySettings,
) -> Decided:
    """Choose an arm for each borrower; no contact for anyone where the stop switch is on.

    Parameters
    ----------
    features : DataFrame of shape (n, d)
        The columns that the model was fitted on.
    lawful : ndarray of shape (n, K)
        True where the arm may be given.
    recoverable : ndarray of shape (n,)
        What a repayment brings, account currency.
    """
    arms, n = bundle.arms, len(features)
    if settings.halted:
        lawful = lawful & (np.arange(len(arms)) == 0)
    response, harm = bundle.response.predict_by_arm(features), bundle.harm_by_arm(n)
    supported = bundle.response.support_by_arm(features)
    value = arm_value(response, recoverable, harm, arms, settings)
    rank = lightness(arms, settings)
    best = best_arm(value, lawful & supported, rank)
    low = _contrast_low(bundle, features, best, settings.confidence)
    choice: Choice = choose(
        value,
        lawful=lawful,
        supported=supported,
        loss_upper=loss_upper(low, recoverable, harm, np.maximum(best, 0), arms, settings),
        dose_margin=settings.dose_margin_share * recoverable,
        rank=rank,
        fallback=arms.index(arms.fallback),
    )
    halt: tuple[str, ...] = (str(Reason.HALTED),)
    reasons = [halt] * n if settings.halted else choice.reasons
    return Decided(choice.arm, choice.best, reasons, response, harm, value, supported)


def _contrast_low(
    bundle: ModelBundle, features: pd.DataFrame, best: NDArray[np.int64], confidence: float
) -> NDArray[np.float64]:
    """Return lower bounds of P(arm) - P(best arm of the row), of shape (n, K); NaN where the row has no best arm."""
    low = np.full((len(features), len(bundle.arms)), np.nan)
    for k, name in enumerate(bundle.arms.names):
        rows = np.flatnonzero(best == k)
        if len(rows):
            low[rows] = bundle.response.contrast_by_arm(features.iloc[rows], name, confidence)[1]
    return low
