"""The state of everyone decided upon, as it was at as_of: what truth and replay start from."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from .hazards import Bools, Standing
from .people import Floats, Ints


@dataclass(frozen=True)
class Snapshot:
    """One entry per decision.

    Parameters
    ----------
    person, day, arm : ndarray of shape (n,)
        Position of the person, night of the decision, position of the arm given.
    dpd : ndarray of shape (n,)
        Days past due, by what was truly paid.
    burden : ndarray of shape (n,)
        Log of the sum truly overdue over one instalment.
    load, nudged : ndarray of shape (n,)
        Contact load, and whether a nudge is in force.
    owed : ndarray of shape (n, slots)
        Fallen due and truly unpaid on each loan, cents; paid ahead where negative.
    due_total, posted_total, paid_total : ndarray of shape (n,)
        Fallen due, booked and truly paid up to as_of since the person's first loan, cents.
    handled : ndarray of shape (n,)
        Month whose on-time payment has been settled one way or the other.
    lawful, propensity : ndarray of shape (n, K)
        What the policy chose from, and its probabilities.
    """

    person: Ints
    day: Ints
    arm: Ints
    dpd: Ints
    burden: Floats
    load: Floats
    nudged: Bools
    owed: Ints
    due_total: Ints
    posted_total: Ints
    paid_total: Ints
    handled: Ints
    lawful: Bools
    propensity: Floats

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: Ints | slice) -> Self:
        """Return the entries at these positions."""
        return type(self)(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Put nights together, in order."""
        return cls(**{item.name: np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)})

    def standing(self, t: int) -> Standing:
        """Return everyone on day t of their commitment, of shape (n, 1)."""
        column = self.person[:, None]
        return Standing(column, self.day[:, None] + t, self.dpd[:, None] + t, self.burden[:, None])

    @property
    def already_paid(self) -> Bools:
        """Whether the person had in truth paid all that was due."""
        return np.asarray(self.paid_total >= self.due_total)
