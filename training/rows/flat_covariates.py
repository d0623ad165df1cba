"""The covariates of one flat table: what describes a row, and what is none: names of rows, days, numbers written as text."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api import types

from ...data.errors import Fault, InvalidInput
from ..columns import Columns
from ..value_faults import infinite_fault
from .flat_columns import LONGEST_SHOWN, FlatColumns, dropped, nested_fault

# A text column with more levels than this share of its rows names rows rather than describing them.
IDENTIFIER_SHARE = 0.5
# A text column of so many values, and no more than this share of them words, was meant to be one of numbers.
LEAST_NUMBERS, MOST_WORDS = 20, 0.1
# Fewer levels may be names of classes, such as "3-5%".
LEAST_WRITTEN = 10
_DAY_OBJECTS = ("date", "datetime", "datetime64", "timedelta", "period")
_NUMBER_OBJECTS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean"}
# `id`, `loan_key`, `BorrowerID`, `Unnamed: 0`; or a word for people or contracts, alone or numbered.
_PEOPLE = "borrower|customer|client|person|member|user|debtor|household|account|loan|contract|case"
_IDENTIFIER_NAME = re.compile(
    rf"(?i:(^|[_ ])(id|key|uuid)$|^(unnamed: \d+|index|row)$|^({_PEOPLE})([_ ]?(no|nr|num|number))?$)|[a-z](ID|Id)$"
)
# Days written as text: 2026-03-01 (with a time or not), 01.03.2026, 3/1/2026.
_DAY = re.compile(r"^\s*(\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}( .*)?)\s*$")
# Numbers as people write them: 1,200.50; 1.200,50; 1 200; 35%; EUR 12; -3,5.
_UNIT = r"([^\w\s.,'+-]|EUR|USD|GBP|CHF|JPY|CNY|INR|BRL|MXN|IDR|PHP|NGN|KES|ZAR)?"
_WRITTEN_NUMBER = re.compile(rf"^\s*{_UNIT}\s*[-+]?\d[\d.,' \u00a0]*\s*{_UNIT}\s*$")


def covariates(table: pd.DataFrame, columns: FlatColumns, faults: list[Fault]) -> pd.DataFrame:
    """Return all other columns, text turned into categories; what cannot be a covariate is a fault."""
    aside = {*columns.used.values(), *dropped(columns)}
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
    return text or (_IDENTIFIER_NAME.search(name) is not None and _whole(column))


def _whole(column: pd.Series) -> bool:
    """Tell whether a column is of whole numbers, in floats or not."""
    if types.is_bool_dtype(column.dtype) or not types.is_numeric_dtype(column.dtype):
        return False
    if types.is_integer_dtype(column.dtype):
        return True
    known = column.dropna().to_numpy(dtype=np.float64, na_value=np.nan)
    return bool((np.isfinite(known) & (known == np.round(known))).all())


def _counts_rows(column: pd.Series) -> bool:
    """Tell whether a column numbers the rows: whole numbers without a gap, each once, in whatever order."""
    if not _whole(column) or column.isna().any() or len(column) < LEAST_NUMBERS:
        return False
    return bool(column.is_unique and column.max() - column.min() == len(column) - 1)


def _is_text(column: pd.Series) -> bool:
    return bool(types.is_string_dtype(column.dtype) or types.is_object_dtype(column.dtype))


def _not_a_covariate(name: str, column: pd.Series) -> Fault | None:
    """Return the first thing that keeps a column from being a covariate."""
    where, remedy = f"column '{name}'", f"Leave it out: --drop {name} (drop=['{name}'])."
    if fault := nested_fault(where, column):
        return replace(fault, remedy=f"{fault.remedy} {remedy}")
    if days := _days(column):
        return Fault(where, "numbers or text", days, f"Turn it into days before the decision. {remedy}")
    if _is_text(column):
        return _names_rows(name, column)
    if fault := infinite_fault(where, column) or _kind_fault(name, column):
        return replace(fault, where=where)
    return _names_rows(name, column)


def _names_rows(name: str, column: pd.Series) -> Fault | None:
    """Return what is wrong with a column that has as many values as rows to describe, or nearly."""
    where, remedy = f"column '{name}'", f"Leave it out: --drop {name} (drop=['{name}'])."
    known, levels = int(column.notna().sum()), column.nunique()
    named = may_name_rows(name, column) and not isinstance(column.dtype, pd.CategoricalDtype)
    many = named and levels > max(20, IDENTIFIER_SHARE * known)
    if many and (written := numbers_as_written(column)):
        return Fault(where, "numbers", f"text, such as {written}", f"Write plain numbers, such as 1200.5. {remedy}")
    if many and (words := words_among_numbers(column)):
        mended = f"Correct these values, or leave them empty. {remedy}"
        return Fault(where, "numbers", f"text among them, such as {words}", mended)
    if many or _counts_rows(column):
        return Fault(where, "a description of the row", f"{levels:,} values in {known:,} rows: an identifier", remedy)
    return None


def _days(column: pd.Series) -> str:
    """Say which kind of instants or days a column holds; empty where it holds none."""
    instants = types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype)
    if instants or isinstance(column.dtype, pd.PeriodDtype):
        return str(column.dtype)
    levels = column.cat.categories.to_series() if isinstance(column.dtype, pd.CategoricalDtype) else column
    if not _is_text(levels):
        return ""
    kind = types.infer_dtype(levels, skipna=True)
    if kind in _DAY_OBJECTS:
        return f"{kind} objects"
    values = pd.Series(levels.dropna().unique()).astype("str")
    days = values[[_DAY.match(text) is not None for text in values]]
    return f"days as text, such as {days.iloc[0]!r}" if len(days) and len(days) > (1 - MOST_WORDS) * len(values) else ""


def _kind_fault(name: str, column: pd.Series) -> Fault | None:
    """Return what keeps a column from being learnt from, by the model's own word."""
    try:
        Columns.learn(column.to_frame(name))
    except InvalidInput as error:
        return error.faults[0]
    return None


def _numbers_as_such(column: pd.Series) -> pd.Series:
    """Return a column of objects that are all numbers, such as decimals from a database, as numbers."""
    if not types.is_object_dtype(column.dtype) or types.infer_dtype(column, skipna=True) not in _NUMBER_OBJECTS:
        return column
    return pd.Series(column.to_numpy(dtype="float64", na_value=float("nan")), index=column.index, name=column.name)


def numbers_as_written(column: pd.Series) -> str:
    """Show numbers with separators, units or signs of currency; empty where there are none, or where others are among them."""
    values = pd.Series(column.dropna().unique()).astype("str")
    if len(values) < LEAST_WRITTEN:
        return ""
    plain = pd.to_numeric(values, errors="coerce").notna()
    written = pd.Series([_WRITTEN_NUMBER.match(text) is not None for text in values])
    # Plain numbers with a word or two among them, such as "12x", are another matter.
    mostly = (written & ~plain).sum() > MOST_WORDS * len(values)
    if not mostly or (plain | written).sum() < (1 - MOST_WORDS) * len(values):
        return ""
    return ", ".join(repr(text[:LONGEST_SHOWN]) for text in values[written & ~plain].iloc[:3])


def words_among_numbers(column: pd.Series) -> str:
    """Show the few words that make text of a column of numbers; empty where there are none, or where most are words."""
    values = pd.Series(column.dropna().unique()).astype("str")
    words = values[pd.to_numeric(values, errors="coerce").isna()]
    if len(values) < LEAST_NUMBERS or len(words) > MOST_WORDS * len(values):
        return ""
    return ", ".join(repr(word[:LONGEST_SHOWN]) for word in words.iloc[:3])
