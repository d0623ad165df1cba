"""What is wrong with values, told alike by every reader: no numbers, infinite ones, too few groups."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from ..data.errors import Fault

# Wrong values that a message shows, and characters of each.
_MOST_SHOWN, _LONGEST_SHOWN = 3, 40


def no_numbers(given: Any) -> str:
    """Show the first values that no number can be read from."""
    values = np.asarray(given, dtype=object)
    shown = dict.fromkeys(repr(value)[:_LONGEST_SHOWN] for value in values.flat if not _is_number(value))
    if values.ndim == 0:
        return next(iter(shown), type(given).__name__)
    return f"values such as {', '.join(list(shown)[:_MOST_SHOWN])}" if shown else f"values of {values.dtype}"


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return value is None or value is pd.NA
    return True


def infinite_fault(where: str, column: pd.Series) -> Fault | None:
    """Return what is wrong where a column holds infinite numbers: a ratio by zero, which ranks take for the largest value."""
    if not types.is_float_dtype(column.dtype):
        return None
    count = int(np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan)).sum())
    remedy = "Write a missing value where a ratio has no denominator."
    return Fault(where, "finite numbers or missing", f"{count:,} infinite", remedy) if count else None


def few_groups(where: str, codes: NDArray[np.int64], least: int) -> Fault | None:
    """Return what is wrong where rows fall into fewer groups than a fit and its intervals need.

    Groups are kept whole, on one side of every split: halves, folds and what is held out are all made of them.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        A number per group, from 0.
    """
    found = int(codes.max(initial=-1)) + 1
    if found >= least:
        return None
    remedy = "Group by something finer, such as the person; or name no group where every row stands for itself."
    return Fault(where, f"at least {least} groups to draw halves and held-out rows from", f"{found}", remedy)
