"""From features to an arm for each borrower: score every arm, price it, choose, draw. Serving and judging share this path."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..policy.choice import Choice, best_arm, choose, lightness, steady
from ..policy.exploration import Draws, Explored, arm_shares, explore
from ..policy.house import house_choice
from ..policy.reasons import Reason
from ..policy.restraint import History, Restraint, restrain
from ..policy.settings import PolicySettings
from ..policy.value import arm_value, loss_upper
from .bundle import ModelBundle

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """What is expected of every arm, each of shape (n, K); members as in `Decided`."""

    response: Floats
    harm: Floats
    value: Floats
    supported: Flags


@dataclass(frozen=True)
class Decided:
    """Scores of every arm, and the arm chosen.

    Parameters
    ----------
    arm, best : ndarray of shape (n,)
        Positions of the arm given, and of the one with the highest value among those that law and data leave.
    reasons : list of tuple of str, length n
    response, harm : ndarray of shape (n, K)
        Probabilities within the horizon; missing without a model.
    value : ndarray of shape (n, K)
        Expected net recovery, account currency; missing without a model.
    supported : ndarray of shape (n, K)
        True where there is comparable data.
    lawful : ndarray of shape (n, K)
        Arms that law and restraint leave.
    restrained_by : ndarray of shape (n, K)
        The restraint that took a lawful arm away; None where none did.
    chosen : ndarray of shape (n,)
        Position of the arm that would be given without exploration.
    propensity : ndarray of shape (n, K)
        Probability with which each arm was drawn.
    """

    arm: NDArray[np.int64]
    best: NDArray[np.int64]
    reasons: list[tuple[str, ...]]
    response: Floats
    harm: Floats
    value: Floats
    supported: Flags
    lawful: Flags
    restrained_by: NDArray[np.object_]
    chosen: NDArray[np.int64]
    propensity: Floats


@dataclass(frozen=True)
class Circumstances:
    """What a decision takes from beyond the borrower's features.

    Parameters
    ----------
    history : History, optional
        Last commitments; without it nobody has had one.
    draws : Draws, optional
        The chance of the night; without it nothing is explored and every propensity is 0 or 1.
    """

    history: History | None = None
    draws: Draws | None = None


def decide(
    bundle: ModelBundle,
    features: pd.DataFrame,
    lawful: Flags,
    recoverable: Floats,
    settings: PolicySettings,
    circumstances: Circumstances | None = None,
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
    circumstances : Circumstances, optional
    """
    around = circumstances or Circumstances()
    arms, n = bundle.arms, len(features)
    restraint = restrain(features, arms, settings, around.history)
    left = _left(lawful & restraint.mask, settings)
    response, harm = bundle.response.predict_by_arm(features), bundle.harm_by_arm(n)
    supported = bundle.response.support_by_arm(features)
    value = arm_value(response, recoverable, harm, arms, settings)
    rank = lightness(arms, settings)
    best = best_arm(value, left & supported, rank)
    low = _contrast_low(bundle, features, best, settings.confidence)
    dose_margin = settings.dose_margin_share * recoverable
    choice = choose(
        value,
        lawful=left,
        supported=supported,
        loss_upper=loss_upper(low, recoverable, harm, np.maximum(best, 0), arms, settings),
        dose_margin=dose_margin,
        rank=rank,
        fallback=arms.index(arms.fallback),
    )
    if around.history is not None:
        # Below the dose margin one would come down and go up again on the same evidence.
        margin = np.maximum(settings.switching.margin_share * recoverable, dose_margin)
        choice = steady(choice, value, left & supported, rank, around.history.last, margin)
    shares = arm_shares(choice.arm, value, left, supported, settings.exploration)
    scores = Scores(response, harm, value, supported)
    return _decided(choice, scores, left, restraint, explore(choice, shares, _chance(settings, around)), settings)


def decide_by_house(
    arms: ArmCatalogue,
    features: pd.DataFrame,
    lawful: Flags,
    settings: PolicySettings,
    circumstances: Circumstances | None = None,
) -> Decided:
    """Give the house policy's arm where there is no model yet, and an even draw of the lawful arms besides.

    Parameters
    ----------
    features : DataFrame of shape (n, d)
    lawful : ndarray of shape (n, K)
    """
    around = circumstances or Circumstances()
    restraint = restrain(features, arms, settings, around.history)
    left = _left(lawful & restraint.mask, settings)
    choice = house_choice(left, arms, settings, lightness(arms, settings))
    # Nothing is known to be worth more: the softmax over equal values is an even draw.
    equal, everything = np.zeros(left.shape), np.ones(left.shape, dtype=bool)
    shares = arm_shares(choice.arm, equal, left, everything, settings.exploration, settings.exploration.first_share)
    unknown = np.full(left.shape, np.nan)
    scores = Scores(unknown, unknown, unknown, everything)
    return _decided(choice, scores, left, restraint, explore(choice, shares, _chance(settings, around)), settings)


def _left(lawful: Flags, settings: PolicySettings) -> Flags:
    """Return the arms that the stop switch leaves."""
    return lawful & (np.arange(lawful.shape[1]) == 0) if settings.halted else lawful


def _chance(settings: PolicySettings, around: Circumstances) -> Draws | None:
    """Return the chance of the night; the stop switch leaves none."""
    return None if settings.halted else around.draws


def _decided(
    choice: Choice, scores: Scores, left: Flags, restraint: Restraint, explored: Explored, settings: PolicySettings
) -> Decided:
    halt: tuple[str, ...] = (str(Reason.HALTED),)
    return Decided(
        arm=explored.arm,
        best=choice.best,
        reasons=[halt] * len(choice.arm) if settings.halted else explored.reasons,
        response=scores.response,
        harm=scores.harm,
        value=scores.value,
        supported=scores.supported,
        lawful=left,
        restrained_by=restraint.removed_by,
        chosen=choice.arm,
        propensity=explored.propensity,
    )


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
