"""The numbers of the law, written out a second time: a slip of the pen in a pack is seen here."""

from datetime import date
from functools import cache

import pytest
from lighttouch.policy.law.selection import shipped_packs
from lighttouch.policy.rules import RulePack

VOICE = {"call", "voicemail", "voicebot"}
# pack, rule, most contacts, window, bucket, channels that must be among those counted
CAPS = [
    ("cn", "cn.gbt.talk", 3, {"calendar": "day"}, "borrower", {"call", "voicebot"}),
    ("cn", "cn.gbt.inform", 3, {"calendar": "day"}, "borrower", {"voicebot", "voicemail"}),
    ("cn", "cn.cba.dial", 6, {"calendar": "day"}, "endpoint", {"call", "voicebot"}),
    ("us-fed", "us.regf.7in7", 7, {"rolling_days": 7}, "debt", VOICE),
    ("us-ma", "us-ma.home", 2, {"rolling_days": 7}, "debt", VOICE | {"sms"}),
    ("us-ma", "us-ma.other", 2, {"rolling_days": 30}, "debt", VOICE | {"sms"}),
    ("us-ma", "us-ma.visits", 1, {"rolling_days": 30}, "debt", {"visit"}),
    ("us-ma-household", "us-ma.household.home", 2, {"rolling_days": 7}, "debt", VOICE),
    ("us-ma-household", "us-ma.household.other", 2, {"rolling_days": 30}, "debt", VOICE),
    ("us-nyc", "us-nyc.cap", 3, {"rolling_days": 7}, "debt", VOICE | {"sms", "email", "letter"}),
    ("us-dc", "us-dc.calls", 4, {"rolling_days": 7}, "debt", VOICE),
    ("us-dc", "us-dc.msg", 5, {"rolling_days": 7}, "debt", {"sms", "email", "im"}),
    ("us-dc", "us-dc.ask", 1, {"rolling_days": 7}, "debt", {"sms", "email", "im"}),
    ("us-wa", "us-wa.week", 3, {"rolling_days": 7}, "borrower", VOICE | {"sms", "email"}),
    ("us-wa", "us-wa.work", 1, {"rolling_days": 7}, "borrower", VOICE),
    ("us-wv", "us-wv.calls", 30, {"rolling_days": 7}, "borrower", VOICE),
    ("us-wv", "us-wv.talks", 10, {"rolling_days": 7}, "borrower", VOICE),
    ("it", "it.talk", 1, {"calendar": "day"}, "borrower", VOICE),
    ("vn", "vn.day", 5, {"calendar": "day"}, "borrower", VOICE | {"sms", "letter"}),
    ("th", "th.day", 1, {"calendar": "day"}, "borrower", VOICE | {"sms", "letter"}),
    ("kr", "kr.week", 7, {"rolling_days": 7}, "debt", VOICE | {"sms", "visit"}),
    ("au", "au.week", 3, {"rolling_days": 7}, "debt", VOICE | {"sms", "letter"}),
    ("au", "au.month", 10, {"rolling_days": 31}, "debt", VOICE | {"sms", "letter"}),
    ("ca-on", "ca-on.three", 3, {"rolling_days": 7}, "creditor", {"call", "voicemail", "email", "sms"}),
    ("ca-ab", "ca-ab.three", 3, {"rolling_days": 7}, "creditor", VOICE),
    ("co", "co.day", 1, {"calendar": "day"}, "borrower", VOICE | {"sms"}),
    ("co", "co.channel", 1, {"calendar": "week"}, "borrower", VOICE | {"sms"}),
    ("co", "co.visits", 0, {"calendar": "day"}, "borrower", {"visit"}),
    ("cl", "cl.calls", 1, {"rolling_days": 7}, "borrower", VOICE | {"visit"}),
    ("cl", "cl.messages", 2, {"rolling_days": 7}, "borrower", {"sms", "email", "letter"}),
    ("ru", "ru.visit.week", 1, {"rolling_days": 7}, "borrower", {"visit"}),
    ("ru", "ru.call.day", 1, {"calendar": "day"}, "borrower", VOICE),
    ("ru", "ru.call.week", 2, {"rolling_days": 7}, "borrower", VOICE),
    ("ru", "ru.call.month", 8, {"rolling_days": 31}, "borrower", VOICE),
    ("ru", "ru.text.day", 2, {"calendar": "day"}, "borrower", {"sms", "im", "email"}),
    ("ru", "ru.text.week", 4, {"rolling_days": 7}, "borrower", {"sms", "im", "email"}),
    ("ru", "ru.text.month", 16, {"rolling_days": 31}, "borrower", {"sms", "im", "email"}),
]
# pack, rule, windows of Monday, Saturday, Sunday, a public holiday (None: like any day); hours of the day, end excluded
HOURS = [
    ("cn", "cn.gbt.hours", (8, 22), (8, 22), (8, 22), None),
    ("cn", "cn.cba.hours", (8, 22), (8, 22), (8, 22), None),
    ("us-fed", "us.regf.hours", (8, 21), (8, 21), (8, 21), None),
    ("us-ma", "us-ma.hours", (8, 21), (8, 21), (8, 21), None),
    ("us-wa", "us-wa.hours", (8, 21), (8, 21), (8, 21), None),
    ("us-wv", "us-wv.hours", (8, 21), (8, 21), (8, 21), None),
    ("in", "in.2022.hours", (8, 19), (8, 19), (8, 19), None),
    ("in", "in.2026.hours", (8, 19), (8, 19), (8, 19), None),
    ("gb", "gb.mcob.hours", (8, 21), (8, 21), (8, 21), None),
    ("it", "it.hours", (8.5, 21), (8.5, 15), (), None),
    ("gr", "gr.hours", (9, 20), (), (), ()),
    ("id", "id.pojk22.hours", (8, 20), (8, 20), (), ()),
    ("id-p2p", "id.seojk19.hours", (8, 20), (8, 20), (8, 20), None),
    ("ph", "ph.hours", (6, 22), (6, 22), (6, 22), None),
    ("vn", "vn.hours", (7, 21), (7, 21), (7, 21), None),
    ("th", "th.hours", (8, 20), (8, 18), (8, 18), (8, 18)),
    ("kr", "kr.hours", (8, 21), (8, 21), (8, 21), None),
    ("au", "au.phone", (7.5, 21), (9, 21), (9, 21), ()),
    ("au", "au.face", (9, 21), (9, 21), (9, 21), ()),
    ("au", "au.work", (9, 17), (), (), ()),
    ("ca-on", "ca-on.hours", (7, 21), (7, 21), (13, 17), ()),
    ("ca-bc", "ca-bc.hours", (7, 21), (7, 21), (13, 17), ()),
    ("ca-ab", "ca-ab.hours", (7, 22), (7, 22), (), ()),
    ("ca-qc", "ca-qc.hours", (8, 20), (8, 20), (), ()),
    ("co", "co.hours", (7, 19), (8, 15), (), ()),
    ("cl", "cl.hours", (8, 20), (8, 20), (), ()),
    ("pe", "pe.hours", (7, 20), (), (), ()),
    ("mx", "mx.hours", (7, 22), (), (), None),
    ("br-sp", "br-sp.hours", (8, 20), (8, 14), (), ()),
    ("br-al", "br-al.hours", (8, 20), (8, 14), (), ()),
    ("br-rj", "br-rj.hours", (9, 19), (), (), ()),
    ("br-es", "br-es.hours", (8, 19), (), (), ()),
    ("ru", "ru.hours", (8, 22), (9, 20), (9, 20), (9, 20)),
    ("za", "za.hours", (6, 21), (6, 21), (), None),
    ("house-strict", "gs.hours", (9, 19), (9, 15), (), ()),
]
PAUSES = [
    ("us-fed", "us.regf.after_conversation", 7, "event"),
    ("gr", "gr.second_day", 2, "event"),
    ("gr", "gr.ten_days", 10, "next"),
    ("ca-on", "ca-on.wait", 6, "next"),
    ("ca-bc", "ca-bc.wait", 5, "next"),
    ("cl", "cl.gap", 2, "next"),
]
FIRST_DAYS = {
    "cn.gbt.talk": (2025, 2, 28), "cn.cba.dial": (2026, 1, 30), "cn.pipl.24": (2021, 11, 1), "us.regf.7in7": (2021, 11, 30),
    "us.tcpa.revoke": (2025, 4, 11), "us-nyc.cap": (2026, 9, 1), "us-dc.calls": (2023, 1, 1), "in.2022.hours": (2022, 8, 12),
    "gb.breathing": (2021, 5, 4), "eu.ccd2.35": (2026, 11, 20), "ph.hours": (2019, 9, 7), "vn.day": (2020, 1, 1),
    "th.day": (2019, 11, 21), "kr.week": (2024, 10, 17), "au.week": (2021, 4, 13), "co.day": (2023, 10, 10),
    "cl.calls": (2021, 4, 20), "mx.hours": (2014, 10, 8), "ke.party": (2022, 3, 18),
}  # fmt: skip


@cache
def loaded(pack):
    return RulePack.load(pack)


def rule_of(pack, name):
    return next(rule for rule in loaded(pack).rules if rule.id == name)


def minutes(window):
    return () if not window else ((round(window[0] * 60), round(window[1] * 60)),)


@pytest.mark.parametrize(("pack", "name", "most", "window", "bucket", "channels"), CAPS)
def test_a_cap_has_the_number_of_the_law(pack, name, most, window, bucket, channels):
    rule = rule_of(pack, name)
    assert rule.max == most
    assert {key: getattr(rule.window, key) for key in window} == window
    assert bucket in rule.per
    assert channels <= set(rule.match.channels)


@pytest.mark.parametrize(("pack", "name", "monday", "saturday", "sunday", "holiday"), HOURS)
def test_hours_are_those_of_the_law(pack, name, monday, saturday, sunday, holiday):
    rule = rule_of(pack, name)
    assert [rule.windows(day, holiday=False) for day in (0, 4, 5, 6)] == [
        minutes(monday), minutes(monday), minutes(saturday), minutes(sunday),
    ]  # fmt: skip
    assert rule.windows(0, holiday=True) == minutes(monday if holiday is None else holiday)


@pytest.mark.parametrize(("pack", "name", "days", "first"), PAUSES)
def test_a_pause_is_as_long_as_the_law_says(pack, name, days, first):
    assert (rule_of(pack, name).for_.days, rule_of(pack, name).for_.first_day) == (days, first)


def test_what_was_looked_for_and_not_found_is_not_encoded():
    assert not [rule.id for rule in RulePack.load("id").rules if rule.type == "cap"]
    assert not [name for name in shipped_packs() if name.startswith("us-nv")]


def test_rules_begin_on_the_day_that_is_known():
    rules = {rule.id: rule for name in shipped_packs() for rule in loaded(name).rules}
    assert {name: rules[name].effective.from_ for name in FIRST_DAYS} == {name: date(*day) for name, day in FIRST_DAYS.items()}


def test_the_stays_are_as_long_as_the_law_says():
    assert rule_of("gb", "gb.breathing").for_.days == 60
    assert (rule_of("kr", "kr.relief").for_.months, rule_of("kr", "kr.relief").renewals) == (3, 1)
    limits = rule_of("kr", "kr.wishes").limits
    assert (limits.quiet_hours_per_week, limits.means) == (28, 3)


def test_regulation_f_binds_collectors_and_the_others_creditors_too():
    assert "creditor" not in RulePack.load("us-fed").header.applies.actor_role
    for name in ("us-ma", "us-nyc", "us-dc"):
        assert {"creditor", "third_party_collector"} <= set(RulePack.load(name).header.applies.actor_role)
