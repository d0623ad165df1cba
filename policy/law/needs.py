"""What a set of packs asks of the book."""

from collections.abc import Sequence

from .model import DUE_DATE, FIRST_CONVERSATION
from .pacing import CapRule, CooldownRule, PacedRule
from .pack import RulePack
from .reading import Needs
from .release import reach_days
from .types import HoursRule


def needs_of(packs: Sequence[RulePack]) -> Needs:
    """Return what has to be read so that every rule of the packs can be told."""
    rules = [rule for pack in packs for rule in pack.rules]
    paced = [rule for rule in rules if isinstance(rule, PacedRule)]
    overrides = [one for rule in rules if isinstance(rule, HoursRule) for one in rule.override_when]
    events = {
        rule.active_after if isinstance(rule, CapRule) else rule.after.event
        for rule in paced
        if isinstance(rule, CapRule | CooldownRule)
    }
    days = [one.days_past_due_gt for one in overrides if one.days_past_due_gt is not None]
    return Needs(
        reach_days=max((reach_days(rule) for rule in paced if isinstance(rule, CapRule | CooldownRule)), default=0),
        debts=any("debt" in rule.per for rule in paced),
        products=any(pack.header.applies.product for pack in packs) or any(rule.match.product for rule in rules),
        endpoints=any(rule.match.endpoint is not None for rule in rules),
        overdue=bool(days) or DUE_DATE in events,
        first_talk=FIRST_CONVERSATION in events,
        lifting=frozenset(one.consent for one in overrides if one.consent is not None),
        overdue_days=max(days, default=-1),
    )
