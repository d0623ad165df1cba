"""One contact with one borrower at one instant: allowed with its duties, or denied with every rule that forbids it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from ..data.clock import as_utc
from ..data.errors import Fault, InvalidInput
from ..data.vocabulary import CHANNELS, OUTCOMES
from .rule_clock import Place, clock_zones, in_force, open_hours
from .rule_engine import expires
from .rule_facts import FOREVER, NEVER, Facts
from .rule_group import OPT_OUT
from .rule_model import Rule
from .rule_pacing import CapRule, CooldownRule
from .rule_pack import RulePack
from .rule_release import pacing_of, reach_days, release_of
from .rule_states import ConsentRule, DutyRule, HonourRule, PartyRule, StopRule
from .rule_types import HoursRule
from .zones import DAY, day_start, day_table, from_micros, local_ordinal, to_micros

# A contact that is not possible within a year is as good as never possible.
_SEARCH_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact that was made."""

    at: datetime
    channel: str
    outcome: str
    direction: str = "out"
    party: str = "borrower"


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """A consent that holds."""

    channel: str
    kind: str
    given_at: datetime


@dataclass(frozen=True)
class BorrowerFacts:
    """What the rules need to know of one borrower.

    Parameters
    ----------
    place : Place
    contacts : tuple of PastContact
    refused : frozenset of str
        Channels opted out of.
    stops : dict
        Open status to its last instant; None where it holds until further notice.
    consents : tuple of GivenConsent
    """

    place: Place
    contacts: tuple[PastContact, ...] = ()
    refused: frozenset[str] = frozenset()
    stops: dict[str, datetime | None] = field(default_factory=dict)
    consents: tuple[GivenConsent, ...] = ()


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


def check_contact(packs: Sequence[RulePack], facts: BorrowerFacts, channel: str, at: datetime) -> Ruling:
    """Check one outbound contact with the borrower against every rule of every pack that applies.

    Parameters
    ----------
    packs : sequence of RulePack
    facts : BorrowerFacts
    channel : str
    at : datetime
        Aware instant of the contact.
    """
    if channel not in CHANNELS:
        raise InvalidInput([Fault("channel", f"one of {', '.join(CHANNELS)}", repr(channel), "")])
    now = to_micros(as_utc(at, "at"))
    limits = list(_limits(packs, facts, channel))
    broken = [(limit, until) for limit in limits if (until := limit.next_from(now)) > now]
    blocking = [(limit, until) for limit, until in broken if limit.blocks]
    applied = [pack for pack in packs if pack.applies_to(facts.place.jurisdiction)]
    return Ruling(
        reasons=tuple(Denial(limit.rule_id, limit.citation, _instant(until)) for limit, until in blocking),
        duties=tuple(
            rule.id for pack in applied for rule in pack.rules if isinstance(rule, DutyRule) and rule.match.plans(channel)
        ),
        warnings=tuple(limit.rule_id for limit, _ in broken if not limit.blocks),
        next_possible_at=_next_possible([limit for limit in limits if limit.blocks], now),
    )


def facts_of(facts: Facts, position: int) -> BorrowerFacts:
    """Return one borrower's facts out of many."""
    chosen = np.flatnonzero(facts.contacts.owner == position)
    own = facts.consents[facts.consents["owner"] == position]
    return BorrowerFacts(
        place=Place(str(facts.timezone[position]), str(facts.jurisdiction[position])),
        contacts=tuple(
            PastContact(
                from_micros(facts.contacts.at[i]),
                CHANNELS[facts.contacts.channel[i]],
                OUTCOMES[facts.contacts.outcome[i]],
                "out" if facts.contacts.outbound[i] else "in",
                str(facts.contacts.party[i]),
            )
            for i in chosen
        ),
        refused=frozenset(channel for channel, out in zip(CHANNELS, facts.refused[position], strict=True) if out),
        stops={
            kind: None if held[position] >= FOREVER else from_micros(held[position])
            for kind, held in facts.stops.items()
            if held[position] > NEVER
        },
        consents=tuple(
            GivenConsent(channel, kind, from_micros(given))
            for channel, kind, given in zip(own["channel"], own["kind"], own["given"], strict=True)
        ),
    )


@dataclass(frozen=True)
class _Limit:
    """A rule as it stands for one contact."""

    rule_id: str
    citation: str
    blocks: bool
    pack: RulePack | None
    rule: Rule | None
    facts: BorrowerFacts
    channel: str

    def next_from(self, now: int) -> int:
        """Return the first instant from now on at which this rule allows the contact; FOREVER where there is none."""
        if self.rule is None or self.pack is None:
            return FOREVER
        zones = clock_zones(self.pack.header.clock, self.facts.place)
        at, moved = now, True
        while moved and at < now + _SEARCH_DAYS * DAY:
            latest = max((self._next_in(zone, at) for zone in zones), default=FOREVER)
            at, moved = latest, latest > at
        return at if at < now + _SEARCH_DAYS * DAY else FOREVER

    def _next_in(self, zone: str, at: int) -> int:
        rule, pack = self.rule, self.pack
        if rule is None or pack is None or not in_force(rule.effective, local_ordinal(zone, at)):
            return at
        if isinstance(rule, HoursRule):
            return _next_open(pack, rule, self.facts.place, zone, at)
        release = self._release(rule, zone, at)
        if rule.effective.to is not None and release > at:
            release = min(release, day_start(zone, rule.effective.to.toordinal() + 1))
        return max(at, release)

    def _release(self, rule: Rule, zone: str, at: int) -> int:
        """Return from when on a rule allows the contact, looked at from an instant; at or before it where it does already."""
        if isinstance(rule, StopRule):
            held = [self.facts.stops[kind] for kind in rule.kinds if kind in self.facts.stops]
            return max((FOREVER if until is None else to_micros(until) + 1 for until in held), default=NEVER)
        if isinstance(rule, PartyRule):
            return NEVER if "borrower" in (rule.allow or ("borrower",)) else FOREVER
        if isinstance(rule, ConsentRule):
            return self._consented(rule, zone, at)
        if isinstance(rule, CapRule):
            return self._paced(rule, zone, rule.max)
        return self._paced(rule, zone, 1) if isinstance(rule, CooldownRule) else NEVER

    def _consented(self, rule: ConsentRule, zone: str, at: int) -> int:
        lasting = [
            expires(to_micros(given.given_at), need.max_age_days, (zone,))
            for need in rule.need.any_of
            for given in self.facts.consents
            if given.channel == self.channel and given.kind == need.kind
        ]
        return NEVER if any(at < last for last in lasting) else FOREVER

    def _paced(self, rule: CapRule | CooldownRule, zone: str, depth: int) -> int:
        pacing = pacing_of(rule)
        counted = [
            (to_micros(past.at), past.channel)
            for past in self.facts.contacts
            if pacing.counts.matches(past.channel, past.direction, past.party)
            and (pacing.outcomes is None or past.outcome in pacing.outcomes)
        ]
        if pacing.distinct:
            newest = {channel: max(at for at, other in counted if other == channel) for _, channel in counted}
            times = sorted((at for channel, at in newest.items() if channel != self.channel), reverse=True)
        else:
            times = sorted((at for at, _ in counted), reverse=True)
        if depth == 0:
            return FOREVER
        return NEVER if len(times) < depth else _released(rule, zone, times[depth - 1])


def _released(rule: CapRule | CooldownRule, zone: str, at: int) -> int:
    day = local_ordinal(zone, at)
    table = day_table(zone, day - 1, day + reach_days(rule) + 40)
    return int(release_of(rule)(table, np.array([at], dtype=np.int64))[0])


def _limits(packs: Sequence[RulePack], facts: BorrowerFacts, channel: str) -> Iterator[_Limit]:
    applied = [pack for pack in packs if pack.applies_to(facts.place.jurisdiction)]
    if not applied:
        yield _Limit("no_pack", "no rule pack applies here", blocks=True, pack=None, rule=None, facts=facts, channel=channel)
    honours = [(pack, rule) for pack in applied for rule in pack.rules if isinstance(rule, HonourRule) and pack.blocks(rule)]
    if channel in facts.refused:
        name, cited = (honours[0][1].id, honours[0][0].citation(honours[0][1])) if honours else (OPT_OUT, "the borrower's wish")
        yield _Limit(name, cited, blocks=True, pack=None, rule=None, facts=facts, channel=channel)
    for pack in applied:
        if not clock_zones(pack.header.clock, facts.place):
            yield _Limit(f"{pack.id}.clock", "the local time is not known", True, None, None, facts, channel)  # noqa: FBT003
            continue
        for rule in pack.rules:
            if not isinstance(rule, HonourRule | DutyRule) and rule.match.plans(channel):
                yield _Limit(rule.id, pack.citation(rule), pack.blocks(rule), pack, rule, facts, channel)


def _next_open(pack: RulePack, rule: HoursRule, place: Place, zone: str, at: int) -> int:
    today = local_ordinal(zone, at)
    for day in range(today, today + _SEARCH_DAYS):
        for begin, end in open_hours(pack, rule, place, zone, day):
            if at < end:
                return max(at, begin)
    return FOREVER


def _next_possible(limits: Sequence[_Limit], now: int) -> datetime | None:
    """Go from one rule's first free instant to the next until all agree."""
    at, moved = now, True
    while moved and at < now + _SEARCH_DAYS * DAY:
        latest = max((limit.next_from(at) for limit in limits), default=at)
        at, moved = latest, latest > at
    return _instant(at) if at < now + _SEARCH_DAYS * DAY else None


def _instant(micros: int) -> datetime | None:
    return None if micros >= FOREVER else from_micros(micros)
