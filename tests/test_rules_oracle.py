"""Three readings of the rules agree: the whole-book engine, the one-borrower engine, and a brute-force checker."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.settings import OutcomeSettings
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.law.check import check_contact, facts_of
from lighttouch.policy.law.engine import TIGHT, Step
from lighttouch.policy.law.group import WISHES
from lighttouch.policy.law.states import HonourRule
from lighttouch.policy.rules import Planner, RulePack
from lighttouch.policy.settings import CalendarSettings, LenderSettings, PolicySettings
from lighttouch.policy.zones import MINUTE, from_micros, to_micros
from rule_case_packs import ACTORS, packs
from rule_cases import AS_OF, HALF_HOUR, USED, book_of, instants, people
from rule_oracle import WISH, can_be_laid, denials

SHORT = PolicySettings(outcome=OutcomeSettings(horizon_days=4), calendar=CalendarSettings(min_window_minutes=30))
MOMENT = timedelta(microseconds=1)


def planner_of(raw_packs, persons, policy=SHORT, actor=None):
    loaded = [RulePack.from_dict(raw) for raw in raw_packs]
    of_lender = {"actor" if key == "name" else key: value for key, value in (actor or {}).items()}
    policy = policy.model_copy(update={"lender": LenderSettings(**of_lender)})
    return Planner.of(loaded, book_of(persons), AS_OF, settings=policy)


def named(packs, ruling):
    """The rules that deny, with one name for whatever honours a wish: rules of every pack may."""
    wishes = {*WISHES.values(), *(rule.id for pack in packs for rule in pack.rules if isinstance(rule, HonourRule))}
    return {WISH if reason.rule_id in wishes else reason.rule_id for reason in ruling.reasons}


@settings(max_examples=6, deadline=None)
@given(st.tuples(packs(), packs(name="q")), st.lists(people(), min_size=3, max_size=3), ACTORS, st.data())
def test_the_one_borrower_engine_names_the_rules_that_the_brute_force_checker_names(raw_packs, persons, actor, data):
    planner = planner_of(raw_packs, persons, actor=actor)
    for number, person in enumerate(persons):
        facts = facts_of(planner.facts, number)
        for _ in range(4):
            at, channel = data.draw(instants(0, 4)), data.draw(st.sampled_from(USED))
            ruling = check_contact(planner.packs, facts, channel, at)
            assert named(planner.packs, ruling) == denials(raw_packs, person, channel, at, AS_OF, actor=actor)


@settings(max_examples=6, deadline=None)
@given(st.tuples(packs()), st.lists(people(), min_size=3, max_size=3), ACTORS, st.data())
def test_the_whole_book_engine_finds_the_next_possible_instant_of_the_one_borrower_engine(raw_packs, persons, actor, data):
    fine = PolicySettings(outcome=OutcomeSettings(horizon_days=6), calendar=CalendarSettings(min_window_minutes=1))
    planner = planner_of(raw_packs, persons, fine, actor)
    at, channel = data.draw(instants(0, 4)), data.draw(st.sampled_from(USED))
    for engine in planner.engines:
        laid = engine.lay([Step(to_micros(at), channel, 0)], TIGHT)
        for row, number in enumerate(engine.rows):
            expected = check_contact(planner.packs, facts_of(planner.facts, int(number)), channel, at).next_possible_at
            if expected is not None:  # windows are told to the minute
                expected = from_micros(-(-to_micros(expected) // MINUTE) * MINUTE)
            within = expected is not None and expected + timedelta(minutes=1) <= AS_OF + timedelta(days=6)
            assert bool(laid.complete[row]) == within
            if within:
                assert from_micros(laid.begin[row, 0]) == expected


@settings(max_examples=6, deadline=None)
@given(packs(), people(), st.data())
def test_the_next_possible_instant_is_allowed_and_nothing_before_it_is(raw_pack, person, data):
    planner = planner_of([raw_pack], [person])
    at, channel = data.draw(instants(0, 2)), data.draw(st.sampled_from(USED))
    until = check_contact(planner.packs, facts_of(planner.facts, 0), channel, at).next_possible_at
    end = until or at + timedelta(days=3)
    if until is not None:
        assert not denials([raw_pack], person, channel, until, AS_OF)
    earlier = at
    while earlier < min(end, at + timedelta(days=2)):
        assert denials([raw_pack], person, channel, earlier, AS_OF)
        earlier += HALF_HOUR


def arms_of(draw):
    doses = st.sampled_from([0, 0, 2, 3.5, 5])
    sms, call = draw(doses), draw(doses)
    return Arm("drawn", sms=sms, call=call)


@settings(max_examples=5, deadline=None)
@given(packs(), st.lists(people(), min_size=4, max_size=4), st.data())
def test_every_window_of_a_calendar_is_lawful_at_each_of_its_ends(raw_pack, persons, data):
    arms = ArmCatalogue([Arm("none"), arms_of(data.draw), Arm("sms-call", sms=1, call=1)])
    planner = planner_of([raw_pack], persons, PolicySettings(outcome=OutcomeSettings(horizon_days=9)))
    mask = planner.lawful(arms).mask
    for k in (1, 2):
        calendar = lay_calendar(planner, arms, np.full(len(persons), k))
        laid = [len(rows) > 0 for rows in (calendar.windows[calendar.windows["borrower_id"] == f"b{i}"] for i in range(4))]
        needed = arms[arms.names[k]].intensity > 0
        assert [bool(one) and needed for one in mask[:, k]] == laid
        for number, person in enumerate(persons):
            rows = calendar.windows[calendar.windows["borrower_id"] == f"b{number}"]
            for last in (False, True):  # every contact at its window's begin, and each as late as its window allows
                made = []
                for row in rows.itertuples():
                    begin, end = row.start.to_pydatetime(), row.end.to_pydatetime() - MOMENT
                    assert not denials([raw_pack], person, row.channel, begin, AS_OF, made)
                    assert not denials([raw_pack], person, row.channel, end, AS_OF, made)
                    made.append((row.channel, end if last else begin))


@settings(max_examples=5, deadline=None)
@given(packs(), people(quiet=True), st.data())
def test_an_arm_is_lawful_exactly_where_a_search_over_all_plans_finds_one(raw_pack, person, data):
    arm = Arm("drawn", sms=data.draw(st.sampled_from([0, 3.5])), call=3.5)
    policy = SHORT.model_copy(update={"outcome": OutcomeSettings(horizon_days=2)})
    planner = planner_of([raw_pack], [person], policy)
    steps = [(from_micros(s.earliest), s.channel, timedelta(microseconds=s.spacing)) for s in planner.steps(arm)]
    found = can_be_laid([raw_pack], person, steps, AS_OF, AS_OF + timedelta(days=2), HALF_HOUR)
    assert bool(planner.lawful(ArmCatalogue([Arm("none"), arm])).mask[0, 1]) == found


def raw_pack(**rule):
    rule = {"id": "p.0", "effect": "prohibit", "authority": "policy", "effective": {"from": AS_OF.date() - timedelta(days=900)},
            "source": {"title": "a test"}, **rule}  # fmt: skip
    return {"schema": "contact-rules/1", "pack": {"id": "p", "version": "1", "jurisdiction": "ZZ"}, "rules": [rule]}


def person_with(**held):
    return {"zone": "Europe/London", "jurisdiction": "GB", "contacts": [], "events": [], "consents": [], **held}


def opens(raw, persons, channel="call"):
    """When each may be called first, as the three readings say: the whole book, one borrower, the checker by half hours."""
    fine = PolicySettings(outcome=OutcomeSettings(horizon_days=6), calendar=CalendarSettings(min_window_minutes=1))
    planner = planner_of([raw], persons, fine)
    found = [[None, None, None] for _ in persons]
    for engine in planner.engines:
        laid = engine.lay([Step(to_micros(AS_OF), channel, 0)], TIGHT)
        for row, number in enumerate(engine.rows):
            found[number][0] = from_micros(laid.begin[row, 0]) if laid.complete[row] else None
    for number, person in enumerate(persons):
        ruling = check_contact(planner.packs, facts_of(planner.facts, number), channel, AS_OF)
        found[number][1] = AS_OF if ruling.allowed else ruling.next_possible_at
        hours = (AS_OF + k * HALF_HOUR for k in range(6 * 48))
        found[number][2] = next((at for at in hours if not denials([raw], person, channel, at, AS_OF)), None)
    return found


def test_of_two_stops_under_one_rule_the_later_end_holds_in_whatever_order_they_came():
    def stop(days_ago, until, **more):
        at = AS_OF - timedelta(days=days_ago)
        event = {"kind": "moratorium", "channel": None, "loan_id": None, "detail": None, "at": at, "known_at": at}
        return event | {"until": until - MOMENT} | more

    soon, late = AS_OF + 2 * HALF_HOUR, AS_OF + timedelta(days=3)
    held = [[stop(9, soon), stop(2, late)], [stop(9, late), stop(2, soon)], [stop(9, late), stop(2, soon, kind="hospitalised")],
            [stop(9, soon)]]  # fmt: skip
    rule = raw_pack(type="stop", when_any=["moratorium", "hospitalised"])
    found = opens(rule, [person_with(events=events) for events in held])
    # The whole book's windows begin at a full minute, the others at the very instant: here they are the same.
    assert found == [[late] * 3] * 3 + [[soon] * 3]


@pytest.mark.parametrize(("kind", "spoken"), [("personal", True), ("home", True), ("other", False), ("workplace", False)])
def test_a_rule_about_personal_endpoints_holds_at_home_too(kind, spoken):
    morning = AS_OF + timedelta(hours=11)  # 9 o'clock in London, where it is 22 now
    rule = raw_pack(type="hours", allow={"mon-sun": ["09:00-18:00"]}, match={"endpoint": "personal"})
    person = person_with(points=[{"channel": "call", "endpoint_id": "e1", "kind": kind}])
    assert opens(rule, [person]) == [[morning if spoken else AS_OF] * 3]


@pytest.mark.parametrize("broken", ["count", "zone"])
def test_the_checker_would_notice_a_fault(broken):
    contact = {"channel": "sms", "outcome": "sent", "direction": "out", "party": "borrower", "at": AS_OF - 2 * HALF_HOUR,
               "known_at": AS_OF - HALF_HOUR}  # fmt: skip
    person = {"zone": "Europe/London", "jurisdiction": "GB", "contacts": [contact], "events": [], "consents": []}
    rule = {"id": "p.0", "type": "cap", "effect": "prohibit", "authority": "policy", "effective": {"from": AS_OF.date()},
            "source": {"title": "a test"}, "max": 1, "window": {"calendar": "day"}}  # fmt: skip
    raw = {"schema": "contact-rules/1", "pack": {"id": "p", "version": "1", "jurisdiction": "ZZ"}, "rules": [rule]}
    assert denials([raw], person, "sms", AS_OF, AS_OF) == {"p.0"}
    person = {**person, "contacts": []} if broken == "count" else {**person, "zone": "Asia/Shanghai"}
    later = AS_OF if broken == "count" else AS_OF + timedelta(hours=18)
    assert denials([raw], person, "sms", later, AS_OF) == set()
