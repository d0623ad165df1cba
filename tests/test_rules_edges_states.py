"""Edge cases of contact rules about states, late news, debts that change and days that are not what they seem."""

from datetime import timedelta

import pytest
from lighttouch.policy.law.check import About, Endpoint, OpenLoan, StatusEvent
from test_rules_edges import HOURS, NY, at, calls, facts, pack_of, says

NOON = "2026-11-20 12:00"


def event(kind, when, until=None, loan=None, detail=None, channel=None):
    return StatusEvent(kind, at(when), None if until is None else at(until), channel, loan, detail)


def stop(*kinds, **fields):
    return pack_of({"type": "stop", "when_any": list(kinds), **fields})


def test_a_fixed_zone_and_the_borrowers_own_must_both_be_open():
    eastern = pack_of({"type": "hours", "allow": {"mon-sun": ["08:00-21:00"]}}, name="ma", clock={"basis": f"fixed:{NY}"})
    west = "America/Los_Angeles"
    asked = ("05:30", "08:30", "17:59", "18:00", "20:30")
    assert [says([HOURS, eastern], facts(west, "US-CA"), f"2026-11-20 {clock}", zone=west).allowed for clock in asked] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_business_days_pass_over_weekends_and_holidays():
    notice = {"type": "cooldown", "after": {"event": "written_notice_sent"}, "for": {"business_days": 2, "first_day": "next"}}
    who = facts(jurisdiction="US", events=(event("written_notice_sent", "2026-11-25 10:00"),))
    wait = pack_of(notice, holidays={"unknown": "national"})
    assert says(wait, who, "2026-11-25 12:00").next_possible_at == at("2026-12-01 00:00")  # Thanksgiving, then a weekend
    assert not says(wait, facts(jurisdiction="US"), "2026-12-24 12:00").allowed  # a notice never sent has not been waited for


def test_a_holiday_of_any_region_counts_where_the_region_is_not_known():
    open_days = {"type": "hours", "allow": {"mon-sun": ["08:00-21:00"], "holiday": []}}
    anywhere = pack_of(open_days, holidays={"unknown": "treat_as_holiday_if_any"})
    unknown = pack_of(open_days, holidays={"unknown": "deny"})
    patriots_day = "2026-04-20 12:00"  # in Massachusetts and Maine
    assert [says(anywhere, facts(jurisdiction=place), patriots_day).allowed for place in ("US-MA", "US-NY", "US")] == [
        False, True, False,
    ]  # fmt: skip
    assert not says(unknown, facts(jurisdiction="US"), "2026-04-21 12:00").allowed


def test_what_was_queued_in_time_is_asked_about_again_when_it_is_sent():
    assert [says(HOURS, facts(), f"2026-11-20 {clock}", "sms").allowed for clock in ("20:58", "21:02")] == [True, False]


def test_late_and_future_news_count_from_when_they_happened():
    daily = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}})
    assert not says(daily, facts(contacts=calls("2026-11-20 13:00")), NOON).allowed  # a clock that runs ahead
    talk = pack_of({"type": "cooldown", "after": {"outcome": "conversation"}, "for": {"days": 2, "first_day": "event"}})
    before = calls("2026-11-19 10:00", outcome="no_answer")
    late = calls("2026-11-19 10:00", outcome="conversation")
    assert [says(talk, facts(contacts=made), NOON).allowed for made in (before, late)] == [True, False]


def test_a_debt_under_a_new_number_keeps_its_calls():
    weekly = pack_of({"type": "cap", "max": 2, "window": {"rolling_days": 7}, "per": ["debt"]})
    made = calls("2026-11-18 10:00", "2026-11-19 10:00", loans=("old number",))
    assert not says(weekly, facts(contacts=made, loans=(OpenLoan("new number"),)), NOON).allowed
    assert says(weekly, facts(contacts=made, loans=(OpenLoan("old number"), OpenLoan("other"))), NOON, about=About(
        debts=("other",))).allowed  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "outcome", "counts"),
    [
        ("email", "bounced", False),
        ("email", "delivered", True),
        ("voicemail", "voicemail_left", True),
        ("app_push", "sent", True),
    ],
)
def test_bounced_mail_is_no_contact_where_the_rule_leaves_it_out_and_a_voicemail_is_one(channel, outcome, counts):
    cap = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}, "exclude": [{"outcome": "bounced"}]})
    made = tuple(type(one)(one.at, channel, outcome) for one in calls("2026-11-20 09:00"))
    assert says(cap, facts(contacts=made), NOON).allowed != counts


def test_a_notice_that_law_requires_is_not_counted_and_a_message_of_two_purposes_is():
    cap = {"type": "cap", "max": 1, "window": {"calendar": "day"}, "exclude": [{"purpose": ["required_by_law"]}]}
    made = {purpose: calls("2026-11-20 09:00", purpose=purpose) for purpose in ("required_by_law", "collection")}
    assert says(pack_of(cap), facts(contacts=made["required_by_law"]), NOON).allowed
    assert not says(pack_of(cap), facts(contacts=made["collection"]), NOON).allowed
    assert says(pack_of(cap), facts(contacts=made["collection"]), NOON, about=About(purpose="required_by_law")).allowed


def test_a_cease_for_one_debt_of_three_stops_a_plan_about_all_and_not_a_word_about_another():
    who = facts(events=(event("cease", "2026-11-10 10:00", loan="A"),), loans=tuple(OpenLoan(name) for name in "ABC"))
    assert not says(stop("cease", scope="debt"), who, NOON).allowed
    assert [says(stop("cease", scope="debt"), who, NOON, about=About(debts=(debt,))).allowed for debt in "AB"] == [False, True]
    assert not says(stop("cease"), who, NOON, about=About(debts=("B",))).allowed


def test_a_refused_medium_leaves_the_others_and_comes_back_by_the_borrowers_word():
    out, back = event("opt_out", "2026-11-10 10:00", channel="sms"), event("opt_in", "2026-11-12 10:00", channel="sms")
    assert [says(HOURS, facts(events=(out,)), NOON, channel).allowed for channel in ("sms", "call")] == [False, True]
    assert says(HOURS, facts(events=(out, back)), NOON, "sms").allowed


def test_a_dispute_ends_with_the_verification_and_a_new_one_begins_again():
    rule = stop("dispute", until="verification_sent", allow_purposes=["verification"])
    first, sent = event("dispute", "2026-11-01 10:00"), event("verification_sent", "2026-11-05 10:00")
    again = event("dispute", "2026-11-06 10:00")
    assert [says(rule, facts(events=known), NOON).allowed for known in ((first,), (first, sent), (first, sent, again))] == [
        False, True, False,
    ]  # fmt: skip
    assert says(rule, facts(events=(first,)), NOON, about=About(purpose="verification")).allowed


def test_an_attorney_is_spoken_to_instead_and_silence_lifts_the_stop():
    rule = stop("attorney", redirect_to="attorney", unless=["attorney_unresponsive"])
    named, silent = event("attorney", "2026-11-01 10:00"), event("attorney_unresponsive", "2026-11-15 10:00")
    changed = event("attorney", "2026-11-16 10:00")
    assert says(rule, facts(events=(named,)), NOON, about=About(party="own_attorney")).allowed
    histories = ((named,), (named, silent), (named, silent, changed))
    assert [says(rule, facts(events=known), NOON).allowed for known in histories] == [False, True, False]


def test_a_moratorium_lasts_its_sixty_days_or_until_its_own_end():
    rule = stop("moratorium", **{"for": {"days": 60}})
    begun, longer = event("moratorium", "2026-09-25 10:00"), event("moratorium", "2026-09-25 10:00", "2026-12-24 00:00")
    assert says(rule, facts(events=(begun,)), NOON).next_possible_at == at("2026-11-24 00:00")
    assert says(rule, facts(events=(longer,)), NOON).next_possible_at == at("2026-12-24 00:00") + timedelta(microseconds=1)
    assert says(stop("moratorium"), facts(events=(begun,)), NOON).next_possible_at is None  # nobody knows its end
    assert not says(rule, facts(events=(begun, event("moratorium", "2026-11-01 10:00"))), "2026-12-01 12:00").allowed


def test_after_a_death_only_who_speaks_for_the_estate_is_spoken_to():
    rule = stop("borrower_deceased", redirect_to="estate_rep")
    who = facts(events=(event("deceased", "2026-11-01 10:00"),))
    parties = ("borrower", "spouse", "estate_rep")
    assert [says(rule, who, NOON, about=About(party=party)).allowed for party in parties] == [False, False, True]


def test_a_bankruptcy_ends_by_its_own_name_alone():
    known = event("bankruptcy", "2026-11-01 10:00")
    assert [
        says(stop("bankruptcy"), facts(events=(known, event("resolved", "2026-11-10 10:00", detail=d))), NOON).allowed
        for d in (None, "attorney", "bankruptcy")
    ] == [False, False, True]


def test_a_wrong_number_is_closed_at_once_and_the_right_one_stays_open():
    points = (Endpoint("call", "e1", "personal"), Endpoint("call", "e2", "personal"))
    who = facts(events=(event("quiet_endpoint", "2026-11-20 11:59", detail="e1"),), endpoints=points)
    asked = {
        name: says(HOURS, who, NOON, about=About(endpoint_id=name, endpoint_kind="personal")).allowed for name in ("e1", "e2")
    }
    assert asked == {"e1": False, "e2": True}
    assert says(HOURS, who, NOON).allowed
    alone = facts(events=who.events, endpoints=points[:1])
    assert not says(HOURS, alone, NOON).allowed


@pytest.mark.parametrize(("until", "allowed"), [("2026-11-20 11:59", True), ("2026-11-20 12:00", False), (None, False)])
def test_a_flag_of_vulnerability_or_a_refused_place_runs_out_with_its_own_term(until, allowed):
    flagged = facts(events=(event("vulnerable", "2026-11-01 10:00", until),))
    assert says(stop("vulnerable_unassessed"), flagged, NOON).allowed == allowed
    refused = facts(events=(event("quiet_place", "2026-11-01 10:00", until),), endpoints=(Endpoint("call", "e1", "home"),))
    assert says(HOURS, refused, NOON).allowed == allowed
