"""What the model says of small worlds with a known truth."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-every-3-days", sms=7 / 3), Arm("call-weekly", call=1)])
QUICK = Boosting(rounds=250, rate=0.1, leaves=7, pairs=2)


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def world(n, seed=0):
    """Hard cases get more contact; texts help the forgetful, calls the others; too many texts annoy some."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=["ability", "forgetful", "annoyed", "a", "b", "c"])
    base = -0.5 + 1.2 * X["ability"]
    effect = np.column_stack(
        [
            np.zeros(n),
            0.3 + 0.7 * X["forgetful"],
            0.4 + 0.9 * X["forgetful"] - 0.8 * (X["annoyed"] > 0),
            0.5 - 0.7 * X["forgetful"],
        ]
    )
    truth = sigmoid(base.to_numpy()[:, None] + effect)
    pull = -X["ability"].to_numpy()[:, None] * np.array([0.0, 0.4, 0.8, 1.2])
    e = np.exp(pull)
    e = 0.9 * e / e.sum(axis=1, keepdims=True) + 0.025
    codes = (e.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    y = (rng.random(n) < truth[np.arange(n), codes]).astype(int)
    return X, y, np.array(ARMS.names)[codes], e, truth


@pytest.fixture(scope="module")
def learnt():
    X, y, arm, e, truth = world(8_000)
    model = ResponseModel(ARMS, boosting=QUICK, propensity_boosting=QUICK, n_threads=1)
    return model.fit(X, y, arm=arm), (X, y, arm, e, truth), world(4_000, seed=1)


def test_confounding_is_removed_where_the_naive_comparison_has_the_wrong_sign(learnt):
    model, (_, y, arm, _, _), (X, *_, truth) = learnt
    naive = y[arm == "call-weekly"].mean() - y[arm == "none"].mean()
    true = (truth[:, 3] - truth[:, 0]).mean()
    estimate = model.contrast_by_arm(X, "none")[0][:, 3].mean()
    assert naive < -0.1 < 0 < true
    assert estimate == pytest.approx(true, abs=0.04)


def test_the_learnt_choice_catches_much_of_what_the_best_arm_for_everyone_leaves(learnt):
    model, _, (X, *_, truth) = learnt
    best, oracle = truth.mean(axis=0).max(), truth.max(axis=1).mean()
    got = truth[np.arange(len(X)), model.predict_by_arm(X).argmax(axis=1)].mean()
    assert (got - best) / (oracle - best) > 0.5


def test_every_arm_is_calibrated_for_everyone_and_not_for_its_recipients_alone(learnt):
    model, _, (X, *_, truth) = learnt
    P = model.predict_by_arm(X)
    assert np.abs((P - truth).mean(axis=0)).max() < 0.03
    for k in range(4):
        for fifth in np.array_split(np.argsort(P[:, k]), 5):
            assert P[fifth, k].mean() == pytest.approx(truth[fifth, k].mean(), abs=0.06)


def test_a_dose_curve_may_turn_back_for_some_and_not_for_others(learnt):
    model, _, _ = learnt
    calm, annoyed = (
        pd.DataFrame({"ability": [0.0], "forgetful": 1.0, "annoyed": v, "a": 0.0, "b": 0.0, "c": 0.0}) for v in (-1, 1)
    )
    _, once, thrice, _ = model.predict_by_arm(annoyed)[0]
    assert thrice < once
    _, once, thrice, _ = model.predict_by_arm(calm)[0]
    assert thrice > once


def test_intervals_hold_most_truths_and_contrasts_are_tighter_than_two_separate_intervals(learnt):
    model, _, (X, *_, truth) = learnt
    low, high = model.interval_by_arm(X, 0.9)
    assert ((low <= truth) & (truth <= high)).mean() > 0.8
    _, gap_low, gap_high = model.contrast_by_arm(X, "none", 0.9)
    gap = truth - truth[:, [0]]
    assert ((gap_low <= gap) & (gap <= gap_high))[:, 1:].mean() > 0.8
    apart = np.hypot(high - low, (high - low)[:, [0]])
    assert ((gap_high - gap_low) < apart)[:, 1:].mean() > 0.9


def test_more_data_gives_narrower_intervals(learnt):
    X, y, arm, *_ = world(1_500, seed=5)
    small = ResponseModel(ARMS, boosting=QUICK, propensity_boosting=QUICK, n_threads=1).fit(X, y, arm=arm)
    new = world(500, seed=6)[0]
    wide, narrow = (np.subtract(*m.interval_by_arm(new)[::-1]).mean() for m in (small, learnt[0]))
    assert narrow < 0.75 * wide


def test_an_arm_that_a_rule_withholds_from_some_has_no_support_for_them():
    X, y, arm, *_ = world(4_000, seed=2)
    arm = np.where((arm == "call-weekly") & (X["ability"] > 0), "none", arm)
    model = ResponseModel(ARMS, boosting=QUICK, propensity_boosting=QUICK, n_threads=1).fit(X, y, arm=arm)
    support = model.support_by_arm(X)
    able = X["ability"].to_numpy() > 0.3
    assert support[able, 3].mean() < 0.05
    assert support[X["ability"].to_numpy() < -0.3, 3].mean() > 0.95
    assert support[:, 0].mean() > 0.9


def test_a_known_randomisation_supports_every_arm_for_everyone():
    X, y, _, _, truth = world(2_000, seed=3)
    codes = np.random.default_rng(0).integers(0, 4, 2_000)
    y = (np.random.default_rng(1).random(2_000) < truth[np.arange(2_000), codes]).astype(int)
    model = ResponseModel(ARMS, boosting=QUICK, n_threads=1).fit(X, y, arm=np.array(ARMS.names)[codes], propensity=0.25)
    assert model.support_by_arm(X).all()
    assert model.propensity_by_arm(X) is None
    assert model.propensity_out_of_fold is None


def test_out_of_fold_scores_do_not_flatter_themselves():
    """Trees deep enough to learn noise by heart score it no better than chance out of fold."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(2_000, 5)), columns=list("abcde"))
    y, arm = rng.integers(0, 2, 2_000), np.array(ARMS.names)[rng.integers(0, 4, 2_000)]
    deep = Boosting(rounds=50, rate=0.3, leaves=63, min_leaf=2, pairs=2)
    model = ResponseModel(ARMS, boosting=deep, n_threads=1).fit(X, y, arm=arm, propensity=0.25)
    assert all(0.42 < value < 0.58 for value in model.diagnostics.auc.values())
    codes = ARMS.encode(arm)
    p = model.out_of_fold[np.arange(2_000), codes]
    assert abs(np.corrcoef(p, y)[0, 1]) < 0.08


def test_arms_of_equal_dose_or_of_no_known_dose_are_told_apart_by_their_identity():
    rng = np.random.default_rng(0)
    letters = ArmCatalogue.from_names(["none", "plain letter", "kind letter"], baseline="none")
    codes = rng.integers(0, 3, 3_000)
    y = (rng.random(3_000) < np.array([0.2, 0.4, 0.6])[codes]).astype(int)
    X = pd.DataFrame({"x": rng.normal(size=3_000)})
    model = ResponseModel(letters, boosting=QUICK, n_threads=1).fit(X, y, arm=np.array(letters.names)[codes], propensity=1 / 3)
    assert model.predict_by_arm(X).mean(axis=0) == pytest.approx([0.2, 0.4, 0.6], abs=0.03)


def test_weights_move_the_fit_towards_the_rows_that_weigh_more():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": np.repeat([0.0, 0.0], 1_000)})
    y = np.repeat([0, 1], 1_000)
    arm = np.array(ARMS.names)[rng.integers(0, 4, 2_000)]
    model = ResponseModel(ARMS, boosting=QUICK, n_threads=1)
    model.fit(X, y, arm=arm, propensity=0.25, sample_weight=np.repeat([1.0, 3.0], 1_000))
    assert model.predict_by_arm(X).mean() == pytest.approx(0.75, abs=0.03)
