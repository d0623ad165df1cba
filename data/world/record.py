"""What a world writes down while it runs: arrays by day, put together once at the end."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

NO_TIME = np.iinfo(np.int64).min

Column = NDArray[np.int64]


class Recorder:
    """Collects events as columns of whole numbers: positions, cents and microseconds since 1970 UTC."""

    # Columns of each kind of event; the engine gives them by name.
    COLUMNS: Mapping[str, tuple[str, ...]] = {
        "payments": ("person", "slot", "kind", "paid", "posted", "cents"),
        "contacts": ("person", "decision", "channel", "inbound", "at", "outcome", "known"),
        "statuses": ("person", "slot", "kind", "channel", "at", "until", "known"),
    }

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, Column]]] = defaultdict(list)

    def add(self, table: str, /, **columns: Column | int) -> None:
        """Write down events that share one length; a plain number stands for all of them."""
        arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.int64) for value in columns.values()))
        if arrays[0].size:
            self._parts[table].append(dict(zip(columns, arrays, strict=True)))

    def columns(self, kind: str) -> dict[str, Column]:
        """Return all events of a kind, in the order in which they were written down."""
        parts = self._parts.get(kind, [])
        return {
            name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, dtype=np.int64)
            for name in self.COLUMNS[kind]
        }
