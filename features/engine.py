"""Where the expressions run: an embedded DuckDB, with room of its own beside the book's tables."""

from functools import lru_cache
from types import TracebackType
from typing import Any, Protocol, Self

import ibis
import pyarrow as pa

from ..data.book import Book
from ..data.contracts import CONTRACTS, Kind

_TYPES = {
    Kind.TEXT: "string",
    Kind.INSTANT: "timestamp(6)",
    Kind.DAY: "date",
    Kind.MONEY: "decimal(18, 2)",
    Kind.INTEGER: "int32",
    Kind.FLAG: "boolean",
    Kind.TEXT_LIST: "array<string>",
    Kind.PROPENSITIES: "map<string, float64>",
}


class Tables(Protocol):
    """What expressions over event tables ask of a book."""

    def table(self, name: str) -> Any:
        """Return a contract's table as an ibis expression."""
        ...


class ContractTables:
    """The ten tables by their contracts alone, bound to no database: an expression over them is compiled once for all books."""

    def table(self, name: str) -> Any:
        """Return a contract's table as an unbound ibis expression."""
        columns = CONTRACTS[name].columns
        return ibis.table({column.name: _TYPES[column.kind] for column in columns}, name=name)


class Engine(Protocol):
    """Runs unbound expressions against a book's tables."""

    def lend(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known under a name."""
        ...

    def keep(self, name: str, expression: Any) -> None:
        """Compute an expression once, under a name that later expressions use."""
        ...

    def read(self, expression: Any) -> pa.Table:
        """Compute an expression and return its rows."""
        ...


class DuckEngine:
    """Runs expressions on a book's own DuckDB; what is lent and kept is seen by nobody else and goes with the engine.

    Parameters
    ----------
    book : Book
    """

    def __init__(self, book: Book) -> None:
        # A cursor is a connection with its own temporary tables, so that two builds on one book do not meet.
        self._connection = book.connection.con.cursor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def lend(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known under a name."""
        self._connection.register(f"arrow_{name}", table)
        self._connection.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM "arrow_{name}"')  # noqa: S608  our own names
        self._connection.unregister(f"arrow_{name}")

    def keep(self, name: str, expression: Any) -> None:
        """Compute an expression once, under a name that later expressions use."""
        self._connection.execute(f'CREATE TEMP TABLE "{name}" AS {_sql(expression)}')

    def read(self, expression: Any) -> pa.Table:
        """Compute an expression and return its rows."""
        table: pa.Table = self._connection.sql(_sql(expression)).to_arrow_table()
        return table


@lru_cache(maxsize=512)
def _sql(expression: Any) -> str:
    # Compiling takes far longer than running a small book: it is done once per process.
    return str(ibis.to_sql(expression, dialect="duckdb"))
