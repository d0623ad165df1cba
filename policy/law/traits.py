"""What of a borrower decides which rules and hours hold: place, products, endpoints, wishes, agreements, days overdue."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ...data.vocabulary import CHANNELS
from .clock import Place
from .hours import MINUTES_PER_DAY, WEEKDAYS
from .states import AGREED_HOURS

# A plan goes to the first of these that the borrower has: a workplace only where there is nothing else.
ENDPOINT_ORDER: Final = ("personal", "home", "other", "workplace")
UNKNOWN_ENDPOINT: Final = ""
NO_ENDPOINT: Final = "none"
_OWN_DEVICE: Final = "app_push"
_PIECE: Final = re.compile(r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)")

Week = tuple[tuple[tuple[int, int], ...], ...]
WHOLE_WEEK: Final[Week] = tuple(((0, MINUTES_PER_DAY),) for _ in WEEKDAYS)
NO_HOURS: Final[Week] = tuple(() for _ in WEEKDAYS)


@dataclass(frozen=True)
class Traits:
    """What several borrowers share, so that the same rules and hours hold for them.

    Parameters
    ----------
    place : Place
    former : tuple of Place
        Where the borrower was within the reach of past contacts: caps and pauses of there hold as well.
    products : tuple of str
        Of the open loans; empty where not known.
    endpoints : tuple of str
        By channel: the kind that a plan goes to, '' where it is not known, 'none' where every endpoint was refused; empty
        where no rule asks.
    quiet : tuple of (Week, int)
        Hours that the borrower refused, and until when (UTC microseconds).
    agreed : tuple of (str, Week)
        Channel, and hours that the borrower agreed to.
    lifting : tuple of (str, str)
        Channel and kind of consents that lift hours.
    overdue_since : int
        The day, as an ordinal, on which the oldest open due fell; 0 where nothing is known to be overdue.
    """

    place: Place
    former: tuple[Place, ...] = ()
    products: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    quiet: tuple[tuple[Week, int], ...] = ()
    agreed: tuple[tuple[str, Week], ...] = ()
    lifting: tuple[tuple[str, str], ...] = ()
    overdue_since: int = 0

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place whose caps and pauses hold."""
        return (self.place, *self.former)

    def endpoint(self, channel: str) -> str:
        """Return the kind of endpoint that a plan goes to on a channel."""
        return self.endpoints[CHANNELS.index(channel)] if self.endpoints else UNKNOWN_ENDPOINT


def endpoint_kind(channel: str, held: Iterable[str] | None, left: Iterable[str]) -> str:
    """Return the kind of endpoint that a plan goes to.

    Parameters
    ----------
    channel : str
    held : iterable of str or None
        Kinds of the borrower's live endpoints; None where a wish about endpoints exists but no endpoint is known.
    left : iterable of str
        Those of them that the borrower has not refused.

    Examples
    --------
    >>> endpoint_kind("call", ["workplace", "home"], ["workplace"]), endpoint_kind("call", None, [])
    ('workplace', 'none')
    """
    if channel == _OWN_DEVICE:
        return ENDPOINT_ORDER[0]
    if held is None:
        return NO_ENDPOINT
    if not list(held):
        return UNKNOWN_ENDPOINT
    return next((kind for kind in ENDPOINT_ORDER if kind in set(left)), NO_ENDPOINT)


def parse_hours(text: str | None, unreadable: Week) -> Week:
    """Return hours by weekday, in minutes after midnight; what crosses midnight goes on the next day.

    Parameters
    ----------
    text : str or None
        Such as 'mon-fri 18:00-21:00, sat 00:00-24:00' or '22:00-06:00' for every day.
    unreadable : Week
        What a text that cannot be read stands for.

    Examples
    --------
    >>> parse_hours("mon 22:00-06:00", WHOLE_WEEK)[:3]
    (((1320, 1440),), ((0, 360),), ())
    """
    days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for piece in (text or "").split(","):
        read = _PIECE.fullmatch(piece.strip())
        if read is None:
            return unreadable
        first, last = read["first"] or "mon", read["last"] or read["first"] or "sun"
        begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in (read["begin"], read["end"]))
        if first not in WEEKDAYS or last not in WEEKDAYS or max(begin, end) > MINUTES_PER_DAY or begin == end:
            return unreadable
        for k in range((WEEKDAYS.index(last) - WEEKDAYS.index(first)) % 7 + 1):
            day = (WEEKDAYS.index(first) + k) % 7
            days[day].append((begin, end if begin < end else MINUTES_PER_DAY))
            if end < begin:
                days[(day + 1) % 7].append((0, end))
    return tuple(tuple(sorted((b, e) for b, e in day if b < e)) for day in days)


def agreed_hours(kind: str) -> Week | None:
    """Return the hours that a consent opens; None where it is of another kind. One that names no hours opens none.

    Examples
    --------
    >>> agreed_hours("agreed_hours mon 21:00-22:00")[0], agreed_hours("direct_prior")
    (((1260, 1320),), None)
    """
    name, _, hours = kind.partition(" ")
    return parse_hours(hours, NO_HOURS) if name == AGREED_HOURS else None


def quiet_until(wishes: Sequence[tuple[Week, int]]) -> tuple[tuple[Week, int], ...]:
    """Return wishes about hours in one order, each once."""
    return tuple(sorted(set(wishes)))
