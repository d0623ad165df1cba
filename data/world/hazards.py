"""What may happen to a person on one day: the one set of functions behind the events, their replay and the truth.

All of them take positions of people of any shape and broadcast: shape (n,) where each person follows their own arm, shape
(n, 1) against K arms where the truth looks at every arm.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..arms import ArmCatalogue
from .calendar import Calendar
from .loans import Loans
from .people import TALK, WEIGHTS, Floats, Ints, People
from .specs import WorldSpec

Bools = NDArray[np.bool_]

_ANGER_MAX = 3.0  # Nobody is made more than about twenty times slower by contact.
_STAGE_CAP_DAYS = 120.0
# Funds after pay day, by days since it: plenty at first, then less, then little.
_FUNDS = np.concatenate([np.full(4, 1.0), np.linspace(0.3, -0.6, 28)])


@dataclass(frozen=True)
class Setting:
    """Everything that stays fixed while a world runs.

    Parameters
    ----------
    spec, arms, calendar, people, loans
        The world's parts.
    plan : ndarray of shape (K, horizon + 1, channels)
        Contacts of each arm by day after the decision.
    """

    spec: WorldSpec
    arms: ArmCatalogue
    calendar: Calendar
    people: People
    loans: Loans
    plan: Bools

    @cached_property
    def fading(self) -> float:
        """Share of the contact load that is left after a day."""
        return float(0.5 ** (1.0 / self.spec.friction.half_life))

    @cached_property
    def forgets_nudge(self) -> float:
        """Chance per day that a nudge wears off."""
        return 1.0 / self.spec.repayment.nudge_days

    @cached_property
    def season(self) -> Floats:
        """Effect of the times on the log hazard of paying, by day."""
        return np.where(self.changed, self.spec.repayment.shock, 0.0)

    @cached_property
    def changed(self) -> Bools:
        """Whether times have changed, by day."""
        at = self.spec.repayment.shock_at
        start = np.inf if at is None else at * self.calendar.days
        return np.asarray(np.arange(len(self.calendar.dom)) >= start)


@dataclass(frozen=True)
class Standing:
    """People under a commitment, as they were when it was decided, and the day now.

    Parameters
    ----------
    person, day, dpd, burden : ndarray
        Position; day number; days past due today; log of overdue amount over one instalment at the decision.
    """

    person: Ints
    day: Ints | int
    dpd: Ints
    burden: Floats


@dataclass(frozen=True)
class DayOdds:
    """Chances of one day of a standing commitment, in the order in which they are drawn.

    Parameters
    ----------
    harm, leave : ndarray
        A complaint or opt-out; a dispute or hardship notice. Both end the commitment.
    promise : ndarray
        A promise, where somebody was spoken to.
    pay_calm, pay_nudged : ndarray
        Payment of all that is overdue, without and with a nudge in force.
    """

    harm: Floats
    leave: Floats
    promise: Floats
    pay_calm: Floats
    pay_nudged: Floats


def reach_today(setting: Setting, who: Standing) -> Floats:
    """Return the chance that a contact gets through, of shape (..., channels); none where the endpoint is dead."""
    people, day = setting.people, np.asarray(who.day)[..., None]
    return np.asarray(people.reach[who.person] * (day < people.dead_day[who.person]))


def calm_rate(setting: Setting, who: Standing) -> Floats:
    """Return the hazard per day of paying all that is overdue, for somebody left in peace."""
    people, pay = setting.people, setting.spec.repayment
    since = (setting.calendar.dom[who.day] - people.pay_dom[who.person]) % 31
    effect = (
        people.pay_swing[who.person] * _FUNDS[since]
        - pay.stage * np.minimum(who.dpd, _STAGE_CAP_DAYS) / 30.0
        - pay.burden * who.burden
        + setting.season[who.day]
    )
    return np.asarray(people.base[who.person] * np.exp(effect))


def day_odds(setting: Setting, who: Standing, load: Floats, contacted: Bools) -> DayOdds:
    """Return the chances of a day under a standing commitment.

    Parameters
    ----------
    load : ndarray
        Contact load after today's contacts.
    contacted : ndarray of bool
        Whether anything was sent or dialled today.
    """
    people, friction = setting.people, setting.spec.friction
    anger = anger_of(setting, who.person, load)
    rate = calm_rate(setting, who)
    calm = rate * np.exp(-anger)
    return DayOdds(
        harm=contacted * chance(friction.harm_rate * people.touchy[who.person] * np.exp(anger)),
        leave=chance(friction.exit_rate * np.exp(-0.5 * people.ability[who.person])),
        promise=people.promise[who.person],
        pay_calm=chance(calm),
        pay_nudged=chance(calm * np.exp(nudge_effect(setting, who))),
    )


def anger_of(setting: Setting, person: Ints, load: Floats) -> Floats:
    """Return the loss in log hazard from being contacted more than one bears."""
    people = setting.people
    excess = np.maximum(load - people.tolerance[person], 0.0)
    return np.asarray(np.minimum(people.temper[person] * excess, _ANGER_MAX))


def nudge_effect(setting: Setting, who: Standing) -> Floats:
    """Return what a nudge adds to the log hazard."""
    pay = setting.spec.repayment
    left = pay.gain_floor + (1.0 - pay.gain_floor) * np.exp(-who.dpd / pay.gain_days)
    gain = setting.people.gain[who.person] * left
    if pay.shock_at is not None:
        gain = gain * np.where(setting.changed[who.day], pay.shock_gain, 1.0)
    if pay.bureau_after is not None:
        gain = gain * np.where(who.dpd > pay.bureau_after, pay.bureau_gain, 1.0)
    return np.asarray(gain)


def promised_chance(setting: Setting, who: Standing) -> Floats:
    """Return the chance per day of paying while a promise runs."""
    return chance(calm_rate(setting, who) * np.exp(setting.spec.repayment.promise_effect))


def quiet_chance(setting: Setting, who: Standing) -> Floats:
    """Return the chance per day of paying for somebody left alone after a stop or a broken promise."""
    return chance(calm_rate(setting, who) * np.exp(setting.spec.repayment.quiet))


def chance(rate: Floats) -> Floats:
    """Return the chance of an event within a day at a constant rate per day."""
    return np.asarray(-np.expm1(-rate))


def load_of(hit: Bools) -> Floats:
    """Return the load that contacts of shape (..., channels) add."""
    return np.asarray(hit @ WEIGHTS)


def silence(reach: Floats, hit: Bools) -> tuple[Floats, Floats]:
    """Return the chances that no call, and that no written contact, gets through today."""
    talk = np.ones(np.broadcast_shapes(reach.shape, hit.shape)[:-1])
    text = np.ones_like(talk)
    for c in np.flatnonzero(hit.reshape(-1, hit.shape[-1]).any(axis=0)):
        missed = 1.0 - reach[..., c] * hit[..., c]
        if TALK[c]:
            talk *= missed
        else:
            text *= missed
    return talk, text
