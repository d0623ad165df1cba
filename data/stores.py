"""Stores: from Parquet, CSV, DuckDB or PostgreSQL to a checked book."""

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

import pandas as pd

from .arms import ArmCatalogue
from .book import Book, book_digest, connect
from .columns import check_columns, closest
from .contracts import CONTRACTS
from .errors import Fault, InvalidInput
from .loading import Loader
from .quality import QualityReport, TableQuality, join_notices, table_quality
from .quarantine import Quarantine
from .settings import BookSettings, SourceSettings, load_yaml, parse_model
from .sources import Offer, Source, offered
from .sources_duckdb import DuckDBSource
from .sources_files import DATABASE_FILE, SETTINGS_FILE, FolderSource
from .sources_postgres import PostgresSource, without_password, write_postgres
from .writing import write_tables

__all__ = ["check_source", "open_book", "without_password", "write_postgres", "write_tables"]

_DATABASE_SUFFIXES: Final = (".duckdb", ".ddb", ".db")
_POSTGRES_SCHEMES: Final = ("postgresql://", "postgres://")
# A larger source's book is kept in a temporary file, so that it does not sit in memory.
_IN_MEMORY_BYTES: Final = 64 << 20
# While a large source is read; sorting and grouping beyond it go to the temporary folder.
_READING_MEMORY: Final = "1GB"


def open_book(source: str | Path, settings: BookSettings | None = None, arms: ArmCatalogue | None = None) -> Book:
    """Open a source as a checked book.

    Parameters
    ----------
    source : str or Path
        A folder with ``<table>.parquet``, ``<table>.csv``, ``<table>.csv.gz`` or ``<table>/`` full of these; a DuckDB file;
        or ``postgresql://...``, optionally with ``?schema=``.
    settings : BookSettings, optional
        Zone and defaults of the source, and the largest share of bad rows. A ``source.yaml`` in the folder is read too;
        what is set here goes before it.
    arms : ArmCatalogue, optional
        The arms that decisions may name.

    Returns
    -------
    Book
        Close it, or use it as a context: a large book lives in a temporary file.

    Raises
    ------
    InvalidInput
        Where tables or columns break their contracts, with every fault.
    TooManyBadRows
        Where the share of bad rows is above the limit.
    """
    return check_source(source, settings, arms)[0]


def check_source(
    source: str | Path, settings: BookSettings | None = None, arms: ArmCatalogue | None = None
) -> tuple[Book, QualityReport]:
    """Open a source as `open_book` does, and say what happened to every row.

    Returns
    -------
    Book
    QualityReport
        Also found on the `report` of a TooManyBadRows.
    """
    settings = settings or BookSettings()
    back_end = choose_source(source)
    chosen = _source_settings(source, settings.source)
    workroom = Path(tempfile.mkdtemp(prefix="lighttouch-book-"))
    try:
        backend = _database(back_end, workroom)
    except BaseException:
        shutil.rmtree(workroom, ignore_errors=True)
        raise
    # Tied to the connection, not to the book: an expression that outlives its book still needs the file.
    weakref.finalize(backend, shutil.rmtree, workroom, ignore_errors=True)
    try:
        loader = Loader(backend.con, chosen, arms)
        tables, quarantine, notices = _read(back_end, loader, workroom)
        report = QualityReport(back_end.label, tables, notices, quarantine)
        report.require(settings.quality)
        digest = book_digest(backend)
    except BaseException:
        _close(backend, workroom)
        raise
    summary = [f"{q.table}: {q.quarantined:,} of {q.read:,} rows quarantined" for q in tables if q.quarantined]
    book = Book(
        backend,
        digest,
        (*notices, *summary),
        report.doubtful_borrowers,
        lambda: _close(backend, workroom),
        report.unattributed(_known_borrowers(backend)),
    )
    return book, report


def _known_borrowers(backend: Any) -> set[str]:
    return {str(row[0]) for row in backend.con.execute("SELECT DISTINCT borrower_id FROM borrowers").fetchall()}


def choose_source(source: str | Path) -> Source:
    """Return the back end for a folder, a DuckDB file or a PostgreSQL address.

    Raises
    ------
    InvalidInput
        Where it is none of them.
    """
    if str(source).startswith(_POSTGRES_SCHEMES):
        return PostgresSource(str(source))
    path = Path(source)
    if path.is_dir():
        folder = FolderSource(path)
        inner = path / DATABASE_FILE
        return DuckDBSource(inner) if inner.is_file() and not folder.files() else folder
    if path.is_file() and path.suffix in _DATABASE_SUFFIXES:
        return DuckDBSource(path)
    found = "no such path" if not path.exists() else "a file of another kind"
    expected = "a folder of tables, a DuckDB file (.duckdb) or a postgresql:// address"
    raise InvalidInput([Fault(str(source), expected, found, "Check the path.")])


def _database(source: Source, workroom: Path) -> Any:
    """Open the book's database where its size wants it."""
    large = source.size() > _IN_MEMORY_BYTES
    backend = connect(str(workroom / "book.duckdb") if large else ":memory:")
    backend.raw_sql(f"SET temp_directory = '{workroom / 'spill'}'")
    if large:
        backend.raw_sql(f"SET memory_limit = '{_READING_MEMORY}'")
    return backend


def _close(backend: Any, workroom: Path) -> None:
    backend.disconnect()
    shutil.rmtree(workroom, ignore_errors=True)


def _read(source: Source, loader: Loader, workroom: Path) -> tuple[tuple[TableQuality, ...], pd.DataFrame, tuple[str, ...]]:
    """Check the columns, read the tables, take the bad rows out, count."""
    connection = loader.connection
    # Positions are counted as rows stream by; that needs them in order.
    connection.execute("SET preserve_insertion_order = true")
    quarantine = Quarantine(connection)
    with offered(source, connection, workroom) as offer:
        notices = _check_offer(source, offer, loader)
        quarantine.open()
        parts = {name: [part for part in offer.parts if part.table == name] for name in CONTRACTS}
        faults = [fault for name, contract in CONTRACTS.items() for fault in loader.load(contract, parts[name])]
    if faults:
        raise InvalidInput(faults)
    present = [name for name in CONTRACTS if parts[name]]
    for name in present:
        quarantine.take_bad_rows(CONTRACTS[name])
        quarantine.take_duplicates(CONTRACTS[name])
    quarantine.take_orphans()
    notices += [*loader.notices, *quarantine.loose_references(), *quarantine.blank_unknown_zones()]
    notices += [f"{name}: no such table; {contract.absent}" for name, contract in CONTRACTS.items() if name not in present]
    for contract in CONTRACTS.values():
        loader.finish(contract)
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("RESET memory_limit")
    frame = quarantine.close()
    kept = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in present}  # noqa: S608
    tables = tuple(table_quality(name, loader.rows_read[name], kept[name], frame) for name in present)
    return tables, frame, join_notices(notices)


def _check_offer(source: Source, offer: Offer, loader: Loader) -> list[str]:
    """Hold everything against the contracts before a row is read; all faults at once."""
    faults = [*offer.faults, *_missing_tables(source, offer)]
    notices = [f"{name}: ignored, no contract has this name" for name in offer.strangers]
    seen = dict.fromkeys((part.table for part in offer.parts), 0)
    for part in offer.parts:
        check = check_columns(part, loader.settings)
        rows, naive = loader.probe(CONTRACTS[part.table], part, readable=check.readable)
        seen[part.table] += rows
        # A column whose declared type has no zone has been named already.
        named = {fault.where for fault in check.faults}
        faults += [*check.faults, *(fault for fault in naive if fault.where not in named)]
        notices += check.notices
    for table, rows in seen.items():
        if rows == 0 and CONTRACTS[table].required:
            faults.append(Fault(f"table '{table}' ({source.label})", "rows", "none", "A book without them decides nothing."))
    if faults:
        raise InvalidInput(faults)
    return notices


def _missing_tables(source: Source, offer: Offer) -> list[Fault]:
    """Show required tables that are missing, and what is there in their place, as a diff."""
    found = {part.table for part in offer.parts} | set(offer.unreadable)
    missing = [name for name, contract in CONTRACTS.items() if contract.required and name not in found]
    if not missing:
        return []
    lines = [f"  - {name}  required" for name in missing]
    for name in offer.strangers:
        meant = closest(name.split(".")[0], missing)
        lines.append(f"  + {name}  (unknown{f'; did you mean {meant}?' if meant else ''})")
    count = f"{len(missing)} required table{'s' if len(missing) > 1 else ''} missing"
    return [Fault(source.label, f"the tables {', '.join(CONTRACTS)}", count, "Add or rename:\n" + "\n".join(lines))]


def _source_settings(source: str | Path, given: SourceSettings) -> SourceSettings:
    """Return what is said about a source: in its folder's own file, overruled by what the caller set."""
    beside = Path(source) / SETTINGS_FILE
    if not str(source).startswith(_POSTGRES_SCHEMES) and beside.is_file():
        own = parse_model(SourceSettings, load_yaml(beside), str(beside))
        given = own.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})
    if faults := [*_zone_faults(given), *_default_faults(given)]:
        raise InvalidInput(faults)
    return given


def _zone_faults(settings: SourceSettings) -> list[Fault]:
    zone = settings.timezone
    if zone is None or zone in available_timezones():
        return []
    return [Fault("source.timezone", "an IANA zone such as Asia/Shanghai", repr(zone), "Check its spelling.")]


def _default_faults(settings: SourceSettings) -> list[Fault]:
    faults = []
    for table, defaults in settings.defaults.items():
        if table not in CONTRACTS:
            faults.append(Fault(f"source.defaults.{table}", f"one of {', '.join(CONTRACTS)}", repr(table), ""))
            continue
        allowed = {column.name: column.allowed for column in CONTRACTS[table].columns}
        for name, value in defaults.items():
            where = f"source.defaults.{table}.{name}"
            if name not in allowed:
                meant = closest(name, allowed)
                faults.append(
                    Fault(where, f"one of {', '.join(allowed)}", repr(name), f"Did you mean '{meant}'?" if meant else "")
                )
            elif allowed[name] and value not in allowed[name]:
                faults.append(Fault(where, f"one of {', '.join(allowed[name])}", repr(value), ""))
    return faults
