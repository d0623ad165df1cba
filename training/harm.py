"""Harm: P(complaint or opt-out within the horizon | borrower, arm), pooled over arms, with a one-sided bound.

Estimand: the log odds of harm under each arm, for a borrower with covariates x. At half a percent, ten arms share a few
hundred events: no trees, and no rate per arm. The machinery is that of the response (`effects`, `evidence`, `arm_kernel`): a
level that all arms share, linear in the leading directions of the ranks, and effects of the arms that share strength across
doses and channels, each part as large as the data make it. Rows weigh by inverse propensity, stabilised: as if every borrower
had had the same odds of every arm, so that who was given the heavy arms does not decide what heaviness does, whatever the
level misses.

The estimate is what the value prices: it is right on average, as a price must be. Pricing the bound would make an arm dearer
for having been tried less, so that it would be tried less still. The bound is for limits: "at most, with 95% confidence".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import beta

from ..data.arms import ArmCatalogue
from .columns import Columns
from .inputs import Floats, Ints
from .model.arm_kernel import ArmKernel
from .model.blas import one_blas_thread
from .model.covariates import Covariates
from .model.effects import FOLDS, EffectRows, Effects
from .model.fit_effects import fit_effects
from .model.scorer import chunks
from .model.spread import Spread, variance_by_arm

# Below this many events arms are not told from noise; the pooled rate and its bound stand for every arm then.
MINIMUM_EVENTS = 20
# Directions of the covariates that a few hundred events can say something about.
MOST_DIRECTIONS = 20
# The offset is one rate for all, and arms differ by a factor of ten: steps until nothing moves.
NEWTON_STEPS = 8
# Harm of nobody contacted is nothing: shares far below the response's must be told.
LEAST_HARM = 1e-5
# An inverse propensity counts no more than this many times the average.
MOST_WEIGHT = 20.0
_PRIOR_EVENTS = 0.5
_ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class HarmEffects:
    """Log odds of harm by arm, linear in covariates.

    Parameters
    ----------
    columns : Columns
    covariates : Covariates
    coefficients : ndarray of shape (K, p)
        Of each arm's log odds, the constant first.
    covariance : ndarray of shape (K, p, p)
        Of each arm's coefficients.
    """

    columns: Columns
    covariates: Covariates
    coefficients: Floats
    covariance: Floats

    def encode(self, X: pd.DataFrame) -> Floats:
        """Return the covariates of shape (n, p)."""
        return self.covariates.encode(self.columns.encode(X))

    def logits(self, F: Floats) -> Floats:
        """Return log odds of shape (n, K)."""
        # einsum rather than a product of matrices: a row's sum is the same alone as in a batch.
        found: Floats = np.einsum("np,kp->nk", F, self.coefficients)
        return found

    def error(self, F: Floats) -> Floats:
        """Return the standard error of the log odds, of shape (n, K)."""
        found: Floats = np.sqrt(np.maximum(variance_by_arm(F, self.covariance), 0.0))
        return found


@dataclass(frozen=True)
class HarmModel:
    """Harm by borrower and arm.

    Parameters
    ----------
    events, rows : int
        Behind the model.
    arms : int
        How many, K.
    effects : HarmEffects or None
        None where events are too few, or only one arm was given: one pooled rate stands for all.
    """

    events: int
    rows: int
    arms: int
    effects: HarmEffects | None = None

    @classmethod
    @one_blas_thread()
    def fit(
        cls, X: pd.DataFrame, harm: Floats, codes: Ints, odds: Floats, groups: Ints, arms: ArmCatalogue, threads: int = 0
    ) -> Self:
        """Learn from logged rows.

        Parameters
        ----------
        X : DataFrame of shape (n, d)
            Covariates, as the response takes them.
        harm : ndarray of shape (n,)
            0 or 1.
        codes : ndarray of shape (n,)
            Positions of the committed arms.
        odds : ndarray of shape (n, K)
            Propensity of every arm.
        groups : ndarray of shape (n,)
            A number per borrower: rows of one are not independent.
        arms : ArmCatalogue
        threads : int
            0 takes all cores; no result depends on it.
        """
        events, K = int(harm.sum()), len(arms)
        if not MINIMUM_EVENTS <= events < len(harm) or len(np.unique(codes)) == 1:
            return cls(events, len(harm), K)
        columns = Columns.learn(X)
        Z = columns.encode(X)
        covariates = Covariates.learn(Z, columns, MOST_DIRECTIONS, threads)
        shares = odds.mean(axis=0)
        weight = np.minimum(shares[codes] / odds[np.arange(len(codes)), codes], MOST_WEIGHT)
        weight = weight / weight.mean()
        rows = EffectRows(
            covariates.encode(Z, threads),
            (np.eye(K)[codes] - shares)[:, 1:],
            np.full(len(harm), logit(float((weight * harm).mean()))),
            harm,
            weight,
            np.asarray(groups % FOLDS, dtype=np.int64),
            groups,
            LEAST_HARM,
        )
        effects, _ = fit_effects(rows, ArmKernel.of(arms), threads, NEWTON_STEPS)
        coefficients = _by_arm(effects, shares)
        coefficients[:, 0] += rows.offset[0]
        return cls(events, len(harm), K, HarmEffects(columns, covariates, coefficients, Spread.of(effects, shares).arms))

    @property
    def supported(self) -> bool:
        """Whether arms could be told apart: enough events, and more than one arm."""
        return self.effects is not None

    def predict_by_arm(self, X: pd.DataFrame) -> Floats:
        """Return P(harm) of shape (n, K)."""
        if self.effects is None:
            return np.full((len(X), self.arms), (self.events + _PRIOR_EVENTS) / (self.rows + 2 * _PRIOR_EVENTS))
        return self._score(self.effects, X, 0.0)

    def upper_by_arm(self, X: pd.DataFrame) -> Floats:
        """Return the one-sided 95% upper bound of P(harm), of shape (n, K); exact for a pooled rate."""
        if self.effects is None:
            none_left = self.events >= self.rows
            bound = 1.0 if none_left else float(beta.ppf(0.95, self.events + 1, self.rows - self.events))
            return np.full((len(X), self.arms), bound)
        return self._score(self.effects, X, _ONE_SIDED_95)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, without the covariance, that `from_dict` reads back exactly."""
        told = self.effects
        return {
            "events": self.events,
            "rows": self.rows,
            "arms": self.arms,
            "effects": told
            and {
                "columns": told.columns.to_dict(),
                "covariates": told.covariates.to_dict(),
                "coefficients": told.coefficients.tolist(),
            },
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], covariance: Floats | None) -> Self:
        """Rebuild from `to_dict` and the covariance of the coefficients; None where arms were not told apart."""
        told, effects = content["effects"], None
        if told is not None and covariance is not None:
            columns, covariates = Columns.from_dict(told["columns"]), Covariates.from_dict(told["covariates"])
            effects = HarmEffects(columns, covariates, np.array(told["coefficients"], dtype=np.float64), covariance)
        return cls(content["events"], content["rows"], content["arms"], effects)

    def _score(self, effects: HarmEffects, X: pd.DataFrame, reach: float) -> Floats:
        F, result = effects.encode(X), np.empty((len(X), self.arms))
        for rows in chunks(len(F)):
            found = effects.logits(F[rows])
            result[rows] = expit(found + reach * effects.error(F[rows]) if reach else found)
        return result


def _by_arm(effects: Effects, shares: Floats) -> Floats:
    """Return coefficients of every arm's log odds: rows count as drawn with the same odds, so the level holds their mean."""
    changed = np.vstack([np.zeros(effects.mean.shape[1]), effects.mean[1:]])
    found: Floats = effects.mean[0] + changed - shares @ changed
    return found
