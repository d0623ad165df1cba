"""The moment of sending: whether a contact that was planned may still be made now.

A plan is as old as its night. Between it and the dialler people pay, complain, move, or are called by somebody else, so that
every contact is asked about once more, with all that is known by then. What cannot be known is a no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..data.book import Book
from ..data.clock import as_utc
from ..data.errors import Fault, InvalidInput, StaleLedger, UnattributedRows
from ..data.vocabulary import CHANNELS
from ..features.ledger import position
from ..features.points import decision_points
from .commitments import CLEARING_KINDS
from .guards import check_ledger, check_rows, guard
from .law.check import BorrowerFacts, Ruling, check_contact, facts_of
from .law.pack import RulePack
from .reasons import Reason, code
from .recheck_facts import Meanwhile
from .refresh import DEAD, refresh_tasks
from .rules import Planner
from .settings import PolicySettings

# What is known at the very instant of sending counts: in doubt the contact is not made.
_INSTANT: Final = timedelta(microseconds=1)
_WHOLE_BOOK: Final = "any"


@dataclass(frozen=True, slots=True)
class Planned:
    """One contact of a decision's plan.

    Parameters
    ----------
    decision_id, borrower_id, channel : str
    start, end : datetime
        The window, aware; its end is the first instant that lies outside.
    decided_at, commit_until : datetime
        The decision's as_of and the end of its commitment, aware.
    laid_at : datetime, optional
        The night that laid the window, aware; the decision's own where left out.
    """

    decision_id: str
    borrower_id: str
    channel: str
    start: datetime
    end: datetime
    decided_at: datetime
    commit_until: datetime
    laid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """Whether a planned contact may be made now.

    Parameters
    ----------
    allowed : bool
    reasons : tuple of str
        Codes of everything that forbids it, the first the one to tell; empty where it is allowed.
    next_possible_at : datetime, optional
        First instant inside the same window at which hours and rules allow it, UTC. None where it is allowed, and where
        the window is lost: what ends a commitment is for the next night to think over.
    """

    allowed: bool
    reasons: tuple[str, ...]
    next_possible_at: datetime | None = None

    @property
    def reason(self) -> str | None:
        """The first reason, without its details."""
        return self.reasons[0].partition(":")[0] if self.reasons else None


def recheck(
    decision: Planned, now: datetime, events: Book, packs: Sequence[RulePack], settings: PolicySettings | None = None
) -> Recheck:
    """Tell whether one planned contact may be made now; `recheck_all` asks about many at once.

    Parameters
    ----------
    decision : Planned
    now : datetime
        Aware instant of sending; what is known by then counts.
    events : Book
        The newest tables.
    packs : sequence of RulePack
        All that apply must allow.
    settings : PolicySettings, optional
    """
    return recheck_all([decision], now, events, packs, settings)[0]


def recheck_all(
    planned: Sequence[Planned], now: datetime, events: Book, packs: Sequence[RulePack], settings: PolicySettings | None = None
) -> list[Recheck]:
    """Tell of every planned contact whether it may be made now, each as if it were the only one.

    Parameters
    ----------
    planned : sequence of Planned of length n
        Contacts of one borrower do not see each other: what was made has to be in the book before the next is asked about.

    Returns
    -------
    list of Recheck of length n

    Raises
    ------
    InvalidInput
        Channels that do not exist, and windows that end before they begin.
    """
    policy = settings or PolicySettings()
    _check(planned)
    if not planned:
        return []
    at = as_utc(now, "now")
    ids = list(dict.fromkeys(one.borrower_id for one in planned))
    left_alone = _left_alone(events, ids, at, policy)
    meanwhile = Meanwhile.read(events, ids, at + _INSTANT, CLEARING_KINDS)
    planner = Planner.of(packs, events, at + _INSTANT, ids, policy)
    facts = {name: facts_of(planner.facts, k) for k, name in enumerate(ids)}
    dead = _dead(events, ids, at, policy)
    answers = []
    for one in planned:
        ended = [*left_alone.get(one.borrower_id, ()), *_ended(one, at, meanwhile)]
        if cause := dead.get((one.borrower_id, one.channel)):
            ended.append(code(Reason.ENDPOINT, one.channel, cause))
        answers.append(_answer(one, at, ended, packs, facts[one.borrower_id]))
    return answers


def _check(planned: Sequence[Planned]) -> None:
    faults = [
        Fault(f"planned[{k}].channel", f"one of {', '.join(CHANNELS)}", repr(one.channel), "")
        for k, one in enumerate(planned)
        if one.channel not in CHANNELS
    ]
    for k, one in enumerate(planned):
        if not as_utc(one.start, "start") < as_utc(one.end, "end"):
            faults.append(Fault(f"planned[{k}]", "a window that ends after it begins", f"{one.start} to {one.end}", ""))
    if faults:
        raise InvalidInput(faults)


def _left_alone(events: Book, ids: list[str], at: datetime, settings: PolicySettings) -> dict[str, list[str]]:
    """Return why the guards of a night would leave borrowers alone now; what the night refuses altogether, everybody."""
    try:
        check_ledger(events, at, settings)
        check_rows(events, settings)
    except StaleLedger:
        return {name: [code(Reason.STALE_LEDGER, _WHOLE_BOOK)] for name in ids}
    except UnattributedRows:
        return {name: [code(Reason.DOUBTFUL)] for name in ids}
    points = decision_points(ids, at + _INSTANT, settings.ledger)
    with events.points(points) as lent:
        owed = position(events, lent, settings.ledger).to_pandas()
    found = guard(events, points, owed, at + _INSTANT, settings)
    return {name: text.split("; ") for name, text in zip(found["borrower_id"], found["detail"], strict=True)}


def _dead(events: Book, ids: list[str], at: datetime, settings: PolicySettings) -> dict[tuple[str, str], str]:
    tasks = refresh_tasks(events, ids, at + _INSTANT, settings)
    gone = tasks[tasks["cause"].isin(DEAD)]
    return dict(zip(zip(gone["borrower_id"], gone["channel"], strict=True), gone["cause"], strict=True))


def _ended(one: Planned, at: datetime, meanwhile: Meanwhile) -> list[str]:
    """Return what has ended the plan since it was laid: its time, a newer decision, an event, a move, the contact itself."""
    found = []
    if at >= as_utc(one.commit_until, "commit_until"):
        found.append(code(Reason.COMMITMENT_ENDED, "time"))
    if meanwhile.newer_decision(one.borrower_id, one.decision_id, one.decided_at):
        found.append(code(Reason.COMMITMENT_ENDED, "newer_decision"))
    found += [code(Reason.COMMITMENT_ENDED, kind) for kind in meanwhile.cleared_by(one.borrower_id, one.decided_at)]
    if meanwhile.moved(one.borrower_id, one.laid_at or one.decided_at):
        found.append(code(Reason.MOVED))
    if meanwhile.made(one.decision_id, one.start):
        found.append(code(Reason.ALREADY_MADE))
    if at >= as_utc(one.end, "end"):
        found.append(code(Reason.OUTSIDE_WINDOW, "late"))
    return found


def _answer(one: Planned, at: datetime, ended: list[str], packs: Sequence[RulePack], facts: BorrowerFacts) -> Recheck:
    """Ask the rules, and name the next instant where time alone stands in the way."""
    start, end = as_utc(one.start, "start"), as_utc(one.end, "end")
    early = [code(Reason.OUTSIDE_WINDOW, "early")] if at < start else []
    ruling = check_contact(packs, facts, one.channel, at)
    denied = [code(Reason.RULE, one.rule_id) for one in ruling.reasons]
    reasons = (*dict.fromkeys([*ended, *early, *denied]),)
    if not reasons:
        return Recheck(allowed=True, reasons=())
    later = None if ended else _later(check_contact(packs, facts, one.channel, start) if early else ruling, end)
    return Recheck(allowed=False, reasons=reasons, next_possible_at=later)


def _later(ruling: Ruling, end: datetime) -> datetime | None:
    at = ruling.next_possible_at
    return at if at is not None and at < end else None
