"""Caps and pauses read in the zones and calendars of a borrower's places."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..zones import DAY, DayTable, Interval, Micros, day_start, day_table
from .clock import all_zones, is_business_day, local_days
from .history import FOREVER, NEVER
from .model import Effective
from .pacing import CapRule, CooldownRule
from .pack import RulePack
from .release import Business, Pacing, Release, pacing_of, release_of
from .traits import Traits

# Days around the span that releases may fall into: a month's end, a week's, a clock change.
_MARGIN_DAYS: Final = 40


@dataclass(frozen=True)
class Span:
    """The time over which contacts are laid.

    Parameters
    ----------
    begin, end : int
        UTC microseconds.
    reach_days : int
        Days before `begin` that rules look back on.
    """

    begin: int
    end: int
    reach_days: int


@dataclass(frozen=True)
class Paced:
    """A pacing in a place.

    Parameters
    ----------
    pacing : Pacing
    key : str
        What it counts: equal for equal counts.
    zones : tuple of str
        Whose local days count.
    release : callable
        From instants of contacts to the instants at which they no longer count, in every zone; both of shape (n,).
    from_day : callable
        The same from the begin of local days, as ordinals.
    force : (int, int)
        UTC microseconds between which the rule is in force.
    """

    pacing: Pacing
    key: str
    zones: tuple[str, ...]
    release: Callable[[Micros], Micros]
    from_day: Callable[[Micros], Micros]
    force: Interval


def business_of(pack: RulePack, traits: Traits) -> Business:
    """Return what tells whether a local day surely is a business day wherever the borrower counts."""
    return lambda ordinal: all(is_business_day(pack.header, place.jurisdiction, ordinal) for place in traits.places)


def paced(pack: RulePack, rule: CapRule | CooldownRule, traits: Traits, span: Span) -> Paced:
    """Read a cap or pause for borrowers; where zones differ the latest release holds."""
    release = release_of(rule, business_of(pack, traits))
    zones = all_zones(pack.header.clock, traits.places)
    # Zones that keep the same days over the span count once: a country of thirty zones has six.
    tables = _distinct(
        day_table(
            zone,
            local_days(zone, span.begin, span.begin)[0] - span.reach_days - _MARGIN_DAYS,
            local_days(zone, span.end, span.end)[0] + span.reach_days + _MARGIN_DAYS,
        )
        for zone in zones
    )
    pacing = pacing_of(rule)
    excess = "/".join(zones) if pacing.excess is not None else ""

    def everywhere(at: Micros) -> Micros:
        latest = _latest(at.shape, (release(table, at) for table in tables))
        latest[at <= NEVER] = NEVER
        latest[at >= FOREVER] = FOREVER
        return latest

    def from_day(days: Micros) -> Micros:
        return _latest(days.shape, (release(table, table.start(days)) for table in tables))

    return Paced(pacing, f"{pack.id}/{rule.id}/{excess}", zones, everywhere, from_day, force_of(rule.effective, zones))


def _distinct(tables: Iterable[DayTable]) -> list[DayTable]:
    return list({(table.first, table.starts.tobytes()): table for table in tables}.values())


def _latest(shape: tuple[int, ...], releases: Iterable[Micros]) -> Micros:
    """Return the latest of releases; NEVER without any zone to count in."""
    found: Micros | None = None
    for one in releases:
        found = np.array(one, dtype=np.int64) if found is None else np.maximum(found, one, out=found)
    return np.full(shape, NEVER, dtype=np.int64) if found is None else found


def bound_release(release: Release, zones: Sequence[str], begin: int, reach: int, at: Micros) -> Micros:
    """Send instants through a release in several zones; the latest holds."""
    latest = np.full(at.shape, NEVER, dtype=np.int64)
    for zone in zones:
        first = local_days(zone, begin, begin)[0]
        table = day_table(zone, first - _long(at, begin), first + reach + _MARGIN_DAYS)
        latest = np.maximum(latest, release(table, at))
    return latest


def _long(at: Micros, begin: int) -> int:
    oldest = int(at.min()) if len(at) else begin
    return max(0, (begin - oldest) // DAY) + _MARGIN_DAYS


def force_of(effective: Effective, zones: tuple[str, ...]) -> Interval:
    """Return the instants at which a rule is in force in at least one of the zones."""
    if not zones:
        return NEVER, FOREVER
    begin = min(day_start(zone, effective.from_.toordinal()) for zone in zones)
    if effective.to is None:
        return begin, FOREVER
    return begin, max(day_start(zone, effective.to.toordinal() + 1) for zone in zones)
