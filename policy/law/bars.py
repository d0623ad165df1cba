"""What stands in the way of the contacts of borrowers of one kind: each rule that speaks, with the first instants it allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...data.vocabulary import CHANNELS
from ..zones import Interval, Micros
from .facts import Facts
from .group import Bound, GroupRules
from .history import FOREVER, NEVER
from .model import ALL_CHANNELS_OUT, DUE_DATE
from .paced import Paced
from .past import Past
from .states import ConsentRule, StopRule
from .stops import stop_release
from .traits import NO_ENDPOINT

_ALWAYS: Final[Interval] = (NEVER, FOREVER)


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

    def take(self, chosen: Micros) -> "Bar":
        """Return the bar of some of the borrowers."""
        expiry, exempt = (None if one is None else one[chosen] for one in (self.expiry, self.exempt))
        return Bar(self.rule_id, self.release[chosen], self.force, expiry, exempt)

    def matters(self, now: int) -> bool:
        """Tell whether it is in anybody's way from an instant on."""
        return self.force[1] > now and (self.expiry is not None or bool((self.release > now).any()))


@dataclass(frozen=True)
class Made:
    """A contact that was laid: its channel, and the windows of n borrowers."""

    channel: str
    begin: Micros
    end: Micros


@dataclass
class Bars:
    """What stands in the way of the contacts of borrowers of one kind.

    What does not depend on the contacts laid before is made once by channel and kept.

    Parameters
    ----------
    rules : GroupRules
    facts : Facts
    rows : ndarray of shape (n,)
        Positions of the group's borrowers in `facts`, ascending.
    kind : int
        The group's code in `facts`.
    past : Past
        What was counted; shared by all groups of one book.
    """

    rules: GroupRules
    facts: Facts
    rows: Micros
    kind: int
    past: Past
    _bound: dict[str, list[Bar]] = field(default_factory=dict)
    _paced: dict[tuple[str, int], Bar | None] = field(default_factory=dict)
    _stopped: dict[int, Micros] = field(default_factory=dict)
    _own: dict[tuple[str, int], Micros] = field(default_factory=dict)

    def against(self, channel: str, made: Sequence[Made], chosen: Micros | None = None) -> list[Bar]:
        """Return what stands in the way of one more contact.

        Parameters
        ----------
        channel : str
        made : sequence of Made
            The contacts laid before it, of the chosen borrowers.
        chosen : ndarray of shape (m,), optional
            Positions within the group; all by default.
        """
        if channel not in self._bound:
            self._bound[channel] = [bar for bar in self._states(channel) if bar.matters(self.facts.as_of)]
        kept, fresh = list(self._bound[channel]), []
        kind = self.rules.traits.endpoint(channel)
        for number, paced in enumerate(self.rules.pacings):
            if not paced.pacing.limits(channel, kind):
                continue
            if self._touched(paced, made):
                fresh.append(self._pacing(paced, channel, made, self.rows if chosen is None else self.rows[chosen]))
                continue
            if (channel, number) not in self._paced:
                bar = self._pacing(paced, channel, (), self.rows)
                self._paced[channel, number] = bar if bar.matters(self.facts.as_of) else None
            if (still := self._paced[channel, number]) is not None:
                kept.append(still)
        return [*(kept if chosen is None else [bar.take(chosen) for bar in kept]), *fresh]

    def _states(self, channel: str) -> list[Bar]:
        """Return the bars of stops, parties, consents and the borrower's own wishes."""
        rows, kind = self.rows, self.rules.traits.endpoint(channel)
        found = [self._bound_bar(k, bound, channel) for k, bound in enumerate(self.rules.bounds)
                 if bound.rule.match.plans(channel, kind)]  # fmt: skip
        refused = self.facts.refused[rows, CHANNELS.index(channel)]
        found.append(Bar(self.rules.wish_rules["channels"], np.where(refused, FOREVER, NEVER), _ALWAYS))
        if kind == NO_ENDPOINT:
            found.append(Bar(self.rules.wish_rules["endpoints"], np.full(len(rows), FOREVER, dtype=np.int64), _ALWAYS))
        return found

    def _bound_bar(self, number: int, bound: Bound, channel: str) -> Bar:
        rule, rows = bound.rule, self.rows
        if isinstance(rule, ConsentRule):
            never = np.full(len(rows), NEVER, dtype=np.int64)
            return Bar(rule.id, never, bound.force, self.past.expiry(rule, bound.zones, channel)[rows])
        if isinstance(rule, StopRule):
            if number not in self._stopped:
                self._stopped[number] = self._stop(bound, rule)
            return Bar(rule.id, self._stopped[number], bound.force)
        return Bar(rule.id, self.past.party(rule)[rows], bound.force)

    def _stop(self, bound: Bound, rule: StopRule) -> Micros:
        stops = self.past.stops(rule, self.kind)
        found = np.full(len(self.rows), NEVER, dtype=np.int64)
        np.maximum.at(found, np.searchsorted(self.rows, stops.owner), stop_release(self.facts, bound, rule, stops))
        if ALL_CHANNELS_OUT in rule.kinds:
            found[self.facts.refused[self.rows].all(axis=1)] = FOREVER
        return found

    def _touched(self, paced: Paced, made: Sequence[Made]) -> bool:
        """Tell whether any contact laid before changes what a pacing allows."""
        pacing, endpoint = paced.pacing, self.rules.traits.endpoint
        return any(pacing.counts_planned(one.channel, endpoint(one.channel)) or pacing.starts(one.channel) for one in made)

    def _pacing(self, paced: Paced, channel: str, made: Sequence[Made], rows: Micros) -> Bar:
        exempt = None if paced.pacing.excess is None else self.past.exempt(paced, channel)[rows]
        return Bar(paced.pacing.rule_id, self._release(paced, channel, made, rows), paced.force, exempt=exempt)

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
                released = paced.release(self._deepest(paced, planned, rows))
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

    def _deepest(self, paced: Paced, planned: Sequence[tuple[str, Micros]], rows: Micros) -> Micros:
        """Return the latest contact but depth - 1, past and planned together; NEVER where there are fewer."""
        depth = paced.pacing.depth
        if self.past.is_over and paced.pacing.excess is None:
            # Planned contacts follow each other, and every past one comes before them: nothing is to be sorted.
            ahead = len(planned)
            return planned[-depth][1] if ahead >= depth else self._latest(paced, depth - 1 - ahead, rows)
        together = np.column_stack([self.past.latest(paced)[rows], *(end for _, end in planned)])
        return np.asarray(-np.sort(-together, axis=1)[:, depth - 1], dtype=np.int64)

    def _latest(self, paced: Paced, rank: int, rows: Micros) -> Micros:
        """Return the latest past contact but `rank`; where everybody is asked for, gathered once."""
        if rows is not self.rows:
            return np.asarray(self.past.latest(paced)[rows, rank], dtype=np.int64)
        if (paced.key, rank) not in self._own:
            self._own[paced.key, rank] = np.ascontiguousarray(self.past.latest(paced)[rows, rank])
        return self._own[paced.key, rank]
