"""Teams' days hold: plans are moved within what their spacing leaves, stay lawful, and what finds no room is reported."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.book import Book
from lighttouch.policy.allocation_settings import CapacitySettings
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.habits import around_habit, usual_hours
from lighttouch.policy.levelling import DayLimits, Load, level, slack_days
from lighttouch.policy.rules import Planner, load_packs
from lighttouch.policy.settings import PolicySettings
from night_checker import Checker, hours_faults

NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)  # a Friday night
HOUSE = load_packs(["house"])
ARMS = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1), Arm("sms-every-3-days", sms=7 / 3)])
CALLED, WRITTEN_TO = 1, 2
DAY = timedelta(days=1)


def book_of(n, contacts=(), **more):
    people = [{"borrower_id": f"b{k:02d}", "valid_from": NIGHT - 99 * DAY, "timezone": "Europe/London", "jurisdiction": "GB"}
              for k in range(n)]  # fmt: skip
    rows = {"borrowers": people, "contacts": list(contacts), **more}
    return Book.from_arrow({name: pa.Table.from_pylist(found) for name, found in rows.items() if found})


def contact(who, at, channel="call", outcome="no_answer", direction="out"):
    return {"contact_id": f"{who}-{at}", "borrower_id": who, "channel": channel, "direction": direction, "at": at,
            "known_at": at, "outcome": outcome}  # fmt: skip


def levelled(chosen, capacity, contacts=(), ids=None):
    chosen = np.asarray(chosen)
    with book_of(len(chosen), contacts) as book:
        planner = Planner.of(HOUSE, book, NIGHT, ids)
        load = Load.made(book, NIGHT, CapacitySettings.model_validate(capacity), "Europe/London")
        slack = np.array([slack_days(arm, 14) for arm in ARMS])[chosen]
        plan = level(lambda delay: lay_calendar(planner, ARMS, chosen, delay), planner.facts.borrower_id, slack, load)
        plain = lay_calendar(planner, ARMS, chosen)
    return plan, plain


def by_day(windows, *channels):
    return Counter(text[:10] for text, c in zip(windows["start_local"], windows["channel"], strict=True) if c in channels)


def faults_of(windows, contacts=()):
    """Hours and caps of the house, read again without the package."""
    checker = Checker.__new__(Checker)
    checker.as_of, checker.contacts = NIGHT, {}
    found = []
    for who, own in windows.groupby("borrower_id"):
        checker.contacts[who] = [one for one in contacts if one["borrower_id"] == who]
        rows = [(a.to_pydatetime(), b.to_pydatetime(), c) for a, b, c in own[["start", "end", "channel"]].to_numpy()]
        zone = datetime.fromisoformat(own["start_local"].iloc[0]).tzinfo
        found += checker.cap_faults(who, rows, zone)
        found += [fault for a, b, _ in rows for fault in hours_faults(a.astimezone(zone), b.astimezone(zone), "GB")]
    return found


def test_a_days_share_of_a_week_is_never_exceeded_and_everybody_finds_room_where_there_is_enough():
    plan, plain = levelled([CALLED] * 60, {"channels": {"call": 60}})
    assert max(by_day(plain.windows, "call").values()) == 60
    days = by_day(plan.calendar.windows, "call")
    assert max(days.values()) == 12
    assert sum(days.values()) == 120
    assert plan.unplaced.empty
    assert plan.moved == 48
    assert faults_of(plan.calendar.windows) == []


def test_each_moved_plan_keeps_its_own_spacing():
    plan, _ = levelled([CALLED] * 40, {"channels": {"call": 40}})
    gaps = plan.calendar.windows.groupby("borrower_id")["start"].diff().dropna()
    assert (gaps >= pd.Timedelta(days=3.5)).all()
    assert (plan.calendar.windows["start"] < NIGHT + 14 * DAY).all()


def test_what_finds_no_room_is_reported_and_nothing_else_is_lost():
    plan, plain = levelled([CALLED] * 30, {"channels": {"call": 5}})
    assert by_day(plan.calendar.windows, "call").most_common(1)[0][1] == 1
    assert len(plan.calendar.windows) + len(plan.unplaced) == len(plain.windows)
    assert len(plan.calendar.windows) == 10
    assert set(plan.unplaced["resource"]) == {"call"}
    assert faults_of(plan.calendar.windows) == []


def test_a_week_is_never_asked_for_more_than_its_capacity_even_where_rounding_up_its_days_would():
    plan, _ = levelled([CALLED] * 12, {"channels": {"call": 7}})  # two a day, seven a week
    weeks = Counter(datetime.fromisoformat(text).isocalendar().week for text in plan.calendar.windows["start_local"])
    assert max(weeks.values()) == 7


def test_a_team_that_serves_two_channels_is_one_team():
    arms = [CALLED, WRITTEN_TO] * 15
    plan, _ = levelled(arms, {"teams": {"all": {"channels": ["call", "sms"], "contacts_per_week": 60}}})
    assert max(by_day(plan.calendar.windows, "call", "sms").values()) <= 12
    assert faults_of(plan.calendar.windows) == []


def test_what_was_made_this_week_uses_its_capacity():
    made = [contact(f"b{k:02d}", NIGHT - 1 * DAY + timedelta(minutes=k)) for k in range(5)]
    full, free = {"channels": {"call": 5}}, NIGHT + DAY
    with book_of(6, made) as book:
        load = Load.made(book, NIGHT, CapacitySettings.model_validate(full), "Europe/London")
    call, saturday = 1, free.date().toordinal()
    assert load.full(call, saturday) == "call"  # the week is used up
    assert load.full(call, saturday + 2) is None
    assert load.full(0, saturday) is None


def test_without_limits_nothing_is_moved():
    plan, plain = levelled([CALLED, WRITTEN_TO, 0] * 4, {})
    pd.testing.assert_frame_equal(plan.calendar.windows, plain.windows)
    assert (plan.moved, len(plan.unplaced)) == (0, 0)


def test_who_gets_which_day_does_not_depend_on_the_order_of_the_borrowers():
    ids = [f"b{k:02d}" for k in range(30)]
    forward, backward = (levelled([CALLED] * 30, {"channels": {"call": 30}}, ids=order)[0] for order in (ids, ids[::-1]))
    keys = ["borrower_id", "contact", "start"]
    same = [plan.calendar.windows[keys].sort_values(keys[:2], ignore_index=True) for plan in (forward, backward)]
    pd.testing.assert_frame_equal(*same)


def test_a_capacity_of_nothing_places_nothing():
    plan, plain = levelled([CALLED] * 3, {"channels": {"call": 0}})
    assert plan.calendar.windows.empty
    assert len(plan.unplaced) == len(plain.windows) == 6
    assert DayLimits.of(CapacitySettings(channels={"call": 0})).per_day.tolist() == [0]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [([14, 14, 15, 14], ("13:00", "16:00")), ([9, 9, 9, 9], ("09:00", "11:00")), ([22, 22, 22, 22], ("09:00", "17:00")),
     ([10, 14, 18, 22], ("09:00", "17:00")), ([14, 14], ("09:00", "17:00"))],
    ids=["two o'clock", "first hour", "never lawful", "no habit", "too few"],
)  # fmt: skip
def test_windows_are_narrowed_around_the_hour_at_which_a_borrower_answers(hours, expected):
    answers = [
        contact("b00", (NIGHT - (20 + k) * DAY).replace(hour=hour), outcome="conversation") for k, hour in enumerate(hours)
    ]
    with book_of(2, answers) as book:
        planner = Planner.of(HOUSE, book, NIGHT, settings=PolicySettings())
        laid = lay_calendar(planner, ARMS, np.array([CALLED, CALLED]))
        windows = around_habit(laid, planner, usual_hours(book, planner, NIGHT)).windows
    own, other = (windows[windows["borrower_id"] == who] for who in ("b00", "b01"))
    spans = {(a[11:16], b[11:16]) for a, b in zip(own["start_local"], own["end_local"], strict=True)}
    assert spans == {expected}
    assert {(a[11:16], b[11:16]) for a, b in zip(other["start_local"], other["end_local"], strict=True)} == {("09:00", "17:00")}
    assert [(one.hour, one.minute) for one in own["start"]] == [(int(expected[0][:2]), 0)] * len(own)
