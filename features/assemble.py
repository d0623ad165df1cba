"""Small pieces that the families share: joining per-point tables, ages in days, shares."""

from collections.abc import Iterable
from typing import Any

from .windows import in_64_bits

SECONDS_PER_DAY = 86_400.0


def attach(points: Any, *parts: Any) -> Any:
    """Join tables of at most one row per point onto the points; what a part lacks is null.

    Parameters
    ----------
    points : ibis table
        With point_id; its columns are kept.
    *parts : ibis table
        With point_id; other column names must not collide.
    """
    joined, kept = points, list(points.columns)
    for place, part in enumerate(parts):
        key = f"point_id_{place}"
        joined = joined.left_join(part.rename({key: "point_id"}), [joined.point_id == part.rename({key: "point_id"})[key]])
        kept += [name for name in part.columns if name != "point_id"]
    return joined.select(*kept)


def days_between(later: Any, earlier: Any) -> Any:
    """Return the days from one instant to another, in whole seconds, as a float."""
    return (later.truncate("s").epoch_seconds() - earlier.truncate("s").epoch_seconds()) / SECONDS_PER_DAY


def seconds_between(later: Any, earlier: Any) -> Any:
    """Return the whole seconds from one instant to another, as an integer."""
    # DuckDB's seconds are a float of a whole number, whatever ibis says.
    return in_64_bits(later.truncate("s").epoch_seconds()) - in_64_bits(earlier.truncate("s").epoch_seconds())


def share(part: Any, whole: Any) -> Any:
    """Return part / whole as a float; null where the whole is null or zero."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def zero_filled(table: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the named columns with null read as zero: no event is a count of zero."""
    return {name: table[name].fill_null(0) for name in names}


def flag(condition: Any) -> Any:
    """Return 1 where a condition holds, 0 where it does not or is unknown."""
    return condition.fill_null(False).cast("int8")  # noqa: FBT003  ibis's own signature


def not_below_zero(value: Any) -> Any:
    """Return 0 for a negative value; null stays null, which an engine's own `greatest` does not grant."""
    return (value < 0).ifelse(0.0, value)
