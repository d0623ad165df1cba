"""A receipt: what a night decided about one borrower and why, replayed from the night's own files to the same bytes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from ..policy.law.compose import Actor
from ..policy.law.duties import Duty, duties_of
from ..policy.law.model import Rule
from ..policy.law.pack import RulePack
from ..policy.law.selection import PackSelection
from ..policy.reasons import Reason
from ..policy.settings import PolicySettings
from .explain import find_rows
from .receipt_card import NightCard
from .recommendation import EXPECTED, Versions

_DIGEST_LENGTH: Final = 16


@dataclass(frozen=True)
class Cited:
    """A rule that took part.

    Parameters
    ----------
    rule : str
    clause : str
        Document and section; empty for what stands in no pack.
    authority, confidence, quote : str
        Its rank, how it was read, and its own words where the pack has them.
    arms : tuple of str
        Arms that it took away.
    """

    rule: str
    clause: str = ""
    authority: str = ""
    confidence: str = ""
    quote: str = ""
    arms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expectation:
    """What the model expected of the arm, as the night wrote it down: nothing is scored again for a receipt.

    Parameters
    ----------
    response, response_none : float
        Probability of repayment within the horizon with this arm, and without contact.
    uplift, uplift_low, uplift_high : float
        Their difference, and the joint interval of that difference.
    harm : float
        Probability of a complaint or an opt-out.
    value : float
        Expected net recovery, account currency.
    confidence : float
        Of the interval, from the night's settings.
    """

    response: float
    response_none: float
    uplift: float
    uplift_low: float
    uplift_high: float
    harm: float
    value: float
    confidence: float


@dataclass(frozen=True)
class Plan:
    """What was decided for a borrower who may be contacted; instants as text in UTC, the window in local time."""

    decision_id: str
    arm: str
    until: str
    standing: bool
    intensity: float
    interval_days: float | None
    channels: tuple[str, ...]
    next_contact: tuple[str, str] | None
    next_channel: str
    tone: str
    offer: str
    lawful_arms: tuple[str, ...]
    expected: Expectation | None


@dataclass(frozen=True)
class Receipt:
    """Everything that is told to a person about a decision; words come with `render`.

    Parameters
    ----------
    borrower_id, as_of : str
    plan : Plan or None
        None for somebody who is left alone.
    reasons : tuple of str
        Codes.
    rules : tuple of Cited
    duties : tuple of Duty
        Beside the plan's contacts, with their clauses.
    ways : tuple of (str, ...)
        What would lower the contacts: a code and its details.
    reach : dict of str to str
        How to reach a person, by language.
    versions : Versions
        Of the decision; the standing one's are those of its own night.
    data : str
        Digest of the night's tables; empty where none was computed.
    """

    borrower_id: str
    as_of: str
    plan: Plan | None
    reasons: tuple[str, ...]
    rules: tuple[Cited, ...]
    duties: tuple[Duty, ...]
    ways: tuple[tuple[str, ...], ...]
    reach: dict[str, str]
    versions: Versions
    data: str

    def to_json(self) -> str:
        """Return the receipt as canonical JSON: equal receipts are equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """Short digest of everything above."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:_DIGEST_LENGTH]


def receipt(recommendations: Path, borrower_id: str, jurisdiction: str = "") -> Receipt:
    """Rebuild the receipt of one decision from the files of its night.

    Parameters
    ----------
    recommendations : Path
        Recommendation table as Parquet; the run's card and who was left out lie beside it.
    borrower_id : str
    jurisdiction : str
        The borrower's, for the duties; not in the files. Empty: the duties of all packs that may hold.

    Raises
    ------
    InvalidInput
        Where a file is missing or of another night, or nobody knows the borrower.
    """
    card = NightCard.read(recommendations)
    row, left_alone = find_rows(recommendations, borrower_id)
    as_of = pd.Timestamp(card.as_of)
    if left_alone:
        codes, plan, versions = tuple(str(row["detail"]).split("; ")), None, card.versions
    else:
        codes, plan = tuple(row["reasons"]), _plan(row, card.arms, card.settings.confidence)
        versions = Versions(row["model_version"], row["policy_version"], row["rules_version"])
        if not row["standing"] and versions != card.versions:
            remedy = "Keep the files of a night together."
            raise InvalidInput([Fault(str(recommendations), str(card.versions), str(versions), remedy)])
        as_of = pd.Timestamp(row["as_of"])
    rules = _rules(codes, card.packs)
    settings = card.settings
    return Receipt(
        borrower_id=borrower_id,
        as_of=f"{as_of:%Y-%m-%d %H:%M}",
        plan=plan,
        reasons=tuple(one for one in codes if not one.startswith(f"{Reason.ARM_REMOVED}:")),
        rules=rules,
        duties=_duties(card, plan, rules, jurisdiction) if plan else (),
        ways=ways(plan, settings) if plan and plan.channels else (),
        reach={str(lang): told for lang, told in settings.messages.reach_a_person.items()},
        versions=versions,
        data=card.data,
    )


def _plan(row: dict[str, Any], arms: ArmCatalogue, confidence: float) -> Plan:
    known = {arm.name: arm.channels for arm in (*arms, *arms.retired)}
    window = None if pd.isna(row["next_contact_from"]) else (row["next_contact_from"], row["next_contact_to"])
    expected = None
    if not pd.isna(row["response"]):
        expected = Expectation(**{name: float(row[name]) for name in EXPECTED}, confidence=confidence)
    return Plan(
        decision_id=row["decision_id"],
        arm=row["arm"],
        until=f"{row['commit_until']:%Y-%m-%d}",
        standing=row["standing"],
        intensity=float(row["intensity"]),
        interval_days=None if pd.isna(row["interval_days"]) else float(row["interval_days"]),
        channels=known[row["arm"]],
        next_contact=window,
        next_channel=str(row["windows"][0]).rsplit(" ", maxsplit=1)[-1] if row["windows"] else "",
        tone="" if pd.isna(row["tone"]) or not known[row["arm"]] else row["tone"],
        offer="" if pd.isna(row["offer"]) else row["offer"],
        lawful_arms=tuple(row["lawful_arms"]),
        expected=expected,
    )


def _rules(codes: Sequence[str], packs: Sequence[RulePack]) -> tuple[Cited, ...]:
    """Return the rules that took arms away, each once, in the order of their first arm."""
    taken: dict[str, list[str]] = {}
    for one in codes:
        name, *details = one.split(":", 2)
        if name == Reason.ARM_REMOVED:
            taken.setdefault(details[1], []).append(details[0])
    where = {rule.id: (pack, rule) for pack in packs for rule in pack.rules}
    return tuple(
        _cite(*where[rule], tuple(arms)) if rule in where else Cited(rule, arms=tuple(arms)) for rule, arms in taken.items()
    )


def _cite(pack: RulePack, rule: Rule, arms: tuple[str, ...]) -> Cited:
    entry = pack.sources.get(rule.source.ref or "")
    confidence = rule.source.confidence or (entry.confidence if entry else "")
    return Cited(rule.id, pack.citation(rule), rule.authority, confidence, rule.source.quote or "", arms)


def _duties(card: NightCard, plan: Plan, rules: Sequence[Cited], jurisdiction: str) -> tuple[Duty, ...]:
    lender = card.settings.lender
    actor = Actor(lender.role, lender.actor, lender.principal, lender.drafts)
    packs, day = card.packs, pd.Timestamp(card.as_of).date()
    if not jurisdiction and isinstance(packs, PackSelection) and packs.automatic:
        # Where nobody says the place, packs that took part show it.
        part = {one.rule for one in rules}
        packs = [pack for pack in packs if pack in packs.named or part & {rule.id for rule in pack.rules}]
    return tuple(duties_of(packs, jurisdiction, plan.channels, actor, day))


def ways(plan: Plan, settings: PolicySettings) -> tuple[tuple[str, ...], ...]:
    """Return what would lower the contacts of a plan; as codes with details; guards and rules honour each at once."""
    guards = settings.guards
    found: list[tuple[str, ...]] = [("pay",), ("promise",)]
    if plan.offer:
        found.append(("offer", plan.offer))
    if guards.hardship_excluded:
        found.append(("hardship",))
    found.append(("dispute",))
    if guards.complaint_quiet_days > 0:
        found.append(("complaint", f"{guards.complaint_quiet_days:g}"))
    return (*found, ("opt_out", *plan.channels), ("quiet_hours",))
