"""What an arm is worth: expected net recovery in account currency."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from ..data.vocabulary import CHANNELS
from .dose import planned_counts
from .settings import PolicySettings

Floats = NDArray[np.float64]


def contact_cost(arms: ArmCatalogue, settings: PolicySettings) -> Floats:
    """Return what an arm's planned contacts cost over the horizon.

    Returns
    -------
    ndarray of shape (K,)
        Account currency.
    """
    prices = np.array([settings.costs[channel] for channel in CHANNELS])
    cost: Floats = planned_counts(arms, settings.outcome.horizon_days) @ prices
    return cost


def arm_value(response: Any, recoverable: Any, harm: Any, arms: ArmCatalogue, settings: PolicySettings) -> Floats:
    """Return the expected net recovery of each arm.

    value = response x recoverable x margin - contacts over the horizon x cost by channel - harm x price of harm.

    Parameters
    ----------
    response : array-like of shape (n, K)
        P(repaid within the horizon) under each arm.
    recoverable : array-like of shape (n,)
        What a repayment brings, account currency.
    harm : array-like of shape (n, K)
        P(complaint or opt-out within the horizon) under each arm.
    arms : ArmCatalogue
        K arms, their doses known.
    settings : PolicySettings

    Returns
    -------
    ndarray of shape (n, K)
        Account currency.

    Raises
    ------
    InvalidInput
        Where shapes differ, a number is missing or infinite, or an arm's dose is not known.

    Examples
    --------
    >>> from ..data.arms import Arm
    >>> arms = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1)])
    >>> arm_value([[0.40, 0.45]], [200.0], [[0.0, 0.01]], arms, PolicySettings()).round(2).tolist()
    [[80.0, 85.75]]
    """
    p, q = np.asarray(response, dtype=np.float64), np.asarray(harm, dtype=np.float64)
    m = np.asarray(recoverable, dtype=np.float64)
    _check(p, q, m, len(arms))
    value: Floats = p * m[:, None] * settings.margin - contact_cost(arms, settings) - q * settings.harm_price
    return value


def loss_upper(
    contrast_low: Any, recoverable: Any, harm: Any, best: NDArray[np.int64], arms: ArmCatalogue, settings: PolicySettings
) -> Floats:
    """Return the most that giving an arm instead of the best one may be expected to lose.

    The bound is that of the *contrast* P(arm) - P(best), whose errors are joint: two wide intervals that overlap say
    nothing about their difference.

    Parameters
    ----------
    contrast_low : array-like of shape (n, K)
        Lower bound of P(repaid | arm) - P(repaid | best arm of the row); NaN where it is not known.
    recoverable : array-like of shape (n,)
        Account currency.
    harm : array-like of shape (n, K)
        P(complaint or opt-out).
    best : ndarray of shape (n,)
        Position of the row's best arm.
    arms : ArmCatalogue
    settings : PolicySettings

    Returns
    -------
    ndarray of shape (n, K)
        Account currency; 0 for the best arm itself, infinite where the contrast is not known.
    """
    low, q = np.asarray(contrast_low, dtype=np.float64), np.asarray(harm, dtype=np.float64)
    m = np.asarray(recoverable, dtype=np.float64)
    rows = np.arange(len(m))
    burden = contact_cost(arms, settings) + q * settings.harm_price
    loss = -low * m[:, None] * settings.margin + burden - burden[rows, best][:, None]
    loss = np.where(np.isnan(loss), np.inf, loss)
    loss[rows, best] = 0.0
    return np.asarray(loss, dtype=np.float64)


def _check(p: Floats, q: Floats, m: Floats, k: int) -> None:
    shape = (len(m), k)
    faults = [
        Fault(name, f"shape {shape}", f"shape {values.shape}", "A row per borrower, a column per arm.")
        for name, values in (("response", p), ("harm", q))
        if values.shape != shape
    ]
    faults += [
        Fault(name, "finite numbers", f"{np.count_nonzero(~np.isfinite(values)):,} that are not", "Score these rows first.")
        for name, values in (("response", p), ("harm", q), ("recoverable", m))
        if not np.isfinite(values).all()
    ]
    if faults:
        raise InvalidInput(faults)
