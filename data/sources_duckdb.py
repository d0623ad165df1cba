"""A DuckDB file as a source, opened read-only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from .contracts import CONTRACTS
from .errors import Fault, InvalidInput
from .sources import Offer, Part, literal, quoted

_ALIAS: Final = "source_file"


@dataclass(frozen=True)
class DuckDBSource:
    """Tables or views of the file's main schema.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def label(self) -> str:
        """The file's path."""
        return str(self.path)

    def size(self) -> int:
        """Return about how many bytes the file holds when unpacked."""
        return self.path.stat().st_size * 2

    def offer(self, connection: Any, workroom: Path) -> Offer:  # noqa: ARG002  nothing has to be fetched
        """Attach the file and list its tables.

        Raises
        ------
        InvalidInput
            Where the file is no DuckDB database, or is locked by a process that writes to it.
        """
        try:
            connection.execute(f"ATTACH {literal(str(self.path))} AS {_ALIAS} (READ_ONLY)")
        except duckdb.Error as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            fault = Fault(str(self.path), "a DuckDB database that can be read", reason, "Check the file, or close its writer.")
            raise InvalidInput([fault]) from None
        found = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = 'main' AND NOT internal ORDER BY table_name, column_index",
            [_ALIAS],
        ).fetchall()
        columns: dict[str, dict[str, str]] = {}
        for table, column, kind in found:
            columns.setdefault(table, {})[column] = kind
        parts = tuple(
            Part(name, f"table {name}", f"{_ALIAS}.main.{quoted(name)}", "row_number() OVER ()", columns[name])
            for name in CONTRACTS
            if name in columns
        )
        strangers = tuple(sorted(set(columns) - set(CONTRACTS)))
        return Offer(parts, strangers)

    def release(self, connection: Any) -> None:
        """Detach the file."""
        connection.execute(f"DETACH DATABASE IF EXISTS {_ALIAS}")
