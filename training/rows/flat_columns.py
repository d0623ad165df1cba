"""The columns of one flat table: which is what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Real
from typing import Any

import pandas as pd
from pandas.api import types

from ...data.errors import Fault, InvalidInput

# Characters of a wrong argument in its message.
LONGEST_SHOWN = 40


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
    wanted = columns.used | {f"drop[{i}]": name for i, name in enumerate(dropped(columns))}
    have = [str(name) for name in table.columns]
    faults += [
        Fault(f"column '{name}' ({role})", "a column of the table", "no such column", _nearest(str(name), have))
        for role, name in wanted.items()
        if name not in table.columns
    ]
    if twice := [name for name, n in Counter(have).items() if n > 1]:
        faults.append(Fault("the table", "each column once", f"more than once: {', '.join(twice)}", "Rename them."))
    if not faults and table.empty:
        faults.append(Fault("the table", "at least one row", "none", "Check what it was made from."))
    if not faults:
        faults = [
            fault for role, name in columns.used.items() if (fault := nested_fault(f"column '{name}' ({role})", table[name]))
        ]
    if faults:
        raise InvalidInput(faults)


def _role_faults(columns: FlatColumns) -> list[Fault]:
    """Return which names are none, and which columns were named for two things."""
    named = {"arm": columns.arm, "outcome": columns.outcome}
    if columns.group is not None:
        named["group"] = columns.group
    faults = [
        Fault(role, "the name of a column", repr(name)[:LONGEST_SHOWN], f"Name it: {role}='...'.")
        for role, name in named.items()
        if not isinstance(name, str)
    ]
    if columns.drop is not None and not isinstance(columns.drop, (str, Sequence)):
        faults.append(Fault("drop", "a list of columns", type(columns.drop).__name__, "Write drop=['...']."))
    given = columns.propensity
    if not (given is None or isinstance(given, (str, Real, Mapping))):
        remedy = "Put them into a column and name it: propensity='...'."
        faults.append(Fault("propensity", "a column's name, a number, or numbers by arm", type(given).__name__, remedy))
    if isinstance(columns.drop, str):
        faults.append(Fault("drop", "a list of columns", f"the text {columns.drop!r}", f"Write drop=[{columns.drop!r}]."))
    roles: dict[str, list[str]] = {}
    for role, name in columns.used.items():
        roles.setdefault(name, []).append(role)
    for name in dict.fromkeys(dropped(columns)):
        roles.get(name, []).append("drop")
    remedy = "Name another column for one of them, or none."
    faults += [
        Fault(f"column '{name}'", "to be one thing", f"named as {' and as '.join(own)}", remedy)
        for name, own in roles.items()
        if len(own) > 1
    ]
    return faults


def dropped(columns: FlatColumns) -> Sequence[str]:
    """Return the columns that are left out; none where they are not a list, which is a fault of its own."""
    return columns.drop if isinstance(columns.drop, Sequence) and not isinstance(columns.drop, str) else ()


def _nearest(name: str, have: list[str]) -> str:
    close = get_close_matches(name, have, n=1)
    return (f"Did you mean '{close[0]}'? " if close else "") + f"Columns: {', '.join(have)}."


def nested_fault(where: str, column: pd.Series) -> Fault | None:
    """Return what is wrong where rows hold lists or tables: they can neither be counted nor told apart."""
    if types.is_numeric_dtype(column.dtype):
        return None
    try:
        column.nunique()
    except (TypeError, NotImplementedError):
        return Fault(where, "one number or text in each row", "lists", "Turn it into numbers, such as how many there are.")
    return None
