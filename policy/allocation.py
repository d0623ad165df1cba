"""Allocation under capacity: who gets which arm when calls, messages or money are short.

maximise   sum_i value[i, arm_i]   subject to   sum_i usage[arm_i, r] <= capacity[r]   for every resource r

`allocate` decides for all borrowers at once (a night without exploration). Under exploration nothing may be moved after the
draw: take `frozen_prices` before it, choose or draw from `priced(value, usage, prices)`, and repair nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .allocation_prices import priced, remaining, reserve

__all__ = ["Allocation", "allocate", "priced", "remaining", "reserve"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Allocation:
    """An arm for every borrower, within capacity, and how far from the best it can be at most.

    Parameters
    ----------
    arm : ndarray of int of shape (n,)
        Position of the arm given.
    value : float
        Sum of the values of the arms given, account currency.
    bound : float
        No allocation within capacity is worth more: the dual value at `prices`.
    gap : float
        (bound - value) / |bound|; 0 where both are 0.
    prices : ndarray of shape (R,)
        Account currency per unit of each resource; 0 for what is not short.
    used : ndarray of shape (R,)
        Units used, never above capacity.
    """

    arm: NDArray[np.int64]
    value: float
    bound: float
    gap: float
    prices: Floats
    used: Floats


def allocate(value: Any, usage: Any, capacity: Any, *, rank: Any = None, threads: int = 2) -> Allocation:
    """Give every borrower an arm so that the sum of values is highest within capacity.

    Parameters
    ----------
    value : array-like of shape (n, K)
        Account currency, float32 or float64; -inf where the arm is not lawful. The first arm, no contact, always is.
    usage : array-like of shape (K, R)
        Units of each resource that an arm uses; the first arm uses none.
    capacity : array-like of shape (R,)
        Units; infinite for a resource that is free.
    rank : array-like of int of shape (K,), optional
        From `choice.lightness`: among arms of equal worth the one of lowest rank is given; catalogue order without it.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Allocation

    Raises
    ------
    InvalidInput
        Every fault at once: shapes, NaN, a first arm that is not lawful or uses something, negative usage or capacity.
    """
    raise NotImplementedError
