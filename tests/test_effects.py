"""Effects of arms: the algebra against brute force, and what is learnt against known truth."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.training.model.arm_kernel import ArmKernel
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.model.effects import FOLDS, EffectRows, Effects, Sizes, moments, posterior
from lighttouch.training.model.evidence import Belief, _loss
from lighttouch.training.model.fit_effects import fit_effects
from lighttouch.training.model.spread import Spread, quadratic
from lighttouch.training.response import ResponseModel
from scipy.special import expit, logit, logsumexp

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-daily", sms=7), Arm("call-weekly", call=1)])
K, P = 4, 3
KERNEL = ArmKernel.of(ARMS)
SIZES = Sizes(np.linspace(-4.0, -2.0, 5), np.linspace(-5.0, -3.0, 5), -3.5)


def drawn_rows(n, seed, effect=0.0):
    rng = np.random.default_rng(seed)
    F = np.column_stack([np.ones(n), rng.standard_normal((n, P - 1))])
    odds = np.tile([0.4, 0.3, 0.2, 0.1], (n, 1))
    code = (odds.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1)
    level = 0.3 + F[:, 1]
    tau = np.column_stack([np.zeros(n), effect * (1 + F[:, 1]), effect * F[:, 2], np.zeros(n)])
    y = (rng.random(n) < expit(level + tau[np.arange(n), code])).astype(float)
    offset = logit((odds * expit(level[:, None] + tau)).sum(axis=1))
    surprise = np.eye(K)[code] - odds
    return EffectRows(F, surprise[:, 1:], offset, y, np.ones(n), np.arange(n) % FOLDS), tau


def design(rows):
    arms = np.column_stack([np.ones(len(rows.y)), rows.surprise])
    return (arms[:, :, None] * rows.F[:, None, :]).reshape(len(rows.y), -1)


def prior_covariance(sizes):
    """Written out entry by entry, apart from the package's way through inverses."""
    total = np.zeros((K * P, K * P))
    for k in range(K):
        for other in range(K):
            for j in range(P):
                if k == 0 and other == 0:
                    total[j, j] = 1e4 if j == 0 else np.exp(sizes.main)
                elif k > 0 and other > 0:
                    logs = sizes.level if j == 0 else sizes.slope
                    total[k * P + j, other * P + j] = KERNEL.covariance(logs)[k - 1, other - 1]
    return total


def test_the_posterior_is_that_of_a_weighted_ridge_written_out():
    rows, _ = drawn_rows(400, 0, 0.5)
    summed = moments(rows, np.zeros(400), threads=2)
    mean, covariance, _ = posterior(summed.square.sum(axis=0), summed.cross.sum(axis=0), KERNEL, SIZES, P)
    p = expit(rows.offset)
    A, w = design(rows), p * (1 - p)
    wanted = np.linalg.inv((A * w[:, None]).T @ A + np.linalg.inv(prior_covariance(SIZES)))
    assert covariance == pytest.approx(wanted, rel=1e-3, abs=1e-6)
    assert mean == pytest.approx(wanted @ (A.T @ (rows.y - p)), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("differ", [True, False])
@pytest.mark.parametrize("logs", list(product((-25.0, 2.0), repeat=5)))
def test_with_nothing_seen_the_posterior_is_the_prior_at_every_corner_of_what_is_searched(logs, differ):
    kernel, p = ArmKernel.of(default_arms()), 2
    K = len(default_arms())
    sizes = Sizes(np.array(logs), np.array(logs[::-1]), 2.0)
    _, covariance, _ = posterior(np.zeros((K * p, K * p)), np.zeros(K * p), kernel, sizes, p, differ=differ)
    level, slope = kernel.covariance(sizes.level), kernel.covariance(sizes.slope)
    assert np.allclose(covariance[p::p, p::p], level, rtol=1e-4, atol=1e-4 * level.max())
    wanted = slope if differ else np.zeros_like(slope)
    assert np.allclose(covariance[p + 1 :: p, p + 1 :: p], wanted, rtol=1e-4, atol=1e-4 * slope.max())


def test_no_bit_depends_on_threads():
    rows, _ = drawn_rows(9_000, 1)
    one, two = (moments(rows, np.zeros(9_000), threads) for threads in (1, 2))
    assert np.array_equal(one.square, two.square)
    assert np.array_equal(one.cross, two.cross)


@pytest.mark.parametrize("differ", [True, False])
def test_the_gradient_of_the_evidence_is_that_of_small_steps(differ):
    rows, _ = drawn_rows(2_000, 2, 0.5)
    summed = moments(rows, np.zeros(2_000), threads=1)
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    x = np.concatenate([SIZES.level, SIZES.slope, [SIZES.main]])
    centre = np.full(len(x), -4.0)
    _, gradient = _loss(x, square, cross, KERNEL, P, centre, differ=differ)
    for i in range(len(x)):
        step = np.zeros(len(x))
        step[i] = 1e-4
        up, down = (_loss(x + sign * step, square, cross, KERNEL, P, centre, differ=differ)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / 2e-4, rel=1e-3, abs=1e-4)


def test_where_arms_change_nothing_effects_shrink_towards_nothing():
    shrunk, free = [], []
    for seed in range(3, 9):
        rows, _ = drawn_rows(20_000, seed, 0.0)
        effects, _ = fit_effects(rows, KERNEL, threads=1)
        summed = moments(rows, np.zeros(20_000), threads=1)
        wide = Sizes(np.full(5, 3.0), np.full(5, 3.0), 3.0)
        mean, covariance, _ = posterior(summed.square.sum(axis=0), summed.cross.sum(axis=0), KERNEL, wide, P)
        shrunk.append(np.square(effects.logits(rows.F)).mean())
        free.append(np.square(Effects(mean.reshape(-1, P), covariance, wide).logits(rows.F)).mean())
    assert np.mean(shrunk) < 0.4 * np.mean(free)


def test_effects_that_differ_by_person_are_found_and_their_errors_are_as_large_as_stated():
    errors, stated = [], []
    for seed in range(20, 32):
        rows, tau = drawn_rows(6_000, seed, 0.4)
        effects, _ = fit_effects(rows, KERNEL, threads=1)
        some = slice(0, 300)
        spread = Spread.of(effects, np.zeros(K))
        found = effects.logits(rows.F[some])
        for k in (1, 2, 3):
            variance = quadratic(rows.F[some], spread.blocks[k, k], rows.F[some])
            errors.append((found[:, k] - tau[some, k]) / np.sqrt(variance))
            stated.append(np.corrcoef(found[:, k], tau[some, k])[0, 1] if k < 3 else 1.0)
    assert np.mean(stated) > 0.9
    assert 0.75 < np.sqrt(np.mean(np.square(errors))) < 1.25


def integrated_evidence(square, cross, draws, seed, differ):
    """The log density of the outcomes, averaged over sizes drawn from what is believed of them before data."""
    logs = np.log(0.01) + 3.0 * np.random.default_rng(seed).standard_normal((draws, 11))
    logs[:, 5:] -= np.log(P)
    heights = np.empty(draws)
    for at, (level, slope, main) in enumerate(zip(logs[:, :5], logs[:, 5:10], logs[:, 10], strict=True)):
        prior = prior_covariance(Sizes(level, slope, main))
        if not differ:
            slopes = np.concatenate([np.arange(k * P + 1, (k + 1) * P) for k in range(1, K)])
            prior[slopes] = prior[:, slopes] = 0.0
        both = np.eye(K * P) + square @ prior
        heights[at] = 0.5 * cross @ prior @ np.linalg.solve(both, cross) - 0.5 * np.linalg.slogdet(both)[1]
    return logsumexp(heights) - np.log(draws)


@pytest.mark.parametrize(("seed", "effect"), [(50, 0.0), (53, 0.15), (51, 0.35)])
def test_the_odds_of_whether_borrowers_differ_are_near_the_ratio_of_two_integrals(seed, effect):
    rows, _ = drawn_rows(1_500, seed, effect)
    summed = moments(rows, np.zeros(1_500), threads=1)
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    differ, alike = (integrated_evidence(square, cross, 4_000, 7, differ=answer) for answer in (True, False))
    # Where there is little to find; where there is much, the wide belief about sizes costs the integral more.
    assert logit(Belief.learn(square, cross, KERNEL, P).differ) == pytest.approx(differ - alike, abs=0.3)


def test_effects_are_the_mean_over_both_answers_and_no_surer_than_their_mixture():
    rows, _ = drawn_rows(3_000, 53, 0.3)
    summed = moments(rows, np.zeros(3_000), threads=1)
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    belief = replace(Belief.learn(square, cross, KERNEL, P), differ=0.3)
    effects = belief.effects(square, cross, KERNEL, P)
    rng = np.random.default_rng(0)
    slopes = np.concatenate([np.arange(k * P + 1, (k + 1) * P) for k in range(1, K)])
    differ = rng.multivariate_normal(*posterior(square, cross, KERNEL, belief.sizes, P)[:2], size=60_000)
    alike = rng.multivariate_normal(*posterior(square, cross, KERNEL, belief.alike, P, differ=False)[:2], size=140_000)
    assert np.abs(alike[:, slopes]).max() < 1e-6
    draws = np.vstack([differ, alike])
    assert effects.mean.ravel() == pytest.approx(draws.mean(axis=0), abs=0.005)
    spare = np.linalg.eigvalsh(effects.covariance - np.cov(draws.T))
    assert spare.min() > -0.02 * np.diag(effects.covariance).max()
    assert (np.diag(effects.covariance)[slopes] > 1.2 * draws.var(axis=0)[slopes]).all()
    assert effects.differ == 0.3


def test_where_borrowers_surely_differ_nothing_is_averaged():
    rows, _ = drawn_rows(3_000, 53, 0.3)
    summed = moments(rows, np.zeros(3_000), threads=1)
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    belief = replace(Belief.learn(square, cross, KERNEL, P), differ=1.0)
    mean, covariance, _ = posterior(square, cross, KERNEL, belief.sizes, P)
    effects = belief.effects(square, cross, KERNEL, P)
    assert np.array_equal(effects.mean.ravel(), mean)
    assert np.array_equal(effects.covariance, covariance)


def test_whether_borrowers_differ_is_told_by_the_data():
    alike, differing = [], []
    for seed in range(60, 66):
        rng = np.random.default_rng(seed)
        rows, _ = drawn_rows(8_000, seed, 0.0)
        # Contact helps everyone by the same.
        p = expit(rows.offset + rows.surprise.sum(axis=1) * 0.4)
        same = replace(rows, y=(rng.random(8_000) < p).astype(float))
        alike.append(fit_effects(same, KERNEL, threads=1)[0].differ)
        differing.append(fit_effects(drawn_rows(8_000, seed, 0.4)[0], KERNEL, threads=1)[0].differ)
    assert np.mean(alike) < 0.5
    assert min(differing) > 0.95


def test_rows_of_a_fold_do_not_decide_their_own_effects():
    rows, _ = drawn_rows(3_000, 4, 0.5)
    kept = replace(rows, weight=np.where(rows.fold == 2, 1e-12, 1.0))
    sums = [moments(given, np.zeros(3_000), threads=1) for given in (rows, kept)]
    (square, cross), (rest, rest_cross) = ((one.square.sum(axis=0), one.cross.sum(axis=0)) for one in sums)
    _, by_fold = fit_effects(rows, KERNEL, threads=1)
    wanted = Belief.learn(square, cross, KERNEL, P).effects(rest, rest_cross, KERNEL, P)
    assert by_fold[2].mean == pytest.approx(wanted.mean, rel=1e-2, abs=1e-3)
    assert np.abs(by_fold[2].mean - by_fold[1].mean).max() > 1e-2


def test_a_confounded_log_is_read_right_where_averages_have_the_wrong_sign():
    rng = np.random.default_rng(5)
    n = 12_000
    hard = rng.standard_normal(n)
    shares = np.column_stack([expit(-1.5 * hard), expit(1.5 * hard)])
    odds = shares / shares.sum(axis=1, keepdims=True)
    arms = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1)])
    code = (rng.random(n) < odds[:, 1]).astype(int)
    truth = np.column_stack([expit(0.2 - 1.2 * hard), expit(0.5 - 1.2 * hard)])
    y = (rng.random(n) < truth[np.arange(n), code]).astype(float)
    X = pd.DataFrame({"hard": hard, "idle": rng.standard_normal(n)})
    names = np.array(arms.names, dtype=object)[code]
    model = ResponseModel(arms, boosting=Boosting(rounds=150, rate=0.1, leaves=7)).fit(X, y, arm=names, propensity=odds)
    assert y[code == 1].mean() - y[code == 0].mean() < -0.1
    gap, low, high = model.contrast_by_arm(X, "none")
    wanted = truth[:, 1] - truth[:, 0]
    assert gap[:, 1].mean() == pytest.approx(wanted.mean(), abs=0.03)
    assert ((low[:, 1] <= wanted) & (wanted <= high[:, 1])).mean() > 0.8


def test_the_variance_of_an_arm_counts_what_it_shares_with_the_level():
    rng = np.random.default_rng(6)
    root = rng.standard_normal((K * P, K * P))
    effects = Effects(rng.standard_normal((K, P)), root @ root.T, SIZES)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    f = rng.standard_normal(P)
    for k in range(K):
        weights = np.concatenate([[1.0], np.eye(K)[k][1:] - shares[1:]])
        long = (weights[:, None] * f[None, :]).ravel()
        assert Spread.of(effects, shares).by_arm(f[None, :])[0, k] == pytest.approx(long @ effects.covariance @ long)
