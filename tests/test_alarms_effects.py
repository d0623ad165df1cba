"""Is predicted uplift held against what happened, and is a gain's weakness to a confounder measured right?"""

import numpy as np
import pandas as pd
import pytest
from alarm_cases import fitted, tanf
from lighttouch.data.arms import ArmCatalogue
from lighttouch.training.alarms.confounder_strength import confounder_strength
from lighttouch.training.alarms.effect_calibration import (
    calibrated_effects,
    comparable,
    effect_calibration,
    greedy,
    reference_arm,
)
from lighttouch.training.alarms.ring import AlarmOptions, LoggedRows, training_alarms
from lighttouch.training.alarms.sensitivity import SensitivityData, gain_alarm, sensitivity
from lighttouch.training.evaluation import policy_value
from scipy.optimize import linprog
from scipy.special import expit

ARMS = ArmCatalogue.from_names(["none", "sms", "call"], baseline="none")


def log(seed=0, n=6_000):
    """Return rows, propensities and the true response: a text helps some, a call harms them."""
    rng = np.random.default_rng(seed)
    x, person = rng.normal(size=n), np.arange(n) // 2
    truth = np.clip(0.4 + 0.05 * np.tanh(x)[:, None] + 0.12 * np.column_stack([np.zeros(n), np.tanh(2 * x), -x]), 0.05, 0.95)
    score = np.column_stack([np.zeros(n), 0.5 * x, -0.5 * x])
    e = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    code = (rng.random(n)[:, None] > e.cumsum(axis=1)).sum(axis=1)
    y = (rng.random(n) < truth[np.arange(n), code]).astype(int)
    names = np.array(ARMS.names, dtype=object)
    return LoggedRows.of(pd.DataFrame({"x": x}), y, arm=names[code], arms=ARMS, propensity=e, groups=person), e, truth


def stretched(truth, e, factor, noise=0.0):
    """Return predictions whose differences between arms are `factor` times the true ones, with noise added."""
    mean = (e * truth).sum(axis=1, keepdims=True)
    wobble = noise * np.random.default_rng(9).normal(size=truth.shape)
    return np.clip(mean + factor * (truth - mean) + wobble, 0.01, 0.99)


def test_parts_that_would_be_too_small_are_fewer():
    rows, e, truth = log(n=160)
    found = effect_calibration(rows, e, truth, greedy(rows, e, truth), np.zeros(len(rows), dtype=np.int64))
    differ = int((greedy(rows, e, truth) != 0).sum())
    assert 50 <= differ < 250
    assert len(found.table) == differ // 50
    assert found.table["rows"].sum() == differ


@pytest.mark.parametrize(("factor", "noise", "slope", "verdict"), [
    (1.0, 0.0, 1.0, "matches"), (3.0, 0.0, 1 / 3, "overstated"), (0.4, 0.0, 2.5, "understated"), (0.0, 0.1, 0.0, "overstated"),
])  # fmt: skip
def test_the_slope_is_the_factor_by_which_differences_are_overstated(factor, noise, slope, verdict):
    rows, e, truth = log()
    predicted = stretched(truth, e, factor, noise)
    found = effect_calibration(rows, e, predicted, greedy(rows, e, predicted), np.zeros(len(rows), dtype=np.int64))
    assert found.slope_low < slope < found.slope_high
    assert found.slope_high - found.slope_low < 0.6 / max(factor, 0.3)
    assert found.verdict == verdict
    alarm = calibrated_effects(rows, e, predicted)
    assert alarm.severity == ("warn" if verdict == "overstated" else "ok")
    if verdict == "overstated" and found.predicted > found.high:
        assert f"found less: {found.predicted:+.2%} claimed" in alarm.reason


def test_every_fifth_covers_the_true_uplift_as_often_as_stated():
    hits = []
    for seed in range(40):
        rows, e, truth = log(seed, n=1_500)
        none = np.zeros(len(rows), dtype=np.int64)
        predicted = stretched(truth, e, 2.0)
        policy = predicted.argmax(axis=1)
        found = effect_calibration(rows, e, predicted, policy, none, confidence=0.9)
        gain, at = truth[np.arange(len(rows)), policy] - truth[:, 0], policy != none
        claimed = (predicted[np.arange(len(rows)), policy] - predicted[:, 0])[at]
        real = [gain[at][part].mean() for part in np.array_split(np.argsort(claimed, kind="stable"), 5)]
        hits += ((found.table["low"] < real) & (real < found.table["high"])).tolist()
        assert found.table["predicted"].is_monotonic_increasing
        assert found.table["rows"].sum() == at.sum()
    assert 0.84 < np.mean(hits) < 0.96


def test_the_best_of_noise_promises_and_does_not_keep():
    rows, e, truth = log()
    alarm = calibrated_effects(rows, e, stretched(truth, e, 0.0, noise=0.1))
    assert alarm.severity == "warn"
    assert alarm.figures["predicted uplift"] > alarm.figures["observed high"]
    assert "slope -0.0" in alarm.reason or "slope 0.0" in alarm.reason


def test_a_model_that_claims_nothing_has_nothing_to_show():
    rows, e, _ = log(n=600)
    alarm = calibrated_effects(rows, e, np.full(e.shape, 0.4))
    assert (alarm.severity, alarm.figures["verdict"]) == ("ok", "no claim")


def test_uplift_over_an_arm_that_could_not_be_given_is_not_called_seen():
    # Half of the book could not be left alone; there the model makes up what no contact would do.
    rng, n = np.random.default_rng(0), 6_000
    shut = rng.random(n) < 0.5
    e = np.where(shut[:, None], [0.0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3])
    code = (rng.random(n)[:, None] > e.cumsum(axis=1)).sum(axis=1)
    y, names = (rng.random(n) < 0.4).astype(int), np.array(ARMS.names, dtype=object)
    rows = LoggedRows.of(pd.DataFrame({"shut": shut * 1}), y, arm=names[code], arms=ARMS, propensity=e)
    predicted = np.full((n, 3), 0.4) + rng.normal(0, 0.003, (n, 3))
    predicted[shut, 0] = 0.2
    alarm = calibrated_effects(rows, e, predicted)
    assert alarm.figures["observed low"] < 0 < alarm.figures["observed high"]
    assert alarm.figures["predicted uplift"] < 0.02
    assert alarm.figures["rows left out"] == pytest.approx(shut.mean())
    assert "50% of the rows are left out: 'none' could not have been given there." in alarm.reason
    assert (greedy(rows, e, predicted)[shut] == 0).all()
    # A holdout of one in a hundred is small, but was drawn.
    few = np.where(rng.random(n) < 0.01, 0, rng.integers(1, 3, n))
    held = LoggedRows.of(rows.X, y, arm=names[few], arms=ARMS, propensity={"none": 0.01, "sms": 0.495, "call": 0.495})
    assert comparable(held, np.tile([0.01, 0.495, 0.495], (n, 1))).all()


def test_uplift_is_counted_from_the_commonest_arm_where_the_baseline_is_rare():
    rows, _, _ = log(n=600)
    assert reference_arm(rows) == 0
    counts = np.bincount(rows.codes)
    assert reference_arm(rows, least=counts[0] + 1) == counts.argmax()


def against_none(rows, e, truth, policy, **more):
    K = e.shape[1]
    return SensitivityData(
        policy=np.eye(K)[policy], versus=np.tile(np.eye(K)[0], (len(rows), 1)), codes=rows.codes, y=rows.y,
        taken=e[np.arange(len(rows)), rows.codes], response=truth, groups=rows.groups, **more,
    )  # fmt: skip


def test_without_a_confounder_the_bound_is_the_doubly_robust_gain():
    rows, e, truth = log()
    policy = truth.argmax(axis=1)
    found = sensitivity(against_none(rows, e, truth, policy), confidence=0.975)
    names = np.array(ARMS.names)
    value = policy_value(
        names[policy], arm=names[rows.codes], reward=rows.y, propensity=e, arms=ARMS, outcome=truth,
        versus=np.full(len(rows), "none"), groups=rows.groups,
    )  # fmt: skip
    assert found.gain == pytest.approx(value.estimate, abs=1e-12)
    assert found.low == pytest.approx(value.low, abs=1e-9)
    assert found.curve["least_gain"].is_monotonic_decreasing
    assert 1 < found.zero_low < found.zero < 3


@pytest.mark.parametrize("factor", [1.3, 2.0, 4.0])
def test_the_bound_is_the_linear_programs_optimum(factor):
    """The worst weights of an insider, by linear programming over who was given the arm: no formula of ours."""
    n, share = 4_000, 0.3
    paid, given = int(0.55 * share * n), int(share * n)
    y = np.r_[np.ones(paid), np.zeros(given - paid)]
    # Odds of not being given the arm may differ by the factor; everybody is somewhere.
    odds = (1 - share) / share
    best = linprog(y, A_eq=np.ones((1, given)), b_eq=[given * odds], bounds=(odds / factor, odds * factor)).fun
    least = (paid + best) / n
    codes = np.r_[np.ones(given, dtype=np.int64), np.zeros(n - given, dtype=np.int64)]
    data = SensitivityData(
        policy=np.tile([0.0, 1.0], (n, 1)), versus=np.zeros((n, 2)), codes=codes, y=np.r_[y, np.zeros(n - given)],
        taken=np.where(codes == 1, share, 1 - share), response=np.tile([0.5, paid / given], (n, 1)), groups=np.arange(n),
    )  # fmt: skip
    from lighttouch.training.alarms import sensitivity as module

    assert module._least_gain(data, factor, 0.95)[0] == pytest.approx(least, abs=1e-9)


def test_a_sham_gain_of_a_hidden_insider_is_gone_at_the_insiders_own_strength():
    """Nobody gains; an insider gives the arm to those who will pay. The bound at their factor must not claim a gain."""
    rng = np.random.default_rng(3)
    n, factor = 40_000, 2.5
    insider = rng.random(n) < 0.5
    y = (rng.random(n) < np.where(insider, 0.6, 0.2)).astype(float)
    # Even odds over all, and for either kind within the factor of even odds.
    given = rng.random(n) < np.where(insider, factor / (1 + factor), 1 / (1 + factor))
    data = SensitivityData(
        policy=np.tile([0.0, 1.0], (n, 1)), versus=np.tile([1.0, 0.0], (n, 1)), codes=given.astype(np.int64), y=y,
        taken=np.full(n, 0.5), response=np.tile([y[~given].mean(), y[given].mean()], (n, 1)), groups=np.arange(n),
    )  # fmt: skip
    found = sensitivity(data)
    assert found.low > 0.1
    assert 1 < found.zero_low < found.zero < factor


def test_money_scales_the_gain_and_a_cost_takes_its_part():
    rows, e, truth = log()
    policy = truth.argmax(axis=1)
    plain = sensitivity(against_none(rows, e, truth, policy))
    ten = sensitivity(against_none(rows, e, truth, policy, worth=np.full(len(rows), 10.0)))
    assert ten.gain == pytest.approx(10 * plain.gain)
    assert ten.zero == pytest.approx(plain.zero)
    cost = np.tile([0.0, 0.01, 0.01], (len(rows), 1))
    dear = sensitivity(against_none(rows, e, truth, policy, cost=cost))
    assert dear.gain == pytest.approx(plain.gain - 0.01 * (policy > 0).mean())
    assert dear.zero < plain.zero


def test_a_covariate_that_decides_more_has_the_larger_factor_and_a_draw_has_none():
    rng = np.random.default_rng(0)
    n = 4_000
    strong, weak = rng.normal(size=n), rng.normal(size=n)
    X = pd.DataFrame({"strong": strong, "its_twin": strong**3, "weak": weak, "idle": rng.normal(size=n)})
    given = rng.random(n) < expit(1.0 * strong + 0.4 * weak)
    arms = ArmCatalogue.from_names(["none", "sms"], baseline="none")
    rows = LoggedRows.of(X, np.arange(n) % 2, arm=np.where(given, "sms", "none"), arms=arms)
    table = confounder_strength(rows).set_index("covariate")
    named = next(name for name in table.index if name in {"strong", "its_twin"})
    # What says the same goes with it: else the twin would stand in, and the factor would be 1.
    assert table.loc[named, "left_out"] == 2
    assert table.loc[named, "lambda"] > table.loc["weak", "lambda"] + 0.3
    # Left out together, or alone: what is left are the arms' shares.
    for columns in (["strong"], ["strong", "its_twin"]):
        alone = LoggedRows.of(X[columns], np.arange(n) % 2, arm=np.where(given, "sms", "none"), arms=arms)
        assert confounder_strength(alone)["lambda"].tolist() == pytest.approx([table.loc[named, "lambda"]], rel=0.15)
    chance = LoggedRows.of(X, np.arange(n) % 2, arm=np.where(rng.random(n) < 0.5, "sms", "none"), arms=arms)
    assert (confounder_strength(chance)["lambda"] < 1.2).all()


def test_an_estimated_log_whose_gain_a_known_covariate_could_take_warns_and_a_stated_one_does_not():
    rows, e, truth = log()
    found = sensitivity(against_none(rows, e, truth, truth.argmax(axis=1)))
    benchmark = pd.DataFrame({"covariate": ["x"], "left_out": [1], "lambda": [found.zero_low + 0.1]})
    said = {"what": "the model's choices over 'none'"}
    assert gain_alarm(found, benchmark, stated=False, **said).severity == "warn"
    assert gain_alarm(found, benchmark, stated=True, **said).severity == "ok"
    weaker = benchmark.assign(**{"lambda": found.zero_low - 0.1})
    assert gain_alarm(found, weaker, stated=False, **said).severity == "ok"
    assert "the strongest known one" in gain_alarm(found, weaker, stated=False, **said).reason


def test_the_letters_gain_is_sure_and_its_uplift_is_as_predicted():
    model, rows = tanf()
    alarms = {alarm.name: alarm for alarm in training_alarms(model, rows, AlarmOptions())}
    assert not [name for name, alarm in alarms.items() if alarm.rings]
    # Published: any letter +5.4 points (standard error 1.8).
    calibration, gain = alarms["effect calibration"].figures, alarms["sensitivity"].figures
    assert calibration["observed low"] < 0.054 < calibration["observed high"]
    assert 1 < gain["lambda of the sure gain"] < gain["lambda"] < 1.5


def test_alarms_refuse_rows_that_are_not_the_fits():
    rng = np.random.default_rng(0)
    X, y = pd.DataFrame({"x": rng.normal(size=600)}), rng.integers(0, 2, 600)
    model, rows = fitted(X, y, rng.choice(["none", "sms"], 600), "none")
    fewer = LoggedRows.of(X[:500], y[:500], arm=np.array(["none", "sms"])[rows.codes[:500]], arms=rows.arms)
    with pytest.raises(ValueError, match="Pass the fit's rows"):
        training_alarms(model, fewer)
