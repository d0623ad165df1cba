"""How sure effects are: variances of log odds by arm, and of differences of two arms, row by row."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..inputs import Floats
from .blas import one_blas_thread
from .effects import Effects

# Rows are multiplied in multiples of this many: then a row's sum is the same bits alone as in a batch.
ROW_BLOCK = 64


@dataclass(frozen=True)
class Spread:
    """Covariances, arranged for scoring.

    Parameters
    ----------
    arms : ndarray of shape (K, p, p)
        Of an arm's log odds, the level and the logged policy's mean effect included.
    level : ndarray of shape (p, p)
        Of the level alone.
    blocks : ndarray of shape (K, K, p, p)
        Between the effects of two arms against the baseline; zero for the baseline itself.
    """

    arms: Floats
    level: Floats
    blocks: Floats

    @classmethod
    def of(cls, effects: Effects, shares: Floats) -> Self:
        """Arrange the covariance of effects.

        Parameters
        ----------
        shares : ndarray of shape (K,)
            Mean propensities: with these weights the arms' effects are contained in the level.
        """
        K, p = effects.mean.shape
        blocks = effects.covariance.reshape(K, p, K, p).transpose(0, 2, 1, 3)
        gradient = np.eye(K) - np.asarray(shares)[None, :]
        gradient[:, 0] = 1.0  # the level's own block stands first, where the baseline has none
        arms = np.einsum("ki,kj,ijpq->kpq", gradient, gradient, blocks, optimize=True)
        own = blocks.copy()
        own[0] = own[:, 0] = 0.0
        return cls(arms, blocks[0, 0].copy(), own)

    def by_arm(self, F: Floats) -> Floats:
        """Return the variance of each arm's log odds, of shape (n, K)."""
        return variance_by_arm(F, self.arms)

    def contrast(self, F: Floats, pull: Floats, reference: int) -> Floats:
        """Return the variance of P(arm) - P(reference), of shape (n, K), as far as it comes from level and effects.

        Parameters
        ----------
        F : ndarray of shape (n, p)
        pull : ndarray of shape (n, K)
            Derivative of each arm's probability by its raw log odds.
        reference : int
        """
        K = len(self.arms)
        other = pull[:, reference]
        fixed = other**2 * quadratic(F, self.blocks[reference, reference], F)
        level = quadratic(F, self.level, F)
        total = np.empty_like(pull)
        for k in range(K):
            own = pull[:, k] ** 2 * quadratic(F, self.blocks[k, k], F)
            joint = pull[:, k] * other * quadratic(F, self.blocks[k, reference], F)
            total[:, k] = own + fixed - 2.0 * joint + (pull[:, k] - other) ** 2 * level
        return np.maximum(total, 0.0)


def variance_by_arm(F: Floats, covariances: Floats) -> Floats:
    """Return the variance of each arm's log odds, of shape (n, K), from covariances of shape (K, p, p)."""
    return np.column_stack([quadratic(F, own, F) for own in covariances])


def quadratic(left: Floats, matrix: Floats, right: Floats) -> Floats:
    """Return left_i' M right_i for each row, of shape (n,); the same bits whatever the batch."""
    if not matrix.any():
        return np.zeros(len(left))
    padded = np.zeros((-(-len(left) // ROW_BLOCK) * ROW_BLOCK, left.shape[1]))
    padded[: len(left)] = left
    with one_blas_thread():
        moved = (padded @ matrix)[: len(left)]
    result: Floats = np.einsum("np,np->n", moved, right)
    return result
