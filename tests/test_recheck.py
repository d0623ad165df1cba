"""At the moment of sending: every reason for a no, the next instant where time alone is missing, and no yes that law denies."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.reasons import sentence
from lighttouch.policy.recheck import Planned, recheck, recheck_all
from lighttouch.policy.rules import load_packs
from lighttouch.policy.settings import PolicySettings

NIGHT = datetime(2026, 11, 18, 22, tzinfo=UTC)  # a Wednesday night
OPEN, SHUT = datetime(2026, 11, 19, 9, tzinfo=UTC), datetime(2026, 11, 19, 17, tzinfo=UTC)
NOW = datetime(2026, 11, 19, 11, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOUSE = load_packs(["house"])
SETTINGS = PolicySettings()
CALL = Planned("D-b", "b", "call", OPEN, SHUT, NIGHT, NIGHT + 14 * DAY)


def person(who="b", zone="Europe/London", jurisdiction="GB", begun=NIGHT - 200 * DAY):
    return {"borrower_id": who, "valid_from": begun, "timezone": zone, "jurisdiction": jurisdiction}


def payment(loan, posted, amount="100.00", paid=None):
    return {"payment_id": f"P-{loan}-{posted}", "loan_id": loan, "kind": "payment", "paid_at": paid or posted,
            "posted_at": posted, "amount": Decimal(amount)}  # fmt: skip


def event(kind, at, **changes):
    row = {"borrower_id": "b", "loan_id": None, "kind": kind, "channel": None, "at": at, "until": None, "known_at": at}
    return row | changes


def contact(at, channel="call", outcome="no_answer", **changes):
    row = {"contact_id": f"C-{at}-{channel}", "borrower_id": "b", "decision_id": None, "channel": channel, "direction": "out",
           "at": at, "outcome": outcome, "known_at": at}  # fmt: skip
    return row | changes


def endpoint(**changes):
    row = {"borrower_id": "b", "channel": "call", "endpoint_id": "E", "kind": "personal", "verified_at": NIGHT - 30 * DAY,
           "valid_from": NIGHT - 99 * DAY, "valid_to": None}  # fmt: skip
    return row | changes


def decision(name, as_of):
    return {"decision_id": name, "borrower_id": "b", "as_of": as_of, "commit_until": as_of + 14 * DAY, "arm": "call-weekly",
            "explore": False, "policy_version": "p", "model_version": "m", "rules_version": "r"}  # fmt: skip


def book_of(people=None, payments=(), **rows):
    """b and c owe 100.00 since the eighth; somebody else's payment this morning keeps the ledger fresh."""
    people = people or [person(), person("c"), person("other")]
    owners = sorted({one["borrower_id"] for one in people})
    loans = [{"loan_id": f"L-{who}", "borrower_id": who, "product": "card", "principal": Decimal("900.00"),
              "currency": "GBP", "opened_at": NIGHT - 100 * DAY} for who in owners]  # fmt: skip
    dues = [{"loan_id": one["loan_id"], "due_on": date(2026, 11, 8), "amount": Decimal("100.00"),
             "known_at": NIGHT - 100 * DAY} for one in loans]  # fmt: skip
    fresh = payment("L-other", NOW - 3 * HOUR, "1.00")
    made = {"borrowers": people, "loans": loans, "instalments": dues, "payments": [fresh, *payments], **rows}
    return Book.from_arrow({name: pa.Table.from_pylist(list(found)) for name, found in made.items() if found})


def asked(planned=CALL, now=NOW, settings=SETTINGS, packs=HOUSE, **tables):
    with book_of(**tables) as book:
        return recheck(planned, now, book, packs, settings)


def test_nothing_new_means_yes():
    answer = asked()
    assert (answer.allowed, answer.reasons, answer.reason, answer.next_possible_at) == (True, (), None, None)


NOON = NOW - HOUR
CASES = {
    "paid": ({"payments": [payment("L-b", NOON)]}, "not_overdue"),
    "complained": ({"status_events": [event("complaint", NOON)]}, "complaint:30"),
    "disputed": ({"status_events": [event("dispute", NOON)]}, "dispute"),
    "promised": ({"status_events": [event("promise", NOON, until=NOW + 3 * DAY)]}, "promise:2026-11-22"),
    "in hardship": ({"status_events": [event("hardship", NOON)]}, "hardship"),
    "died": ({"status_events": [event("deceased", NOON)]}, "stop:deceased"),
    "bereaved": ({"status_events": [event("family_death", NOON)]}, "stop:family_death"),
    "represented": ({"status_events": [event("attorney", NOON)]}, "stop:attorney"),
    "under a moratorium": ({"status_events": [event("moratorium", NOON, until=NOW + 60 * DAY)]}, "stop:moratorium"),
    "refused everything": ({"status_events": [event("opt_out", NOON)]}, "opt_out"),
    "refused calls": ({"status_events": [event("opt_out", NOON, channel="call")]}, "commitment_ended:opt_out"),
    "sold": ({"status_events": [event("sold", NOON, loan_id="L-b")]}, "no_open_loan"),
    "accepted an offer": ({"status_events": [event("offer_accepted", NOON)]}, "commitment_ended:offer_accepted"),
    "moved": ({"people": [person(), person(zone="America/New_York", jurisdiction="US", begun=NOON), person("other")]}, "moved"),
    "number gone": ({"contact_points": [endpoint(valid_to=NOON)]}, "endpoint:call:ended"),
    "somebody else answered": (
        {"contact_points": [endpoint()], "contacts": [contact(NOON - 2 * DAY, outcome="answered_wrong_party")]},
        "endpoint:call:wrong_party",
    ),
    "decided anew": ({"decisions": [decision("D-b", NIGHT), decision("D-new", NOON)]}, "commitment_ended:newer_decision"),
    "called already": ({"contacts": [contact(NOON, decision_id="D-b")]}, "already_made"),
    "capped meanwhile": ({"contacts": [contact(NOON, "email", "sent")]}, "rule:house.day"),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    """Every case happens to a borrower of its own, all in one book, beside one to whom nothing happens."""
    tables = {"people": [person("calm"), person("other")]}
    for name, (rows, _) in CASES.items():
        people = rows.get("people", [person()])
        own = {"people": [one for one in people if one["borrower_id"] == "b"]} | {
            k: v for k, v in rows.items() if k != "people"
        }
        for table, found in own.items():
            tables.setdefault(table, []).extend(renamed(row, name) for row in found)
    names = [*CASES, "calm"]
    planned = [replace(CALL, borrower_id=name, decision_id=f"D-{name}") for name in names]
    with book_of(**tables) as book:
        return dict(zip(names, recheck_all(planned, NOW, book, HOUSE), strict=True))


def renamed(row, name):
    """Give a row of b's to somebody else, its identifiers too."""
    swaps = {"b": name, "L-b": f"L-{name}", "D-b": f"D-{name}"}
    own = {key: swaps.get(value, value) if isinstance(value, str) else value for key, value in row.items()}
    return own | {key: f"{name}-{own[key]}" for key in ("contact_id", "payment_id") if key in own}


@pytest.mark.parametrize("name", CASES)
def test_each_thing_that_has_happened_since_the_night_is_a_no_with_its_reason(answers, name):
    answer, reason = answers[name], CASES[name][1]
    assert not answer.allowed
    assert answer.reasons[0] == reason
    assert answer.reason == reason.partition(":")[0]
    assert answer.next_possible_at is None
    assert all(sentence(one) for one in answer.reasons)


def test_what_happened_to_others_is_no_reason(answers):
    assert answers["calm"].allowed


def test_the_stop_switch_stops_what_is_planned_already():
    assert asked(settings=PolicySettings(halted=True)).reasons[0] == "halted"


def test_a_ledger_that_fell_silent_stops_every_contact():
    late = NOW + 4 * DAY
    planned = replace(CALL, start=late - HOUR, end=late + HOUR)
    assert asked(planned, late).reasons[0] == "stale_ledger:any"


def test_a_plan_ends_with_its_commitment_whatever_its_windows_say():
    assert asked(replace(CALL, commit_until=NOW)).reasons[0] == "commitment_ended:time"
    assert asked(replace(CALL, commit_until=NOW + HOUR)).allowed


def test_before_the_window_the_next_instant_is_its_begin_and_after_it_there_is_none():
    early, late = asked(now=OPEN - HOUR / 2), asked(now=SHUT)
    assert (early.reasons[0], early.next_possible_at) == ("outside_window:early", OPEN)
    assert (late.reasons[0], late.next_possible_at) == ("outside_window:late", None)
    assert asked(now=SHUT - timedelta(minutes=1)).allowed
    assert asked(now=OPEN).allowed


def test_a_rule_that_time_lifts_inside_the_window_names_that_instant():
    wide = replace(CALL, end=SHUT + DAY)  # a queue that was given two days
    answer = asked(wide, contacts=[contact(NOW - HOUR, "email", "sent")])
    assert answer.reasons == ("rule:house.day",)
    assert answer.next_possible_at == OPEN + DAY
    assert asked(wide, answer.next_possible_at, contacts=[contact(NOW - HOUR, "email", "sent")]).allowed
    just_before = answer.next_possible_at - timedelta(minutes=1)
    assert not asked(wide, just_before, contacts=[contact(NOW - HOUR, "email", "sent")]).allowed


def test_an_event_of_the_very_instant_of_sending_wins_the_race():
    for kind in ("complaint", "opt_out", "cease"):
        assert not asked(status_events=[event(kind, NOW)]).allowed
        assert asked(status_events=[event(kind, NOW + timedelta(seconds=1))]).allowed
    assert not asked(payments=[payment("L-b", NOW)]).allowed


def test_two_dialers_racing_for_the_last_slot_do_not_both_get_it():
    first = asked()
    second = asked(contacts=[contact(NOW, decision_id="D-b", outcome="not_connected")])
    assert (first.allowed, second.allowed, second.reason) == (True, False, "already_made")


def test_a_move_before_the_window_was_laid_is_no_reason_any_more():
    people = [person(begun=NIGHT - 99 * DAY), person(jurisdiction="GB-SCT", begun=NIGHT + HOUR), person("other")]
    assert asked(people=people).reason == "moved"
    assert asked(replace(CALL, laid_at=NIGHT + 2 * HOUR), people=people).allowed


def test_a_person_nobody_knows_is_not_contacted():
    assert asked(replace(CALL, borrower_id="stranger")).reason == "unknown_borrower"


def test_what_cannot_be_asked_is_refused_with_all_faults_at_once():
    wrong = [replace(CALL, channel="pigeon"), replace(CALL, end=OPEN)]
    with book_of() as book, pytest.raises(InvalidInput) as refused:
        recheck_all(wrong, NOW, book, HOUSE)
    assert len(refused.value.faults) == 2


def test_many_are_answered_as_each_alone():
    tables = {"status_events": [event("complaint", NOW - HOUR)], "contacts": [contact(NOW - HOUR, "sms", borrower_id="c")]}
    many = [CALL, replace(CALL, decision_id="D-c", borrower_id="c"), replace(CALL, channel="sms"),
            replace(CALL, decision_id="D-o", borrower_id="other")]  # fmt: skip
    with book_of(**tables) as book:
        together = recheck_all(many, NOW, book, HOUSE)
        assert together == [recheck(one, NOW, book, HOUSE) for one in many]
    assert [one.allowed for one in together] == [False, False, False, True]
    with book_of() as book:
        assert recheck_all([], NOW, book, HOUSE) == []


def lawful_by_hand(now, zone, past, wished):
    """The house rules written down again: 9 to 19, no Sunday, one a day, four in seven dates, three calls among them."""
    local = now.astimezone(ZoneInfo(zone))
    days = [(local.date() - at.astimezone(ZoneInfo(zone)).date()).days for at, _ in past]
    calls = [day for day, (_, channel) in zip(days, past, strict=True) if channel == "call"]
    return (
        9 <= local.hour < 19
        and local.weekday() != 6
        and wished not in {"call", "all"}
        and sum(day < 1 for day in days) < 1
        and sum(day < 7 for day in days) < 4
        and sum(day < 7 for day in calls) < 3
    )


@pytest.mark.parametrize("hours_later", [12, 21.5, 60, 84, 106.5])
def test_what_recheck_allows_the_rules_allow(hours_later):
    rng, now, cases = np.random.default_rng(int(hours_later)), NIGHT + hours_later * HOUR, {}
    tables = {"contacts": [], "status_events": [], "people": [person("other")]}
    for k in range(60):
        zone = str(rng.choice(["Europe/London", "America/New_York", "Asia/Shanghai"]))
        past = [(now - float(rng.uniform(0, 9)) * DAY, str(rng.choice(["call", "sms"]))) for _ in range(rng.integers(0, 6))]
        wished = str(rng.choice(["", "", "", "call", "all"]))
        who = f"b{k}"
        cases[who] = lawful_by_hand(now, zone, past, wished)
        tables["people"].append(person(who, zone))
        tables["contacts"] += [contact(at, channel, borrower_id=who, contact_id=f"{who}-{at}") for at, channel in past]
        if wished:
            channel = None if wished == "all" else wished
            tables["status_events"].append(event("opt_out", NIGHT - 5 * DAY, borrower_id=who, channel=channel))
    planned = [replace(CALL, borrower_id=who, decision_id=who, start=now - HOUR, end=now + HOUR) for who in cases]
    with book_of(payments=[payment("L-other", now - HOUR, "1.00")], **tables) as book:
        found = recheck_all(planned, now, book, HOUSE)
    assert {who: one.allowed for who, one in zip(cases, found, strict=True)} == cases
    assert any(one.next_possible_at is None for one in found)
