"""Curves of uplift: right by hand, equal to the policy's value at their end, with errors that redraws bear out."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.evaluation import policy_value
from lighttouch.training.evaluation.curves import uplift_curve
from lighttouch.training.evaluation.logged import Log
from lighttouch.training.runs.account import calibration_table, dose_table, support_table
from lighttouch.training.statistics.clusters import clustered_errors

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
TREATED = ["gain", "gain_low", "gain_high"]


def drawn(rng, n, *, repeats=1, effect=0.4):
    """Draw a log in which x tells who is helped: E[y | x, sms] - E[y | x, none] = effect * x, x uniform."""
    people = n // repeats
    x = np.repeat(rng.random(people), repeats)
    mood = np.repeat(rng.normal(0, 0.15 if repeats > 1 else 0, people), repeats)
    propensity = np.tile([0.5, 0.3, 0.2], (n, 1))
    code = rng.choice(3, n, p=propensity[0])
    truth = np.column_stack([np.full(n, 0.3), 0.3 + effect * x, np.full(n, 0.3)]) + mood[:, None]
    reward = (rng.random(n) < truth[np.arange(n), code]).astype(float)
    # Deliberately wrong: doubly robust scores stand on the propensities then.
    outcome = np.full((n, 3), 0.4)
    return x, Log(code, reward, propensity, outcome, ARMS, np.repeat(np.arange(people), repeats))


def curve_of(x, log, uplift=None):
    n = len(x)
    return uplift_curve(log, x if uplift is None else uplift, np.ones(n, dtype=int), np.zeros(n, dtype=int))


def exact(contrast):
    """Return a log without noise whose doubly robust contrasts are the ones given."""
    n = len(contrast)
    outcome = np.column_stack([np.zeros(n), contrast, np.zeros(n)])
    return Log(np.zeros(n, dtype=int), np.zeros(n), np.full((n, 3), 1 / 3), outcome, ARMS, np.arange(n))


def test_gain_and_qini_are_those_computed_by_hand():
    contrast = np.array([1.0, 0.0, 2.0, -1.0])
    curve = curve_of(contrast, exact(contrast), uplift=np.array([3.0, 2.0, 4.0, 1.0]))
    by_share = curve.points.set_index(curve.points["fraction"].round(2))["gain"]
    # Treated in the order 2, 1, 0, -1: 2/4, 3/4, 3/4, 2/4.
    assert by_share.loc[[0.0, 0.25, 0.5, 0.75, 1.0]].tolist() == pytest.approx([0, 0.5, 0.75, 0.75, 0.5])
    # Trapezes between those points, less the triangle under the line to 2/4.
    assert curve.qini == pytest.approx((0.25 + 0.625 + 0.75 + 0.625) / 4 - 0.25)


def test_equal_uplift_is_treated_in_equal_shares_whatever_the_order_of_rows():
    contrast = np.array([1.0, 5.0, 0.0, -2.0, 3.0, 0.0])
    curve = curve_of(contrast, exact(contrast), uplift=np.zeros(6))
    assert curve.points["gain"].to_numpy() == pytest.approx(curve.points["random"].to_numpy())
    assert curve.qini == pytest.approx(0)


def test_the_end_of_the_curve_is_the_value_of_treating_all():
    x, log = drawn(np.random.default_rng(3), 1_500, repeats=3)
    curve = curve_of(x, log)
    names = np.array(ARMS.names, dtype=object)
    given = {"arm": names[log.code], "reward": log.reward, "propensity": log.propensity, "arms": ARMS, "outcome": log.outcome}
    over = policy_value(np.full(1_500, "sms-weekly"), versus=np.full(1_500, "none"), groups=log.groups, **given)
    value = policy_value(np.full(1_500, "sms-weekly"), groups=log.groups, **given)
    none = policy_value(np.full(1_500, "none"), groups=log.groups, **given)
    last, first = curve.points.iloc[-1], curve.points.iloc[0]
    assert last[TREATED].tolist() == pytest.approx([over.estimate, over.low, over.high])
    assert last[["value", "value_low", "value_high"]].tolist() == pytest.approx([value.estimate, value.low, value.high])
    assert first[["value", "value_low", "value_high"]].tolist() == pytest.approx([none.estimate, none.low, none.high])


def test_gain_and_qini_find_the_truth_though_the_outcome_model_is_wrong():
    x, log = drawn(np.random.default_rng(0), 60_000)
    curve = curve_of(x, log)
    # E[0.4 x; x > 1 - q] = 0.4 (q - q^2 / 2); its area less the triangle is 0.4 (1/3 - 1/4).
    q = curve.points["fraction"]
    assert np.abs(curve.points["gain"] - 0.4 * (q - q**2 / 2)).max() < 0.02
    assert curve.qini == pytest.approx(0.4 / 12, abs=3.5 * curve.se)
    assert curve.supported
    assert curve.low > 0


@pytest.mark.parametrize("repeats", [1, 4])
def test_standard_errors_are_the_spread_of_redraws(repeats):
    rng, found = np.random.default_rng(5), []
    for _ in range(400):
        curve = curve_of(*drawn(rng, 800, repeats=repeats))
        middle = curve.points.iloc[8]
        # Clusters are 200 at the least: the interval's reach is close to 1.96 to 1.98 errors.
        found.append((curve.qini, curve.se, middle["gain"], (middle["gain_high"] - middle["gain_low"]) / 3.93))
    qini, qini_se, gain, gain_se = np.array(found).T
    assert qini_se.mean() == pytest.approx(qini.std(), rel=0.12)
    assert gain_se.mean() == pytest.approx(gain.std(), rel=0.12)
    assert np.mean(np.abs(qini - 0.4 / 12) < 1.96 * qini_se) == pytest.approx(0.95, abs=0.035)


def test_rows_of_one_borrower_are_one_observation():
    once = np.random.default_rng(1).normal(size=(50, 2))
    assert clustered_errors(np.repeat(once, 7, axis=0), np.repeat(np.arange(50), 7)) == pytest.approx(
        np.sqrt(50 / 49 * (once**2).sum(axis=0)) / 50
    )


def test_a_curve_whose_arm_the_log_never_gave_is_not_supported():
    x, log = drawn(np.random.default_rng(2), 500)
    never = np.tile([0.7, 0.0, 0.3], (500, 1))
    curve = curve_of(x, Log(np.where(log.code == 1, 0, log.code), log.reward, never, log.outcome, ARMS, log.groups))
    assert not curve.supported
    assert curve.reason


def test_doses_are_valued_among_those_to_whom_the_arm_may_be_given():
    rng = np.random.default_rng(4)
    x, log = drawn(rng, 20_000)
    lawful = np.ones((20_000, 3), dtype=bool)
    lawful[:, 1] = x > 0.5
    # Where a text is not lawful the log gave none.
    keep = lawful[np.arange(20_000), log.code]
    table = dose_table(log.subset(keep), lawful[keep]).set_index("arm")
    assert table["channel"].tolist() == ["none", "sms", "call"]
    assert table.loc["sms-weekly", "decisions"] == (x[keep] > 0.5).sum()
    assert table.loc["none", ["over_none", "over_low", "over_high"]].tolist() == [0, 0, 0]
    # 0.4 * E[x | x > 0.5] = 0.3
    assert table.loc["sms-weekly", "over_low"] < 0.3 < table.loc["sms-weekly", "over_high"]
    assert table.loc["call-weekly", "over_low"] < 0 < table.loc["call-weekly", "over_high"]


def test_calibration_finds_the_arm_that_is_off():
    rng = np.random.default_rng(6)
    n, predicted = 6_000, rng.uniform(0.2, 0.6, (6_000, 3))
    code = rng.choice(3, n)
    truth = predicted + np.array([0.0, 0.15, 0.0])
    reward = (rng.random(n) < truth[np.arange(n), code]).astype(float)
    table = calibration_table(Log(code, reward, np.full((n, 3), 1 / 3), predicted, ARMS, np.arange(n))).set_index("arm")
    assert table["low"].gt(0).tolist() == [False, True, False]
    assert table.loc["sms-weekly", "gap"] == pytest.approx(0.15, abs=0.04)
    assert table["decisions"].sum() == n


def test_the_support_map_counts_by_band_and_arm():
    supported = np.array([[True, True, False], [True, False, False], [True, True, True]])
    found = support_table(pd.DataFrame({"days_past_due_band": [1.0, 1.0, 4.0]}), supported, ARMS)
    assert found["days_past_due"].tolist() == ["1-3", "16-30", "all"]
    assert found["decisions"].tolist() == [2, 1, 3]
    assert found["sms-weekly"].tolist() == [0.5, 1.0, pytest.approx(2 / 3)]
