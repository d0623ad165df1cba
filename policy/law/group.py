"""The rules that hold for borrowers of one kind, made ready for a span of days: open hours, bars and pacings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ...data.vocabulary import CHANNELS
from ..settings import CalendarSettings
from ..zones import DAY, MINUTE, Interval, day_start, intersect, is_zone, wall_intervals
from .clock import all_zones, clock_zones, is_working_day, local_days
from .compose import Actor, HeldRules, held_rules, packs_at
from .model import Effective, Rule
from .open import is_personal, not_refused, open_to
from .paced import Paced, Span, business_of, force_of, paced
from .pacing import CapRule, CooldownRule
from .pack import RulePack
from .release import Business
from .states import ConsentRule, HonourRule, PartyRule, StopRule
from .traits import Traits
from .types import HoursRule

# The names of a borrower's own wishes where no rule speaks of them: they are honoured all the same.
WISHES: Final = {"channels": "opt_out", "times": "quiet_hours", "endpoints": "quiet_endpoint"}


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
    business : callable
        Tells whether a local day, as an ordinal, surely is a business day.
    """

    rule: StopRule | ConsentRule | PartyRule
    force: Interval
    zones: tuple[str, ...]
    business: Business


@dataclass(frozen=True)
class GroupRules:
    """What holds for borrowers of one kind.

    Parameters
    ----------
    traits : Traits
    hours : dict
        Channel to the intervals in which contacts may be made, sorted, cut at every local midnight.
    preferred, working : list of (int, int)
        The preferred hours of any day and of working days.
    hours_rule : dict
        Channel to the rule to name where no hour is left.
    pacings : list of Paced
    bounds : list of Bound
        Stops, consents, parties.
    wish_rules : dict
        The rule to name where the borrower has refused a channel, hours, or every endpoint.
    """

    traits: Traits
    hours: dict[str, list[Interval]]
    preferred: list[Interval]
    working: list[Interval]
    hours_rule: dict[str, str]
    pacings: list[Paced]
    bounds: list[Bound]
    wish_rules: dict[str, str]


def group_rules(packs: Sequence[RulePack], traits: Traits, actor: Actor, span: Span, calendar: CalendarSettings) -> GroupRules:
    """Make the rules of every pack that applies ready for borrowers and a span."""
    held = held_rules(packs, traits.place.jurisdiction, actor, traits.products)
    blocking = [(pack, rule) for pack, rule in held.rules if pack.blocks(rule)]
    listed = [pack for place in traits.places for pack in packs_at(packs, place.jurisdiction, actor)]
    everyone = {zone for pack in listed for zone in all_zones(pack.header.clock, traits.places)}
    base = list(_cut_at_midnights(tuple(sorted(everyone)), span))
    wishes = wish_rules(held)
    hours, named = _open(held, traits, base, span, wishes["times"])
    own = (traits.place.timezone,) if is_zone(traits.place.timezone) else tuple(sorted(everyone))
    return GroupRules(
        traits=traits,
        hours=hours,
        preferred=_preferred(own, traits, span, calendar, working=False),
        working=_preferred(own, traits, span, calendar, working=True),
        hours_rule=named,
        pacings=[
            paced(pack, rule, traits, span)
            for pack, rule in counted_rules(packs, traits, actor)
            if isinstance(rule, CapRule | CooldownRule)
        ],
        bounds=[
            Bound(rule, force_of(rule.effective, zones), zones, business_of(pack, traits))
            for pack, rule in blocking
            if isinstance(rule, StopRule | ConsentRule | PartyRule)
            for zones in [clock_zones(pack.header.clock, traits.place)]
        ],
        wish_rules=wishes,
    )


def counted_rules(packs: Sequence[RulePack], traits: Traits, actor: Actor) -> list[tuple[RulePack, Rule]]:
    """Return the blocking caps and pauses of every place in which a borrower was within their reach, each once."""
    found: dict[tuple[str, str, Effective], tuple[RulePack, Rule]] = {}
    for place in traits.places:
        for pack, rule in held_rules(packs, place.jurisdiction, actor, traits.products).rules:
            if isinstance(rule, CapRule | CooldownRule) and pack.blocks(rule):
                found.setdefault((pack.id, rule.id, rule.effective), (pack, rule))
    return list(found.values())


def honours(held: HeldRules, what: str) -> list[tuple[RulePack, HonourRule]]:
    """Return the rules that honour a kind of wish; one about places is about endpoints."""
    kinds = (what, "places") if what == "endpoints" else (what,)
    return [(p, r) for p, r in held.rules if isinstance(r, HonourRule) and p.blocks(r) and set(kinds) & set(r.what)]


def wish_rules(held: HeldRules) -> dict[str, str]:
    """Return the rule to name for each kind of wish."""
    return {what: next((rule.id for _, rule in honours(held, what)), fallback) for what, fallback in WISHES.items()}


@lru_cache(maxsize=1024)
def _cut_at_midnights(zones: tuple[str, ...], span: Span) -> tuple[Interval, ...]:
    """Return the span, cut so that no interval crosses a local midnight of any zone: a window lies in one day everywhere."""
    found = [(span.begin, span.end)]
    for zone in zones:
        days = local_days(zone, span.begin, span.end)
        found = intersect(found, [(day_start(zone, day), day_start(zone, day + 1)) for day in days])
    return tuple(found)


def _open(
    held: HeldRules, traits: Traits, base: list[Interval], span: Span, quiet_rule: str
) -> tuple[dict[str, list[Interval]], dict[str, str]]:
    rules = [(pack, rule) for pack, rule in held.rules if isinstance(rule, HoursRule) and pack.blocks(rule)]
    nowhere = [pack for pack in held.packs if not clock_zones(pack.header.clock, traits.place)]
    quiet = _quiet(held, traits, span)
    shared: dict[int, list[Interval]] = {}
    hours, named = {}, {}
    for channel in CHANNELS:
        kind = traits.endpoint(channel)
        speaking = [(k, pack, rule) for k, (pack, rule) in enumerate(rules) if rule.match.plans(channel, kind)]
        found = [] if nowhere or not held.packs else base
        for k, pack, rule in speaking:
            if is_personal(rule, traits):
                found = intersect(found, _allowed_by(pack, rule, traits, channel, span))
                continue
            if k not in shared:
                shared[k] = _allowed_by(pack, rule, traits, channel, span)
            found = intersect(found, shared[k])
        hours[channel] = intersect(found, quiet) if quiet is not None else found
        blind = [f"{pack.id}.clock" for pack in nowhere]
        last = quiet_rule if quiet is not None else "calendar"
        named[channel] = next(iter([*blind, *(rule.id for _, _, rule in speaking)]), last if held.packs else "no_pack")
    return hours, named


def _quiet(held: HeldRules, traits: Traits, span: Span) -> list[Interval] | None:
    """Return what refused hours leave of the span, in every zone that any pack counts in; None without refusals."""
    if not traits.quiet:
        return None
    found = [(span.begin, span.end)]
    for zone in dict.fromkeys(zone for pack in held.packs for zone in clock_zones(pack.header.clock, traits.place)):
        days = local_days(zone, span.begin, span.end)
        found = intersect(found, [piece for day in days for piece in not_refused(traits, zone, day)])
    return found


def _allowed_by(pack: RulePack, rule: HoursRule, traits: Traits, channel: str, span: Span) -> list[Interval]:
    found = [(span.begin, span.end)]
    for zone in clock_zones(pack.header.clock, traits.place):
        days = local_days(zone, span.begin, span.end)
        found = intersect(found, [window for day in days for window in open_to(pack, rule, traits, channel, zone, day)])
    return found


def _preferred(
    zones: tuple[str, ...], traits: Traits, span: Span, calendar: CalendarSettings, *, working: bool
) -> list[Interval]:
    window = (calendar.preferred_from * 60, calendar.preferred_to * 60)
    code = traits.place.jurisdiction
    found = [(span.begin, span.end)]
    for zone in zones:
        days = [day for day in local_days(zone, span.begin, span.end) if not working or is_working_day(code, day)]
        found = intersect(found, [piece for day in days for piece in wall_intervals(zone, day, [window])])
    return found


def long_enough(intervals: list[Interval], calendar: CalendarSettings) -> list[Interval]:
    """Keep the intervals into which a window fits."""
    return [(begin, end) for begin, end in intervals if end - begin >= calendar.min_window_minutes * MINUTE]


def span_of(as_of: int, horizon_days: int, reach_days: int) -> Span:
    """Return the span of a commitment."""
    return Span(as_of, as_of + horizon_days * DAY, reach_days)
