"""One rule as it stands for one contact of one borrower: from when on it allows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from ..zones import DAY, day_start, day_table, local_ordinal, to_micros
from .clock import all_zones, clock_zones, in_force
from .history import FOREVER, NEVER
from .model import ALL_CHANNELS_OUT, DUE_DATE, FIRST_CONVERSATION, Rule
from .open import open_to
from .paced import business_of, force_of
from .pacing import EXCESS_CONSENT, CapRule, CooldownRule, Exclusion
from .pack import RulePack
from .person import BorrowerFacts, PastContact, StatusEvent
from .release import Pacing, Release, pacing_of, reach_days, release_of, span_release
from .states import ALWAYS, LOCATE, REASSIGN_CHECK, ConsentRule, PartyRule, StopRule
from .stops import expires
from .types import HoursRule

# A contact that is not possible within a year is as good as never possible.
SEARCH_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class About:
    """What a contact is about: to whom, on what, where.

    Parameters
    ----------
    purpose, party : str
    endpoint_id : str, optional
    endpoint_kind : str, optional
        The kind that a plan would go to where left out.
    debts : tuple of str, optional
        Loans that are spoken of; all open ones where left out.
    """

    purpose: str = "collection"
    party: str = "borrower"
    endpoint_id: str | None = None
    endpoint_kind: str | None = None
    debts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Limit:
    """A rule as it stands for one contact."""

    pack: RulePack
    rule: Rule
    facts: BorrowerFacts
    channel: str
    about: About

    def next_from(self, now: int) -> int:
        """Return the first instant from now on at which this rule allows the contact; FOREVER where there is none."""
        paced = isinstance(self.rule, CapRule | CooldownRule)
        clock, traits = self.pack.header.clock, self.facts.traits
        zones = all_zones(clock, traits.places) if paced else clock_zones(clock, traits.place)
        at, moved = now, True
        while moved and at < now + SEARCH_DAYS * DAY:
            latest = max((self._next_in(zone, zones, at) for zone in zones), default=FOREVER)
            at, moved = latest, latest > at
        return at if at < now + SEARCH_DAYS * DAY else FOREVER

    def _next_in(self, zone: str, zones: tuple[str, ...], at: int) -> int:
        rule = self.rule
        if isinstance(rule, HoursRule):
            return self._next_open(rule, zone, at) if in_force(rule.effective, local_ordinal(zone, at)) else at
        # What is in force in one of the zones holds in all: nobody knows in which the borrower is.
        begin, end = force_of(rule.effective, zones)
        return max(at, min(self._release(rule, zone, zones, at), end)) if begin <= at < end else at

    def _next_open(self, rule: HoursRule, zone: str, at: int) -> int:
        today = local_ordinal(zone, at)
        for day in range(today, today + SEARCH_DAYS):
            for begin, end in open_to(self.pack, rule, self.facts.traits, self.channel, zone, day):
                if at < end:
                    return max(at, begin)
        return FOREVER

    def _release(self, rule: Rule, zone: str, zones: tuple[str, ...], at: int) -> int:
        """Return from when on a rule allows the contact, looked at from an instant; at or before it where it does already."""
        if isinstance(rule, StopRule):
            return self._stopped(rule, zone)
        if isinstance(rule, PartyRule):
            return self._addressed(rule)
        if isinstance(rule, ConsentRule):
            return self._consented(rule, zones, at)
        return self._paced(rule, zone, zones, at) if isinstance(rule, CapRule | CooldownRule) else NEVER

    def _stopped(self, rule: StopRule, zone: str) -> int:
        if self.about.purpose in rule.allow_purposes or (rule.redirected is not None and self.about.party == rule.redirected):
            return NEVER
        if ALL_CHANNELS_OUT in rule.kinds and len(self.facts.refused) == _ALL:
            return FOREVER
        held = [one for one in self.facts.open_events if one.kind in rule.kinds and self._concerns(rule, one)]
        return max((self._over(rule, one, zone) for one in held if not self._lifted(rule, one)), default=NEVER)

    def _concerns(self, rule: StopRule, event: StatusEvent) -> bool:
        debts = self.about.debts
        return rule.scope == "borrower" or debts is None or event.loan_id is None or event.loan_id in debts

    def _lifted(self, rule: StopRule, event: StatusEvent) -> bool:
        later = [
            one for one in self.facts.events
            if to_micros(one.at) > to_micros(event.at) and one.loan_id in (None, event.loan_id)
        ]  # fmt: skip
        unless = [one for one in later if one.kind in rule.unless and one.until is None and one in self.facts.open_events]
        return bool(unless) or any(one.kind in rule.until for one in later)

    def _over(self, rule: StopRule, event: StatusEvent, zone: str) -> int:
        if event.until is not None:
            return to_micros(event.until) + 1
        if rule.for_ is None:
            return FOREVER
        span = span_release(rule.for_, business_of(self.pack, self.facts.traits))
        return _sent(span, zone, to_micros(event.at), rule.for_.reach_days)

    def _addressed(self, rule: PartyRule) -> int:
        states = [one for one in self.facts.open_events if one.kind in rule.forbid_when]
        if ALWAYS in rule.forbid_when or (ALL_CHANNELS_OUT in rule.forbid_when and len(self.facts.refused) == _ALL):
            return FOREVER
        if rule.allow is not None and self.about.party not in rule.allow and not self._may_locate(rule):
            return FOREVER
        return max((FOREVER if one.until is None else to_micros(one.until) + 1 for one in states), default=NEVER)

    def _may_locate(self, rule: PartyRule) -> bool:
        """Tell whether somebody else may be asked where the borrower is."""
        only, kinds = rule.locate_only, {one.kind for one in self.facts.open_events}
        if only is None or self.about.purpose != LOCATE or (rule.stop_on_objection and "third_party_objection" in kinds):
            return False
        asked = [p for p in self.facts.contacts if p.purpose == LOCATE and p.party == self.about.party and p.direction == "out"]
        return bool(not only.when or kinds & set(only.when)) and (only.max is None or len(asked) < only.max)

    def _consented(self, rule: ConsentRule, zones: tuple[str, ...], at: int) -> int:
        own = [one for one in self.facts.standing if one.channel == self.channel]
        lasting = []
        for need in rule.need.any_of:
            given = [one for one in own if one.kind == need.kind and not need.unknowable]
            lasting += [expires(to_micros(one.given_at), need.max_age_days, zones) for one in given]
            checked = need.or_number_reassign_check_days
            if given and checked is not None:
                checks = [one for one in own if one.kind == REASSIGN_CHECK]
                lasting += [expires(to_micros(one.given_at), checked, zones) for one in checks]
        return NEVER if any(at < last for last in lasting) else FOREVER

    def _paced(self, rule: CapRule | CooldownRule, zone: str, zones: tuple[str, ...], at: int) -> int:
        pacing = pacing_of(rule)
        if self._free(pacing, zones, self.channel, at) or self._left_out(pacing) or not self._active(pacing):
            return NEVER
        if pacing.depth == 0:
            return FOREVER
        release = release_of(rule, business_of(self.pack, self.facts.traits))
        if pacing.event is not None:
            return self._after_event(pacing, release, zone, reach_days(rule))
        counted = [one for one in self.facts.contacts if self._counts(pacing, zones, one)]
        found = NEVER
        for bucket in self._buckets(pacing, counted):
            times = _distinct(bucket, self.channel) if pacing.distinct else [to_micros(one.at) for one in bucket]
            if len(times) >= pacing.depth:
                deepest = sorted(times, reverse=True)[pacing.depth - 1]
                found = max(found, _sent(release, zone, deepest, reach_days(rule)))
        return found

    def _after_event(self, pacing: Pacing, release: Release, zone: str, reach: int) -> int:
        event = pacing.event
        if event == DUE_DATE:
            since = self.facts.overdue_since
            return FOREVER if since is None else _sent(release, zone, day_start(zone, since.toordinal()), reach)
        times = [to_micros(one.at) for one in self.facts.events if one.kind == event]
        if event == FIRST_CONVERSATION and (first := self._first_talk()) is not None:
            times = [first]
        if not times:
            return FOREVER if pacing.needed else NEVER
        return _sent(release, zone, max(times), reach)

    def _first_talk(self) -> int | None:
        talks = [to_micros(p.at) for p in self.facts.contacts if p.outcome == "conversation" and p.party == "borrower"]
        known = [*talks, *([to_micros(self.facts.first_talk)] if self.facts.first_talk is not None else [])]
        return min(known, default=None)

    def _active(self, pacing: Pacing) -> bool:
        if pacing.active_after is None:
            return True
        if pacing.active_after == FIRST_CONVERSATION:
            return self._first_talk() is not None
        return any(one.kind == pacing.active_after for one in self.facts.events)

    def _counts(self, pacing: Pacing, zones: tuple[str, ...], past: PastContact) -> bool:
        actor, own = self.facts.actor, {"actor": past.actor, "principal": past.principal}
        mine = {"actor": actor.name, "principal": actor.principal}
        theirs = pacing.across != "all" and mine[pacing.across] and own[pacing.across] not in (None, mine[pacing.across])
        party = "person" not in pacing.per or past.party == self.about.party
        match = pacing.counts if "person" not in pacing.per else pacing.counts.model_copy(update={"party": (past.party,)})
        return (
            party
            and not theirs
            and match.matches(past.channel, past.direction, past.party, past.purpose, past.endpoint_kind or "")
            and (pacing.outcomes is None or past.outcome in pacing.outcomes)
            and not any(_excludes(one, past) for one in pacing.exclude)
            and not self._free(pacing, zones, past.channel, to_micros(past.at))
        )

    def _buckets(self, pacing: Pacing, counted: list[PastContact]) -> list[list[PastContact]]:
        """Return what is counted together; what does not name its debt or endpoint counts for each."""
        if "debt" in pacing.per:
            held = {loan.loan_id for loan in self.facts.loans}
            # A debt that is over may have been split, merged or given another number: its contacts count for what is left.
            loose = [not p.loans or bool(held and not set(p.loans) <= held) for p in counted]
            debts = self.about.debts or tuple(held)
            return [
                [p for p, everywhere in zip(counted, loose, strict=True) if everywhere or debt in p.loans] for debt in debts
            ] or [counted]
        if "endpoint" in pacing.per:
            known = {p.endpoint_id for p in counted if p.endpoint_id is not None}
            ends = known if self.about.endpoint_id is None else {self.about.endpoint_id}
            return [[p for p in counted if p.endpoint_id in (None, end)] for end in ends] or [counted]
        return [counted]

    def _free(self, pacing: Pacing, zones: tuple[str, ...], channel: str, at: int) -> bool:
        """Tell whether a consent to more contacts covers an instant."""
        if pacing.excess is None:
            return False
        days = pacing.excess.whole_days - 1
        return any(
            to_micros(one.given_at) <= at < min(expires(to_micros(one.given_at), days, zones), _end(one.revoked_at))
            for one in self.facts.consents
            if one.kind == EXCESS_CONSENT and one.channel == channel
        )

    def _left_out(self, pacing: Pacing) -> bool:
        return pacing.leaves_out(self.channel, self.about.party, self.about.purpose)


_ALL: Final = 9  # channels


def _end(instant: datetime | None) -> int:
    return FOREVER if instant is None else to_micros(instant)


def _excludes(one: Exclusion, past: PastContact) -> bool:
    return one.excess_consent is None and (
        (one.outcome is None or past.outcome in one.outcome)
        and (one.party is None or past.party in one.party)
        and (one.purpose is None or past.purpose in one.purpose)
        and (one.channels is None or past.channel in one.channels)
        and one.direction in (None, past.direction)
    )


def _distinct(counted: list[PastContact], channel: str) -> list[int]:
    newest: dict[str, int] = {}
    for one in counted:
        if one.channel != channel:
            newest[one.channel] = max(newest.get(one.channel, NEVER), to_micros(one.at))
    return list(newest.values())


def _sent(release: Release, zone: str, at: int, reach: int) -> int:
    day = local_ordinal(zone, at)
    table = day_table(zone, day - 1, day + reach + 40)
    return int(release(table, np.array([at], dtype=np.int64))[0])
