"""Local days and wall-clock hours as UTC microseconds: every clock question of the rules is answered here.

Aware datetimes that share a zone subtract by wall clock, so nothing is ever subtracted before it is in UTC. A local day
begins at its first existing instant: midnight may not exist (Santiago 2026-09-06) and a day may be missing (Apia 2011-12-30).
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]
Interval = tuple[int, int]

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Return an aware instant as UTC microseconds since 1970.

    Examples
    --------
    >>> to_micros(datetime(1970, 1, 2, tzinfo=UTC)) == DAY
    True
    """
    return (instant.astimezone(UTC) - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return UTC microseconds since 1970 as an aware instant."""
    return _EPOCH + timedelta(microseconds=int(micros))


def is_zone(name: str | None) -> bool:
    """Tell whether a name is an IANA zone that this machine's tables know."""
    return bool(name) and _zone(str(name)) is not None


@lru_cache(maxsize=4096)  # zoneinfo itself holds on to eight zones and reads the file again for a ninth
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_info(name: str) -> ZoneInfo:
    """Return a zone by its IANA name; raise `ZoneInfoNotFoundError` where there is none."""
    return _zone(name) or ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    lines = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    found: dict[str, list[str]] = {}
    for country, _, zone, *_ in rows:
        found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


def zones_of(jurisdiction: str) -> tuple[str, ...]:
    """Return every zone of a jurisdiction's country; empty where the country is not known.

    Examples
    --------
    >>> zones_of("ID")
    ('Asia/Jakarta', 'Asia/Pontianak', 'Asia/Makassar', 'Asia/Jayapura')
    >>> zones_of("ZZ")
    ()
    """
    return _zones_by_country().get(jurisdiction.partition("-")[0], ())


@lru_cache(maxsize=100_000)
def day_start(zone: str, ordinal: int) -> int:
    """Return the first instant of a local day, in UTC microseconds."""
    # fold=0 reads a midnight that does not exist by the offset before the jump: that is the instant of the jump itself.
    return to_micros(datetime.combine(date.fromordinal(ordinal), time(), tzinfo=zone_info(zone)))


def local_ordinal(zone: str, micros: int) -> int:
    """Return the local calendar day of an instant, as a proleptic ordinal."""
    return from_micros(micros).astimezone(zone_info(zone)).toordinal()


@dataclass(frozen=True)
class DayTable:
    """The local days of a zone over a span.

    Parameters
    ----------
    first : int
        Ordinal of the first day.
    starts : ndarray of shape (days,)
        First instant of each day, UTC microseconds.
    """

    first: int
    starts: Micros

    @property
    def last(self) -> int:
        """Ordinal of the last day."""
        return self.first + len(self.starts) - 1

    def ordinal(self, instants: Micros) -> Micros:
        """Return the local day of each instant; instants outside the span get its first or last day."""
        position = np.searchsorted(self.starts, instants, side="right") - 1
        return np.asarray(self.first + np.maximum(position, 0), dtype=np.int64)

    def start(self, ordinals: Micros) -> Micros:
        """Return the first instant of each local day."""
        position = np.clip(ordinals - self.first, 0, len(self.starts) - 1)
        return np.asarray(self.starts[position], dtype=np.int64)


@lru_cache(maxsize=4096)
def day_table(zone: str, first: int, last: int) -> DayTable:
    """Build the table of a zone's local days from one ordinal to another, both included."""
    return DayTable(first, np.array([day_start(zone, ordinal) for ordinal in range(first, last + 1)], dtype=np.int64))


def wall_intervals(zone: str, ordinal: int, windows: Iterable[tuple[int, int]]) -> list[Interval]:
    """Return when the wall clock of a local day shows given times.

    Parameters
    ----------
    zone : str
    ordinal : int
        The local day.
    windows : iterable of (int, int)
        Minutes after midnight, start included, end not; 1440 is the day's end.

    Returns
    -------
    list of (int, int)
        UTC microseconds; more than one interval per window where the clock is set back inside it.
    """
    return list(_wall_intervals(zone, ordinal, tuple(windows)))


@lru_cache(maxsize=50_000)  # every kind of borrowers asks for the same days of the same zones
def _wall_intervals(zone: str, ordinal: int, windows: tuple[tuple[int, int], ...]) -> tuple[Interval, ...]:
    midnight = (ordinal - _EPOCH_ORDINAL) * DAY
    found: list[Interval] = []
    for begin, end, offset in _segments(zone, ordinal):
        for opens, closes in windows:
            low = max(begin, midnight + opens * MINUTE - offset)
            high = min(end, midnight + closes * MINUTE - offset)
            if low < high:
                found.append((low, high))
    return tuple(sorted(found))


def _segments(zone: str, ordinal: int) -> list[tuple[int, int, int]]:
    """Cut a local day where the offset to UTC changes: (begin, end, offset) in microseconds."""
    begin, end = day_start(zone, ordinal), day_start(zone, ordinal + 1)
    first, last = offset_at(zone, begin), offset_at(zone, end - SECOND)
    if first == last:
        return [(begin, end, first)]
    low, high = begin // SECOND, end // SECOND
    jump = low + bisect_right(range(low, high), 0, key=lambda second: int(offset_at(zone, second * SECOND) != first))
    return [(begin, jump * SECOND, first), (jump * SECOND, end, last)]


def offset_at(zone: str, micros: int) -> int:
    """Return a zone's offset to UTC at an instant, in microseconds."""
    offset = from_micros(micros).astimezone(zone_info(zone)).utcoffset()
    return (offset or timedelta()) // _MICROSECOND


def intersect(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """Return where two sorted lists of intervals overlap; a cut in either stays a cut.

    Examples
    --------
    >>> intersect([(0, 10), (10, 20)], [(5, 15)])
    [(5, 10), (10, 15)]
    """
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low < high:
            found.append((low, high))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return found
