"""Shadow prices: the minimum of a convex, piecewise linear function of R prices, by cutting planes in a moving box.

dual(prices) = capacity . prices + sum_i max_k (value[i, k] - usage[k] . prices)

One pass over the book gives the dual's value and a slope, capacity less use. Every slope is a cut that the dual stays above;
the lowest point of all cuts inside a box around the best prices is tried next; the box grows where that helps and shrinks
where it does not. Prices of a sample come first: a large book then needs a few dozen passes.

References
----------
Marsten, Hogan, Blankenship (1975), The boxstep method for large-scale optimization; Zhang et al. (2020), Solving billion-scale
knapsack problems, WWW: the same dual, split over machines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from .kernels import Ints, Values, best

Floats = NDArray[np.float64]
Oracle = Callable[[Floats], tuple[float, Floats]]

SAMPLE: Final = 1 << 16
# Shares of the whole gain: what a cutting plane step must still promise to be worth a pass.
TOLERANCE: Final = 1e-9
TOLERANCE_LARGE: Final = 2e-7
MAX_PASSES: Final = 400
MAX_PASSES_LARGE: Final = 60
# A sample's prices are off by a few percent of themselves at most.
_SAMPLE_RADIUS: Final = 0.03
_SERIOUS, _GOOD = 0.1, 0.7
_SMALLEST_RADIUS: Final = 1e-12


@dataclass(frozen=True)
class Problem:
    """A book with the arms that may be given and the resources that may be short.

    Parameters
    ----------
    value : ndarray of shape (n, K)
    usage : ndarray of shape (K, R)
    capacity : ndarray of shape (R,)
        Finite.
    order : ndarray of int
        Arms that may be given, the lightest first.
    ceiling : ndarray of shape (R,)
        Prices above which nobody uses the resource.
    threads : int
    """

    value: Values
    usage: Floats
    capacity: Floats
    order: Ints
    ceiling: Floats
    threads: int

    def dual(self, prices: Floats, arm: Ints | None = None) -> tuple[float, Floats]:
        """Return the dual's value and slope; fill `arm` with the arms of highest priced value."""
        total, counts = best(self.value, self.usage @ prices, self.order, self.threads, arm)
        return total + float(self.capacity @ prices), self.capacity - counts @ self.usage

    def sample(self, rows: int) -> "Problem":
        """Return every so-many-th borrower, with as much less capacity."""
        value = np.ascontiguousarray(self.value[:: -(-len(self.value) // rows)])
        capacity = self.capacity * (len(value) / len(self.value))
        return Problem(value, self.usage, capacity, self.order, self.ceiling, self.threads)


def shadow_prices(problem: Problem) -> tuple[Floats, float]:
    """Return prices that minimise the dual, and the dual there.

    Returns
    -------
    prices : ndarray of shape (R,)
    bound : float
    """
    n, R = len(problem.value), len(problem.capacity)
    if n <= 4 * SAMPLE:
        return _minimise(problem, np.zeros(R), 1.0, TOLERANCE, MAX_PASSES)
    start, _ = shadow_prices(problem.sample(SAMPLE))
    return _minimise(problem, start, _SAMPLE_RADIUS, TOLERANCE_LARGE, MAX_PASSES_LARGE)


def _minimise(problem: Problem, start: Floats, radius: float, tolerance: float, passes: int) -> tuple[Floats, float]:
    """Step from `start`; the radius is a share of the ceiling, around prices of 0, or of the prices found in a sample."""
    ceiling = problem.ceiling
    reach = ceiling if radius >= 1.0 else np.maximum(start, 0.05 * ceiling)
    centre = start
    lowest, slope = problem.dual(centre)
    cuts = [(slope, lowest - float(slope @ centre))]
    for _ in range(passes - 1):
        low = np.maximum(0.0, centre - radius * reach)
        high = np.minimum(ceiling, centre + radius * reach)
        trial, floor = _lowest_of_cuts(cuts, low, high, centre, lowest)
        promised = lowest - floor
        if promised <= tolerance * max(abs(lowest), 1e-300) or radius < _SMALLEST_RADIUS:
            break
        height, slope = problem.dual(trial)
        cuts.append((slope, height - float(slope @ trial)))
        gained = (lowest - height) / promised
        if gained >= _SERIOUS:
            centre, lowest = trial, height
        radius *= 2.0 if gained >= _GOOD else 0.5 if gained < 0 else 1.0
    return centre, lowest


def _lowest_of_cuts(
    cuts: list[tuple[Floats, float]], low: Floats, high: Floats, centre: Floats, lowest: float
) -> tuple[Floats, float]:
    """Minimise the highest cut over a box: a linear program in (prices - centre) / width and (height - lowest) / unit."""
    slopes = np.array([slope for slope, _ in cuts])
    heights = np.array([at_zero for _, at_zero in cuts]) + slopes @ centre - lowest
    width = np.where(high > low, high - low, 1.0)
    steep = slopes * width
    unit = max(float(np.abs(steep).sum(axis=1).min()), 1e-300)
    R = len(centre)
    found = linprog(
        np.r_[np.zeros(R), 1.0],
        A_ub=np.c_[steep / unit, -np.ones(len(cuts))],
        b_ub=-heights / unit,
        bounds=[*zip((low - centre) / width, (high - centre) / width, strict=True), (None, None)],
        method="highs",
    )
    if found.x is None:
        return centre, lowest
    trial = np.clip(centre + found.x[:R] * width, low, high)
    return trial, min(lowest, lowest + float(found.fun) * unit)
