"""Writing event tables: Parquet, CSV or DuckDB, whole or not at all."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from .book import casts, connect
from .columns import difference_faults
from .contracts import CONTRACTS, Column, Kind
from .errors import Fault, InvalidInput
from .files import replacing
from .sources import literal, quoted
from .sources_files import DATABASE_FILE, SETTINGS_FILE, suffix_of

Format = Literal["parquet", "csv", "duckdb"]
_FORMATS: Final = ("parquet", "csv", "duckdb")


def write_tables(tables: Mapping[str, pa.Table], folder: str | Path, format: Format = "parquet") -> None:  # noqa: A002
    """Write event tables into a folder, which takes the place of the one before in a single step.

    Parameters
    ----------
    tables : mapping
        Name of a contract's table to its rows; instants aware, or naive in UTC. Columns take their contract's types.
    folder : str or Path
        A new folder, or one that holds tables only: everything in it is replaced.
    format : {"parquet", "csv", "duckdb"}
        One file per table, or one DuckDB file. Lists and maps are JSON text in CSV.

    Raises
    ------
    InvalidInput
        Where a table or column is not the contract's, the folder holds other things, or it cannot be written.
    """
    folder = Path(folder)
    if format not in _FORMATS:
        raise InvalidInput([Fault("format", f"one of {', '.join(_FORMATS)}", repr(format), "")])
    if faults := _table_faults(tables):
        raise InvalidInput(faults)
    refuse_strangers(folder)
    with replacing(folder) as temporary:
        temporary.mkdir()
        write_files(tables, temporary, format)


def write_files(tables: Mapping[str, pa.Table], folder: Path, format: Format) -> dict[str, Path]:  # noqa: A002
    """Write each table into an existing folder.

    Returns
    -------
    dict
        Table name to the file that holds it.
    """
    if faults := _table_faults(tables):
        raise InvalidInput(faults)
    backend = connect(str(folder / DATABASE_FILE) if format == "duckdb" else ":memory:")
    try:
        backend.raw_sql("SET preserve_insertion_order = true")
        return {name: _write_one(backend.con, name, table, folder, format) for name, table in tables.items()}
    finally:
        backend.disconnect()


def _write_one(connection: Any, name: str, table: pa.Table, folder: Path, format: Format) -> Path:  # noqa: A002
    contract = CONTRACTS[name]
    picks = ", ".join(_encoded(column, format) for column in contract.columns)
    connection.register("incoming", table)
    query = f"SELECT {picks} FROM (SELECT {casts(contract, table.schema)} FROM incoming)"  # noqa: S608  names are ours
    if format == "duckdb":
        path = folder / DATABASE_FILE
        connection.execute(f"CREATE TABLE {name} AS {query}")
    else:
        path = folder / f"{name}.{format}"
        options = "FORMAT parquet, COMPRESSION zstd" if format == "parquet" else "FORMAT csv, HEADER"
        connection.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")
    connection.unregister("incoming")
    return path


def _encoded(column: Column, format: Format) -> str:  # noqa: A002
    name = quoted(column.name)
    if column.kind is Kind.INSTANT and format == "csv":
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ') AS {name}"
    if column.kind is Kind.INSTANT:
        return f"CAST({name} AS TIMESTAMPTZ) AS {name}"
    if column.kind in (Kind.TEXT_LIST, Kind.PROPENSITIES) and format == "csv":
        return f"CAST(to_json({name}) AS VARCHAR) AS {name}"
    return name


def _table_faults(tables: Mapping[str, pa.Table]) -> list[Fault]:
    faults = []
    for name, table in tables.items():
        if name not in CONTRACTS:
            faults.append(Fault(f"table '{name}'", f"one of {', '.join(CONTRACTS)}", "another name", "Rename it."))
            continue
        columns = CONTRACTS[name].columns
        known = [column.name for column in columns]
        strange = [column for column in table.column_names if column not in known]
        missing = [column for column in columns if not column.nullable and column.name not in table.column_names]
        faults += difference_faults(f"table '{name}'", missing, strange, known)
        if strange and not missing:
            remedy = "Leave them out: they would not be written."
            faults.append(Fault(f"table '{name}'", "columns of the contract", ", ".join(strange), remedy))
    return faults


def refuse_strangers(folder: Path, also: Collection[str] = ()) -> None:
    """Refuse to replace a folder that holds more than tables: a mistyped output path must not cost someone's files.

    Parameters
    ----------
    folder : Path
        May not exist yet.
    also : collection of str, optional
        Names that may be replaced too.

    Raises
    ------
    InvalidInput
        Naming what else is there.
    """
    if not folder.is_dir():
        return
    known = {DATABASE_FILE, SETTINGS_FILE, *CONTRACTS, *also}
    tables = {path.name for path in folder.iterdir() if path.name.removesuffix(suffix_of(path) or "") in CONTRACTS}
    strangers = [path.name for path in sorted(folder.iterdir()) if path.name not in known | tables]
    if strangers:
        found = ", ".join(strangers[:5])
        raise InvalidInput([Fault(str(folder), "a new folder or one with tables only", found, "Choose another folder.")])
