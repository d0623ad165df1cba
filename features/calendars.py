"""Calendars: local wall time in a zone, and working days of a jurisdiction with its holidays and make-up workdays."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import ibis
import pyarrow as pa

# Before this year a zone's first known offset is used: no ledger that is read here is older.
_FIRST_YEAR = 1990
LOOK_AHEAD_DAYS = 14
_LONGEST_CLOSURE_DAYS = 30
CALENDAR_TYPES = {
    "jurisdiction": "string",
    "day": "date",
    **dict.fromkeys(("is_working", "is_holiday", "is_makeup", "days_to_working", "holidays_ahead", "makeups_ahead"), "int32"),
}


def local_wall_time(instant: Any, zone: str, last_year: int) -> Any:
    """Return an instant column (UTC) as wall time in a zone.

    The zone's changes of offset become branches of one expression, newest first, so that no engine needs to know time zones.

    Parameters
    ----------
    instant : ibis column
        UTC, without a zone.
    zone : str
        IANA name.
    last_year : int
        No instant lies after it.
    """
    changes = offset_changes(zone, last_year + 1)
    (_, first), later = changes[0], changes[1:]
    branches = [(instant >= ibis.literal(at), instant + ibis.interval(seconds=shift)) for at, shift in reversed(later)]
    earliest = instant + ibis.interval(seconds=first)
    return ibis.cases(*branches, else_=earliest) if branches else earliest


@lru_cache(maxsize=64)
def offset_changes(zone: str, end_year: int) -> tuple[tuple[datetime, int], ...]:
    """Return the instants (naive UTC) from which an offset holds, with the offset in seconds; the first is the oldest.

    Examples
    --------
    >>> offset_changes("Asia/Shanghai", 2026)[-1]
    (datetime.datetime(1991, 9, 14, 17, 0), 28800)
    """
    place = ZoneInfo(zone)

    def shift(naive: datetime) -> int:
        offset = naive.replace(tzinfo=UTC).astimezone(place).utcoffset()
        return int((offset or timedelta()).total_seconds())

    at = datetime(_FIRST_YEAR, 1, 1)  # noqa: DTZ001  naive UTC, as in a book
    found = [(at, shift(at))]
    while at.year < end_year:
        following = at + timedelta(days=1)
        if shift(following) != found[-1][1]:
            change = _bisect(at, following, shift)
            found.append((change, shift(change)))
        at = following
    return tuple(found)


def _bisect(low: datetime, high: datetime, shift: Any) -> datetime:
    before = shift(low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if shift(middle) == before else (low, middle)
    return high


def calendar_days(jurisdictions: Sequence[str], first: date, last: date) -> pa.Table:
    """Return the calendars of jurisdictions over the whole years around first to last, as from `working_days`."""
    years = date(first.year, 1, 1), date(last.year, 12, 31)
    return pa.concat_tables([working_days(code, *years) for code in ("", *jurisdictions)])


@lru_cache(maxsize=256)
def working_days(jurisdiction: str, first: date, last: date) -> pa.Table:
    """Return the calendar of one jurisdiction, a row per day; without rows where its holidays are not known.

    Columns: jurisdiction, day, is_working, is_holiday, is_makeup (0 or 1), days_to_working (0 on a working day),
    holidays_ahead and makeups_ahead (counts over the next 14 days).

    Parameters
    ----------
    jurisdiction : str
        ISO country, with a subdivision where there is one: CN, US-MA.
    first, last : date
        Both included.

    Examples
    --------
    >>> spring_festival = working_days("CN", date(2026, 2, 14), date(2026, 2, 17))
    >>> spring_festival["is_working"].to_pylist(), spring_festival["is_makeup"].to_pylist()
    ([1, 0, 0, 0], [1, 0, 0, 0])
    """
    country, _, subdivision = jurisdiction.partition("-")
    reach = (last - first).days + 1 + LOOK_AHEAD_DAYS + _LONGEST_CLOSURE_DAYS
    days = [first + timedelta(days=i) for i in range(reach)]
    try:
        public = holidays.country_holidays(country, subdiv=subdivision or None, years=range(days[0].year, days[-1].year + 1))
    except NotImplementedError:
        days, public = [], holidays.HolidayBase()
    working = [int(public.is_working_day(day)) for day in days]
    # A public holiday on a weekend closes nothing that is not closed already, but it still is a holiday.
    resting = [int(day in public) for day in days]
    makeup = [int(day in public.weekend_workdays) for day in days]
    shown = max(len(days) - LOOK_AHEAD_DAYS - _LONGEST_CLOSURE_DAYS, 0)
    ahead = [slice(i + 1, i + 1 + LOOK_AHEAD_DAYS) for i in range(shown)]
    return pa.table(
        {
            "jurisdiction": pa.array([jurisdiction] * shown, pa.string()),
            "day": pa.array(days[:shown], pa.date32()),
            "is_working": pa.array(working[:shown], pa.int32()),
            "is_holiday": pa.array(resting[:shown], pa.int32()),
            "is_makeup": pa.array(makeup[:shown], pa.int32()),
            "days_to_working": pa.array([_first(working[i : i + _LONGEST_CLOSURE_DAYS]) for i in range(shown)], pa.int32()),
            "holidays_ahead": pa.array([sum(resting[part]) for part in ahead], pa.int32()),
            "makeups_ahead": pa.array([sum(makeup[part]) for part in ahead], pa.int32()),
        }
    )


def _first(working: list[int]) -> int | None:
    return working.index(1) if 1 in working else None
