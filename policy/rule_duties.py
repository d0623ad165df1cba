"""What must be done beside contacts and how long records are kept, rule by rule, for those who tell it to a person."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from .rule_compose import Actor, held_rules
from .rule_pack import RulePack
from .rule_states import DutyRule, Retain

__all__ = ["Duty", "duties_of"]


class Duty(NamedTuple):
    """A duty as a rule states it.

    Parameters
    ----------
    rule_id, text : str
        The rule; what it asks for, and where it is written.
    retain : str or None
        How long records are kept; None where the rule does not say.
    """

    rule_id: str
    text: str
    retain: str | None


def duties_of(
    packs: Sequence[RulePack],
    jurisdiction: str,
    channel: str | None = None,
    actor: Actor | None = None,
    on: date | None = None,
) -> list[Duty]:
    """Return the duties that hold for a borrower, in the packs' order.

    Parameters
    ----------
    packs : sequence of RulePack
    jurisdiction : str
        The borrower's; empty or a whole country where no more is known, and then every region's duties hold.
    channel : str, optional
        Duties of any channel where left out.
    actor : Actor, optional
        Who makes the contacts; not known by default, and then the duties of every role hold.
    on : date, optional
        The local day; duties of any day where left out.

    Examples
    --------
    >>> [duty.retain for duty in duties_of([RulePack.load("house-strict")], "CN") if duty.retain]
    ['5 years from debt closed']
    """
    held = held_rules(packs, jurisdiction, actor or Actor(), ())
    return [
        Duty(rule.id, _text(pack, rule), None if rule.retain is None else _retained(rule.retain))
        for pack, rule in held.rules
        if isinstance(rule, DutyRule)
        and (channel is None or channel in rule.match.channels)
        and rule.match.direction != "in"
        and (on is None or (rule.effective.from_ <= on and (rule.effective.to is None or on <= rule.effective.to)))
    ]


def _text(pack: RulePack, rule: DutyRule) -> str:
    asked = ", ".join(word.replace("_", " ") for word in rule.do) or "keep records"
    return f"{asked} ({pack.citation(rule)})"


def _retained(retain: Retain) -> str:
    years = f"{retain.years:g} year{'s' if retain.years != 1 else ''}"
    parts = [f"{retain.what.replace('_', ' ')}: {years}" if retain.what else years]
    if retain.from_:
        parts.append(f"from {retain.from_.replace('_', ' ')}")
    if retain.recordings_from:
        parts.append(f"(recordings from {retain.recordings_from.replace('_', ' ')})")
    if retain.legal_minimum_years is not None:
        parts.append(f"(by law at least {retain.legal_minimum_years:g})")
    return " ".join(parts)
