"""What `policy_value` was given, checked: the log and the policies, every fault at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ..inputs import Floats, Ints, arm_positions, group_codes, in_arm_order, numbers
from ..model.propensity import SUM_TOLERANCE, Propensity, read_propensity
from ..value_faults import no_numbers
from .weights import events_of

Method = Literal["dr", "ips", "snips", "dm"]
METHODS: tuple[Method, ...] = ("dr", "ips", "snips", "dm")


@dataclass(frozen=True)
class GivenLog:
    """The logged rows, checked.

    Parameters
    ----------
    names : tuple of str
        The K arms.
    codes, reward, groups : ndarray of shape (n,)
        Positions of the logged arms, what they brought, a number per cluster.
    propensity : Propensity
    outcome : ndarray of shape (n, K), optional
        What a model expects under every arm.
    events : ndarray of shape (n,)
        Rows that tell something: `events_of`.
    """

    names: tuple[str, ...]
    codes: Ints
    reward: Floats
    propensity: Propensity
    outcome: Floats | None
    groups: Ints
    events: NDArray[np.bool_]


def read_log(  # noqa: PLR0913, PLR0917  the parts of the public signature
    arm: Any, reward: Any, propensity: Any, arms: Any, outcome: Any, groups: Any, method: str, faults: list[Fault]
) -> GivenLog:
    """Return the log of `policy_value`; what is wrong is added to `faults`; without names of arms it ends at once."""
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
    return GivenLog(names, codes, rewards, known or Propensity(np.ones(n)), expected, clusters, events_of(rewards, codes))


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


def probabilities(policy: Any, names: Sequence[str], n: int, where: str, faults: list[Fault]) -> Floats:
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
