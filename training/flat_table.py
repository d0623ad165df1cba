"""Reading one flat table: which columns are what, what may be a covariate, and what looks measured after the arm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import stats

from ..data.arms import ArmCatalogue, unknown_arm_fault
from ..data.errors import Fault, InvalidInput
from .inputs import Floats, binary_outcome, numbers

# Fewer rows of an arm can neither be split into halves and a held-out part nor carry an interval.
LEAST_ARM_ROWS = 50
# A text column with more levels than this share of its rows names rows rather than describing them.
IDENTIFIER_SHARE = 0.5
_IDENTIFIER_NAME = re.compile(r"(^|_)(id|key|uuid)$", re.IGNORECASE)
_BASELINE_NAME = re.compile(r"^(none|no|nothing|control|holdout|0|untreated)([\W_].*)?$", re.IGNORECASE)
# Randomised arms differ in a column by chance once in ten thousand tables.
BALANCE_P = 1e-4


@dataclass(frozen=True)
class FlatColumns:
    """Which columns of a table are what; all others are covariates.

    Parameters
    ----------
    arm, outcome : str
    propensity : str, number or mapping, optional
        A column, or what `ResponseModel.fit` takes.
    group : str, optional
    drop : tuple of str
    """

    arm: str
    outcome: str
    propensity: str | float | Mapping[str, float] | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()

    @property
    def used(self) -> dict[str, str]:
        """Role to column, for the columns that are not covariates."""
        roles = {"arm": self.arm, "outcome": self.outcome, "group": self.group, "propensity": self.propensity}
        return {role: name for role, name in roles.items() if isinstance(name, str)}


@dataclass(frozen=True)
class FlatTable:
    """A table brought into the learner's words.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
    y : ndarray of shape (n,)
    arm : ndarray of str of shape (n,)
    propensity : ndarray of shape (n,) or (n, K), mapping, or None
    groups : ndarray of shape (n,)
    arms : ArmCatalogue
    notices : tuple of str
    """

    X: pd.DataFrame
    y: Floats
    arm: np.ndarray
    propensity: np.ndarray | Mapping[str, float] | None
    groups: np.ndarray
    arms: ArmCatalogue
    notices: tuple[str, ...] = ()

    def part(self, rows: np.ndarray) -> "FlatTable":
        """Return the rows of a mask."""
        propensity = self.propensity[rows] if isinstance(self.propensity, np.ndarray) else self.propensity
        return FlatTable(self.X.loc[rows], self.y[rows], self.arm[rows], propensity, self.groups[rows], self.arms)


def read_flat_table(table: pd.DataFrame, columns: FlatColumns, baseline: str | None) -> FlatTable:
    """Check a table and split it into covariates, outcome, arm, propensity and groups.

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    _require_columns(table, columns)
    faults: list[Fault] = []
    table = table.reset_index(drop=True)
    n = len(table)
    y = binary_outcome(table[columns.outcome], n, faults, f"column '{columns.outcome}' (outcome)")
    arm = _arm_names(table[columns.arm], faults)
    arms = _catalogue(arm, baseline, faults)
    X = _covariates(table, columns, faults)
    propensity = _stated(table, columns.propensity, faults)
    if columns.group is not None and (missing := int(table[columns.group].isna().sum())):
        faults.append(Fault(f"column '{columns.group}'", "a group for every row", f"{missing:,} missing", ""))
    if faults or arms is None:
        raise InvalidInput(faults)
    groups = np.arange(n) if columns.group is None else pd.factorize(table[columns.group])[0]
    if isinstance(propensity, float):
        # By name: a part of the table may lack an arm.
        propensity = dict.fromkeys(arms.names, propensity)
    notices = unbalanced(X, arm, groups) if isinstance(propensity, Mapping) else ()
    return FlatTable(X, y, arm, propensity, groups, arms, notices)


def unbalanced(X: pd.DataFrame, arm: np.ndarray, groups: np.ndarray) -> tuple[str, ...]:
    """Name covariates that differ between randomised arms: they may have been measured after the arm.

    A group counts once for each of its arms: rows that share a person or a branch are alike, whatever was drawn.

    Examples
    --------
    >>> arm = np.repeat(["none", "letter"], 100)
    >>> X = pd.DataFrame({"age": np.tile(np.arange(100.0), 2), "replied": np.repeat([0.0, 1.0], 100) + np.tile([0, 0.1], 100)})
    >>> [notice.split(" ")[1] for notice in unbalanced(X, arm, np.arange(200))]
    ["'replied'"]
    """
    notices = []
    first = ~pd.DataFrame({"group": groups, "arm": arm}).duplicated().to_numpy()
    X, arm = X.loc[first], arm[first]
    for name in X.columns:
        p = _difference_p(X[name], arm)
        if p < BALANCE_P:
            notices.append(
                f"Column '{name}' differs between the arms although they were drawn at random (p = {p:.1g}): if it was "
                f"measured after the arm, drop it."
            )
    return tuple(notices)


def _difference_p(column: pd.Series, arm: np.ndarray) -> float:
    """Return the p-value of no difference between arms: ranks for numbers, chi-squared for categories."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.nunique() <= 2:
        counts = pd.crosstab(column.astype("str").to_numpy(), arm).to_numpy()
        return 1.0 if min(counts.shape) < 2 else float(stats.chi2_contingency(counts).pvalue)
    known = column.notna().to_numpy()
    parts = [part.to_numpy(dtype=np.float64) for _, part in column[known].groupby(arm[known])]
    if len(parts) < 2 or min(map(len, parts)) < 2:
        return 1.0
    return float(stats.kruskal(*parts).pvalue)


def _require_columns(table: pd.DataFrame, columns: FlatColumns) -> None:
    wanted = columns.used | {f"drop[{i}]": name for i, name in enumerate(columns.drop)}
    have = [str(name) for name in table.columns]
    faults = [
        Fault(f"column '{name}' ({role})", "a column of the table", "no such column", _nearest(name, have))
        for role, name in wanted.items()
        if name not in table.columns
    ]
    if twice := [str(name) for name in table.columns[table.columns.duplicated()].unique()]:
        faults.append(Fault("the table", "each column once", f"more than once: {', '.join(twice)}", "Rename them."))
    if not faults and table.empty:
        faults.append(Fault("the table", "at least one row", "none", ""))
    if faults:
        raise InvalidInput(faults)


def _nearest(name: str, have: list[str]) -> str:
    close = get_close_matches(name, have, n=1)
    return (f"Did you mean '{close[0]}'? " if close else "") + f"Columns: {', '.join(have)}."


def _stated(
    table: pd.DataFrame, given: str | float | Mapping[str, float] | None, faults: list[Fault]
) -> np.ndarray | float | Mapping[str, float] | None:
    """Return the stated propensities of the taken arms, a column read; those that are no chance at all are a fault."""
    if given is None or isinstance(given, Mapping):
        return given
    where = f"column '{given}' (propensity)" if isinstance(given, str) else "propensity"
    stated = numbers(where, table[given], len(table), faults) if isinstance(given, str) else float(given)
    values = np.atleast_1d(stated)
    if wrong := values[np.isfinite(values) & ((values <= 0) | (values > 1))].tolist():
        found = f"{wrong[0]:g}" if len(values) == 1 else f"{len(wrong):,} rows outside, such as {wrong[0]:g}"
        remedy = "An arm that was taken had a chance: log the probability that it was drawn with."
        faults.append(Fault(where, "above 0 and at most 1", found, remedy))
    return stated


def _arm_names(column: pd.Series, faults: list[Fault]) -> np.ndarray:
    if missing := int(column.isna().sum()):
        remedy = "Name the arm without treatment, or leave the rows out."
        faults.append(Fault(f"column '{column.name}'", "an arm for every row", f"{missing:,} missing", remedy))
    names: np.ndarray = column.astype("str").to_numpy(dtype=object, na_value="")
    counts = pd.Series(names[names != ""]).value_counts()
    if len(counts) < 2:
        faults.append(Fault(f"column '{column.name}'", "at least two arms", f"{len(counts)}", ""))
    for name, count in counts[counts < LEAST_ARM_ROWS].items():
        remedy = "Merge it with a neighbouring arm, or leave its rows out."
        faults.append(Fault(f"arm '{name}'", f"at least {LEAST_ARM_ROWS} rows", f"{count}", remedy))
    return names


def _catalogue(arm: np.ndarray, baseline: str | None, faults: list[Fault]) -> ArmCatalogue | None:
    names = sorted(set(arm.tolist()) - {""})
    if baseline is None:
        guesses = [name for name in names if _BASELINE_NAME.match(name)]
        if len(guesses) != 1:
            found = f"the arms {', '.join(names)}"
            faults.append(Fault("baseline", "the name of the arm without treatment", found, "Name it: baseline=..."))
            return None
        baseline = guesses[0]
    if baseline not in names:
        faults.append(unknown_arm_fault(baseline, names, "baseline"))
        return None
    return ArmCatalogue.from_names(names, baseline=baseline)


def _covariates(table: pd.DataFrame, columns: FlatColumns, faults: list[Fault]) -> pd.DataFrame:
    """Return all other columns, text turned into categories; what cannot be a covariate is a fault."""
    aside = {*columns.used.values(), *columns.drop}
    found: dict[str, pd.Series] = {}
    for name in (name for name in table.columns if name not in aside):
        column = table[name]
        text = types.is_string_dtype(column.dtype) or types.is_object_dtype(column.dtype)
        if fault := _not_a_covariate(str(name), column, text=text):
            faults.append(fault)
        else:
            found[str(name)] = column.astype("str").astype("category") if text else column
    if not found and not faults:
        faults.append(Fault("the table", "at least one covariate", "none", "Keep a column that was known before the arm."))
    return pd.DataFrame(found)


def _not_a_covariate(name: str, column: pd.Series, *, text: bool) -> Fault | None:
    remedy = f"Leave it out: drop=['{name}']."
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        return Fault(
            f"column '{name}'", "numbers or text", str(column.dtype), f"Turn it into days before the decision. {remedy}"
        )
    known, levels = int(column.notna().sum()), column.nunique()
    named_so = types.is_integer_dtype(column.dtype) and _IDENTIFIER_NAME.search(name) is not None
    if (text or named_so) and levels > max(20, IDENTIFIER_SHARE * known):
        return Fault(
            f"column '{name}'", "a description of the row", f"{levels:,} values in {known:,} rows: an identifier", remedy
        )
    return None
