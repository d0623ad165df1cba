"""What the mean of a group would show by chance if the group were like the whole book, rare events included."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import pearson3

from ..inputs import Floats

# Below this skewness the symmetric law is exact to what can be told.
_LEAST_SKEW = 1e-3


@dataclass(frozen=True)
class PooledMean:
    """A measure in the whole book: what a group would show by chance if it were like the others.

    A group by itself does not know how much it varies: where something rare did not happen in it, it shows no variance at all.

    Parameters
    ----------
    mean : float
    variance, third : float
        Central moments that one decision adds, those of a borrower summed before.
    bounds : tuple of float
        Within which a mean must lie: 0 and 1 where it is a share.
    """

    mean: float
    variance: float
    third: float
    bounds: tuple[float, float]

    @classmethod
    def of(cls, values: Floats, together: NDArray[np.int64]) -> Self:
        """Learn the moments; rows with the same number in `together` are not independent."""
        sums = np.bincount(together, values - values.mean())
        share = bool(np.isin(values, (0.0, 1.0)).all())
        bounds = (0.0, 1.0) if share else (-np.inf, np.inf)
        return cls(float(values.mean()), float((sums**2).sum()) / len(values), float((sums**3).sum()) / len(values), bounds)

    def error(self, decisions: int) -> float:
        """Return the standard error of a mean of so many decisions."""
        return float(np.sqrt(self.variance / decisions))

    def chance(self, difference: float, error: float, people: int, decisions: int) -> float:
        """Return the two-sided p-value of a difference: the larger of Student's and, for what is rare, of Pearson's type III.

        A sum of rare events is skewed: of half an expected event there are four more often than a symmetric law has it.
        """
        if error == 0:
            return 1.0 if abs(difference) < 1e-12 else 0.0
        z = difference / error
        symmetric = float(stdtr(max(people - 1, 1), -abs(z)))
        skew = self.third / (self.variance**1.5 * np.sqrt(decisions)) if self.variance > 0 else 0.0
        skewed = float(pearson3.sf(abs(z), skew * np.sign(z))) if abs(skew) > _LEAST_SKEW else 0.0
        return min(2.0 * max(symmetric, skewed), 1.0)
