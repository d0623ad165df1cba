"""Capacity as prices: what an arm is worth once the resources it uses have been paid for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.errors import Fault, InvalidInput

Floats = NDArray[np.float64]


def priced(value: Any, usage: Any, prices: Any) -> Floats:
    """Return values less the shadow price of what each arm uses.

    With prices that were frozen before anybody's draw, each borrower's choice depends on that borrower alone: the
    propensity that follows from the result is exact.

    Parameters
    ----------
    value : array-like of shape (n, K)
        Account currency; -inf where the arm is not lawful stays so.
    usage : array-like of shape (K, R)
        Units of each resource that an arm uses.
    prices : array-like of shape (R,)
        Account currency per unit, 0 or more; infinite bars every arm that uses the resource.

    Returns
    -------
    ndarray of shape (n, K)
        Account currency.

    Examples
    --------
    >>> priced([[0.0, 5.0, 9.0]], [[0.0], [1.0], [2.0]], [1.5])
    array([[0. , 3.5, 6. ]])
    """
    u, p = np.asarray(usage, dtype=np.float64), np.asarray(prices, dtype=np.float64)
    v = np.asarray(value, dtype=np.float64)
    if u.ndim != 2 or p.shape != u.shape[1:] or v.ndim != 2 or v.shape[1] != len(u):
        found = f"value {v.shape}, usage {u.shape}, prices {p.shape}"
        raise InvalidInput([Fault("value, usage and prices", "shapes (n, K), (K, R) and (R,)", found, "")])
    if not (p >= 0).all():
        raise InvalidInput([Fault("prices", "numbers of 0 or more", repr(p.tolist()), "Take those of `allocate`.")])
    result: Floats = v - arm_prices(u, p)
    return result


def arm_prices(usage: Floats, prices: Floats) -> Floats:
    """Return what each arm pays, of shape (K,); what is not used costs nothing, however dear it is."""
    charged: Floats = np.where(usage > 0, usage * np.where(usage > 0, prices, 0.0), 0.0).sum(axis=1)
    return charged


def reserve(capacity: Any, headroom: float) -> Floats:
    """Return the capacity that is left once a share is kept free.

    Parameters
    ----------
    capacity : array-like of shape (R,)
        Units; infinite stays infinite.
    headroom : float
        Share kept free, from 0 to below 1.

    Examples
    --------
    >>> reserve([200.0, float("inf")], 0.05)
    array([190.,  inf])
    """
    if not 0 <= headroom < 1:
        raise InvalidInput([Fault("headroom", "a share from 0 to below 1", repr(headroom), "0.05 keeps a twentieth free.")])
    left: Floats = np.asarray(capacity, dtype=np.float64) * (1.0 - headroom)
    return left


def remaining(capacity: Any, usage: Any, standing: Any) -> Floats:
    """Return what standing decisions leave of a capacity; never below 0.

    Parameters
    ----------
    capacity : array-like of shape (R,)
        Units.
    usage : array-like of shape (K, R)
        Units that each arm uses.
    standing : array-like of shape (K,)
        How many borrowers stand on each arm.

    Examples
    --------
    >>> remaining([10.0, float("inf")], [[0.0, 0.0], [1.0, 2.0]], [5, 4])
    array([ 6., inf])
    """
    used = np.asarray(standing, dtype=np.float64) @ np.asarray(usage, dtype=np.float64)
    left: Floats = np.maximum(np.asarray(capacity, dtype=np.float64) - used, 0.0)
    return left
