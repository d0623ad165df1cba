"""Bands of days past due: where they begin, and what people read in their place."""

from itertools import pairwise

import numpy as np
import pandas as pd

BAND = "days_past_due_band"
BAND_STARTS = (1, 4, 8, 16, 31, 61, 91)  # days past due at which bands 1 to 7 begin
_LABELS = pd.Index(["0", *(f"{start}-{after - 1}" for start, after in pairwise(BAND_STARTS)), f"{BAND_STARTS[-1]}+"])


def band_labels(band: pd.Series) -> pd.Series:
    """Return the labels of a feature's bands in their order, an ordered category; missing where the feature is.

    Examples
    --------
    >>> band_labels(pd.Series([0.0, 5.0, 7.0, None])).tolist()
    ['0', '31-60', '91+', nan]
    """
    labels = pd.Categorical.from_codes(band.fillna(-1).to_numpy(dtype=np.int64), categories=_LABELS, ordered=True)
    return pd.Series(labels, index=band.index, name="days_past_due")
