"""One contact with one borrower at one instant: allowed with its duties, or denied with every rule that forbids it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ...data.clock import as_utc
from ...data.errors import Fault, InvalidInput
from ...data.vocabulary import CHANNELS, WISH_KINDS
from ..zones import DAY, from_micros, local_ordinal, to_micros
from .clock import all_zones, clock_zones
from .compose import HeldRules, held_rules
from .group import WISHES, honours
from .history import FOREVER
from .limits import SEARCH_DAYS, About, Limit
from .one import facts_of, instant_of
from .open import not_refused
from .pacing import CapRule, CooldownRule
from .pack import RulePack
from .person import BorrowerFacts, Endpoint, GivenConsent, OpenLoan, PastContact, StatusEvent, refuses
from .states import DutyRule, HonourRule
from .traits import NO_ENDPOINT

__all__ = [
    "About", "BorrowerFacts", "Denial", "Endpoint", "GivenConsent", "OpenLoan", "PastContact", "Ruling", "StatusEvent",
    "check_contact", "facts_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule that forbids a contact.

    Parameters
    ----------
    rule_id, citation : str
        The rule and where it is written.
    next_possible_at : datetime, optional
        First instant from which this rule allows the contact, UTC; None where no such instant is in sight.
    """

    rule_id: str
    citation: str
    next_possible_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a contact.

    Parameters
    ----------
    reasons : tuple of Denial
        Every rule that forbids it; empty where it is allowed.
    duties : tuple of str
        What must be done beside it.
    warnings : tuple of str
        Rules that are broken but only warn.
    next_possible_at : datetime, optional
        First instant from the asked one on at which all rules allow the contact, UTC; None where there is none in sight.
    """

    reasons: tuple[Denial, ...]
    duties: tuple[str, ...]
    warnings: tuple[str, ...]
    next_possible_at: datetime | None

    @property
    def allowed(self) -> bool:
        """Whether the contact may be made."""
        return not self.reasons


@dataclass(frozen=True)
class _Said:
    """A rule, or a wish, as what it says: from when on, after an instant, the contact is allowed."""

    rule_id: str
    citation: str
    blocks: bool
    next_from: Callable[[int], int]


def check_contact(
    packs: Sequence[RulePack], facts: BorrowerFacts, channel: str, at: datetime, about: About | None = None
) -> Ruling:
    """Check one outbound contact against every rule of every pack that applies.

    Parameters
    ----------
    packs : sequence of RulePack
    facts : BorrowerFacts
    channel : str
    at : datetime
        Aware instant of the contact.
    about : About, optional
        To whom, on what, where; by default collection, with the borrower, about all debts, as a plan would do it.
    """
    if channel not in CHANNELS:
        raise InvalidInput([Fault("channel", f"one of {', '.join(CHANNELS)}", repr(channel), "")])
    now, about = to_micros(as_utc(at, "at")), about or About()
    facts = facts if facts.as_of is not None else replace(facts, as_of=at)
    kind = about.endpoint_kind or facts.traits.endpoint(channel)
    held = held_rules(packs, facts.place.jurisdiction, facts.actor, facts.traits.products)
    limits = [
        *_blind(held, facts),
        *_wishes(held, facts, channel, about, now),
        *_limits(packs, held, facts, (channel, kind), about),
    ]
    broken = [(limit, until) for limit in limits if (until := limit.next_from(now)) > now]
    return Ruling(
        reasons=tuple(Denial(one.rule_id, one.citation, instant_of(until)) for one, until in broken if one.blocks),
        duties=tuple(
            rule.id
            for _, rule in held.rules
            if isinstance(rule, DutyRule) and rule.match.matches(channel, "out", about.party, about.purpose, kind)
        ),
        warnings=tuple(limit.rule_id for limit, _ in broken if not limit.blocks),
        next_possible_at=instant_of(_settled([limit.next_from for limit in limits if limit.blocks], now)),
    )


def _blind(held: HeldRules, facts: BorrowerFacts) -> Iterator[_Said]:
    """Say no where no pack applies, or where a pack cannot know the local time."""
    if not held.packs:
        yield _Said("no_pack", "no rule pack applies here", blocks=True, next_from=_never)
    for pack in held.packs:
        if not clock_zones(pack.header.clock, facts.place):
            yield _Said(f"{pack.id}.clock", "the local time is not known", blocks=True, next_from=_never)


def _wishes(held: HeldRules, facts: BorrowerFacts, channel: str, about: About, now: int) -> Iterator[_Said]:
    """Honour what the borrower asked for: channels, hours, endpoints; with or without a rule that says so."""
    asked = {
        "channels": _never if channel in facts.refused else None,
        "times": _quiet(held, facts) if facts.traits.quiet else None,
        "endpoints": _never if _endpoint_refused(facts, channel, about) else None,
    }
    answers = _answers(facts, channel, about, now)
    for what, next_from in asked.items():
        rules = [(pack, rule) for pack, rule in honours(held, what) if not (answers and rule.reply_once_same_channel)]
        if next_from is not None and not honours(held, what):
            yield _Said(WISHES[what], "the borrower's wish", blocks=True, next_from=next_from)
        elif next_from is not None:
            yield from (_Said(rule.id, pack.citation(rule), blocks=True, next_from=next_from) for pack, rule in rules)


def _endpoint_refused(facts: BorrowerFacts, channel: str, about: About) -> bool:
    if about.endpoint_id is None and about.endpoint_kind is None:
        return facts.traits.endpoint(channel) == NO_ENDPOINT
    return any(
        refuses(wish, about.endpoint_id, about.endpoint_kind)
        for wish in facts.open_events
        if wish.kind in ("quiet_place", "quiet_endpoint") and wish.channel in (None, channel)
    )


def _answers(facts: BorrowerFacts, channel: str, about: About, now: int) -> bool:
    """Tell whether this is the one reply to a borrower who, after refusing this channel, wrote or called on it once more."""
    if about.purpose != "reply_to_borrower":
        return False
    own = [past for past in facts.contacts if past.channel == channel]
    wrote = [to_micros(past.at) for past in own if past.direction == "in" and past.party == "borrower"]
    refused = [one for one in facts.events if one.kind in ("opt_out", *WISH_KINDS) and one.channel in (None, channel)]
    since = [*(to_micros(past.at) for past in own if past.direction == "out"), *(to_micros(one.at) for one in refused)]
    # A word of before the refusal, or one that was answered already, asks for nothing any more.
    return max(since, default=-FOREVER) < max(wrote, default=-FOREVER) <= now


def _quiet(held: HeldRules, facts: BorrowerFacts) -> Callable[[int], int]:
    zones = tuple(dict.fromkeys(zone for pack in held.packs for zone in clock_zones(pack.header.clock, facts.place)))

    def next_in(zone: str, at: int) -> int:
        today = local_ordinal(zone, at)
        for day in range(today, today + SEARCH_DAYS):
            for begin, end in not_refused(facts.traits, zone, day):
                if at < end:
                    return max(at, begin)
        return FOREVER

    searches = [partial(next_in, zone) for zone in zones]
    return lambda now: _settled(searches, now)


def _limits(
    packs: Sequence[RulePack], held: HeldRules, facts: BorrowerFacts, where: tuple[str, str], about: About
) -> Iterator[_Said]:
    channel, kind = where
    counted = {
        (pack.id, rule.id, rule.effective): (pack, rule)
        for place in facts.former
        for pack, rule in held_rules(packs, place.jurisdiction, facts.actor, facts.traits.products).rules
        if isinstance(rule, CapRule | CooldownRule)
    }
    known = {(pack.id, rule.id, rule.effective): (pack, rule) for pack, rule in held.rules}
    for pack, rule in (counted | known).values():
        places = facts.traits.places if isinstance(rule, CapRule | CooldownRule) else (facts.place,)
        if isinstance(rule, HonourRule | DutyRule) or not all_zones(pack.header.clock, places):
            continue
        if rule.match.matches(channel, "out", about.party, about.purpose, "" if kind == NO_ENDPOINT else kind):
            limit = Limit(pack, rule, facts, channel, about)
            yield _Said(rule.id, pack.citation(rule), pack.blocks(rule), limit.next_from)


def _never(_: int) -> int:
    return FOREVER


def _settled(searches: Sequence[Callable[[int], int]], now: int) -> int:
    """Go from one search's first free instant to the next until all agree; FOREVER where they do not in time."""
    at, moved = now, True
    while moved and at < now + SEARCH_DAYS * DAY:
        latest = max((next_from(at) for next_from in searches), default=at)
        at, moved = latest, latest > at
    return at if at < now + SEARCH_DAYS * DAY else FOREVER


def _instant(micros: int) -> datetime | None:
    return None if micros >= FOREVER else from_micros(micros)
