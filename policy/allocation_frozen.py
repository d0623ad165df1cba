"""Prices before the draw: under exploration, capacity holds by prices that were frozen before anybody's arm was drawn.

Nothing is repaired after the draw, so the logged propensity is the true one. What is drawn varies; the prices leave enough
free that the chance of using more than there is stays below a stated level. With independent borrowers the use of resource r
has mean m and variance s2, and by Bernstein's inequality, b being the most that one borrower can use,

P(use >= m + t) <= exp(-t^2 / (2 (s2 + b t / 3)))

The prices are (nearly) the lowest at which m + t stays within capacity for every r, with the chance shared over the resources.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..data.errors import Fault, InvalidInput, Refusal
from .allocation import allocate
from .pricing.prices import arm_prices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Priced values of some borrowers (m, K), and their positions (m,), to probabilities (m, K).
Soft = Callable[[Floats, Ints], Floats]

_SAMPLE: Final = 20_000
_CHUNK: Final = 1 << 17
_ROUNDS: Final = 8
_SWEEPS: Final = 12
_CLOSE: Final = 1e-3
# Of a capacity that has a price: what may stay unused before the search goes on.
_SPARE: Final = 0.01
# Times anybody's gain per unit: a price at which a policy that heeds prices at all uses nothing more.
_PROHIBITIVE: Final = 1e6


class CapacityBelowFloor(Refusal):
    """The probabilities that no price can lower already use more than there is.

    Parameters
    ----------
    short : dict of str to tuple of float
        Resource to what is needed at any price, and what there is.
    """

    def __init__(self, short: dict[str, tuple[float, float]]) -> None:
        self.short = short
        told = "; ".join(f"{name}: {need:,.4g} needed, {there:,.4g} there" for name, (need, there) in short.items())
        super().__init__(
            f"Exploration alone uses more than the capacity, whatever the prices: {told}. Lower `exploration.floor` or the "
            f"headroom, raise the capacity, or retire arms that use it."
        )


@dataclass(frozen=True)
class FrozenPrices:
    """Prices to choose and draw by, and the use that they let expect.

    Parameters
    ----------
    prices : ndarray of shape (R,)
        Account currency per unit.
    expected : ndarray of shape (R,)
        Expected use.
    needed : ndarray of shape (R,)
        What use exceeds with no more than the stated chance, over all resources together; within capacity.
    """

    prices: Floats
    expected: Floats
    needed: Floats


@dataclass(frozen=True)
class _Demand:
    """Expected use of a book, or of a sample of it blown up to the book, as a function of prices."""

    value: NDArray[Any]
    rows: Ints
    usage: Floats
    soft: Soft
    n: int
    chance: float

    def at(self, prices: Floats) -> tuple[Floats, Floats]:
        """Return expected and needed use, of shape (R,) each."""
        mean, variance = np.zeros(len(prices)), np.zeros(len(prices))
        charged = arm_prices(self.usage, prices)
        for start in range(0, len(self.rows), _CHUNK):
            rows = self.rows[start : start + _CHUNK]
            odds = _checked(
                self.soft(np.asarray(self.value[rows], dtype=np.float64) - charged, rows), (len(rows), len(charged))
            )
            use = odds @ self.usage
            mean += use.sum(axis=0)
            variance += np.maximum(odds @ self.usage**2 - use**2, 0.0).sum(axis=0)
        scale = self.n / len(self.rows)
        return mean * scale, mean * scale + self._margin(variance * scale)

    def _margin(self, variance: Floats) -> Floats:
        """Return t of Bernstein's inequality, the root of t^2 = 2 L (s2 + b t / 3); 0 where nothing is left to chance."""
        L = np.log(max(len(variance), 1) / self.chance)
        b = self.usage.max(axis=0)
        t: Floats = np.where(variance > 0, b * L / 3 + np.sqrt((b * L / 3) ** 2 + 2 * L * variance), 0.0)
        return t


def frozen_prices(
    value: Any, usage: Any, capacity: Any, soft: Soft, *, chance: float = 0.05, names: Sequence[str] = (), threads: int = 2
) -> FrozenPrices:
    """Find prices at which draws from a soft policy stay within capacity, but for a stated chance.

    Parameters
    ----------
    value, usage, capacity : array-like
        As for `allocate`; give `reserve(capacity, headroom)`.
    soft : callable
        Priced values of shape (m, K) and the borrowers' positions of shape (m,), to probabilities of shape (m, K). It looks at
        each borrower alone, and gives the probabilities that will be drawn from: exploration, floors and holdout included.
    chance : float, optional
        That any resource is used beyond its capacity.
    names : sequence of str, optional
        Of the resources, for messages.
    threads : int, optional

    Returns
    -------
    FrozenPrices

    Raises
    ------
    CapacityBelowFloor
        Where the soft policy needs more than there is at any price.
    InvalidInput
        As `allocate`; and where `soft` does not return probabilities.
    """
    if not 0 < chance < 1:
        raise InvalidInput([Fault("chance", "between 0 and 1", repr(chance), "0.05 lets one night in twenty exceed.")])
    hard = allocate(value, usage, capacity, threads=threads, settled=False)
    u, c = np.asarray(usage, dtype=np.float64), np.asarray(capacity, dtype=np.float64)
    v = np.asarray(value)
    n = len(v)
    if n == 0:
        return FrozenPrices(hard.prices, np.zeros(len(c)), np.zeros(len(c)))
    book = _Demand(v, np.arange(n), u, soft, n, chance)
    ceiling = _prohibitive(v, u)
    _refuse_below_floor(book, ceiling, c, names)
    return _search(book, hard.prices, c, ceiling)


def _search(book: _Demand, prices: Floats, capacity: Floats, ceiling: Floats) -> FrozenPrices:
    """Find prices on a sample, hold them against the book, and aim as much lower or higher as the sample was wrong."""
    seed = 0  # the same book has the same prices
    rows = np.sort(np.random.default_rng(seed).permutation(book.n)[:_SAMPLE])
    sample = replace(book, rows=rows)
    aim, kept = capacity.copy(), None
    for _ in range(_ROUNDS):
        prices = _lowest(sample, prices, aim, ceiling)
        found = FrozenPrices(prices, *book.at(prices))
        over, spare = found.needed > capacity, (found.needed < (1 - _SPARE) * capacity) & (prices > 0)
        if not over.any():
            kept = found
            if not spare.any():
                break
        miss = np.divide(capacity, found.needed, out=np.ones_like(aim), where=over | spare)
        aim = aim * miss * np.where(over, 1 - _CLOSE, 1.0)
    while kept is None:
        prices = np.where(found.needed > capacity, np.maximum(prices * 1.2, ceiling / _PROHIBITIVE * _CLOSE), prices)
        found = FrozenPrices(prices, *book.at(prices))
        kept = None if (found.needed > capacity).any() else found
    return kept


def _lowest(demand: _Demand, prices: Floats, capacity: Floats, ceiling: Floats) -> Floats:
    """Lower or raise one price after another to the lowest at which its resource suffices, until none moves."""
    prices = prices.copy()
    for _ in range(_SWEEPS):
        before = prices.copy()
        for r in np.flatnonzero(np.isfinite(capacity)):
            prices[r] = _lowest_one(demand, prices, int(r), capacity[r], ceiling[r])
        if np.allclose(prices, before, rtol=2 * _CLOSE, atol=1e-12):
            break
    return prices


def _lowest_one(demand: _Demand, prices: Floats, r: int, capacity: float, ceiling: float) -> float:
    def suffices(price: float) -> bool:
        trial = prices.copy()
        trial[r] = price
        return bool(demand.at(trial)[1][r] <= capacity)

    if suffices(0.0):
        return 0.0
    low, high = 0.0, max(float(prices[r]), ceiling / _PROHIBITIVE * _CLOSE)
    while not suffices(high):
        if high >= ceiling:
            return high
        low, high = high, 2 * high
    if low == 0.0 and not suffices(high * 0.9):
        low = high * 0.9
    while high - low > _CLOSE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _prohibitive(value: NDArray[Any], usage: Floats) -> Floats:
    """Return prices, of shape (R,), far above what anything is worth to anybody."""
    most = np.zeros(len(usage))
    for start in range(0, len(value), _CHUNK):
        part = value[start : start + _CHUNK]
        most = np.maximum(most, (part - part[:, :1]).max(axis=0))
    per_unit = np.divide(most.max() + 1.0, usage, out=np.zeros_like(usage), where=usage > 0)
    ceiling: Floats = per_unit.max(axis=0) * _PROHIBITIVE
    return ceiling


def _refuse_below_floor(demand: _Demand, ceiling: Floats, capacity: Floats, names: Sequence[str]) -> None:
    _, least = demand.at(np.where(np.isfinite(capacity), ceiling, 0.0))
    known = names or [f"resource {r}" for r in range(len(capacity))]
    short = {
        name: (float(need), float(there)) for name, need, there in zip(known, least, capacity, strict=True) if need > there
    }
    if short:
        raise CapacityBelowFloor(short)


def _checked(odds: Any, shape: tuple[int, int]) -> Floats:
    given = np.asarray(odds, dtype=np.float64)
    fine = given.shape == shape and bool((given >= 0).all()) and bool((np.abs(given.sum(axis=1) - 1) < 1e-6).all())
    if not fine:
        found = "others" if given.shape == shape else f"shape {given.shape}"
        raise InvalidInput([Fault("soft", f"probabilities of shape {shape} whose rows sum to 1", found, "")])
    return given
