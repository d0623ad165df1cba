"""Which hours of a local day are open to a channel: what rules allow, what was agreed, what was lifted, what was refused."""

from datetime import date

from ..zones import Interval, intersect, wall_intervals
from .clock import WHOLE_DAY, buffered, in_force, open_hours
from .pack import RulePack
from .traits import Traits
from .types import HoursRule


def open_to(pack: RulePack, rule: HoursRule, traits: Traits, channel: str, zone: str, ordinal: int) -> list[Interval]:
    """Return when an hours rule leaves a local day open to a channel, in UTC microseconds."""
    if lifted(rule, traits, channel, ordinal):
        return wall_intervals(zone, ordinal, WHOLE_DAY)
    found = open_hours(pack.header, rule, traits.place, zone, ordinal)
    if not rule.agreed_override or not in_force(rule.effective, ordinal):
        return found
    weekday = date.fromordinal(ordinal).weekday()
    agreed = [
        piece
        for own, week in traits.agreed
        if own == channel
        for piece in wall_intervals(zone, ordinal, buffered(pack.header, week[weekday]))
    ]
    return joined([*found, *agreed])


def lifted(rule: HoursRule, traits: Traits, channel: str, ordinal: int) -> bool:
    """Tell whether something lifts an hours rule on a local day."""
    return any(
        (one.consent is not None and (channel, one.consent) in traits.lifting)
        or (
            one.days_past_due_gt is not None
            and traits.overdue_since > 0
            and ordinal - traits.overdue_since > one.days_past_due_gt
        )
        for one in rule.override_when
    )


def is_personal(rule: HoursRule, traits: Traits) -> bool:
    """Tell whether a rule's hours may differ by channel for these borrowers."""
    return bool((rule.agreed_override and traits.agreed) or rule.override_when)


def not_refused(traits: Traits, zone: str, ordinal: int) -> list[Interval]:
    """Return what the borrower's refused hours leave of a local day, in UTC microseconds."""
    found = wall_intervals(zone, ordinal, WHOLE_DAY)
    weekday = date.fromordinal(ordinal).weekday()
    for week, until in traits.quiet:
        closed = [(begin, min(end, until + 1)) for begin, end in wall_intervals(zone, ordinal, week[weekday])]
        for begin, end in closed:
            if begin < end:
                found = intersect(found, [(-(1 << 62), begin), (end, 1 << 62)])
    return found


def joined(intervals: list[Interval]) -> list[Interval]:
    """Return overlapping and touching intervals as one each, sorted."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
