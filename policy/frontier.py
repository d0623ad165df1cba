"""The frontier: how much recovery each contact buys, from nobody contacted to everybody who gains by it.

A price per contact is put on top of what contacts cost; at each price everybody gets the arm that is then worth most. These
policies are the best ones at their number of contacts: no other way to hand out as many is expected to bring more value.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .allocation import allocate, priced
from .choice import best_arm, lightness
from .dose import planned_counts
from .settings import PolicySettings
from .value import arm_value

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Prospects:
    """What a model expects of borrowers, and which arms are open to them.

    Parameters
    ----------
    response, harm : ndarray of shape (n, K)
        Probabilities within the horizon.
    recoverable : ndarray of shape (n,)
        What a repayment brings, account currency.
    open_arms : ndarray of shape (n, K)
        Lawful and supported; no contact always is open.
    """

    response: Floats
    harm: Floats
    recoverable: Floats
    open_arms: Flags

    def value(self, arms: ArmCatalogue, settings: PolicySettings) -> Floats:
        """Return the value of each arm, -inf where it is not open, of shape (n, K)."""
        open_arms = self.open_arms | (np.arange(len(arms)) == 0)
        return np.where(open_arms, arm_value(self.response, self.recoverable, self.harm, arms, settings), -np.inf)


@dataclass(frozen=True)
class FrontierPoint:
    """One policy of the frontier, and what the model expects of it per decision.

    Parameters
    ----------
    price : float
        Account currency per contact, on top of its cost.
    arm : ndarray of int of shape (n,)
    contacts_per_week : float
        Contacts a week per borrower.
    recovered : float
        Account currency, before costs.
    repaid, harm : float
        Shares.
    value : float
        Account currency, contacts at their cost alone.
    """

    price: float
    arm: NDArray[np.int64]
    contacts_per_week: float
    recovered: float
    repaid: float
    harm: float
    value: float


def frontier(prospects: Prospects, arms: ArmCatalogue, settings: PolicySettings, points: int = 11) -> list[FrontierPoint]:
    """Sweep the price of a contact from what ends all contact down to nothing.

    Parameters
    ----------
    points : int
        At most as many policies, evenly spaced in contacts; prices at which nothing changes are told once.

    Returns
    -------
    list of FrontierPoint
        From no contact upwards.
    """
    value = prospects.value(arms, settings)
    contacts = planned_counts(arms, settings.outcome.horizon_days).sum(axis=1)
    rank = lightness(arms, settings)
    lawful = np.isfinite(value)
    swept = [
        (price, best_arm(priced(value, contacts[:, None], [price]), lawful, rank))
        for price in contact_prices(value, contacts, points)
    ]
    found = [point_of(price, arm, prospects, arms, settings) for price, arm in swept]
    apart = [i for i, point in enumerate(found) if i == 0 or not np.array_equal(point.arm, found[i - 1].arm)]
    return [found[i] for i in apart]


def contact_prices(value: Floats, contacts: Floats, points: int) -> list[float]:
    """Return prices per contact, falling to 0, at which even steps of all contacts that gain anything are made.

    Parameters
    ----------
    value : ndarray of shape (n, K)
        -inf where an arm is not open.
    contacts : ndarray of shape (K,)
        Over the horizon.
    """
    if points < 2:
        raise InvalidInput([Fault("points", "2 or more", str(points), "The ends alone are two.")])
    usage = contacts[:, None]
    free = allocate(value, usage, [np.inf], settled=False)
    limits = np.linspace(0.0, 1.0, points)[:-1] * free.used[0]
    return [*(float(allocate(value, usage, [limit], settled=False).prices[0]) for limit in limits), 0.0]


def point_of(
    price: float, arm: NDArray[np.int64], prospects: Prospects, arms: ArmCatalogue, settings: PolicySettings
) -> FrontierPoint:
    """Return what the model expects where each borrower gets that arm."""
    rows = np.arange(len(arm))
    response, harm = prospects.response[rows, arm], prospects.harm[rows, arm]
    value = arm_value(prospects.response, prospects.recoverable, prospects.harm, arms, settings)[rows, arm]
    return FrontierPoint(
        price=price,
        arm=arm,
        contacts_per_week=float(arms.intensity[arm].mean()),
        recovered=float((response * prospects.recoverable).mean()),
        repaid=float(response.mean()),
        harm=float(harm.mean()),
        value=float(value.mean()),
    )
