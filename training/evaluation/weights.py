"""Importance weights: what the log says of a policy, and when it says too little."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inputs import Floats, Ints
from ..model.propensity import Propensity
from ..statistics.clusters import LEAST_CLUSTERS, clustered_error

# Below this many effective rows the normal theory behind the interval does not hold for rare outcomes.
LEAST_ESS = 50.0
# One row that carries more than this share decides the estimate alone.
LARGEST_SHARE = 0.10
# The truth lies above a normal interval of a Poisson count in up to 8% of logs where five events or more are asked for, 9%
# with three, 15% with one, and 95% with none, where the interval is a point. Three still let Open Bandit's known value through.
LEAST_VALUE_EVENTS = 3.0
# Standard errors by which the mean weight may differ from 1: three, since many policies are looked at.
MEAN_WEIGHT_ERRORS = 3.0
# What rounding in a log may move the mean weight by.
ROUNDING = 1e-4
MORE_EXPLORATION = "Log more exploration of those arms, or choose a policy nearer to the logged one."
MORE_OUTCOMES = "Wait for more outcomes to mature, or log more decisions."
RIGHT_ODDS = "State the probabilities with which the arms were drawn."


@dataclass(frozen=True)
class Footing:
    """What an estimate stands on.

    Parameters
    ----------
    ess, max_weight, mean_weight : float
        Effective sample size, largest and mean importance weight.
    reason : str
        Why the log cannot carry the policy; empty where it can.
    """

    ess: float
    max_weight: float
    mean_weight: float
    reason: str


def footing(policy: Floats, codes: Ints, propensity: Propensity, names: Sequence[str], groups: Ints) -> Footing:
    """Weigh the log for a policy.

    Parameters
    ----------
    policy : ndarray of shape (n, K)
        Its probabilities.
    codes : ndarray of shape (n,)
        Positions of the logged arms.
    propensity : Propensity
        Of the log.
    names : sequence of str
        The K arms.
    groups : ndarray of shape (n,)
        Cluster of each row.
    """
    n = len(codes)
    weight = policy[np.arange(n), codes] / propensity.taken
    total, largest = float(weight.sum()), float(weight.max())
    ess, clusters = effective_number(weight), effective_number(np.bincount(groups, weight).astype(np.float64))
    mean = total / n
    faults = _never_given(policy, codes, propensity, names)
    many = int(groups.max()) + 1
    if many < LEAST_CLUSTERS:
        faults.append(f"there are {many} clusters (at least {LEAST_CLUSTERS} are needed)")
    elif 0 < clusters < LEAST_CLUSTERS:
        faults.append(
            f"{many:,} clusters tell as much as {clusters:.1f} of equal weight (at least {LEAST_CLUSTERS} are needed)"
        )
    if ess < LEAST_ESS:
        faults.append(f"the effective sample size is {ess:.1f} of {n:,} rows (at least {LEAST_ESS:.0f} are needed)")
    if total > 0 and largest > LARGEST_SHARE * total:
        faults.append(f"one row of weight {largest:,.4g} carries {largest / total:.0%} of all (at most {LARGEST_SHARE:.0%})")
    remedy = MORE_EXPLORATION
    # Where the log never gave what the policy gives, nothing has a weight, and that has been said.
    if total > 0 and (gap := _mean_gap(weight, groups, propensity)) > MEAN_WEIGHT_ERRORS:
        far = f"{gap:.1f}" if gap < 100 else "over 100"
        faults.append(f"the mean weight is {mean:.3f}, {far} standard errors from 1: the propensities do not fit the log")
        remedy = RIGHT_ODDS if len(faults) == 1 else f"{RIGHT_ODDS} {MORE_EXPLORATION}"
    return Footing(ess, largest, mean, f"Not supported: {'; '.join(faults)}. {remedy}" if faults else "")


def effective_number(weight: Floats) -> float:
    """Return how many equal weights would tell as much as these; 0 where nothing has a weight.

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 2.0])), effective_number(np.zeros(3))
    (2.6666666666666665, 0.0)
    """
    square = float(weight @ weight)
    return float(weight.sum()) ** 2 / square if square > 0 else 0.0


def events_of(reward: Floats, codes: Ints) -> NDArray[np.bool_]:
    """Return the rows that tell something: a reward other than the commonest of its arm, whose price all rows of it bear.

    Parameters
    ----------
    reward : ndarray of shape (n,)
        In any unit.
    codes : ndarray of shape (n,)
        Positions of the logged arms.

    Examples
    --------
    >>> events_of(np.array([0.0, 0.0, 1.0, -5.0, -5.0, 95.0]), np.array([0, 0, 0, 1, 1, 1])).tolist()
    [False, False, True, False, False, True]
    """
    events = np.zeros(len(reward), dtype=np.bool_)
    for code in np.unique(codes):
        own = codes == code
        values, counts = np.unique(reward[own], return_counts=True)
        events[own] = reward[own] != values[np.argmax(counts)]
    return events


def too_few_events(weight: Floats, events: NDArray[np.bool_], groups: Ints, what: str) -> str:
    """Say that next to no event stands behind an estimate; empty where enough do, or where no row has a weight.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Importance weights, of either sign.
    events : ndarray of shape (n,)
        `events_of` the log.
    groups : ndarray of shape (n,)
        Cluster of each row: those of one tell as much as one.
    what : str
        Whose events, in the words of a reason.
    """
    if not weight.any():
        return ""
    every = np.ones(len(weight))
    count, logged = (effective_number(np.bincount(groups, size * events).astype(float)) for size in (np.abs(weight), every))
    # Equal weights add up to a whole number but for rounding.
    if count > LEAST_VALUE_EVENTS - 1e-6:
        return ""
    found = f"outcomes other than the commonest of their arm tell as much as {count:.3g} {what}"
    remedy = MORE_OUTCOMES if logged < LEAST_VALUE_EVENTS else MORE_EXPLORATION
    return f"Not supported: {found} (at least {LEAST_VALUE_EVENTS:.0f} are needed). {remedy}"


def _never_given(policy: Floats, codes: Ints, propensity: Propensity, names: Sequence[str]) -> list[str]:
    """Name arms that the policy gives where the log never would."""
    logged = np.bincount(codes, minlength=len(names)) > 0
    forbidden = np.broadcast_to(~logged, policy.shape)
    if propensity.full is not None:
        forbidden = forbidden | (propensity.full <= 0)
    stray = np.where(forbidden, policy, 0.0)
    mass = stray.mean(axis=0)
    return [
        f"{_share(mass[k])} of the policy's decisions give '{names[k]}' where the log never did"
        for k in np.flatnonzero(mass > 0).tolist()
    ]


def _share(share: float) -> str:
    """Return a share above 0 that is never told as 0."""
    return f"{share:.1%}" if share >= 0.0005 else "less than 0.1%"


def _mean_gap(weight: Floats, groups: Ints, propensity: Propensity) -> float:
    """Return by how many clustered standard errors the mean weight differs from 1, beyond what rounding does."""
    mean = float(weight.mean())
    slack = ROUNDING
    if propensity.constant is not None:
        # Thirds may be stated as 0.33: then every weight is off by as much as their sum is.
        slack += abs(1.0 / float(np.nansum(propensity.constant)) - 1.0)
    # Constant weights have no error.
    return max(abs(mean - 1) - slack, 0.0) / max(clustered_error(weight - mean, groups), 1e-6)
