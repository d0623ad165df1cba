"""Features as of many instants (training) or one (tonight), by the same code."""

from functools import lru_cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..data.book import Book
from ..data.settings import LedgerSettings
from .catalogue import FEATURE_NAMES, family_tables
from .engine import DuckEngine
from .known import Plan, compute_known, known_plan


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
    columns: dict[str, Any] = {}
    if points.num_rows:
        plan = known_plan(ledger or LedgerSettings(), pc.max(points["as_of_date"]).as_py().year)
        with DuckEngine(book) as engine:
            compute_known(engine, points, plan)
            for table in _families(plan):
                columns |= _numbers(engine.read(table))
    frame = points.sort_by("point_id").select(["point_id", "borrower_id", "as_of"]).to_pandas()
    frame["as_of"] = frame["as_of"].dt.tz_localize("UTC")
    features = pd.DataFrame({name: columns.get(name, pd.Series(dtype="float64")) for name in FEATURE_NAMES})
    built: pd.DataFrame = pd.concat([frame, features], axis=1)
    return built


@lru_cache(maxsize=16)
def _families(plan: Plan) -> tuple[Any, ...]:
    return tuple(_as_floats(table) for table in family_tables(plan.known))


def _as_floats(table: Any) -> Any:
    names = [name for name in table.columns if name != "point_id"]
    return table.select("point_id", **{name: table[name].cast("float64") for name in names}).order_by("point_id")


def _numbers(table: pa.Table) -> dict[str, Any]:
    """Return a family's columns as arrays, missing as NaN, in the order of point_id."""
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names if name != "point_id"}
