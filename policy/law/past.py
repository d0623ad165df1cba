"""What every group of a book counts: past contacts by rule, events, consents; each counted once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...data.vocabulary import CHANNELS
from ..zones import Micros
from .facts import Facts
from .history import FOREVER, NEVER, excess_consents
from .model import FIRST_CONVERSATION
from .paced import Paced
from .pacing import EXCESS_CONSENT
from .states import ConsentRule, PartyRule, StopRule
from .stops import Stops, consent_expiry, expiries, party_release


@dataclass
class Past:
    """Counts over all borrowers of a book, kept for the next group that asks.

    Parameters
    ----------
    facts : Facts
    """

    facts: Facts
    _kept: dict[str, Micros] = field(default_factory=dict)
    _stops: dict[str, Stops] = field(default_factory=dict)

    @cached_property
    def is_over(self) -> bool:
        """Whether every contact that is known was made before the decision."""
        at = self.facts.contacts.at
        return not len(at) or bool(at.max() < self.facts.as_of)

    def latest(self, paced: Paced) -> Micros:
        """Return each borrower's latest contacts that a rule counts, of shape (n, depth), in the fullest of its buckets."""
        if paced.key not in self._kept:
            contacts, pacing, n = self.facts.contacts, paced.pacing, len(self.facts)
            chosen = self._counted(paced)
            if "debt" in pacing.per:
                found = contacts.latest_by_debt(chosen, self.facts.debts, n, pacing.depth)
            elif "endpoint" in pacing.per:
                found = contacts.latest_by_endpoint(chosen, n, pacing.depth)
            else:
                found = contacts.latest(chosen, n, pacing.depth)
            self._kept[paced.key] = found
        return self._kept[paced.key]

    def latest_on(self, paced: Paced, channel: str) -> Micros:
        """Return each borrower's latest counted contact on a channel, of shape (n,)."""
        key = f"{paced.key}/on/{channel}"
        if key not in self._kept:
            contacts = self.facts.contacts
            chosen = self._counted(paced) & (contacts.channel == CHANNELS.index(channel))
            self._kept[key] = contacts.latest(chosen, len(self.facts), 1)[:, 0]
        return self._kept[key]

    def _counted(self, paced: Paced) -> np.ndarray:
        contacts, pacing = self.facts.contacts, paced.pacing
        chosen = contacts.select(pacing.counts, pacing.outcomes)
        if pacing.across != "all":
            chosen &= contacts.by_actor if pacing.across == "actor" else contacts.by_principal
        chosen &= ~contacts.excluded(pacing.exclude)
        if pacing.excess is not None:
            consents = self.facts.consents
            given = consents.loc[consents["kind"] == EXCESS_CONSENT, "given"].to_numpy(dtype=np.int64)
            over = expiries(given, pacing.excess.whole_days - 1, paced.zones)
            chosen &= ~contacts.under_consent(excess_consents(consents, over))
        return chosen

    def exempt(self, paced: Paced, channel: str) -> Micros:
        """Return until when a consent to more contacts frees a channel of a rule, of shape (n,); NEVER without one."""
        key = f"{paced.key}/free/{channel}"
        if key not in self._kept:
            found = np.full(len(self.facts), NEVER, dtype=np.int64)
            own = self.facts.standing_consents
            own = own[(own["kind"] == EXCESS_CONSENT) & (own["channel"] == channel)]
            days = paced.pacing.excess.whole_days - 1 if paced.pacing.excess is not None else 0
            over = expiries(own["given"].to_numpy(dtype=np.int64), days, paced.zones)
            np.maximum.at(found, own["owner"].to_numpy(dtype=np.int64), over)
            self._kept[key] = found
        return self._kept[key]

    def expiry(self, rule: ConsentRule, zones: tuple[str, ...], channel: str) -> Micros:
        """Return until when a channel is open by consent, of shape (n,)."""
        key = f"consent/{rule.id}/{'/'.join(zones)}/{channel}"
        if key not in self._kept:
            self._kept[key] = consent_expiry(self.facts, rule, zones, channel)
        return self._kept[key]

    def stops(self, rule: StopRule, kind: int) -> Stops:
        """Return the open events by which a rule stops borrowers of a kind."""
        if rule.id not in self._stops:
            self._stops[rule.id] = Stops.of(self.facts, rule)
        return self._stops[rule.id].kind(kind)

    def party(self, rule: PartyRule) -> Micros:
        """Return the first instants at which a rule lets the borrower be spoken to, of shape (n,)."""
        key = f"party/{rule.id}"
        if key not in self._kept:
            self._kept[key] = party_release(self.facts, rule)
        return self._kept[key]

    def latest_event(self, kind: str) -> Micros:
        """Return when an event happened last, of shape (n,); NEVER where it did not."""
        key = f"event/{kind}"
        if key not in self._kept:
            found = np.full(len(self.facts), NEVER, dtype=np.int64)
            if kind == FIRST_CONVERSATION:
                found = np.where(self.facts.first_talk >= FOREVER, NEVER, self.facts.first_talk)
            else:
                events = self.facts.status[self.facts.status["kind"] == kind]
                np.maximum.at(found, events["owner"].to_numpy(dtype=np.int64), events["at"].to_numpy(dtype=np.int64))
            self._kept[key] = found
        return self._kept[key]

    def began(self, kind: str) -> np.ndarray:
        """Tell whether an event has ever happened, of shape (n,)."""
        return np.asarray(self.latest_event(kind) > NEVER, dtype=bool)
