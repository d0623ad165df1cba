"""What an arm is worth: expected net recovery in account currency."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

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
    >>> from lighttouch.data.arms import Arm
    >>> arms = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1)])
    >>> arm_value([[0.40, 0.45]], [200.0], [[0.0, 0.01]], arms, PolicySettings()).round(2).tolist()
    [[80.0, 85.75]]
    """
    p, q = np.asarray(response, dtype=np.float64), np.asarray(harm, dtype=np.float64)
    m = np.asarray(recoverable, dtype=np.float64)
    _check(p, q, m, len(arms))
    value: Floats = p * m[:, None] * settings.margin - arm_burden(q, arms, settings)
    return value


def arm_burden(harm: Any, arms: ArmCatalogue, settings: PolicySettings) -> Floats:
    """Return what the arms cost beside what they bring: contacts, and the price of harm, of shape (n, K)."""
    burden: Floats = contact_cost(arms, settings) + np.asarray(harm, dtype=np.float64) * settings.harm_price
    return burden


def dose_price(arms: ArmCatalogue, recoverable: Any, settings: PolicySettings) -> Floats:
    """Return what an arm's contacts must bring beyond their cost to be worth the borrower's attention.

    No money is spent: a price that contacts are weighed by, never part of an arm's value.

    Returns
    -------
    ndarray of shape (n, K)
        Account currency: `dose_price_share` of what is recoverable for each contact a week.

    Examples
    --------
    >>> from lighttouch.data.arms import Arm
    >>> dose_price(ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)]), [200.0], PolicySettings()).tolist()
    [[0.0, 2.0]]
    """
    price: Floats = settings.dose_price_share * np.asarray(recoverable, dtype=np.float64)[:, None] * arms.intensity
    return price


def expected_loss(contrast: Any, deviation: Any, stake: Any, burden: Any, best: NDArray[np.int64]) -> Floats:
    """Return what giving an arm instead of the best one must be expected to lose, what is not known of it included.

    The loss L counts where it is one, as E[max(L, 0)]: an upper bound of E[L] that grows with what is not known, so that less
    data never means less contact. Uncertain is the *contrast* P(arm) - P(best), whose errors are joint: two wide intervals that
    overlap say nothing about their difference.

    Parameters
    ----------
    contrast, deviation : array-like of shape (n, K)
        P(repaid | arm) - P(repaid | best arm of the row), and its standard error, taken as normal; NaN where not known.
    stake : array-like of shape (n,)
        What a repayment is worth, account currency.
    burden : array-like of shape (n, K)
        What the arms cost: `arm_burden`, and the prices of capacity.
    best : ndarray of shape (n,)
        Position of the row's best arm.

    Returns
    -------
    ndarray of shape (n, K)
        Account currency; 0 for the best arm itself, infinite where the contrast is not known.

    Examples
    --------
    >>> best, nothing = np.array([1]), [[0.0, 0.0]]
    >>> expected_loss([[-0.01, 0.0]], [[0.0, 0.0]], [200.0], nothing, best).round(2).tolist()
    [[2.0, 0.0]]
    >>> expected_loss([[-0.01, 0.0]], [[0.01, 0.0]], [200.0], nothing, best).round(2).tolist()
    [[2.17, 0.0]]
    """
    cost, gain = np.asarray(burden, dtype=np.float64), np.asarray(stake, dtype=np.float64)[:, None]
    rows = np.arange(len(best))
    loss = -np.asarray(contrast, dtype=np.float64) * gain + cost - cost[rows, best][:, None]
    unsure = np.asarray(deviation, dtype=np.float64) * gain
    with np.errstate(divide="ignore", invalid="ignore"):
        z = loss / unsure
        expected = loss * ndtr(z) + unsure * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    expected = np.where(unsure > 0, expected, np.maximum(loss, 0.0))
    expected = np.where(np.isnan(loss) | np.isnan(unsure), np.inf, expected)
    expected[rows, best] = 0.0
    return np.asarray(expected, dtype=np.float64)


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
