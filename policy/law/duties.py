"""What must be done beside contacts and how long records are kept, rule by rule, for those who tell it to a person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from ...data.vocabulary import CHANNELS
from .compose import Actor, held_rules
from .model import Match
from .pack import RulePack
from .states import DutyRule, Retain

__all__ = ["Duty", "Records", "duties_of"]


@dataclass(frozen=True)
class Records:
    """How long records are kept, in the pack's words; empty where it does not say.

    Parameters
    ----------
    years : float
    what : str
        Which records; all where empty.
    since : str
        From what on the years count.
    recordings_since : str
        The same for recordings of calls.
    legal_years : float, optional
        How long at least by law, where the house keeps them longer.
    """

    years: float
    what: str = ""
    since: str = ""
    recordings_since: str = ""
    legal_years: float | None = None


@dataclass(frozen=True)
class Duty:
    """A duty as a rule states it.

    Parameters
    ----------
    rule : str
        Identifier.
    do : tuple of str
        What has to be done, in the pack's words; empty where records alone are asked for.
    records : Records or None
        None where the rule does not say how long they are kept.
    clause : str
        Where it is written: document and section.
    """

    rule: str
    do: tuple[str, ...]
    records: Records | None
    clause: str


def duties_of(
    packs: Sequence[RulePack],
    jurisdiction: str,
    channels: Collection[str] | None = None,
    actor: Actor | None = None,
    on: date | None = None,
) -> list[Duty]:
    """Return the duties that hold for a borrower, in the packs' order.

    Parameters
    ----------
    packs : sequence of RulePack
    jurisdiction : str
        The borrower's; empty or a whole country where no more is known, and then every region's duties hold.
    channels : collection of str, optional
        Those of the plan: duties of contacts with the borrower on any of them; empty for a plan without contact, and then
        the duties that hold whatever the channel is. Duties of any contact with anybody where left out.
    actor : Actor, optional
        Who makes the contacts; not known by default, and then the duties of every role hold.
    on : date, optional
        The local day; duties of any day where left out.

    Examples
    --------
    >>> [(duty.rule, duty.records.years) for duty in duties_of([RulePack.load("house-strict")], "CN") if duty.records]
    [('gs.records', 5.0)]
    """
    held = held_rules(packs, jurisdiction, actor or Actor(), ())
    return [
        Duty(rule.id, rule.do, None if rule.retain is None else _records(rule.retain), pack.citation(rule))
        for pack, rule in held.rules
        if isinstance(rule, DutyRule)
        and _speaks_of(rule.match, channels)
        and (on is None or (rule.effective.from_ <= on and (rule.effective.to is None or on <= rule.effective.to)))
    ]


def _speaks_of(match: Match, channels: Collection[str] | None) -> bool:
    if channels is None:
        return match.direction != "in"
    return any(match.plans(one) for one in channels) if channels else all(match.plans(one) for one in CHANNELS)


def _records(retain: Retain) -> Records:
    return Records(
        retain.years, retain.what or "", retain.from_ or "", retain.recordings_from or "", retain.legal_minimum_years
    )
