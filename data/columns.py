"""The columns of a source held against their contract: what is missing, strange, personal or of the wrong type."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .contracts import CONTRACTS, Column, Contract, Kind
from .errors import Fault
from .personal import personal_reason
from .settings import SourceSettings
from .sources import Part

_INTEGERS: Final = r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|INT\d+"
_FLOATS: Final = r"FLOAT|DOUBLE|REAL|DOUBLE PRECISION"
_DECIMALS: Final = r"(DECIMAL|NUMERIC)(\(.*\))?"
_TEXTS: Final = r"VARCHAR|TEXT|CHARACTER VARYING|CHARACTER|CHAR|JSON|JSONB|ENUM\(.*\)|USER-DEFINED"
_NAIVE: Final = r"TIMESTAMP|TIMESTAMP_(S|MS|US|NS)|DATETIME|TIMESTAMP WITHOUT TIME ZONE|DATE"
_AWARE: Final = r"TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ(_\w+)?"
# Which types a source may use for a kind of column. Ids as floats are refused: 12 would read as '12.0' and match nothing.
_ACCEPTED: Final = {
    Kind.TEXT: f"{_TEXTS}|{_INTEGERS}|UUID",
    Kind.INSTANT: f"{_TEXTS}|{_AWARE}|{_NAIVE}",
    Kind.DAY: f"{_TEXTS}|{_NAIVE}",
    Kind.MONEY: f"{_TEXTS}|{_INTEGERS}|{_FLOATS}|{_DECIMALS}",
    Kind.INTEGER: f"{_TEXTS}|{_INTEGERS}|{_FLOATS}|{_DECIMALS}",
    Kind.FLAG: f"{_TEXTS}|{_INTEGERS}|BOOLEAN",
    Kind.TEXT_LIST: rf"{_TEXTS}|ARRAY|(VARCHAR|{_INTEGERS})\[\]",
    Kind.PROPENSITIES: rf"{_TEXTS}|MAP\(.*\)|STRUCT\(.*\)",
}
_WORDS: Final = {
    Kind.TEXT: "text or whole numbers",
    Kind.INSTANT: "timestamps with a time zone",
    Kind.DAY: "dates",
    Kind.MONEY: "exact decimals (18, 2)",
    Kind.INTEGER: "whole numbers",
    Kind.FLAG: "true or false",
    Kind.TEXT_LIST: "a list of texts, or JSON text",
    Kind.PROPENSITIES: "a map from arm to probability, or JSON text",
}


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """What came out of holding a part's columns against the contract.

    Parameters
    ----------
    faults : tuple of Fault
    notices : tuple of str
    readable : bool
        False where a column's type cannot be turned into the contract's.
    """

    faults: tuple[Fault, ...]
    notices: tuple[str, ...]
    readable: bool


def check_columns(part: Part, settings: SourceSettings) -> ColumnCheck:
    """Hold the columns of one part of a source against its contract.

    Parameters
    ----------
    part : Part
    settings : SourceSettings
        Zone and defaults of the source.
    """
    contract = CONTRACTS[part.table]
    where = f"table '{part.table}' ({part.label})"
    known = {column.name for column in contract.columns}
    strange = [name for name in part.columns if name not in known]
    personal = {name: reason for name in strange if (reason := personal_reason(name))}
    defaults = settings.defaults.get(part.table, {})
    missing = [column for column in contract.columns if column.name not in part.columns and column.name not in defaults]
    required = [column for column in missing if not column.nullable]
    types = _type_faults(part, contract)
    faults = [
        *difference_faults(where, required, strange, [column.name for column in contract.columns]),
        *(_personal_fault(where, name, reason) for name, reason in personal.items()),
        *types,
        *_naive_faults(part, contract, settings),
    ]
    ignored = [name for name in strange if name not in personal]
    return ColumnCheck(tuple(faults), tuple(_notices(part, missing, ignored, defaults)), not types)


def difference_faults(where: str, missing: Iterable[Column], strange: Iterable[str], known: list[str]) -> list[Fault]:
    """Show required columns that are missing, and those found in their place, as a diff."""
    missing = list(missing)
    if not missing:
        return []
    names = [column.name for column in missing]
    lines = [f"  - {column.name}  {column.kind.value}, required" for column in missing]
    lines += [f"  + {name}  (unknown{_hint(name, names)})" for name in strange]
    found = f"{len(missing)} required column{'s' if len(missing) > 1 else ''} missing"
    remedy = "Rename or add it, or set a default under `source.defaults`:\n" + "\n".join(lines)
    return [Fault(where, f"the contract's {len(known)} columns", found, remedy)]


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that a person most likely meant; empty where none is near.

    Examples
    --------
    >>> closest("postedat", ["paid_at", "posted_at"])
    'posted_at'
    """
    bare = {re.sub(r"[\W_]", "", name).lower(): name for name in known}
    match = difflib.get_close_matches(re.sub(r"[\W_]", "", word).lower(), bare, n=1, cutoff=0.7)
    return bare[match[0]] if match else ""


def _hint(word: str, known: Iterable[str]) -> str:
    return f"; did you mean {name}?" if (name := closest(word, known)) else ""


def _personal_fault(where: str, name: str, reason: str) -> Fault:
    remedy = "Leave the column out of the export: what is not needed to choose a contact is not collected (data minimisation)."
    if reason == "a date of birth":
        remedy += " The year alone is enough: `birth_year`."
    return Fault(f"column '{name}' of {where}", "no personal data", f"a column that looks like {reason}", remedy)


def _type_faults(part: Part, contract: Contract) -> list[Fault]:
    return [
        Fault(
            f"column '{column.name}' of table '{part.table}' ({part.label})",
            _WORDS[column.kind],
            part.columns[column.name],
            f"Write it as {_WORDS[column.kind]}.",
        )
        for column in contract.columns
        if column.name in part.columns and not accepts(column.kind, part.columns[column.name])
    ]


def _naive_faults(part: Part, contract: Contract, settings: SourceSettings) -> list[Fault]:
    if settings.timezone is not None:
        return []
    return [
        naive_fault(part.table, column.name, f"{part.columns[column.name]} without one", part.label)
        for column in contract.columns
        if column.kind is Kind.INSTANT and is_naive(part.columns.get(column.name, ""))
    ]


def naive_fault(table: str, column: str, found: str, label: str) -> Fault:
    """Describe timestamps without a time zone."""
    return Fault(
        f"column '{column}' of table '{table}' ({label})",
        "timestamps with a time zone",
        found,
        "Set `timezone: Asia/Shanghai`, or whichever zone they were written in, for this source.",
    )


def accepts(kind: Kind, declared: str) -> bool:
    """Tell whether a declared type can carry a kind of column.

    Examples
    --------
    >>> accepts(Kind.MONEY, "DECIMAL(20,4)"), accepts(Kind.TEXT, "DOUBLE"), accepts(Kind.FLAG, "boolean")
    (True, False, True)
    """
    return bool(re.fullmatch(rf'{_ACCEPTED[kind]}|"NULL"', declared, flags=re.IGNORECASE | re.DOTALL))


def is_naive(declared: str) -> bool:
    """Tell whether a declared type is a timestamp or date without a zone."""
    return bool(re.fullmatch(_NAIVE, declared, flags=re.IGNORECASE))


def is_text(declared: str) -> bool:
    """Tell whether a declared type arrives as text."""
    return bool(re.fullmatch(_TEXTS, declared, flags=re.IGNORECASE | re.DOTALL))


def _notices(part: Part, missing: list[Column], ignored: list[str], defaults: dict[str, str]) -> Iterable[str]:
    if ignored:
        yield f"{part.table}: columns ignored, no contract knows them: {', '.join(ignored)}"
    for name, value in defaults.items():
        if name not in part.columns:
            yield f"{part.table}: the source has no column {name}; every row is given '{value}' (`source.defaults`)"
        else:
            yield f"{part.table}: the source has a column {name}; its default '{value}' was not used"
    filled = {column.name: column.default for column in missing if column.default is not None}
    for name, value in filled.items():
        yield f"{part.table}: the source has no column {name}; every row counts as '{value}' (the contract's default)"
    empty = [column.name for column in missing if column.nullable and column.default is None]
    if empty:
        yield f"{part.table}: columns that the source does not have are null: {', '.join(empty)}"
