"""The covariates of a model: which kinds of columns there may be, and how a table becomes numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api import types

from ..data.errors import Fault, InvalidInput
from .inputs import Floats
from .value_faults import infinite_fault

Level = str | float | int | bool

NUMBER, TEXT_CATEGORY, NUMBER_CATEGORY = "number", "category of text", "category of numbers"
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
