"""Features as of many instants (training) or one (tonight), by the same code."""

from typing import Any

import pandas as pd
import pyarrow as pa

from ..data.book import Book
from ..data.settings import LedgerSettings
from .catalogue import FEATURE_NAMES, family_tables
from .known import known_at


def build_features(book: Book, points: pa.Table, ledger: LedgerSettings | None = None) -> pd.DataFrame:
    """Return every feature of the catalogue for every point, from what was known strictly before its as_of.

    Parameters
    ----------
    book : Book
    points : Table
        From `decision_points`; n rows.
    ledger : LedgerSettings, optional
        As for `decision_points`.

    Returns
    -------
    DataFrame of shape (n, 3 + features)
        point_id, borrower_id, as_of (UTC, aware) and the features as float64 in the catalogue's order, missing as NaN,
        ordered by point_id. The same tables give the same bits on every run.
    """
    order = points.sort_by("point_id")
    columns: dict[str, Any] = {}
    if points.num_rows:
        with known_at(book, points, ledger or LedgerSettings()) as known:
            for table in family_tables(known):
                columns |= _read(table)
    frame = order.select(["point_id", "borrower_id", "as_of"]).to_pandas()
    frame["as_of"] = frame["as_of"].dt.tz_localize("UTC")
    features = pd.DataFrame({name: columns.get(name, pd.Series(dtype="float64")) for name in FEATURE_NAMES})
    built: pd.DataFrame = pd.concat([frame, features], axis=1)
    return built


def _read(table: Any) -> dict[str, Any]:
    """Return a family's columns as float64 arrays in the order of point_id."""
    names = [name for name in table.columns if name != "point_id"]
    numbers = table.select("point_id", **{name: table[name].cast("float64") for name in names})
    arrow = numbers.order_by("point_id").to_pyarrow()
    return {name: arrow[name].to_numpy(zero_copy_only=False) for name in names}
