"""Harm: one curve over intensity, weighted for who got what, with a one-sided bound; and what it says when events are few."""

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.training.harm import MINIMUM_EVENTS, HarmModel
from scipy.special import expit

ARMS = ArmCatalogue([Arm("none"), Arm("sms", sms=1), Arm("sms-2", sms=2), Arm("sms-4", sms=4)])
TRUE_INTERCEPT, TRUE_SLOPE = -5.0, 0.5


def randomised(n, seed, slope=TRUE_SLOPE):
    rng = np.random.default_rng(seed)
    intensity = rng.choice(ARMS.intensity, n)
    harm = (rng.random(n) < expit(TRUE_INTERCEPT + slope * intensity)).astype(float)
    return harm, intensity, np.full(n, 4.0)


def confounded(n, seed):
    """Touchy people get the lighter arms; averages by arm make heavy contact look kind."""
    rng = np.random.default_rng(seed)
    touchy = rng.random(n) < 0.5
    light = np.where(touchy, 0.4, 0.1)
    chances = np.column_stack([light, light, 0.5 - light, 0.5 - light])
    code = (rng.random(n)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    intensity = ARMS.intensity[code]
    odds = expit(TRUE_INTERCEPT + np.where(touchy, 1.5, -1.5) + TRUE_SLOPE * intensity)
    harm = (rng.random(n) < odds).astype(float)
    marginal = np.array([expit(TRUE_INTERCEPT + shift + TRUE_SLOPE * ARMS.intensity) for shift in (1.5, -1.5)]).mean(axis=0)
    return harm, intensity, 1 / chances[np.arange(n), code], marginal


def test_a_known_curve_is_recovered():
    model = HarmModel.fit(*randomised(60_000, seed=1))
    assert model.supported
    assert abs(model.slope - TRUE_SLOPE) < 3 * model.slope_se
    assert abs(model.intercept - TRUE_INTERCEPT) < 3 * model.intercept_se
    assert model.slope_se < 0.1
    predicted = model.predict_by_arm(ARMS, 2)
    assert predicted.shape == (2, 4)
    assert predicted[0] == pytest.approx(expit(TRUE_INTERCEPT + TRUE_SLOPE * ARMS.intensity), rel=0.2)


def test_errors_are_those_that_repetition_shows():
    fits = [HarmModel.fit(*randomised(8_000, seed)) for seed in range(30)]
    slopes, intercepts = np.array([[fit.slope, fit.intercept] for fit in fits]).T
    assert np.mean([fit.slope_se for fit in fits]) == pytest.approx(slopes.std(), rel=0.3)
    assert np.mean([fit.intercept_se for fit in fits]) == pytest.approx(intercepts.std(), rel=0.3)
    assert np.mean([fit.correlation for fit in fits]) == pytest.approx(np.corrcoef(slopes, intercepts)[0, 1], abs=0.15)


def test_who_was_given_the_heavy_arms_does_not_decide_what_heaviness_does():
    harm, intensity, weight, marginal = confounded(80_000, seed=2)
    plain = HarmModel.fit(harm, intensity, np.ones(len(harm)))
    model = HarmModel.fit(harm, intensity, weight)
    assert model.predict_by_arm(ARMS, 1)[0] == pytest.approx(marginal, rel=0.25)
    assert model.slope > 0.25
    assert plain.slope < model.slope - 0.2


def test_the_bound_lies_above_the_estimate_and_holds_the_truth_in_nineteen_of_twenty():
    truth = expit(TRUE_INTERCEPT + TRUE_SLOPE * ARMS.intensity)
    held = []
    for seed in range(100, 180):
        model = HarmModel.fit(*randomised(3_000, seed))
        upper, estimate = model.upper_by_arm(ARMS, 1)[0], model.predict_by_arm(ARMS, 1)[0]
        assert (upper > estimate).all()
        held.append(truth <= upper)
    # 80 draws of a chance of 0.95: three standard errors are 0.073.
    share = np.mean(held, axis=0)
    assert (share > 0.875).all()
    assert (share < 1.0).any()


def test_with_few_events_every_arm_has_the_pooled_rate_and_a_bound_above_it():
    harm, intensity, weight = randomised(1_000, seed=3)
    harm[np.flatnonzero(harm)[MINIMUM_EVENTS - 1 :]] = 0.0
    model = HarmModel.fit(harm, intensity, weight)
    assert not model.supported
    assert model.events == harm.sum() < MINIMUM_EVENTS
    predicted, upper = model.predict_by_arm(default_arms(), 3), model.upper_by_arm(default_arms(), 3)
    assert predicted == pytest.approx((model.events + 0.5) / 1_001)
    assert (upper > predicted).all()


def test_without_any_event_harm_is_small_but_not_nothing():
    _, intensity, weight = randomised(2_000, seed=4)
    model = HarmModel.fit(np.zeros(2_000), intensity, weight)
    predicted, upper = model.predict_by_arm(ARMS, 1), model.upper_by_arm(ARMS, 1)
    assert (predicted > 0).all()
    assert (predicted < 0.001).all()
    # Nothing seen in n rows: the rule of three says that 3 / n is the 95% bound.
    assert (upper > 0.5 * 3 / 2_000).all()


def test_where_everyone_got_the_same_intensity_nothing_tells_intensities_apart():
    harm, _, weight = randomised(5_000, seed=5)
    assert harm.sum() > MINIMUM_EVENTS
    model = HarmModel.fit(harm, np.full(5_000, 2.0), weight)
    assert not model.supported
    assert model.predict_by_arm(ARMS, 1) == pytest.approx(harm.mean(), rel=0.05)


def test_a_saved_curve_is_the_same_curve():
    model = HarmModel.fit(*randomised(5_000, seed=6))
    assert HarmModel(**model.to_dict()) == model
