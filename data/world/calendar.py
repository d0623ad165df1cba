"""The calendar of a world: nights, months, local hours, and the plan of every arm."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ..arms import DAYS_PER_WEEK, ArmCatalogue
from ..clock import as_utc
from ..errors import Fault, InvalidInput
from ..vocabulary import CHANNELS
from .people import PLACES, Floats, Ints
from .specs import Gap

DAY_US = 86_400_000_000
SECOND_US = 1_000_000
_DAY_SECONDS = 86_400
# Contacts are laid around these local hours; what is left to 9 and 18 o'clock takes the minutes between two channels.
_FIRST_HOUR, _LAST_HOUR = 10.25, 17.0
_STEP_EDGE_SECONDS = 60.0


@dataclass(frozen=True)
class Calendar:
    """Nights are numbered: night 0 begins the period, night `days` is its end; step d runs from night d - 1 to night d.

    Parameters
    ----------
    start_us : int
        Night 0, microseconds since 1970 UTC.
    days : int
    dom, month : ndarray of shape (days + margin,)
        Day in the month and month number (0 for night 0's) of each night's date.
    month_start : ndarray
        Day number of each month's first.
    zone_offset : ndarray of shape (places, days + margin)
        Seconds east of UTC.
    up : ndarray of shape (days + margin, channels)
        Whether a channel works.
    """

    start_us: int
    days: int
    dom: Ints
    month: Ints
    month_start: Ints
    zone_offset: Ints
    up: NDArray[np.bool_]

    @classmethod
    def build(cls, end: datetime, days: int, margin: int, gaps: tuple[Gap, ...]) -> Self:
        """Lay out the period that ends at an instant; `margin` days after it are laid out too."""
        start = as_utc(end, "end") - timedelta(days=days)
        dates = np.datetime64(start.date(), "D") + np.arange(days + margin)
        months = dates.astype("datetime64[M]")
        first = months[0] + np.arange(int((months[-1] - months[0]).astype(int)) + 1)
        offsets = [[_offset(start + timedelta(days=d), place[1]) for d in range(days + margin)] for place in PLACES]
        up = np.ones((days + margin, len(CHANNELS)), dtype=bool)
        for gap in gaps:
            at = int(gap.at * days)
            up[at : at + gap.days, CHANNELS.index(gap.channel)] = False
        return cls(
            start_us=int(start.timestamp()) * SECOND_US + start.microsecond,
            days=days,
            dom=(dates - months.astype("datetime64[D]")).astype(np.int64) + 1,
            month=(months - months[0]).astype(np.int64),
            month_start=(first.astype("datetime64[D]") - dates[0]).astype(np.int64),
            zone_offset=np.array(offsets, dtype=np.int64),
            up=up,
        )

    def night_us(self, day: int | Ints) -> Ints:
        """Return the instant of a night, microseconds since 1970 UTC."""
        return np.asarray(self.start_us + np.asarray(day, dtype=np.int64) * DAY_US)

    def local_seconds(self, place: Ints, day: int, hour: Floats) -> Floats:
        """Return how many seconds after night day - 1 the local hour strikes, kept inside the step."""
        night = (self.start_us // SECOND_US) % _DAY_SECONDS
        seconds = (hour * 3600.0 - self.zone_offset[place, day] - night) % _DAY_SECONDS
        return np.asarray(np.clip(seconds, _STEP_EDGE_SECONDS, _DAY_SECONDS - 3600.0))

    def contact_seconds(self, place: Ints, day: int, rng: np.random.Generator) -> Floats:
        """Draw seconds after night day - 1 that lie in the local working day, of shape (n,)."""
        return self.local_seconds(place, day, rng.uniform(_FIRST_HOUR, _LAST_HOUR, len(place)))


def _offset(instant: datetime, zone: str) -> int:
    offset = instant.astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def lay_plans(arms: ArmCatalogue, horizon: int) -> NDArray[np.bool_]:
    """Lay every arm on the days of a commitment, evenly spaced, from the day after the decision.

    Returns
    -------
    ndarray of shape (K, horizon + 1, channels)
        True where the arm contacts on that day after the decision through that channel; at most once a day and channel.

    Examples
    --------
    >>> from lighttouch.data.arms import Arm
    >>> plan = lay_plans(ArmCatalogue([Arm("none"), Arm("sms-every-3-days", sms=7 / 3)]), 14)
    >>> plan[1].any(axis=1).nonzero()[0].tolist()
    [1, 4, 7, 10, 13]
    """
    if unknown := [arm.name for arm in arms if not arm.dose_known]:
        raise InvalidInput([Fault(f"arm '{name}'", "a dose", "none known", "State contacts per week.") for name in unknown])
    plan = np.zeros((len(arms), horizon + 1, len(CHANNELS)), dtype=bool)
    for k, arm in enumerate(arms):
        for j, channel in enumerate(arm.channels):
            first = 1.0 + j * DAYS_PER_WEEK / arm.intensity
            # A tenth of a second of slack keeps thirds of a week on whole days.
            days = np.floor(np.arange(first, horizon + 1, DAYS_PER_WEEK / arm.doses[channel]) + 1e-6).astype(int)
            plan[k, days[days <= horizon], CHANNELS.index(channel)] = True
    return plan
