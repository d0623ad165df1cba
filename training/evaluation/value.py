"""The value of a policy from the log of another one: estimate, interval, and whether the log can carry it at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ..inputs import Floats
from ..model.propensity import PropensityLike
from ..statistics.clusters import clustered_error, reach
from .given import GivenLog, Method, probabilities, read_log
from .weights import Footing, footing, too_few_events


@dataclass(frozen=True)
class PolicyValue:
    """The value of a policy, or of the difference of two.

    Parameters
    ----------
    estimate, se : float
        Mean reward per decision and its standard error, in the reward's unit; clustered.
    low, high : float
        Confidence interval, Student's t with clusters - 1 degrees of freedom.
    ess : float
        Effective sample size: how many rows drawn by the policy itself would weigh as much.
    max_weight, mean_weight : float
        Largest importance weight; the mean, 1 where the propensities are right. Of the worse of the two policies.
    supported : bool
        False where the log cannot carry the estimate: then it is no ground for a decision.
    reason : str
        Why it is not supported, and what to do; empty where it is.
    method : str
    n : int
        Rows.
    """

    estimate: float
    se: float
    low: float
    high: float
    ess: float
    max_weight: float
    mean_weight: float
    supported: bool
    reason: str
    method: Method
    n: int


def policy_value(  # noqa: PLR0913  the interface that outside code is written against
    policy: ArrayLike,
    *,
    arm: ArrayLike,
    reward: ArrayLike,
    propensity: PropensityLike,
    arms: ArmCatalogue | Sequence[str],
    outcome: ArrayLike | None = None,
    versus: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    method: Method = "dr",
) -> PolicyValue:
    """Estimate what a policy would have earned on the logged decisions.

    Parameters
    ----------
    policy : array-like of shape (n,) or (n, K)
        Arm names, or probabilities in the order of `arms`; a DataFrame's columns go by their names, here and below.
    arm : array-like of str of shape (n,)
        The logged arms.
    reward : array-like of shape (n,)
        In any unit: 0 and 1, or money.
    propensity : number, mapping, or array-like of shape (n,) or (n, K)
        Probability with which the log's policy chose; (n,) is that of the taken arm.
    arms : ArmCatalogue or sequence of str
        The K arms.
    outcome : array-like of shape (n, K), optional
        E[reward | x, arm], out of fold; needed by "dr" and "dm".
    versus : array-like of shape (n,) or (n, K), optional
        Another policy: the result is then the paired difference, policy minus versus.
    groups : array-like of shape (n,), optional
        Clusters, such as borrowers; every row its own where None.
    confidence : float, optional
        Of the interval.
    method : {"dr", "ips", "snips", "dm"}, optional
        "dr" corrects `outcome` by weighted residuals and is right if either it or the propensity is; "ips" weighs rewards
        by inverse propensity; "snips" divides by the weights' mean; "dm" believes `outcome`, and its error does not contain
        the model's.

    Returns
    -------
    PolicyValue

    Raises
    ------
    InvalidInput
        Every fault at once.

    References
    ----------
    Dudik, Langford, Li (2011), Doubly robust policy evaluation and learning; Swaminathan, Joachims (2015), The
    self-normalized estimator for counterfactual learning.

    Examples
    --------
    >>> log = dict(arm=["a", "b"] * 50, reward=[1.0, 0.0, 0.0, 0.0] * 25, propensity=0.5, arms=["a", "b"])
    >>> value = policy_value(["a"] * 100, method="snips", **log)
    >>> value.estimate, value.ess, value.supported
    (0.5, 50.0, True)
    """
    (found,) = policy_values(
        [policy], arm=arm, reward=reward, propensity=propensity, arms=arms, outcome=outcome, versus=versus, groups=groups,
        confidence=confidence, method=method,
    )  # fmt: skip
    return found


def policy_values(  # noqa: PLR0913  the signature of `policy_value`
    policies: Sequence[ArrayLike],
    *,
    arm: ArrayLike,
    reward: ArrayLike,
    propensity: PropensityLike,
    arms: ArmCatalogue | Sequence[str],
    outcome: ArrayLike | None = None,
    versus: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    method: Method = "dr",
) -> list[PolicyValue]:
    """Estimate what each of several policies would have earned on one log, which is read once.

    Parameters
    ----------
    policies : sequence of array-like
        Each as `policy_value` takes it; so is the rest.

    Returns
    -------
    list of PolicyValue
        One for each policy, the same as from `policy_value`.

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    faults: list[Fault] = []
    log = read_log(arm, reward, propensity, arms, outcome, groups, method, faults)
    n = len(log.codes)
    if not 0 < confidence < 1:
        faults.append(Fault("confidence", "between 0 and 1", repr(confidence), "0.95 gives a 95% interval."))
    rival = () if versus is None else (probabilities(versus, log.names, n, "versus", faults),)
    found = []
    for at, policy in enumerate(policies):
        own = probabilities(policy, log.names, n, "policy" if len(policies) == 1 else f"policies[{at}]", faults)
        # With a fault nothing is valued any more, but the other policies' faults are still looked for.
        if not faults:
            found.append(_value((own, *rival), log, confidence, method))
    if faults:
        raise InvalidInput(faults)
    return found


def _value(sides: tuple[Floats, ...], log: GivenLog, confidence: float, method: Method) -> PolicyValue:
    """Return the value of a policy, or of the first less the second."""
    estimates, influences = zip(*(_estimate(side, log, method) for side in sides), strict=True)
    sign = (1.0, -1.0)[: len(sides)]
    estimate = sum(s * value for s, value in zip(sign, estimates, strict=True))
    influence = sum(s * part for s, part in zip(sign, influences, strict=True))
    se = clustered_error(cast("Floats", influence), log.groups)
    half = reach(log.groups, 0.5 + confidence / 2) * se
    base = _worse([footing(side, log.codes, log.propensity, log.names, log.groups) for side in sides])
    reason = base.reason or _few_events(sides, log)
    return PolicyValue(
        float(estimate), se, float(estimate - half), float(estimate + half), base.ess, base.max_weight, base.mean_weight,
        supported=not reason, reason=reason, method=method, n=len(log.codes),
    )  # fmt: skip


def _few_events(sides: tuple[Floats, ...], log: GivenLog) -> str:
    """Say where next to no event stands behind a value; behind a difference, where the two policies differ."""
    rows = np.arange(len(log.codes))
    given = [side[rows, log.codes] / log.propensity.taken for side in sides]
    weight = given[0] if len(given) == 1 else given[0] - given[1]
    what = "under the policy's arms" if len(given) == 1 else "where the policies differ"
    return too_few_events(weight, log.events, log.groups, what)


def best_supported(values: Sequence[PolicyValue]) -> int:
    """Return the position of the highest value among those that the log carries; of the first, where it carries none.

    A value that the log does not carry may look best by accident.
    """
    return int(np.argmax([value.estimate if value.supported else -np.inf for value in values]))


def _estimate(policy: Floats, log: GivenLog, method: Method) -> tuple[float, Floats]:
    """Return the estimate and each row's influence on it, centred."""
    rows = np.arange(len(log.codes))
    weight = policy[rows, log.codes] / log.propensity.taken
    if method == "snips":
        total = weight.sum()
        value = float(weight @ log.reward / total) if total > 0 else float("nan")
        return value, weight * (log.reward - value) / (total / len(rows) if total > 0 else 1.0)
    if method == "ips" or log.outcome is None:
        parts = weight * log.reward
    else:
        parts = np.einsum("nk,nk->n", policy, log.outcome)
        if method == "dr":
            parts = parts + weight * (log.reward - log.outcome[rows, log.codes])
    value = float(parts.mean())
    return value, parts - value


def _worse(found: Sequence[Footing]) -> Footing:
    """Return the footing of the policy that the log carries less."""
    return min(found, key=lambda base: (not base.reason, base.ess))
