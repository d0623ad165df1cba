"""When a contact stops standing in the way: every cap and pause is the release of one earlier contact.

A cap of M in a window allows a contact at t exactly where the M-th latest contact before it has left the window that ends at t;
a pause is a cap of one. So a rule is its depth M and the function that sends an earlier contact to its release.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..zones import HOUR, DayTable, Micros
from .history import FOREVER
from .hours import WEEKDAYS
from .model import FIRST_CONVERSATION, PRECONDITIONS, Match, Span, possible_outcomes
from .pacing import CapRule, CooldownRule, ExcessConsent, Exclusion

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MONDAY: Final = 1  # ordinal 1 is a Monday

Release = Callable[[DayTable, Micros], Micros]
Business = Callable[[int], bool]


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
    per : tuple of str
        The bucket.
    across : str
        Whose contacts count.
    exclude : tuple of Exclusion
    excess : ExcessConsent, optional
    event, active_after : str, optional
        The event that is counted instead of contacts; the one before which nothing is limited.
    """

    rule_id: str
    plans: Match
    counts: Match
    outcomes: tuple[str, ...] | None
    depth: int
    distinct: bool
    per: tuple[str, ...]
    across: str
    exclude: tuple[Exclusion, ...]
    excess: ExcessConsent | None
    event: str | None
    active_after: str | None

    def limits(self, channel: str, endpoint_kind: str) -> bool:
        """Tell whether it limits a planned contact."""
        return self.plans.plans(channel, endpoint_kind) and not self.leaves_out(channel)

    def counts_planned(self, channel: str, endpoint_kind: str) -> bool:
        """Tell whether a contact still ahead counts; an outcome that is possible is taken to come."""
        possible = self.outcomes is None or any(outcome in self.outcomes for outcome in possible_outcomes(channel))
        counted = self.event is None and self.counts.plans(channel, endpoint_kind)
        return counted and possible and not self.leaves_out(channel)

    def starts(self, channel: str) -> bool:
        """Tell whether a contact still ahead may be the event after which the rule limits."""
        return self.active_after == FIRST_CONVERSATION and "conversation" in possible_outcomes(channel)

    @property
    def needed(self) -> bool:
        """Whether nothing is allowed without the event."""
        return self.event in PRECONDITIONS

    def leaves_out(self, channel: str, party: str = "borrower", purpose: str = "collection") -> bool:
        """Tell whether a contact still ahead is surely left out, however it ends."""
        return any(
            one.excess_consent is None
            and (one.outcome is None or set(possible_outcomes(channel)) <= set(one.outcome))
            and (one.party is None or party in one.party)
            and (one.purpose is None or purpose in one.purpose)
            and (one.channels is None or channel in one.channels)
            and one.direction != "in"
            for one in self.exclude
        )


def pacing_of(rule: CapRule | CooldownRule) -> Pacing:
    """Reduce a rule to its pacing."""
    across = "principal" if "creditor" in rule.per and rule.across == "all" else rule.across
    if isinstance(rule, CapRule):
        outcomes = rule.count.outcomes if rule.count is not None else None
        counts, depth, distinct, event, active = (
            rule.match,
            rule.max,
            rule.measure == "distinct_channels",
            None,
            rule.active_after,
        )
    else:
        outcomes, depth, distinct, event, active = rule.after.outcome, 1, False, rule.after.event, None
        counts = Match(direction=rule.after.direction, channels=rule.after.channels)
    if "person" in rule.per:
        # The borrower's own bucket: contacts with a spouse or a guarantor are in theirs.
        counts = counts.model_copy(update={"party": ("borrower",)})
    return Pacing(
        rule.id, rule.match, counts, outcomes, depth, distinct, rule.per, across, rule.exclude, rule.excess, event, active
    )


def reach_days(rule: CapRule | CooldownRule) -> int:
    """Return the days back beyond which no contact can matter to a rule."""
    return rule.window.reach_days if isinstance(rule, CapRule) else rule.for_.reach_days


def release_of(rule: CapRule | CooldownRule, business: Business) -> Release:
    """Return the function from the instants of contacts to the first instants at which they no longer count.

    Parameters
    ----------
    business : callable
        Tells whether a local day, as an ordinal, surely is a business day.
    """
    if isinstance(rule, CooldownRule):
        return span_release(rule.for_, business)
    if rule.window.rolling_hours is not None:
        length = round(rule.window.rolling_hours * HOUR)
        return lambda _, at: at + length
    if rule.window.calendar == "week":
        start = WEEKDAYS.index(rule.window.week_start)
        return lambda table, at: table.start(_next_week(table.ordinal(at), start))
    if rule.window.calendar == "month":
        return lambda table, at: table.start(_next_month(table.ordinal(at)))
    days = rule.window.rolling_days or 1
    return lambda table, at: table.start(table.ordinal(at) + days)


def span_release(span: Span, business: Business) -> Release:
    """Return the function from the instants of events to the first instants after their span."""
    late = int(span.first_day == "next")
    if span.hours is not None:
        length = round(span.hours * HOUR)
        return lambda _, at: at + length
    if span.months is not None:
        months = span.months
        return lambda table, at: table.start(_months_on(table.ordinal(at), months) + late)
    if span.business_days is not None:
        count = span.business_days
        return lambda table, at: _after_business_days(table, table.ordinal(at) + late, count, business)
    days = span.whole_days
    return lambda table, at: table.start(table.ordinal(at) + days)


def _after_business_days(table: DayTable, first: Micros, count: int, business: Business) -> Micros:
    """Return the begin of the day after the count-th business day from a day on; FOREVER where the table has too few."""
    working = np.array([business(ordinal) for ordinal in range(table.first, table.last + 1)], dtype=np.int64)
    upto = np.r_[0, np.cumsum(working)]
    wanted = upto[np.clip(first - table.first, 0, len(working))] + count
    position = np.searchsorted(upto, wanted, side="left")
    found = table.start(table.first + position)
    return np.where(position > len(working) - 1, FOREVER, found)


def _next_week(ordinals: Micros, start: int) -> Micros:
    return ordinals - (ordinals - _MONDAY - start) % 7 + 7


def _next_month(ordinals: Micros) -> Micros:
    return _ordinals(_month_of(ordinals) + 1)


def _months_on(ordinals: Micros, months: int) -> Micros:
    """Return the same day some months later, the month's last where it has no such day."""
    month = _month_of(ordinals)
    day = ordinals - _ordinals(month)
    return np.minimum(_ordinals(month + months) + day, _ordinals(month + months + 1) - 1)


def _month_of(ordinals: Micros) -> NDArray[np.datetime64]:
    return (ordinals - _EPOCH_ORDINAL).astype("datetime64[D]").astype("datetime64[M]")


def _ordinals(months: NDArray[np.datetime64]) -> Micros:
    return np.asarray(months.astype("datetime64[D]").astype(np.int64) + _EPOCH_ORDINAL, dtype=np.int64)
