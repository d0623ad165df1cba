"""A book: the ten checked tables in one embedded database, the only thing the layers above read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

from .contracts import CONTRACTS, Contract


@dataclass(frozen=True)
class Book:
    """The ten event tables, checked.

    Every table of the contract exists (an absent one is empty) with every column of its contract (an absent one is
    null). Instants are UTC wall time without a zone; money is decimal.

    Parameters
    ----------
    connection : ibis backend
        Embedded DuckDB that holds the tables.
    digest : str
        Digest of the tables' content; empty where it was not computed.
    notices : tuple of str
        What the reader of a run should know: defaults set, columns ignored, rows quarantined.
    """

    connection: Any
    digest: str = ""
    notices: tuple[str, ...] = ()

    def table(self, name: str) -> Any:
        """Return a contract's table as an ibis expression."""
        if name not in CONTRACTS:
            raise KeyError(name)
        return self.connection.table(name)

    @contextmanager
    def points(self, frame: pa.Table) -> Iterator[Any]:
        """Lend a table of decision points to the book's database.

        Parameters
        ----------
        frame : Table
            Any columns; registered under a name of its own while the context lasts.
        """
        name = ibis.util.gen_name("points")
        self.connection.create_table(name, frame, temp=True)
        try:
            yield self.connection.table(name)
        finally:
            self.connection.drop_table(name, force=True)

    @classmethod
    def from_arrow(cls, tables: dict[str, pa.Table]) -> "Book":
        """Build a book from tables that are known to keep their contracts, such as a world's own.

        Parameters
        ----------
        tables : dict
            Table name to Arrow table; instants may be aware.
        """
        connection = connect()
        for contract in CONTRACTS.values():
            install(connection, contract, tables.get(contract.name))
        return cls(connection)


def connect(path: str = ":memory:") -> Any:
    """Open an embedded database whose instants do not depend on the machine's zone."""
    connection = ibis.duckdb.connect(path)
    connection.raw_sql("SET TimeZone = 'UTC'")
    connection.raw_sql("SET preserve_insertion_order = false")
    return connection


def install(connection: Any, contract: Contract, table: pa.Table | None) -> None:
    """Create a contract's table in a database, with its columns in its types; empty where there is no table."""
    present = [] if table is None else table.column_names
    picks = ", ".join(_pick(column.name, column.kind, column.default, present) for column in contract.columns)
    if table is None:
        connection.raw_sql(f"CREATE TABLE {contract.name} AS SELECT {picks} LIMIT 0")
        return
    incoming = ibis.util.gen_name("incoming")
    connection.con.register(incoming, table)
    connection.raw_sql(f"CREATE TABLE {contract.name} AS SELECT {picks} FROM {incoming}")  # noqa: S608  names are ours
    connection.con.unregister(incoming)


def _pick(name: str, kind: str, default: str | None, present: list[str]) -> str:
    value = f'CAST("{name}" AS {kind})' if name in present else f"CAST(NULL AS {kind})"
    if default is not None:
        value = f"COALESCE({value}, '{default}')"
    return f'{value} AS "{name}"'
