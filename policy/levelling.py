"""Contacts levelled over days, so that a team that can make so many a week is not asked for all of them on its first morning.

A plan is moved as a whole, by days, within what its own spacing leaves; every moved plan is laid by the engine anew, so that
it is as lawful as an unmoved one. What fits on no day is not placed and is reported: one contact less breaks no rule.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import Arm
from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import CHANNELS
from .allocation_settings import CapacitySettings
from .calendar import Calendar
from .dose import planned_contacts
from .zones import Micros

Ints = NDArray[np.int64]
# Days of delay by borrower, of shape (n,), to the calendar that comes of it.
Lay = Callable[[Micros], Calendar]
_WEEK: Final = 7
UNPLACED_COLUMNS: Final = ("borrower_id", "contact", "channel", "day", "resource")


@dataclass(frozen=True)
class DayLimits:
    """How many contacts each limited channel or team makes in a day, and in a week from Monday on.

    Parameters
    ----------
    names : tuple of str of length R
    per_day, per_week : ndarray of shape (R,)
    uses : ndarray of shape (channels, R)
        Whether a contact on the channel is the resource's work.
    """

    names: tuple[str, ...]
    per_day: Ints
    per_week: Ints
    uses: NDArray[np.bool_]

    @classmethod
    def of(cls, capacity: CapacitySettings) -> "DayLimits":
        """Spread weekly capacities over the days on which teams work.

        Examples
        --------
        >>> limits = DayLimits.of(CapacitySettings(channels={"call": 12}))
        >>> limits.names, limits.per_day.tolist(), limits.per_week.tolist()
        (('call',), [3], [12])
        """
        teams = {f"team {name}": (team.channels, team.contacts_per_week) for name, team in capacity.teams.items()}
        every = {name: ((name,), weekly) for name, weekly in capacity.channels.items()} | teams
        weekly = np.array([per_week for _, per_week in every.values()], dtype=np.float64)
        uses = np.array([[channel in served for served, _ in every.values()] for channel in CHANNELS], dtype=bool)
        daily = [ceil(one / capacity.workdays) for one in weekly]
        whole = np.floor(weekly).astype(np.int64)
        return cls(tuple(every), np.array(daily, dtype=np.int64), whole, uses.reshape(len(CHANNELS), len(every)))


@dataclass(frozen=True)
class Load:
    """What is on the days already; `level` adds to it.

    Parameters
    ----------
    limits : DayLimits
    zone : str
        Whose local days are the teams' days.
    days, weeks : dict
        (resource, ordinal of the day, or of the week) to contacts.
    """

    limits: DayLimits
    zone: str
    days: dict[tuple[int, int], int]
    weeks: dict[tuple[int, int], int]

    @classmethod
    def made(cls, book: Book, as_of: datetime, capacity: CapacitySettings, zone: str) -> "Load":
        """Begin with the outbound contacts of this week that are known."""
        load = cls(DayLimits.of(capacity), zone, {}, {})
        if not load.limits.names:
            return load
        contacts, instant = book.table("contacts"), pd.Timestamp(naive_utc(as_of))
        since = instant - pd.Timedelta(days=_WEEK + 1)
        recent = contacts.filter(
            (contacts.known_at < ibis.literal(instant, type="timestamp"))
            & (contacts.at >= ibis.literal(since, type="timestamp"))
            & (contacts.direction == "out")
        )
        rows = recent.select("channel", "at").to_pandas()
        at = pd.DatetimeIndex(rows["at"]).tz_localize("UTC")
        for channel, day in zip(_codes(rows["channel"]), local_days_of(at, zone), strict=True):
            load.take(int(channel), int(day))
        return load

    def full(self, channel: int, day: int) -> str | None:
        """Return the first resource that has no room for one more contact that day; None where all have."""
        limits, week = self.limits, (day - 1) // _WEEK
        for r in np.flatnonzero(limits.uses[channel]):
            key = int(r)
            if self.days.get((key, day), 0) >= limits.per_day[r] or self.weeks.get((key, week), 0) >= limits.per_week[r]:
                return limits.names[r]
        return None

    def take(self, channel: int, day: int, times: int = 1) -> None:
        """Put a contact on a day, or take it off again."""
        week = (day - 1) // _WEEK
        for r in np.flatnonzero(self.limits.uses[channel]):
            key = int(r)
            self.days[key, day] = self.days.get((key, day), 0) + times
            self.weeks[key, week] = self.weeks.get((key, week), 0) + times


@dataclass(frozen=True)
class Levelled:
    """A levelled calendar.

    Parameters
    ----------
    calendar : Calendar
    unplaced : DataFrame
        A row per contact that fits on no day: borrower_id, contact, channel, day (on which it would have been), resource.
    moved : int
        Borrowers whose plan begins later than it could.
    """

    calendar: Calendar
    unplaced: pd.DataFrame
    moved: int


def slack_days(arm: Arm, horizon_days: float) -> int:
    """Return by how many days a plan may begin later: less than its interval, and its last contact within the horizon.

    Examples
    --------
    >>> slack_days(Arm("call-weekly", call=1), 14), slack_days(Arm("none"), 14)
    (6, 0)
    """
    planned = planned_contacts(arm, horizon_days)
    if not planned or arm.interval_days is None:
        return 0
    return max(0, min(ceil(arm.interval_days) - 1, ceil(horizon_days - planned[-1].offset_days) - 1))


def level(lay: Lay, borrower_ids: NDArray[np.object_], slack: Ints, load: Load) -> Levelled:
    """Lay plans so that no day asks more of a team than it can do.

    Borrowers are served in an order that changes with nothing but who they are. Each gets the plan that leaves the fewest
    contacts unplaced; of these the most comfortable, and of these the earliest.

    Parameters
    ----------
    lay : callable
    borrower_ids : ndarray of shape (n,)
        In the order of the calendars.
    slack : ndarray of shape (n,)
        Days by which each plan may begin later.
    load : Load
        Gets what is placed.
    """
    first = lay(np.zeros(len(slack), dtype=np.int64))
    if not load.limits.names or first.windows.empty:
        return Levelled(first, _no_rows(), 0)
    needs = np.asarray(load.limits.uses[_codes(first.windows["channel"])].any(axis=1), dtype=bool)
    limited = np.unique(pd.Index(borrower_ids).get_indexer(pd.Index(first.windows["borrower_id"][needs])))
    most = int(slack[limited].max(initial=0))
    calendars = [first, *(lay(np.minimum(slack, delay)) for delay in range(1, most + 1))]
    options = [_Option.of(one, borrower_ids, load.zone) for one in calendars]
    chosen, lost = np.zeros(len(slack), dtype=np.int64), []
    for who in sorted(limited.tolist(), key=lambda k: _turn(borrower_ids[k])):
        chosen[who] = min(range(int(slack[who]) + 1), key=lambda delay: options[delay].price(who, load, options[0].count(who)))
        lost += [(int(chosen[who]), at, name) for at, name in options[chosen[who]].place(who, load)]
    return _assembled(calendars, options, chosen, lost)


@dataclass(frozen=True)
class _Option:
    """A calendar as arrays: where each borrower's windows lie in it, on which channel and day."""

    owner: Ints
    edges: Ints
    channel: Ints
    day: Ints
    comfort: Ints

    @classmethod
    def of(cls, calendar: Calendar, borrower_ids: NDArray[np.object_], zone: str) -> "_Option":
        windows = calendar.windows
        owner = pd.Index(borrower_ids).get_indexer(pd.Index(windows["borrower_id"])).astype(np.int64)
        edges = np.searchsorted(owner, np.arange(len(borrower_ids) + 1)).astype(np.int64)
        day = local_days_of(pd.DatetimeIndex(windows["start"]), zone)
        return cls(owner, edges, _codes(windows["channel"]), day, windows["comfort"].to_numpy(dtype=np.int64))

    def count(self, who: int) -> int:
        """Return how many windows a borrower has."""
        return int(self.edges[who + 1] - self.edges[who])

    def price(self, who: int, load: Load, whole: int) -> tuple[int, int]:
        """Return how many contacts would find no room, and the comfort; a plan that is not whole is the dearest."""
        own = slice(self.edges[who], self.edges[who + 1])
        if self.count(who) != whole:
            return (whole + 1, 0)
        placed, lost = [], 0
        for channel, day in zip(self.channel[own].tolist(), self.day[own].tolist(), strict=True):
            if load.full(channel, day):
                lost += 1
                continue
            load.take(channel, day)
            placed.append((channel, day))
        for channel, day in placed:
            load.take(channel, day, -1)
        return lost, int(self.comfort[own].max())

    def place(self, who: int, load: Load) -> list[tuple[int, str]]:
        """Put a borrower's contacts on their days; return the windows that found no room, each with the resource."""
        lost = []
        for at in range(int(self.edges[who]), int(self.edges[who + 1])):
            channel, day = int(self.channel[at]), int(self.day[at])
            if name := load.full(channel, day):
                lost.append((at, name))
            else:
                load.take(channel, day)
        return lost


def _assembled(calendars: list[Calendar], options: list[_Option], chosen: Ints, lost: list[tuple[int, int, str]]) -> Levelled:
    kept, gone = [], []
    for delay, (calendar, option) in enumerate(zip(calendars, options, strict=True)):
        own = chosen[option.owner] == delay
        names = {at: name for of, at, name in lost if of == delay}
        out = np.isin(np.arange(len(own)), list(names))
        kept.append(calendar.windows[own & ~out].assign(_owner=option.owner[own & ~out]))
        left = calendar.windows[own & out]
        gone.append(
            left.assign(day=left["start_local"].str[:10], resource=[names[at] for at in np.flatnonzero(own & out).tolist()])
        )
    windows = pd.concat([one for one in kept if len(one)] or kept[:1])
    windows = windows.sort_values(["_owner", "contact"], kind="stable", ignore_index=True).drop(columns="_owner")
    missing = [one for one in gone if len(one)]
    unplaced = pd.concat(missing, ignore_index=True)[list(UNPLACED_COLUMNS)] if missing else _no_rows()
    return Levelled(Calendar(windows, calendars[0].blocked_by), unplaced, int((chosen > 0).sum()))


def local_days_of(instants: pd.DatetimeIndex, zone: str) -> Ints:
    """Return the local days of instants as ordinals."""
    naive = instants.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    # Day 1 of the ordinals is a Monday: weeks are counted from it.
    return np.asarray(naive + datetime(1970, 1, 1).toordinal(), dtype=np.int64)  # noqa: DTZ001  a day, not an instant


def _codes(channels: pd.Series) -> Ints:
    return np.asarray(pd.Index(CHANNELS).get_indexer(pd.Index(channels)), dtype=np.int64)


def _turn(borrower_id: object) -> str:
    return hashlib.sha256(f"levelling|{borrower_id}".encode()).hexdigest()


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in UNPLACED_COLUMNS})
