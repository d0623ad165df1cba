"""Logging policies of the worlds: how a bank came to give whom what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..policies import Situation


@dataclass(frozen=True)
class HardCasesPolicy:
    """Heavier arms for those who look hard: long overdue, large sums, no history of paying by themselves.

    Parameters
    ----------
    sharpness : float
        How strongly the hardness of a case moves the dose.
    floor : float
        Least probability of any lawful arm, so that every arm keeps some comparable people.
    """

    sharpness: float = 2.2
    floor: float = 0.015
    name: str = "hard-cases-first"

    def propensities(self, situation: Situation) -> NDArray[np.float64]:
        """Return softmax probabilities over the lawful arms, mixed with the floor, of shape (n, K)."""
        intensity = np.nan_to_num(situation.arms.intensity)
        dose = (intensity - intensity.mean()) / (intensity.std() or 1.0)
        logit = self.sharpness * self.hardness(situation)[:, None] * dose
        weights = np.exp(logit - logit.max(axis=1, keepdims=True)) * situation.lawful
        shares = weights / weights.sum(axis=1, keepdims=True)
        left = 1.0 - self.floor * situation.lawful.sum(axis=1, keepdims=True)
        mixed: NDArray[np.float64] = (left * shares + self.floor) * situation.lawful
        return mixed

    def hardness(self, situation: Situation) -> NDArray[np.float64]:
        """Return how hard each case looks, of shape (n,), about -1 to 1, from what the bank can see."""
        seen = situation.observed
        age = np.log1p(seen["days_past_due"].to_numpy(np.float64) / 15.0) - 0.9
        size = np.log(seen["overdue_amount"].to_numpy(np.float64) / seen["instalment_amount"].to_numpy(np.float64))
        cured = np.nan_to_num(seen["self_cured_share"].to_numpy(np.float64), nan=0.35)
        score: NDArray[np.float64] = np.clip(0.8 * age + 0.4 * (size - 0.4) - 1.0 * (cured - 0.35), -1.5, 1.5)
        return score


@dataclass(frozen=True)
class HardRulePolicy:
    """A contact strategy by days past due alone: the later, the heavier, and nothing left to chance.

    Parameters
    ----------
    half_way : float
        Days past due at which the middle of the ladder of arms is reached.
    """

    half_way: float = 15.0
    name: str = "ladder-by-days-past-due"

    def propensities(self, situation: Situation) -> NDArray[np.float64]:
        """Return 0 and 1, of shape (n, K): the rung of the ladder, or the next lighter lawful arm."""
        ladder = np.argsort(np.nan_to_num(situation.arms.intensity), kind="stable")
        days = situation.observed["days_past_due"].to_numpy(np.float64)
        rung = (len(ladder) * days / (days + self.half_way)).astype(np.int64)
        allowed = situation.lawful[:, ladder] & (np.arange(len(ladder)) <= rung[:, None])
        chosen = ladder[len(ladder) - 1 - allowed[:, ::-1].argmax(axis=1)]
        result = np.zeros(situation.lawful.shape)
        result[np.arange(len(days)), chosen] = 1.0
        return result
