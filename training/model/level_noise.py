"""How wrong the level is, beyond how much halves of the data disagree: a parametric bootstrap.

Two boosters that were held back alike agree on what both got wrong: their disagreement knows the noise, not the shrinkage.
So a fit is taken for the truth, outcomes are drawn from it, a level is learnt from them, and its error against
that truth is set against the disagreement of its halves. The ratio of the two carries over to the real fit.
The truth has turns that no fit finds, and an average of fits is smoother than each: what one half learnt, rough as
it is, stands for the truth.

References
----------
Efron, Tibshirani (1993), An introduction to the bootstrap, chapter 6.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..inputs import Floats
from .boosting import Boosting, Sample, fit_halves
from .scorer import raw_scores

# Rows over which errors are compared; their means are then known to a few per cent.
ERROR_ROWS = 20_000
# Disagreement is never taken for more than the error: with little data the bootstrap's ratio is itself a draw.
LEAST_INFLATION = 1.0
# Rows on which outcomes are drawn and learnt again: of a million, 200,000 gave the ratio to 5%, at a fifth of the time.
MOST_ROWS = 200_000
# How much rougher the truth is than what one half learnt, as a factor of the squared error: the most that a law of
# `benchmarks/interval_coverage.py` needs, others need 1.0.
ROUGHNESS = 1.7
# A stream of random numbers of its own.
_STREAM = 3


def inflation(sample: Sample, halves: NDArray[np.bool_], truth: Floats, boosting: Boosting, threads: int, seed: int) -> float:
    """Return the mean squared error of a level learnt from drawn outcomes, over the mean jackknife variance of its halves.

    Parameters
    ----------
    sample : Sample
        What the level was learnt on.
    halves : ndarray of shape (pairs, n)
        The first pair is used.
    truth : ndarray of shape (n,)
        Log odds that one half gives each row of the other, whatever was done.
    boosting : Boosting
    """
    rng = np.random.default_rng([seed, _STREAM])
    if len(truth) > MOST_ROWS:
        kept = np.sort(rng.choice(len(truth), MOST_ROWS, replace=False))
        sample, halves, truth = sample.only(kept), halves[:, kept], truth[kept]
    drawn = (rng.random(len(truth)) < 1.0 / (1.0 + np.exp(-truth))).astype(np.float64)
    if min(drawn.sum(), len(drawn) - drawn.sum()) < 2:
        return LEAST_INFLATION
    first, second = fit_halves(replace(sample, target=drawn), halves[:1], boosting, threads, seed)
    some = slice(None) if len(truth) <= ERROR_ROWS else np.sort(rng.choice(len(truth), ERROR_ROWS, replace=False))
    left, right = (raw_scores(booster, sample.inputs[some], threads) for booster in (first, second))
    error = float(np.mean(((left + right) / 2 - truth[some]) ** 2))
    apart = float(np.mean((left - right) ** 2)) / 4
    return max(ROUGHNESS * error / apart, LEAST_INFLATION) if apart > 0 else LEAST_INFLATION
