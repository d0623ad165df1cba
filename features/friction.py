"""Friction: complaints, opt-outs, disputes and hardship, by age, and what of them still stands."""

from typing import Any

from ..data.vocabulary import CHANNELS, STOP_KINDS
from .assemble import attach, days_between, flag, not_below_zero, zero_filled
from .definition import family
from .known import Known
from .status import open_events
from .windows import Measure, window_totals

_KINDS = ("complaint", "opt_out", "dispute", "hardship")
_LASTING = ("dispute", "hardship")

FEATURES = family(
    "friction",
    *((f"{kind}_count_365d", "events", f"Events of kind {kind} of the last 365 days.") for kind in _KINDS),
    *((f"days_since_{kind}", "days", f"Days since the last event of kind {kind}, at least 0.") for kind in _KINDS),
    *((f"{kind}_open", "0 or 1", f"A {kind} has not run out, and no later event has resolved it.") for kind in _LASTING),
    (
        "stop_open",
        "0 or 1",
        "A stop has not run out, and no later event has ended it: `resolved` that names its kind, for cease a bare opt-in.",
    ),
    (
        "opted_out_channel_count",
        "channels",
        "Channels whose last opt-out (its own or a general one) no later opt-in without a detail has lifted.",
    ),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    lasting = {kind: open_events(known.status, [kind]) for kind in _LASTING}
    parts = [_counted(still, kind) for kind, still in (lasting | {"stop": open_events(known.status, STOP_KINDS)}).items()]
    table = attach(known.points.select("point_id", "as_of"), _counts(known), _opted_out(known), *parts)
    return table.select(
        "point_id",
        **zero_filled(table, [*(f"{kind}_count_365d" for kind in _KINDS), "opted_out_channel_count"]),
        **{f"days_since_{kind}": not_below_zero(days_between(table.as_of, table[f"{kind}_at"])) for kind in _KINDS},
        **{f"{kind}_open": flag(table[f"open_{kind}"] > 0) for kind in (*_LASTING, "stop")},
    )


def _of(kind: str) -> Any:
    return lambda t: t.kind == kind


def _counts(known: Known) -> Any:
    events = known.status.filter(known.status.kind.isin(_KINDS))
    measures = [Measure(kind, _of(kind)) for kind in _KINDS]
    measures += [Measure(f"{kind}_at", _of(kind), latest=lambda t: t["at"]) for kind in _KINDS]
    wanted: dict[str, tuple[str, int | None]] = {f"{kind}_count_365d": (kind, 365) for kind in _KINDS}
    return window_totals(events, measures, wanted | {f"{kind}_at": (f"{kind}_at", None) for kind in _KINDS})


def _counted(still: Any, name: str) -> Any:
    return still.group_by("point_id").agg(**{f"open_{name}": still.count()})


def _opted_out(known: Known) -> Any:
    events = known.status.filter(known.status.kind.isin(["opt_out", "opt_in"]))
    # As guards and rules read them: a refusal runs until it is taken back, and a detail takes back a wish, not a channel.
    out = events.kind == "opt_out"
    back = (events.kind == "opt_in") & events.detail.isnull()
    last = {}
    for channel in CHANNELS:
        concerned = events.channel.isnull() | (events.channel == channel)
        last[f"{channel}_out"] = events["at"].max(where=out & concerned)
        last[f"{channel}_in"] = events["at"].max(where=back & concerned)
    sums = events.group_by("point_id").agg(**last)
    standing = [
        flag(
            sums[f"{channel}_out"].notnull()
            & (sums[f"{channel}_in"].isnull() | (sums[f"{channel}_in"] <= sums[f"{channel}_out"]))
        )
        for channel in CHANNELS
    ]
    total = standing[0].cast("int32")
    for one in standing[1:]:
        total = total + one
    return sums.select("point_id", opted_out_channel_count=total)
