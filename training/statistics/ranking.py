"""How well a score ranks."""

import pandas as pd

from ..inputs import Floats


def auc(y: Floats, score: Floats) -> float:
    """Return the chance that a one scores above a zero, ties by half.

    Examples
    --------
    >>> import numpy as np
    >>> auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    ones = int(y.sum())
    zeros = len(y) - ones
    if min(ones, zeros) == 0:
        return float("nan")
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))
