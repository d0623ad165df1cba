"""A pack proves itself: the examples that rules carry are run against the rules."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import Field

from ..data.clock import naive_utc
from ..data.errors import Fault, InvalidInput
from ..data.settings import Section, parse_model
from .rule_check import BorrowerFacts, GivenConsent, PastContact, check_contact
from .rule_clock import Place
from .rule_model import ALL_CHANNELS_OUT, Rule
from .rule_pack import RulePack
from .status import open_status, opted_out
from .zones import is_zone

_EVENT_TYPES: Final = {"loan_id": "str", "channel": "str", "kind": "str", "at": "datetime64[us]", "until": "datetime64[us]"}


class ExamplePast(Section):
    """One past contact, or several at equal distance; times are local wall clock."""

    at: str
    channel: str
    outcome: str
    direction: Literal["in", "out"] = "out"
    party: str = "borrower"
    every_days: int = 1
    times: int = 1


class ExampleStatus(Section):
    """A status event; times are local wall clock."""

    kind: str
    at: str
    channel: str | None = None
    until: str | None = None


class ExampleConsent(Section):
    """A consent; its time is local wall clock."""

    kind: str
    channel: str
    at: str


class Example(Section):
    """A contact on which a rule has a say, and what it says.

    Parameters
    ----------
    at : str
        Local wall clock of the contact.
    channel : str
    expect : str
        What this rule says, whatever others do.
    """

    at: str
    channel: str
    expect: Literal["allow", "deny"]
    zone: str = "Europe/London"
    jurisdiction: str = "GB"
    past: tuple[ExamplePast, ...] = ()
    status: tuple[ExampleStatus, ...] = ()
    consents: tuple[ExampleConsent, ...] = ()
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
    ruling = check_contact([pack], _facts(example, at), example.channel, at)
    denied = rule.id in {reason.rule_id for reason in ruling.reasons}
    if denied == (example.expect == "deny"):
        return []
    return [Fault(where, example.expect, "deny" if denied else "allow", "Correct the rule or its example.")]


def _facts(example: Example, at: datetime) -> BorrowerFacts:
    zone = example.zone
    events = pd.DataFrame(
        [
            ("b", None, one.kind, one.channel, naive_utc(_instant(one.at, zone)),
             None if one.until is None else naive_utc(_instant(one.until, zone)))
            for one in example.status
        ],
        columns=["borrower_id", "loan_id", "kind", "channel", "at", "until"],
    ).astype(_EVENT_TYPES)  # fmt: skip
    closed = frozenset(opted_out(events)["channel"])
    opened = open_status(events, at)
    stops: dict[str, datetime | None] = {
        kind: None if pd.isna(until) else until.tz_localize("UTC").to_pydatetime()
        for kind, until in zip(opened["kind"], opened["until"], strict=True)
    }
    if events.loc[events["kind"] == "opt_out", "channel"].isna().any() and closed:
        stops[ALL_CHANNELS_OUT] = None
    contacts = tuple(
        PastContact(_instant(one.at, zone, days=k * one.every_days), one.channel, one.outcome, one.direction, one.party)
        for one in example.past
        for k in range(one.times)
    )
    consents = tuple(GivenConsent(one.channel, one.kind, _instant(one.at, zone)) for one in example.consents)
    place = Place("" if example.unknown_zone or not is_zone(zone) else zone, example.jurisdiction)
    return BorrowerFacts(place, contacts, closed, stops, consents)


def _instant(text: str, zone: str, days: int = 0) -> datetime:
    wall = datetime.fromisoformat(text) + timedelta(days=days)
    return wall.replace(tzinfo=ZoneInfo(zone))
