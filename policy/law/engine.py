"""Laying contacts for many borrowers at once: earliest first, which is also the proof of what cannot be laid.

Every rule is of one shape: a contact is allowed from the release of an earlier one on. With the order of channels fixed,
contacts laid as early as possible are each no later than in any other lawful plan, so where none is found there is none; and
one more past contact or one more rule can only make releases later, never a plan possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..settings import CalendarSettings
from ..zones import MINUTE, Micros, intersect
from .bars import Bar, Bars, Made
from .facts import Facts
from .group import GroupRules, long_enough
from .history import FOREVER, NEVER
from .slots import Slots

# How comfortable a plan is: preferred hours of working days, preferred hours, any lawful hours, or as short as windows go.
WORKING_HOURS: Final = 0
PREFERRED_HOURS: Final = 1
LAWFUL_HOURS: Final = 2
TIGHT: Final = 3
COMFORTS: Final = (WORKING_HOURS, PREFERRED_HOURS, LAWFUL_HOURS, TIGHT)


@dataclass(frozen=True)
class Step:
    """One contact to lay.

    Parameters
    ----------
    earliest : int
        UTC microseconds before which it is not made.
    channel : str
    spacing : int
        Microseconds from the begin of the contact before to the begin of this one, at least.
    """

    earliest: int
    channel: str
    spacing: int


@dataclass(frozen=True)
class Laid:
    """Windows of n borrowers and N contacts.

    Parameters
    ----------
    begin, end : ndarray of shape (n, N)
        UTC microseconds; FOREVER where the contact could not be laid.
    complete : ndarray of shape (n,)
        Whether every contact was.
    blocked_by : ndarray of shape (n,)
        The rule that stood in the way; None where complete.
    """

    begin: Micros
    end: Micros
    complete: NDArray[np.bool_]
    blocked_by: NDArray[np.object_]


@dataclass
class GroupEngine:
    """Lays contacts for the borrowers of one kind.

    Parameters
    ----------
    rules : GroupRules
    facts : Facts
    rows : ndarray of shape (n,)
        Positions of the group's borrowers in `facts`.
    calendar : CalendarSettings
    bars : Bars
        What stands in the way of the group's contacts.
    """

    rules: GroupRules
    facts: Facts
    rows: Micros
    calendar: CalendarSettings
    bars: Bars
    _open: dict[tuple[str, int], Slots] = field(default_factory=dict)

    def lay(self, steps: Sequence[Step], comfort: int, rows: Micros | None = None) -> Laid:
        """Lay contacts one after the other, each as early as its hours and rules allow.

        Parameters
        ----------
        steps : sequence of Step
        comfort : int
            One of `COMFORTS`.
        rows : ndarray of shape (m,), optional
            Which of the group's borrowers, as positions within the group; all by default.
        """
        n = len(self.rows) if rows is None else len(rows)
        begins: list[Micros] = []
        made: list[Made] = []
        blame = np.full(n, None, dtype=object)
        previous = np.full(n, NEVER, dtype=np.int64)
        now = self.facts.as_of
        for step in steps:
            earliest = np.maximum(max(step.earliest, now), previous + step.spacing)
            if made:
                earliest = np.maximum(earliest, made[-1].end)
            begin, end = self._settle(step, comfort, earliest, self.bars.against(step.channel, made, rows), blame)
            begins.append(begin)
            made.append(Made(step.channel, begin, end))
            previous = begin
        complete = previous < FOREVER
        blame[complete] = None
        shape = (n, len(steps))
        return Laid(
            np.stack(begins, axis=1) if steps else np.empty(shape, dtype=np.int64),
            np.stack([one.end for one in made], axis=1) if steps else np.empty(shape, dtype=np.int64),
            complete,
            blame,
        )

    def _settle(
        self, step: Step, comfort: int, earliest: Micros, bars: Sequence[Bar], blame: NDArray[np.object_]
    ) -> tuple[Micros, Micros]:
        """Move each contact forward until its window is open and no bar stands; name who moved it."""
        slots = self._slots(step.channel, comfort)
        begin, end = slots.from_(earliest)
        natural, _ = slots.from_(np.array([step.earliest], dtype=np.int64))
        active = np.flatnonzero(begin < FOREVER)
        lost = begin >= FOREVER
        while len(active):
            target, who = _pushed(begin, end, active, bars)
            moved = target > begin[active]
            active, target = active[moved], target[moved]
            blame[active] = who[moved]
            begin[active], end[active] = slots.from_(target)
            lost[active] = begin[active] >= FOREVER
            active = active[begin[active] < FOREVER]
        # Without a rule that pushed, or where not even an untouched plan finds an hour, it is the hours that are missing.
        if lost.any():
            blame[lost & (pd.isna(blame) | (natural[0] >= FOREVER))] = self.rules.hours_rule[step.channel]
        return begin, end

    def _slots(self, channel: str, comfort: int) -> Slots:
        if (channel, comfort) not in self._open:
            self._open[channel, comfort] = self._slots_of(channel, comfort)
        return self._open[channel, comfort]

    def _slots_of(self, channel: str, comfort: int) -> Slots:
        hours = self.rules.hours[channel]
        if comfort in (WORKING_HOURS, PREFERRED_HOURS):
            hours = intersect(hours, self.rules.working if comfort == WORKING_HOURS else self.rules.preferred)
        shortest = self.calendar.min_window_minutes * MINUTE
        return Slots.of(long_enough(hours, self.calendar), shortest, tight=comfort == TIGHT)


def _pushed(begin: Micros, end: Micros, active: Micros, bars: Sequence[Bar]) -> tuple[Micros, NDArray[np.object_]]:
    """Return to where the bars push each active contact, and the one that pushes furthest."""
    now, until = begin[active], end[active]
    target, who = now.copy(), np.full(len(active), None, dtype=object)
    for bar in bars:
        low, high = bar.force
        barred = (now >= low) & (now < high)
        if bar.exempt is not None:
            barred &= now >= bar.exempt[active]
        late = now < bar.release[active] if bar.expiry is None else until > bar.expiry[active]
        goal = np.minimum(bar.release[active], high) if bar.expiry is None else np.full(len(active), high, dtype=np.int64)
        further = barred & late & (goal > target)
        target[further] = goal[further]
        who[further] = bar.rule_id
    return target, who
