"""The Policy protocol: a map from what is known about borrowers to probabilities over lawful arms."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .arms import ArmCatalogue


@dataclass(frozen=True)
class Situation:
    """What a policy sees of the borrowers it decides on.

    Parameters
    ----------
    observed : DataFrame
        A row per borrower; at least borrower_id, as_of, days_past_due (days), overdue_amount (account currency).
    arms : ArmCatalogue
        The arms to choose from, K of them.
    lawful : ndarray of shape (n, K)
        True where the arm may be given.
    """

    observed: pd.DataFrame
    arms: ArmCatalogue
    lawful: NDArray[np.bool_]


class Policy(Protocol):
    """Maps borrowers to probabilities over lawful arms."""

    @property
    def name(self) -> str:
        """What it is called in tables and logs."""
        ...

    def propensities(self, situation: Situation) -> NDArray[np.float64]:
        """Return probabilities of shape (n, K): rows sum to 1, zero where the arm is not lawful."""
        ...


@dataclass(frozen=True)
class UniformPolicy:
    """Every lawful arm with the same probability."""

    name: str = "uniform"

    def propensities(self, situation: Situation) -> NDArray[np.float64]:
        """Return equal probabilities over the lawful arms, of shape (n, K)."""
        weights = situation.lawful.astype(np.float64)
        shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class ConstantPolicy:
    """One arm for everyone; the fallback where it is not lawful, or no contact where that is not either.

    Parameters
    ----------
    arm : str
        Its name.
    """

    arm: str

    @property
    def name(self) -> str:
        """The policy's name."""
        return f"always {self.arm}"

    def propensities(self, situation: Situation) -> NDArray[np.float64]:
        """Return 0 and 1, of shape (n, K)."""
        n, arms = len(situation.observed), situation.arms
        own, fallback = arms.index(self.arm), arms.index(arms.fallback)
        spare = np.where(situation.lawful[:, fallback], fallback, 0)
        chosen = np.where(situation.lawful[:, own], own, spare)
        result = np.zeros((n, len(arms)))
        result[np.arange(n), chosen] = 1.0
        return result
