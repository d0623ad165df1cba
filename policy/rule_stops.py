"""From when on stops, parties and consents let many borrowers be contacted."""

import numpy as np
import pandas as pd

from .rule_facts import Facts
from .rule_group import Bound
from .rule_history import FOREVER, NEVER
from .rule_model import ALL_CHANNELS_OUT
from .rule_paced import bound_release
from .rule_release import span_release
from .rule_states import ALWAYS, REASSIGN_CHECK, ConsentRule, PartyRule, StopRule
from .status import ended_by
from .zones import DAY, Micros, day_start, local_ordinal


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


def stop_release(facts: Facts, bound: Bound, rule: StopRule, rows: Micros) -> Micros:
    """Return the first instants at which a stop no longer holds, of shape (len(rows),); NEVER where nothing stops."""
    found = np.full(len(facts), NEVER, dtype=np.int64)
    events = holding(facts, rule)
    mine = np.zeros(len(facts), dtype=bool)
    mine[rows] = True
    events = events[mine[events["owner"].to_numpy(dtype=np.int64)]]
    owner, until = events["owner"].to_numpy(dtype=np.int64), events["until"].to_numpy(dtype=np.int64)
    # A stop still holds at its last instant.
    release = np.where(until >= FOREVER, FOREVER, until + 1)
    if rule.for_ is not None and bound.zones:
        at, spanned = events["at"].to_numpy(dtype=np.int64), until >= FOREVER
        span = span_release(rule.for_, bound.business)
        release[spanned] = bound_release(span, bound.zones, facts.as_of, rule.for_.reach_days, at[spanned])
    np.maximum.at(found, owner, release)
    if ALL_CHANNELS_OUT in rule.kinds:
        found[facts.refused.all(axis=1)] = FOREVER
    return np.asarray(found[rows], dtype=np.int64)


def party_release(facts: Facts, rule: PartyRule, rows: Micros) -> Micros:
    """Return the first instants at which the borrower may be spoken to at such an endpoint."""
    if (rule.allow is not None and "borrower" not in rule.allow) or ALWAYS in rule.forbid_when:
        return np.full(len(rows), FOREVER, dtype=np.int64)
    found = np.full(len(facts), NEVER, dtype=np.int64)
    events = facts.status[facts.status["open"] & facts.status["kind"].isin(rule.forbid_when)]
    until = events["until"].to_numpy(dtype=np.int64)
    np.maximum.at(found, events["owner"].to_numpy(dtype=np.int64), np.where(until >= FOREVER, FOREVER, until + 1))
    if ALL_CHANNELS_OUT in rule.forbid_when:
        found[facts.refused.all(axis=1)] = FOREVER
    return np.asarray(found[rows], dtype=np.int64)


def consent_expiry(facts: Facts, rule: ConsentRule, zones: tuple[str, ...], channel: str) -> Micros:
    """Return until when a channel is open by consent, of shape (n,); NEVER without one."""
    consents = facts.standing_consents
    own = consents[consents["channel"] == channel]
    expiry = np.full(len(facts), NEVER, dtype=np.int64)
    for need in rule.need.any_of:
        given = own[own["kind"] == need.kind]
        if need.unknowable or given.empty:
            continue
        np.maximum.at(expiry, given["owner"].to_numpy(dtype=np.int64), _expiries(given, need.max_age_days, zones))
        checks = own[(own["kind"] == REASSIGN_CHECK) & own["owner"].isin(given["owner"])]
        if need.or_number_reassign_check_days is not None and len(checks):
            last = _expiries(checks, need.or_number_reassign_check_days, zones)
            np.maximum.at(expiry, checks["owner"].to_numpy(dtype=np.int64), last)
    return expiry


def _expiries(given: pd.DataFrame, max_age_days: int | None, zones: tuple[str, ...]) -> Micros:
    instants, back = np.unique(given["given"].to_numpy(dtype=np.int64), return_inverse=True)
    last = np.array([expires(int(at), max_age_days, zones) for at in instants], dtype=np.int64)
    return np.asarray(last[back.reshape(-1)], dtype=np.int64)


def expires(given: int, max_age_days: int | None, zones: tuple[str, ...]) -> int:
    """Return until when a consent counts: the last local day is the given one plus its largest age, in every zone."""
    if max_age_days is None:
        return FOREVER
    return min((day_start(zone, local_ordinal(zone, given) + max_age_days + 1) for zone in zones), default=given + DAY)
