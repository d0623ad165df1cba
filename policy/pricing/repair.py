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

from .dual import Problem
from .kernels import Ints

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
def _reliefs(terms: Terms, used: Floats, table: Floats) -> float:
    """Put into `table`, of shape (K, K), how much weighted over-use a move from one arm to another takes away; return it all.

    It changes only when somebody has moved, which is rare: rows read the table.
    """
    over = _over(terms, used)
    after = used.copy()
    for a in terms.order:
        for k in terms.order:
            for r in range(used.shape[0]):
                after[r] = used[r] - terms.usage[a, r] + terms.usage[k, r]
            table[a, k] = over - _over(terms, after)
    return float(over)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _fitting(terms: Terms, used: Floats, table: NDArray[np.bool_]) -> None:
    """Put into `table`, of shape (K, K), whether a move from one arm to another fits into what is left."""
    for a in terms.order:
        for k in terms.order:
            fits = a != k
            for r in range(used.shape[0]):
                more = terms.usage[k, r] - terms.usage[a, r]
                fits = fits and (more <= 0.0 or used[r] + more <= terms.capacity[r])
            table[a, k] = fits


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _relieve(value: NDArray[Any], terms: Terms, arm: Ints, counts: Ints, limit: float) -> bool:
    """Move borrowers off what is over-used where the loss per relief is within the limit; True once nothing is over-used."""
    used = np.zeros(terms.capacity.shape[0])
    relief = np.zeros((terms.price.shape[0], terms.price.shape[0]))
    used_by(counts, terms.usage, used)
    over = _reliefs(terms, used, relief)
    for i in range(value.shape[0]):
        if over <= 0.0:
            return True
        a = arm[i]
        own = value[i, a] - terms.price[a]
        to, least = a, np.inf
        for k in terms.order:
            if relief[a, k] > 0.0 and value[i, k] > -np.inf:
                loss = (own - value[i, k] + terms.price[k]) / relief[a, k]
                if loss < least:
                    to, least = k, loss
        if to != a and least <= limit:
            arm[i] = to
            counts[a] -= 1
            counts[to] += 1
            used_by(counts, terms.usage, used)
            over = _reliefs(terms, used, relief)
    return bool(over <= 0.0)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _fill(value: NDArray[Any], terms: Terms, arm: Ints, counts: Ints, limit: float) -> None:
    """Move borrowers to arms of higher value that fit, where the loss in priced value per price paid is within the limit."""
    used = np.zeros(terms.capacity.shape[0])
    fits = np.zeros((terms.price.shape[0], terms.price.shape[0]), dtype=np.bool_)
    used_by(counts, terms.usage, used)
    _fitting(terms, used, fits)
    for i in range(value.shape[0]):
        a = arm[i]
        to, least = a, np.inf
        for k in terms.order:
            gain = value[i, k] - value[i, a]
            if fits[a, k] and gain > 0.0:
                paid = terms.price[k] - terms.price[a]
                loss = (paid - gain) / paid if paid > gain else 0.0
                if loss < least:
                    to, least = k, loss
        if to == a or least > limit:
            continue
        counts[a] -= 1
        counts[to] += 1
        used_by(counts, terms.usage, used)
        if _over(terms, used) > 0.0:  # by rounding alone: the use of all is not summed as the use of one more was
            counts[a] += 1
            counts[to] -= 1
            used_by(counts, terms.usage, used)
        else:
            arm[i] = to
            _fitting(terms, used, fits)


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
