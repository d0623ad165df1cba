"""How large effects are, and whether borrowers differ in them at all, decided by the data through the marginal likelihood.

References
----------
MacKay (1992), Bayesian interpolation, Neural Computation 4; Hoeting, Madigan, Raftery, Volinsky (1999), Bayesian model
averaging, Statistical Science 14.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ..inputs import Floats, Ints
from .arm_kernel import ArmKernel
from .effects import Effects, Sizes, invert, posterior

# Where the sizes are looked for before data, as log variances of log odds: an average effect of 0.1, and as much from all
# covariates together; the standard deviation spans decades. Looked for lower, intervals of contrasts would be too narrow.
LEVEL_CENTRE, SLOPE_CENTRE, CENTRE_SD = np.log(0.01), np.log(0.01), 3.0
BOUNDS = (-25.0, 2.0)
MOST_STEPS = 40
# Odds before data that borrowers differ, as log odds: one to three. Evidence is taken at its highest, where the answer with
# more sizes to choose has the advantage: with nothing to find, its integral over the sizes is lower by 1.1 to 1.3.
DIFFER = -np.log(3.0)


@dataclass(frozen=True)
class Belief:
    """What the data say of the prior.

    Parameters
    ----------
    sizes : Sizes
        Where borrowers differ in what contact changes.
    alike : Sizes
        Where they do not; its slopes say nothing.
    differ : float
        Probability that they differ, even before data.
    """

    sizes: Sizes
    alike: Sizes
    differ: float

    @classmethod
    def learn(cls, square: Floats, cross: Floats, kernel: ArmKernel, p: int, start: Sizes | None = None) -> "Belief":
        """Learn it from the moments of all rows."""
        sizes, evidence = best_sizes(square, cross, kernel, p, start)
        alike, without = best_sizes(square, cross, kernel, p, sizes, differ=False)
        return cls(sizes, alike, float(expit(DIFFER + evidence - without)))

    def effects(self, square: Floats, cross: Floats, kernel: ArmKernel, p: int) -> Effects:
        """Return the effects, averaged over both answers by their probabilities.

        Their covariance is that of borrowers who differ, and what the average took off as doubt beside it. It bounds that of
        the mixture: an interval that is narrow for a belief that borrowers are alike would be as wrong as that belief.
        """
        mean, covariance, _ = posterior(square, cross, kernel, self.sizes, p)
        alike, _, _ = posterior(square, cross, kernel, self.alike, p, differ=False)
        w, gap = self.differ, mean - alike
        covariance += np.outer((1.0 - w) * gap, gap)
        return Effects((w * mean + (1.0 - w) * alike).reshape(-1, p), covariance, self.sizes, w)


def best_sizes(
    square: Floats, cross: Floats, kernel: ArmKernel, p: int, start: Sizes | None = None, *, differ: bool = True
) -> tuple[Sizes, float]:
    """Return the sizes of highest posterior density given the rows' moments, and the log evidence there.

    Parameters
    ----------
    square : ndarray of shape (K p, K p)
    cross : ndarray of shape (K p,)
    start : Sizes, optional
        Where the search begins.
    differ : bool
        As in `posterior`.
    """
    parts = len(kernel.names)
    centre = np.concatenate([np.full(parts, LEVEL_CENTRE), np.full(parts + 1, SLOPE_CENTRE - np.log(p))])
    first = centre if start is None else np.concatenate([start.level, start.slope, [start.main]])
    found = minimize(
        lambda x: _loss(x, square, cross, kernel, p, centre, differ=differ),
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=[BOUNDS] * len(first),
        options={"maxiter": MOST_STEPS, "ftol": 1e-7},
    )
    return _sizes(found.x, parts), -float(found.fun)


def _sizes(x: Floats, parts: int) -> Sizes:
    return Sizes(x[:parts].copy(), x[parts : 2 * parts].copy(), float(x[-1]))


def _loss(
    x: Floats, square: Floats, cross: Floats, kernel: ArmKernel, p: int, centre: Floats, *, differ: bool = True
) -> tuple[float, Floats]:
    """Return the negative log evidence, the pull to the centre included, and its gradient."""
    parts, K = len(kernel.names), kernel.parts.shape[1] + 1
    sizes = _sizes(x, parts)
    mean, covariance, logdet = posterior(square, cross, kernel, sizes, p, differ=differ)
    B, at = mean.reshape(K, p), np.arange(K * p).reshape(K, p)
    level, slope = kernel.covariance(sizes.level), kernel.covariance(sizes.slope)
    (of_level, logdet_level), (of_slope, logdet_slope) = invert(level), invert(slope)
    prior = logdet_level + (p - 1) * sizes.main
    # E[b b'] under the posterior against the prior's covariance: where it is larger, the prior is too small.
    gradient, gap = np.zeros_like(x), (x - centre) / CENTRE_SD
    gradient[:parts] = _pull(_second(covariance, B, at[1:, 0], 0) - level, of_level, sizes.level, kernel)
    if differ:
        prior += (p - 1) * logdet_slope
        second = np.sum([_second(covariance, B, at[1:, j], j) for j in range(1, p)], axis=0)
        gradient[parts : 2 * parts] = _pull(second - (p - 1) * slope, of_slope, sizes.slope, kernel)
    else:
        gap[parts : 2 * parts] = 0.0
    spread = float((np.diag(covariance)[at[0, 1:]] + B[0, 1:] ** 2).sum())
    gradient[-1] = 0.5 * (spread * np.exp(-sizes.main) - (p - 1))
    value = 0.5 * float(cross @ mean) - 0.5 * logdet - 0.5 * prior - 0.5 * float(gap @ gap)
    return -value, -(gradient - gap / CENTRE_SD)


def _second(covariance: Floats, B: Floats, at: Ints, j: int) -> Floats:
    second: Floats = covariance[np.ix_(at, at)] + np.outer(B[1:, j], B[1:, j])
    return second


def _pull(excess: Floats, inverse: Floats, logs: Floats, kernel: ArmKernel) -> Floats:
    """Return the gradient by the logarithms of a prior's sizes.

    Parameters
    ----------
    excess : ndarray of shape (K - 1, K - 1)
        By how much the posterior's second moments exceed what the prior expects.
    inverse : ndarray of shape (K - 1, K - 1)
        Of the prior's covariance.
    """
    pull: Floats = 0.5 * np.exp(logs) * np.einsum("ckl,kl->c", kernel.parts, inverse @ excess @ inverse)
    return pull
