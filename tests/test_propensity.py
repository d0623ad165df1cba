"""Propensities are read in every form, estimated out of fold, and never clipped."""

import numpy as np
import pytest
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.model.propensity import PropensityTask, estimate_propensity, read_propensity

NAMES = ["none", "sms", "call"]
CODES = np.array([0, 1, 2, 1])
QUICK = Boosting(rounds=60, rate=0.1, leaves=7, pairs=1)


def read(propensity, codes=CODES):
    faults = []
    return read_propensity(propensity, codes, NAMES, faults), faults


@pytest.mark.parametrize(
    ("form", "taken", "constant"),
    [
        (1 / 3, [1 / 3] * 4, [1 / 3] * 3),
        (0.3333, [0.3333] * 4, [0.3333] * 3),
        ({"none": 0.5, "sms": 0.25, "call": 0.25}, [0.5, 0.25, 0.25, 0.25], [0.5, 0.25, 0.25]),
        ([0.5, 0.2, 0.3, 0.2], [0.5, 0.2, 0.3, 0.2], [0.5, 0.2, 0.3]),
        ([0.5, 0.2, 0.3, 0.4], [0.5, 0.2, 0.3, 0.4], None),
        ([[0.5, 0.2, 0.3]] * 4, [0.5, 0.2, 0.3, 0.2], [0.5, 0.2, 0.3]),
        ([[0.5, 0.2, 0.3]] * 3 + [[0.4, 0.6, 0.0]], [0.5, 0.2, 0.3, 0.6], None),
    ],
)
def test_every_form_is_brought_into_one(form, taken, constant):
    found, faults = read(form)
    assert not faults
    assert found.taken == pytest.approx(taken)
    assert (found.constant is None) == (constant is None)
    if constant is not None:
        assert found.constant == pytest.approx(constant)


@pytest.mark.parametrize("form", [{"none": 0.5, "sms": 0.5}, 0.5])
def test_an_arm_outside_the_log_needs_no_number_and_gets_no_chance(form):
    found, faults = read(form, np.array([0, 1, 1]))
    assert not faults
    assert found.constant[:2].tolist() == [0.5, 0.5]
    assert np.isnan(found.constant[2])


def test_a_part_of_a_log_may_lack_an_arm_that_was_drawn():
    found, faults = read({"none": 0.5, "sms": 0.25, "call": 0.25}, np.array([0, 1, 1]))
    assert not faults
    assert found.constant.tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (0.0, "propensity: expected above 0 and at most 1, found 0 for none, 0 for sms, 0 for call"),
        (np.nan, "found nan for none, nan for sms, nan for call"),
        ({"none": 0.5, "sms": 0.5, "call": np.nan}, "found nan for call. An arm that was taken had a chance"),
        ({"none": 0.5, "sms": 0.5, "call": "half"}, "found values such as 'half'"),
        (0.6, "State them by arm: {arm: number}, or arm=number,arm=number on the command line."),
        ("p", "found 'p'. Pass the column itself"),
        ([0.5, "n/a", 0.3, 0.2], "found values such as 'n/a'"),
        (0.5, "sum to 1, found 1.5 over 3 arms"),
        ({"none": 1.0}, "none for sms, call"),
        ([0.5, 0.0, 0.3, 0.2], "1 rows outside, such as 0"),
        ([0.5, np.nan, 0.3, 0.2], "1 rows outside, such as nan"),
        ([[0.5, 0.2, 0.2]] * 4, "sum to something else, such as 0.9"),
        ([[0.5, np.nan, 0.5]] * 4, "sum to something else"),
        ([0.5, 0.5], "found shape (2,)"),
    ],
)
def test_a_wrong_form_is_a_fault(form, words):
    found, faults = read(form)
    assert found is None
    assert words in str(faults[0])


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (1.5, "found 1.5 for none"),
        ({"none": 0.5, "sms": 0.2, "fax": 0.3}, ""),
        ({"none": 0.5, "sms": 0.0, "fax": 0.3}, "found 0 for sms"),
        ([0.5, 1.5, 0.3, 0.2], "1 rows outside, such as 1.5"),
        ([[0.5, 0.2, 0.2]] * 4, "sum to something else, such as 0.9"),
        ([[1.0, 0.0, 0.0]] * 4, "1 rows outside, such as 0"),
        ([[0.5, 0.5, 0.0]] * 4, ""),
    ],
)
def test_beside_an_arm_that_is_not_known_what_can_be_seen_is_told(form, words):
    found, faults = read(form, np.array([0, 1, -1, 0]))
    assert found is None
    assert words in str(faults[0]) if words else not faults


def confounded(n=6_000, seed=0):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 5))
    logits = np.column_stack([np.zeros(n), 1.2 * Z[:, 0], -1.0 * Z[:, 1] - 1.0])
    e = np.exp(logits)
    e /= e.sum(axis=1, keepdims=True)
    return Z, (e.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), e


def test_estimates_come_near_the_truth_out_of_fold_and_for_new_borrowers():
    Z, codes, e = confounded()
    found, scorer = estimate_propensity(PropensityTask(Z, [], codes, 3, np.arange(len(Z))), QUICK, 1, 0)
    new, _, truth = confounded(seed=9)
    for estimate, true in ((found, e), (scorer.score(new, 1), truth)):
        assert estimate.sum(axis=1) == pytest.approx(1)
        assert (estimate > 0).all()
        error = np.sqrt(((estimate - true) ** 2).mean())
        assert error < 0.06
        assert error < 0.4 * np.sqrt(((true.mean(axis=0) - true) ** 2).mean())


def test_estimates_of_a_randomised_log_are_its_shares():
    Z, _, _ = confounded()
    codes = np.random.default_rng(1).integers(0, 3, len(Z))
    found, _ = estimate_propensity(PropensityTask(Z, [], codes, 3, np.arange(len(Z))), QUICK, 1, 0)
    assert np.abs(found - 1 / 3).max() < 0.06


def test_a_group_is_never_scored_by_a_booster_that_saw_it():
    """The arm is drawn by group: were groups split, the column that names them would give it away."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(200), 20)
    codes = rng.integers(0, 2, 200)[group]
    deep = Boosting(rounds=60, rate=0.3, leaves=63, min_leaf=3, pairs=1)
    split, kept = (
        estimate_propensity(PropensityTask(group[:, None].astype(float), [], codes, 2, groups), deep, 1, 0)[0]
        for groups in (np.arange(4_000), group)
    )
    rows = np.arange(4_000)
    assert split[rows, codes].mean() > 0.8
    assert kept[rows, codes].mean() < 0.65


def test_an_arm_that_a_rule_withholds_has_a_propensity_near_zero_and_is_not_clipped():
    Z, codes, e = confounded()
    codes = np.where((codes == 2) & (Z[:, 2] > 0), 0, codes)
    found, _ = estimate_propensity(PropensityTask(Z, [], codes, 3, np.arange(len(Z))), QUICK, 1, 0)
    assert found[Z[:, 2] > 0.2, 2].mean() < 0.01
    given = Z[:, 2] < -0.2
    assert found[given, 2].mean() == pytest.approx(e[given, 2].mean(), abs=0.02)
