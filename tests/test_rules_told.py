"""Fields that tell how far a law goes: a pack with them is accepted, and none of them takes a protection away."""

from datetime import timedelta

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.law.check import About, PastContact, check_contact
from lighttouch.policy.recheck import Planned, recheck
from lighttouch.policy.rules import Planner, RulePack, lawful
from rule_cases import AS_OF, book_of
from test_rules_edges import HOURS, at, facts, pack_of, says
from test_rules_edges_states import NOON, event, stop

MONTHS = {"for": {"months": 3}}
WEEKLY = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)])
REPLY = About(purpose="reply_to_borrower")
ONCE = pack_of({"type": "honour", "what": ["channels", "times", "endpoints"], "reply_once_same_channel": True}, name="once")
WHOLE = pack_of({"type": "honour", "what": ["channels", "times", "endpoints"]}, name="whole")
OUT = event("opt_out", "2026-11-10 10:00", channel="sms")


def messages(*made):
    return tuple(PastContact(at(when), "sms", "delivered", direction, party) for when, direction, party in made)


def person_of(*events):
    """Raw rows of a borrower with events so many days ago."""
    rows = [
        {"kind": kind, "at": AS_OF - timedelta(days=days), "known_at": AS_OF - timedelta(days=days), "until": None, **more}
        for kind, days, more in events
    ]
    return {"zone": "Asia/Seoul", "jurisdiction": "KR", "contacts": [], "events": rows, "consents": []}


@pytest.mark.parametrize("renewals", [None, 0, 1, 5])
def test_every_relief_is_honoured_however_many_renewals_a_law_knows(renewals):
    told = {} if renewals is None else {"renewals": renewals}
    rule = stop("hospitalised", "family_death", scope="debt", **MONTHS, **told)
    assert rule.rules[0].renewals == renewals
    spans = ["2025-10-01 10:00", "2026-03-01 10:00", "2026-06-15 10:00", "2026-10-01 10:00"]
    illness = [event("hospitalised", begun) for begun in spans]
    assert [says(rule, facts(events=tuple(illness[:k])), NOON).allowed for k in range(5)] == [True, True, True, True, False]
    assert says(rule, facts(events=tuple(illness)), NOON).next_possible_at == at("2027-01-01 00:00")
    longer = event("hospitalised", "2026-10-01 10:00", "2027-06-30 12:00")
    assert says(rule, facts(events=(*illness, longer)), "2027-06-30 11:00").allowed is False


def test_the_third_relief_stops_a_plan_as_the_first_does_under_the_shipped_pack():
    pack = RulePack.load("kr")
    none = person_of()
    first = person_of(("hospitalised", 20, {}))
    third = person_of(("hospitalised", 200, {}), ("hospitalised", 110, {}), ("hospitalised", 20, {}))
    over = person_of(("hospitalised", 200, {}), ("hospitalised", 110, {}))
    assert lawful([pack], book_of([none, first, third, over]), AS_OF, WEEKLY)[:, 1].tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    "told", [{"act_within": {"business_days": 10}}, {"limits": {"quiet_hours_per_week": 1, "means": 0}},
             {"reply_once_same_channel": True}, {"act_within": {"hours": 240}, "limits": {"means": 1}}]
)  # fmt: skip
def test_a_wish_is_honoured_at_once_and_whole_whatever_is_told_of_it(told):
    rule = pack_of({"type": "honour", "what": ["channels", "times", "endpoints"], **told})
    quiet = event("quiet_hours", "2026-11-20 11:58", detail="00:00-23:59")
    refused = tuple(event("opt_out", "2026-11-20 11:59", channel=channel) for channel in ("sms", "email", "call"))
    for channel in ("sms", "email", "call"):
        assert not says([HOURS, rule], facts(events=refused), NOON, channel).allowed
    assert not says([HOURS, rule], facts(events=(quiet,)), NOON, "visit").allowed


def test_one_reply_opens_no_plan_and_no_sending():
    raw = person_of(("opt_out", 9, {"channel": "sms"}))
    wrote = {"channel": "sms", "direction": "in", "party": "borrower", "outcome": "replied", "at": AS_OF - timedelta(days=1),
             "known_at": AS_OF - timedelta(days=1)}  # fmt: skip
    book = book_of([{**raw, "contacts": [wrote]}])
    assert not lawful([ONCE], book, AS_OF, WEEKLY)[0, 1]
    assert lawful([ONCE], book_of([person_of()]), AS_OF, WEEKLY)[0, 1]
    assert lay_calendar(Planner.of([ONCE], book, AS_OF), WEEKLY, np.array([1])).windows.empty
    hour = timedelta(hours=1)
    planned = Planned("d", "b0", "sms", AS_OF - hour, AS_OF + hour, AS_OF - 2 * hour, AS_OF + timedelta(days=14))
    assert "rule:once.0" in recheck(planned, AS_OF, book, [ONCE]).reasons


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        ([("2026-11-15 10:00", "in", "borrower")], True),
        ([], False),
        ([("2026-11-05 10:00", "in", "borrower")], False),  # written before the refusal
        ([("2026-11-10 10:00", "in", "borrower")], False),  # the refusal itself
        ([("2026-11-15 10:00", "in", "spouse")], False),
        ([("2026-11-20 12:01", "in", "borrower")], False),  # not yet
        ([("2026-11-15 10:00", "in", "borrower"), ("2026-11-15 11:00", "out", "borrower")], False),  # answered
        ([("2026-11-15 10:00", "in", "borrower"), ("2026-11-15 11:00", "out", "spouse")], False),
    ],
)
def test_one_reply_is_allowed_to_who_wrote_after_the_refusal(made, allowed):
    who = facts(events=(OUT,), contacts=messages(*made))
    assert says(ONCE, who, NOON, "sms", REPLY).allowed == allowed
    assert not says(ONCE, who, NOON, "sms").allowed
    assert not says(WHOLE, who, NOON, "sms", REPLY).allowed
    assert [one.rule_id for one in says([ONCE, WHOLE], who, NOON, "sms", REPLY).reasons][-1] == "whole.0"


def test_a_refusal_of_everything_or_of_an_hour_is_answered_once_as_well():
    for refusal in (event("opt_out", "2026-11-10 10:00"), event("quiet_hours", "2026-11-10 10:00", detail="00:00-23:59")):
        wrote = messages(("2026-11-15 10:00", "in", "borrower"))
        assert says(ONCE, facts(events=(refusal,), contacts=wrote), NOON, "sms", REPLY).allowed
        again = event(refusal.kind, "2026-11-16 10:00", detail=refusal.detail)
        assert not says(ONCE, facts(events=(refusal, again), contacts=wrote), NOON, "sms", REPLY).allowed


def test_regulation_f_allows_the_reply_and_nothing_else():
    pack, wrote = RulePack.load("us-fed"), messages(("2026-11-15 10:00", "in", "borrower"))
    who = facts(events=(OUT,), contacts=wrote, jurisdiction="US-OH")
    denied = {one.rule_id for one in check_contact([pack], who, "sms", at(NOON)).reasons}
    assert "us.regf.medium" in denied
    assert "us.regf.medium" not in {one.rule_id for one in check_contact([pack], who, "sms", at(NOON), REPLY).reasons}
