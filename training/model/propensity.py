"""Propensities: the probability with which each arm was given, stated by the caller or estimated out of fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from ...data.errors import Fault
from ..inputs import Floats, Ints, in_arm_order
from ..value_faults import no_numbers
from .boosting import Boosting, Sample, draw_halves, fit_halves
from .scorer import PropensityScorer, centred_logits, softmax

PropensityLike = ArrayLike | Mapping[str, float] | float | None

# Rounding in a log that stores six digits; more than this is another mistake.
SUM_TOLERANCE = 1e-4
# Odds typed by a person: 0.3333 for a third, 0.33 for a third.
STATED_TOLERANCE = 0.02
# Rows from which the propensity is learnt: a smooth nuisance does not need more, and K trees a round cost K times as much.
FIT_ROWS = 300_000
# Fewer rounds and faster than the response: the arm was chosen by a rule on few columns, and early stopping guards the rest.
# Which of K arms was taken says more than whether one outcome came: a third of the patience found the same round in every
# log tried, of 1,000 to a million rows.
PROPENSITY_BOOSTING = Boosting(rounds=150, rate=0.1, leaves=7, pairs=1, patience=0.5)

# Where the log states its propensities only the support of new borrowers asks for an estimate: a coarse one will do.
SUPPORT_ROWS = 40_000
SUPPORT_BOOSTING = Boosting(rounds=40, rate=0.2, leaves=7, pairs=1)

_HAD_A_CHANCE = "An arm that was taken had a chance: log the probability that it was drawn with."

# Its own stream of random numbers, so that the response's halves do not depend on whether the propensity was stated.
_STREAM = 1
# As much as one observation of unit variance.
_RIDGE = 1.0


@dataclass(frozen=True)
class Propensity:
    """Stated propensities of logged rows.

    Parameters
    ----------
    taken : ndarray of shape (n,)
        Probability with which the logged arm was chosen.
    full : ndarray of shape (n, K), optional
        Probability of every arm, where the caller stated it.
    constant : ndarray of shape (K,), optional
        Where no covariate mattered: the same for every row, NaN for an arm that could not be given.
    """

    taken: Floats
    full: Floats | None = None
    constant: Floats | None = None


def read_propensity(propensity: Any, codes: Ints, names: Sequence[str], faults: list[Fault]) -> Propensity | None:
    """Bring a stated propensity of any accepted form into one.

    Parameters
    ----------
    propensity : None, number, mapping, or array-like of shape (n,) or (n, K)
        A number holds for every arm; a mapping has one by arm name; (n,) is that of the taken arm.
    codes : ndarray of shape (n,)
        Positions of the taken arms; -1 where the arm is none of `names`, a fault that was told: what can be seen without it is
        looked at all the same.
    names : sequence of str
        The K arms.
    faults : list of Fault
        What is wrong is added here.

    Returns
    -------
    Propensity or None
        None where nothing was stated, or where it or an arm is at fault.
    """
    if propensity is None:
        return None
    propensity = in_arm_order("propensity", propensity, names, faults)
    if propensity is None:
        return None
    if isinstance(propensity, Mapping):
        found = _by_name(propensity, codes, names, faults)
    elif (values := _as_numbers(propensity, faults)) is None:
        return None
    elif values.ndim == 0:
        # A number is that of the arms that were drawn, and an arm of which there is no row was not.
        found = _constant(np.where(np.isin(np.arange(len(names)), codes), float(values), np.nan), codes, names, faults)
    else:
        found = _by_row(values, codes, len(names), faults)
    return found if (codes >= 0).all() else None


def _as_numbers(given: Any, faults: list[Fault]) -> Floats | None:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        expected = "a number, numbers by arm, or a number for each row (or each row and arm)"
        remedy = f"Pass the column itself: table[{given!r}]." if isinstance(given, str) else "Correct these values."
        faults.append(Fault("propensity", expected, no_numbers(given), remedy))
        return None


def _by_name(propensity: Mapping[str, float], codes: Ints, names: Sequence[str], faults: list[Fault]) -> Propensity | None:
    if missing := [name for k, name in enumerate(names) if name not in propensity and (codes == k).any()]:
        remedy = f"Named: {', '.join(map(str, propensity))}. Name every arm with the probability that it was drawn with."
        faults.append(Fault("propensity", "a number for every arm in the log", f"none for {', '.join(missing)}", remedy))
        return None
    by_arm = _as_numbers([propensity.get(name, np.nan) for name in names], faults)
    return None if by_arm is None else _constant(by_arm, codes, names, faults)


def _by_row(values: Floats, codes: Ints, K: int, faults: list[Fault]) -> Propensity | None:
    n = len(codes)
    if values.shape not in {(n,), (n, K)}:
        expected = f"shape ({n},) of the taken arm or ({n}, {K}) of every arm"
        faults.append(Fault("propensity", expected, f"shape {values.shape}", "Pass a row for each row of the log."))
        return None
    full = values if values.ndim == 2 else None
    if full is not None and (off := ~(np.abs(full.sum(axis=1) - 1) <= SUM_TOLERANCE)).any():
        found = f"{int(off.sum()):,} rows that sum to something else, such as {full[off][0].sum():.4g}"
        faults.append(Fault("propensity", "rows that sum to 1", found, "State the probability of every arm in the log."))
        return None
    if full is not None and (below := int((full < 0).any(axis=1).sum())):
        found = f"{below:,} rows with less, such as {full.min():g}"
        faults.append(Fault("propensity", "no chance below 0", found, "An arm that was closed had the chance 0."))
        return None
    taken = values if full is None else full[np.arange(n), codes]
    if not _probabilities(taken if full is None else taken[codes >= 0], faults):
        return None
    return Propensity(taken, full, _constant_rows(values, codes, K))


def _constant(by_arm: Floats, codes: Ints, names: Sequence[str], faults: list[Fault]) -> Propensity | None:
    # Told by arm: of a number that was typed once, a count of rows would be no help.
    taken = set(np.unique(codes).tolist())
    if wrong := [k for k in range(len(names)) if by_arm[k] < 0 or (k in taken and not 0 < by_arm[k] <= 1)]:
        found = ", ".join(f"{by_arm[k]:g} for {names[k]}" for k in wrong)
        faults.append(Fault("propensity", "above 0 and at most 1", found, _HAD_A_CHANCE))
        return None
    if (codes >= 0).all() and abs(total := float(np.nansum(by_arm)) - 1) > STATED_TOLERANCE:
        found = f"{total + 1:.4g} over {int(np.isfinite(by_arm).sum())} arms"
        remedy = "State them by arm: {arm: number}, or arm=number,arm=number on the command line."
        faults.append(Fault("propensity", "odds of the arms that sum to 1", found, remedy))
        return None
    return Propensity(by_arm[codes], constant=by_arm)


def _probabilities(taken: Floats, faults: list[Fault]) -> bool:
    wrong = ~((taken > 0) & (taken <= 1))
    if wrong.any():
        found = f"{int(wrong.sum()):,} rows outside, such as {taken[wrong][0]:g}"
        faults.append(Fault("propensity of the taken arm", "above 0 and at most 1", found, _HAD_A_CHANCE))
    return not wrong.any()


def _constant_rows(values: Floats, codes: Ints, K: int) -> Floats | None:
    """Recognise a randomisation with the same odds for everyone, of shape (K,)."""
    by_arm = np.full(K, np.nan)
    for k in range(K):
        column = values[codes == k] if values.ndim == 1 else values[:, k]
        if len(column) and np.ptp(column) > SUM_TOLERANCE:
            return None
        by_arm[k] = column[0] if len(column) else np.nan
    # Odds of the taken arm alone may be constant because a rule decided: those of a draw add up to 1 over the arms.
    drawn = values.ndim == 2 or abs(float(np.nansum(by_arm)) - 1.0) <= STATED_TOLERANCE
    return by_arm if drawn else None


@dataclass(frozen=True)
class PropensityTask:
    """What the propensity is estimated from.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Encoded covariates.
    categorical : sequence of int
        Columns of Z that hold codes.
    codes : ndarray of shape (n,)
        Positions of the taken arms.
    K : int
        Number of arms.
    groups : ndarray of shape (n,)
        Rows of a group are in the same half.
    most_rows : int
        Rows to learn from; drawn at random where there are more.
    """

    Z: Floats
    categorical: Sequence[int]
    codes: Ints
    K: int
    groups: Ints
    most_rows: int = FIT_ROWS


def estimate_propensity(task: PropensityTask, boosting: Boosting, threads: int, seed: int) -> tuple[Floats, PropensityScorer]:
    """Estimate the probability of every arm from the covariates, out of fold by groups.

    Two half-samples, each learnt by a multinomial boosting that scores the other half; then one scaling of the log odds,
    shared by the arms, with an offset by arm, towards no change. Nothing is clipped: what is thin stays visible.

    Returns
    -------
    out_of_fold : ndarray of shape (n, K)
    scorer : PropensityScorer
        For new borrowers.
    """
    boosters, first, some = _fit(task, boosting, threads, seed)
    logits = _crossed(boosters, task.Z, first, threads, task.K)
    scorer = PropensityScorer(boosters, *_scale(logits[some], task.codes[some]))
    return softmax(scorer.slope * logits + scorer.offsets), scorer


def learn_scorer(task: PropensityTask, boosting: Boosting, threads: int, seed: int) -> PropensityScorer:
    """Return the scorer of `estimate_propensity`, for less work: only rows that it is learnt from are predicted."""
    boosters, first, some = _fit(task, boosting, threads, seed)
    logits = _crossed(boosters, task.Z[some], first[some], threads, task.K)
    return PropensityScorer(boosters, *_scale(logits, task.codes[some]))


def _fit(
    task: PropensityTask, boosting: Boosting, threads: int, seed: int
) -> tuple[list[lgb.Booster], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a booster for each half, the first half's rows, and the rows that were learnt from."""
    rng = np.random.default_rng([seed, _STREAM])
    (first,) = draw_halves(task.codes, task.groups, 1, rng)
    some = rng.random(len(task.Z)) < task.most_rows / len(task.Z)
    sample = Sample(task.Z[some], task.codes[some].astype(np.float64), task.categorical, classes=task.K)
    return fit_halves(sample, first[None, some], boosting, threads, seed), first, some


def _crossed(boosters: list[lgb.Booster], Z: Floats, first: NDArray[np.bool_], threads: int, K: int) -> Floats:
    """Return log odds of shape (n, K), each half's from the booster of the other."""
    logits = np.empty((len(Z), K))
    for booster, side in zip(boosters, (first, ~first), strict=True):
        logits[~side] = centred_logits(booster, Z[~side], threads, K)
    return logits


def _scale(logits: Floats, codes: Ints) -> tuple[float, Floats]:
    """Fit slope and offsets by penalised likelihood: softmax(slope * logits + offset)."""
    n, K = logits.shape
    hit = np.zeros((n, K))
    hit[np.arange(n), codes] = 1.0
    start = np.concatenate([[1.0], np.zeros(K)])

    def loss(theta: Floats) -> tuple[float, Floats]:
        p = softmax(theta[0] * logits + theta[1:])
        error, pull = p - hit, theta - start
        gradient = np.concatenate([[(error * logits).sum()], error.sum(axis=0)]) + _RIDGE * pull
        value = -np.log(np.maximum(p[np.arange(n), codes], 1e-300)).sum() + 0.5 * _RIDGE * float(pull @ pull)
        return value / n, gradient / n

    bounds = [(0.0, None), *[(None, None)] * K]
    theta = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(theta[0]), theta[1:]
