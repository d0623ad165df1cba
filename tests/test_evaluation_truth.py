"""Estimators recover the known truth of a small bandit, at the nominal rate, and the better one is better."""

import numpy as np
import pytest
from lighttouch.training.evaluation import policy_value

ARMS = ["none", "sms", "call"]
REDRAWS = 400


def truth(x):
    return np.column_stack([0.2 + 0.3 * x, 0.5 + 0.0 * x, 0.6 - 0.4 * x])


def chances(x):
    e = np.column_stack([0.15 + 0.5 * x, np.full_like(x, 0.2), 0.65 - 0.5 * x])
    return e / e.sum(axis=1, keepdims=True)


def target(x):
    return np.column_stack([0.5 * x, 0.3 + 0.2 * x, 0.7 - 0.7 * x])


def draw(seed, n=400, per_cluster=1):
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.random(n // per_cluster), per_cluster)
    codes = (chances(x).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    luck = np.repeat(rng.random(n // per_cluster), per_cluster) if per_cluster > 1 else rng.random(n)
    reward = (luck < truth(x)[np.arange(n), codes]).astype(float)
    return x, np.array(ARMS)[codes], reward


GRID = (np.arange(100_000) + 0.5) / 100_000
VALUE = float((target(GRID) * truth(GRID)).sum(axis=1).mean())
GAIN = VALUE - float(truth(GRID)[:, 1].mean())


def estimates(method, outcome=truth, propensity=chances, versus=None, **kwargs):
    found = []
    for seed in range(REDRAWS):
        x, arm, reward = draw(seed, **kwargs)
        groups = np.arange(len(x)) // kwargs.get("per_cluster", 1)
        other = None if versus is None else np.full(len(x), versus)
        found.append(
            policy_value(
                target(x), arm=arm, reward=reward, propensity=propensity(x), arms=ARMS, outcome=outcome(x), versus=other,
                groups=groups, method=method,
            )
        )  # fmt: skip
    return found


def covered(found, value):
    return np.mean([v.low <= value <= v.high for v in found])


@pytest.mark.parametrize("method", ["dr", "ips", "snips"])
def test_nominal_95_percent_intervals_cover_the_truth(method):
    found = estimates(method)
    # 400 redraws: 95% within three binomial standard errors.
    assert 0.917 < covered(found, VALUE) < 0.983
    assert np.mean([v.estimate for v in found]) == pytest.approx(VALUE, abs=0.006)
    assert np.mean([v.se for v in found]) == pytest.approx(np.std([v.estimate for v in found]), rel=0.15)


@pytest.mark.parametrize("method", ["dr", "snips"])
def test_intervals_of_a_difference_cover_the_true_gain(method):
    found = estimates(method, versus="sms")
    assert 0.917 < covered(found, GAIN) < 0.983


def test_clustered_intervals_cover_where_plain_ones_would_not():
    found = estimates("dr", per_cluster=5)
    assert 0.91 < covered(found, VALUE) < 0.985
    spread = np.std([v.estimate for v in found])
    assert np.mean([v.se for v in found]) == pytest.approx(spread, rel=0.15)


def test_doubly_robust_estimates_vary_less_than_weighted_ones():
    dr, ips = (np.std([v.estimate for v in estimates(method)]) for method in ("dr", "ips"))
    assert dr < 0.9 * ips


def test_doubly_robust_is_right_if_either_ingredient_is_and_wrong_if_neither_is():
    def wrong_outcome(x):
        return np.tile([0.9, 0.1, 0.1], (len(x), 1))

    def wrong_chances(x):
        return np.full((len(x), 3), 1 / 3)

    def bias(**wrong):
        return abs(np.mean([v.estimate for v in estimates("dr", **wrong)]) - VALUE)

    assert bias(outcome=wrong_outcome) < 0.01
    assert bias(propensity=wrong_chances) < 0.01
    assert bias(outcome=wrong_outcome, propensity=wrong_chances) > 0.03
    assert abs(np.mean([v.estimate for v in estimates("dm", outcome=wrong_outcome)]) - VALUE) > 0.05
    assert abs(np.mean([v.estimate for v in estimates("ips", propensity=wrong_chances)]) - VALUE) > 0.02
