"""The rules that hold for borrowers of one place, made ready for a span of days: open hours, bars and pacings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..data.vocabulary import CHANNELS
from .rule_clock import Place, clock_zones, is_working_day, local_days, open_hours
from .rule_facts import FOREVER, NEVER
from .rule_model import Effective, Rule
from .rule_pacing import CapRule, CooldownRule
from .rule_pack import RulePack
from .rule_release import Pacing, pacing_of, release_of
from .rule_states import ConsentRule, HonourRule, PartyRule, StopRule
from .rule_types import HoursRule
from .settings import CalendarSettings
from .zones import DAY, MINUTE, Interval, Micros, day_start, day_table, intersect, is_zone, wall_intervals

OPT_OUT: Final = "opt_out"
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
    release : callable
        From instants of contacts to the instants at which they no longer count, in every zone; both of shape (n,).
    force : (int, int)
        UTC microseconds between which the rule is in force.
    """

    pacing: Pacing
    release: Callable[[Micros], Micros]
    force: Interval


@dataclass(frozen=True)
class Bound:
    """A rule that does not look at past contacts, in a place.

    Parameters
    ----------
    rule : Rule
    force : (int, int)
        UTC microseconds between which it is in force.
    zones : tuple of str
        Whose local days count.
    """

    rule: Rule
    force: Interval
    zones: tuple[str, ...]


@dataclass(frozen=True)
class GroupRules:
    """What holds for borrowers of one place.

    Parameters
    ----------
    hours : dict
        Channel to the intervals in which contacts may be made, sorted, cut at every local midnight.
    preferred, working : list of (int, int)
        The preferred hours of any day and of working days.
    hours_rule : dict
        Channel to the rule to name where no hour is left.
    pacings : list of Paced
    bounds : list of Bound
        Stops, consents, parties.
    opt_out_rule : str
        The rule to name where the borrower has refused the channel.
    """

    hours: dict[str, list[Interval]]
    preferred: list[Interval]
    working: list[Interval]
    hours_rule: dict[str, str]
    pacings: list[Paced]
    bounds: list[Bound]
    opt_out_rule: str


def group_rules(packs: Sequence[RulePack], place: Place, span: Span, calendar: CalendarSettings) -> GroupRules:
    """Make the rules of every pack that applies ready for a place and a span."""
    applied = [pack for pack in packs if pack.applies_to(place.jurisdiction)]
    blocking = [(pack, rule) for pack in applied for rule in pack.rules if pack.blocks(rule)]
    everyone = {zone for pack in applied for zone in clock_zones(pack.header.clock, place)}
    base = _cut_at_midnights(sorted(everyone), span)
    hours, named = _open(applied, blocking, place, base, span)
    own = (place.timezone,) if is_zone(place.timezone) else tuple(sorted(everyone))
    return GroupRules(
        hours=hours,
        preferred=_preferred(own, place, span, calendar, working=False),
        working=_preferred(own, place, span, calendar, working=True),
        hours_rule=named,
        pacings=[
            paced(rule, clock_zones(pack.header.clock, place), span)
            for pack, rule in blocking
            if isinstance(rule, CapRule | CooldownRule)
        ],
        bounds=[
            Bound(rule, _force(rule.effective, clock_zones(pack.header.clock, place)), clock_zones(pack.header.clock, place))
            for pack, rule in blocking
            if isinstance(rule, StopRule | ConsentRule | PartyRule)
        ],
        opt_out_rule=next((rule.id for _, rule in blocking if isinstance(rule, HonourRule)), OPT_OUT),
    )


def paced(rule: CapRule | CooldownRule, zones: tuple[str, ...], span: Span) -> Paced:
    """Read a cap or pause in a place; where zones differ the latest release holds."""
    release = release_of(rule)
    tables = [
        day_table(
            zone,
            local_days(zone, span.begin, span.begin)[0] - span.reach_days - _MARGIN_DAYS,
            local_days(zone, span.end, span.end)[0] + span.reach_days + _MARGIN_DAYS,
        )
        for zone in zones
    ]

    def everywhere(at: Micros) -> Micros:
        latest = np.full(at.shape, NEVER, dtype=np.int64)
        for table in tables:
            latest = np.maximum(latest, release(table, at))
        return np.where(at <= NEVER, NEVER, np.where(at >= FOREVER, FOREVER, latest))

    return Paced(pacing_of(rule), everywhere, _force(rule.effective, zones))


def _force(effective: Effective, zones: tuple[str, ...]) -> Interval:
    """Return the instants at which a rule is in force in at least one of the zones."""
    if not zones:
        return NEVER, FOREVER
    begin = min(day_start(zone, effective.from_.toordinal()) for zone in zones)
    if effective.to is None:
        return begin, FOREVER
    return begin, max(day_start(zone, effective.to.toordinal() + 1) for zone in zones)


def _cut_at_midnights(zones: Sequence[str], span: Span) -> list[Interval]:
    """Return the span, cut so that no interval crosses a local midnight of any zone: a window lies in one day everywhere."""
    found = [(span.begin, span.end)]
    for zone in zones:
        days = local_days(zone, span.begin, span.end)
        found = intersect(found, [(day_start(zone, day), day_start(zone, day + 1)) for day in days])
    return found


def _open(
    applied: Sequence[RulePack],
    blocking: Sequence[tuple[RulePack, Rule]],
    place: Place,
    base: list[Interval],
    span: Span,
) -> tuple[dict[str, list[Interval]], dict[str, str]]:
    rules = [(pack, rule) for pack, rule in blocking if isinstance(rule, HoursRule)]
    allowed = {rule.id: _allowed_by(pack, rule, place, span) for pack, rule in rules}
    nowhere = [pack for pack in applied if not clock_zones(pack.header.clock, place)]
    hours, named = {}, {}
    for channel in CHANNELS:
        speaking = [rule.id for _, rule in rules if rule.match.plans(channel)]
        found = [] if nowhere or not applied else base
        for rule_id in speaking:
            found = intersect(found, allowed[rule_id])
        hours[channel] = found
        blind = [f"{pack.id}.clock" for pack in nowhere]
        named[channel] = next(iter([*blind, *speaking]), "calendar" if applied else "no_pack")
    return hours, named


def _allowed_by(pack: RulePack, rule: HoursRule, place: Place, span: Span) -> list[Interval]:
    found = [(span.begin, span.end)]
    for zone in clock_zones(pack.header.clock, place):
        days = local_days(zone, span.begin, span.end)
        found = intersect(found, [window for day in days for window in open_hours(pack, rule, place, zone, day)])
    return found


def _preferred(
    zones: tuple[str, ...], place: Place, span: Span, calendar: CalendarSettings, *, working: bool
) -> list[Interval]:
    window = (calendar.preferred_from * 60, calendar.preferred_to * 60)
    found = [(span.begin, span.end)]
    for zone in zones:
        days = [day for day in local_days(zone, span.begin, span.end) if not working or is_working_day(place.jurisdiction, day)]
        found = intersect(found, [piece for day in days for piece in wall_intervals(zone, day, [window])])
    return found


def long_enough(intervals: list[Interval], calendar: CalendarSettings) -> list[Interval]:
    """Keep the intervals into which a window fits."""
    return [(begin, end) for begin, end in intervals if end - begin >= calendar.min_window_minutes * MINUTE]


def span_of(as_of: int, horizon_days: int, reach_days: int) -> Span:
    """Return the span of a commitment."""
    return Span(as_of, as_of + horizon_days * DAY, reach_days)
