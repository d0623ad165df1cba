"""The gate: what it asks, each question on data where the answer is known, and the whole of it on worlds with a trap."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_tracker import FakeTracker
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.data.worlds import simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.settings import Settings
from lighttouch.training.alarm import Alarm
from lighttouch.training.alarms.kept import ALARM_FACT, alarms_of, alarms_to_fact
from lighttouch.training.alarms.ring import AlarmOptions
from lighttouch.training.gate.checks import calibration_gap, check_alarms, check_calibration, rate_upper
from lighttouch.training.gate.hold import Trial, hold, open_trial
from lighttouch.training.gate.settings import GateSettings
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.promotion import Candidates, promote
from lighttouch.training.registry.tracker import candidate_of
from lighttouch.training.runs.run import train_book
from scipy.stats import poisson
from trained import QUICK

ARMS = default_arms()
FEW_TREES = replace(QUICK, boosting=Boosting(rounds=10, pairs=1), alarms=AlarmOptions(benchmark_features=0))
# So lax that only what a test is about can fail.
LAX = GateSettings(harm_limit=1.0, calibration_limit=1.0, least_supported=0.0)
RULE, NONE = "gain over fixed: sms-every-3-days", "gain over everyone: none"


def trial_of(rows, bundle, champion=None):
    return Trial(bundle, champion, rows, "a fold", rows.rows["as_of"].min(), rows.rows["as_of"].max())


def checks_of(verdict):
    return {check.name: check for check in verdict.checks}


@pytest.fixture(scope="module")
def silent(trained):
    """The model, its log asked and nothing found."""
    facts = {**trained.run.bundle.facts, ALARM_FACT: "[]"}
    return trained.run.bundle.with_facts(facts)


@pytest.fixture(scope="module")
def good(trained, silent):
    """A fold on which whoever got the arm that the model chooses repaid far more often."""
    test, chosen = trained.run.test, trained.run.verdict.decided.arm
    hit = ARMS.encode(test.rows["arm"]) == chosen
    rng = np.random.default_rng(0)
    repaid = (rng.random(len(test)) < np.where(hit, 0.95, 0.05)).astype(float)
    # Everyone owes 100: then the effective sample is what decides, and not who owes most.
    rows = test.rows.assign(repaid=repaid, harm=0.0, recoverable=100.0)
    return replace(test, rows=rows)


def test_the_levels_of_all_attempts_together_are_the_level():
    settings = GateSettings(level=0.04)
    levels = [settings.level_of(attempt) for attempt in range(1, 10_000)]
    assert levels[0] == pytest.approx(0.02)
    assert 0.0399 < sum(levels) < 0.04
    assert np.all(np.diff(levels) < 0)


def test_settings_of_the_gate_come_from_their_own_section_and_change_no_decision(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("margin: 0.9\ngate: {harm_limit: 0.01, rule: sms-weekly}\n", encoding="utf-8")
    read = Settings.read(path)
    assert (read.gate.harm_limit, read.gate.rule, read.gate.level) == (0.01, "sms-weekly", 0.05)
    assert read.policy.version == PolicySettings(margin=0.9).version
    path.write_text("gate: {harm_limit: 2, typo: 1}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        Settings.read(path)
    assert {fault.where.split(".")[-1] for fault in error.value.faults} == {"harm_limit", "typo"}


@pytest.mark.parametrize("events", [0, 1, 7])
def test_the_bound_of_a_rate_is_the_exact_one_of_poisson_where_weights_are_equal(events):
    n, level = 400, 0.025
    event = np.r_[np.ones(events), np.zeros(n - events)]
    rate, upper = rate_upper(np.ones(n), event, np.arange(n), level)
    assert rate == events / n
    # The exact bound is the mean under which so few events have the chance `level`.
    assert poisson.cdf(events, upper * n) == pytest.approx(level)


def test_the_bound_of_a_weighted_rate_covers_as_often_as_it_says():
    rng, n, level = np.random.default_rng(0), 1_500, 0.05
    chance = np.where(np.arange(n) % 3 == 0, 0.05, 0.4)  # of the policy's arm under the log
    truth = 0.006
    missed = 0
    for _ in range(600):
        weight = np.where(rng.random(n) < chance, 1 / chance, 0.0)
        missed += rate_upper(weight, (rng.random(n) < truth).astype(float), np.arange(n), level)[1] < truth
    assert missed / 600 < level + 2 * np.sqrt(level * (1 - level) / 600)


@pytest.mark.parametrize("harm", [(0.02, 0.02), (0.002, 0.05)])
def test_the_bound_covers_where_few_heavy_rows_tell_of_the_policy(harm):
    # Where the policy agrees with the log a row weighs one, where it explores, 50: harm may sit in the few that explore.
    rng, n, level, missed = np.random.default_rng(0), 5_000, 0.025, 0
    chance, truth = (np.where(np.arange(n) % 2 == 0, *pair) for pair in ((0.98, 0.02), harm))
    for _ in range(300):
        weight = np.where(rng.random(n) < chance, 1 / chance, 0.0)
        event = (rng.random(n) < truth).astype(float)
        missed += rate_upper(weight, event, np.arange(n), level)[1] < truth.mean()
    assert missed / 300 < level + 2 * np.sqrt(level * (1 - level) / 300)


def test_events_of_a_borrower_are_bounded_together():
    # Whoever complains complains each time: 20 decisions of a borrower say what one says.
    rng, level, truth, missed = np.random.default_rng(0), 0.025, 0.05, {"apart": 0, "together": 0}
    groups = np.repeat(np.arange(200), 20)
    for _ in range(300):
        event = (rng.random(200) < truth).astype(float)[groups]
        missed["together"] += rate_upper(np.ones(len(groups)), event, groups, level)[1] < truth
        missed["apart"] += rate_upper(np.ones(len(groups)), event, np.arange(len(groups)), level)[1] < truth
    assert missed["together"] < 0.25 * missed["apart"]


@pytest.mark.parametrize(
    ("borrowers", "trait", "often"), [(200, 0.02, 0.5), (200, 0.01, 1.0), (500, 0.005, 1.0), (150, 0.02, 1.0)]
)
def test_harm_that_is_a_trait_of_few_is_bounded_as_often_as_is_said(borrowers, trait, often):
    rng, level, missed = np.random.default_rng(4), 0.025, 0
    groups = np.repeat(np.arange(borrowers), 25)
    for _ in range(400):
        # So few complain, each at so many of the decisions.
        event = ((rng.random(borrowers) < trait)[groups] & (rng.random(len(groups)) < often)).astype(float)
        missed += rate_upper(np.ones(len(groups)), event, groups, level)[1] < trait * often
    assert missed / 400 < level + 2 * np.sqrt(level * (1 - level) / 400)


def test_calibration_is_near_nothing_where_it_is_right_and_the_shift_where_it_is_not():
    rng = np.random.default_rng(0)
    right, shifted = [], []
    for _ in range(60):
        p = rng.uniform(0.2, 0.7, 500)
        y = (rng.random(500) < p).astype(float)
        right.append(calibration_gap(y, p, np.ones(500), np.arange(500))[0])
        shifted.append(calibration_gap(y, p - 0.15, np.ones(500), np.arange(500))[0])
    assert np.mean(right) < 0.02
    assert np.mean(shifted) == pytest.approx(0.15, abs=0.02)


def test_events_that_were_never_expected_are_a_gap_and_too_few_to_tell_are_none():
    one, group = np.ones(2_000), np.arange(2_000)
    y = np.resize([0.0, 1.0], 2_000)
    found = check_calibration(y, np.full(2_000, 0.002), one, group, np.zeros(2_000, dtype=int), ARMS, 0.05)
    assert not found[0].passed
    assert found[0].figure == pytest.approx(0.498, abs=0.01)
    for seen, promised in ((1.0, 0.002), (0.0, 0.998)):
        worst = check_calibration(np.full(2_000, seen), np.full(2_000, promised), one, group, group * 0, ARMS, 0.05)
        assert not worst[0].passed
        assert worst[0].figure == pytest.approx(0.998, abs=0.002)
    y = np.zeros(2_000)
    y[:3] = 1.0
    (few,) = check_calibration(y, np.full(2_000, 0.002), one, group, np.zeros(2_000, dtype=int), ARMS, 0.05)
    assert few.passed
    assert np.isnan(few.figure)
    assert "too few events" in few.sentence


def test_an_arm_fails_calibration_only_beyond_chance_and_all_together_always():
    rng, n = np.random.default_rng(1), 6_000
    codes = rng.integers(0, 10, n)
    p = rng.uniform(0.2, 0.7, n)
    y = (rng.random(n) < p + np.where(codes == 4, 0.25, 0.0)).astype(float)
    names = [(check.name, check.passed) for check in check_calibration(y, p, np.ones(n), np.arange(n), codes, ARMS, 0.05)]
    assert names == [("calibration", True), (f"calibration of {ARMS.names[4]}", False)]
    worse = check_calibration(y, np.clip(p - 0.2, 0.01, 1), np.ones(n), np.arange(n), codes, ARMS, 0.05)
    assert not worse[0].passed


def test_where_few_respond_the_limit_is_a_share_of_the_few():
    rng, n = np.random.default_rng(2), 20_000
    codes = rng.integers(0, 10, n)
    y = (rng.random(n) < 0.02).astype(float)
    right, thrice = (check_calibration(y, np.full(n, p), np.ones(n), np.arange(n), codes, ARMS, 0.05)[0] for p in (0.02, 0.06))
    assert right.passed
    assert not thrice.passed
    assert thrice.limit == pytest.approx(0.05 * 4 * 0.02 * 0.98, rel=0.1)
    # A fifth of a rare response is chance where few were seen, and no ground to refuse.
    some = slice(0, 500)
    few = check_calibration(y[some], np.full(500, 0.025), np.ones(500), np.arange(500), codes[some], ARMS, 0.05)
    assert few[0].passed


@pytest.mark.parametrize(("rate", "borrowers"), [(0.03, 2_000), (0.4, 100)])
def test_an_arm_of_a_calibrated_model_fails_as_seldom_as_promised(rate, borrowers):
    # Few events in a fifth, and many decisions of a borrower who differs from the others for good, are no faults of the model.
    rng, n, failed = np.random.default_rng(3), 2_000, 0
    for _ in range(150):
        groups = rng.integers(0, borrowers, n)
        own = rng.beta(4 * rate, 4 * (1 - rate), borrowers) if borrowers < n else np.full(borrowers, rate)
        y, codes = (rng.random(n) < own[groups]).astype(float), rng.integers(0, 10, n)
        p = np.clip(rng.normal(rate, 1e-4, n), 0.01, 0.99)
        failed += any(not one.passed for one in check_calibration(y, p, np.ones(n), groups, codes, ARMS, 0.05)[1:])
    assert failed / 150 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)


def test_a_refusal_closes_the_gate_where_it_is_about_everything_or_about_an_arm_that_is_given():
    every, one = Alarm("no overlap", "refuse", "because"), Alarm("thin", "refuse", "because", arms=("call-weekly",))
    warning = Alarm("thin", "warn", "because")
    assert [check.passed for check in check_alarms([every, warning], ["none"])] == [False]
    assert [check.passed for check in check_alarms([one], ["none"])] == [True]
    # What only warned is told, and does not close.
    assert check_alarms([], ["none"])[0].sentence == "no alarm refuses."
    assert check_alarms([warning], ["none"])[0].sentence == f"no alarm refuses. Some warn: {warning.name}."
    assert check_alarms([warning], ["none"])[0].passed
    assert [check.passed for check in check_alarms([one, warning], ["none", "call-weekly"])] == [False]


def test_alarms_go_with_the_model_wherever_it_goes(silent):
    rang = (Alarm("no overlap", "refuse", "because", {"x": 1.0}, ("none",)), Alarm("fine", "ok", "looked"))
    found = alarms_of(silent.with_facts({ALARM_FACT: alarms_to_fact(rang)}))
    assert [(a.name, a.severity, a.reason, a.arms) for a in found] == [("no overlap", "refuse", "because", ("none",))]
    assert alarms_of(silent.with_facts({})) is None


def test_a_model_that_earns_more_on_the_final_fold_passes_every_question(silent, good, trained):
    verdict = hold(trial_of(good, silent), trained.settings, LAX)
    assert verdict.passed, verdict.reasons
    assert verdict.reasons == ()
    assert set(checks_of(verdict)) == {RULE, NONE, "harm", "calibration", "support", "alarms"}
    assert verdict.confidence == pytest.approx(0.975)


@pytest.mark.parametrize(
    ("name", "settings", "facts"),
    [
        ("harm", {"harm_limit": 0.001}, {}),
        ("calibration", {"calibration_limit": 0.01}, {}),
        ("alarms", {}, {ALARM_FACT: None}),
        ("alarm: no overlap", {}, {ALARM_FACT: alarms_to_fact([Alarm("no overlap", "refuse", "a rule decided")])}),
    ],
)
def test_each_question_closes_the_gate_by_itself_with_its_reason(name, settings, facts, silent, good, trained):
    kept = {key: text for key, text in {**silent.facts, **facts}.items() if text is not None}
    verdict = hold(trial_of(good, silent.with_facts(kept)), trained.settings, LAX.model_copy(update=settings))
    failed = [check for check in verdict.checks if not check.passed]
    assert name in {check.name for check in failed}
    assert all(check.name.startswith(name) for check in failed)
    assert verdict.reasons == tuple(check.sentence for check in failed)


def test_without_comparable_data_for_its_arms_the_gate_stays_closed(silent, good, trained, monkeypatch):
    monkeypatch.setattr(type(silent.response), "support_by_arm", lambda self, X: np.zeros((len(X), 10), dtype=bool))
    verdict = hold(trial_of(good, silent), trained.settings, LAX.model_copy(update={"least_supported": 0.8}))
    assert not checks_of(verdict)["support"].passed


def test_a_model_that_earns_nothing_does_not_pass(silent, trained):
    rows = trained.run.test.rows
    luck = np.random.default_rng(3).random(len(rows)) < 0.4
    flat = replace(trained.run.test, rows=rows.assign(repaid=luck.astype(float), recoverable=100.0))
    verdict = hold(trial_of(flat, silent), trained.settings, LAX)
    assert {RULE, NONE} & {check.name for check in verdict.checks if not check.passed}
    assert any("the lower bound must be above 0" in reason for reason in verdict.reasons)


def test_a_champion_is_a_rival_and_no_contact_is_none_any_more(silent, good, trained):
    verdict = hold(trial_of(good, silent, champion=silent), trained.settings, LAX)
    found = checks_of(verdict)
    assert {"gain over champion", RULE} <= set(found)
    assert NONE not in found
    # Against itself a model gains nothing, and nothing is not more than nothing.
    assert (found["gain over champion"].figure, found["gain over champion"].passed) == (0.0, False)


def test_each_further_attempt_asks_for_more_and_the_same_candidate_keeps_its_place(silent, good, trained):
    own = candidate_of(silent.version, trained.settings.version)
    first = hold(trial_of(good, silent), trained.settings, LAX, [own, "b", "c"])
    fourth = hold(trial_of(good, silent), trained.settings, LAX, ["a", "b", "c"])
    again = hold(trial_of(good, silent), trained.settings, LAX, ["a", "b", "c", own, "d"])
    assert (first.attempt, fourth.attempt, again.attempt) == (1, 4, 4)
    # Under other settings the model decides differently: it is looked at anew.
    other = trained.settings.model_copy(update={"dose_margin_share": 0.2})
    assert hold(trial_of(good, silent), other, LAX, [own, "b"]).attempt == 3
    assert fourth.confidence == pytest.approx(1 - 0.05 / 20)
    assert checks_of(fourth)[RULE].figure < checks_of(first)[RULE].figure
    pd.testing.assert_frame_equal(again.table, fourth.table)


def test_what_cannot_be_held_against_each_other_is_refused_with_every_fault(trained, silent):
    flat = replace(silent, harm=None)
    longer = replace(silent, horizon_days=30)
    with Book.from_arrow(trained.world.tables) as book, pytest.raises(InvalidInput) as error:
        open_trial(book, flat, longer, trained.settings, GateSettings(rule="sms-hourly"))
    assert [fault.where for fault in error.value.faults] == ["challenger", "champion's horizon", "gate.rule"]


# Hidden: the sham gain is more than twenty points. Flat: nothing is to be gained. No overlap: a rule decided.
@pytest.mark.parametrize(
    ("world", "reason"),
    [
        ("hidden", "alarm, placebo outcomes"),
        ("flat", "the lower bound must be above 0"),
        ("no-overlap", "alarm, no overlap"),
    ],
)
def test_nothing_is_promoted_in_a_world_with_a_trap(world, reason, tmp_path):
    settings, tracker = PolicySettings(), FakeTracker()
    with Book.from_arrow(simulate(world, borrowers=600, days=300, seed=7).tables) as book:
        run = train_book(book, ARMS, settings, tmp_path / "model", FEW_TREES)
        tracker.add(tmp_path / "model", "m")
        # However small the sum that is asked for, and whatever else the settings forgive.
        promotion = promote(book, Candidates.load(tracker, "m"), tracker, settings, LAX)
    assert not promotion.verdict.passed
    assert any(reason in told for told in promotion.verdict.reasons)
    assert promotion.after.champion is None
    assert run.final_fold == promotion.verdict.fold
