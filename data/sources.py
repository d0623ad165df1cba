"""Where tables come from: what every back end hands over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .errors import Fault


@dataclass(frozen=True, slots=True)
class Part:
    """One file or table of a source, ready to be read by the embedded database.

    Parameters
    ----------
    table : str
        The contract's table that it belongs to.
    label : str
        What a person calls it: the file's name, or schema and table.
    relation : str
        SQL after FROM. Every column of `columns` can be selected from it.
    row : str
        SQL of a row's position in the part, from 1.
    columns : dict
        Column name to declared type, in DuckDB's or the source's own words.
    text : bool
        All values arrive as text whatever was declared, as in CSV.
    """

    table: str
    label: str
    relation: str
    row: str
    columns: dict[str, str]
    text: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source has to offer.

    Parameters
    ----------
    parts : tuple of Part
        In the order in which they are read.
    strangers : tuple of str
        Tables or data files whose name is no contract's.
    faults : tuple of Fault
        Why parts cannot be read at all.
    unreadable : tuple of str
        The tables of these parts.
    """

    parts: tuple[Part, ...]
    strangers: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    unreadable: tuple[str, ...] = ()


class Source(Protocol):
    """A place that holds event tables."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    def size(self) -> int:
        """Return about how many bytes of content there are; decides whether the book is kept in memory."""
        ...

    def offer(self, connection: Any, workroom: Path) -> Offer:
        """List what can be read through a DuckDB connection.

        Parameters
        ----------
        connection : DuckDB connection
            What the relations of the parts will be read with.
        workroom : Path
            A folder for what has to be fetched first.
        """
        ...

    def release(self, connection: Any) -> None:
        """Let go of what `offer` took hold of."""
        ...


def quoted(name: str) -> str:
    """Return a name as an SQL identifier.

    Examples
    --------
    >>> quoted('at'), quoted('a"b')
    ('"at"', '"a""b"')
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def offered(source: Source, connection: Any, workroom: Path) -> Iterator[Offer]:
    """Lend a source's offer; the source is released afterwards."""
    try:
        yield source.offer(connection, workroom)
    finally:
        source.release(connection)
