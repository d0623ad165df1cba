"""What must hold of every set of rules: more history or more packs never allow more; order and server zone never matter."""

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.rules import Planner, RulePack, lawful, lawful_arms, load_packs
from rule_case_packs import packs
from rule_cases import AS_OF, book_of, contacts, events, people
from rule_oracle_known import Known, held_packs

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-3-days", sms=7 / 3), Arm("sms-call", sms=1, call=1),
                     Arm("daily", sms=7)])  # fmt: skip
CLEARING = ("resolved", "opt_in", "promise_kept", "promise_broken")


def mask_of(raw_packs, persons):
    return lawful([RulePack.from_dict(raw) for raw in raw_packs], book_of(persons), AS_OF, ARMS)


@settings(max_examples=5, deadline=None)
@given(packs(), st.lists(people(), min_size=8, max_size=8), contacts(), events())
def test_one_more_event_never_allows_more(raw_pack, persons, contact, event):
    more = [{**person, "contacts": [*person["contacts"], contact]} for person in persons]
    if event["kind"] not in CLEARING:
        more = [{**person, "events": [*person["events"], event]} for person in more]
    before, after = mask_of([raw_pack], persons), mask_of([raw_pack], more)
    assert not (after & ~before).any()
    assert after[:, 0].all()


@settings(max_examples=4, deadline=None)
@given(packs(), packs(name="q"), st.lists(people(), min_size=8, max_size=8))
def test_one_more_pack_never_allows_more(one, other, persons):
    # Where no pack applies at all nothing may be given: the first that does is no tightening.
    governed = [bool(held_packs([one], Known(person, AS_OF), person["jurisdiction"])[0]) for person in persons]
    alone, both = mask_of([one], persons), mask_of([one, other], persons)
    assert not (both & ~alone)[governed].any()
    assert not alone[np.logical_not(governed), 1:].any()
    assert (both == mask_of([other, one], persons)).all()


@settings(max_examples=4, deadline=None)
@given(packs(), st.lists(people(), min_size=8, max_size=8))
def test_the_order_of_events_does_not_matter(raw_pack, persons):
    turned = [{**p, **{key: p[key][::-1] for key in ("contacts", "events", "consents")}} for p in persons]
    assert (mask_of([raw_pack], persons) == mask_of([raw_pack], turned)).all()


PERSON = {"zone": "America/New_York", "jurisdiction": "US", "contacts": [], "events": [], "consents": []}


def windows_of(person):
    planner = Planner.of(load_packs(["house", "us-tcpa"]), book_of([person]), AS_OF)
    calendar = lay_calendar(planner, ArmCatalogue([Arm("none"), Arm("call-weekly", call=1)]), np.array([1]))
    return calendar.windows.to_numpy().tolist()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the platform cannot change its zone within a process")
def test_the_zone_of_the_server_does_not_matter(monkeypatch):
    expected = windows_of(PERSON)
    assert len(expected) == 2
    try:
        for zone in ("Pacific/Kiritimati", "America/St_Johns"):
            monkeypatch.setitem(os.environ, "TZ", zone)
            time.tzset()
            assert windows_of(PERSON) == expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_unknown_borrower_may_be_given_nothing():
    found = lawful_arms(load_packs(["house"]), book_of([PERSON]), AS_OF, ARMS, ["stranger", "b0"])
    assert found.mask.tolist() == [[True, False, False, False, False], [True, True, True, True, False]]
    assert found.removed_by[0].tolist() == [None, *["unknown_borrower"] * 4]
    assert found.removed_by[1].tolist() == [None, None, None, None, "house.week"]


def test_a_borrower_for_whom_no_pack_applies_may_be_given_nothing():
    raw = {"schema": "contact-rules/1", "pack": {"id": "cn", "version": "1", "jurisdiction": "CN"}, "rules": [
        {"id": "cn.cap", "type": "cap", "effect": "prohibit", "authority": "policy", "effective": {"from": AS_OF.date()},
         "source": {"title": "a test"}, "max": 9, "window": {"rolling_days": 7}}]}  # fmt: skip
    found = lawful_arms([RulePack.from_dict(raw)], book_of([PERSON]), AS_OF, ARMS)
    assert found.removed_by[0].tolist() == [None, *["no_pack"] * 4]


def test_an_arm_without_a_known_dose_may_not_be_given():
    arms = ArmCatalogue.from_names(["none", "letter"], baseline="none")
    found = lawful_arms(load_packs(["house"]), book_of([PERSON]), AS_OF, arms)
    assert found.removed_by.tolist() == [[None, "unknown_dose"]]


def test_an_opt_out_takes_its_channel_away_and_names_the_rule():
    event = {"kind": "opt_out", "channel": "sms", "loan_id": None, "at": AS_OF, "until": None, "known_at": AS_OF}
    seen = {**event, "at": AS_OF.replace(hour=21), "known_at": AS_OF.replace(hour=21)}
    found = lawful_arms(
        load_packs(["house"]), book_of([{**PERSON, "events": [seen]}, {**PERSON, "events": [event]}]), AS_OF, ARMS
    )
    assert found.removed_by[0, :4].tolist() == [None, "house.opt_out", "house.opt_out", "house.opt_out"]
    assert found.mask[1, 1]  # known only at as_of: not yet seen


def test_the_callers_list_of_borrowers_sets_the_order():
    persons = [PERSON, {**PERSON, "zone": "", "jurisdiction": "ZZ"}]
    book = book_of(persons)
    mask = lawful(load_packs(["house"]), book, AS_OF, ARMS, ["b1", "b0"])
    assert mask[:, 1].tolist() == [False, True]
    assert (mask[::-1] == lawful(load_packs(["house"]), book, AS_OF, ARMS)).all()
