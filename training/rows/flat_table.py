"""Reading one flat table: covariates, outcome, arm, propensity and groups, with all that is wrong with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...data.arms import ArmCatalogue, unknown_arm_fault
from ...data.errors import Fault, InvalidInput
from ..inputs import Floats, Ints, binary_outcome, numbers
from ..model.propensity import read_propensity
from ..statistics.clusters import LEAST_CLUSTERS
from ..value_faults import few_groups
from .flat_columns import FlatColumns, require_columns
from .flat_covariates import covariates, may_name_rows
from .flat_notices import (
    empty_columns,
    numbers_as_text,
    repeated_rows,
    tell_the_outcome,
    unbalanced,
    unnamed_groups,
)

__all__ = ["FlatColumns", "FlatTable", "read_flat_table"]

# Fewer rows of an arm can neither be split into halves and a held-out part nor carry an interval.
LEAST_ARM_ROWS = 50
# As many groups to learn from as an interval needs, and as many to hold out.
LEAST_GROUPS = 2 * LEAST_CLUSTERS
# Beside covariates, whose names are text.
_ARM, _OUTCOME = "the arm of the row", "the outcome of the row"
BASELINE_NAME = re.compile(
    r"^(none|no|nothing|control|holdout|0(\.0*)?(?![\d.,_-]*\d)|untreated)(?P<rest>[\W_].*)?$", re.IGNORECASE
)


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
    require_columns(table, columns)
    faults: list[Fault] = []
    table = table.reset_index(drop=True)
    n = len(table)
    y = binary_outcome(table[columns.outcome], n, faults, f"column '{columns.outcome}' (outcome)")
    arm = _arm_names(table[columns.arm], faults)
    arms = _catalogue(arm, baseline, faults)
    X = covariates(table, columns, faults)
    propensity = _stated(table, columns.propensity, arm, faults)
    groups = np.arange(n) if columns.group is None else _groups(table[columns.group], faults)
    if faults or arms is None:
        raise InvalidInput(faults)
    if isinstance(propensity, float):
        # By name: a part of the table may lack an arm.
        propensity = dict.fromkeys(arms.names, propensity)
    telling = tell_the_outcome(X, y)
    notices = empty_columns(X) + numbers_as_text(X) + tuple(telling.values())
    if baseline is None and (guess := BASELINE_NAME.match(arms.baseline)) and guess["rest"]:
        notices += (f"Arm '{arms.baseline}' is taken for no treatment, by its name; --baseline (baseline=) names another.",)
    if columns.group is None:
        suspects = (name for name in X.columns if name not in telling and may_name_rows(name, X[name]))
        notices += unnamed_groups(X, tuple(suspects)) + repeated_rows(X.assign(**{_ARM: arm, _OUTCOME: y}))
    if isinstance(propensity, Mapping):
        notices += unbalanced(X, arm, groups)
        if unused := sorted(set(map(str, propensity)) - set(arms.names)):
            notices += (f"Odds are stated of {', '.join(map(repr, unused))}, which no row was given: are these arms misspelt?",)
    return FlatTable(X, y, arm, propensity, groups, arms, notices)


def _groups(column: pd.Series, faults: list[Fault]) -> Ints:
    codes: Ints = np.asarray(pd.factorize(column)[0], dtype=np.int64)
    if missing := int((codes < 0).sum()):
        remedy = "Name a group of its own for each, or leave these rows out."
        faults.append(Fault(f"column '{column.name}' (group)", "a group for every row", f"{missing:,} missing", remedy))
    elif few := few_groups(f"column '{column.name}' (group)", codes, LEAST_GROUPS):
        faults.append(few)
    return codes


def _stated(
    table: pd.DataFrame, given: str | float | Mapping[str, float] | None, arm: np.ndarray, faults: list[Fault]
) -> np.ndarray | float | Mapping[str, float] | None:
    """Return the stated propensities of the taken arms, a column read; those that are no chance at all are a fault."""
    if given is None:
        return None
    if not isinstance(given, str):
        names, codes = np.unique(arm[arm != ""].astype(str), return_inverse=True)
        # Arms are text here, whatever they are in the table.
        given = {str(name): odds for name, odds in given.items()} if isinstance(given, Mapping) else given
        read_propensity(given, codes, names.tolist(), faults)
        return given if isinstance(given, Mapping) else float(given)
    where = f"column '{given}' (propensity)"
    values = numbers(where, table[given], len(table), faults)
    if wrong := values[np.isfinite(values) & ((values <= 0) | (values > 1))].tolist():
        remedy = "An arm that was taken had a chance: log the probability that it was drawn with."
        faults.append(Fault(where, "above 0 and at most 1", f"{len(wrong):,} rows outside, such as {wrong[0]:g}", remedy))
    return values


def _arm_names(column: pd.Series, faults: list[Fault]) -> np.ndarray:
    names: np.ndarray = column.astype("str").to_numpy(dtype=object, na_value="")
    if missing := int((names == "").sum()):
        remedy = "Name the arm without treatment, or leave the rows out."
        faults.append(Fault(f"column '{column.name}' (arm)", "an arm for every row", f"{missing:,} missing", remedy))
    counts = pd.Series(names[names != ""]).value_counts()
    if len(counts) < 2:
        remedy = "Keep the rows of the arm without treatment too: an effect is a difference."
        faults.append(Fault(f"column '{column.name}' (arm)", "at least two arms", f"{len(counts)}", remedy))
    for name, count in counts[counts < LEAST_ARM_ROWS].items():
        remedy = "Merge it with a neighbouring arm, or leave its rows out."
        faults.append(Fault(f"arm '{name}'", f"at least {LEAST_ARM_ROWS} rows", f"{count}", remedy))
    return names


def _catalogue(arm: np.ndarray, baseline: str | None, faults: list[Fault]) -> ArmCatalogue | None:
    names = sorted(set(arm.tolist()) - {""})
    if len(names) < 2:
        # Told already; what is missing is not the name of a baseline.
        return None
    if baseline is None:
        guesses = [name for name in names if BASELINE_NAME.match(name)]
        if len(guesses) != 1:
            found = f"the arms {', '.join(names)}"
            faults.append(
                Fault("baseline", "the name of the arm without treatment", found, "Name it: --baseline NAME (baseline='NAME').")
            )
            return None
        baseline = guesses[0]
    if str(baseline) not in names:
        faults.append(unknown_arm_fault(str(baseline), names, "baseline", "Name the arm of the table that means no treatment."))
        return None
    return ArmCatalogue.from_names(names, baseline=str(baseline))
