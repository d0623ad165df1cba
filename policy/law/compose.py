"""Which rules of which packs hold for a borrower: place, actor, products, and what a law pre-empts.

Packs intersect: every rule of every pack that applies must allow. What is not known binds: a borrower of an unknown region may
be in any, a lender that has not said what it is may be anything, a loan of an unknown product may be of every one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .jurisdictions import covers as within
from .model import CONSUMER_PRODUCTS, PRODUCTS, Effective, Rule
from .pack import RulePack
from .selection import PackSelection


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes the contacts; empty where it was not said, and then every pack holds and every contact counts.

    Parameters
    ----------
    role : str
        creditor, third_party_collector, debt_buyer or assignee.
    name, principal : str
        As in the contacts' `actor` and `principal`.
    drafts : bool
        Whether rules that are not law yet are kept already.
    """

    role: str = ""
    name: str = ""
    principal: str = ""
    drafts: bool = False


def packs_at(packs: Sequence[RulePack], jurisdiction: str, actor: Actor) -> Sequence[RulePack]:
    """Return the packs that may hold in a place: all that are listed, or those that a selection has for it."""
    return packs.packs_for(jurisdiction, actor.role or None) if isinstance(packs, PackSelection) else packs


def pack_applies(pack: RulePack, jurisdiction: str, actor: Actor, products: Sequence[str]) -> bool:
    """Tell whether a pack holds for a borrower.

    Parameters
    ----------
    jurisdiction : str
        The borrower's; a country without a region may be any of its regions.
    actor : Actor
    products : sequence of str
        Of the borrower's open loans; empty where they are not known.
    """
    applies = pack.header.applies
    of_actor = not applies.actor_role or not actor.role or actor.role in applies.actor_role
    return of_actor and within(pack.header.jurisdiction, jurisdiction) and covers(applies.product, products)


def covers(selector: Sequence[str] | None, products: Sequence[str]) -> bool:
    """Tell whether a selector of products covers any of a borrower's loans.

    Examples
    --------
    >>> covers(["consumer_credit"], ["credit_card"]), covers(["credit_card"], ["mortgage"]), covers(["credit_card"], ["cash"])
    (True, False, True)
    """
    if not selector or not products:
        return True
    wanted = {*selector, *(CONSUMER_PRODUCTS if "consumer_credit" in selector else ())}
    return any(product in wanted or product not in PRODUCTS for product in products)


@dataclass(frozen=True)
class HeldRules:
    """What holds for a borrower.

    Parameters
    ----------
    packs : tuple of RulePack
    rules : tuple of (RulePack, Rule)
        In the packs' order; a rule that another pre-empts for some days comes with what is left of its own.
    """

    packs: tuple[RulePack, ...]
    rules: tuple[tuple[RulePack, Rule], ...]


def held_rules(packs: Sequence[RulePack], jurisdiction: str, actor: Actor, products: Sequence[str]) -> HeldRules:
    """Return the packs and rules that hold for a borrower."""
    applied = tuple(pack for pack in packs_at(packs, jurisdiction, actor) if pack_applies(pack, jurisdiction, actor, products))
    speaking = [
        (pack, rule)
        for pack in applied
        for rule in pack.rules
        if covers(rule.match.product, products) and (rule.authority != "draft" or actor.drafts)
    ]
    above = [rule for pack, rule in speaking if rule.supersedes and pack.blocks(rule)]
    return HeldRules(
        applied,
        tuple(
            (pack, left)
            for pack, rule in speaking
            for left in _left_of(rule, [other.effective for other in above if rule.id in other.supersedes])
        ),
    )


def _left_of(rule: Rule, taken: Sequence[Effective]) -> Iterator[Rule]:
    """Return a rule for the days on which nothing pre-empts it."""
    pieces = [rule.effective]
    for other in taken:
        pieces = [piece for one in pieces for piece in _without(one, other)]
    for piece in pieces:
        yield rule if piece == rule.effective else rule.model_copy(update={"effective": piece})


def _without(one: Effective, other: Effective) -> Iterator[Effective]:
    last, day = one.to or date.max, timedelta(days=1)
    if other.from_ > last or (other.to is not None and other.to < one.from_):
        yield one
        return
    if one.from_ < other.from_:
        yield Effective.model_validate({"from": one.from_, "to": other.from_ - day})
    if other.to is not None and other.to < last:
        yield Effective.model_validate({"from": other.to + day, "to": one.to})
