"""Which zones and days a pack's rules are read in, for a borrower's place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from ..zones import Interval, is_zone, local_ordinal, wall_intervals, zones_of
from .header import Clock, Header
from .holiday_days import UNKNOWN_ANY, UNKNOWN_NATIONAL, is_holiday
from .hours import HOLIDAY
from .model import Effective
from .types import HoursRule

WHOLE_DAY = ((0, 1440),)


@dataclass(frozen=True)
class Place:
    """Where a borrower is.

    Parameters
    ----------
    timezone : str
        IANA zone; empty or unknown names mean that it is not known.
    jurisdiction : str
        Country or region code.
    """

    timezone: str
    jurisdiction: str


@lru_cache(maxsize=4096)
def clock_zones(clock: Clock, place: Place) -> tuple[str, ...]:
    """Return the zones whose clocks must all agree; empty where the pack denies what it cannot know.

    Examples
    --------
    >>> clock_zones(Clock(unknown="intersect"), Place("", "CN"))
    ('Asia/Shanghai', 'Asia/Urumqi')
    >>> clock_zones(Clock(unknown="deny"), Place("", "CN"))
    ()
    """
    if clock.fixed_zone is not None:
        return (clock.fixed_zone,)
    if is_zone(place.timezone):
        return (place.timezone,)
    if isinstance(clock.unknown, tuple):
        return clock.unknown
    return zones_of(place.jurisdiction) if clock.unknown == "intersect" else ()


def all_zones(clock: Clock, places: Sequence[Place]) -> tuple[str, ...]:
    """Return the zones of several places, each once."""
    return tuple(dict.fromkeys(zone for place in places for zone in clock_zones(clock, place)))


def in_force(effective: Effective, ordinal: int) -> bool:
    """Tell whether a rule is in force on a local day."""
    return effective.from_.toordinal() <= ordinal and (effective.to is None or ordinal <= effective.to.toordinal())


def open_hours(header: Header, rule: HoursRule, place: Place, zone: str, ordinal: int) -> list[Interval]:
    """Return when a rule leaves a local day open, in UTC microseconds; the whole day where it is not in force."""
    if not in_force(rule.effective, ordinal):
        return wall_intervals(zone, ordinal, WHOLE_DAY)
    day = date.fromordinal(ordinal)
    holiday: bool | None = False
    if HOLIDAY in rule.allow and header.holidays is not None:
        calendar = header.holidays.calendar
        code = place.jurisdiction if calendar == "borrower_region" else calendar
        holiday = is_holiday(code, day, header.holidays.unknown)
    if holiday is None:
        # Nobody knows whether this is a holiday: a missing fact denies.
        return []
    return wall_intervals(zone, ordinal, buffered(header, rule.windows(day.weekday(), holiday=holiday)))


def buffered(header: Header, windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return windows that end early enough for what is begun in them to end in them."""
    buffer = header.clock.end_buffer_minutes
    return [(begin, end - buffer) for begin, end in windows if begin < end - buffer]


def is_business_day(header: Header, jurisdiction: str, ordinal: int) -> bool:
    """Tell whether a local day surely is a business day: Monday to Friday, and known to be no holiday.

    Without a calendar in the pack the borrower's region counts, any region's holidays where it is not known.
    """
    day = date.fromordinal(ordinal)
    calendar = header.holidays.calendar if header.holidays is not None else "borrower_region"
    unknown = header.holidays.unknown if header.holidays is not None else UNKNOWN_ANY
    code = jurisdiction if calendar == "borrower_region" else calendar
    return day.weekday() < 5 and is_holiday(code, day, unknown) is False


def is_working_day(jurisdiction: str, ordinal: int) -> bool:
    """Tell whether a local day is one on which people are best reached: Monday to Friday, no public holiday known."""
    day = date.fromordinal(ordinal)
    return day.weekday() < 5 and not is_holiday(jurisdiction, day, UNKNOWN_NATIONAL)


def local_days(zone: str, begin: int, end: int) -> range:
    """Return the ordinals of the local days that a span of UTC microseconds touches."""
    return range(local_ordinal(zone, begin), local_ordinal(zone, end) + 1)
