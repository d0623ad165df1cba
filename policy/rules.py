"""What a whole book may be given: the lawful arms of every borrower, and the rule that took each other arm away."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..data.arms import Arm, ArmCatalogue
from ..data.book import Book
from ..data.clock import parse_instant
from ..data.errors import Fault, InvalidInput
from .dose import planned_contacts
from .law.bars import Bars
from .law.compose import Actor
from .law.engine import TIGHT, GroupEngine, Step
from .law.facts import Facts, read_facts
from .law.group import group_rules, span_of
from .law.needs import needs_of
from .law.pack import RulePack
from .law.past import Past
from .law.selection import AUTOMATIC, PackSelection
from .settings import PolicySettings
from .zones import DAY

__all__ = ["LawfulArms", "Planner", "RulePack", "lawful", "lawful_arms", "load_packs", "rules_version"]

UNKNOWN_BORROWER: Final = "unknown_borrower"
UNKNOWN_DOSE: Final = "unknown_dose"
_DIGEST_LENGTH: Final = 12


@dataclass(frozen=True)
class LawfulArms:
    """Which arms may be given.

    Parameters
    ----------
    borrower_ids : ndarray of shape (n,)
    mask : ndarray of shape (n, K)
        True where the arm's calendar can be laid through the whole commitment.
    removed_by : ndarray of shape (n, K)
        The rule that took the arm away; None where it may be given.
    """

    borrower_ids: NDArray[np.object_]
    mask: NDArray[np.bool_]
    removed_by: NDArray[np.object_]


def load_packs(names_or_paths: Sequence[str | Path]) -> Sequence[RulePack]:
    """Read several packs; the faults of all of them come together.

    With the word `auto` among the names it is a `PackSelection`: each borrower has the packs of the own place.
    """
    selection = PackSelection.from_names([str(name) for name in names_or_paths])
    return selection if AUTOMATIC in names_or_paths else selection.named


def rules_version(packs: Sequence[RulePack]) -> str:
    """Return what identifies a set of packs: their names, and a digest that any change of a rule changes.

    Packs that are chosen by the borrower's place go by `auto` together.
    """
    named, rest = (packs.named, [AUTOMATIC]) if isinstance(packs, PackSelection) else (packs, [])
    ids = [*(pack.id for pack in named), *rest]
    digest = hashlib.sha256("\n".join(sorted(pack.version for pack in packs)).encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{'+'.join(sorted(ids))}@{digest}"


def lawful(
    packs: Sequence[RulePack],
    book: Book,
    as_of: str | datetime,
    arms: ArmCatalogue,
    borrower_ids: Sequence[str] | None = None,
) -> NDArray[np.bool_]:
    """Tell which arms may be given to whom.

    Parameters
    ----------
    packs : sequence of RulePack
        All that apply to a borrower must allow.
    book : Book
    as_of : str or datetime
        Aware instant of the decision.
    arms : ArmCatalogue
        K arms.
    borrower_ids : sequence of str of shape (n,), optional
        All borrowers known before as_of, sorted, where left out.

    Returns
    -------
    ndarray of shape (n, K)
        True where the arm's calendar can be laid through the whole commitment. The no-contact arm always can.
    """
    return lawful_arms(packs, book, as_of, arms, borrower_ids).mask


def lawful_arms(
    packs: Sequence[RulePack],
    book: Book,
    as_of: str | datetime,
    arms: ArmCatalogue,
    borrower_ids: Sequence[str] | None = None,
    settings: PolicySettings | None = None,
) -> LawfulArms:
    """Tell which arms may be given to whom, and which rule took each other arm away; parameters as in `lawful`."""
    return Planner.of(packs, book, as_of, borrower_ids, settings).lawful(arms)


@dataclass(frozen=True)
class Planner:
    """Facts and rules of a book at one instant, from which arms are checked and laid on the calendar.

    Parameters
    ----------
    packs : sequence of RulePack
        Listed, or a `PackSelection`.
    facts : Facts
    settings : PolicySettings
        Its horizon and calendar are used.
    """

    packs: Sequence[RulePack]
    facts: Facts
    settings: PolicySettings

    @classmethod
    def of(
        cls,
        packs: Sequence[RulePack],
        book: Book,
        as_of: str | datetime,
        borrower_ids: Sequence[str] | None = None,
        settings: PolicySettings | None = None,
    ) -> "Planner":
        """Read the facts that the packs need."""
        if borrower_ids is not None and len(set(borrower_ids)) != len(borrower_ids):
            raise InvalidInput([Fault("borrower_ids", "each borrower once", "repetitions", "Leave the repeated ones out.")])
        policy = settings or PolicySettings()
        lender = policy.lender
        actor = Actor(lender.role, lender.actor, lender.principal, lender.drafts)
        facts = read_facts(book, parse_instant(as_of), borrower_ids, needs_of(packs), actor, policy.ledger)
        return cls(packs, facts, policy)

    @cached_property
    def engines(self) -> list[GroupEngine]:
        """One engine for every kind of borrowers."""
        facts, past = self.facts, Past(self.facts)
        span = span_of(facts.as_of, self.settings.outcome.horizon_days, needs_of(self.packs).reach_days)
        order = np.argsort(facts.group, kind="stable")
        edges = np.searchsorted(facts.group[order], np.arange(len(facts.traits) + 1))
        found = []
        for kind, traits in enumerate(facts.traits):
            rules = group_rules(self.packs, traits, facts.actor, span, self.settings.calendar)
            rows = order[edges[kind] : edges[kind + 1]].astype(np.int64)
            found.append(GroupEngine(rules, facts, rows, self.settings.calendar, Bars(rules, facts, rows, kind, past)))
        return found

    def steps(self, arm: Arm) -> list[Step]:
        """Return the contacts of an arm with the times before which they are not made.

        Half the arm's interval is kept between contacts, so that a holiday does not end in a burst.
        """
        spacing = round((arm.interval_days or 0.0) * DAY / 2)
        planned = planned_contacts(arm, self.settings.outcome.horizon_days)
        return [Step(self.facts.as_of + round(one.offset_days * DAY), one.channel, spacing) for one in planned]

    def lawful(self, arms: ArmCatalogue) -> LawfulArms:
        """Tell which arms may be given."""
        n = len(self.facts)
        mask = np.zeros((n, len(arms)), dtype=bool)
        removed = np.full((n, len(arms)), UNKNOWN_BORROWER, dtype=object)
        for k, arm in enumerate(arms):
            if not arm.dose_known:
                removed[:, k] = UNKNOWN_DOSE
                continue
            for engine in self.engines:
                laid = engine.lay(self.steps(arm), TIGHT) if arm.intensity > 0 else None
                mask[engine.rows, k] = True if laid is None else laid.complete
                removed[engine.rows, k] = None if laid is None else laid.blocked_by
            if arm.intensity == 0:
                mask[:, k], removed[:, k] = True, None
        return LawfulArms(self.facts.borrower_id, mask, removed)
