"""Arms on the calendar, and the clock's traps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.policy.calendar import lay_calendar, local_texts
from lighttouch.policy.law.check import BorrowerFacts, PastContact, check_contact
from lighttouch.policy.law.clock import Place
from lighttouch.policy.rules import Planner, RulePack, load_packs
from lighttouch.policy.zones import day_start, from_micros, intersect, to_micros, wall_intervals
from rule_books import book_for

AS_OF = datetime(2026, 11, 20, 22, tzinfo=UTC)  # a Friday night
HOUSE = load_packs(["house"])


def pack_of(*rules, **header):
    frame = {
        "effect": "prohibit",
        "authority": "policy",
        "source": {"title": "a test"},
        "effective": {"from": date(2020, 1, 1)},
    }
    numbered = [{"id": f"t.{k}", **frame, **rule} for k, rule in enumerate(rules)]
    content = {"schema": "contact-rules/1", "pack": {"id": "t", "version": "1", "jurisdiction": "ZZ", **header}}
    return RulePack.from_dict({**content, "rules": numbered})


def hours(text, **more):
    return {"type": "hours", "allow": {"mon-sun": [text]}, **more}


def permitted(pack, zone, text, channel="call", past=(), **more):
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), **more)
    return check_contact([pack], BorrowerFacts(Place(zone, "US"), tuple(past)), channel, at).allowed


def talk(zone, text, channel="call", outcome="no_answer", direction="out"):
    return PastContact(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)), channel, outcome, direction)


def utc_window(zone, day, window):
    [(begin, end)] = wall_intervals(zone, date.fromisoformat(day).toordinal(), [window])
    return f"{from_micros(begin):%dT%H:%MZ}/{from_micros(end):%dT%H:%MZ}"


def test_the_edges_of_hours_are_closed_at_the_begin_and_open_at_the_end():
    pack = pack_of(hours("08:00-21:00"))
    answers = [permitted(pack, "America/New_York", f"2026-11-20T{at}") for at in ("07:59", "08:00", "20:59", "21:00")]
    assert answers == [False, True, True, False]


def test_a_buffer_keeps_a_call_from_running_over_the_edge():
    pack = pack_of(hours("08:00-21:00"), clock={"end_buffer_minutes": 15})
    assert [permitted(pack, "America/New_York", f"2026-11-20T{at}") for at in ("20:44", "20:45")] == [True, False]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-07", "07T13:00Z/08T02:00Z"),
        ("2026-03-08", "08T12:00Z/09T01:00Z"),
        ("2026-10-31", "31T12:00Z/01T01:00Z"),
        ("2026-11-01", "01T13:00Z/02T02:00Z"),
    ],
)
def test_new_york_hours_move_with_the_clock(day, expected):
    assert utc_window("America/New_York", day, (8 * 60, 21 * 60)) == expected


def test_forty_eight_hours_are_counted_in_utc_and_not_on_the_wall():
    pack = pack_of({"type": "cooldown", "after": {"direction": "out"}, "for": {"hours": 48}})
    past = [talk("America/Santiago", "2026-09-05T09:30")]
    assert not permitted(pack, "America/Santiago", "2026-09-07T09:30", past=past)  # 47 hours
    assert permitted(pack, "America/Santiago", "2026-09-07T10:30", past=past)


def test_the_two_half_past_ones_of_a_set_back_clock_are_an_hour_apart():
    pack = pack_of({"type": "cooldown", "after": {"direction": "out"}, "for": {"hours": 1}})
    past = [talk("America/New_York", "2026-11-01T01:30")]
    assert not permitted(pack, "America/New_York", "2026-11-01T01:30", past=past, fold=0)
    assert permitted(pack, "America/New_York", "2026-11-01T01:30", past=past, fold=1)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Santiago", "2026-09-06", "2026-09-06 04:00"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23 22:00"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28 22:00"),
    ],
)
def test_a_day_without_midnight_begins_at_its_first_instant(zone, day, begins):
    assert f"{from_micros(day_start(zone, date.fromisoformat(day).toordinal())):%Y-%m-%d %H:%M}" == begins


def test_seven_days_are_seven_local_dates():
    pack = pack_of({"type": "cap", "max": 7, "window": {"rolling_days": 7}})
    past = [talk("America/New_York", f"2026-11-0{day}T12:00") for day in range(1, 8)]
    assert not permitted(pack, "America/New_York", "2026-11-07T18:00", past=past)
    assert permitted(pack, "America/New_York", "2026-11-08T08:00", past=past)


def test_the_day_of_a_talk_is_the_first_of_its_seven():
    rule = {"type": "cooldown", "after": {"outcome": "conversation"}, "for": {"days": 7, "first_day": "event"}}
    past = [talk("America/New_York", "2026-11-02T10:00", outcome="conversation", direction="in")]
    assert not permitted(pack_of(rule), "America/New_York", "2026-11-08T20:00", past=past)
    assert permitted(pack_of(rule), "America/New_York", "2026-11-09T08:00", past=past)


@pytest.mark.parametrize(
    ("zones", "window", "expected"),
    [
        (
            ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Guam", "Pacific/Pago_Pago"],
            (8, 21),
            "22:00/02:00",
        ),
        (["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"], (8, 20), "01:00/11:00"),
        (["Europe/Kaliningrad", "Asia/Kamchatka"], (8, 22), "06:00/10:00"),
    ],
)
def test_an_unknown_zone_leaves_what_all_zones_leave(zones, window, expected):
    pack = pack_of(hours(f"{window[0]:02d}:00-{window[1]:02d}:00"), clock={"unknown": zones})
    begin = datetime(2026, 1, 14, 12, tzinfo=UTC)
    instants = [begin + timedelta(minutes=30 * k) for k in range(48)]
    open_at = [at for at in instants if check_contact([pack], BorrowerFacts(Place("", "US")), "call", at).allowed]
    assert f"{open_at[0]:%H:%M}/{open_at[-1] + timedelta(minutes=30):%H:%M}" == expected
    assert len(open_at) == 2 * ((int(expected[6:8]) - int(expected[:2])) % 24)


def test_zones_that_share_no_hour_leave_none_and_say_why():
    pack = pack_of(hours("09:00-12:00"), clock={"unknown": ["Asia/Shanghai", "America/New_York"]})
    ruling = check_contact([pack], BorrowerFacts(Place("", "US")), "call", AS_OF)
    assert ([reason.rule_id for reason in ruling.reasons], ruling.next_possible_at) == (["t.0"], None)


def test_a_zone_that_cannot_be_known_denies():
    ruling = check_contact(HOUSE, BorrowerFacts(Place("", "ZZ")), "sms", AS_OF)
    assert [reason.rule_id for reason in ruling.reasons] == ["house.clock"]


def test_a_calendar_week_is_not_a_rolling_one():
    week = pack_of({"type": "cap", "max": 3, "window": {"calendar": "week", "week_start": "mon"}})
    strict = pack_of({"type": "cap", "max": 3, "window": {"rolling_days": 7}})
    past = [talk("Europe/London", f"2026-11-15T{at}:00") for at in ("10", "11", "12")]
    assert permitted(week, "Europe/London", "2026-11-16T10:00", past=past)
    assert not permitted(strict, "Europe/London", "2026-11-16T10:00", past=past)


def test_a_calendar_month_ends_with_the_month():
    pack = pack_of({"type": "cap", "max": 1, "window": {"calendar": "month"}})
    past = [talk("Europe/London", "2028-02-01T10:00")]
    assert not permitted(pack, "Europe/London", "2028-02-29T23:59", past=past)
    assert permitted(pack, "Europe/London", "2028-03-01T00:00", past=past)


def test_a_day_ends_at_local_midnight():
    pack = pack_of({"type": "cap", "max": 1, "window": {"calendar": "day"}})
    past = [PastContact(datetime(2026, 11, 20, 4, 59, tzinfo=UTC), "call", "no_answer")]  # 23:59 on the 19th in New York
    at = datetime(2026, 11, 20, 5, 1, tzinfo=UTC)
    allowed = {zone: check_contact([pack], BorrowerFacts(Place(zone, "US"), tuple(past)), "call", at).allowed
               for zone in ("America/New_York", "America/Los_Angeles")}  # fmt: skip
    assert allowed == {"America/New_York": True, "America/Los_Angeles": False}


def laid(arm, *, past=(), zone="Europe/London", as_of=AS_OF, jurisdiction="GB", packs=HOUSE):
    arms = ArmCatalogue([Arm("none"), arm])
    planner = Planner.of(packs, book_for(past, zone, jurisdiction, as_of), as_of)
    return lay_calendar(planner, arms, np.array([1]))


def test_every_third_day_is_five_contacts_in_preferred_hours_of_working_days():
    windows = laid(Arm("sms-every-3-days", sms=7 / 3)).windows
    assert windows["start_local"].tolist() == [
        "2026-11-23T09:00+00:00", "2026-11-25T09:00+00:00", "2026-11-27T09:00+00:00", "2026-11-30T09:00+00:00",
        "2026-12-03T09:00+00:00",
    ]  # fmt: skip
    assert set(windows["end_local"].str[11:16]) == {"17:00"}
    assert set(windows["comfort"]) == {0}


def test_the_first_contact_is_on_the_next_lawful_day_and_past_contacts_count():
    free = laid(Arm("call-weekly", call=1)).windows["start_local"].iloc[0]
    past = [("call", AS_OF - timedelta(days=k)) for k in (1, 2, 3)]
    held = laid(Arm("call-weekly", call=1), past=past).windows["start_local"].iloc[0]
    assert (free, held) == ("2026-11-23T09:00+00:00", "2026-11-24T09:00+00:00")  # three calls since the 17th


def test_channels_of_an_arm_take_turns():
    windows = laid(Arm("both", sms=1, call=1)).windows
    assert windows["channel"].tolist() == ["sms", "call", "sms", "call"]


def test_an_arm_that_cannot_be_laid_whole_gets_no_window_and_the_rule_that_took_it():
    calendar = laid(Arm("daily", sms=7))
    assert (len(calendar.windows), calendar.blocked_by.tolist()) == (0, ["house.week"])


def test_a_long_holiday_takes_frequent_arms_away_by_the_hours():
    calendar = laid(Arm("sms-every-3-days", sms=7 / 3), zone="Asia/Shanghai", jurisdiction="CN",
                    as_of=datetime(2026, 9, 30, 14, tzinfo=UTC))  # fmt: skip
    assert calendar.blocked_by[0] is not None


def test_windows_follow_the_clock_over_its_change():
    windows = laid(Arm("sms-twice-weekly", sms=2), zone="America/New_York", jurisdiction="US",
                   as_of=datetime(2026, 10, 28, 3, tzinfo=UTC)).windows  # fmt: skip
    assert {text[-6:] for text in windows["start_local"]} == {"-04:00", "-05:00"}
    assert set(windows["start_local"].str[11:16]) == {"09:00"}


def test_local_texts_are_what_the_zone_says_even_inside_the_hour_of_a_change():
    zone = "Australia/Lord_Howe"
    instants = [to_micros(datetime(2026, 4, 4, 14, tzinfo=UTC) + timedelta(minutes=20 * k)) for k in range(9)]
    expected = [from_micros(one).astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for one in instants]
    assert local_texts(zone, np.array(instants)).tolist() == expected


def test_intersection_keeps_cuts():
    assert intersect([(0, 5), (5, 9)], [(1, 8)]) == [(1, 5), (5, 8)]


def test_all_default_arms_can_be_laid_for_a_borrower_without_history():
    arms = default_arms()
    planner = Planner.of(HOUSE, book_for((), "Europe/London", "GB", AS_OF), AS_OF)
    assert planner.lawful(arms).mask.all()
