"""The calendar: an arm becomes dated windows in the borrower's local time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .law.engine import COMFORTS, GroupEngine, Laid, Step
from .rules import UNKNOWN_BORROWER, Planner
from .zones import DAY, MINUTE, Micros, is_zone, offset_at

_UNKNOWN_ZONE: Final = "UTC"
# Offsets are looked up once an hour: most borrowers of a zone share their windows.
_PROBE: Final = 60 * MINUTE
WINDOW_COLUMNS: Final = ("borrower_id", "contact", "channel", "start", "end", "start_local", "end_local", "comfort")


@dataclass(frozen=True)
class Calendar:
    """Arms laid on the calendar.

    Parameters
    ----------
    windows : DataFrame
        A row per contact, by borrower (in the order asked for) and time: borrower_id, contact (0, 1, ...), channel, start and
        end (UTC), start_local and end_local (ISO 8601 with the local offset), comfort (0 preferred hours of working days, 1
        preferred hours, 2 any lawful hours, 3 windows as short as they go).
    blocked_by : ndarray of shape (n,)
        The rule that left a borrower without a calendar; None where the arm was laid or needs no contact.
    """

    windows: pd.DataFrame
    blocked_by: NDArray[np.object_]


def lay_calendar(
    planner: Planner,
    arms: ArmCatalogue,
    chosen: NDArray[np.int64],
    delay: Micros | None = None,
    comforts: Sequence[int] = COMFORTS,
) -> Calendar:
    """Lay each borrower's arm through the whole commitment.

    Contacts are spread evenly by the arm's doses from the first lawful window after as_of, in the most comfortable hours that
    hold all of them. An arm that cannot be laid whole gets no window at all.

    Parameters
    ----------
    planner : Planner
        Facts and rules at as_of.
    arms : ArmCatalogue
    chosen : ndarray of shape (n,)
        Position of each borrower's arm, in the planner's order.
    delay : ndarray of shape (n,), optional
        Days by which each plan begins later than it could.
    comforts : sequence of int
        The degrees of comfort to try, best first; the last is the tightest.

    Returns
    -------
    Calendar
    """
    n = len(planner.facts)
    if len(chosen) != n:
        raise InvalidInput([Fault("chosen", f"one arm for each of {n:,} borrowers", f"{len(chosen):,}", "")])
    blocked = np.full(n, None, dtype=object)
    blocked[~planner.facts.known] = UNKNOWN_BORROWER
    blocked[arms.intensity[chosen] == 0] = None
    pieces: list[pd.DataFrame] = []
    days = np.zeros(n, dtype=np.int64) if delay is None else delay
    for engine in planner.engines:
        pairs, kind = np.unique(np.stack([chosen[engine.rows], days[engine.rows]], axis=1), axis=0, return_inverse=True)
        for pair, (k, later) in enumerate(pairs.tolist()):
            arm = list(arms)[k]
            own = np.flatnonzero(kind.reshape(-1) == pair)
            if arm.intensity > 0:
                pieces += lay_steps(planner, engine, delayed(planner.steps(arm), later), own, blocked, comforts)
    return assemble(planner, pieces, blocked)


def delayed(steps: Sequence[Step], days: int) -> list[Step]:
    """Return contacts that begin so many days later."""
    return [replace(step, earliest=step.earliest + days * DAY) for step in steps]


def assemble(planner: Planner, pieces: list[pd.DataFrame], blocked: NDArray[np.object_]) -> Calendar:
    """Put laid pieces together, by borrower and time."""
    if not pieces:
        return Calendar(_empty(), blocked)
    windows = pd.concat(pieces, ignore_index=True).sort_values(["owner", "contact"], kind="stable", ignore_index=True)
    windows.insert(0, "borrower_id", planner.facts.borrower_id[windows["owner"].to_numpy()])
    return Calendar(windows[list(WINDOW_COLUMNS)], blocked)


def lay_steps(
    planner: Planner,
    engine: GroupEngine,
    steps: Sequence[Step],
    rows: Micros,
    blocked: NDArray[np.object_],
    comforts: Sequence[int] = COMFORTS,
) -> list[pd.DataFrame]:
    """Lay contacts for some of a group's borrowers, each with the greatest comfort that holds all of them.

    Parameters
    ----------
    steps : sequence of Step
        At least one.
    rows : ndarray of shape (m,)
        Positions within the group.
    blocked : ndarray of shape (n,)
        Gets the rule that left a borrower without a calendar.
    comforts : sequence of int
        The degrees of comfort to try.
    """
    pieces = []
    for comfort in comforts:
        if not len(rows):
            break
        laid = engine.lay(steps, comfort, rows)
        done = laid.complete
        if done.any():
            pieces.append(_frame(planner, engine, rows[done], laid, [step.channel for step in steps], comfort))
        if comfort == comforts[-1]:
            blocked[engine.rows[rows[~done]]] = laid.blocked_by[~done]
        rows = rows[~done]
    return pieces


def _frame(planner: Planner, engine: GroupEngine, rows: Micros, laid: Laid, channels: list[str], comfort: int) -> pd.DataFrame:
    owner = engine.rows[rows]
    begin, end = laid.begin[laid.complete].reshape(-1), laid.end[laid.complete].reshape(-1)
    zone = str(planner.facts.timezone[engine.rows[0]])
    zone = zone if is_zone(zone) else _UNKNOWN_ZONE
    return pd.DataFrame(
        {
            "owner": np.repeat(owner, len(channels)),
            "contact": np.tile(np.arange(len(channels)), len(owner)),
            "channel": np.tile(np.array(channels, dtype=object), len(owner)),
            "start": _instants(begin),
            "end": _instants(end),
            "start_local": local_texts(zone, begin),
            "end_local": local_texts(zone, end),
            "comfort": comfort,
        }
    )


def _instants(micros: Micros) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(micros.astype("datetime64[us]")).tz_localize("UTC")


def local_texts(zone: str, micros: Micros) -> NDArray[np.object_]:
    """Return instants as local wall time with its offset.

    Parameters
    ----------
    zone : str
    micros : ndarray of shape (n,)
        UTC microseconds.

    Returns
    -------
    ndarray of shape (n,)
        ISO 8601, to the minute.

    Examples
    --------
    >>> local_texts("America/New_York", np.array([1793538000000000])).tolist()
    ['2026-11-01T08:00-05:00']
    """
    hours, inverse = np.unique(micros // _PROBE, return_inverse=True)
    # Where an offset changes inside an hour its instants are asked one by one.
    first = np.array([offset_at(zone, int(hour) * _PROBE) for hour in hours], dtype=np.int64)
    last = np.array([offset_at(zone, int(hour + 1) * _PROBE - 1) for hour in hours], dtype=np.int64)
    offsets = first[inverse]
    for position in np.flatnonzero((first != last)[inverse]):
        offsets[position] = offset_at(zone, int(micros[position]))
    wall = np.datetime_as_string((micros + offsets).astype("datetime64[us]"), unit="m")
    minutes = abs(offsets) // MINUTE
    names, place = np.unique(np.stack([np.sign(offsets) < 0, minutes // 60, minutes % 60], axis=1), axis=0, return_inverse=True)
    suffix = np.array([f"{'-' if negative else '+'}{hour:02d}:{minute:02d}" for negative, hour, minute in names])
    return np.char.add(wall, suffix[place.reshape(-1)]).astype(object)


def _empty() -> pd.DataFrame:
    instant = pd.DatetimeIndex(np.empty(0, dtype="datetime64[us]")).tz_localize("UTC")
    frame = pd.DataFrame({name: np.empty(0, dtype=object) for name in WINDOW_COLUMNS})
    return frame.assign(start=instant, end=instant, contact=np.empty(0, np.int64), comfort=np.empty(0, np.int64))
