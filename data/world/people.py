"""The people of a world: what moves them, which nobody sees, and what the bank knows of them."""

from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import CHANNELS
from .specs import WorldSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEGMENTS: Final = ("mass", "prime", "young", "small-business")
_SEGMENT_SHARES: Final = (0.48, 0.22, 0.18, 0.12)
_SEGMENT_ABILITY: Final = np.array([-0.1, 0.75, -0.45, 0.15])
_SEGMENT_BIRTH: Final = np.array([1984.0, 1979.0, 1999.0, 1982.0])
# The self-employed have more on their minds.
_SEGMENT_FORGETS: Final = np.array([0.0, -0.3, 0.0, 0.7])
_SEGMENT_BEARS: Final = np.array([0.15, -0.6, -0.35, 0.5])
EARLY_DAYS_MAX: Final = 3
# Jurisdiction, zone, language, currency (the lender keeps one set of accounts), share, and currency units to the unit in
# which instalments are drawn.
PLACES: Final = (
    ("CN", "Asia/Shanghai", "zh", "CNY", 0.52, 7.0),
    ("CN", "Asia/Urumqi", "zh", "CNY", 0.04, 7.0),
    ("US-MA", "America/New_York", "en", "CNY", 0.18, 7.0),
    ("NG", "Africa/Lagos", "en", "CNY", 0.14, 7.0),
    ("GB", "Europe/London", "en", "CNY", 0.12, 7.0),
)
# Chance that one contact gets through to an average person and moves them, and how much it adds to their load.
_REACH: Final = {
    "sms": 0.32, "call": 0.40, "voicemail": 0.15, "voicebot": 0.24, "email": 0.18, "app_push": 0.22, "im": 0.34,
    "letter": 0.30, "visit": 0.60,
}  # fmt: skip
WEIGHTS: Final = np.array([{"sms": 0.7, "email": 0.35, "app_push": 0.35, "im": 0.6, "letter": 0.5, "visit": 2.0}.get(c, 1.0)
                           for c in CHANNELS])  # fmt: skip
TALK: Final = np.array([channel in {"call", "voicebot", "visit"} for channel in CHANNELS])
_NEVER: Final = np.iinfo(np.int32).max


@dataclass(frozen=True)
class People:
    """Latent and observed traits, one entry (or row) per person.

    Parameters
    ----------
    ability, forgetful : ndarray of shape (n,)
        Standard score; 0 (never forgets) to 1.
    base, gain, promise, on_time : ndarray of shape (n,)
        Daily hazard of paying, added log hazard when nudged, chance of a promise in a conversation, of paying by the due day.
    pay_swing, pay_dom, pay_hour : ndarray of shape (n,)
        Swing of the hazard around pay day, pay day in the month, usual local hour of paying.
    tolerance, temper, touchy : ndarray of shape (n,)
        Load tolerated, loss per unit above it, factor on the harm rate.
    reach, dead_day : ndarray of shape (n, channels)
        Chance that a contact gets through; day from which the endpoint is dead.
    early, due_dom : ndarray of shape (n,)
        Days before the due day at which the person pays if on time; due day in the month.
    segment, place, birth_year : ndarray of shape (n,)
        Positions in `SEGMENTS` and `PLACES`; year.
    zone_known, spoken : ndarray of shape (n,)
        Whether the bank knows the time zone and the language.
    """

    ability: Floats
    forgetful: Floats
    base: Floats
    gain: Floats
    promise: Floats
    on_time: Floats
    pay_swing: Floats
    pay_dom: Ints
    pay_hour: Floats
    tolerance: Floats
    temper: Floats
    touchy: Floats
    reach: Floats
    dead_day: Ints
    early: Ints
    due_dom: Ints
    segment: Ints
    place: Ints
    birth_year: Ints
    zone_known: NDArray[np.bool_]
    spoken: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ability)

    @property
    def unseen_means(self) -> Floats:
        """Ability beyond what the segment says, of shape (n,): in no table, and drawn apart from everything that is."""
        return np.asarray(self.ability - _SEGMENT_ABILITY[self.segment])

    def take(self, rows: Ints) -> Self:
        """Return the people at these positions, repeats allowed."""
        return replace(self, **{item.name: getattr(self, item.name)[rows] for item in fields(self)})


def draw_people(spec: WorldSpec, n: int, days: int, rng: np.random.Generator) -> People:
    """Draw n people; what the bank sees of them says something, not everything, of what moves them."""
    pay, friction = spec.repayment, spec.friction
    segment = rng.choice(len(SEGMENTS), size=n, p=_SEGMENT_SHARES)
    birth = np.clip(_SEGMENT_BIRTH[segment] + rng.normal(0, 9, n), 1945, 2007).astype(np.int64)
    age = (1985 - birth) / 12.0
    ability = _SEGMENT_ABILITY[segment] + 0.85 * rng.normal(size=n)
    forgetful = _sigmoid(-0.75 - 0.75 * age + _SEGMENT_FORGETS[segment] + 0.9 * rng.normal(size=n))
    funds = _sigmoid(1.1 * ability + 0.4)
    temper = friction.temper * rng.gamma(1.6, 1 / 1.6, n)
    return People(
        ability=ability,
        forgetful=forgetful,
        base=pay.daily_rate * np.exp(pay.ability * ability - pay.forgetting * (forgetful - 0.35)),
        gain=pay.gain * forgetful * funds,
        promise=np.clip(pay.promise * (0.5 + funds), 0, 0.9),
        on_time=_sigmoid(pay.on_time + 0.7 * ability - 2.2 * (forgetful - 0.35)),
        pay_swing=pay.pay_day * (1.3 - 0.6 * funds),
        pay_dom=rng.choice(np.array([1, 5, 10, 15, 20, 25, 28]), size=n),
        pay_hour=rng.normal(14.0, 3.5, n).clip(7, 22),
        tolerance=friction.tolerance
        * np.exp(friction.tolerance_spread * rng.normal(size=n) + 0.2 * age + _SEGMENT_BEARS[segment]),
        temper=temper,
        touchy=np.exp(0.5 * rng.normal(size=n)) * (0.5 + 0.5 * temper / max(friction.temper, 1e-9)),
        reach=_draw_reach(age, rng),
        dead_day=np.where(rng.random((n, len(CHANNELS))) < spec.operations.dead_share, _draw_days(n, days, rng), _NEVER),
        early=rng.integers(0, EARLY_DAYS_MAX + 1, n),
        due_dom=rng.integers(1, 29, n),
        segment=segment,
        place=rng.choice(len(PLACES), size=n, p=[place[4] for place in PLACES]),
        birth_year=birth,
        zone_known=rng.random(n) > 0.02,
        spoken=rng.random(n) > 0.03,
    )


def _draw_reach(age: Floats, rng: np.random.Generator) -> Floats:
    """Channel taste: the young are reached on screens, the old by voice, and everyone has a taste of their own."""
    base = np.array([_REACH[channel] for channel in CHANNELS])
    digital = np.array([{"app_push": -1.0, "im": -0.6, "sms": -0.2, "email": 0.1}.get(c, 0.6) for c in CHANNELS])
    n = len(age)
    family = np.where(TALK, rng.normal(0, 0.9, (n, 1)), rng.normal(0, 0.9, (n, 1)))
    own = rng.normal(0, 0.4, (n, len(CHANNELS)))
    return _sigmoid(np.log(base / (1 - base)) + digital * age[:, None] + family + own)


def _draw_days(n: int, days: int, rng: np.random.Generator) -> Ints:
    return rng.integers(0, days, (n, len(CHANNELS)))


def _sigmoid(x: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-x))
    return result
