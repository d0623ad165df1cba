"""How large effects are, decided by the data: the prior's sizes of highest marginal likelihood."""

import numpy as np
from scipy.optimize import minimize

from .arm_kernel import ArmKernel
from .effects import FOLDS, EffectRows, Effects, Moments, Sizes, moments, posterior
from .inputs import Floats, Ints

# Where the sizes are looked for before data, as log variances of log odds: an average effect of 0.1, and as much from all
# covariates together; the standard deviation spans decades. Looked for lower, intervals of contrasts would be too narrow.
LEVEL_CENTRE, SLOPE_CENTRE, CENTRE_SD = np.log(0.01), np.log(0.01), 3.0
BOUNDS = (-25.0, 2.0)
MOST_STEPS = 40
# Log odds by which a row may move in one Newton step: from a constant offset a rare outcome would overshoot.
MOST_MOVE = 1.5
# Log odds by which no row moves any more: done.
LEAST_MOVE = 1e-3


def fit_effects(rows: EffectRows, kernel: ArmKernel, threads: int, steps: int = 1) -> tuple[Effects, tuple[Effects, ...]]:
    """Fit the effects on all rows, and for each fold on the rows outside it.

    Parameters
    ----------
    rows : EffectRows
    kernel : ArmKernel
    threads : int
    steps : int
        Newton steps at most; one is enough where the offset is near the truth.

    Returns
    -------
    effects : Effects
    by_fold : tuple of Effects, length FOLDS
        Without the fold's rows; the sizes, a dozen numbers, are those of all rows.
    """
    p = rows.F.shape[1]
    fitted = np.zeros(len(rows.y))
    summed, effects = _step(rows, fitted, kernel, threads, None)
    for _ in range(steps - 1):
        wanted = effects.level(rows.F) + (rows.surprise * effects.logits(rows.F)[:, 1:]).sum(axis=1)
        if np.abs(wanted - fitted).max() < LEAST_MOVE:
            break
        fitted = fitted + np.clip(wanted - fitted, -MOST_MOVE, MOST_MOVE)
        summed, effects = _step(rows, fitted, kernel, threads, effects.sizes)
    sizes = effects.sizes
    return effects, tuple(_without(fold, summed, kernel, sizes, p) for fold in range(FOLDS))


def _step(rows: EffectRows, fitted: Floats, kernel: ArmKernel, threads: int, start: Sizes | None) -> tuple[Moments, Effects]:
    p = rows.F.shape[1]
    summed = _tempered(moments(rows, fitted, threads), rows)
    sizes = best_sizes(summed, kernel, p, start)
    mean, covariance, _ = posterior(summed.square.sum(axis=0), summed.cross.sum(axis=0), kernel, sizes, p)
    return summed, Effects(mean.reshape(-1, p), covariance, sizes)


def best_sizes(summed: Moments, kernel: ArmKernel, p: int, start: Sizes | None = None) -> Sizes:
    """Return the sizes of highest posterior density given the rows' moments."""
    parts = len(kernel.names)
    centre = np.concatenate([np.full(parts, LEVEL_CENTRE), np.full(parts + 1, SLOPE_CENTRE - np.log(p))])
    first = centre if start is None else np.concatenate([start.level, start.slope, [start.main]])
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    found = minimize(
        lambda x: _loss(x, square, cross, kernel, p, centre),
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=[BOUNDS] * len(first),
        options={"maxiter": MOST_STEPS, "ftol": 1e-7},
    )
    return _sizes(found.x, parts)


def _sizes(x: Floats, parts: int) -> Sizes:
    return Sizes(x[:parts].copy(), x[parts : 2 * parts].copy(), float(x[-1]))


def _loss(x: Floats, square: Floats, cross: Floats, kernel: ArmKernel, p: int, centre: Floats) -> tuple[float, Floats]:
    """Return the negative log evidence, the pull to the centre included, and its gradient."""
    parts, K = len(kernel.names), kernel.parts.shape[1] + 1
    sizes = _sizes(x, parts)
    mean, covariance, logdet = posterior(square, cross, kernel, sizes, p)
    B, at = mean.reshape(K, p), np.arange(K * p).reshape(K, p)
    level, slope = kernel.covariance(sizes.level), kernel.covariance(sizes.slope)
    prior = np.linalg.slogdet(level)[1] + (p - 1) * np.linalg.slogdet(slope)[1] + (p - 1) * sizes.main
    gap = (x - centre) / CENTRE_SD
    value = 0.5 * float(cross @ mean) - 0.5 * logdet - 0.5 * prior - 0.5 * float(gap @ gap)
    # E[b b'] under the posterior against the prior's covariance: where it is larger, the prior is too small.
    second = [covariance[np.ix_(at[1:, j], at[1:, j])] + np.outer(B[1:, j], B[1:, j]) for j in range(p)]
    gradient = np.empty_like(x)
    gradient[:parts] = _pull(second[0], 1, level, sizes.level, kernel)
    gradient[parts : 2 * parts] = _pull(np.sum(second[1:], axis=0), p - 1, slope, sizes.slope, kernel)
    spread = float((np.diag(covariance)[at[0, 1:]] + B[0, 1:] ** 2).sum())
    gradient[-1] = 0.5 * (spread * np.exp(-sizes.main) - (p - 1))
    return -value, -(gradient - gap / CENTRE_SD)


def _pull(second: Floats, count: int, prior: Floats, logs: Floats, kernel: ArmKernel) -> Floats:
    inverse = np.linalg.inv(prior)
    excess = inverse @ (second - count * prior) @ inverse
    pull: Floats = 0.5 * np.exp(logs) * np.einsum("ckl,kl->c", kernel.parts, excess)
    return pull


def _without(fold: int, summed: Moments, kernel: ArmKernel, sizes: Sizes, p: int) -> Effects:
    keep = np.arange(FOLDS) != fold
    mean, covariance, _ = posterior(summed.square[keep].sum(axis=0), summed.cross[keep].sum(axis=0), kernel, sizes, p)
    return Effects(mean.reshape(-1, p), covariance, sizes)


def _tempered(summed: Moments, rows: EffectRows) -> Moments:
    """Scale the rows' say by the excess of their squared residuals over a binomial's, from weights and groups."""
    share = 1.0 / (1.0 + np.exp(-rows.offset))
    chi = rows.weight**2 * (rows.y - share) ** 2 / np.maximum(share * (1.0 - share), min(1e-3, rows.least))
    excess = max(1.0, float(chi.mean()) / float(rows.weight.mean()))
    if rows.groups is not None:
        excess *= design_effect(rows.surprise * (rows.weight * (rows.y - share))[:, None], rows.groups)
    return Moments(summed.square / excess, summed.cross / excess)


def design_effect(scores: Floats, groups: Ints) -> float:
    """Return by how much rows of a group, together, vary more than as many rows of their own; at least 1.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
        What each row says on m questions.
    groups : ndarray of shape (n,)
        A number per group, from 0.

    Examples
    --------
    >>> design_effect(np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([0, 0, 1, 1]))
    2.0
    """
    alone = (scores**2).sum(axis=0)
    told = alone > 0
    if not told.any():
        return 1.0
    together = [float((np.bincount(groups, weights=column) ** 2).sum()) for column in scores[:, told].T]
    return max(1.0, float(np.mean(together / alone[told])))
