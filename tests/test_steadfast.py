"""The best constant arm is left where the data carry it, and kept where picking the best of many would flatter."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.evaluation.steadfast import NARROW, doubt
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from scipy.special import expit

ARMS = ArmCatalogue([Arm("none"), *(Arm(f"sms-{k}", sms=k) for k in (1, 2, 3)), *(Arm(f"call-{k}", call=k) for k in (1, 2, 3))])
BEST = "sms-2"
QUICK = Boosting(rounds=60, rate=0.1, leaves=7, pairs=1)


def learnt(effect, seed, n=6_000):
    """Everyone is best served by two texts but for a half whom calls serve by as much as stated."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.standard_normal((n, 6)), columns=list("abcdef"))
    code = rng.integers(len(ARMS), size=n)
    gain = np.tile([0.0, 0.1, 0.3, 0.2, 0.1, 0.1, 0.1], (n, 1))
    gain[:, 5] += effect * (X["a"] > 0)
    truth = expit(-0.2 + 0.5 * X["b"].to_numpy()[:, None] + gain)
    y = (rng.random(n) < truth[np.arange(n), code]).astype(float)
    model = ResponseModel(ARMS, random_state=seed, boosting=QUICK)
    return model.fit(X, y, arm=np.array(ARMS.names, dtype=object)[code], propensity=1 / len(ARMS)), X, truth


def chosen(model, X, steadfast):
    predicted = model.predict_by_arm(X)
    off = doubt(model, X, np.ones(predicted.shape, dtype=bool), BEST if steadfast else None)
    return (predicted - off).argmax(axis=1)


def test_what_is_taken_off_is_an_eighth_of_a_standard_error_and_nothing_off_the_best_constant_arm():
    model, X, _ = learnt(0.8, 0)
    off = doubt(model, X, np.ones((len(X), len(ARMS)), dtype=bool), BEST)
    gap, low, _ = model.contrast_by_arm(X, BEST, 0.9)
    assert (off[:, ARMS.index(BEST)] == 0).all()
    assert (np.delete(off, ARMS.index(BEST), axis=1) > 0).all()
    assert off == pytest.approx((gap - low) * 0.125 / 1.8, rel=0.12, abs=1e-12)
    assert NARROW < 0.5


def test_with_nothing_to_tell_persons_apart_it_is_left_less_often_and_at_less_cost():
    cost = {True: [], False: []}
    left = {True: [], False: []}
    for seed in range(8):
        model, X, truth = learnt(0.0, seed)
        for steadfast, paid in cost.items():
            code = chosen(model, X, steadfast)
            paid.append((truth[:, ARMS.index(BEST)] - truth[np.arange(len(X)), code]).mean())
            left[steadfast].append((code != ARMS.index(BEST)).mean())
    assert np.mean(left[True]) < np.mean(left[False])
    assert np.mean(cost[True]) < np.mean(cost[False])


def test_where_persons_differ_it_is_left_for_those_who_gain():
    model, X, truth = learnt(1.5, 1)
    code = chosen(model, X, steadfast=True)
    called = code == ARMS.index("call-2")
    assert called[X["a"] > 0.5].mean() > 0.9
    assert called[X["a"] < -0.5].mean() < 0.4
    assert truth[np.arange(len(X)), code].mean() > truth[:, ARMS.index(BEST)].mean() + 0.05


def test_nothing_is_taken_off_where_the_best_constant_arm_cannot_be_given():
    model, X, _ = learnt(0.5, 2)
    rated = np.ones((len(X), len(ARMS)), dtype=bool)
    rated[::2, ARMS.index(BEST)] = False
    off = doubt(model, X, rated, BEST)
    assert (off[::2] == 0).all()
    assert (off[1::2].max(axis=1) > 0).all()
    assert (doubt(model, X, rated, None) == 0).all()
    assert (doubt(model, X, rated, "an arm of another catalogue") == 0).all()
