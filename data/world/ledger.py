"""Money in a world: what falls due, is paid, is booked, and bounces. Whole cents throughout."""

from typing import Final

import numpy as np

from ..vocabulary import PAYMENT_KINDS
from .loans import SLOTS
from .people import EARLY_DAYS_MAX, Floats, Ints
from .record import NO_TIME
from .run import STATUS, Run
from .state import PROMISED

_BOUNCE_DAYS: Final = 2
_DAY_SECONDS: Final = 86_400.0
_LATEST_PAYMENT_SECONDS: Final = 85_800.0  # Ten minutes are left for booking before the nightly run.
_BATCH_SECONDS: Final = 7_200.0  # Late postings are booked within two hours after the nightly run that missed them.
_SMALLEST_PARTIAL_CENTS: Final = 1_000  # Below this nobody pays in parts; what is left stays above any de-minimis sum.
_PAYMENT, _REVERSAL = PAYMENT_KINDS.index("payment"), PAYMENT_KINDS.index("reversal")


def book(run: Run, day: int) -> None:
    """Book the payments that missed an earlier night."""
    state = run.state
    slot = day % len(state.pending)
    state.posted_total += state.pending[slot]
    state.pending[slot] = 0


def fall_due(run: Run, day: int) -> None:
    """Let the instalments fall due whose due day ended before night `day`."""
    setting, state = run.setting, run.state
    calendar = setting.calendar
    rows = np.flatnonzero((setting.people.due_dom == calendar.dom[day - 1]) & state.alive)
    parts = setting.loans.parts(rows, int(calendar.month[day - 1]))
    state.owed[rows] += parts
    state.due_total[rows] += parts.sum(axis=1)


def pay_on_time(run: Run, day: int) -> None:
    """Let those who owe nothing pay the coming instalment: on their usual day before it is due, or on the due day."""
    setting, state, people = run.setting, run.state, run.setting.people
    free = state.alive & (state.paid_total == state.due_total)
    for early in range(EARLY_DAYS_MAX + 1):
        month = int(setting.calendar.month[day + early])
        mine = (people.due_dom == setting.calendar.dom[day + early]) & free & (state.handled != month)
        rows = np.flatnonzero(mine & ((people.early == early) | (early == 0)) & (setting.loans.due[:, month] > 0))
        state.handled[rows] = month
        rows = rows[run.rng.random(len(rows)) < people.on_time[rows]]
        pay(run, day, rows, setting.loans.parts(rows, month), np.zeros(len(rows)), np.full(len(rows), month))
        bounce = run.rng.random(len(rows)) < setting.spec.operations.reversal_rate
        if bounce.any():
            later = run.bounces.setdefault(day + _BOUNCE_DAYS, [])
            later.append((rows[bounce], np.full(int(bounce.sum()), month)))


def pay_overdue(run: Run, day: int, rows: Ints, after: Floats) -> None:
    """Let people pay all that is overdue, after a second of the day."""
    state, calendar = run.state, run.setting.calendar
    keeps = (state.phase[rows] == PROMISED) & ~state.covered[rows]
    month = int(calendar.month[day])
    fallen = np.where(run.setting.loans.due_day[rows, month] < day - 1, month, month - 1)
    posted = pay(run, day, rows, np.maximum(state.owed[rows], 0), after, fallen)
    run.record.add(
        "statuses", person=rows[keeps], slot=-1, kind=STATUS["promise_kept"], channel=-1, at=posted[keeps], until=NO_TIME,
        known=posted[keeps],
    )  # fmt: skip


def pay_partly(run: Run, day: int) -> None:
    """Let some overdue people pay a part.

    A part is at most half of what is missing to the amount that the standing decision saw, so that parts alone never
    cover it: repayment happens through the hazard of repayment, and the truth stays exact.
    """
    state, rng = run.state, run.rng
    owed = np.maximum(state.owed, 0).sum(axis=1)
    rows = np.flatnonzero(state.alive & (owed > _SMALLEST_PARTIAL_CENTS))
    rows = rows[rng.random(len(rows)) < run.setting.spec.operations.partial_rate]
    missing = state.goal[rows] - state.paid_total[rows]
    base = np.where(state.in_window[rows] & (missing > 0), missing, owed[rows])
    rows, base = rows[base > _SMALLEST_PARTIAL_CENTS], base[base > _SMALLEST_PARTIAL_CENTS]
    left = (base * rng.uniform(0.15, 0.5, len(rows))).astype(np.int64)
    parts = np.zeros((len(rows), SLOTS), dtype=np.int64)
    for slot in range(SLOTS):
        parts[:, slot] = np.minimum(left, np.maximum(state.owed[rows, slot], 0))
        left -= parts[:, slot]
    pay(run, day, rows, parts, np.zeros(len(rows)), np.full(len(rows), -1))


def reverse(run: Run, day: int) -> None:
    """Let on-time payments bounce, except where that could touch a running window or a closed loan."""
    setting, state = run.setting, run.state
    for rows, month in run.bounces.pop(day, []):
        loans = setting.loans
        last = ((loans.start[rows] + loans.term[rows] - 1 == month[:, None]) & (loans.term[rows] > 0)).any(axis=1)
        clean = state.alive[rows] & ~state.in_window[rows] & ~last & (state.paid_total[rows] >= state.due_total[rows])
        clean &= state.pending[:, rows].sum(axis=0) == 0
        some, parts = rows[clean], loans.parts(rows[clean], month[clean])
        seconds = run.rng.uniform(3_600, 80_000, len(some))
        at = run.instant(day, seconds)
        _write(run, some, parts, _REVERSAL, at, at)
        state.owed[some] += parts
        state.paid_total[some] -= parts.sum(axis=1)
        state.posted_total[some] -= parts.sum(axis=1)


def pay(run: Run, day: int, rows: Ints, parts: Ints, after: Floats, settled: Ints) -> Ints:
    """Pay sums on the loans of people.

    Parameters
    ----------
    parts : ndarray of shape (len(rows), slots)
        Cents on each loan.
    after : ndarray of shape (len(rows),)
        Second of the day after which the payment falls.
    settled : ndarray of shape (len(rows),)
        Month up to which everything is then paid; -1 where it is not.

    Returns
    -------
    ndarray of shape (len(rows),)
        When the payments are booked.
    """
    state, rng = run.state, run.rng
    seconds = _second_of_payment(run, day, rows, after)
    lags = run.setting.spec.operations.posting_lag
    lag = np.searchsorted(np.cumsum(lags)[:-1], rng.random(len(rows)), side="right")
    same_day = seconds + rng.random(len(rows)) * (_DAY_SECONDS - 60.0 - seconds)
    batch = lag * _DAY_SECONDS + 1.0 + rng.random(len(rows)) * _BATCH_SECONDS
    paid, posted = run.instant(day, seconds), run.instant(day, np.where(lag == 0, same_day, batch))
    total = parts.sum(axis=1)
    state.owed[rows] -= parts
    state.paid_total[rows] += total
    now = lag == 0
    state.posted_total[rows[now]] += total[now]
    state.pending[(day + lag[~now]) % len(state.pending), rows[~now]] += total[~now]
    _write(run, rows, parts, _PAYMENT, paid, posted)
    _close(run, rows, settled, posted)
    return posted


def _second_of_payment(run: Run, day: int, rows: Ints, after: Floats) -> Floats:
    people, rng = run.setting.people, run.rng
    hour = people.pay_hour[rows] + rng.normal(0.0, 1.5, len(rows))
    usual = run.setting.calendar.local_seconds(people.place[rows], day, hour) / _DAY_SECONDS * _LATEST_PAYMENT_SECONDS
    later = after + 300.0 + rng.random(len(rows)) * np.maximum(_LATEST_PAYMENT_SECONDS - after - 300.0, 0.0)
    return np.where((after > 0) & (usual <= after), np.minimum(later, _DAY_SECONDS - 120.0), usual)


def _write(run: Run, rows: Ints, parts: Ints, kind: int, paid: Ints, posted: Ints) -> None:
    at, slot = np.nonzero(parts > 0)
    run.record.add("payments", person=rows[at], slot=slot, kind=kind, paid=paid[at], posted=posted[at], cents=parts[at, slot])


def _close(run: Run, rows: Ints, settled: Ints, posted: Ints) -> None:
    """Close the loans whose last instalment has been paid, when the person owes nothing else."""
    state, loans = run.state, run.setting.loans
    last = loans.start[rows] + loans.term[rows] - 1
    over = (loans.term[rows] > 0) & (last <= settled[:, None]) & ~state.closed[rows]
    clear = np.asarray((state.owed[rows] <= 0).all(axis=1))
    at, slot = np.nonzero(over & clear[:, None])
    state.closed[rows[at], slot] = True
    run.record.add(
        "statuses", person=rows[at], slot=slot, kind=STATUS["closed"], channel=-1, at=posted[at], until=NO_TIME,
        known=posted[at],
    )  # fmt: skip
