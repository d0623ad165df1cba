"""Harm: P(complaint or opt-out within the horizon), pooled over arms, with a one-sided bound.

At half a percent, ten arms share a few dozen events: a rate per arm would be noise. One curve over intensity is fitted to
all of them, weighted by inverse propensity so that who was given the heavy arms does not decide what heaviness does.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from ..data.arms import ArmCatalogue

# Below this many events a slope over intensity is not told from noise; the pooled rate's bound stands for every arm then.
MINIMUM_EVENTS = 20
_PRIOR_EVENTS = 0.5
_ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class HarmModel:
    """Harm by intensity of contact.

    Parameters
    ----------
    intercept, slope : float
        Of the logit in contacts per week.
    intercept_se, slope_se, correlation : float
        Of the estimates.
    events, rows : int
        Behind them.
    """

    intercept: float
    slope: float
    intercept_se: float
    slope_se: float
    correlation: float
    events: int
    rows: int

    @classmethod
    def fit(cls, harm: NDArray[np.float64], intensity: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        """Fit the curve.

        Parameters
        ----------
        harm : ndarray of shape (n,)
            0 or 1.
        intensity : ndarray of shape (n,)
            Contacts per week of the committed arm.
        weight : ndarray of shape (n,)
            Inverse propensity of the committed arm.
        """
        events, rows = int(harm.sum()), len(harm)
        if events < MINIMUM_EVENTS or np.ptp(intensity) == 0:
            rate = (events + _PRIOR_EVENTS) / (rows + 2 * _PRIOR_EVENTS)
            return cls(float(logit(rate)), 0.0, float(1 / np.sqrt(events + _PRIOR_EVENTS)), 0.0, 0.0, events, rows)
        design = np.column_stack([np.ones(rows), intensity])
        scaled = weight / weight.mean()
        model = LogisticRegression(C=np.inf, fit_intercept=False).fit(design, harm.astype(int), sample_weight=scaled)
        beta = model.coef_[0]
        covariance = _sandwich(design, harm, scaled, beta)
        se = np.sqrt(np.diag(covariance))
        correlation = float(covariance[0, 1] / (se[0] * se[1]))
        return cls(float(beta[0]), float(beta[1]), float(se[0]), float(se[1]), correlation, events, rows)

    @property
    def supported(self) -> bool:
        """Whether intensities could be told apart: enough events, and more than one intensity."""
        return self.slope_se > 0

    def predict_by_arm(self, arms: ArmCatalogue, n: int) -> NDArray[np.float64]:
        """Return P(harm) of shape (n, K)."""
        return np.tile(expit(self.intercept + self.slope * arms.intensity), (n, 1))

    def upper_by_arm(self, arms: ArmCatalogue, n: int) -> NDArray[np.float64]:
        """Return the one-sided 95% upper bound of P(harm), of shape (n, K)."""
        dose = arms.intensity
        variance = (
            self.intercept_se**2 + (dose * self.slope_se) ** 2 + 2 * dose * self.correlation * self.intercept_se * self.slope_se
        )
        bound = expit(self.intercept + self.slope * dose + _ONE_SIDED_95 * np.sqrt(np.maximum(variance, 0.0)))
        return np.tile(bound, (n, 1))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `HarmModel(**d)` reads back."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _sandwich(
    design: NDArray[np.float64], harm: NDArray[np.float64], weight: NDArray[np.float64], beta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Robust covariance of a weighted logistic fit: weights are not counts, so the naive information would overstate."""
    fitted = expit(design @ beta)
    bread = np.linalg.inv((design * (weight * fitted * (1 - fitted))[:, None]).T @ design)
    scores = design * (weight * (harm - fitted))[:, None]
    covariance: NDArray[np.float64] = bread @ (scores.T @ scores) @ bread
    return covariance
