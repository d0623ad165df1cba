"""Checks of what a learner or an estimator is given: columns, outcomes, arms, groups, weights; all faults at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api import types

from ..data.errors import Fault, InvalidInput
from .value_faults import infinite_fault, no_numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Level = str | float | int | bool

NUMBER, TEXT_CATEGORY, NUMBER_CATEGORY = "number", "category of text", "category of numbers"
# Fewer events than this cannot fill two halves with both classes: a half without an event has no logit.
MIN_EVENTS = 20
# Rows that are turned from columns into rows at a time: they stay in the cache until every column has written its part.
ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True)
class Columns:
    """The covariates a model was fitted on: names, kinds and category levels, in order.

    Parameters
    ----------
    names : tuple of str
        In the order of the model's inputs.
    kinds : tuple of str
        "number", "category of text" or "category of numbers".
    levels : tuple of tuple
        Levels of each category column, in code order; empty for numbers.

    Examples
    --------
    >>> columns = Columns.learn(pd.DataFrame({"age": [31, 44], "city": pd.Categorical(["Rome", "Oslo"])}))
    >>> columns.encode(pd.DataFrame({"city": ["Oslo", "Bonn"], "age": [50, None]}))
    array([[50.,  0.],
           [nan, nan]])
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    levels: tuple[tuple[Level, ...], ...]

    @classmethod
    def learn(cls, X: pd.DataFrame) -> Self:
        """Record the columns of a table, of shape (n, d).

        Raises
        ------
        InvalidInput
            Where a column is neither numbers nor a category, or holds an infinite number; every such column is listed.
        """
        if faults := frame_faults(X):
            raise InvalidInput(faults)
        names = tuple(str(name) for name in X.columns)
        kinds = {name: _kind(X[name]) for name in names}
        faults = [_kind_fault(name, X[name]) for name, kind in kinds.items() if kind not in _KINDS]
        faults += [fault for name in names if (fault := infinite_fault(f"column '{name}' of X", X[name])) is not None]
        if faults:
            raise InvalidInput(faults)
        levels = tuple(tuple(X[name].cat.categories.tolist()) if kinds[name] != NUMBER else () for name in names)
        return cls(names, tuple(kinds.values()), levels)

    def encode(self, X: pd.DataFrame) -> Floats:
        """Turn a table into the model's numbers; the order of its columns does not matter.

        Parameters
        ----------
        X : DataFrame of shape (n, d)
            The columns seen at fit. Levels not seen at fit become missing.

        Returns
        -------
        ndarray of shape (n, d)
            Category codes for categories; NaN where missing.

        Raises
        ------
        InvalidInput
            Where columns are missing, extra, or of another kind: the difference is shown.
        """
        if faults := frame_faults(X) or self._difference(X):
            raise InvalidInput(faults)
        columns = [
            _codes(X[name], levels) if kind != NUMBER else _numbers(X[name])
            for name, kind, levels in zip(self.names, self.kinds, self.levels, strict=True)
        ]
        encoded = np.empty((len(X), len(columns)))
        for start in range(0, len(X), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            for position, column in enumerate(columns):
                encoded[rows, position] = column[rows]
        return encoded

    @property
    def categorical(self) -> list[int]:
        """Positions of the category columns."""
        return [position for position, kind in enumerate(self.kinds) if kind != NUMBER]

    def _difference(self, X: pd.DataFrame) -> list[Fault]:
        have, want = set(X.columns), set(self.names)
        lines = [f"- {name} (missing)" for name in self.names if name not in have]
        lines += [f"+ {name} (not seen at fit)" for name in X.columns if name not in want]
        for name, kind in zip(self.names, self.kinds, strict=True):
            if name in have and not _fits(X[name], kind):
                lines.append(f"~ {name}: {kind} at fit, {_kind(X[name])} now")
        if not lines:
            return []
        remedy = "Build the features by the same code as at fit."
        return [
            Fault(
                "columns of X", f"the {len(self.names)} columns seen at fit", "\n  ".join(["this difference:", *lines]), remedy
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back."""
        return {"names": list(self.names), "kinds": list(self.kinds), "levels": [list(level) for level in self.levels]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(tuple(content["names"]), tuple(content["kinds"]), tuple(tuple(level) for level in content["levels"]))


_KINDS = (NUMBER, TEXT_CATEGORY, NUMBER_CATEGORY)


def _kind(column: pd.Series) -> str:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        levels = dtype.categories
        if types.is_numeric_dtype(levels.dtype):
            return NUMBER_CATEGORY
        return TEXT_CATEGORY if all(isinstance(level, str) for level in levels) else f"category of {levels.dtype}"
    if types.is_complex_dtype(dtype) or not (types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)):
        return str(dtype)
    return NUMBER


def _fits(column: pd.Series, kind: str) -> bool:
    # One borrower read from JSON carries text where the fit had a category, and None where it had a number.
    if _kind(column) == kind or bool(column.isna().all()):
        return True
    return kind == TEXT_CATEGORY and pd.api.types.infer_dtype(column, skipna=True) == "string"


def _codes(column: pd.Series, levels: tuple[Level, ...]) -> Floats:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    found = pd.Index(levels, dtype=object).get_indexer(column.cat.categories.astype(object))
    codes = np.append(found, -1).astype(np.float64)[column.cat.codes.to_numpy()]
    codes[codes < 0] = np.nan
    return codes


def _numbers(column: pd.Series) -> Floats:
    if bool(column.isna().all()):
        return np.full(len(column), np.nan)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def frame_faults(X: Any) -> list[Fault]:
    """Return what keeps an object from being a table of covariates."""
    if not isinstance(X, pd.DataFrame):
        return [
            Fault("X", "a DataFrame with a column per covariate", type(X).__name__, "Wrap it: pd.DataFrame(X, columns=...).")
        ]
    faults = []
    if X.shape[1] == 0:
        faults.append(Fault("X", "at least one column", "none", ""))
    if named := [repr(name) for name in X.columns if not isinstance(name, str)]:
        faults.append(Fault("columns of X", "names of text", ", ".join(named[:5]), "Rename: X.columns = X.columns.map(str)."))
    if not X.columns.is_unique:
        twice = ", ".join(map(str, X.columns[X.columns.duplicated()].unique()))
        faults.append(Fault("columns of X", "each name once", f"more than once: {twice}", "Rename or drop them."))
    return faults


def _kind_fault(name: str, column: pd.Series) -> Fault:
    remedy = "Turn text into a category: X[c].astype('category'); turn dates into days before as_of; leave identifiers out."
    found = str(column.dtype)
    if isinstance(column.dtype, pd.CategoricalDtype):
        found, remedy = _kind(column), "Name its levels in text: X[c].cat.rename_categories(str)."
    return Fault(f"column '{name}' of X", "numbers or a category of text or numbers", found, remedy)


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
        found = f"{others:,} zeros and {events:,} ones{'' if counted is None else ' of a weight above 0'}"
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
    """Return weights of shape (n,) with mean 1, or None; what is wrong is added to `faults`."""
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
    scaled: Floats = values / values.mean()
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

    Columns that carry no names (0, 1, ...) are taken in their order; any others must be the arms.
    """
    if not isinstance(given, pd.DataFrame) or given.columns.equals(pd.RangeIndex(given.shape[1])):
        return given
    if set(given.columns) == set(names) and given.shape[1] == len(names):
        return given[list(names)].to_numpy()
    found = f"the columns {', '.join(map(str, given.columns))}"
    remedy = "Name a column for each arm, or pass given.to_numpy() in the order of the arms."
    faults.append(Fault(where, f"a column for each of {', '.join(names)}", found, remedy))
    return given


def whole_number(where: str, given: Any, faults: list[Fault], remedy: str) -> None:
    """Add a fault where something is no whole number of 0 or more."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        faults.append(Fault(where, "a whole number of 0 or more", repr(given), remedy))
