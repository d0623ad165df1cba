"""The last thousandth on small books: what prices leave open, settled by HiGHS.

At the shadow prices an arm whose priced value lies below its borrower's best by more than bound - value cannot be part of a
better allocation. On a small book few arms are left; HiGHS, which comes with SciPy, settles those few exactly.

References
----------
Pisinger (1999), Core problems in knapsack algorithms, Operations Research.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, vstack

from .dual import Problem
from .kernels import Ints

Floats = NDArray[np.float64]

# Above this many borrowers the gap is below a millionth without it.
MAX_ROWS: Final = 50_000
_MAX_OPEN: Final = 4_000
_MAX_NODES: Final = 20_000
_MAX_NODE_ROWS: Final = 500_000
_CLOSED: Final = 1e-6
_ROUNDING: Final = 1e-9


def settle(problem: Problem, prices: Floats, arm: Ints, bound: float) -> Ints:
    """Return arms of no less value, within capacity; the same ones where nothing better is found.

    Parameters
    ----------
    arm : ndarray of int of shape (n,)
        Within capacity.
    bound : float
        The dual at `prices`.
    """
    rows = np.arange(len(arm))
    value = np.asarray(problem.value, dtype=np.float64)
    found = float(value[rows, arm].sum())
    if bound - found <= _CLOSED * max(abs(bound), abs(found)):
        return arm
    regret = _regret(problem, value, prices)
    left = _open_arms(regret, bound - found + _ROUNDING * abs(bound))
    left[rows, arm] = True
    candidate = _solve(problem, value, left)
    if candidate is None or float(value[rows, candidate].sum()) <= found:
        return arm
    return candidate


def _regret(problem: Problem, value: Floats, prices: Floats) -> Floats:
    """Return how far each arm's priced value lies below its borrower's best; infinite for arms that may not be given."""
    net = np.full(value.shape, -np.inf)
    net[:, problem.order] = (value - problem.usage @ prices)[:, problem.order]
    return np.asarray(net.max(axis=1, keepdims=True) - net)


def _open_arms(regret: Floats, limit: float) -> NDArray[np.bool_]:
    """Return the arms that may be part of a better allocation; the likeliest where they are too many."""
    left = regret <= limit
    if left.sum() > len(regret) + _MAX_OPEN:
        others = np.sort(regret[left], axis=None)
        left = regret <= others[len(regret) + _MAX_OPEN]
    return left


def _solve(problem: Problem, value: Floats, left: NDArray[np.bool_]) -> Ints | None:
    """Choose among the open arms, borrowers with one open arm settled beforehand."""
    settled = left.sum(axis=1) == 1
    arm: Ints = left.argmax(axis=1).astype(np.int64)
    row, k = np.nonzero(left & ~settled[:, None])
    if len(row) == 0:
        return arm
    capacity = problem.capacity - np.bincount(arm[settled], minlength=len(problem.usage)) @ problem.usage
    _, at = np.unique(row, return_inverse=True)
    variables = np.arange(len(row))
    one_each = coo_array((np.ones(len(row)), (at, variables)))
    # The last variable is fixed at 1 and carries what is settled, so that HiGHS's relative gap is that of the whole book.
    base = float(value[np.flatnonzero(settled), arm[settled]].sum())
    use = coo_array(problem.usage[k].T)
    matrix = vstack([one_each, use]).tocsc()
    matrix.resize((matrix.shape[0], len(row) + 1))
    ones = np.ones(int(at.max()) + 1)
    result = milp(
        -np.r_[value[row, k], base],
        integrality=np.r_[np.ones(len(row)), 0.0],
        bounds=Bounds(np.r_[np.zeros(len(row)), 1.0], 1.0),
        constraints=LinearConstraint(matrix, np.r_[ones, np.full(len(capacity), -np.inf)], np.r_[ones, capacity]),
        # Nodes, not seconds, so that the result is the same on every machine.
        options={"node_limit": max(1, min(_MAX_NODES, _MAX_NODE_ROWS // len(value))), "mip_rel_gap": _CLOSED},
    )
    if result.x is None:
        return None
    chosen = result.x[:-1] > 0.5
    if not (np.bincount(at[chosen], minlength=len(ones)) == 1).all():
        return None
    arm[row[chosen]] = k[chosen]
    return arm
