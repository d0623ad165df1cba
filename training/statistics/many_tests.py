"""p-values: that hold for many questions together, and as they are told.

References
----------
Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
"""

import numpy as np

from ..inputs import Floats

# A smaller p-value is that of rounding, or 0.
LEAST_P = 1e-16


def holm(p: Floats) -> Floats:
    """Return p-values corrected for their number, step down; what is not known stays so and does not count.

    Examples
    --------
    >>> holm(np.array([0.01, 0.5, np.nan, 0.04]))
    array([0.03, 0.5 ,  nan, 0.08])
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    if len(order):
        corrected[order] = np.minimum(np.maximum.accumulate(p[order] * (len(order) - np.arange(len(order)))), 1.0)
    return corrected


def p_text(p: float) -> str:
    """Tell a p-value to one digit.

    Examples
    --------
    >>> p_text(0.0312), p_text(0.0)
    ('p = 0.03', 'p below 1e-16')
    """
    return f"p below {LEAST_P:g}" if p < LEAST_P else f"p = {p:.1g}"
