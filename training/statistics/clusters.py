"""Standard errors of means where rows that share a borrower are not independent.

References
----------
Cameron, Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human Resources 50.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from ..inputs import Floats

# Clusters of equal weight: with fewer, errors between clusters are not known.
LEAST_CLUSTERS = 10


def clustered_errors(influence: Floats, groups: ArrayLike) -> Floats:
    """Return the standard errors of means: sqrt(G / (G - 1) times the sum of squared sums by cluster) / n.

    Parameters
    ----------
    influence : ndarray of shape (n, m)
        What each row adds to each mean, centred.
    groups : array-like of shape (n,)
        The rows' clusters, G of them.

    Returns
    -------
    ndarray of shape (m,)
    """
    codes, members = pd.factorize(np.asarray(groups))
    sums = np.column_stack([np.bincount(codes, column) for column in influence.T])
    errors: Floats = np.sqrt(len(members) / max(len(members) - 1, 1) * (sums**2).sum(axis=0)) / len(influence)
    return errors


def clustered_error(influence: Floats, groups: ArrayLike) -> float:
    """Return the standard error of one mean, from influences of shape (n,).

    Examples
    --------
    >>> clustered_error(np.array([1.0, 1.0, -1.0, -1.0]), ["a", "a", "b", "b"])
    1.0
    >>> round(clustered_error(np.array([1.0, 1.0, -1.0, -1.0]), ["a", "b", "c", "d"]), 3)
    0.577
    """
    return float(clustered_errors(np.asarray(influence)[:, None], groups)[0])


def reach(groups: ArrayLike, level: float) -> float:
    """Return Student's quantile at a level, with as many degrees of freedom as there are clusters, less one."""
    return float(stdtrit(max(len(pd.unique(np.asarray(groups))) - 1, 1), level))
