"""A folder of Parquet and CSV files as a source."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from .contracts import CONTRACTS
from .errors import Fault
from .sources import Offer, Part, literal, quoted

DATABASE_FILE: Final = "book.duckdb"
SETTINGS_FILE: Final = "source.yaml"
_SUFFIXES: Final = (".parquet", ".csv", ".csv.gz")
_HEADER_BYTES: Final = 1 << 20
# How much larger a file's content is than the file itself, roughly, when it decides where the book is kept.
_EXPANSION: Final = {".parquet": 4, ".csv.gz": 5, ".csv": 1}


@dataclass(frozen=True)
class FolderSource:
    """Files named after their tables, or folders of such files.

    Parameters
    ----------
    folder : Path
        Holds ``<table>.parquet``, ``<table>.csv``, ``<table>.csv.gz``, or ``<table>/`` with any number of these.
    """

    folder: Path

    @property
    def label(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def files(self) -> dict[str, list[Path]]:
        """Return table name to its files, of the contracts' tables."""
        return {name: found for name in CONTRACTS if (found := self._files_of(name))}

    def _files_of(self, table: str) -> list[Path]:
        whole = [self.folder / f"{table}{suffix}" for suffix in _SUFFIXES]
        inside = (path for path in (self.folder / table).glob("*") if suffix_of(path))
        return [*(path for path in whole if path.is_file()), *sorted(inside)]

    def size(self) -> int:
        """Return about how many bytes the files hold when unpacked."""
        paths = (path for paths in self.files().values() for path in paths)
        return sum(path.stat().st_size * _EXPANSION[suffix_of(path)] for path in paths)

    def offer(self, connection: Any, workroom: Path) -> Offer:  # noqa: ARG002  nothing has to be fetched
        """List the tables' files; what cannot be read becomes a fault."""
        parts: list[Part] = []
        faults: list[Fault] = []
        unreadable: list[str] = []
        for table, paths in self.files().items():
            faults += _mixed_faults(self.folder, table, paths)
            for path in paths:
                label = str(path.relative_to(self.folder))
                try:
                    parts.append(file_part(connection, table, path, label))
                except UnreadableFileError as error:
                    faults.append(error.fault)
                    unreadable.append(table)
        return Offer(tuple(parts), self._strangers(), tuple(faults), tuple(unreadable))

    def _strangers(self) -> tuple[str, ...]:
        known = {f"{table}{suffix}" for table in CONTRACTS for suffix in _SUFFIXES}
        return tuple(sorted(path.name for path in self.folder.iterdir() if suffix_of(path) and path.name not in known))

    def release(self, connection: Any) -> None:
        """Nothing is held."""


class UnreadableFileError(Exception):
    """A file that is not what its name says; becomes one of the faults of its source."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def suffix_of(path: Path) -> str:
    """Return which kind of table file this is; empty for others."""
    return next((suffix for suffix in _SUFFIXES if path.name.endswith(suffix)), "")


def file_part(connection: Any, table: str, path: Path, label: str) -> Part:
    """Describe one Parquet or CSV file.

    Raises
    ------
    UnreadableFileError
        Where the file is not what its name says.
    """
    return _parquet_part(connection, table, path, label) if path.suffix == ".parquet" else csv_part(table, path, label)


def _parquet_part(connection: Any, table: str, path: Path, label: str) -> Part:
    relation = f"read_parquet({literal(str(path))}, file_row_number = true)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608  quoted
    except duckdb.Error as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        remedy = "Write it as Parquet, or name it .csv if it is text."
        raise UnreadableFileError(Fault(f"file '{label}'", "a Parquet file", reason, remedy)) from None
    return Part(
        table, label, relation, "file_row_number + 1", {name: kind for name, kind, *_ in described if name != "file_row_number"}
    )


def csv_part(table: str, path: Path, label: str) -> Part:
    """Describe one CSV file: comma, double quotes, a header line, UTF-8.

    Raises
    ------
    UnreadableFileError
        Where there is no usable header.
    """
    header = _read_header(path, label)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    # Lines that cannot be split into columns are kept apart by the reader, to be quarantined with their position.
    relation = (
        f"read_csv({literal(str(path))}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{columns}}}, store_rejects = true)"
    )
    return Part(table, label, relation, "row_number() OVER ()", dict.fromkeys(header, "VARCHAR"), text=True)


def _read_header(path: Path, label: str) -> list[str]:
    try:
        with path.open("rb") as raw:
            binary = gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw
            # The header alone: what is wrong further down is found, with its line, when the rows are read.
            header = next(csv.reader([binary.readline(_HEADER_BYTES).decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, csv.Error) as error:
        fault = Fault(f"file '{label}'", "CSV text in UTF-8", str(error), "Save it as UTF-8, with commas.")
        raise UnreadableFileError(fault) from None
    if not any(header) or len(set(header)) < len(header):
        found = "an empty file" if not any(header) else f"repeated names in {', '.join(map(quoted, header))}"
        raise UnreadableFileError(Fault(f"file '{label}'", "a header line with each column once", found, "Add the header."))
    return header


def _mixed_faults(folder: Path, table: str, paths: list[Path]) -> list[Fault]:
    places = {path.name if path.parent == folder else f"{path.parent.name}/" for path in paths}
    if len(places) < 2:
        return []
    return [Fault(f"table '{table}'", "one file or one folder", ", ".join(sorted(places)), "Keep the one that counts.")]
