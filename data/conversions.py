"""SQL that turns a source's values into a contract's types, and leaves null what cannot be turned."""

from dataclasses import dataclass
from typing import Final

from .book import sorted_map
from .columns import is_naive, is_text
from .contracts import Column, Kind
from .sources import Part, literal, quoted

# A time of day followed by a zone; a bare date ends in "-05" too, so the time must be there.
_HAS_ZONE: Final = r"\d:\d\d.*(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)$"
_BARE_DAY: Final = r"\d{4}-\d{1,2}-\d{1,2}([ T]00:00(:00(\.0+)?)?)?"


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one column is read.

    Parameters
    ----------
    value : str
        SQL of the value in the contract's type; null where the source's value is null or cannot be turned.
    raw : str
        SQL of the source's value, null where it has none.
    naive : str
        SQL that is true where a timestamp lacks a zone; empty where that cannot be.
    rounded : str
        SQL that is true where cents were cut off; empty where that cannot be.
    """

    value: str
    raw: str
    naive: str = ""
    rounded: str = ""


def convert(part: Part, column: Column, zone: str | None, default: str | None) -> Conversion:
    """Return how a part's column is read into the contract's.

    Parameters
    ----------
    part : Part
    column : Column
    zone : str, optional
        IANA zone of timestamps without one.
    default : str, optional
        Value of every row where the part lacks the column.
    """
    if column.name not in part.columns:
        if default is None:
            return Conversion(_defaulted(f"CAST(NULL AS {column.kind.value})", column), "NULL")
        return _from_text(column, literal(default), zone)
    declared = part.columns[column.name]
    name = quoted(column.name)
    if part.text or is_text(declared):
        return _from_text(column, f"nullif(CAST({name} AS VARCHAR), '')", zone)
    return _from_typed(column, name, declared, zone)


def _defaulted(value: str, column: Column) -> str:
    return value if column.default is None else f"COALESCE({value}, {literal(column.default)})"


def _from_text(column: Column, raw: str, zone: str | None) -> Conversion:
    if column.kind is Kind.INSTANT:
        return _instant_from_text(raw, zone)
    if column.kind is Kind.MONEY:
        return _money(raw)
    values = {
        Kind.TEXT: _defaulted(raw, column),
        Kind.DAY: f"CASE WHEN regexp_full_match({raw}, {literal(_BARE_DAY)}) THEN TRY_CAST({raw} AS DATE) END",
        Kind.INTEGER: _whole(f"TRY_CAST({raw} AS DOUBLE)"),
        Kind.FLAG: f"TRY_CAST({raw} AS BOOLEAN)",
        Kind.TEXT_LIST: f"TRY_CAST(TRY_CAST({raw} AS JSON) AS VARCHAR[])",
        Kind.PROPENSITIES: sorted_map(f"TRY_CAST(TRY_CAST({raw} AS JSON) AS MAP(VARCHAR, DOUBLE))"),
    }
    return Conversion(values[column.kind], raw)


def _from_typed(column: Column, name: str, declared: str, zone: str | None) -> Conversion:
    if column.kind is Kind.TEXT:
        raw = f"nullif(CAST({name} AS VARCHAR), '')"
        return Conversion(_defaulted(raw, column), raw)
    if column.kind is Kind.MONEY:
        return _money(name)
    # By way of TIMESTAMPTZ: nanoseconds have no cast of their own to a timestamp without a zone.
    aware = f"CAST(CAST({name} AS TIMESTAMPTZ) AS TIMESTAMP)"
    local = _from_zone(f"CAST({name} AS TIMESTAMP)", zone)
    flag = f"CASE {name} WHEN 0 THEN false WHEN 1 THEN true END"
    # A frame of dicts becomes a struct in Parquet, with nulls for the arms that a row does not have.
    entries = f"to_json({name})" if declared.upper().startswith("STRUCT") else name
    values = {
        Kind.INSTANT: local if is_naive(declared) else aware,
        Kind.DAY: f"CASE WHEN date_trunc('day', {name}) = {name} THEN CAST({name} AS DATE) END",
        Kind.INTEGER: _whole(name),
        Kind.FLAG: name if declared.upper() == "BOOLEAN" else flag,
        Kind.TEXT_LIST: f"CAST({name} AS VARCHAR[])",
        Kind.PROPENSITIES: sorted_map(f"TRY_CAST({entries} AS MAP(VARCHAR, DOUBLE))"),
    }
    return Conversion(values[column.kind], name)


def _instant_from_text(raw: str, zone: str | None) -> Conversion:
    zoned = f"regexp_matches({raw}, {literal(_HAS_ZONE)})"
    aware = f"CAST(TRY_CAST({raw} AS TIMESTAMPTZ) AS TIMESTAMP)"
    local = f"TRY_CAST({raw} AS TIMESTAMP)"
    value = f"CASE WHEN {zoned} THEN {aware} ELSE {_from_zone(local, zone)} END"
    naive = "" if zone else f"({raw} IS NOT NULL AND NOT {zoned} AND {local} IS NOT NULL)"
    return Conversion(value, raw, naive)


def _from_zone(local: str, zone: str | None) -> str:
    return f"CAST(timezone({literal(zone)}, {local}) AS TIMESTAMP)" if zone else local


def _money(raw: str) -> Conversion:
    value = f"TRY_CAST({raw} AS {Kind.MONEY.value})"
    exact = f"TRY_CAST({raw} AS DOUBLE)"
    # Doubles carry noise far below a cent; only what a person would call a third decimal is noted.
    rounded = f"(abs({exact} - CAST({value} AS DOUBLE)) > 1e-6 + 1e-12 * abs({exact}))"
    return Conversion(value, raw, rounded=rounded)


def _whole(number: str) -> str:
    return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number} AS INTEGER) END"
