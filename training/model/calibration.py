"""Calibration: one monotone map shared by all arms, with an offset by arm that shrinks to none where data are few.

A map per arm, fitted on that arm's own recipients, would learn who was chosen rather than what the arm does; the rows are
therefore weighted by inverse propensity, and each arm counts by its effective sample size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit

from ..inputs import Floats, Ints

# Strictly inside (0, 1) in double precision: beyond this a probability rounds to 1.
LOGIT_LIMIT = 30.0
# Keeps the shared map increasing, also where the scores carry nothing.
LEAST_SLOPE = 0.02
# Prior standard deviation of the two slopes about 1: scores are learnt by likelihood and nearly right; where predictions span
# little, the two slopes and the intercept could make up for each other without end.
SLOPE_SD = 0.25
NEWTON_STEPS, OFFSET_STEPS = 25, 12
# A step that moves no coefficient by more is the last: the next would be of its square's size, and the search for the offsets'
# spread takes one anyway.
SETTLED = 1e-2


@dataclass(frozen=True)
class Calibration:
    """Beta calibration with offsets by arm: logit = a log(p) - b log(1 - p) + c + offset[arm].

    Parameters
    ----------
    slopes : tuple of float
        a and b, positive, hence increasing in p.
    intercept : float
        c.
    offsets : ndarray of shape (K,)
    covariance : ndarray of shape (3 + K, 3 + K)
        Of (a, b, c, offsets), clustered.

    References
    ----------
    Kull, Silva Filho, Flach (2017), Beta calibration, AISTATS.

    Examples
    --------
    >>> Calibration.identity(2).apply(np.array([[0.0, 1.0]])).round(12)
    array([[0., 1.]])
    """

    slopes: tuple[float, float]
    intercept: float
    offsets: Floats
    covariance: Floats

    @classmethod
    def identity(cls, K: int) -> Self:
        """Return the map that changes nothing."""
        return cls((1.0, 1.0), 0.0, np.zeros(K), np.zeros((3 + K, 3 + K)))

    def apply(self, logits: Floats) -> Floats:
        """Return calibrated logits of shape (n, K) from raw ones, columns in catalogue order."""
        low, high = _parts(logits)
        mapped = self.slopes[0] * low + self.slopes[1] * high + self.intercept + self.offsets
        return np.clip(mapped, -LOGIT_LIMIT, LOGIT_LIMIT)

    def slope(self, logits: Floats) -> Floats:
        """Return the derivative of the calibrated logit by the raw one, of the shape of `logits`."""
        p = expit(logits)
        steepness: Floats = self.slopes[0] * (1.0 - p) + self.slopes[1] * p
        return steepness

    def variance(self, logits: Floats, scale: Floats, reference: int | None = None) -> Floats:
        """Return what the uncertainty of the map adds to the variance of a prediction or of a contrast.

        Parameters
        ----------
        logits : ndarray of shape (n, K)
            Raw.
        scale : ndarray of shape (n, K)
            Derivative of the predicted quantity by the calibrated logit: 1 for logits, p (1 - p) for probabilities.
        reference : int, optional
            Position of the arm that is subtracted.

        Returns
        -------
        ndarray of shape (n, K)
        """
        low, high = _parts(logits)
        shared = [scale * low, scale * high, scale]
        cov, own = self.covariance, np.diag(self.covariance)[3:]
        other = np.zeros_like(scale)
        crossed = np.zeros_like(scale)
        if reference is not None:
            shared = [part - part[:, [reference]] for part in shared]
            other = np.broadcast_to(scale[:, [reference]], scale.shape)
            crossed = other * other * own[reference] - 2 * scale * other * cov[3 + reference, 3:]
        total = scale * scale * own + crossed
        for i, part in enumerate(shared):
            total = total + 2 * part * (scale * cov[i, 3:])
            if reference is not None:
                total = total - 2 * part * (other * cov[i, 3 + reference])
            for j, twin in enumerate(shared):
                total = total + part * twin * cov[i, j]
        return np.maximum(total, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back exactly."""
        return {
            "slopes": list(self.slopes),
            "intercept": self.intercept,
            "offsets": self.offsets.tolist(),
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        a, b = content["slopes"]
        return cls((a, b), content["intercept"], np.array(content["offsets"]), np.array(content["covariance"]))


def fit_calibration(logits: Floats, y: Floats, codes: Ints, weight: Floats, groups: Ints, K: int) -> Calibration:
    """Fit the map on out-of-fold scores of the taken arms.

    Parameters
    ----------
    logits : ndarray of shape (n,)
        Raw out-of-fold logits of the taken arm.
    y : ndarray of shape (n,)
        0 and 1.
    codes : ndarray of shape (n,)
        Positions of the taken arms.
    weight : ndarray of shape (n,)
        Stabilised inverse propensities; 0 leaves a row out.
    groups : ndarray of shape (n,)
        Clusters of the covariance.
    K : int
        Number of arms.
    """
    weight = _effective(weight, codes, K)
    low, high = _parts(logits)
    design = np.column_stack([low, high, np.ones(len(y))])
    theta, spread = np.concatenate([[1.0, 1.0, 0.0], np.zeros(K)]), 0.05
    for _ in range(OFFSET_STEPS):
        # The offsets' own spread decides how far they shrink: empirical Bayes by expectation-maximisation.
        precision = np.concatenate([[1 / SLOPE_SD**2, 1 / SLOPE_SD**2, 1e-6], np.full(K, 1 / spread**2)])
        theta, inverse = _newton(theta, design, y, codes, weight, precision)
        spread = float(np.sqrt(np.mean(theta[3:] ** 2 + np.diag(inverse)[3:])))
    residual = weight * (y - expit(_linear(theta, design, codes)))
    covariance = inverse @ (_meat(design, residual, codes, groups, K) + np.diag(precision)) @ inverse
    return Calibration((float(theta[0]), float(theta[1])), float(theta[2]), theta[3:].copy(), covariance)


def _parts(logits: Floats) -> tuple[Floats, Floats]:
    """Return log p and -log(1 - p)."""
    return -np.logaddexp(0.0, -logits), np.logaddexp(0.0, logits)


def _linear(theta: Floats, design: Floats, codes: Ints) -> Floats:
    fitted: Floats = design @ theta[:3] + theta[3:][codes]
    return fitted


def _effective(weight: Floats, codes: Ints, K: int) -> Floats:
    """Scale the weights so that each arm's sum is its effective sample size."""
    total = np.bincount(codes, weight, K)
    squares = np.bincount(codes, weight * weight, K)
    return weight * np.divide(total, squares, out=np.zeros(K), where=squares > 0)[codes]


def _newton(theta: Floats, design: Floats, y: Floats, codes: Ints, weight: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Maximise the penalised likelihood; return the coefficients and the inverse of its curvature."""
    centre = np.concatenate([[1.0, 1.0], np.zeros(len(theta) - 2)])
    K = len(theta) - 3
    inverse = np.diag(1 / precision)
    for _ in range(NEWTON_STEPS):
        p = expit(_linear(theta, design, codes))
        residual, curve = weight * (y - p), weight * p * (1 - p)
        gradient = np.concatenate([design.T @ residual, np.bincount(codes, residual, K)]) - precision * (theta - centre)
        shared = (design * curve[:, None]).T @ design
        cross = np.array([np.bincount(codes, curve * design[:, j], K) for j in range(3)])
        hessian = np.block([[shared, cross], [cross.T, np.diag(np.bincount(codes, curve, K))]]) + np.diag(precision)
        inverse = np.linalg.inv(hessian)
        # A slope that would fall below its least stays there, and the others find their best beside it.
        held = np.flatnonzero((theta[:2] <= LEAST_SLOPE) & (gradient[:2] < 0))
        gradient[held], hessian[held], hessian[:, held] = 0.0, 0.0, 0.0
        hessian[held, held] = 1.0
        step = np.linalg.solve(hessian, gradient)
        # A long step off a flat start overshoots: no coefficient moves by more than 2 a step.
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        theta = theta + step
        theta[:2] = np.maximum(theta[:2], LEAST_SLOPE)
        if float(np.abs(step).max()) < SETTLED:
            break
    return theta, inverse


def _meat(design: Floats, residual: Floats, codes: Ints, groups: Ints, K: int) -> Floats:
    """Sum over clusters of the outer product of their scores."""
    clusters = int(groups.max()) + 1
    shared = np.column_stack([np.bincount(groups, residual * design[:, j], clusters) for j in range(3)])
    # Only the (cluster, arm) cells that occur are kept: clusters x K would not fit for a large book.
    cells, inverse = np.unique(groups * K + codes, return_inverse=True)
    value = np.bincount(inverse, residual)
    owner, arm = cells // K, cells % K
    meat = np.zeros((3 + K, 3 + K))
    meat[:3, :3] = shared.T @ shared
    for j in range(3):
        meat[j, 3:] = np.bincount(arm, value * shared[owner, j], K)
    meat[3:, :3] = meat[:3, 3:].T
    for k in range(K):
        own = np.bincount(owner[arm == k], value[arm == k], clusters)
        meat[3 + k, 3:] = np.bincount(arm, value * own[owner], K)
    return meat
