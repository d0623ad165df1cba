"""When a contact stops standing in the way: every cap and pause is the release of one earlier contact.

A cap of M in a window allows a contact at t exactly where the M-th latest contact before it has left the window that ends at t;
a pause is a cap of one. So a rule is its depth M and the function that sends an earlier contact to its release.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from .rule_hours import WEEKDAYS
from .rule_model import Match, possible_outcomes
from .rule_pacing import CapRule, CooldownRule
from .zones import HOUR, DayTable, Micros

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MONDAY: Final = 1  # ordinal 1 is a Monday


@dataclass(frozen=True)
class Pacing:
    """A cap or pause, reduced to what spacing needs.

    Parameters
    ----------
    rule_id : str
    plans : Match
        Which planned contacts it speaks of.
    counts : Match
        Which contacts it counts.
    outcomes : tuple of str, optional
        With which outcomes only; None counts all.
    depth : int
        The contact, counted from the latest, that has to be released; 0 never allows one.
    distinct : bool
        Whether it is other channels, not contacts, that are counted.
    """

    rule_id: str
    plans: Match
    counts: Match
    outcomes: tuple[str, ...] | None
    depth: int
    distinct: bool

    def counts_planned(self, channel: str) -> bool:
        """Tell whether a contact still ahead counts; an outcome that is possible is taken to come."""
        possible = self.outcomes is None or any(outcome in self.outcomes for outcome in possible_outcomes(channel))
        return self.counts.plans(channel) and possible


def pacing_of(rule: CapRule | CooldownRule) -> Pacing:
    """Reduce a rule to its pacing."""
    if isinstance(rule, CapRule):
        outcomes = rule.count.outcomes if rule.count is not None else None
        distinct = rule.measure == "distinct_channels"
        return Pacing(rule.id, rule.match, rule.match, outcomes, rule.max, distinct)
    after = Match(direction=rule.after.direction, channels=rule.after.channels)
    outcomes = rule.after.outcome
    return Pacing(rule.id, rule.match, after, outcomes, 1, distinct=False)


def reach_days(rule: CapRule | CooldownRule) -> int:
    """Return the days back beyond which no contact can matter to a rule."""
    return rule.window.reach_days if isinstance(rule, CapRule) else rule.for_.reach_days


def release_of(rule: CapRule | CooldownRule) -> Callable[[DayTable, Micros], Micros]:
    """Return the function from the instants of contacts to the first instants at which they no longer count."""
    hours = rule.window.rolling_hours if isinstance(rule, CapRule) else rule.for_.hours
    if hours is not None:
        length = round(hours * HOUR)
        return lambda _, at: at + length
    if isinstance(rule, CooldownRule):
        days = rule.for_.whole_days
    elif rule.window.rolling_days is not None:
        days = rule.window.rolling_days
    elif rule.window.calendar == "day":
        days = 1
    elif rule.window.calendar == "week":
        start = WEEKDAYS.index(rule.window.week_start)
        return lambda table, at: table.start(_next_week(table.ordinal(at), start))
    else:
        return lambda table, at: table.start(_next_month(table.ordinal(at)))
    return lambda table, at: table.start(table.ordinal(at) + days)


def _next_week(ordinals: Micros, start: int) -> Micros:
    return ordinals - (ordinals - _MONDAY - start) % 7 + 7


def _next_month(ordinals: Micros) -> Micros:
    months = (ordinals - _EPOCH_ORDINAL).astype("datetime64[D]").astype("datetime64[M]")
    return np.asarray((months + 1).astype("datetime64[D]").astype(np.int64) + _EPOCH_ORDINAL, dtype=np.int64)
