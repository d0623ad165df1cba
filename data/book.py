"""A book: the ten checked tables in one embedded database, the only thing the layers above read."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import ibis
import pyarrow as pa

from .contracts import CONTRACTS, Column, Contract, Kind


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
    doubtful : tuple of str
        Borrowers with a quarantined row: what is known of them is incomplete.
    unattributed : tuple of str
        Quarantined stops, refusals and payments that cannot be tied to any borrower, as text: whose they are is not known.
    on_close : callable, optional
        Lets go of what holds the tables.

    Examples
    --------
    >>> with Book.from_arrow({"loans": pa.table({"loan_id": ["L1"]})}) as book:
    ...     book.table("loans").count().to_pyarrow().as_py(), book.table("payments").count().to_pyarrow().as_py()
    (1, 0)
    """

    connection: Any
    digest: str = ""
    notices: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    on_close: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    unattributed: tuple[str, ...] = ()

    def close(self) -> None:
        """Close the database; a temporary file goes with it. Closing twice does no harm."""
        (self.on_close or self.connection.disconnect)()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

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


def book_digest(connection: Any) -> str:
    """Return a digest of the tables' content that depends neither on row order nor on the format they came in.

    Comparable between runs with one version of DuckDB, whose row hash it adds up.

    Parameters
    ----------
    connection : ibis backend
        With all ten tables.
    """
    sha = hashlib.sha256()
    for contract in CONTRACTS.values():
        columns = ", ".join(f'"{column.name}"' for column in contract.columns)
        query = f"SELECT count(*), sum(hash({columns})) FROM {contract.name}"  # noqa: S608  names are ours
        rows, total = connection.con.execute(query).fetchall()[0]
        sha.update(f"{contract.name} {rows} {total or 0}\n".encode())
    return sha.hexdigest()


def install(connection: Any, contract: Contract, table: pa.Table | None) -> None:
    """Create a contract's table in a database, with its columns in its types; empty where there is no table."""
    if table is None:
        connection.raw_sql(f"CREATE TABLE {contract.name} AS SELECT {casts(contract, None)} LIMIT 0")
        return
    incoming = ibis.util.gen_name("incoming")
    connection.con.register(incoming, table)
    connection.raw_sql(f"CREATE TABLE {contract.name} AS SELECT {casts(contract, table.schema)} FROM {incoming}")  # noqa: S608
    connection.con.unregister(incoming)


def casts(contract: Contract, schema: pa.Schema | None) -> str:
    """Return SQL that selects a contract's columns, in their types, from an Arrow table; null where it has none.

    Parameters
    ----------
    contract : Contract
    schema : Schema, optional
        Of the Arrow table; None where there is no table.
    """
    return ", ".join(_cast(column, schema) for column in contract.columns)


def _cast(column: Column, schema: pa.Schema | None) -> str:
    value = f"CAST(NULL AS {column.kind.value})"
    if schema is not None and column.name in schema.names:
        source = f'"{column.name}"'
        kind = schema.field(column.name).type
        if column.kind is Kind.INSTANT and pa.types.is_timestamp(kind) and kind.tz is not None:
            # Nanoseconds with a zone have no cast of their own to a timestamp without one.
            source = f"CAST({source} AS TIMESTAMPTZ)"
        value = f"CAST({source} AS {column.kind.value})"
        if column.kind is Kind.PROPENSITIES:
            value = sorted_map(value)
    if column.default is not None:
        value = f"COALESCE({value}, '{column.default}')"
    return f'{value} AS "{column.name}"'


def sorted_map(value: str) -> str:
    """Return SQL of a map sorted by key, without null values: equal propensities are equal however they were written."""
    entries = f"list_filter(map_entries({value}), lambda entry: entry.value IS NOT NULL)"
    return f"map_from_entries(list_sort({entries}))"
