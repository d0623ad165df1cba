"""The edge cases of contact rules, one by one, each with the value that a person computed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from lighttouch.policy.law.check import (
    About,
    BorrowerFacts,
    Endpoint,
    GivenConsent,
    OpenLoan,
    PastContact,
    StatusEvent,
    check_contact,
)
from lighttouch.policy.law.clock import Place
from lighttouch.policy.law.compose import Actor
from lighttouch.policy.rules import RulePack

NY = "America/New_York"


def pack_of(*bodies, name="p", jurisdiction="ZZ", **header):
    rules = [
        {"id": f"{name}.{k}", "effect": "prohibit", "authority": "statute", "effective": {"from": date(2020, 1, 1)},
         "source": {"title": "a law", "section": "1", "confidence": "official"}, **body}
        for k, body in enumerate(bodies)
    ]  # fmt: skip
    head = {"id": name, "version": "1", "jurisdiction": jurisdiction, "clock": {"unknown": "intersect"}, **header}
    return RulePack.from_dict({"schema": "contact-rules/1", "pack": head, "rules": rules})


def at(text, zone=NY):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def facts(zone=NY, jurisdiction="US-NY", **known):
    return BorrowerFacts(Place(zone, jurisdiction), **known)


def says(packs, who, when, channel="call", about=None, zone=NY):
    packs = packs if isinstance(packs, list) else [packs]
    return check_contact(packs, who, channel, at(when, zone), about)


def calls(*texts, zone=NY, outcome="no_answer", **more):
    return tuple(PastContact(at(text, zone), "call", outcome, **more) for text in texts)


HOURS = pack_of({"type": "hours", "allow": {"mon-sun": ["08:00-21:00"]}})
SEVEN = pack_of({"type": "cap", "max": 7, "window": {"rolling_days": 7}, "match": {"direction": "out", "channels": ["call"]}})
TALK = {
    "type": "cooldown",
    "after": {"outcome": "conversation", "channels": ["call"]},
    "for": {"days": 7, "first_day": "event"},
}


@pytest.mark.parametrize(("clock", "allowed"), [("07:59", False), ("08:00", True), ("20:59", True), ("21:00", False)])
def test_hours_are_closed_at_their_begin_and_open_at_their_end(clock, allowed):
    assert says(HOURS, facts(), f"2026-11-20 {clock}").allowed == allowed


def test_a_call_that_would_overrun_is_not_begun():
    buffered = pack_of({"type": "hours", "allow": {"mon-sun": ["08:00-21:00"]}}, clock={"end_buffer_minutes": 15})
    assert [says(buffered, facts(), f"2026-11-20 {clock}").allowed for clock in ("20:44", "20:45")] == [True, False]


@pytest.mark.parametrize(
    ("day", "opens"), [("2026-03-07", 13), ("2026-03-08", 12), ("2026-10-31", 12), ("2026-11-01", 13)]
)  # fmt: skip
def test_hours_follow_the_clock_change_in_new_york(day, opens):
    early = datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)
    assert check_contact([HOURS], facts(), "call", early).next_possible_at == early.replace(hour=opens)


@pytest.mark.parametrize(
    ("jurisdiction", "week", "begin", "end"), [("ID", "08:00-20:00", 1, 11), ("RU", "08:00-22:00", 6, 10)]
)  # fmt: skip
def test_where_the_zone_is_not_known_every_zone_must_agree(jurisdiction, week, begin, end):
    pack = pack_of({"type": "hours", "allow": {"mon-sun": [week]}})
    who = facts("", jurisdiction)
    open_hours = [h for h in range(24) if check_contact([pack], who, "sms", datetime(2026, 11, 20, h, tzinfo=UTC)).allowed]
    assert open_hours == list(range(begin, end))


def test_where_no_hour_is_common_to_all_zones_it_is_never_possible_and_says_why():
    pack = pack_of({"type": "hours", "allow": {"mon-sun": ["12:00-13:00"]}}, clock={"unknown": ["Asia/Tokyo", "Europe/London"]})
    ruling = check_contact([pack], facts("", "ZZ"), "sms", datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert (ruling.next_possible_at, [reason.rule_id for reason in ruling.reasons]) == (None, ["p.0"])


def test_the_eighth_call_waits_for_the_eighth_day():
    who = facts(contacts=calls(*(f"2026-11-0{day} 10:00" for day in range(1, 8))))
    denied = says(SEVEN, who, "2026-11-07 18:00")
    assert not denied.allowed
    assert denied.next_possible_at == at("2026-11-08 00:00")
    assert says(SEVEN, who, "2026-11-08 08:00").allowed


@pytest.mark.parametrize("direction", ["in", "out"])
def test_after_a_talk_on_monday_the_next_monday_is_free(direction):
    who = facts(contacts=calls("2026-11-02 15:00", outcome="conversation", direction=direction))
    assert not says(pack_of(TALK), who, "2026-11-08 20:59").allowed
    assert says(pack_of(TALK), who, "2026-11-09 08:00").allowed


def test_seven_days_are_seven_dates_also_where_a_clock_change_makes_them_169_hours():
    who = facts(contacts=calls("2026-10-28 10:00", outcome="conversation"))
    assert says(pack_of(TALK), who, "2026-11-03 12:00").next_possible_at == at("2026-11-04 00:00")


def test_48_hours_are_counted_in_real_time_in_santiago():
    pause = pack_of({"type": "cooldown", "after": {"direction": "out"}, "for": {"hours": 48}})
    who = facts("America/Santiago", "CL", contacts=calls("2026-09-05 09:30", zone="America/Santiago"))
    assert not says(pause, who, "2026-09-07 09:30", zone="America/Santiago").allowed
    assert says(pause, who, "2026-09-07 10:30", zone="America/Santiago").allowed


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("America/Santiago", "2026-09-06", "01:00"),
        ("Africa/Cairo", "2026-04-24", "01:00"),
        ("Asia/Beirut", "2026-03-29", "01:00"),
    ],
)
def test_a_day_without_midnight_begins_at_its_first_instant(zone, day, first):
    daily = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}})
    before = (datetime.fromisoformat(day).toordinal() - 1, "20:00")
    made = calls(f"{date.fromordinal(before[0])} {before[1]}", zone=zone)
    ruling = says(daily, facts(zone, "ZZ", contacts=made), f"{date.fromordinal(before[0])} 21:00", zone=zone)
    assert ruling.next_possible_at == at(f"{day} {first}", zone)


def test_a_day_ends_at_local_midnight_and_not_24_hours_later():
    daily = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}})
    made = calls("2026-11-20 23:59")
    assert says(daily, facts(contacts=made), "2026-11-21 00:01").allowed
    assert not says(daily, facts("America/Los_Angeles", contacts=made), "2026-11-21 00:01").allowed


def test_one_who_moved_is_counted_in_both_zones_and_under_both_states():
    made = calls("2026-11-02 23:30", zone="America/Los_Angeles", outcome="conversation")
    there, here = Place("America/Los_Angeles", "US-CA"), Place(NY, "US-NY")
    pause = pack_of(TALK, jurisdiction="US")
    still = BorrowerFacts(there, contacts=made)
    moved = BorrowerFacts(here, contacts=made, former=(there,))
    assert says(pause, still, "2026-11-05 12:00").next_possible_at == at("2026-11-09 00:00", "America/Los_Angeles")
    assert says(pause, moved, "2026-11-05 12:00").next_possible_at == at("2026-11-10 00:00")
    california = [pack_of(TALK, name="ca", jurisdiction="US-CA"), pack_of({"type": "duty", "do": ["explain"]})]
    assert not says(california, moved, "2026-11-05 12:00").allowed


@pytest.mark.parametrize(("rule", "counts"), [(None, 3), ({"outcomes": ["answered"]}, 1), ({"outcomes": ["no_answer"]}, 1)])
def test_attempts_and_talks_are_counted_by_what_came_of_them(rule, counts):
    made = (
        calls("2026-11-20 09:00")
        + calls("2026-11-20 10:00", outcome="conversation")
        + calls("2026-11-20 11:00", outcome="busy")
    )
    cap = {"type": "cap", "window": {"calendar": "day"}, **({} if rule is None else {"count": rule})}
    assert not says(pack_of({**cap, "max": counts}), facts(contacts=made), "2026-11-20 12:00").allowed
    assert says(pack_of({**cap, "max": counts + 1}), facts(contacts=made), "2026-11-20 12:00").allowed


def test_a_call_about_two_debts_counts_for_both_and_one_that_names_none_for_every():
    twice = pack_of({"type": "cap", "max": 2, "window": {"rolling_days": 7}, "per": ["debt"]})
    loans = (OpenLoan("A"), OpenLoan("B"), OpenLoan("C"))
    made = calls("2026-11-18 10:00", loans=("A", "B")) + calls("2026-11-19 10:00", loans=("A",))
    who = facts(contacts=made, loans=loans)
    asked = {debt: says(twice, who, "2026-11-20 12:00", about=About(debts=(debt,))).allowed for debt in "ABC"}
    assert asked == {"A": False, "B": True, "C": True}
    assert not says(twice, who, "2026-11-20 12:00").allowed  # a plan is about all of them
    unnamed = facts(contacts=made + calls("2026-11-17 10:00"), loans=loans)
    assert not says(twice, unnamed, "2026-11-20 12:00", about=About(debts=("B",))).allowed


def test_numbers_of_one_person_are_one_bucket_and_a_cap_per_number_is_not():
    made = calls("2026-11-20 09:00", endpoint_id="e1") + calls("2026-11-20 10:00", endpoint_id="e2")
    day = {"type": "cap", "max": 2, "window": {"calendar": "day"}}
    one = About(endpoint_id="e1", endpoint_kind="personal")
    assert not says(pack_of(day), facts(contacts=made), "2026-11-20 12:00", about=one).allowed
    assert says(pack_of({**day, "per": ["endpoint"]}), facts(contacts=made), "2026-11-20 12:00", about=one).allowed


def test_a_spouse_is_a_bucket_of_their_own():
    made = calls("2026-11-20 09:00", party="spouse")
    day = {"type": "cap", "max": 1, "window": {"calendar": "day"}}
    assert says(pack_of({**day, "per": ["person"]}), facts(contacts=made), "2026-11-20 12:00").allowed
    assert not says(pack_of(day), facts(contacts=made), "2026-11-20 12:00").allowed


@pytest.mark.parametrize(("across", "allowed"), [("actor", True), ("principal", False), ("all", False)])
def test_an_earlier_collectors_calls_count_for_the_principal_and_not_for_the_next_collector(across, allowed):
    made = calls("2026-11-20 09:00", actor="agency 1", principal="bank")
    day = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}, "across": across})
    who = facts(contacts=made, actor=Actor("third_party_collector", "agency 2", "bank"))
    assert says(day, who, "2026-11-20 12:00").allowed == allowed
    nameless = facts(contacts=calls("2026-11-20 09:00"), actor=Actor("", "agency 2", "bank"))
    assert not says(day, nameless, "2026-11-20 12:00").allowed


def test_a_consent_to_more_calls_lasts_seven_days_from_its_own():
    excess = [{"excess_consent": {"days": 7, "first_day": "event"}}]
    cap = pack_of({"type": "cap", "max": 1, "window": {"rolling_days": 7}, "exclude": excess})
    given = GivenConsent("call", "excess_contact", at("2026-11-02 12:00"))
    who = facts(contacts=calls("2026-11-02 09:00", "2026-11-03 09:00"), consents=(given,))
    assert says(cap, who, "2026-11-08 20:00").allowed
    assert says(cap, who, "2026-11-09 08:00").allowed  # the call of the 3rd was under the consent, that of the 2nd is too old
    early = facts(
        contacts=calls("2026-11-03 09:00"), consents=(GivenConsent("call", "excess_contact", at("2026-10-20 12:00")),)
    )
    assert not says(cap, early, "2026-11-05 12:00").allowed
    revoked = GivenConsent("call", "excess_contact", at("2026-11-02 12:00"), at("2026-11-03 08:00"))
    assert not says(cap, facts(contacts=calls("2026-11-03 09:00"), consents=(revoked,)), "2026-11-05 12:00").allowed


@pytest.mark.parametrize(("start", "allowed"), [("mon", True), ("sun", False)])
def test_a_calendar_week_begins_where_the_rule_says(start, allowed):
    week = pack_of({"type": "cap", "max": 3, "window": {"calendar": "week", "week_start": start}})
    made = calls("2026-11-15 09:00", "2026-11-15 10:00", "2026-11-15 11:00")  # a Sunday
    assert says(week, facts(contacts=made), "2026-11-16 12:00").allowed == allowed


def test_a_calendar_month_ends_also_in_february_of_a_leap_year():
    month = pack_of({"type": "cap", "max": 1, "window": {"calendar": "month"}})
    who = facts(contacts=calls("2028-02-01 10:00"))
    assert says(month, who, "2028-02-29 12:00").next_possible_at == at("2028-03-01 00:00")


@pytest.mark.parametrize("body", [{"type": "cap", "max": 0, "window": {"calendar": "day"}},
                                  {"type": "hours", "allow": {"mon-sun": []}}])  # fmt: skip
def test_nothing_allowed_is_never_possible(body):
    ruling = says(pack_of(body), facts(), "2026-11-20 12:00")
    assert (ruling.allowed, ruling.next_possible_at) == (False, None)


def test_contacts_before_a_rule_came_into_force_count_in_its_window():
    cap = {"type": "cap", "max": 1, "window": {"rolling_days": 7}, "effective": {"from": date(2026, 11, 18)}}
    who = facts(contacts=calls("2026-11-16 10:00"))
    assert says(pack_of(cap), who, "2026-11-17 12:00").allowed
    assert says(pack_of(cap), who, "2026-11-18 12:00").next_possible_at == at("2026-11-23 00:00")


def test_every_denying_rule_of_every_pack_is_named():
    state = pack_of({"type": "cap", "max": 0, "window": {"calendar": "day"}}, name="ma", jurisdiction="US-MA")
    federal = pack_of({"type": "hours", "allow": {"mon-sun": []}}, name="us", jurisdiction="US")
    other = pack_of({"type": "hours", "allow": {"mon-sun": []}}, name="ca", jurisdiction="US-CA")
    ruling = says([state, federal, other], facts(jurisdiction="US-MA"), "2026-11-20 12:00")
    assert {reason.rule_id for reason in ruling.reasons} == {"ma.0", "us.0"}
    unknown_state = says([state, federal, other], facts(jurisdiction="US"), "2026-11-20 12:00")
    assert {reason.rule_id for reason in unknown_state.reasons} == {"ma.0", "us.0", "ca.0"}


def test_a_workplace_is_forbidden_where_it_may_be_one():
    work = pack_of({"type": "party", "match": {"endpoint": "workplace"}, "forbid_when": "always"})
    home = facts(endpoints=(Endpoint("call", "e1", "personal"), Endpoint("call", "e2", "workplace")))
    assert says(work, home, "2026-11-20 12:00").allowed
    assert not says(work, home, "2026-11-20 12:00", about=About(endpoint_id="e2", endpoint_kind="workplace")).allowed
    assert not says(work, facts(), "2026-11-20 12:00").allowed  # nobody knows where the call would ring


def test_a_rule_pre_empts_another_only_by_name_and_while_it_holds():
    strict = {"type": "hours", "allow": {"mon-sun": ["09:00-17:00"]}}
    newer = {"type": "hours", "allow": {"mon-sun": ["08:00-20:00"]}, "supersedes": ["p.0"],
             "effective": {"from": date(2026, 11, 20), "to": date(2026, 11, 21)}}  # fmt: skip
    pack = pack_of(strict, newer)
    allowed = [says(pack, facts(), f"2026-11-{day} 18:00").allowed for day in (19, 20, 21, 22)]
    assert allowed == [False, True, True, False]


def test_states_are_told_apart_event_by_event():
    stop = pack_of({"type": "stop", "when_any": ["attorney_represented", "complaint_open", "written_cease_or_refusal"]})

    def after(*events):
        return says(stop, facts(events=tuple(StatusEvent(*event) for event in events)), "2026-11-20 12:00").allowed

    day = [at(f"2026-11-0{k} 10:00") for k in range(1, 9)]
    assert after(("complaint", day[0]), ("resolved", day[1]))
    assert not after(("attorney", day[0]), ("resolved", day[1]))
    assert after(("attorney", day[0]), ("resolved", day[1], None, None, None, "attorney"))
    assert not after(("cease", day[0]), ("resolved", day[1], None, None, None, "cease"))
    assert not after(("cease", day[0]), ("opt_in", day[1], None, "sms"))
    assert after(("cease", day[0]), ("opt_in", day[1]))
