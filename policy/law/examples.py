"""A pack proves itself: the examples that rules carry are run against the rules."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from ...data.errors import Fault, InvalidInput
from ...data.settings import Section, parse_model
from ..zones import is_zone
from .check import check_contact
from .clock import Place
from .compose import Actor
from .limits import About
from .model import DUE_DATE, EndpointKind, Rule
from .pack import RulePack
from .person import BorrowerFacts, Endpoint, GivenConsent, OpenLoan, PastContact, StatusEvent


class ExamplePast(Section):
    """One past contact, or several at equal distance; times are local wall clock."""

    at: str
    channel: str
    outcome: str
    direction: Literal["in", "out"] = "out"
    party: str = "borrower"
    purpose: str = "collection"
    endpoint_id: str | None = None
    endpoint: EndpointKind | None = None
    actor: str | None = None
    principal: str | None = None
    loans: tuple[str, ...] = ()
    every_days: int = 1
    times: int = 1


class ExampleStatus(Section):
    """A status event; times are local wall clock."""

    kind: str
    at: str
    channel: str | None = None
    until: str | None = None
    loan_id: str | None = None
    detail: str | None = None


class ExampleConsent(Section):
    """A consent; its times are local wall clock."""

    kind: str
    channel: str
    at: str
    revoked_at: str | None = None


class ExampleEndpoint(Section):
    """A live endpoint of the borrower."""

    channel: str
    endpoint_id: str = "e1"
    kind: str = "personal"


class ExampleLoan(Section):
    """An open loan of the borrower."""

    loan_id: str
    product: str = ""


class ExampleActor(Section):
    """Who makes the contact."""

    role: str = ""
    name: str = ""
    principal: str = ""


class Example(Section):
    """A contact on which a rule has a say, and what it says.

    Parameters
    ----------
    at : str
        Local wall clock of the contact.
    channel : str
    expect : str
        What this rule says, whatever others do.
    zone, jurisdiction : str
        Where the borrower is.
    purpose, party, endpoint_id, endpoint, debts
        What the contact is about; by default collection with the borrower, about every loan, wherever a plan would go.
    past, status, events, consents, endpoints, loans, overdue_since, actor
        What is known; the event `due_date` says since when a due is overdue.
    product : str
        Of the only loan.
    drafts : bool
        Whether rules that are not law yet are kept.
    """

    at: str
    channel: str
    expect: Literal["allow", "deny"]
    zone: str = "Europe/London"
    jurisdiction: str = "GB"
    purpose: str = "collection"
    party: str = "borrower"
    endpoint_id: str | None = None
    endpoint: EndpointKind | None = None
    debts: tuple[str, ...] | None = None
    past: tuple[ExamplePast, ...] = ()
    status: tuple[ExampleStatus, ...] = ()
    events: tuple[ExampleStatus, ...] = ()
    consents: tuple[ExampleConsent, ...] = ()
    endpoints: tuple[ExampleEndpoint, ...] = ()
    loans: tuple[ExampleLoan, ...] = ()
    product: str | None = None
    overdue_since: date | None = None
    actor: ExampleActor = ExampleActor()
    drafts: bool = False
    unknown_zone: bool = Field(default=False, description="the borrower's zone is not known; `zone` reads the times alone")
    note: str = ""


def run_examples(pack: RulePack) -> list[Fault]:
    """Run the examples of every rule; what comes out otherwise than stated is a fault, and so is a rule without any."""
    faults: list[Fault] = []
    for rule in pack.rules:
        if not rule.tests:
            faults.append(Fault(f"{pack.id}.{rule.id}.tests", "at least one example", "none", "Show what the rule does."))
        for number, content in enumerate(rule.tests):
            faults += _run(pack, rule, content, f"{pack.id}.{rule.id}.tests.{number}")
    return faults


def _run(pack: RulePack, rule: Rule, content: Mapping[str, Any], where: str) -> list[Fault]:
    try:
        example = parse_model(Example, content, where)
    except InvalidInput as error:
        return list(error.faults)
    at = _instant(example.at, example.zone)
    about = About(example.purpose, example.party, example.endpoint_id, example.endpoint, example.debts)
    ruling = check_contact([pack], _facts(example), example.channel, at, about)
    denied = rule.id in {reason.rule_id for reason in ruling.reasons} | set(ruling.warnings)
    if denied == (example.expect == "deny"):
        return []
    return [Fault(where, example.expect, "deny" if denied else "allow", "Correct the rule or its example.")]


def _facts(example: Example) -> BorrowerFacts:
    zone = example.zone
    contacts = tuple(
        PastContact(
            _instant(one.at, zone, days=k * one.every_days), one.channel, one.outcome, one.direction, one.party, one.purpose,
            one.endpoint_id, one.endpoint, one.actor, one.principal, one.loans,
        )
        for one in example.past
        for k in range(one.times)
    )  # fmt: skip
    return BorrowerFacts(
        Place("" if example.unknown_zone or not is_zone(zone) else zone, example.jurisdiction),
        contacts,
        tuple(
            StatusEvent(one.kind, _instant(one.at, zone), _maybe(one.until, zone), one.channel, one.loan_id, one.detail)
            for one in (*example.status, *example.events)
            if one.kind != DUE_DATE
        ),
        tuple(
            GivenConsent(one.channel, one.kind, _instant(one.at, zone), _maybe(one.revoked_at, zone))
            for one in example.consents
        ),
        (
            *(OpenLoan(one.loan_id, one.product) for one in example.loans),
            *([OpenLoan("l", example.product)] if example.product else []),
        ),
        tuple(Endpoint(one.channel, one.endpoint_id, one.kind) for one in example.endpoints),
        overdue_since=example.overdue_since
        or max((_instant(d.at, zone).date() for d in example.events if d.kind == DUE_DATE), default=None),
        actor=Actor(example.actor.role, example.actor.name, example.actor.principal, example.drafts),
    )


def _maybe(text: str | None, zone: str) -> datetime | None:
    return None if text is None else _instant(text, zone)


def _instant(text: str, zone: str, days: int = 0) -> datetime:
    wall = datetime.fromisoformat(text) + timedelta(days=days)
    return wall.replace(tzinfo=ZoneInfo(zone))
