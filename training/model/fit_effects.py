"""Effects fitted to logged rows: Newton's steps, rows of a group counted together, and once more without each fold."""

import numpy as np

from ..inputs import Floats, Ints
from .arm_kernel import ArmKernel
from .effects import FOLDS, EffectRows, Effects, Moments, Sizes, moments
from .evidence import Belief

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
        Without the fold's rows; the prior, a dozen numbers, is that of all rows.
    """
    p = rows.F.shape[1]
    fitted = np.zeros(len(rows.y))
    summed, belief, effects = _step(rows, fitted, kernel, threads, None)
    for _ in range(steps - 1):
        wanted = effects.level(rows.F) + (rows.surprise * effects.logits(rows.F)[:, 1:]).sum(axis=1)
        if np.abs(wanted - fitted).max() < LEAST_MOVE:
            break
        fitted = fitted + np.clip(wanted - fitted, -MOST_MOVE, MOST_MOVE)
        summed, belief, effects = _step(rows, fitted, kernel, threads, effects.sizes)
    rest = (np.arange(FOLDS) != fold for fold in range(FOLDS))
    return effects, tuple(
        belief.effects(summed.square[keep].sum(axis=0), summed.cross[keep].sum(axis=0), kernel, p) for keep in rest
    )


def _step(
    rows: EffectRows, fitted: Floats, kernel: ArmKernel, threads: int, start: Sizes | None
) -> tuple[Moments, Belief, Effects]:
    p = rows.F.shape[1]
    summed = _tempered(moments(rows, fitted, threads), rows)
    square, cross = summed.square.sum(axis=0), summed.cross.sum(axis=0)
    belief = Belief.learn(square, cross, kernel, p, start)
    return summed, belief, belief.effects(square, cross, kernel, p)


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
    if int(groups.max()) + 1 == len(groups):
        return 1.0  # Every row is a group of its own.
    alone = (scores**2).sum(axis=0)
    told = alone > 0
    if not told.any():
        return 1.0
    together = [float((np.bincount(groups, weights=column) ** 2).sum()) for column in scores[:, told].T]
    return max(1.0, float(np.mean(together / alone[told])))
