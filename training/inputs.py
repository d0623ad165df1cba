"""Checks of what a learner or an estimator is given: outcomes, arms, groups, weights; all faults at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..data.errors import Fault
from .value_faults import no_numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Fewer events than this cannot fill two halves with both classes: a half without an event has no logit.
MIN_EVENTS = 20
# The largest seed that all libraries take.
LARGEST_SEED = 2**32 - 1


def binary_outcome(
    y: ArrayLike, n: int, faults: list[Fault], where: str = "y", counted: NDArray[np.bool_] | None = None
) -> Floats:
    """Return the outcome as 0.0 and 1.0, of shape (n,); what is wrong is added to `faults`.

    Parameters
    ----------
    counted : ndarray of shape (n,), optional
        Rows that weigh something: only their zeros and ones are enough or too few.
    """
    before = len(faults)
    mature = "Leave out rows that are not mature: they are neither yes nor no."
    values = numbers(where, y, n, faults, mature, "0 and 1", "Write 1 for yes and 0 for no.")
    if len(faults) > before:
        return np.zeros(n)
    if other := sorted(set(np.unique(values)) - {0.0, 1.0}):
        found = ", ".join(f"{value:g}" for value in other[:5])
        remedy = "For money, multiply the response by the recoverable amount instead."
        faults.append(Fault(where, "only 0 and 1", found, remedy))
        return np.zeros(n)
    told = values if counted is None else values[counted]
    events, others = int(told.sum()), int((1 - told).sum())
    if min(events, others) < MIN_EVENTS:
        found = f"{others:,} zeros and {events:,} ones{'' if len(told) == n else ' of a weight above 0'}"
        faults.append(
            Fault(where, f"at least {MIN_EVENTS} zeros and {MIN_EVENTS} ones", found, "Wait for more outcomes to mature.")
        )
    return values


def numbers(
    where: str,
    given: ArrayLike,
    n: int,
    faults: list[Fault],
    if_missing: str = "Fill them in, or leave their rows out.",
    expected: str = "numbers",
    if_text: str = "Correct these values, or leave their rows out.",
) -> Floats:
    """Return finite numbers of shape (n,); what is wrong is added to `faults`, with what to do about it.

    Values that cannot be read at all come back missing rather than 0, so that a caller's own check does not ring for them.
    """
    try:
        values: Floats = np.asarray(pd.Series(given).to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
        shape, wrong = values.shape, ""
    except (TypeError, ValueError):
        listed = np.asarray(given, dtype=object)
        shape, wrong = listed.shape, no_numbers(listed)
    if shape != (n,):
        faults.append(Fault(where, f"{n:,} values, one a row", f"shape {shape}", "Pass one value for each row, in its order."))
        return np.full(n, np.nan)
    if wrong:
        faults.append(Fault(where, expected, wrong, if_text))
        return np.full(n, np.nan)
    if missing := int((~np.isfinite(values)).sum()):
        faults.append(Fault(where, "finite numbers", f"{missing:,} missing or infinite", if_missing))
    return values


def group_codes(groups: ArrayLike | None, n: int, faults: list[Fault]) -> Ints:
    """Return a number per group, of shape (n,); every row is its own group where there are none."""
    if groups is None:
        return np.arange(n, dtype=np.int64)
    given = np.asarray(groups, dtype=object)
    if given.shape != (n,):
        found = f"{len(given):,}" if given.ndim == 1 else f"shape {given.shape}"
        faults.append(Fault("groups", f"{n:,} values, one a row", found, "Pass the column itself, such as table['borrower']."))
        return np.arange(n, dtype=np.int64)
    series = pd.Series(given)
    if missing := int(series.isna().sum()):
        faults.append(Fault("groups", "a group for every row", f"{missing:,} missing", "Name a group of its own for each."))
    return np.asarray(pd.factorize(series)[0], dtype=np.int64)


def positive_weights(weights: ArrayLike | None, n: int, faults: list[Fault]) -> Floats | None:
    """Return weights of shape (n,), of mean 1 over rows that weigh something, or None; what is wrong is added to `faults`."""
    if weights is None:
        return None
    before = len(faults)
    values = numbers("sample_weight", weights, n, faults)
    if len(faults) > before:
        return None
    if (values < 0).any() or not values.sum() > 0:
        remedy = "A row that counts for nothing weighs 0; leave the weights out where all rows count alike."
        faults.append(Fault("sample_weight", "0 or more, not all 0", f"a smallest of {values.min(initial=0):g}", remedy))
        return None
    scaled: Floats = values / values[values > 0].mean()
    return scaled


def arm_positions(arm: ArrayLike, names: Sequence[str], n: int, faults: list[Fault], where: str = "arm") -> Ints:
    """Return positions in `names`, of shape (n,), -1 for unknown; unknown names and wrong lengths are added to `faults`."""
    given = np.asarray(arm, dtype=object)
    if given.shape != (n,):
        remedy = "Pass one name for each row, in its order."
        faults.append(Fault(where, f"{n:,} arm names, one a row", f"shape {given.shape}", remedy))
        return np.full(n, -1, dtype=np.int64)
    positions = pd.Index(list(names)).get_indexer(pd.Index([str(name) for name in given.tolist()]))
    for name in sorted({str(name) for name in given[positions < 0].tolist()}):
        remedy = "Add it to the catalogue, or leave its rows out."
        faults.append(Fault(where, f"one of {', '.join(names)}", repr(name), remedy))
    return np.asarray(positions, dtype=np.int64)


def in_arm_order(where: str, given: Any, names: Sequence[str], faults: list[Fault]) -> Any:
    """Return a table of a column per arm with its columns in the order of `names`; what is no DataFrame as it is.

    Columns that carry no names (0, 1, ...) are taken in their order; any others must be the arms. None where they are not.
    """
    if not isinstance(given, pd.DataFrame) or given.columns.equals(pd.RangeIndex(given.shape[1])):
        return given
    if set(given.columns) == set(names) and given.shape[1] == len(names):
        return given[list(names)].to_numpy()
    found = f"the columns {', '.join(map(str, given.columns))}"
    remedy = "Name a column for each arm, or pass the table's to_numpy() in the order of the arms."
    if given.shape[1] == 1:
        remedy = f"Pass the column itself: table[{given.columns[0]!r}]."
    faults.append(Fault(where, f"a column for each of {', '.join(names)}", found, remedy))
    return None


def whole_number(where: str, given: Any, faults: list[Fault], remedy: str, most: int | None = None) -> None:
    """Add a fault where something is no whole number from 0 to `most`."""
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not whole or given < 0 or (most is not None and given > most):
        expected = "a whole number of 0 or more" if most is None else f"a whole number from 0 to {most:,}"
        faults.append(Fault(where, expected, repr(given), remedy))
