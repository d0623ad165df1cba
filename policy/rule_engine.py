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
from .rule_facts import FOREVER, NEVER, Facts
from .rule_group import GroupRules, Paced, long_enough
from .rule_states import ConsentRule, PartyRule, StopRule
from .settings import CalendarSettings
from .zones import DAY, MINUTE, Interval, Micros, day_start, intersect, local_ordinal

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
    """A rule as it stands for one planned contact: begins before `release` are forbidden while it is in force."""

    rule_id: str
    release: Micros
    force: Interval
    expiry: Micros | None = None


@dataclass
class GroupEngine:
    """Lays contacts for the borrowers of one place.

    Parameters
    ----------
    rules : GroupRules
    facts : Facts
    rows : ndarray of shape (n,)
        Positions of the group's borrowers in `facts`.
    calendar : CalendarSettings
    """

    rules: GroupRules
    facts: Facts
    rows: Micros
    calendar: CalendarSettings
    _past: dict[str, Micros] = field(default_factory=dict)

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
        made: list[tuple[str, Micros]] = []
        blame = np.full(n, None, dtype=object)
        previous = np.full(n, NEVER, dtype=np.int64)
        for step in steps:
            earliest = np.maximum(np.full(n, step.earliest, dtype=np.int64), previous + step.spacing)
            if made:
                earliest = np.maximum(earliest, made[-1][1])
            begin, end = self._settle(step, comfort, earliest, self._bars(step.channel, made, chosen), blame)
            begins.append(begin)
            made.append((step.channel, end))
            previous = begin
        complete = previous < FOREVER
        blame[complete] = None
        shape = (n, len(steps))
        return Laid(
            np.stack(begins, axis=1) if steps else np.empty(shape, dtype=np.int64),
            np.stack([end for _, end in made], axis=1) if steps else np.empty(shape, dtype=np.int64),
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

    def _slots(self, channel: str, comfort: int) -> "Slots":
        hours = self.rules.hours[channel]
        if comfort in (WORKING_HOURS, PREFERRED_HOURS):
            hours = intersect(hours, self.rules.working if comfort == WORKING_HOURS else self.rules.preferred)
        shortest = self.calendar.min_window_minutes * MINUTE
        return Slots.of(long_enough(hours, self.calendar), shortest, tight=comfort == TIGHT)

    def _bars(self, channel: str, made: Sequence[tuple[str, Micros]], chosen: Micros) -> list[Bar]:
        rows = self.rows[chosen]
        bars = [self._bound_bar(bound.rule, bound.force, bound.zones, channel, rows) for bound in self.rules.bounds]
        refused = self.facts.refused[rows, CHANNELS.index(channel)]
        found = [bar for bar in bars if bar is not None]
        if refused.any():
            found.append(Bar(self.rules.opt_out_rule, np.where(refused, FOREVER, NEVER), (NEVER, FOREVER)))
        return found + [
            Bar(paced.pacing.rule_id, self._release(paced, channel, made, rows), paced.force)
            for paced in self.rules.pacings
            if paced.pacing.plans.plans(channel)
        ]

    def _bound_bar(self, rule: object, force: Interval, zones: tuple[str, ...], channel: str, rows: Micros) -> Bar | None:
        if isinstance(rule, StopRule) and rule.match.plans(channel):
            stops = [self.facts.stops[kind][rows] for kind in rule.kinds if kind in self.facts.stops]
            held = np.max(stops, axis=0) if stops else np.full(len(rows), NEVER, dtype=np.int64)
            # A stop still holds at its last instant.
            return Bar(rule.id, np.where(abs(held) < FOREVER, held + 1, held), force) if (held > NEVER).any() else None
        if isinstance(rule, PartyRule) and rule.match.plans(channel) and "borrower" not in (rule.allow or ("borrower",)):
            return Bar(rule.id, np.full(len(rows), FOREVER, dtype=np.int64), force)
        if isinstance(rule, ConsentRule) and rule.match.plans(channel):
            never = np.full(len(rows), NEVER, dtype=np.int64)
            return Bar(rule.id, never, force, self._expiry(rule, zones, channel)[rows])
        return None

    def _expiry(self, rule: ConsentRule, zones: tuple[str, ...], channel: str) -> Micros:
        """Return until when a channel is open by consent, of shape (all facts,); NEVER without one."""
        consents = self.facts.consents
        expiry = np.full(len(self.facts), NEVER, dtype=np.int64)
        for need in rule.need.any_of:
            own = consents[(consents["channel"] == channel) & (consents["kind"] == need.kind)]
            last = np.array([expires(given, need.max_age_days, zones) for given in own["given"]], dtype=np.int64)
            np.maximum.at(expiry, own["owner"].to_numpy(), last)
        return expiry

    def _release(self, paced: Paced, channel: str, made: Sequence[tuple[str, Micros]], rows: Micros) -> Micros:
        pacing = paced.pacing
        if pacing.depth == 0:
            return np.full(len(rows), FOREVER, dtype=np.int64)
        # A window's last instant is the latest at which its contact can be made.
        planned = [(other, end - 1) for other, end in made if pacing.counts_planned(other)]
        if pacing.distinct:
            return paced.release(self._other_channel(paced, channel, planned, rows))
        past = self._latest(paced)[rows]
        if len(planned) >= pacing.depth and (past[:, 0] <= self.facts.as_of).all():
            return paced.release(planned[-pacing.depth][1])
        if (past[:, 0] <= self.facts.as_of).all():
            return paced.release(past[:, pacing.depth - 1 - len(planned)])
        # A contact dated ahead of its time is counted where it says it is: the order has to be made.
        together = np.column_stack([past, *(end for _, end in planned)])
        return paced.release(-np.sort(-together, axis=1)[:, pacing.depth - 1])

    def _latest(self, paced: Paced) -> Micros:
        pacing = paced.pacing
        if pacing.rule_id not in self._past:
            contacts = self.facts.contacts
            chosen = contacts.select(pacing.counts, pacing.outcomes)
            self._past[pacing.rule_id] = contacts.latest(chosen, len(self.facts), pacing.depth)
        return self._past[pacing.rule_id]

    def _other_channel(self, paced: Paced, channel: str, planned: Sequence[tuple[str, Micros]], rows: Micros) -> Micros:
        """Return the latest contact on the channel that has to leave the window before one more may be used."""
        pacing, contacts = paced.pacing, self.facts.contacts
        latest = []
        for other in pacing.counts.channels:
            if other != channel:
                key = f"{pacing.rule_id}/{other}"
                if key not in self._past:
                    chosen = contacts.select(pacing.counts, pacing.outcomes) & (contacts.channel == CHANNELS.index(other))
                    self._past[key] = contacts.latest(chosen, len(self.facts), 1)[:, 0]
                latest.append(np.max([self._past[key][rows], *(end for name, end in planned if name == other)], axis=0))
        if len(latest) < pacing.depth:
            return np.full(len(rows), NEVER, dtype=np.int64)
        return np.asarray(-np.sort(-np.stack(latest, axis=1), axis=1)[:, pacing.depth - 1], dtype=np.int64)


def expires(given: int, max_age_days: int | None, zones: tuple[str, ...]) -> int:
    """Return until when a consent counts: the last local day is the given one plus its largest age, in every zone."""
    if max_age_days is None:
        return FOREVER
    return min((day_start(zone, local_ordinal(zone, given) + max_age_days + 1) for zone in zones), default=given + DAY)


def _pushed(begin: Micros, end: Micros, active: Micros, bars: Sequence[Bar]) -> tuple[Micros, NDArray[np.object_]]:
    """Return to where the bars push each active contact, and the one that pushes furthest."""
    now, until = begin[active], end[active]
    target, who = now.copy(), np.full(len(active), None, dtype=object)
    for bar in bars:
        low, high = bar.force
        barred = (now >= low) & (now < high)
        late = now < bar.release[active] if bar.expiry is None else until > bar.expiry[active]
        goal = np.minimum(bar.release[active], high) if bar.expiry is None else np.full(len(active), high, dtype=np.int64)
        further = barred & late & (goal > target)
        target[further] = goal[further]
        who[further] = bar.rule_id
    return target, who


@dataclass(frozen=True)
class Slots:
    """The windows that a contact may get, sorted.

    Parameters
    ----------
    begin, end : ndarray of shape (m,)
        UTC microseconds, closed by a last one at FOREVER.
    shortest : int
        Microseconds that a window has at least.
    tight : bool
        Whether windows are no longer than that.
    """

    begin: Micros
    end: Micros
    shortest: int
    tight: bool

    @classmethod
    def of(cls, intervals: Sequence[Interval], shortest: int, *, tight: bool) -> "Slots":
        """Build slots from intervals of which each is long enough."""
        begin, end = ([pair[side] for pair in intervals] for side in (0, 1))
        return cls(
            np.array([*begin, FOREVER], dtype=np.int64), np.array([*end, FOREVER + shortest], dtype=np.int64), shortest, tight
        )

    def from_(self, earliest: Micros) -> tuple[Micros, Micros]:
        """Return the first window at or after each instant: its begin and end, each of shape (n,)."""
        # Windows are told to the minute: a begin is rounded up, so that nobody reads an earlier one than was meant.
        asked = np.minimum(-(-earliest // MINUTE) * MINUTE, FOREVER)
        position = np.searchsorted(self.end - self.shortest, asked, side="left")
        begin = np.maximum(self.begin[position], asked)
        end = begin + self.shortest if self.tight else self.end[position]
        return begin, np.where(begin >= FOREVER, FOREVER, end)
