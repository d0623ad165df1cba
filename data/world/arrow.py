"""Arrow columns in the contracts' types, from a world's whole numbers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..contracts import CONTRACTS, Kind
from ..vocabulary import CHANNELS
from .hazards import Bools
from .people import Floats, Ints
from .record import NO_TIME

_INSTANT = pa.timestamp("us", tz="UTC")
_MONEY = pa.decimal128(18, 2)
_MAP = pa.map_(pa.string(), pa.float64())
_TYPES = {
    Kind.TEXT: pa.string(), Kind.INSTANT: _INSTANT, Kind.DAY: pa.date32(), Kind.MONEY: _MONEY, Kind.INTEGER: pa.int32(),
    Kind.FLAG: pa.bool_(), Kind.TEXT_LIST: pa.list_(pa.string()), Kind.PROPENSITIES: _MAP,
}  # fmt: skip


def schema_of(name: str) -> pa.Schema:
    """Return the Arrow schema of a contract's table, instants aware."""
    return pa.schema([pa.field(column.name, _TYPES[column.kind]) for column in CONTRACTS[name].columns])


def ids(prefix: str, numbers: Ints, width: int = 8) -> pa.Array:
    """Return identifiers such as B00000042."""
    text = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, text, "")


def instants(us: Ints) -> pa.Array:
    """Return aware UTC instants; `NO_TIME` becomes null."""
    return pa.array(us, mask=us == NO_TIME).cast(pa.timestamp("us")).cast(_INSTANT)


def money(cents: Ints) -> pa.Array:
    """Return exact decimals from whole cents.

    Examples
    --------
    >>> [str(value) for value in money(np.array([123, 100_000])).to_pylist()]
    ['1.23', '1000.00']
    """
    # A decimal128 is the unscaled whole number in two words of 64 bits, the low one first.
    words = np.stack([cents, cents >> 63], axis=1).astype(np.int64)
    return pa.Array.from_buffers(_MONEY, len(cents), [None, pa.py_buffer(np.ascontiguousarray(words))])


def words(vocabulary: tuple[str, ...] | list[str], codes: Ints) -> pa.Array:
    """Return words by position; -1 becomes null."""
    return pc.take(pa.array(list(vocabulary), pa.string()), pa.array(codes, mask=codes < 0))


def endpoint_ids(borrower: pa.Array, person: Ints, channel: Ints) -> pa.Array:
    """Return identifiers of endpoints: one per person and channel, no number or address."""
    return pc.binary_join_element_wise(pc.take(borrower, pa.array(person)), words(CHANNELS, channel), "-")


def propensity_map(names: list[str], shares: Floats, lawful: Bools) -> pa.Array:
    """Return, for each decision, the lawful arms with their probabilities."""
    row, k = np.nonzero(lawful)
    offsets = np.concatenate([[0], lawful.sum(axis=1).cumsum()]).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), words(names, k), pa.array(shares[row, k]))


def table(name: str, **columns: Any) -> pa.Table:
    """Return a contract's table in its order and types; columns not given are null."""
    schema = schema_of(name)
    n = len(next(iter(columns.values()))) if columns else 0
    arrays = [columns[field.name] if field.name in columns else pa.nulls(n, field.type) for field in schema]
    return pa.table([_as(array, field.type) for array, field in zip(arrays, schema, strict=True)], schema=schema)


def _as(array: Any, kind: pa.DataType) -> Any:
    return array if array.type == kind else array.cast(kind)
