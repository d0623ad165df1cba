"""The outlook as a covariate of effects: whom contact moves depends first on how good a borrower is anyway.

Who pays whatever is done, and who cannot pay, have little to be moved by. Of what covariates could explain of effects in a
simulated book, a cubic of the level alone explained more than half; a prior that is even over a hundred and fifty covariates
hardly expects that. So polynomials of the level's rank stand beside the ranks of the covariates, and have a fixed share of
the variance that the prior gives to all of them (`docs/adr/0014-the-outlook-as-a-covariate.md`).

References
----------
Kent, Paulus, van Klaveren, et al. (2020), The Predictive Approaches to Treatment effect Heterogeneity (PATH) Statement,
Annals of Internal Medicine 172: effects by predicted risk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.polynomial import legendre

from ..inputs import Floats
from .covariates import plain_scale, quantile_grid, scale_of, scaling, spaced, standardised

# Polynomials of the rank: effects that rise, turn once, and turn twice.
DEGREES = 3
# Of the slopes' variance before data, each covariate counted as of variance 1: it is more where some hardly vary.
SHARE = 0.2


@dataclass(frozen=True)
class Outlook:
    """How the level becomes covariates of what contact changes.

    Parameters
    ----------
    grid : ndarray
        Quantiles of the level's log odds at fit.
    mean, scale : ndarray of shape (DEGREES,)
        Of the polynomials at fit; the scale holds the share of the prior, and is infinite where the level or all covariates
        are constant.

    Examples
    --------
    >>> level = np.linspace(-2.0, 2.0, 5)
    >>> Outlook.learn(level, covariates=12).encode(level).round(2)[:, 0]
    array([-1.41, -0.71,  0.  ,  0.71,  1.41])
    """

    grid: Floats
    mean: Floats
    scale: Floats

    @classmethod
    def learn(cls, level: Floats, covariates: int) -> Self:
        """Learn quantiles and scales.

        Parameters
        ----------
        level : ndarray of shape (n,)
            Log odds out of fold, whatever was done.
        covariates : int
            Columns that stand beside, before any rotation.
        """
        some = spaced(level)
        grid = quantile_grid(some)
        mean, scale = scaling(_polynomials(some, grid))
        weight = np.sqrt(SHARE / (1.0 - SHARE) * covariates / DEGREES)
        return cls(grid, mean, scale / weight if weight else np.full(DEGREES, np.inf))

    def encode(self, level: Floats) -> Floats:
        """Return the columns of shape (n, DEGREES), of mean 0 over the rows of the fit."""
        return standardised(_polynomials(level, self.grid), self.mean, self.scale)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back exactly."""
        return {"grid": self.grid.tolist(), "mean": self.mean.tolist(), "scale": plain_scale(self.scale)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        grid, mean = (np.array(content[name], dtype=np.float64) for name in ("grid", "mean"))
        return cls(grid, mean, scale_of(content["scale"]))


def _polynomials(level: Floats, grid: Floats) -> Floats:
    """Return Legendre's polynomials of the rank, of shape (n, DEGREES), the constant left out."""
    # Between quantiles by a line: explanations follow the rank's slope.
    rank = np.interp(level, grid, np.linspace(-1.0, 1.0, len(grid)))
    return np.asarray(legendre.legvander(rank, DEGREES)[:, 1:], dtype=np.float64)
