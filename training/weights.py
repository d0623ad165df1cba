"""Importance weights: what the log says of a policy, and when it says too little."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clusters import clustered_error
from .inputs import Floats, Ints
from .propensity import Propensity

# Below this many effective rows the normal theory behind the interval does not hold for rare outcomes.
LEAST_ESS = 50.0
# One row that carries more than this share decides the estimate alone.
LARGEST_SHARE = 0.10
# Standard errors by which the mean weight may differ from 1: three, since many policies are looked at.
MEAN_WEIGHT_ERRORS = 3.0
LEAST_CLUSTERS = 10


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
    ess = total**2 / float(weight @ weight) if total > 0 else 0.0
    mean = total / n
    faults = _never_given(policy, codes, propensity, names)
    if int(groups.max()) + 1 < LEAST_CLUSTERS:
        faults.append(f"there are {int(groups.max()) + 1} clusters (at least {LEAST_CLUSTERS} are needed)")
    if ess < LEAST_ESS:
        faults.append(f"the effective sample size is {ess:.1f} of {n:,} rows (at least {LEAST_ESS:.0f} are needed)")
    if total > 0 and largest > LARGEST_SHARE * total:
        faults.append(f"one row of weight {largest:,.4g} carries {largest / total:.0%} of all (at most {LARGEST_SHARE:.0%})")
    # Where the log never gave what the policy gives, nothing has a weight, and that has been said.
    if total > 0 and (gap := _mean_gap(weight, groups)) > MEAN_WEIGHT_ERRORS:
        faults.append(f"the mean weight is {mean:.3f}, {gap:.1f} standard errors from 1: the propensities do not fit the log")
    return Footing(ess, largest, mean, _sentence(faults))


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


def _mean_gap(weight: Floats, groups: Ints) -> float:
    """Return by how many clustered standard errors the mean weight differs from 1."""
    mean = float(weight.mean())
    error = clustered_error(weight - mean, groups)
    # Constant weights have no error; rounding of logged propensities is no fault.
    return abs(mean - 1) / max(error, 1e-6)


def _sentence(faults: Sequence[str]) -> str:
    if not faults:
        return ""
    remedy = "Log more exploration of those arms, or choose a policy nearer to the logged one."
    return f"Not supported: {'; '.join(faults)}. {remedy}"
