"""Counts and sums over windows that end at as_of, each event touched once.

An aggregate per window would look at every event once per window. Here each event is put once into a band of age (0 to 7, 7
to 30, 30 to 90, 90 to 365, over 365 days), the events are aggregated by band, and the few bands are added up to windows.
Everything that is summed is an integer, so that the result does not depend on the order in which threads meet the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
from ibis.expr import datatypes, operations

WINDOWS = (7, 30, 90, 365)
OLDEST_BAND = len(WINDOWS)


@dataclass(frozen=True, slots=True)
class Measure:
    """Something counted, summed or dated over a borrower's events.

    Parameters
    ----------
    name : str
        Unique among the measures of one pass.
    where : callable, optional
        From the table of events to a condition on them; all events by default.
    total : callable, optional
        From the table of events to the integer column that is summed. Without it, events are counted.
    latest : callable, optional
        From the table of events to the column whose largest value is kept.
    """

    name: str
    where: Callable[[Any], Any] | None = None
    total: Callable[[Any], Any] | None = None
    latest: Callable[[Any], Any] | None = None

    def within(self, events: Any) -> Any:
        """Return the aggregate over one group of events."""
        where = None if self.where is None else self.where(events)
        if self.latest is not None:
            return self.latest(events).max(where=where)
        if self.total is not None:
            return in_64_bits(self.total(events).sum(where=where))
        return events.count(where=where)

    def across(self, banded: Any, days: int | None) -> Any:
        """Return the aggregate over the bands that make up a window; over all of them without `days`."""
        column = banded[self.name]
        where = None if days is None else banded.band <= WINDOWS.index(days)
        return column.max(where=where) if self.latest is not None else in_64_bits(column.sum(where=where))


def in_64_bits(total: Any) -> Any:
    """Return a sum of integers as a 64-bit integer.

    DuckDB adds integers up in 128 bits, which are slow to carry and leave it as decimals. ibis believes that the sum has 64
    and drops an ordinary cast, so that this one is written out.
    """
    return operations.Cast(total, to=datatypes.int64).to_expr()


def with_edges(points: Any) -> Any:
    """Add the instants at which the windows of each point begin: from_7d, from_30d and so on."""
    return points.mutate(**{f"from_{days}d": points.as_of - ibis.interval(days=days) for days in WINDOWS})


def seen_events(points: Any, events: Any, *keep: str, oldest: int | None = None) -> Any:
    """Return each point's events that were known, and had happened, before its as_of.

    Parameters
    ----------
    points : ibis table
        From `with_edges`.
    events : ibis table
        borrower_id, at, known_at and the columns to keep.
    *keep : str
        Columns of the events.
    oldest : int, optional
        Days (one of `WINDOWS`) beyond which events are left out; all history by default.

    Returns
    -------
    ibis table
        point_id, at, band (0 is the youngest) and the kept columns.
    """
    tests = [points.borrower_id == events.borrower_id, events.known_at < points.as_of, events["at"] < points.as_of]
    if oldest is not None:
        tests.append(events["at"] >= points[f"from_{oldest}d"])
    seen = points.join(events, tests)
    return seen.select("point_id", "at", *keep, band=age_band(seen, seen["at"]))


def age_band(table: Any, at: Any) -> Any:
    """Return the band of age of an instant; an event exactly as old as a window lies inside it."""
    edges = [(at >= table[f"from_{days}d"], band) for band, days in enumerate(WINDOWS)]
    return ibis.cases(*edges, else_=OLDEST_BAND).cast("int8")


def window_totals(events: Any, measures: Sequence[Measure], wanted: Mapping[str, tuple[str, int | None]]) -> Any:
    """Aggregate events by band, then add the bands up to windows.

    Parameters
    ----------
    events : ibis table
        point_id, band and what the measures need.
    measures : sequence of Measure
    wanted : mapping
        Column name to the measure's name and the window's length in days (one of `WINDOWS`; None is all history).

    Returns
    -------
    ibis table
        point_id and the wanted columns; a row for each point that has an event.
    """
    by_name = {measure.name: measure for measure in measures}
    banded = events.group_by(["point_id", "band"]).agg(**{measure.name: measure.within(events) for measure in measures})
    return banded.group_by("point_id").agg(
        **{column: by_name[name].across(banded, days) for column, (name, days) in wanted.items()}
    )
