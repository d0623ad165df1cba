"""Logged decisions with their rewards, in money and as shares, and what policies are worth on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...policy.settings import PolicySettings
from ...policy.value import arm_value
from ..inputs import Floats, Ints
from ..rows.table import TrainingTable
from .given import Method
from .value import PolicyValue, best_supported, policy_values

# Units of a log: net recovery, gross recovery (account currency per decision), and shares of decisions.
VALUE, RECOVERED, REPAID, HARM = "value", "recovered", "repaid", "harm"


@dataclass(frozen=True)
class Log:
    """Logged decisions, their reward, and what the model expected.

    Parameters
    ----------
    code : ndarray of shape (n,)
        Positions of the logged arms.
    reward : ndarray of shape (n,)
        In any unit.
    propensity : ndarray of shape (n, K) or (n,)
        Of every arm, or of the logged one.
    outcome : ndarray of shape (n, K)
        E[reward | x, arm] by a model that has not seen the rows.
    arms : ArmCatalogue
    groups : ndarray of shape (n,)
        Borrowers.
    """

    code: Ints
    reward: Floats
    propensity: Floats
    outcome: Floats
    arms: ArmCatalogue
    groups: NDArray[np.object_]

    @property
    def taken(self) -> Floats:
        """Propensity of the logged arm, of shape (n,)."""
        return self.propensity if self.propensity.ndim == 1 else self.propensity[np.arange(len(self.code)), self.code]

    @property
    def scores(self) -> Floats:
        """Doubly robust reward under each arm, of shape (n, K): unbiased for its mean, noisy for a single row."""
        at = np.arange(len(self.code)), self.code
        scores = self.outcome.copy()
        scores[at] += (self.reward - self.outcome[at]) / self.taken
        return scores

    def value(
        self, policy: Floats, versus: Floats | None = None, confidence: float = 0.95, method: Method = "dr"
    ) -> PolicyValue:
        """Return what a policy is worth, clustered, or its difference to another; of shape (n, K) each."""
        (found,) = self._values([policy], versus, confidence, method)
        return found

    def best_constant(self, policies: Sequence[Floats]) -> int:
        """Return which of the policies, one for each arm, the model expects most of, among those that the log carries.

        What the log says of an arm as a whole is in the model already, shrunk by what it says of the others. A doubly robust
        mean would add the noise again, which at 50,000 decisions is as large as the differences of the better arms.
        """
        return best_supported(self.constants(policies))

    def constants(self, policies: Sequence[Floats]) -> list[PolicyValue]:
        """Return what the model expects of policies of one arm each, and whether the log carries it."""
        return self._values(policies, method="dm")

    def _values(
        self, policies: Sequence[Floats], versus: Floats | None = None, confidence: float = 0.95, method: Method = "dr"
    ) -> list[PolicyValue]:
        return policy_values(
            policies, arm=np.array(self.arms.names, dtype=object)[self.code], reward=self.reward, propensity=self.propensity,
            arms=self.arms, outcome=self.outcome, versus=versus, groups=self.groups, confidence=confidence, method=method,
        )  # fmt: skip

    def subset(self, mask: NDArray[np.bool_]) -> "Log":
        """Return the rows where the mask is true."""
        return Log(self.code[mask], self.reward[mask], self.propensity[mask], self.outcome[mask], self.arms, self.groups[mask])


@dataclass(frozen=True)
class Rewards:
    """What each logged decision brought.

    Parameters
    ----------
    value : ndarray of shape (n,)
        Net recovery within the horizon, account currency: repaid x recoverable x margin - cost of the committed arm
        - harm x price.
    repaid, harm : ndarray of shape (n,)
        0 or 1.
    """

    value: Floats
    repaid: Floats
    harm: Floats


def rewards(table: TrainingTable, settings: PolicySettings) -> Rewards:
    """Price what happened with the same formula that prices what is expected."""
    repaid, harm = (table.rows[name].to_numpy(dtype=np.float64) for name in ("repaid", "harm"))
    shape = (len(table), len(table.arms))
    happened = arm_value(
        np.broadcast_to(repaid[:, None], shape),
        table.rows["recoverable"].to_numpy(dtype=np.float64),
        np.broadcast_to(harm[:, None], shape),
        table.arms,
        settings,
    )
    code = table.arms.encode(table.rows["arm"])
    return Rewards(happened[np.arange(len(table)), code], repaid, harm)


def logs(table: TrainingTable, response: Floats, harm: Floats, settings: PolicySettings) -> dict[str, Log]:
    """Return logged decisions in each unit, what happened priced as what was expected.

    Parameters
    ----------
    response, harm : ndarray of shape (n, K)
        Expected by a model that has not seen the rows.
    """
    happened = rewards(table, settings)
    recoverable = table.rows["recoverable"].to_numpy(dtype=np.float64)
    units = {
        VALUE: (happened.value, arm_value(response, recoverable, harm, table.arms, settings)),
        RECOVERED: (happened.repaid * recoverable, response * recoverable[:, None]),
        REPAID: (happened.repaid, response),
        HARM: (happened.harm, harm),
    }
    code, groups = table.arms.encode(table.rows["arm"]), table.rows["borrower_id"].to_numpy(dtype=object)
    return {unit: Log(code, reward, table.propensity, outcome, table.arms, groups) for unit, (reward, outcome) in units.items()}
