"""What the reader of a flat run should look at: columns empty, of numbers but for a few words, of people, that differ."""

import numpy as np
import pandas as pd
from scipy import stats

from ..inputs import Floats
from ..model.covariates import quantile_grid
from ..statistics.many_tests import p_text
from ..statistics.ranking import auc
from .flat_covariates import numbers_as_written, words_among_numbers

# Randomised arms differ in a column by chance once in ten thousand tables.
BALANCE_P = 1e-4
# What was known before an arm ranks an outcome less well than this, by the area under the curve; days overdue come to 0.8.
MOST_TELLING = 0.95
# Names repeat in a few rows each and are many; towns and products are fewer, or in many rows each.
LEAST_NAMES, MOST_ROWS_OF_A_NAME = 100, 10
# More rows than this share are seldom equal by chance, where some column has a value of its own in half of the distinct rows.
MOST_REPEATED, FINE = 0.05, 0.5
# And among the values of that column that several rows share, more than this share are of rows equal in everything.
MOST_ALIKE = 0.5


def empty_columns(X: pd.DataFrame) -> tuple[str, ...]:
    """Name covariates without a single value.

    Examples
    --------
    >>> empty_columns(pd.DataFrame({"age": [30.0, np.nan], "income": [np.nan, np.nan]}))
    ("Column 'income' is empty: the model learns nothing from it. Load it, or drop it.",)
    """
    return tuple(
        f"Column '{name}' is empty: the model learns nothing from it. Load it, or drop it."
        for name in X.columns
        if bool(X[name].isna().all())
    )


def tell_the_outcome(X: pd.DataFrame, y: Floats) -> dict[str, str]:
    """Name covariates that give the outcome away, each with what to do: filled in with it, they leave nothing to any arm.

    Examples
    --------
    >>> paid = np.tile([0.0, 1.0, 1.0], 100)
    >>> X = pd.DataFrame({"age": np.arange(300.0) % 50, "closed_on": np.where(paid == 1, 7.0, np.nan)})
    >>> list(tell_the_outcome(X, paid))
    ['closed_on']
    """
    found = {str(name): _auc_alone(X[name], y) for name in X.columns}
    return {
        name: f"Column '{name}' tells the outcome nearly by itself (AUC {area:.3f}): if it was filled in after the arm, drop "
        f"it. With it, no arm seems to change anything."
        for name, area in found.items()
        if area > MOST_TELLING
    }


def _auc_alone(column: pd.Series, y: Floats) -> float:
    """Return how well a column alone ranks the outcome: its mean by value or range, from one half of the rows to the other."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        kind = column.cat.codes.to_numpy().astype(np.int64) + 1
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        # What is missing is a kind of its own.
        kind = np.where(np.isfinite(values), 1 + np.searchsorted(quantile_grid(values), values), 0)
    even, score = np.arange(len(y)) % 2 == 0, np.empty(len(y))
    for own, other in ((even, ~even), (~even, even)):
        events, rows = (np.bincount(kind[own], weights, kind.max() + 1) for weights in (y[own], None))
        score[other] = ((events + y.mean()) / (rows + 1))[kind[other]]
    return auc(y, score)


def numbers_as_text(X: pd.DataFrame) -> tuple[str, ...]:
    """Name categories that are numbers: but for a few words, or with separators, units or signs of currency.

    Examples
    --------
    >>> income = pd.Series([*map(str, range(1_000, 1_100)), "12x"]).astype("category")
    >>> numbers_as_text(pd.DataFrame({"income": income}))[0][:73]
    "Column 'income' holds text among numbers, such as '12x', and is learnt as"
    >>> income = pd.Series([f"{n},200" for n in range(10, 60)]).astype("category")
    >>> numbers_as_text(pd.DataFrame({"income": income}))[0][:60]
    "Column 'income' holds numbers as text, such as '10,200', '11"
    """
    notices = []
    for name in X.columns[[isinstance(kind, pd.CategoricalDtype) for kind in X.dtypes]]:
        if words := words_among_numbers(X[name]):
            held = f"holds text among numbers, such as {words}"
            remedy = "Where it is a number, correct these values or leave them empty."
        elif written := numbers_as_written(X[name]):
            held, remedy = f"holds numbers as text, such as {written}", "Write plain numbers, such as 1200.5."
        else:
            continue
        notices.append(f"Column '{name}' {held}, and is learnt as a category, without an order. {remedy}")
    return tuple(notices)


def repeated_rows(rows: pd.DataFrame) -> tuple[str, ...]:
    """Tell rows that are equal in everything, where hardly any should be: a join may have multiplied them.

    Parameters
    ----------
    rows : DataFrame
        Covariates, arm and outcome.

    Examples
    --------
    >>> once = pd.DataFrame({"income": np.arange(100) / 7, "arm": "none"})
    >>> repeated_rows(once), repeated_rows(pd.concat([once] * 3))[0][:48]
    ((), '200 of 300 rows are equal to another in every co')
    """
    again = int(rows.duplicated().sum())
    distinct = len(rows) - again
    finest = max(rows.columns, key=lambda name: rows[name].nunique())
    # Where no column is fine, rows are equal by chance.
    if again <= MOST_REPEATED * len(rows) or rows[finest].nunique() < FINE * distinct:
        return ()
    # So they are in the heap of a fine one, such as the least amount: one value, however many rows have it.
    shared, alike = (rows.loc[rows.duplicated(by), finest].nunique() for by in ([finest], None))
    if alike <= MOST_ALIKE * shared:
        return ()
    told = (
        f"{again:,} of {len(rows):,} rows are equal to another in every column: if a join has multiplied them, drop them, as "
        "intervals are too narrow by it; if they are one person's, name the column that tells people apart (--group, group=)."
    )
    return (told,)


def unnamed_groups(X: pd.DataFrame, suspects: tuple[str, ...]) -> tuple[str, ...]:
    """Name covariates whose values look like people with a few rows each, of a table that names no group.

    Parameters
    ----------
    suspects : tuple of str
        Columns of text, and of whole numbers that are called an identifier.
    """
    notices = []
    for name in suspects:
        known, values = int(X[name].notna().sum()), X[name].nunique()
        if values >= LEAST_NAMES and values < known <= MOST_ROWS_OF_A_NAME * values:
            notices.append(
                f"Column '{name}' has {values:,} values in {known:,} rows: if it names people, rows of one person are both "
                f"learnt from and held out, and what is learnt looks better and surer than it is. Keep them together: "
                f"--group {name} (group='{name}')."
            )
    return tuple(notices)


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
                f"Column '{name}' differs between the arms although they were drawn at random ({p_text(p)}): if it was "
                f"measured after the arm, drop it."
            )
    return tuple(notices)


def _difference_p(column: pd.Series, arm: np.ndarray) -> float:
    """Return the p-value of no difference between arms: ranks for numbers, chi-squared for categories and who has a value."""
    known = column.notna().to_numpy()
    if isinstance(column.dtype, pd.CategoricalDtype) or column.nunique() <= 2:
        # What is missing is a kind of its own.
        return _of_counts(column.astype("str").to_numpy(dtype=object, na_value=""), arm)
    parts = [part.to_numpy(dtype=np.float64) for _, part in column[known].groupby(arm[known])]
    several = len(parts) >= 2 and min(map(len, parts)) >= 2
    # Of the values and of who has one: twice the smaller holds for both.
    values = float(stats.kruskal(*parts).pvalue) if several else 1.0
    return values if known.all() else min(1.0, 2 * min(values, _of_counts(known, arm)))


def _of_counts(kind: np.ndarray, arm: np.ndarray) -> float:
    counts = pd.crosstab(kind, arm).to_numpy()
    return 1.0 if min(counts.shape) < 2 else float(stats.chi2_contingency(counts).pvalue)
