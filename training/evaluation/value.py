"""The value of a policy from the log of another one: estimate, interval, and whether the log can carry it at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ..inputs import Floats, Ints, arm_positions, group_codes, in_arm_order, numbers
from ..model.propensity import SUM_TOLERANCE, Propensity, PropensityLike, read_propensity
from ..statistics.clusters import clustered_error, reach
from ..value_faults import no_numbers
from .weights import Footing, events_of, footing, too_few_events

Method = Literal["dr", "ips", "snips", "dm"]
METHODS: tuple[Method, ...] = ("dr", "ips", "snips", "dm")


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


@dataclass(frozen=True)
class _Log:
    """The logged rows, checked."""

    names: tuple[str, ...]
    codes: Ints
    reward: Floats
    propensity: Propensity
    outcome: Floats | None
    groups: Ints
    events: NDArray[np.bool_]


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
    log = _read_log(arm, reward, propensity, arms, outcome, groups, method, faults)
    n = len(log.codes)
    if not 0 < confidence < 1:
        faults.append(Fault("confidence", "between 0 and 1", repr(confidence), "0.95 gives a 95% interval."))
    rival = () if versus is None else (_probabilities(versus, log.names, n, "versus", faults),)
    found = []
    for at, policy in enumerate(policies):
        own = _probabilities(policy, log.names, n, "policy" if len(policies) == 1 else f"policies[{at}]", faults)
        # With a fault nothing is valued any more, but the other policies' faults are still looked for.
        if not faults:
            found.append(_value((own, *rival), log, confidence, method))
    if faults:
        raise InvalidInput(faults)
    return found


def _value(sides: tuple[Floats, ...], log: _Log, confidence: float, method: Method) -> PolicyValue:
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


def _few_events(sides: tuple[Floats, ...], log: _Log) -> str:
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


def _estimate(policy: Floats, log: _Log, method: Method) -> tuple[float, Floats]:
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


def _read_log(  # noqa: PLR0913, PLR0917  the parts of the public signature
    arm: Any, reward: Any, propensity: Any, arms: Any, outcome: Any, groups: Any, method: str, faults: list[Fault]
) -> _Log:
    names = tuple(arms.names if isinstance(arms, ArmCatalogue) else map(str, arms))
    n = len(np.asarray(arm, dtype=object))
    if n == 0:
        faults.append(Fault("the log", "at least one row", "none", "Choose a period with decisions."))
    if len(set(names)) < len(names) or not names:
        # Nothing else can be held against such a list.
        remedy = "Name the arms of the log, each once."
        raise InvalidInput([*faults, Fault("arms", "names, each once", repr(list(names)), remedy)])
    codes = arm_positions(arm, names, n, faults)
    known = read_propensity(propensity, codes, names, faults)
    unknown = "Leave out rows whose outcome is not known yet: they earned neither something nor nothing."
    rewards, clusters = numbers("reward", reward, n, faults, unknown), group_codes(groups, n, faults)
    if method not in METHODS:
        faults.append(Fault("method", f"one of {', '.join(METHODS)}", repr(method), "'dr' is the usual one."))
    expected = _numbers_by_arm("outcome", outcome, names, faults)
    if outcome is None and method in {"dr", "dm"}:
        remedy = "Pass the model's out_of_fold, times the recoverable amount for money; or choose method='snips'."
        faults.append(
            Fault("outcome", f"E[reward | x, arm] of shape ({n}, {len(names)}) for method '{method}'", "none", remedy)
        )
    if expected is not None and (expected.shape != (n, len(names)) or not np.isfinite(expected).all()):
        found = f"shape {expected.shape}" if expected.shape != (n, len(names)) else "missing or infinite numbers"
        remedy = "Pass a column per arm, in the order of `arms`, as `predict_by_arm` returns them."
        faults.append(Fault("outcome", f"finite numbers of shape ({n}, {len(names)})", found, remedy))
    if propensity is None:
        remedy = "Pass the log's; or the model's propensity_out_of_fold, or propensity_by_arm of held-out rows."
        faults.append(Fault("propensity", "the log's probabilities", "none", remedy))
    return _Log(names, codes, rewards, known or Propensity(np.ones(n)), expected, clusters, events_of(rewards, codes))


def _numbers_by_arm(where: str, given: Any, names: Sequence[str], faults: list[Fault]) -> Floats | None:
    """Return numbers with a column per arm; None where there are none, or where a fault was found."""
    ordered = None if given is None else in_arm_order(where, given, names, faults)
    if ordered is None:
        return None
    try:
        return np.asarray(ordered, dtype=np.float64)
    except (TypeError, ValueError):
        faults.append(Fault(where, "numbers", no_numbers(ordered), "Pass a column per arm, as `predict_by_arm` returns them."))
        return None


def _probabilities(policy: Any, names: Sequence[str], n: int, where: str, faults: list[Fault]) -> Floats:
    """Return a policy as probabilities of shape (n, K)."""
    shape = (n, len(names))
    ordered = in_arm_order(where, policy, names, faults)
    if ordered is None:
        return np.zeros(shape)
    given = np.asarray(ordered)
    if given.ndim != 2:
        chosen = arm_positions(policy, names, n, faults, where)
        result = np.zeros(shape)
        result[np.arange(n), np.maximum(chosen, 0)] = 1.0
        return result
    if given.shape != shape:
        faults.append(Fault(where, f"arm names of shape ({n},) or probabilities of shape {shape}", f"shape {given.shape}", ""))
        return np.zeros(shape)
    result = given.astype(np.float64)
    wrong = ~(np.isfinite(result).all(axis=1) & (result >= 0).all(axis=1) & (np.abs(result.sum(axis=1) - 1) <= SUM_TOLERANCE))
    if wrong.any():
        found = f"{int(wrong.sum()):,} rows that do not, such as {result[wrong][0].round(4).tolist()}"
        faults.append(Fault(where, "rows of probabilities that sum to 1", found, "Divide each row by its sum."))
        return result
    # A log that stores a few digits rounds; the sum of a policy is 1.
    exact: Floats = result / result.sum(axis=1, keepdims=True)
    return exact
