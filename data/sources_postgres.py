"""PostgreSQL as a source and a target, through psycopg, as streams of CSV."""

import importlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from .contracts import CONTRACTS, Contract, Kind
from .errors import Fault, InvalidInput
from .sources import Offer, Part, quoted
from .sources_files import csv_part
from .writing import write_files

_TYPES: Final = {
    Kind.TEXT: "text",
    Kind.INSTANT: "timestamptz",
    Kind.DAY: "date",
    Kind.MONEY: "numeric(18,2)",
    Kind.INTEGER: "integer",
    Kind.FLAG: "boolean",
    Kind.TEXT_LIST: "jsonb",
    Kind.PROPENSITIES: "jsonb",
}
_CHUNK_BYTES: Final = 1 << 20
_COLUMNS: Final = """
    SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
    WHERE table_schema = %s ORDER BY table_name, ordinal_position
"""


@dataclass(frozen=True)
class PostgresSource:
    """Tables or views of one schema of a PostgreSQL database.

    Parameters
    ----------
    url : str
        ``postgresql://user@host/database?schema=collections``; the schema is ``public`` where none is named.
    """

    url: str

    @property
    def label(self) -> str:
        """Host, database and schema, without what the address says of users and passwords."""
        parts = urlsplit(self.url)
        return f"postgresql://{parts.hostname or ''}{parts.path} schema {split_schema(self.url)[1]}"

    def size(self) -> int:
        """Return that it may be large: how large is only known once the rows are here."""
        return sys.maxsize

    def offer(self, connection: Any, workroom: Path) -> Offer:  # noqa: ARG002  rows come through the workroom
        """Fetch the contracts' columns of every table into the workroom, all in one snapshot."""
        url, schema = split_schema(self.url)
        with connect_postgres(url) as server:
            # One snapshot: a payment that arrives while the tables are copied is in all of them or in none.
            server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            server.execute("SET LOCAL TIME ZONE 'UTC'")
            server.execute("SET LOCAL DateStyle = 'ISO, YMD'")
            columns: dict[str, dict[str, str]] = {}
            for table, column, kind in server.execute(_COLUMNS, [schema]).fetchall():
                columns.setdefault(table, {})[column] = kind
            parts = tuple(_fetch(server, schema, name, columns[name], workroom) for name in CONTRACTS if name in columns)
        return Offer(parts, tuple(sorted(set(columns) - set(CONTRACTS))))

    def release(self, connection: Any) -> None:
        """Nothing is held: the fetched files go with the workroom."""


def without_password(address: str) -> str:
    """Return the address as it may be shown and kept, without a password; anything but an address stays as it is.

    Examples
    --------
    >>> without_password("postgresql://clerk:secret@db/loans?schema=dunning&password=secret")
    'postgresql://clerk@db/loans?schema=dunning'
    >>> without_password("data/book")
    'data/book'
    """
    if "://" not in address:
        return address
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    query = [(name, value) for name, value in parse_qsl(parts.query) if "password" not in name.lower()]
    return urlunsplit(parts._replace(netloc=user.partition(":")[0] + at + host, query=urlencode(query)))


def split_schema(url: str) -> tuple[str, str]:
    """Return the address that the driver understands, and the schema.

    Examples
    --------
    >>> split_schema("postgresql://bank/loans?schema=dunning&connect_timeout=3")
    ('postgresql://bank/loans?connect_timeout=3', 'dunning')
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    schema = query.pop("schema", "public")
    return urlunsplit(parts._replace(query=urlencode(query))), schema


def connect_postgres(url: str) -> Any:
    """Open a connection; closed, and committed, by its context.

    Raises
    ------
    InvalidInput
        Where the driver is not installed, or the server does not answer.
    """
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        remedy = 'Install it with: pip install "lighttouch[postgres]".'
        raise InvalidInput([Fault("a postgresql:// source", "the package psycopg", "none installed", remedy)]) from None
    try:
        return psycopg.connect(url, client_encoding="UTF8")
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        where = f"postgresql://{urlsplit(url).hostname or ''}{urlsplit(url).path}"
        remedy = "Check the address, the server and the password."
        raise InvalidInput([Fault(where, "a PostgreSQL server that answers", reason, remedy)]) from None


def _fetch(server: Any, schema: str, table: str, columns: dict[str, str], workroom: Path) -> Part:
    known = {column.name for column in CONTRACTS[table].columns}
    picked = [name for name in columns if name in known]
    path = workroom / f"{table}.csv"
    # What the contract does not know is not fetched, only named: personal columns never leave their database.
    picks = ", ".join(_pick(name, columns[name]) for name in picked) or "NULL AS nothing"
    query = f"COPY (SELECT {picks} FROM {quoted(schema)}.{quoted(table)}) TO STDOUT (FORMAT csv, HEADER)"  # noqa: S608  quoted
    with path.open("wb") as file, server.cursor().copy(query) as stream:
        for chunk in stream:
            file.write(chunk)
    label = f"{schema}.{table}"
    part = csv_part(table, path, label)
    return Part(table, label, part.relation, part.row, columns, text=True)


def _pick(name: str, kind: str) -> str:
    if kind in ("ARRAY", "json", "jsonb"):
        return f"to_json({quoted(name)})::text AS {quoted(name)}"
    return quoted(name)


def write_postgres(tables: Mapping[str, pa.Table], url: str) -> None:
    """Replace the contracts' tables in a PostgreSQL schema, all in one transaction.

    Parameters
    ----------
    tables : mapping
        Table name to Arrow table, as for `write_tables`.
    url : str
        ``postgresql://...``, optionally with ``?schema=``; the schema is made where it is missing.

    Raises
    ------
    InvalidInput
        Where a table or column is not the contract's, or the server does not answer.
    """
    address, schema = split_schema(url)
    with tempfile.TemporaryDirectory(prefix="lighttouch-postgres-") as folder, connect_postgres(address) as server:
        written = write_files(tables, Path(folder), "csv")
        server.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for name, path in written.items():
            target = f"{quoted(schema)}.{quoted(name)}"
            server.execute(f"DROP TABLE IF EXISTS {target}")
            server.execute(create_statement(CONTRACTS[name], schema))
            with path.open("rb") as file, server.cursor().copy(f"COPY {target} FROM STDIN (FORMAT csv, HEADER)") as stream:
                while chunk := file.read(_CHUNK_BYTES):
                    stream.write(chunk)


def create_statement(contract: Contract, schema: str) -> str:
    """Return the SQL that makes a contract's table in PostgreSQL."""
    columns = ", ".join(
        f"{quoted(column.name)} {_TYPES[column.kind]}{'' if column.nullable else ' NOT NULL'}" for column in contract.columns
    )
    return f"CREATE TABLE {quoted(schema)}.{quoted(contract.name)} ({columns})"
