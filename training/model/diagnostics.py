"""What a fit says of itself: a record that others forward to a tracker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..inputs import Floats, Ints
from ..statistics.ranking import auc

BINS = 10


@dataclass(frozen=True)
class Diagnostics:
    """What was seen at fit; every score is out of fold.

    Parameters
    ----------
    rows : int
    counts : dict of str to int
        Rows by arm.
    base_rate : dict of str to float
        Share of ones by arm.
    log_loss : float
        Per row, natural logarithm.
    auc : dict of str to float
        Area under the ROC curve by taken arm; NaN where an arm has one class only.
    calibration_error : dict of str to float
        By taken arm: mean absolute gap of predicted and observed shares over ten bins, weighted by inverse propensity.
    thin_rows : int
        Rows whose arm was so unlikely for them that they have no comparable data; they do not calibrate.
    """

    rows: int
    counts: dict[str, int]
    base_rate: dict[str, float]
    log_loss: float
    auc: dict[str, float]
    calibration_error: dict[str, float]
    thin_rows: int


def diagnose(names: Sequence[str], y: Floats, codes: Ints, out_of_fold: Floats, weight: Floats) -> Diagnostics:
    """Describe a fit.

    Parameters
    ----------
    names : sequence of str
        The K arms.
    y, codes, weight : ndarray of shape (n,)
        Outcomes, positions of the taken arms, inverse propensities (0 where there is no comparable data).
    out_of_fold : ndarray of shape (n, K)
    """
    p = out_of_fold[np.arange(len(y)), codes]
    rows = {name: np.flatnonzero(codes == k) for k, name in enumerate(names)}
    return Diagnostics(
        rows=len(y),
        counts={name: len(i) for name, i in rows.items()},
        base_rate={name: float(y[i].mean()) if len(i) else np.nan for name, i in rows.items()},
        log_loss=float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))),
        auc={name: auc(y[i], p[i]) for name, i in rows.items()},
        calibration_error={name: calibration_error(y[i], p[i], weight[i]) for name, i in rows.items()},
        thin_rows=int((weight == 0).sum()),
    )


def calibration_error(y: Floats, p: Floats, weight: Floats, bins: int = BINS) -> float:
    """Return the weighted mean absolute gap of predicted and observed shares over bins of equal size.

    Examples
    --------
    >>> calibration_error(np.array([0.0, 1.0]), np.array([0.5, 0.5]), np.ones(2), bins=1)
    0.0
    """
    if not weight.sum() > 0:
        return float("nan")
    order = np.argsort(p, kind="stable")
    gaps, shares = [], []
    for part in np.array_split(order, min(bins, len(order))):
        if (mass := weight[part].sum()) > 0:
            gaps.append(abs(float(weight[part] @ (y[part] - p[part])) / mass))
            shares.append(mass)
    return float(np.average(gaps, weights=shares))
