"""Passes over a book's values, compiled: each reads every row once and keeps nothing of size n but the arms.

Compiling takes a few seconds at the first call of a process and is not cached on disk: a read-only or shared installation
must not be written to. Sums are taken over blocks of fixed size, so results do not depend on the number of threads.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Values = NDArray[Any]

BLOCK: Final = 1 << 18
Result = TypeVar("Result")


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _scan(value: Values, top: Floats) -> tuple[int, int, int]:
    """Count NaN, +inf and rows without the first arm; put each arm's highest gain over the first arm into `top`."""
    missing, infinite, barred = 0, 0, 0
    for i in range(value.shape[0]):
        first = value[i, 0]
        if first == -np.inf:
            barred += 1
        for k in range(value.shape[1]):
            v = value[i, k]
            if v != v:  # noqa: PLR0124  NaN is not itself
                missing += 1
            elif v == np.inf:
                infinite += 1
            elif v - first > top[k]:
                top[k] = v - first
    return missing, infinite, barred


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _best(value: Values, price: Floats, order: Ints, counts: Ints, arm: Ints) -> float:
    """Sum the highest priced values; count the arms that give them, the first in `order` among equals.

    `arm` is filled where it is as long as `value`, and left alone where it is empty.
    """
    total = 0.0
    keep = arm.shape[0] == value.shape[0]
    for i in range(value.shape[0]):
        chosen, highest = order[0], value[i, order[0]] - price[order[0]]
        for j in range(1, order.shape[0]):
            k = order[j]
            net = value[i, k] - price[k]
            if net > highest:
                chosen, highest = k, net
        total += highest
        counts[chosen] += 1
        if keep:
            arm[i] = chosen
    return total


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _worth(value: Values, arm: Ints) -> float:
    total = 0.0
    for i in range(value.shape[0]):
        total += value[i, arm[i]]
    return total


def scan(value: Values, threads: int) -> tuple[int, int, int, Floats]:
    """Return how many values are missing, how many infinite, how many rows lack the first arm, and each arm's top gain.

    Returns
    -------
    top : ndarray of shape (K,)
        Highest value of the arm less that of the first arm, 0 at least.
    """
    tops = [np.zeros(value.shape[1]) for _ in _blocks(value)]
    found = _each(lambda b, rows: _scan(value[rows], tops[b]), value, threads)
    missing, infinite, barred = (sum(part) for part in zip(*found, strict=True))
    return missing, infinite, barred, np.max(tops, axis=0)


def best(value: Values, price: Floats, order: Ints, threads: int, arm: Ints | None = None) -> tuple[float, Ints]:
    """Return the sum over borrowers of the highest priced value, and how many borrowers take each arm.

    Parameters
    ----------
    price : ndarray of shape (K,)
        What each arm pays.
    order : ndarray of int of shape (allowed arms,)
        Arms from the lightest; arms left out are not given.
    arm : ndarray of int of shape (n,), optional
        Filled with the arms taken.
    """
    counts = [np.zeros(len(price), dtype=np.int64) for _ in _blocks(value)]
    out = np.empty(0, dtype=np.int64)
    parts = _each(
        lambda b, rows: _best(value[rows], price, order, counts[b], out if arm is None else arm[rows]), value, threads
    )
    return math.fsum(parts), np.sum(counts, axis=0)


def worth(value: Values, arm: Ints, threads: int) -> float:
    """Return the sum of the values of the arms given."""
    return math.fsum(_each(lambda _, rows: _worth(value[rows], arm[rows]), value, threads))


def _blocks(value: Values) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, len(value), BLOCK))


def _each(work: Callable[[int, slice], Result], value: Values, threads: int) -> list[Result]:
    blocks = list(_blocks(value))
    if threads <= 1 or len(blocks) == 1:
        return [work(b, rows) for b, rows in enumerate(blocks)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(len(blocks)), blocks))
