"""The windows that a contact may get."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..zones import MINUTE, Interval, Micros
from .history import FOREVER


@dataclass(frozen=True)
class Slots:
    """The windows that a contact may get, sorted.

    Parameters
    ----------
    begin, end : ndarray of shape (m,)
        UTC microseconds, closed by a last one at FOREVER.
    shortest : int
        Microseconds that a window has at least.
    tight : bool
        Whether windows are no longer than that.
    """

    begin: Micros
    end: Micros
    shortest: int
    tight: bool

    @classmethod
    def of(cls, intervals: Sequence[Interval], shortest: int, *, tight: bool) -> "Slots":
        """Build slots from intervals of which each is long enough."""
        begin, end = ([pair[side] for pair in intervals] for side in (0, 1))
        return cls(
            np.array([*begin, FOREVER], dtype=np.int64), np.array([*end, FOREVER + shortest], dtype=np.int64), shortest, tight
        )

    def from_(self, earliest: Micros) -> tuple[Micros, Micros]:
        """Return the first window at or after each instant: its begin and end, each of shape (n,)."""
        # Windows are told to the minute: a begin is rounded up, so that nobody reads an earlier one than was meant.
        asked = np.minimum(-(-earliest // MINUTE) * MINUTE, FOREVER)
        position = np.searchsorted(self.end - self.shortest, asked, side="left")
        begin = np.maximum(self.begin[position], asked)
        end = begin + self.shortest if self.tight else self.end[position]
        return begin, np.where(begin >= FOREVER, FOREVER, end)
