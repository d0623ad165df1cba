"""From prices to arms within capacity: relieve what is over-used where it costs least, then fill what is left.

At the right prices almost everybody has the arm of highest priced value already. What is over-used is relieved by moves that
lose little against the resource they free; slack is then filled by moves that gain. Both go over the book in passes with a
rising limit on loss per unit of price freed or paid, so nothing is sorted and nothing of size n is kept; the order of the rows
settles ties.
"""

from itertools import chain, repeat
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .allocation_dual import Problem
from .allocation_kernels import Ints

Floats = NDArray[np.float64]

_FINEST: Final = -24
_RELIEF_LIMITS: Final = tuple(2.0**e for e in range(_FINEST, 41))
_FILL_LIMITS: Final = (0.0, *(2.0**e for e in range(_FINEST, 1)))
# What a resource without a price is reckoned at while it is over-used, as a share of its ceiling.
_UNPRICED: Final = 1e-3
# Slack worth less than this share of the bound is not worth a pass.
_NEGLIGIBLE: Final = 1e-9


@njit(nogil=True)  # type: ignore[untyped-decorator]
def used_by(counts: Ints, usage: Floats, used: Floats) -> None:
    """Put into `used` what so many borrowers on each arm use; always summed in the same order."""
    for r in range(usage.shape[1]):
        total = 0.0
        for k in range(usage.shape[0]):
            total += counts[k] * usage[k, r]
        used[r] = total


class Terms(NamedTuple):
    """What both kinds of moves reckon with.

    Parameters
    ----------
    price : ndarray of shape (K,)
        What each arm pays at the shadow prices.
    usage : ndarray of shape (K, R)
    capacity, weight : ndarray of shape (R,)
        Units; what a unit above capacity is reckoned at.
    order : ndarray of int
        Arms that may be given, the lightest first.
    """

    price: Floats
    usage: Floats
    capacity: Floats
    weight: Floats
    order: Ints


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _over(terms: Terms, used: Floats) -> float:
    """Return the weighted use above capacity."""
    total = 0.0
    for r in range(used.shape[0]):
        total += terms.weight[r] * max(used[r] - terms.capacity[r], 0.0)
    return total


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _over_after(terms: Terms, used: Floats, a: int, k: int) -> float:
    """Return the weighted use above capacity if a borrower moved from arm a to arm k."""
    total = 0.0
    for r in range(used.shape[0]):
        total += terms.weight[r] * max(used[r] - terms.usage[a, r] + terms.usage[k, r] - terms.capacity[r], 0.0)
    return total


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _fits(terms: Terms, used: Floats, a: int, k: int) -> bool:
    for r in range(used.shape[0]):
        more = terms.usage[k, r] - terms.usage[a, r]
        if more > 0.0 and used[r] + more > terms.capacity[r]:
            return False
    return True


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _relieve(value: NDArray[Any], terms: Terms, arm: Ints, counts: Ints, limit: float) -> bool:
    """Move borrowers off what is over-used where the loss per relief is within the limit; True once nothing is over-used."""
    used = np.zeros(terms.capacity.shape[0])
    used_by(counts, terms.usage, used)
    over = _over(terms, used)
    for i in range(value.shape[0]):
        if over <= 0.0:
            return True
        a = arm[i]
        own = value[i, a] - terms.price[a]
        to, least = a, np.inf
        for k in terms.order:
            relief = over - _over_after(terms, used, a, k)
            if relief > 0.0 and value[i, k] > -np.inf:
                loss = (own - value[i, k] + terms.price[k]) / relief
                if loss < least:
                    to, least = k, loss
        if to != a and least <= limit:
            arm[i] = to
            counts[a] -= 1
            counts[to] += 1
            used_by(counts, terms.usage, used)
            over = _over(terms, used)
    return bool(over <= 0.0)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _fill(value: NDArray[Any], terms: Terms, arm: Ints, counts: Ints, limit: float) -> None:
    """Move borrowers to arms of higher value that fit, where the loss in priced value per price paid is within the limit."""
    used, after = np.zeros(terms.capacity.shape[0]), np.zeros(terms.capacity.shape[0])
    used_by(counts, terms.usage, used)
    for i in range(value.shape[0]):
        a = arm[i]
        to, least = a, np.inf
        for k in terms.order:
            gain = value[i, k] - value[i, a]
            if gain > 0.0 and _fits(terms, used, a, k):
                paid = terms.price[k] - terms.price[a]
                loss = (paid - gain) / paid if paid > gain else 0.0
                if loss < least:
                    to, least = k, loss
        if to == a or least > limit:
            continue
        counts[a] -= 1
        counts[to] += 1
        used_by(counts, terms.usage, after)
        if _over(terms, after) > 0.0:  # by rounding alone: the use of all is not summed as the use of one more was
            counts[a] += 1
            counts[to] -= 1
        else:
            arm[i] = to
            used[:] = after


def repair(problem: Problem, prices: Floats, arm: Ints) -> Ints:
    """Change `arm` in place until nothing is over-used and nothing that gains fits any more; return the counts by arm.

    Parameters
    ----------
    arm : ndarray of int of shape (n,)
        Lawful arms, such as those of highest priced value.
    """
    price = problem.usage @ prices
    counts = np.bincount(arm, minlength=len(price)).astype(np.int64)
    weight = np.maximum(np.maximum(prices, _UNPRICED * problem.ceiling), 1e-300)
    terms = Terms(price, problem.usage, problem.capacity, weight, problem.order)
    # The last limit bars nothing: each of its passes takes somebody off, in the end everybody to the first arm.
    for limit in chain(_RELIEF_LIMITS, repeat(np.inf)):
        if _relieve(problem.value, terms, arm, counts, limit):
            break
    worth_a_pass = _NEGLIGIBLE * abs(problem.dual(prices)[0])
    for limit in _FILL_LIMITS:
        if limit > 0.0 and float((problem.capacity - counts @ problem.usage) @ prices) <= worth_a_pass:
            break
        _fill(problem.value, terms, arm, counts, limit)
    return counts
