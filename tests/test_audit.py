"""The audit: groups told with honest intervals, rules priced against brute force and truth, overrides counted."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.rules import Planner, load_packs
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.audit import Audit, overrides, profiles
from lighttouch.serving.audit_rules import Worth, price_rules, without_rule
from lighttouch.training.deciding.decide import Decided
from lighttouch.training.evaluation import policy_value
from lighttouch.training.judging.audit import MERGED, AuditLog, AuditOptions, audit_groups, merge_small
from lighttouch.training.rows.table import training_table
from lighttouch.training.statistics.clusters import clustered_error

ARMS = default_arms()
SETTINGS = PolicySettings()


@pytest.fixture(scope="module")
def book(small_world):
    with Book.from_arrow(small_world.tables) as book:
        yield book


@pytest.fixture(scope="module")
def last_night(small_world):
    """The last night of the log with enough decisions, with the truth of its decisions."""
    log = small_world.tables["decisions"].select(["decision_id", "borrower_id", "as_of"]).to_pandas()
    counts = log["as_of"].value_counts()
    night = counts[counts >= 10].index.max()
    rows = np.flatnonzero((log["as_of"] == night).to_numpy())
    return night.to_pydatetime(), log["borrower_id"].iloc[rows].tolist(), small_world.truth.take(rows)


def drawn(n, seed=0, gap=0.0):
    """Return scores of borrowers with several decisions each, and two equal groups that differ by a known gap."""
    rng = np.random.default_rng(seed)
    borrowers = pd.Series([f"B{i // 4}" for i in range(n)])
    group = pd.Series(np.where(np.arange(n) // 4 % 2 == 0, "a", "b"))
    own = np.repeat(rng.normal(size=n // 4), 4)
    return pd.DataFrame({"measure": own + rng.normal(size=n) + gap * (group == "a")}), group, borrowers


def test_groups_in_which_something_rare_did_not_happen_are_not_notable():
    # No difference at all: of 60 books 3 may show one. A group without an event has no variance of its own.
    rng, notable, seen = np.random.default_rng(0), 0, 0
    for _ in range(60):
        group = pd.Series(rng.integers(0, 20, 3_000).astype(str))
        scores = pd.DataFrame({"harm": (rng.random(3_000) < 0.01).astype(float)})
        found = audit_groups(scores, {"side": group}, pd.Series(np.arange(3_000)), AuditOptions())
        notable += bool(found["notable"].any())
        own = found[found["dimension"] == "side"]
        seen += int((own["estimate"] == 0).sum())
        assert (own["low"] >= 0).all()
        assert (own["high"] > own["low"]).all()
    assert seen > 60
    assert notable <= 6


def test_a_group_in_which_something_rare_happens_four_times_as_often_is_notable():
    rng = np.random.default_rng(1)
    group = pd.Series(rng.integers(0, 10, 20_000).astype(str))
    event = (rng.random(20_000) < np.where(group == "3", 0.04, 0.01)).astype(float)
    found = audit_groups(pd.DataFrame({"harm": event}), {"side": group}, pd.Series(np.arange(20_000)), AuditOptions())
    assert found.loc[found["notable"], "group"].tolist() == ["3"]


def test_intervals_of_differences_hold_the_truth_about_as_often_as_promised():
    held = 0
    for seed in range(200):
        scores, group, borrowers = drawn(400, seed, gap=1.0)
        found = audit_groups(scores, {"side": group}, borrowers, AuditOptions(20)).set_index("group").loc["a"]
        held += found["difference_low"] <= 0.5 <= found["difference_high"]
    assert 0.90 <= held / 200 <= 0.99


def test_differences_that_are_none_are_seldom_notable_though_many_are_looked_at():
    wrong = 0
    for seed in range(200):
        scores, group, borrowers = drawn(400, seed)
        scores = pd.concat([scores, scores.sample(frac=1, random_state=seed, ignore_index=True)], axis=1)
        scores.columns = ["one", "two"]
        wrong += audit_groups(scores, {"side": group}, borrowers, AuditOptions(20))["notable"].any()
    assert wrong / 200 <= 0.09


def test_a_true_difference_is_notable():
    scores, group, borrowers = drawn(2000, gap=1.0)
    found = audit_groups(scores, {"side": group}, borrowers).set_index("dimension")
    assert found.loc["side", "notable"].all()
    assert not found.loc["all", "notable"]
    assert found.loc["side", "difference"].tolist() == pytest.approx([0.5, -0.5], abs=0.15)


def test_small_groups_are_merged_and_no_remainder_tells_one():
    people = pd.Series(range(100))
    groups = pd.Series(["big"] * 60 + ["middle"] * 37 + ["tiny"] * 3)
    merged = merge_small(groups, people, 20)
    assert merged.value_counts().to_dict() == {"big": 60, MERGED: 40}
    assert set(merge_small(groups, people, 70)) == {MERGED}
    assert merge_small(groups, people, 3).equals(groups)


def test_the_log_measure_is_the_doubly_robust_gain_over_no_contact(book):
    table = training_table(book, ARMS, SETTINGS)
    n, rng = len(table), np.random.default_rng(1)
    response = rng.uniform(size=(n, len(ARMS)))
    chosen = rng.integers(0, len(ARMS), n)
    nothing = np.zeros((n, len(ARMS)))
    decided = Decided(chosen, chosen, [()] * n, response, nothing, nothing, nothing > 0, table.lawful, nothing, chosen, nothing)
    log = AuditLog(table, decided, SETTINGS)
    repaid = table.rows["repaid"].to_numpy(dtype=float)
    share = log.scores(np.zeros(n))["benefit_log"].to_numpy()
    names = np.array(ARMS.names, dtype=object)
    borrowers = table.rows["borrower_id"].to_numpy()
    value = policy_value(
        names[chosen], versus=np.full(n, "none", dtype=object), arm=table.rows["arm"].to_numpy(), reward=repaid,
        propensity=table.propensity, arms=ARMS, outcome=response, groups=borrowers,
    )  # fmt: skip
    assert share.mean() == pytest.approx(value.estimate)
    assert clustered_error(share - share.mean(), pd.factorize(borrowers)[0]) == pytest.approx(value.se)
    assert log.benefit(np.ones(n, dtype=bool)).estimate == pytest.approx(value.estimate)


def test_a_profile_is_the_one_known_at_the_time(book, small_world):
    rows = small_world.tables["decisions"].select(["borrower_id", "as_of"]).to_pandas().tail(50)
    found = profiles(book, rows)
    people = small_world.tables["borrowers"].to_pandas()
    for place, (borrower, as_of) in zip(rows.index, rows.itertuples(index=False), strict=True):
        known = people[(people["borrower_id"] == borrower) & (people["valid_from"] < as_of)].sort_values("valid_from").iloc[-1]
        assert found["region"][place] == known["jurisdiction"]
        if pd.notna(known["birth_year"]):
            age = as_of.year - int(known["birth_year"])
            band = found["age_band"][place]
            low, high = {"under 25": (0, 24), "65 and over": (65, 200)}.get(band) or map(int, band.split("-"))
            assert low <= age <= high


def test_the_price_of_a_rule_is_what_the_truth_loses_by_it(book, last_night):
    night, borrowers, truth = last_night
    packs = load_packs(("house",))
    planner = Planner.of(packs, book, night, borrowers, SETTINGS)
    money = np.nan_to_num(truth.response) * np.nan_to_num(truth.recoverable)[:, None]
    # A rule that took no arm from anybody is not told, and cost nothing.
    told = price_rules(planner, ARMS, Worth(money, money)).set_index("rule")
    found = told.reindex([*{*told.index, "house.week", "house.calls_7d"}]).fillna({"value_lost": 0.0, "restricted": 0.0})
    before = planner.lawful(ARMS).mask
    for rule in ("house.week", "house.calls_7d"):
        without = Planner.of(without_rule(packs, rule), book, night, borrowers, SETTINGS).lawful(ARMS).mask
        assert not (before & ~without).any()
        lost = [
            max(money[i, k] for k in np.flatnonzero(without[i])) - max(money[i, k] for k in np.flatnonzero(before[i]))
            for i in range(len(borrowers))
        ]
        assert found.loc[rule, "value_lost"] == pytest.approx(np.mean(lost))
        assert found.loc[rule, "restricted"] == pytest.approx((without & ~before).any(axis=1).mean())
    assert (found["value_lost"] >= 0).all()


def test_a_rule_that_alone_forbids_an_arm_costs_what_the_arm_would_bring(book, last_night):
    night, borrowers, _ = last_night
    packs = [
        replace(pack, rules=tuple(r for r in pack.rules if r.id == "house.visits" or r.type == "duty"))
        for pack in load_packs(("house",))
    ]
    visits = (
        packs[0]
        .rules[0]
        .model_copy(
            update={"id": "tight", "match": packs[0].rules[0].match.model_copy(update={"channels": ("call",)}), "max": 1}
        )
    )
    packs = [replace(packs[0], rules=(visits, *packs[0].rules[1:]))]
    planner = Planner.of(packs, book, night, borrowers, SETTINGS)
    worth = np.zeros((len(borrowers), len(ARMS)))
    twice = ARMS.index("call-twice-weekly")
    worth[:, twice] = 7.0
    assert not planner.lawful(ARMS).mask[:, twice].any()
    found = price_rules(planner, ARMS, Worth(worth, worth)).set_index("rule")
    assert found.loc["tight", "value_lost"] == pytest.approx(7.0)
    assert found.loc["tight", "restricted"] == 1.0
    assert found.loc["tight", "contacts_avoided"] == pytest.approx(ARMS["call-twice-weekly"].intensity)


def test_overrides_are_counted_by_direction(small_world):
    log = small_world.tables["decisions"].to_pylist()
    events = small_world.tables["status_events"]
    dose = {arm.name: arm.intensity for arm in ARMS}
    expected, added = {"lighter": 0, "heavier": 0, "same": 0, "open": 0}, []
    per = {}
    for row in sorted(log, key=lambda row: row["as_of"]):
        per.setdefault(row["borrower_id"], []).append(row)
    for borrower, mine in list(per.items())[:150]:
        at = mine[0]["as_of"] + timedelta(hours=6)
        after = next((row for row in mine[1:] if at < row["as_of"] <= at + timedelta(days=14)), None)
        a = dose[mine[0]["arm"]]
        b = None if after is None else dose[after["arm"]]
        expected["open" if b is None else "lighter" if b < a else "heavier" if b > a else "same"] += 1
        added.append({"borrower_id": borrower, "kind": "override", "at": at, "known_at": at})
    more = pa.concat_tables([events, pa.Table.from_pylist(added, schema=events.schema)])
    with Book.from_arrow({**small_world.tables, "status_events": more}) as book:
        found = overrides(book, ARMS, SETTINGS, ("age_band", "region"), AuditOptions(10))
        assert overrides(book, ARMS, SETTINGS, ("region",), AuditOptions(10_000))["dimension"].unique().tolist() == ["all"]
    whole = found[found["dimension"] == "all"].set_index("direction")["overrides"].to_dict()
    assert whole == {way: count for way, count in expected.items() if count}
    assert {"age_band", "region"} <= set(found["dimension"])


def test_an_audit_is_written_as_tables_and_json_without_nan(tmp_path):
    scores, group, borrowers = drawn(400)
    groups = audit_groups(scores, {"side": group}, borrowers, AuditOptions(20)).assign(supported=True, reason="")
    Audit(groups, pd.DataFrame(), pd.DataFrame(), {"decisions": 400}, None).write(tmp_path / "audit")
    content = json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert content["groups"][0]["dimension"] == "all"
    assert content["groups"][0]["difference"] is None
    assert len(pd.read_csv(tmp_path / "audit" / "groups.csv")) == 3
    assert any("Holm" in note for note in content["notes"])


def test_options_that_cannot_be_are_refused_at_once():
    with pytest.raises(InvalidInput, match="min_borrowers") as refusal:
        AuditOptions(1, 1.5)
    assert len(refusal.value.faults) == 2
