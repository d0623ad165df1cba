"""From when on stops, parties and consents let many borrowers be contacted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..status import ended_by
from ..zones import DAY, Micros, day_start, day_table, local_ordinal
from .facts import Facts
from .group import Bound
from .history import FOREVER, NEVER
from .model import ALL_CHANNELS_OUT
from .paced import bound_release
from .release import span_release
from .states import ALWAYS, REASSIGN_CHECK, ConsentRule, PartyRule, StopRule


def holding(facts: Facts, rule: StopRule) -> pd.DataFrame:
    """Return the open events that stop, without those that `until` or `unless` has ended.

    A lifting event that itself runs out lifts nothing: what holds afterwards is a question for a person.
    """
    status = facts.status
    opened = status[status["open"] & status["kind"].isin(rule.kinds)]
    ending = status["kind"].isin(rule.until) | (
        status["kind"].isin(rule.unless) & status["open"] & (status["until"] >= FOREVER)
    )
    if opened.empty or not ending.any():
        return opened
    named = {"owner": "borrower_id"}
    clearing = status[ending].rename(columns=named)
    clearing = clearing.assign(loan_id=clearing["loan_id"].where(clearing["loan_id"] != ""))
    return opened[~ended_by(opened.rename(columns=named), clearing).to_numpy(dtype=bool)]


@dataclass(frozen=True)
class Stops:
    """Open events that stop, ordered by their owners' kind.

    Parameters
    ----------
    owner, since, until : ndarray of shape (m,)
        Position in the facts, and UTC microseconds.
    edges : ndarray of shape (kinds + 1,)
        Where each kind's events begin.
    """

    owner: Micros
    since: Micros
    until: Micros
    edges: Micros

    @classmethod
    def of(cls, facts: Facts, rule: StopRule) -> "Stops":
        """Find the events of everybody."""
        events = holding(facts, rule)
        owner = events["owner"].to_numpy(dtype=np.int64)
        order = np.argsort(facts.group[owner], kind="stable")
        at, until = (events[name].to_numpy(dtype=np.int64)[order] for name in ("at", "until"))
        edges = np.searchsorted(facts.group[owner[order]], np.arange(len(facts.traits) + 1))
        return cls(owner[order], at, until, edges)

    def kind(self, code: int) -> "Stops":
        """Return those of borrowers of one kind."""
        part = slice(self.edges[code], self.edges[code + 1])
        return Stops(self.owner[part], self.since[part], self.until[part], self.edges)


def stop_release(facts: Facts, bound: Bound, rule: StopRule, stops: Stops) -> Micros:
    """Return the first instants at which stops no longer hold, each of shape (m,)."""
    release = released(stops.until)
    if rule.for_ is not None and bound.zones:
        spanned = stops.until >= FOREVER
        span = span_release(rule.for_, bound.business)
        release[spanned] = bound_release(span, bound.zones, facts.as_of, rule.for_.reach_days, stops.since[spanned])
    return release


def released(until: Micros) -> Micros:
    """Return the first instants after stops that still hold at their last one."""
    return np.where(until >= FOREVER, FOREVER, until + 1)


def party_release(facts: Facts, rule: PartyRule) -> Micros:
    """Return the first instants at which the borrower may be spoken to at such an endpoint, of shape (n,)."""
    if (rule.allow is not None and "borrower" not in rule.allow) or ALWAYS in rule.forbid_when:
        return np.full(len(facts), FOREVER, dtype=np.int64)
    found = np.full(len(facts), NEVER, dtype=np.int64)
    events = facts.status[facts.status["open"] & facts.status["kind"].isin(rule.forbid_when)]
    np.maximum.at(found, events["owner"].to_numpy(dtype=np.int64), released(events["until"].to_numpy(dtype=np.int64)))
    if ALL_CHANNELS_OUT in rule.forbid_when:
        found[facts.refused.all(axis=1)] = FOREVER
    return found


def consent_expiry(facts: Facts, rule: ConsentRule, zones: tuple[str, ...], channel: str) -> Micros:
    """Return until when a channel is open by consent, of shape (n,); NEVER without one."""
    consents = facts.standing_consents
    own = consents[consents["channel"] == channel]
    expiry = np.full(len(facts), NEVER, dtype=np.int64)
    for need in rule.need.any_of:
        given = own[own["kind"] == need.kind]
        if need.unknowable or given.empty:
            continue
        np.maximum.at(expiry, given["owner"].to_numpy(dtype=np.int64), expiries(_given(given), need.max_age_days, zones))
        checks = own[(own["kind"] == REASSIGN_CHECK) & own["owner"].isin(given["owner"])]
        if need.or_number_reassign_check_days is not None and len(checks):
            last = expiries(_given(checks), need.or_number_reassign_check_days, zones)
            np.maximum.at(expiry, checks["owner"].to_numpy(dtype=np.int64), last)
    return expiry


def expires(given: int, max_age_days: int | None, zones: tuple[str, ...]) -> int:
    """Return until when a consent counts: the last local day is the given one plus its largest age, in every zone."""
    if max_age_days is None:
        return FOREVER
    return min((day_start(zone, local_ordinal(zone, given) + max_age_days + 1) for zone in zones), default=given + DAY)


def expiries(given: Micros, max_age_days: int | None, zones: tuple[str, ...]) -> Micros:
    """Return until when each consent counts, of shape (n,); as `expires`."""
    if max_age_days is None or not len(given):
        return np.full(given.shape, FOREVER, dtype=np.int64)
    if not zones:
        return np.asarray(given + DAY, dtype=np.int64)
    found = np.full(given.shape, FOREVER, dtype=np.int64)
    for zone in zones:
        first, last = (local_ordinal(zone, int(at)) for at in (given.min(), given.max()))
        table = day_table(zone, first, last + max_age_days + 1)
        found = np.minimum(found, table.start(table.ordinal(given) + max_age_days + 1))
    return found


def _given(consents: pd.DataFrame) -> Micros:
    return consents["given"].to_numpy(dtype=np.int64)
