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

from ..data.vocabulary import CHANNELS
from .rule_facts import Facts
from .rule_group import Bound, GroupRules, long_enough
from .rule_history import FOREVER, NEVER
from .rule_model import DUE_DATE
from .rule_paced import Paced
from .rule_past import Past
from .rule_slots import Slots
from .rule_states import ConsentRule, StopRule
from .rule_stops import party_release, stop_release
from .rule_traits import NO_ENDPOINT
from .settings import CalendarSettings
from .zones import MINUTE, Interval, Micros, intersect

_ALWAYS: Final[Interval] = (NEVER, FOREVER)
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


@dataclass(frozen=True)
class Bar:
    """A rule as it stands for one planned contact: begins before `release` are forbidden while it is in force.

    Windows that end after `expiry` are forbidden too; begins before `exempt` are free of the rule.
    """

    rule_id: str
    release: Micros
    force: Interval
    expiry: Micros | None = None
    exempt: Micros | None = None


@dataclass(frozen=True)
class Made:
    """A contact that was laid: its channel, and the windows of n borrowers."""

    channel: str
    begin: Micros
    end: Micros


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
    past : Past
        What was counted; shared by all groups of one book.
    """

    rules: GroupRules
    facts: Facts
    rows: Micros
    calendar: CalendarSettings
    past: Past
    _held: dict[str, Micros] = field(default_factory=dict)

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
        chosen = np.arange(len(self.rows)) if rows is None else rows
        n = len(chosen)
        begins: list[Micros] = []
        made: list[Made] = []
        blame = np.full(n, None, dtype=object)
        previous = np.full(n, NEVER, dtype=np.int64)
        for step in steps:
            earliest = np.maximum(np.full(n, step.earliest, dtype=np.int64), previous + step.spacing)
            if made:
                earliest = np.maximum(earliest, made[-1].end)
            begin, end = self._settle(step, comfort, earliest, self._bars(step.channel, made, chosen), blame)
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
        no_hours = lost & (pd.isna(blame) | (natural[0] >= FOREVER))
        blame[no_hours] = self.rules.hours_rule[step.channel]
        return begin, end

    def _slots(self, channel: str, comfort: int) -> Slots:
        hours = self.rules.hours[channel]
        if comfort in (WORKING_HOURS, PREFERRED_HOURS):
            hours = intersect(hours, self.rules.working if comfort == WORKING_HOURS else self.rules.preferred)
        shortest = self.calendar.min_window_minutes * MINUTE
        return Slots.of(long_enough(hours, self.calendar), shortest, tight=comfort == TIGHT)

    def _bars(self, channel: str, made: Sequence[Made], chosen: Micros) -> list[Bar]:
        rows, kind = self.rows[chosen], self.rules.traits.endpoint(channel)
        bars = [self._bound_bar(bound, channel, kind, rows) for bound in self.rules.bounds]
        found = [bar for bar in bars if bar is not None]
        refused = self.facts.refused[rows, CHANNELS.index(channel)]
        if refused.any():
            found.append(Bar(self.rules.wish_rules["channels"], np.where(refused, FOREVER, NEVER), _ALWAYS))
        if kind == NO_ENDPOINT:
            found.append(Bar(self.rules.wish_rules["endpoints"], np.full(len(rows), FOREVER, dtype=np.int64), _ALWAYS))
        return found + [
            Bar(
                paced.pacing.rule_id,
                self._release(paced, channel, made, rows),
                paced.force,
                exempt=None if paced.pacing.excess is None else self.past.exempt(paced, channel)[rows],
            )
            for paced in self.rules.pacings
            if paced.pacing.limits(channel, kind)
        ]

    def _bound_bar(self, bound: Bound, channel: str, kind: str, rows: Micros) -> Bar | None:
        rule = bound.rule
        if not rule.match.plans(channel, kind):
            return None
        if isinstance(rule, ConsentRule):
            never = np.full(len(rows), NEVER, dtype=np.int64)
            return Bar(rule.id, never, bound.force, self.past.expiry(rule, bound.zones, channel)[rows])
        release = self._states(bound, rule)[rows] if isinstance(rule, StopRule) else party_release(self.facts, rule, rows)
        return Bar(rule.id, release, bound.force) if (release > NEVER).any() else None

    def _states(self, bound: Bound, rule: StopRule) -> Micros:
        key = f"{rule.id}/{bound.force[0]}"
        if key not in self._held:
            held = np.full(len(self.facts), NEVER, dtype=np.int64)
            held[self.rows] = stop_release(self.facts, bound, rule, self.rows)
            self._held[key] = held
        return self._held[key]

    def _release(self, paced: Paced, channel: str, made: Sequence[Made], rows: Micros) -> Micros:
        pacing = paced.pacing
        if pacing.depth == 0:
            released = np.full(len(rows), FOREVER, dtype=np.int64)
        elif pacing.event is not None:
            released = self._after_event(paced, rows)
        else:
            planned = self._planned(paced, made, rows)
            if pacing.distinct:
                released = paced.release(self._other_channel(paced, channel, planned, rows))
            else:
                released = paced.release(_deepest(self.past.latest(paced)[rows], planned, pacing.depth))
        if pacing.active_after is None or any(pacing.starts(one.channel) for one in made):
            return released
        return np.where(self.past.began(pacing.active_after)[rows], released, NEVER)

    def _after_event(self, paced: Paced, rows: Micros) -> Micros:
        event = paced.pacing.event or ""
        if event == DUE_DATE:
            days = self.facts.overdue_since[rows]
            return np.where(days > 0, paced.from_day(days), FOREVER)
        at = self.past.latest_event(event)[rows]
        released = paced.release(at)
        return np.where(at <= NEVER, FOREVER, released) if paced.pacing.needed else released

    def _planned(self, paced: Paced, made: Sequence[Made], rows: Micros) -> list[tuple[str, Micros]]:
        """Return the planned contacts that count; a window's last instant is the latest at which its contact can be made."""
        pacing, endpoint = paced.pacing, self.rules.traits.endpoint
        counted = [one for one in made if pacing.counts_planned(one.channel, endpoint(one.channel))]
        if pacing.excess is None:
            return [(one.channel, one.end - 1) for one in counted]
        return [
            (one.channel, np.where(one.begin < self.past.exempt(paced, one.channel)[rows], NEVER, one.end - 1))
            for one in counted
        ]

    def _other_channel(self, paced: Paced, channel: str, planned: Sequence[tuple[str, Micros]], rows: Micros) -> Micros:
        """Return the latest contact on the channel that has to leave the window before one more may be used."""
        depth = paced.pacing.depth
        latest = [
            np.max([self.past.latest_on(paced, other)[rows], *(end for name, end in planned if name == other)], axis=0)
            for other in paced.pacing.counts.channels
            if other != channel
        ]
        if len(latest) < depth:
            return np.full(len(rows), NEVER, dtype=np.int64)
        return np.asarray(-np.sort(-np.stack(latest, axis=1), axis=1)[:, depth - 1], dtype=np.int64)


def _deepest(past: Micros, planned: Sequence[tuple[str, Micros]], depth: int) -> Micros:
    """Return the depth-th latest contact, past and planned together; NEVER where there are fewer."""
    if not planned:
        return past[:, depth - 1]
    together = np.column_stack([past, *(end for _, end in planned)])
    return np.asarray(-np.sort(-together, axis=1)[:, depth - 1], dtype=np.int64)


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
