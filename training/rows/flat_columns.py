"""The columns of one flat table: which is what, and which may be covariates."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from numbers import Real
from typing import Any

import pandas as pd
from pandas.api import types

from ...data.errors import Fault, InvalidInput
from ..value_faults import infinite_fault

# A text column with more levels than this share of its rows names rows rather than describing them.
IDENTIFIER_SHARE = 0.5
# A text column of so many values, and no more than this share of them words, was meant to be one of numbers.
LEAST_NUMBERS, MOST_WORDS = 20, 0.1
_NUMBER_OBJECTS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean"}
# Characters of a wrong argument in its message.
_LONGEST_SHOWN = 40
_IDENTIFIER_NAME = re.compile(r"(^|_)(id|key|uuid)$", re.IGNORECASE)


@dataclass(frozen=True)
class FlatColumns:
    """Which columns of a table are what; all others are covariates.

    Parameters
    ----------
    arm, outcome : str
    propensity : str, number or mapping, optional
        A column, or what `ResponseModel.fit` takes.
    group : str, optional
    drop : sequence of str
    """

    arm: str
    outcome: str
    propensity: str | float | Mapping[str, float] | None = None
    group: str | None = None
    drop: Sequence[str] = ()

    @property
    def used(self) -> dict[str, str]:
        """Role to column, for the columns that are not covariates."""
        roles = {"arm": self.arm, "outcome": self.outcome, "group": self.group, "propensity": self.propensity}
        return {role: name for role, name in roles.items() if isinstance(name, str)}


def require_columns(table: Any, columns: FlatColumns) -> None:
    """Refuse a table without the named columns, and names that cannot all be meant.

    Raises
    ------
    InvalidInput
        Every such fault at once; values are looked at later.
    """
    if not isinstance(table, pd.DataFrame):
        remedy = "Read it first, such as pd.read_parquet(path)."
        raise InvalidInput([Fault("the table", "a DataFrame with a row per decision", type(table).__name__, remedy)])
    faults = _role_faults(columns)
    dropped = () if isinstance(columns.drop, str) else columns.drop
    wanted = columns.used | {f"drop[{i}]": name for i, name in enumerate(dropped)}
    have = [str(name) for name in table.columns]
    faults += [
        Fault(f"column '{name}' ({role})", "a column of the table", "no such column", _nearest(str(name), have))
        for role, name in wanted.items()
        if name not in table.columns
    ]
    if twice := [str(name) for name in table.columns[table.columns.duplicated()].unique()]:
        faults.append(Fault("the table", "each column once", f"more than once: {', '.join(twice)}", "Rename them."))
    if not faults and table.empty:
        faults.append(Fault("the table", "at least one row", "none", "Check what it was made from."))
    if not faults:
        faults = [
            fault for role, name in columns.used.items() if (fault := _nested_fault(f"column '{name}' ({role})", table[name]))
        ]
    if faults:
        raise InvalidInput(faults)


def _role_faults(columns: FlatColumns) -> list[Fault]:
    """Return which names are none, and which columns were named for two things."""
    named = {"arm": columns.arm, "outcome": columns.outcome}
    if columns.group is not None:
        named["group"] = columns.group
    faults = [
        Fault(role, "the name of a column", repr(name)[:_LONGEST_SHOWN], f"Name it: {role}='...'.")
        for role, name in named.items()
        if not isinstance(name, str)
    ]
    given = columns.propensity
    if not (given is None or isinstance(given, (str, Real, Mapping))):
        remedy = "Put them into a column and name it: propensity='...'."
        faults.append(Fault("propensity", "a column's name, a number, or numbers by arm", type(given).__name__, remedy))
    if isinstance(columns.drop, str):
        faults.append(Fault("drop", "a list of columns", f"the text {columns.drop!r}", f"Write drop=[{columns.drop!r}]."))
    roles: dict[str, list[str]] = {}
    for role, name in columns.used.items():
        roles.setdefault(name, []).append(role)
    for name in () if isinstance(columns.drop, str) else dict.fromkeys(columns.drop):
        roles.get(name, []).append("drop")
    remedy = "Name another column for one of them, or none."
    faults += [
        Fault(f"column '{name}'", "to be one thing", f"named as {' and as '.join(own)}", remedy)
        for name, own in roles.items()
        if len(own) > 1
    ]
    return faults


def _nearest(name: str, have: list[str]) -> str:
    close = get_close_matches(name, have, n=1)
    return (f"Did you mean '{close[0]}'? " if close else "") + f"Columns: {', '.join(have)}."


def covariates(table: pd.DataFrame, columns: FlatColumns, faults: list[Fault]) -> pd.DataFrame:
    """Return all other columns, text turned into categories; what cannot be a covariate is a fault."""
    aside = {*columns.used.values(), *columns.drop}
    found: dict[str, pd.Series] = {}
    for name in (name for name in table.columns if name not in aside):
        column = _numbers_as_such(table[name])
        if fault := _not_a_covariate(str(name), column):
            faults.append(fault)
        else:
            found[str(name)] = column.astype("str").astype("category") if _is_text(column) else column
    if not found and not faults:
        faults.append(Fault("the table", "at least one covariate", "none", "Keep a column that was known before the arm."))
    return pd.DataFrame(found)


def may_name_rows(name: str, column: pd.Series) -> bool:
    """Tell whether a column may be a name: text, or whole numbers that are called an identifier."""
    text = isinstance(column.dtype, pd.CategoricalDtype) or _is_text(column)
    return text or (types.is_integer_dtype(column.dtype) and _IDENTIFIER_NAME.search(name) is not None)


def _is_text(column: pd.Series) -> bool:
    return bool(types.is_string_dtype(column.dtype) or types.is_object_dtype(column.dtype))


def _not_a_covariate(name: str, column: pd.Series) -> Fault | None:
    remedy = f"Leave it out: --drop {name} (drop=['{name}'])."
    if fault := _nested_fault(f"column '{name}'", column):
        return replace(fault, remedy=f"{fault.remedy} {remedy}")
    if fault := infinite_fault(f"column '{name}'", column):
        return fault
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        return Fault(
            f"column '{name}'", "numbers or text", str(column.dtype), f"Turn it into days before the decision. {remedy}"
        )
    known, levels = int(column.notna().sum()), column.nunique()
    named = may_name_rows(name, column) and not isinstance(column.dtype, pd.CategoricalDtype)
    if not named or levels <= max(20, IDENTIFIER_SHARE * known):
        return None
    if words := words_among_numbers(column):
        mended = f"Correct these values, or leave them empty. {remedy}"
        return Fault(f"column '{name}'", "numbers", f"text among them, such as {words}", mended)
    return Fault(f"column '{name}'", "a description of the row", f"{levels:,} values in {known:,} rows: an identifier", remedy)


def _numbers_as_such(column: pd.Series) -> pd.Series:
    """Return a column of objects that are all numbers, such as decimals from a database, as numbers."""
    if not types.is_object_dtype(column.dtype) or types.infer_dtype(column, skipna=True) not in _NUMBER_OBJECTS:
        return column
    return pd.Series(column.to_numpy(dtype="float64", na_value=float("nan")), index=column.index, name=column.name)


def words_among_numbers(column: pd.Series) -> str:
    """Show the few words that make text of a column of numbers; empty where there are none, or where most are words."""
    values = pd.Series(column.dropna().unique()).astype("str")
    words = values[pd.to_numeric(values, errors="coerce").isna()]
    if len(values) < LEAST_NUMBERS or len(words) > MOST_WORDS * len(values):
        return ""
    return ", ".join(repr(word[:_LONGEST_SHOWN]) for word in words.iloc[:3])


def _nested_fault(where: str, column: pd.Series) -> Fault | None:
    """Return what is wrong where rows hold lists or tables: they can neither be counted nor told apart."""
    if types.is_numeric_dtype(column.dtype):
        return None
    try:
        column.nunique()
    except (TypeError, NotImplementedError):
        return Fault(where, "one number or text in each row", "lists", "Turn it into numbers, such as how many there are.")
    return None
