"""Predicted against observed, by arm, on rows that a model has not seen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..model.diagnostics import calibration_error
from ..statistics.clusters import clustered_error


def calibration_by_arm(rows: pd.DataFrame, names: Sequence[str], confidence: float = 0.95) -> pd.DataFrame:
    """Hold predicted against observed shares among those who got each arm.

    Parameters
    ----------
    rows : DataFrame
        arm (its name), outcome (0 or 1), predicted (under that arm), propensity (of that arm), group (cluster).
    names : sequence of str
        The arms, in order; those that nobody got are left out.

    Returns
    -------
    DataFrame
        arm, decisions, predicted, observed, gap (observed less predicted), low, high (of the gap, clustered), error (mean
        absolute gap over ten bins, weighted by inverse propensity).
    """
    reach, found = float(norm.ppf(0.5 + confidence / 2)), []
    parts = dict(iter(rows.groupby("arm", sort=False)))
    for name in (name for name in names if name in parts):
        own = parts[name]
        predicted, observed = (own[column].to_numpy(dtype=np.float64) for column in ("predicted", "outcome"))
        gap = observed - predicted
        half = reach * clustered_error(gap - gap.mean(), own["group"])
        found.append(
            {
                "arm": name, "decisions": len(own), "predicted": predicted.mean(), "observed": observed.mean(),
                "gap": gap.mean(), "low": gap.mean() - half, "high": gap.mean() + half,
                "error": calibration_error(observed, predicted, 1.0 / own["propensity"].to_numpy(dtype=np.float64)),
            }
        )  # fmt: skip
    return pd.DataFrame(found)
