"""From the level of each row, out of fold, to the effects of the arms, on all rows and out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ..inputs import Floats
from .arm_kernel import ArmKernel
from .covariates import Covariates
from .effects import FOLDS, MOST_COEFFICIENTS, EffectRows, Effects
from .fit_data import FitData
from .fit_effects import fit_effects
from .outlook import DEGREES, Outlook
from .scorer import PropensityScorer, raw_scores

# Share of a row's worth that keeps the regression of the logged policy's mean effect solvable.
_RIDGE = 1e-4


@dataclass(frozen=True)
class Odds:
    """With which odds the arms of the logged rows were drawn.

    Parameters
    ----------
    taken : ndarray of shape (n,)
        Of the taken arms.
    full : ndarray of shape (n, K)
        Of every arm.
    estimated : ndarray of shape (n, K) or None
        The same, out of fold, where the log does not state those of every arm.
    scorer : PropensityScorer or None
        For new borrowers; None where the odds were the same for everyone.
    """

    taken: Floats
    full: Floats
    estimated: Floats | None
    scorer: PropensityScorer | None


@dataclass(frozen=True)
class LearntEffects:
    """Effects, and what scoring needs beside them.

    Parameters
    ----------
    covariates : Covariates
    outlook : Outlook
    effects : Effects
    mix : ndarray of shape (p,)
        Coefficients of the logged policy's mean effect.
    out_of_fold : ndarray of shape (n, K)
        Log odds of the training rows under every arm, from effects that did not see the row's group.
    """

    covariates: Covariates
    outlook: Outlook
    effects: Effects
    mix: Floats
    out_of_fold: Floats


def learn_effects(
    data: FitData, arms: ArmCatalogue, level: Floats, odds: Floats, rng: np.random.Generator, threads: int
) -> LearntEffects:
    """Learn what each arm changes.

    Parameters
    ----------
    level : ndarray of shape (n,)
        Log odds out of fold, whatever was done.
    odds : ndarray of shape (n, K)
        Propensity of every arm.
    rng : Generator
        Deals groups to folds.
    """
    n, K = odds.shape
    room = max(MOST_COEFFICIENTS // K - 1 - DEGREES, 0)
    covariates = Covariates.learn(data.Z, data.columns, room, threads)
    outlook = Outlook.learn(level, len(covariates.mean))
    F = covariates.encode(data.Z, threads, beside=outlook.encode(level))
    surprise = np.eye(K)[data.codes] - odds
    fold = rng.permutation(int(data.groups.max()) + 1)[data.groups] % FOLDS
    weight = np.ones(n) if data.weight is None else data.weight
    rows = EffectRows(F, surprise[:, 1:], level, data.y, weight, fold, data.groups)
    effects, by_fold = fit_effects(rows, ArmKernel.of(arms), threads)
    gram = F.T @ F / n
    out_of_fold = np.empty((n, K))
    for own, left in enumerate(by_fold):
        at = fold == own
        held = F[at]
        changed = left.logits(held)
        base = level[at] + left.level(held) - held @ _mix(left, F, odds, gram)
        out_of_fold[at] = base[:, None] + changed
    return LearntEffects(covariates, outlook, effects, _mix(effects, F, odds, gram), out_of_fold)


def _mix(effects: Effects, F: Floats, odds: Floats, gram: Floats) -> Floats:
    """Regress the logged policy's mean effect on the covariates: the level was learnt under that policy and contains it.

    New borrowers come without propensities; where these depended on more than x, the mean given x is what the level holds.
    """
    mean = (odds[:, 1:] * (F @ effects.mean[1:].T)).sum(axis=1)
    fitted: Floats = np.linalg.solve(gram + _RIDGE * np.eye(len(gram)), F.T @ mean / len(F))
    return fitted


def out_of_half(boosters: Sequence[lgb.Booster], halves: NDArray[np.bool_], Z: Floats, threads: int) -> tuple[Floats, Floats]:
    """Return the level's log odds from boosters that did not see the row: averaged over pairs, and by the first pair alone.

    Returns
    -------
    level, rough : ndarray of shape (n,)
    """
    by_pair = np.empty((len(halves), len(Z)))
    for pair, first in enumerate(halves):
        for booster, seen in zip(boosters[2 * pair : 2 * pair + 2], (first, ~first), strict=True):
            by_pair[pair, ~seen] = raw_scores(booster, Z[~seen], threads)
    return by_pair.mean(axis=0), by_pair[0]
