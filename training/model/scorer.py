"""Raw scores of boosters, and the propensities that they give for new borrowers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from joblib import Parallel, cpu_count, delayed

from ..inputs import Floats

# Borrowers that are scored at a time: what an interval needs beside them stays under 100 MB.
CHUNK_ROWS = 10_000
# Fewer rows than this are not worth a thread.
SLICE_ROWS = 5_000


def raw_scores(booster: lgb.Booster, rows: Floats, threads: int) -> Floats:
    """Return a booster's raw scores.

    Many rows are cut into slices that run side by side on one thread each: threads inside one call wait for each other, and
    much longer where another program takes a core. No score depends on it.

    Parameters
    ----------
    rows : ndarray of shape (n, m)
    threads : int
        0 takes all cores.
    """
    jobs = min(threads or cpu_count(), max(1, len(rows) // SLICE_ROWS))
    if jobs == 1:
        return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))
    slices = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(booster.predict)(part, raw_score=True, num_threads=1) for part in np.array_split(rows, 4 * jobs)
    )
    return np.concatenate(slices)


def chunks(n: int) -> Iterator[slice]:
    """Yield slices of at most `CHUNK_ROWS` rows."""
    for start in range(0, n, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, n))


@dataclass(frozen=True)
class PropensityScorer:
    """Probability of every arm for new borrowers, as the log's policy would have given it.

    Parameters
    ----------
    boosters : sequence of Booster
        One from each half-sample.
    slope : float
        Of the log odds.
    offsets : ndarray of shape (K,)
    """

    boosters: Sequence[lgb.Booster]
    slope: float
    offsets: Floats

    def score(self, Z: Floats, threads: int) -> Floats:
        """Return probabilities of shape (n, K)."""
        total = np.zeros((len(Z), len(self.offsets)))
        for booster in self.boosters:
            total = total + centred_logits(booster, Z, threads, len(self.offsets))
        return softmax(self.slope * (total / len(self.boosters)) + self.offsets)


def centred_logits(booster: lgb.Booster, Z: Floats, threads: int, K: int) -> Floats:
    """Return a booster's log odds of shape (n, K); a booster of two classes scores the second against the first."""
    raw = raw_scores(booster, Z, threads)
    if raw.ndim == 1:
        raw = np.column_stack([np.zeros(len(raw)), raw]) if K == 2 else raw.reshape(-1, K)
    return np.ascontiguousarray(raw)


def softmax(logits: Floats) -> Floats:
    """Return probabilities of shape (n, K); arm by arm, so that one row alone gives the same bits as in a batch."""
    top = logits[:, 0]
    for k in range(1, logits.shape[1]):
        top = np.maximum(top, logits[:, k])
    raised = np.exp(logits - top[:, None])
    total = np.zeros(len(logits))
    for k in range(logits.shape[1]):
        total = total + raised[:, k]
    result: Floats = raised / total[:, None]
    return result
