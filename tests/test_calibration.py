"""The map is monotone, shared by the arms, shrinks where data are few, and holds at low base rates."""

import numpy as np
import pytest
from lighttouch.training.model.artefact import sigmoid
from lighttouch.training.model.calibration import Calibration, fit_calibration


def logged(n, offsets, slope=1.0, intercept=0.0, seed=0, share=None):
    """Draw raw logits, arms, and outcomes whose true logit is slope * raw + intercept + offset of the arm."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1, n)
    codes = rng.choice(len(offsets), n, p=share)
    truth = slope * raw + intercept + np.asarray(offsets)[codes]
    return raw, (rng.random(n) < sigmoid(truth)).astype(float), codes, truth


def fitted(raw, y, codes, K, weight=None):
    return fit_calibration(raw, y, codes, np.ones(len(y)) if weight is None else weight, np.arange(len(y)), K)


def test_a_distorted_score_is_brought_back_to_the_truth():
    raw, y, codes, truth = logged(40_000, [0.0, 0.3, -0.3], slope=0.5, intercept=-1.0)
    calibration = fitted(raw, y, codes, 3)
    mapped = calibration.apply(np.repeat(raw[:, None], 3, axis=1))[np.arange(len(raw)), codes]
    assert np.abs(sigmoid(mapped) - sigmoid(truth)).mean() < 0.01
    assert np.abs(sigmoid(raw) - sigmoid(truth)).mean() > 0.1


def test_two_arms_at_a_base_rate_of_half_a_percent_are_calibrated():
    """The scores are five times too high, as weighted or resampled fits give them."""
    raw, y, codes, _ = logged(100_000, [0.0, 0.4], slope=1.0, intercept=-5.8, seed=1)
    high = raw - 5.8 + np.log(5)
    calibration = fitted(high, y, codes, 2)
    p = sigmoid(calibration.apply(np.repeat(high[:, None], 2, axis=1)))[np.arange(len(y)), codes]
    assert 0.003 < y.mean() < 0.012
    for k in range(2):
        rows = codes == k
        assert p[rows].mean() == pytest.approx(y[rows].mean(), rel=0.05)
        top = rows & (p > np.quantile(p[rows], 0.9))
        assert p[top].mean() == pytest.approx(y[top].mean(), rel=0.25)
        assert sigmoid(high)[rows].mean() > 3 * y[rows].mean()


def test_the_map_increases_and_stays_strictly_inside_its_bounds():
    raw, y, codes, _ = logged(2_000, [0.0, 0.5])
    grid = np.repeat(np.linspace(-800, 800, 4001)[:, None], 2, axis=1)
    for scores in (raw, -raw, np.zeros_like(raw)):
        p = sigmoid(fitted(scores, y, codes, 2).apply(grid))
        assert (np.diff(p, axis=0) >= 0).all()
        assert ((p > 0) & (p < 1)).all()


def test_the_offset_of_a_small_arm_shrinks_and_that_of_a_large_one_does_not():
    raw, y, codes, _ = logged(30_000, [0.6, -0.6, 0.6, -0.6], share=[0.498, 0.498, 0.002, 0.002])
    offsets = fitted(raw, y, codes, 4).offsets
    assert offsets[0] - offsets[1] == pytest.approx(1.2, abs=0.1)
    assert 0 < offsets[2] - offsets[3] < 1.2


def test_no_offset_is_made_of_noise():
    raw, y, codes, _ = logged(20_000, np.zeros(10), seed=4)
    assert np.abs(fitted(raw, y, codes, 10).offsets).max() < 0.03


def test_an_arm_without_rows_keeps_the_shared_map():
    raw, y, codes, _ = logged(5_000, [0.5, 0.5])
    calibration = fitted(raw, y, codes, 3)
    assert calibration.offsets[2] == pytest.approx(0, abs=1e-6)


def test_weights_undo_the_choice_of_recipients():
    """The score misses a trait by which arm 1 was given; weighted, its average is that of everyone."""
    rng = np.random.default_rng(5)
    n = 60_000
    trait = rng.random(n) < 0.5
    e = np.where(trait, 0.85, 0.15)
    codes = (rng.random(n) < e).astype(int)
    truth = sigmoid(np.where(trait, -2.0, 0.0))
    y = (rng.random(n) < truth).astype(float)
    flat = np.full(n, -1.0)
    weight = 0.5 / np.where(codes == 1, e, 1 - e)
    naive, weighted = (sigmoid(fitted(flat, y, codes, 2, w).apply(np.full((1, 2), -1.0)))[0] for w in (np.ones(n), weight))
    assert np.abs(weighted - truth.mean()).max() < 0.01
    assert np.abs(naive - truth.mean()).max() > 0.1


def test_the_stated_variance_is_that_of_repeated_draws():
    point = np.array([[0.5, 0.5]])
    fits = [fitted(*logged(1_500, [0.3, -0.3], seed=s)[:3], 2) for s in range(150)]
    p = np.array([sigmoid(fit.apply(point))[0] for fit in fits])
    stated = np.array([fit.variance(point, np.ones((1, 2)))[0] for fit in fits]).mean(axis=0)
    assert np.array([fit.apply(point)[0] for fit in fits]).var(axis=0) == pytest.approx(stated, rel=0.35)
    slope = p * (1 - p)
    gap = np.array([f.variance(point, s[None], 0)[0, 1] for f, s in zip(fits, slope, strict=True)]).mean()
    assert (p[:, 1] - p[:, 0]).var() == pytest.approx(gap, rel=0.35)


def test_a_contrast_against_itself_has_no_variance():
    fit = fitted(*logged(1_000, [0.3, -0.3])[:3], 2)
    assert fit.variance(np.array([[0.2, 0.7]]), np.array([[0.2, 0.1]]), 1)[0, 1] == pytest.approx(0, abs=1e-12)


def test_saved_values_read_back_the_same_map():
    fit = fitted(*logged(500, [0.0, 0.2])[:3], 2)
    again = Calibration.from_dict(fit.to_dict())
    assert np.array_equal(again.apply(np.eye(2)), fit.apply(np.eye(2)))
