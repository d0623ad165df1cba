"""The borrower's own hour: when they paid or answered before, a planned window is narrowed to the hours around it.

A part of a lawful window is lawful: every instant of it was. Nothing is moved to another day, and no window becomes shorter
than the calendar allows.
"""

from datetime import datetime
from typing import Any, Final

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import REACHED_OUTCOMES
from .calendar import Calendar, local_texts
from .rules import Planner
from .settings import CalendarSettings
from .zones import HOUR, MINUTE, Micros, is_zone, offset_at

_HOURS_A_DAY: Final = 24
_YEAR_DAYS: Final = 365


def usual_hours(book: Book, planner: Planner, as_of: datetime) -> NDArray[np.float64]:
    """Return the local hour at which each borrower pays or answers most often.

    Parameters
    ----------
    planner : Planner
        Its borrowers, their zones, and `calendar` settings.
    as_of : datetime
        Aware; what was known before it counts, over a year.

    Returns
    -------
    ndarray of shape (n,)
        Hour of the day, 0 to 23, the lowest of ties; NaN where there are fewer events than the settings ask for, where no
        hour and its neighbours have half of them, or where the zone is not known.
    """
    facts, least = planner.facts, planner.settings.calendar.habit_events
    counts = np.zeros((len(facts), _HOURS_A_DAY))
    rows = _events(book, as_of)
    owner = pd.Index(facts.borrower_id).get_indexer(pd.Index(rows["borrower_id"]))
    hours = pd.DatetimeIndex(rows["at"].to_numpy())
    for zone in np.unique(facts.timezone[owner[owner >= 0]].astype(str)):
        if is_zone(zone):
            own = (owner >= 0) & (facts.timezone[owner].astype(str) == zone)
            local = hours[own].tz_localize("UTC").tz_convert(zone).hour.to_numpy()
            np.add.at(counts, (owner[own], local), rows["times"].to_numpy(dtype=np.float64)[own])
    best = counts.argmax(axis=1)
    around = sum(counts[np.arange(len(best)), (best + shift) % _HOURS_A_DAY] for shift in (-1, 0, 1))
    total = counts.sum(axis=1)
    return np.where((total >= least) & (2 * around >= total) & (total > 0), best, np.nan).astype(np.float64)


def _events(book: Book, as_of: datetime) -> pd.DataFrame:
    """Return borrower_id, at (cut to the hour) and times of payments, answers and inbound contacts."""
    instant = pd.Timestamp(naive_utc(as_of))
    now, since = (ibis.literal(at, type="timestamp") for at in (instant, instant - pd.Timedelta(days=_YEAR_DAYS)))
    payments, loans, contacts = book.table("payments"), book.table("loans"), book.table("contacts")
    paid = payments.filter((payments.kind == "payment") & (payments.posted_at < now) & (payments.paid_at >= since))
    paid = paid.join(loans.select("loan_id", "borrower_id"), "loan_id").select("borrower_id", at=lambda t: t.paid_at)
    answered = contacts.outcome.isin(list(REACHED_OUTCOMES)) | (contacts.direction == "in")
    spoke = contacts.filter(answered & (contacts.known_at < now) & (contacts.at >= since)).select("borrower_id", "at")
    events: Any = ibis.union(paid, spoke)
    hourly = events.mutate(at=events.at.truncate("h"))
    frame: pd.DataFrame = hourly.group_by(["borrower_id", "at"]).agg(times=hourly.count()).to_pandas()
    return frame.astype({"borrower_id": "str", "at": "datetime64[us]"})


def around_habit(calendar: Calendar, planner: Planner, hours: NDArray[np.float64]) -> Calendar:
    """Narrow windows to the hours around each borrower's own, where they hold these hours.

    Parameters
    ----------
    calendar : Calendar
        Of the planner's borrowers.
    hours : ndarray of shape (n,)
        As from `usual_hours`.

    Returns
    -------
    Calendar
        Windows inside the given ones; those that do not reach the usual hour stay as they are.
    """
    windows, settings = calendar.windows, planner.settings.calendar
    owner = pd.Index(planner.facts.borrower_id).get_indexer(pd.Index(windows["borrower_id"]))
    if not settings.habit_hours or not np.isfinite(hours[owner]).any():
        return calendar
    begin, end = (_micros(windows[name]) for name in ("start", "end"))
    zones = planner.facts.timezone[owner].astype(str)
    low, high = begin.copy(), end.copy()
    for zone in np.unique(zones[np.isfinite(hours[owner])]):
        own = np.flatnonzero((zones == zone) & np.isfinite(hours[owner]))
        low[own], high[own] = _narrowed(begin[own], end[own], hours[owner][own], zone, settings)
    changed = np.flatnonzero((low != begin) | (high != end))
    texts = {name: windows[name].to_numpy(dtype=object).copy() for name in ("start_local", "end_local")}
    for zone in np.unique(zones[changed]):
        own = changed[zones[changed] == zone]
        texts["start_local"][own], texts["end_local"][own] = local_texts(zone, low[own]), local_texts(zone, high[own])
    narrow = windows.assign(start=_instants(low), end=_instants(high), **texts)
    return Calendar(narrow, calendar.blocked_by)


def _narrowed(
    begin: Micros, end: Micros, hours: NDArray[np.float64], zone: str, settings: CalendarSettings
) -> tuple[Micros, Micros]:
    """Return the part of each window around an hour; the whole of it where too little would be left."""
    offset = np.array([offset_at(zone, int(at)) for at in begin.tolist()], dtype=np.int64)
    midnight = (begin + offset) // (_HOURS_A_DAY * HOUR) * (_HOURS_A_DAY * HOUR) - offset
    middle = midnight + (hours * HOUR).astype(np.int64) + HOUR // 2
    half = settings.habit_hours * HOUR // 2
    low, high = np.maximum(begin, middle - half), np.minimum(end, middle + half)
    enough = high - low >= max(settings.min_window_minutes * MINUTE, 1)
    return np.where(enough, low, begin), np.where(enough, high, end)


def _micros(column: pd.Series) -> Micros:
    naive = pd.DatetimeIndex(column).tz_convert(None).to_numpy()
    return np.asarray(naive.astype("datetime64[us]").astype(np.int64))


def _instants(micros: Micros) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(micros.astype("datetime64[us]")).tz_localize("UTC")
