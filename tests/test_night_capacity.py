"""Whole nights with capacity and levelled days: teams' days hold, windows are lawful, logged propensities are exact."""

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from math import ceil
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.stores import write_tables
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.cli import main
from lighttouch.serving.recommender import Recommender
from night_checker import parse
from rule_oracle import denials
from rule_oracle_known import Known

PACKS = ("house", "cn", "gb", "us-ma")
RAW = [yaml.safe_load((files("lighttouch.policy.law.packs") / f"{name}.yaml").read_text("utf-8")) for name in PACKS]
# The teams work where most borrowers live: a working day in Massachusetts crosses the midnight of their days.
HERE = "Asia/Shanghai"
WEEKLY = {"sms": 40, "team desk": 14, "team post": 40}
SERVES = {"sms": ("sms",), "team desk": ("call", "voicebot"), "team post": ("email", "app_push")}
LIMITS = {
    "channels": {"sms": WEEKLY["sms"]},
    "teams": {
        name.removeprefix("team "): {"channels": SERVES[name], "contacts_per_week": WEEKLY[name]}
        for name in WEEKLY
        if name not in SERVES[name]
    },
    "workdays": 5,
    "headroom": 0.1,
}
SALTS = ("one", "two")
MOMENT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def settings_with(salt):
    exploration = {"share": 0.3, "floor": 0.002, "salt": salt}
    return {"packs": list(PACKS), "ledger": {"booking_zone": HERE}, "capacity": LIMITS, "exploration": exploration}


@dataclass(frozen=True)
class Decided:
    """A night's table and log, with the book that it saw and, by table and borrower, the rows of that book."""

    as_of: datetime
    tables: dict
    rows: list
    log: list
    facts: dict

    @cached_property
    def own(self):
        found = defaultdict(list)
        for table in ("borrowers", "contacts", "contact_points", "loans", "status_events", "consents"):
            for row in self.tables[table].to_pylist():
                found[table, row["borrower_id"]].append(row)
        return found


@pytest.fixture(scope="module")
def first(trained, tmp_path_factory):
    """A night without a log, by the command."""
    room, as_of = tmp_path_factory.mktemp("first"), trained.world.end - DAY
    tables = trained.world.tables | {"decisions": trained.world.tables["decisions"].slice(0, 0)}
    write_tables(tables, room / "book")
    (room / "policy.yaml").write_text(yaml.safe_dump(settings_with(SALTS[0])), encoding="utf-8")
    out = room / "recs.parquet"
    asked = [room / "book", "--as-of", as_of.isoformat(), "--model", trained.folder, "--settings", room / "policy.yaml"]
    with patch.object(sys, "argv", ["lighttouch", "recommend", *map(str, asked), "--out", str(out)]):
        try:
            main()
        except SystemExit as end:
            assert not end.code  # noqa: PT017  a command line ends by it
    facts = yaml.safe_load((room / "recs.run.json").read_text("utf-8"))
    log = pq.read_table(room / "recs.decisions.parquet")
    return Decided(as_of, tables, pq.read_table(out).to_pylist(), log.to_pylist(), facts), log


@pytest.fixture(scope="module")
def second(trained, first):
    """The night after: most decisions of the first stand."""
    world, log = trained.world, first[1]
    schema = world.tables["decisions"].schema
    tables = world.tables | {"decisions": pa.Table.from_pylist(log.to_pylist(), schema)}
    settings = PolicySettings.from_dict(settings_with(SALTS[0]))
    with Book.from_arrow(tables) as book:
        night = Recommender.load(trained.folder, settings).night(book, world.end)
    return Decided(world.end, tables, night.recommendations.to_pylist(), night.decisions.to_pylist(), night.facts)


@pytest.fixture(scope="module", params=["first", "second"])
def night(request, first, second):
    return first[0] if request.param == "first" else second


def local_day(instant):
    return instant.astimezone(ZoneInfo(HERE)).date()


def week_of(day):
    return day - timedelta(days=day.weekday())


def used(night, resource):
    """Contacts of a resource by its own days: those made this week, and all that are planned."""
    made = [
        local_day(row["at"])
        for row in night.tables["contacts"].to_pylist()
        if row["direction"] == "out" and row["channel"] in SERVES[resource] and row["known_at"] < night.as_of
    ]
    planned = [
        local_day(start)
        for row in night.rows
        for start, _, channel in map(parse, row["windows"])
        if channel in SERVES[resource]
    ]
    return [day for day in made if week_of(day) >= week_of(local_day(night.as_of))], planned


@pytest.mark.parametrize("resource", WEEKLY)
def test_no_day_and_no_week_asks_a_team_for_more_than_it_can_do(night, resource):
    made, planned = used(night, resource)
    per_day = ceil(WEEKLY[resource] / LIMITS["workdays"])
    days, weeks = Counter(made + planned), Counter(map(week_of, made + planned))
    before, week_before = Counter(made), Counter(map(week_of, made))
    assert {day: n for day, n in days.items() if n > max(per_day, before[day])} == {}
    assert {week: n for week, n in weeks.items() if n > max(WEEKLY[resource], week_before[week])} == {}


def test_days_are_full_so_that_levelling_has_work_to_do(first):
    night = first[0]
    full = [day for name in WEEKLY for day, n in Counter(used(night, name)[1]).items() if n == ceil(WEEKLY[name] / 5)]
    assert len(full) >= 3
    starts = [datetime.fromisoformat(row["next_contact_from"]) for row in night.rows if row["windows"]]
    assert len({start.date() for start in starts}) > 3


def test_nothing_is_lost_without_a_word(first):
    for row in first[0].rows:
        unplaced = [code for code in row["reasons"] if code.startswith("unplaced:")]
        planned = ceil(14 / row["interval_days"] - 1e-9) if row["intensity"] else 0
        assert len(row["windows"]) + len(unplaced) == planned


def person_of(night, borrower):
    """What the checker is told of a borrower: raw rows, and endpoints that are live."""
    tables = ("borrowers", "contacts", "contact_points", "status_events", "consents", "loans")
    (profile,), contacts, points, events, consents, loans = (night.own[table, borrower] for table in tables)
    return {
        "zone": profile["timezone"] or "", "jurisdiction": profile["jurisdiction"], "contacts": contacts, "events": events,
        "points": [p for p in points if p["valid_from"] < night.as_of and (p["valid_to"] or night.as_of) >= night.as_of],
        "consents": consents, "loans": [{**row, "due_on": None} for row in loans],
    }  # fmt: skip


def test_every_window_is_lawful_at_each_of_its_ends(night):
    checked = 0
    for row in [row for row in night.rows if row["windows"]]:
        known = Known(person_of(night, row["borrower_id"]), night.as_of)
        for late in (False, True):  # every contact at its window's begin, and each as late as its window allows
            made = []
            for start, end, channel in map(parse, row["windows"]):
                first, last = start.astimezone(UTC), end.astimezone(UTC) - MOMENT
                for instant in (first, last):
                    assert denials(RAW, known, channel, instant, night.as_of, made) == set(), (row["borrower_id"], instant)
                made.append((channel, last if late else first))
                checked += 1
    assert checked > 150


def uniform(borrower, as_of, salt):
    """The borrower's own number of the night, by its definition: a digest of night and salt, then of the borrower."""
    parts = ("arm", salt, as_of.astimezone(UTC).isoformat(timespec="microseconds"))
    text = "".join(f"{len(part)}:{part}|" for part in parts) + borrower
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 11) * 2.0**-53


def test_the_arm_given_is_the_one_on_which_the_draw_falls_in_the_logged_propensities(night):
    names, arms = default_arms().names, {row["borrower_id"]: row for row in night.rows}
    assert len(night.log) > 5
    for row in night.log:
        odds = dict(row["propensities"])
        assert sum(odds.values()) == pytest.approx(1.0, abs=1e-12)
        assert set(odds) == set(arms[row["borrower_id"]]["lawful_arms"])
        assert min(odds.values()) >= 0.002 * 0.999
        bounds = np.cumsum([odds.get(name, 0.0) for name in names])
        falls = names[int(np.searchsorted(bounds, uniform(row["borrower_id"], night.as_of, SALTS[0]), side="right"))]
        assert row["arm"] == falls == arms[row["borrower_id"]]["arm"]
        assert arms[row["borrower_id"]]["propensity"] == odds[row["arm"]]


def test_propensities_depend_on_no_draw_and_expect_no_more_than_there_is(trained, first):
    settings = PolicySettings.from_dict(settings_with(SALTS[1]))
    with Book.from_arrow(first[0].tables) as book:
        other = Recommender.load(trained.folder, settings).night(book, first[0].as_of)
    ours = {row["borrower_id"]: row for row in first[0].log}
    theirs = {row["borrower_id"]: row for row in other.decisions.to_pylist()}
    assert {name: dict(row["propensities"]) for name, row in ours.items()} == {
        name: dict(row["propensities"]) for name, row in theirs.items()
    }
    assert any(row["arm"] != theirs[name]["arm"] for name, row in ours.items())
    assert other.facts["prices"] == first[0].facts["prices"]
    assert max(other.facts["prices"].values()) > 0
    weekly = {arm.name: {c: ceil(14 * getattr(arm, c) / 7 - 1e-9) / 2 for c in arm.channels} for arm in default_arms()}
    for name, serves in SERVES.items():
        expected = sum(
            odds * sum(weekly[arm].get(channel, 0.0) for channel in serves)
            for row in ours.values()
            for arm, odds in dict(row["propensities"]).items()
        )
        assert expected <= WEEKLY[name] * (1 - LIMITS["headroom"])


def test_the_teams_days_are_not_everybodys_days(first):
    spans = [(start, end) for row in first[0].rows for start, end, _ in map(parse, row["windows"])]
    assert any(local_day(start) != start.date() for start, _ in spans)
    assert any(local_day(start) != local_day(end - MOMENT) for start, end in spans)
