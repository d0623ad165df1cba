"""The loans of a world and their monthly instalments, all known from the opening; sums in whole cents."""

from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from .calendar import Calendar
from .people import EARLY_DAYS_MAX, PLACES, Ints, People

PRODUCTS: Final = ("cash-loan", "card-instalment", "device-loan")
# Loans one after the other, and one beside them; enough for the book not to run dry in three years.
_CHAIN: Final = 4
SLOTS: Final = _CHAIN + 1
_RETURN_SHARE: Final = 0.85
_TERMS: Final = np.array([3, 6, 9, 12, 18])
_TERM_SHARES: Final = (0.10, 0.32, 0.22, 0.26, 0.10)
_SEGMENT_SIZE: Final = np.array([1.0, 1.8, 0.7, 2.4])
_NEVER: Final = 10_000


@dataclass(frozen=True)
class Loans:
    """Up to five loans a person: four one after the other, one beside them. All fall due on the person's day of the month.

    Parameters
    ----------
    start, term : ndarray of shape (n, slots)
        Month number of the first instalment; number of instalments (0: no such loan).
    instalment, principal : ndarray of shape (n, slots)
        Cents.
    product, opened_day : ndarray of shape (n, slots)
        Position in `PRODUCTS`; day number.
    due : ndarray of shape (n, months)
        What falls due in each month over all loans, cents.
    cumulated : ndarray of shape (n, months)
        Running sum of `due`.
    usual : ndarray of shape (n, months)
        The newest sum that has fallen due up to each month, cents.
    due_day : ndarray of shape (n, months)
        Day number of each month's due day.
    """

    start: Ints
    term: Ints
    instalment: Ints
    principal: Ints
    product: Ints
    opened_day: Ints
    due: Ints
    cumulated: Ints
    usual: Ints
    due_day: Ints

    def take(self, rows: Ints) -> Self:
        """Return the loans of the people at these positions, repeats allowed."""
        return replace(self, **{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def parts(self, rows: Ints, month: int | Ints) -> Ints:
        """Return what falls due on each loan of the rows in a month, of shape (len(rows), slots), cents."""
        at = np.asarray(month)[..., None]
        start = self.start[rows]
        running = (start <= at) & (at < start + self.term[rows])
        return self.instalment[rows] * running

    def open_slots(self, rows: Ints, day: int) -> NDArray[np.bool_]:
        """Return which loans of the rows have been opened, of shape (len(rows), slots)."""
        opened: NDArray[np.bool_] = (self.term[rows] > 0) & (self.opened_day[rows] < day)
        return opened


def draw_loans(people: People, calendar: Calendar, rng: np.random.Generator) -> Loans:
    """Draw the loans of all people over the period."""
    n, months = len(people), len(calendar.month_start)
    start, term = _draw_spans(n, int(calendar.month[calendar.days]), rng)
    due_day = calendar.month_start[None, :] + people.due_dom[:, None] - 1
    # Nobody's first due day comes before the simulation can watch them pay it.
    tight = np.take_along_axis(due_day, np.minimum(start, months - 1), axis=1) <= EARLY_DAYS_MAX
    start = np.where(tight, start + 1, start)
    unit = np.array([place[5] for place in PLACES])[people.place]
    size = unit * _SEGMENT_SIZE[people.segment] * np.exp(0.5 * rng.normal(size=n))
    instalment = np.round(6_000 * size[:, None] * np.exp(0.25 * rng.normal(size=(n, SLOTS)))).astype(np.int64) + 2_000
    instalment = np.where(term > 0, instalment, 0)
    month = np.arange(months)
    due = np.zeros((n, months), dtype=np.int64)
    for slot in range(SLOTS):
        running = (start[:, slot, None] <= month) & (month < (start + term)[:, slot, None])
        due += instalment[:, slot, None] * running
    first_due = np.take_along_axis(due_day, np.minimum(start, months - 1), axis=1)
    return Loans(
        start=start,
        term=term,
        instalment=instalment,
        principal=np.maximum(_principal(instalment, term), 1),
        product=rng.choice(len(PRODUCTS), size=(n, SLOTS), p=(0.55, 0.30, 0.15)),
        opened_day=np.where(start < months, first_due - rng.integers(27, 31, (n, SLOTS)), _NEVER),
        due=due,
        cumulated=due.cumsum(axis=1),
        usual=np.take_along_axis(due, np.maximum.accumulate(np.where(due > 0, month, 0), axis=1), axis=1),
        due_day=due_day,
    )


def _draw_spans(n: int, last_month: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return first months and terms: half begin at once, the others in the course of the period; most come back."""
    term = rng.choice(_TERMS, size=(n, SLOTS), p=_TERM_SHARES)
    late = rng.integers(0, max(1, int(0.7 * last_month)), n)
    first = np.where(rng.random(n) < 0.55, rng.integers(0, 2, n), late)
    pause = rng.integers(0, 4, (n, _CHAIN - 1))
    # Each loan of the chain begins after the last instalment of the one before it, and a pause.
    after = first[:, None] + np.cumsum(term[:, : _CHAIN - 1] + pause, axis=1)
    beside = first + rng.integers(1, 6, n)
    returns = np.cumprod(rng.random((n, _CHAIN - 1)) < _RETURN_SHARE, axis=1).astype(bool)
    has = np.column_stack([np.ones(n, dtype=bool), returns, rng.random(n) < 0.15])
    return np.column_stack([first, after, beside]), np.where(has, term, 0)


def _principal(instalment: Ints, term: Ints) -> Ints:
    """Return what instalments of these sums repay at about one percent a month, cents."""
    cost = 1.0 + 0.01 * (term + 1) / 2.0
    return np.asarray((instalment * term / cost).astype(np.int64))
