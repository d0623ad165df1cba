"""How wrong the level is said to be, against how wrong it is."""

from dataclasses import replace

import numpy as np
from lighttouch.training.model import level_noise
from lighttouch.training.model.boosting import Boosting, Sample, draw_halves, fit_halves
from lighttouch.training.model.learn_effects import out_of_half
from lighttouch.training.model.level_noise import LEAST_INFLATION, ROUGHNESS, inflation
from scipy.special import expit

BOOSTING = Boosting(rounds=200, rate=0.1, leaves=7, pairs=1)


def learnt(n, seed):
    """Return a sample, its halves, the true log odds and those that the halves learn."""
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n, 6))
    truth = 0.8 * Z[:, 0] + 0.6 * np.sin(2 * Z[:, 1]) + 0.4 * Z[:, 2] * Z[:, 3]
    sample = Sample(Z, (rng.random(n) < expit(truth)).astype(float), [])
    halves = draw_halves(np.zeros(n, dtype=int), np.arange(n), 1, rng)
    boosters = fit_halves(sample, halves, BOOSTING, 1, seed)
    return sample, halves, truth, boosters, out_of_half(boosters, halves, Z, 1)[1]


def errors(seed):
    """Return the level's mean squared error for new borrowers: as it is, as stated, and as the halves' disagreement has it."""
    sample, halves, _, boosters, rough = learnt(6_000, seed)
    fresh, _, truth, _, _ = learnt(6_000, seed + 1_000)
    left, right = (booster.predict(fresh.inputs, raw_score=True) for booster in boosters)
    apart = float(np.mean((left - right) ** 2)) / 4
    actual = float(np.mean(((left + right) / 2 - truth) ** 2))
    return actual, apart * inflation(sample, halves, rough, BOOSTING, 1, seed), apart


def test_the_stated_error_is_the_true_one_and_the_disagreement_alone_is_not():
    actual, stated, apart = np.mean([errors(seed) for seed in range(6)], axis=0)
    # This truth is as smooth as a fit of it: it needs no allowance for roughness.
    assert 0.7 < stated / ROUGHNESS / actual < 1.4
    assert apart / actual < 0.5


def test_a_part_of_many_rows_tells_the_ratio(monkeypatch):
    ratios = []
    for seed in range(3, 9):
        sample, halves, _, _, rough = learnt(12_000, seed)
        own = sample.binned(BOOSTING, 1, seed), halves, rough, BOOSTING, 1, seed
        whole = inflation(*own)
        with monkeypatch.context() as patch:
            patch.setattr(level_noise, "MOST_ROWS", 6_000)
            ratios.append((whole, inflation(*own)))
    whole, part = np.mean(ratios, axis=0)
    assert part != whole
    # One draw of so few rows tells it to a third; at 200,000 rows the two are within 5%.
    assert 0.8 * whole < part < 1.25 * whole


def test_a_part_keeps_the_rows_with_their_weights():
    sample, _, _, _, _ = learnt(1_000, 5)
    weighted = Sample(sample.inputs, sample.target, [], np.arange(1_000.0))
    part = weighted.only(np.array([4, 7]))
    assert part.weight.tolist() == [4.0, 7.0]
    assert np.array_equal(part.inputs, sample.inputs[[4, 7]])
    assert part.target.tolist() == sample.target[[4, 7]].tolist()
    assert part.bins is None


def test_a_part_of_binned_rows_is_learnt_from_as_if_it_stood_alone():
    sample, halves, _, _, _ = learnt(1_000, 5)
    # Inputs that the bins of all rows tell apart as well as those of a part.
    coarse = replace(sample, inputs=sample.inputs.round(1), weight=np.random.default_rng(0).uniform(0.5, 1.5, 1_000))
    kept = np.flatnonzero(np.arange(1_000) % 3 > 0)
    alone, part = coarse.only(kept), coarse.binned(BOOSTING, 1, 0).only(kept)
    assert part.bins is not None
    found, wanted = (fit_halves(one, halves[:, kept], BOOSTING, 1, 0) for one in (part, alone))
    for mine, own in zip(found, wanted, strict=True):
        assert np.allclose(mine.predict(coarse.inputs), own.predict(coarse.inputs))


def test_where_no_outcome_can_be_drawn_nothing_is_inflated():
    sample, halves, _, _, _ = learnt(1_000, 6)
    assert inflation(sample, halves, np.full(1_000, -40.0), BOOSTING, 1, 6) == LEAST_INFLATION
