r"""What each arm changes for each borrower: a hierarchical linear model of effects on log odds, learnt on what is left over.

Estimand: tau_k(x), the difference in log odds of being repaid between arm k and no contact, for a borrower with covariates x.
Assumption: given x, the arm was drawn with the stated (or well estimated) propensities e_k(x).

A first model m(x) says how good a borrower is anyway, whatever was done. Beside it stands

    logit P(y = 1 | x, a) = logit m(x) + f(x)'b_0 + sum_k (1[a = k] - e_k(x)) f(x)'b_k

with f(x) ranks of the covariates and polynomials of the rank of m(x). The arm enters as what chance made of it,
1[a = k] - e_k(x), which is uncorrelated with anything known before: errors of m(x) do not bias b_k, and weak effects are not
drowned by how borrowers differ anyway. The b_k have a prior of mean zero, and covariance between arms from `ArmKernel`: doses
of a channel share strength. How large each part is, is decided by the data through the marginal likelihood; with nothing to
find, every effect shrinks to nothing. The posterior mean is therefore what may be promised of the best of K arms, and its
covariance gives intervals of contrasts.

References
----------
Robinson (1988), Root-n-consistent semiparametric regression, Econometrica 56; Nie, Wager (2021), Quasi-oracle estimation of
heterogeneous treatment effects, Biometrika 108; MacKay (1992), Bayesian interpolation, Neural Computation 4.
"""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, cpu_count, delayed
from scipy.linalg import lapack

from ..inputs import Floats, Ints
from .arm_kernel import ArmKernel
from .blas import one_blas_thread

# Rows multiplied at a time; the sums are added in this order, so that threads change no bit.
CHUNK = 4_096
# Folds by group from which effects are predicted for the rows left out.
FOLDS = 5
# Coefficients of all arms together: their covariance is a square of this side.
MOST_COEFFICIENTS = 1_600
# Where a predicted share is held, unless an outcome is rarer.
LEAST_SHARE = 0.002


@dataclass(frozen=True)
class EffectRows:
    """Logged rows as the effects see them.

    Parameters
    ----------
    F : ndarray of shape (n, p)
        Covariates, a constant first.
    surprise : ndarray of shape (n, K - 1)
        1[a = k] - e_k(x) of the arms other than the baseline.
    offset : ndarray of shape (n,)
        logit m(x), out of fold.
    y : ndarray of shape (n,)
        0 and 1.
    weight : ndarray of shape (n,)
        Of mean 1.
    fold : ndarray of shape (n,)
        0 to FOLDS - 1; rows of a group share one.
    groups : ndarray of shape (n,), optional
        A number per group, from 0: rows that share one are not independent.
    least : float
        A predicted share nearer to 0 or 1 than this says less than its binomial variance claims.
    """

    F: Floats
    surprise: Floats
    offset: Floats
    y: Floats
    weight: Floats
    fold: Ints
    groups: Ints | None = None
    least: float = LEAST_SHARE


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of the weighted least squares behind one step of Newton's, by fold.

    Parameters
    ----------
    square : ndarray of shape (FOLDS, K p, K p)
    cross : ndarray of shape (FOLDS, K p)
    """

    square: Floats
    cross: Floats


def moments(rows: EffectRows, fitted: Floats, threads: int) -> Moments:
    """Sum up the rows around what is fitted so far.

    Parameters
    ----------
    fitted : ndarray of shape (n,)
        Log odds beside the offset, from the last step; zeros at first.
    threads : int
        0 takes all cores; no result depends on it.
    """
    n, side = len(rows.y), rows.F.shape[1] * (rows.surprise.shape[1] + 1)
    starts = [(fold, at) for fold in range(FOLDS) for at in _chunks(np.flatnonzero(rows.fold == fold))]
    square, cross = np.zeros((FOLDS, side, side)), np.zeros((FOLDS, side))
    # A chunk in flight holds its square: as many as there are threads, however many rows.
    jobs = min(threads or cpu_count(), max(1, n // CHUNK))
    with one_blas_thread():
        found = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
            delayed(_chunk_moments)(rows, fitted, at) for _, at in starts
        )
        for (fold, _), (own_square, own_cross) in zip(starts, found, strict=True):
            square[fold] += own_square
            cross[fold] += own_cross
    return Moments(square, cross)


def _chunks(rows: Ints) -> list[Ints]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _chunk_moments(rows: EffectRows, fitted: Floats, at: Ints) -> tuple[Floats, Floats]:
    share = np.clip(1.0 / (1.0 + np.exp(-(rows.offset[at] + fitted[at]))), rows.least, 1.0 - rows.least)
    curve = share * (1.0 - share)
    root = np.sqrt(rows.weight[at] * curve)
    arms, F = np.column_stack([np.ones(len(at)), rows.surprise[at]]) * root[:, None], rows.F[at]
    # Of half the length, numbers of single precision; their sums over a chunk, and what they are added to, lose nothing by it.
    design = (arms.astype(np.float32)[:, :, None] * F.astype(np.float32)[:, None, :]).reshape(len(at), -1)
    working = (fitted[at] + (rows.y[at] - share) / curve) * root
    return (design.T @ design).astype(np.float64), ((arms * working[:, None]).T @ F).ravel()


@dataclass(frozen=True)
class Sizes:
    """How large each part of the prior is, as logarithms of variances.

    Parameters
    ----------
    level : ndarray of shape (C,)
        Of the arms' average effects, by component of the kernel.
    slope : ndarray of shape (C,)
        Of how an effect changes with a covariate.
    main : float
        Of what the first model left over.
    """

    level: Floats
    slope: Floats
    main: float


@dataclass(frozen=True)
class Effects:
    """Effects with their uncertainty.

    Parameters
    ----------
    mean : ndarray of shape (K, p)
        b_0 of the level that all arms share, then b_k of each arm other than the baseline.
    covariance : ndarray of shape (K p, K p)
        Of the means, row by row.
    sizes : Sizes
        Where borrowers differ in what contact changes.
    differ : float
        Probability that they do; the mean is that over both answers (`evidence.Belief`).
    """

    mean: Floats
    covariance: Floats
    sizes: Sizes
    differ: float = 1.0

    def logits(self, F: Floats) -> Floats:
        """Return the effect of every arm against the baseline, of shape (n, K), the baseline's 0 first."""
        # einsum rather than a product of matrices: a row's sum is the same alone as in a batch.
        own = np.einsum("np,kp->nk", F, self.mean[1:])
        return np.column_stack([np.zeros(len(F)), own])

    def level(self, F: Floats) -> Floats:
        """Return what the first model left over, of shape (n,)."""
        left: Floats = np.einsum("np,p->n", F, self.mean[0])
        return left

    def variance(self, F: Floats, gradient: Floats) -> Floats:
        """Return the variance of a combination of the log odds, of shape (n,).

        Parameters
        ----------
        F : ndarray of shape (n, p)
        gradient : ndarray of shape (n, K)
            Derivative by f'b_0 first, then by each f'b_k.
        """
        p = F.shape[1]
        total = np.zeros(len(F))
        used = np.flatnonzero((gradient != 0).any(axis=0))
        for i in used:
            for j in used[used >= i]:
                block = self.covariance[i * p : (i + 1) * p, j * p : (j + 1) * p]
                form = np.einsum("np,np->n", F @ block, F) * gradient[:, i] * gradient[:, j]
                total += form if i == j else 2.0 * form
        return np.maximum(total, 0.0)


def posterior(
    square: Floats, cross: Floats, kernel: ArmKernel, sizes: Sizes, p: int, *, differ: bool = True
) -> tuple[Floats, Floats, float]:
    """Return mean of shape (K p,), covariance, and the log determinant of the precision of what is free.

    Parameters
    ----------
    differ : bool
        False holds what an arm changes to be the same for every borrower: of the b_k, only the constants are free.
    """
    precision = square + prior_precision(kernel, sizes, p)
    # On one thread: no bit depends on how many there are.
    with one_blas_thread():
        if differ:
            covariance, logdet = invert(precision)
        else:
            free = np.ix_(*[np.concatenate([np.arange(p), np.arange(p, len(cross), p)])] * 2)
            covariance = np.zeros_like(precision)
            covariance[free], logdet = invert(precision[free])
    return covariance @ cross, covariance, logdet


def prior_precision(kernel: ArmKernel, sizes: Sizes, p: int) -> Floats:
    """Return the prior's inverse covariance, of shape (K p, K p); the level's own constant is left free."""
    K = kernel.parts.shape[1] + 1
    result = np.zeros((K * p, K * p))
    at = np.arange(K * p).reshape(K, p)
    result[at[0, 1:], at[0, 1:]] = np.exp(-sizes.main)
    result[0, 0] = 1e-4
    # Through Cholesky's factor the inverse keeps its sign where arms are believed to be next to alike; LU's does not.
    (level, _), (slope, _) = (invert(kernel.covariance(logs)) for logs in (sizes.level, sizes.slope))
    result[np.ix_(at[1:, 0], at[1:, 0])] = level
    for j in range(1, p):
        result[np.ix_(at[1:, j], at[1:, j])] = slope
    return result


def invert(matrix: Floats) -> tuple[Floats, float]:
    """Return the inverse and the log determinant of a positive definite matrix."""
    factor, fault = lapack.dpotrf(matrix, lower=1)
    if fault:
        raise np.linalg.LinAlgError(f"a matrix of side {len(matrix)} is not positive definite at {fault}")
    lower, _ = lapack.dpotri(factor, lower=1)
    inverse = np.tril(lower) + np.tril(lower, -1).T
    return inverse, 2.0 * float(np.log(np.diag(factor)).sum())
