"""Allocation under capacity: who gets which arm when calls, messages or money are short.

maximise   sum_i value[i, arm_i]   subject to   sum_i usage[arm_i, r] <= capacity[r]   for every resource r

`allocate` decides for all borrowers at once (a night without exploration). Under exploration nothing may be moved after the
draw: take `frozen_prices` before it, choose or draw from `priced(value, usage, prices)`, and repair nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.errors import Fault, InvalidInput
from .pricing.core import MAX_ROWS, settle
from .pricing.dual import Problem, shadow_prices
from .pricing.kernels import Ints, scan, worth
from .pricing.prices import priced, remaining, reserve
from .pricing.repair import repair, used_by

__all__ = ["Allocation", "allocate", "priced", "remaining", "reserve"]

Floats = NDArray[np.float64]

# By how much more than anybody would pay a resource without capacity costs: ties would let somebody in.
_ABOVE = 1e-6


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


def allocate(value: Any, usage: Any, capacity: Any, *, rank: Any = None, threads: int = 2, settled: bool = True) -> Allocation:
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
    settled : bool, optional
        Search small books for the best allocation of all; without it prices and feasible arms come sooner, the same prices.

    Returns
    -------
    Allocation

    Raises
    ------
    InvalidInput
        Every fault at once: shapes, NaN, a first arm that is not lawful or uses something, negative usage or capacity.
    """
    v, u, c = _matrix(value), np.asarray(usage, dtype=np.float64), np.asarray(capacity, dtype=np.float64)
    order = _order(rank, len(u))
    top = _check(v, u, c, order, threads)
    if len(v) == 0:
        return Allocation(np.empty(0, dtype=np.int64), 0.0, 0.0, 0.0, np.zeros(len(c)), np.zeros(len(c)))
    prices, short, given = _presolve(u, c, order, top)
    problem = Problem(v, np.ascontiguousarray(u[:, short]), c[short], given, _ceiling(u[:, short], given, top), threads)
    prices[short], bound = shadow_prices(problem)
    arm = np.empty(len(v), dtype=np.int64)
    problem.dual(prices[short], arm)
    repair(problem, prices[short], arm)
    if settled and len(v) <= MAX_ROWS:
        arm = settle(problem, prices[short], arm, bound)
        repair(problem, prices[short], arm)
    total = worth(v, arm, threads)
    return _allocation(arm, total, max(bound, total), prices, u)


def _matrix(value: Any) -> NDArray[Any]:
    v = np.asarray(value)
    return np.ascontiguousarray(v if v.dtype in {np.dtype(np.float32), np.dtype(np.float64)} else v.astype(np.float64))


def _order(rank: Any, K: int) -> Ints:
    ranks = np.arange(K) if rank is None else np.asarray(rank)
    return np.argsort(ranks, kind="stable").astype(np.int64)


def _check(value: NDArray[Any], usage: Floats, capacity: Floats, order: Ints, threads: int) -> Floats:
    """Return each arm's top gain over the first arm, or tell every fault at once."""
    faults = _shape_faults(value, usage, capacity, order)
    if not (np.isfinite(usage).all() and (usage >= 0).all()):
        faults.append(Fault("usage", "finite numbers of 0 or more", "others", "Units of each resource that an arm uses."))
    elif usage.ndim == 2 and len(usage) and usage[0].any():
        faults.append(Fault("usage of the first arm", "0 of everything", repr(usage[0].tolist()), "No contact uses nothing."))
    if not (capacity >= 0).all():
        remedy = "Infinite for a resource that is free."
        faults.append(Fault("capacity", "numbers of 0 or more", repr(capacity.tolist()), remedy))
    top = np.zeros(len(usage) if usage.ndim else 0)
    if value.ndim == 2 and value.size:
        missing, infinite, barred, top = scan(value, threads)
        remedy = "Score these rows first; -inf marks an arm that is not lawful."
        counts = {"missing": missing, "infinite": infinite}
        faults += [Fault("value", "numbers", f"{count:,} {word}", remedy) for word, count in counts.items() if count]
        if barred:
            faults.append(
                Fault("value of the first arm", "a number for everybody", f"{barred:,} of -inf", "It is always lawful.")
            )
    if faults:
        raise InvalidInput(faults)
    return top


def _shape_faults(value: NDArray[Any], usage: Floats, capacity: Floats, order: Ints) -> list[Fault]:
    wanted = {
        "value": (
            value.ndim == 2 and value.shape[1:] == usage.shape[:1] and value.shape[1:] != (0,),
            "shape (n, K)",
            value.shape,
        ),
        "usage": (usage.ndim == 2, "shape (K, R)", usage.shape),
        "capacity": (capacity.ndim == 1 and usage.shape[1:] == capacity.shape, "shape (R,)", capacity.shape),
        "rank": (order.ndim == 1 and order.shape == usage.shape[:1], "shape (K,)", order.shape),
    }
    return [Fault(name, shape, f"shape {found}", "") for name, (fine, shape, found) in wanted.items() if not fine]


def _presolve(usage: Floats, capacity: Floats, order: Ints, top: Floats) -> tuple[Floats, NDArray[np.bool_], Ints]:
    """Return first prices, which resources may be short, and the arms that fit at all.

    An arm of which not even one borrower's use fits is never given. What has no capacity at all is dear enough that nobody
    would use it.
    """
    fits = np.asarray((usage <= capacity).all(axis=1))
    given = order[fits[order]]
    closed = capacity == 0
    prices = np.zeros(len(capacity))
    prices[closed] = _ceiling(usage[:, closed], order, top) * (1.0 + _ABOVE)
    short = np.isfinite(capacity) & ~closed & (usage[given] > 0).any(axis=0)
    return prices, short, given


def _ceiling(usage: Floats, given: Ints, top: Floats) -> Floats:
    """Return prices above which nobody uses the resource, of shape (R,)."""
    u = usage[given]
    gain_per_unit = np.divide(top[given][:, None], u, out=np.zeros_like(u), where=u > 0)
    ceiling: Floats = gain_per_unit.max(axis=0, initial=0.0)
    return ceiling


def _allocation(arm: Ints, total: float, bound: float, prices: Floats, usage: Floats) -> Allocation:
    used = np.zeros(len(prices))
    used_by(np.bincount(arm, minlength=len(usage)).astype(np.int64), usage, used)
    scale = max(abs(bound), abs(total))
    return Allocation(arm, total, bound, (bound - total) / scale if scale > 0 else 0.0, prices, used)
