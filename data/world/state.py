"""What changes from day to day in a world: one entry per person, changed in place by the engine alone."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ..vocabulary import CHANNELS
from .hazards import Bools, Setting
from .loans import SLOTS
from .people import Floats, Ints
from .snapshot import Snapshot

# Phases of a commitment. NOBODY: none stands and nothing of an earlier one lingers.
NOBODY: Final = 0
ACTIVE: Final = 1
PROMISED: Final = 2
QUIET: Final = 3
RECENT_DAYS: Final = 30


@dataclass
class State:
    """Everything that a night needs to know of the day before.

    Money is in cents. `owed` is by loan: fallen due minus truly paid, negative where paid ahead; `due_total`, `paid_total`
    and `posted_total` run over all loans from the first. A window is the horizon of a decision: it runs on after its
    commitment has been cleared by anything but payment. `goal` is the `due_total` that the decision saw: it is repaid when
    `paid_total` reaches it. The bank's own counters (`spells` and the like) know only what has been booked.
    """

    alive: Bools
    owed: Ints
    due_total: Ints
    paid_total: Ints
    posted_total: Ints
    pending: Ints
    handled: Ints
    closed: Bools
    load: Floats
    nudged: Bools
    phase: Ints
    countdown: Ints
    start: Ints
    arm: Ints
    goal: Ints
    dpd: Ints
    burden: Floats
    decision: Ints
    free_from: Ints
    blocked: Bools
    reported: Bools
    overdue: Bools
    contacted: Bools
    spells: Ints
    self_cured: Ints
    commitments: Ints
    last_arm: Ints
    broken_promises: Ints
    recent: Ints

    @classmethod
    def fresh(cls, n: int, lags: int) -> Self:
        """Return n people at the beginning, whose payments may be booked up to `lags` nights late."""

        def zeros(*shape: int) -> Ints:
            return np.zeros(shape or (n,), dtype=np.int64)

        def no(*shape: int) -> Bools:
            return np.zeros(shape or (n,), dtype=bool)

        return cls(
            alive=~no(), owed=zeros(n, SLOTS), due_total=zeros(), paid_total=zeros(), posted_total=zeros(),
            pending=zeros(lags + 1, n), handled=zeros() - 1, closed=no(n, SLOTS), load=np.zeros(n), nudged=no(),
            phase=zeros(), countdown=zeros(), start=zeros() - 1, arm=zeros(), goal=zeros(), dpd=zeros(), burden=np.zeros(n),
            decision=zeros() - 1, free_from=zeros(), blocked=no(n, len(CHANNELS)), reported=no(), overdue=no(),
            contacted=no(), spells=zeros(), self_cured=zeros(), commitments=zeros(), last_arm=zeros() - 1,
            broken_promises=zeros(), recent=zeros(RECENT_DAYS, n),
        )  # fmt: skip

    @classmethod
    def restored(cls, snapshot: Snapshot, lags: int) -> Self:
        """Return the people of a snapshot as they were at their decisions, one entry per decision."""
        state = cls.fresh(len(snapshot), lags)
        state.owed, state.handled = snapshot.owed.copy(), snapshot.handled.copy()
        state.load, state.nudged = snapshot.load.copy(), snapshot.nudged.copy()
        state.due_total, state.paid_total = snapshot.due_total.copy(), snapshot.paid_total.copy()
        # What had been paid and not yet booked is booked at once: the bank's view has no part in who pays.
        state.posted_total = snapshot.paid_total.copy()
        return state

    @property
    def overdue_posted(self) -> Ints:
        """Overdue by the booked ledger, cents, of shape (n,)."""
        return self.due_total - self.posted_total

    @property
    def in_window(self) -> Bools:
        """Whether the horizon of a decision is running, of shape (n,)."""
        return self.start >= 0

    @property
    def covered(self) -> Bools:
        """Whether the amount that the decision saw has truly been paid, of shape (n,)."""
        return self.paid_total >= self.goal


def days_past_due(setting: Setting, rows: Ints, paid_total: Ints, day: int) -> Ints:
    """Return days since the oldest uncovered due day, of shape (len(rows),), oldest dues being covered first."""
    month = (setting.loans.cumulated[rows] > paid_total[:, None]).argmax(axis=1)
    return np.asarray(np.maximum(day - setting.loans.due_day[rows, month], 0))


def burden_of(setting: Setting, rows: Ints, owed: Ints, day: int) -> Floats:
    """Return the log of the sum overdue over one month's instalments, of shape (len(rows),)."""
    return np.asarray(np.log(np.maximum(owed, 1) / instalment_of(setting, rows, day)).clip(-1.0, 2.5))


def instalment_of(setting: Setting, rows: Ints, day: int) -> Ints:
    """Return a month's instalments of the loans last due, of shape (len(rows),), cents."""
    month = int(setting.calendar.month[day])
    fallen = np.where(setting.loans.due_day[rows, month] < day, month, month - 1)
    return np.maximum(setting.loans.usual[rows, np.maximum(fallen, 0)], 1)
