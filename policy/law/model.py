"""What every rule of `contact-rules/1` has: its words, which contacts it speaks of, when it holds, and where it is written."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from ...data.settings import Section
from ...data.vocabulary import CHANNELS, OUTCOMES, STATUS_KINDS, STOP_KINDS

ALL_CHANNELS_OUT: Final = "opt_out_all"
# The names that published packs use for what the book's status events call otherwise.
STATUS_ALIASES: Final = {
    "dispute_open": "dispute", "complaint_open": "complaint", "hardship_application_open": "hardship",
    "attorney_represented": "attorney", "written_cease_or_refusal": "cease", "bankruptcy_stay": "bankruptcy",
    "borrower_deceased": "deceased", "statutory_moratorium": "moratorium", "vulnerable_unassessed": "vulnerable",
    "identity_theft_claim": "identity_theft", "disaster_area": "disaster", "borrower_incapacitated": "incapacitated",
    "debt_adviser_engaged": "debt_adviser", "written_dispute_in_validation_period": "dispute", "attorney_notice": "attorney",
}  # fmt: skip
STOPPING: Final = (*STOP_KINDS, "dispute", "complaint", "hardship", "promise", ALL_CHANNELS_OUT)
# Events that are read from elsewhere than the status events: the first talk ever, and the day from which debts are overdue.
FIRST_CONVERSATION: Final = "first_conversation"
DUE_DATE: Final = "due_date"
# Without these nothing may be done at all: a wait after a notice that was never sent has not begun, so it cannot have ended.
PRECONDITIONS: Final = ("written_notice_sent", DUE_DATE)
PARTIES: Final = (
    "borrower", "guarantor", "co_debtor", "authorised_agent", "spouse", "parent", "guardian", "estate_rep", "own_attorney",
    "cra", "creditor", "creditor_attorney", "household", "family", "employer", "workplace", "reference", "friend", "neighbour",
    "emergency_contact", "third_party",
)  # fmt: skip
# Products that selectors may name. A loan of any other product is in every pack: what is not known binds.
CONSUMER_PRODUCTS: Final = (
    "consumer_credit", "credit_card", "mortgage", "car_loan", "student_loan", "payday_loan", "microfinance", "microloan",
    "p2p_loan", "digital_loan", "bnpl", "overdraft", "leasing", "salary_loan",
)  # fmt: skip
PRODUCTS: Final = (*CONSUMER_PRODUCTS, "business_loan")
_SPOKEN: Final = ("call", "voicemail", "voicebot", "visit")
_SPOKEN_OUTCOMES: Final = OUTCOMES[: OUTCOMES.index("conversation") + 1]
_WRITTEN_OUTCOMES: Final = OUTCOMES[OUTCOMES.index("sent") :]
_CONNECTED: Final = ("answered_wrong_party", "conversation")
_OUTCOME_ALIASES: Final = {"answered": _CONNECTED, "connected": _CONNECTED}
# Where a kind of place is asked for, these kinds of endpoint are meant: a rule on "elsewhere" speaks of workplaces too.
_PLACES: Final = {
    "personal": ("personal", "home"), "home": ("home",), "workplace": ("workplace",), "other": ("other", "workplace"),
}  # fmt: skip

Channel = Literal["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]
Effect = Literal["prohibit", "presume", "discourage"]
Authority = Literal["statute", "regulation", "guidance", "standard", "self_regulatory", "draft", "policy"]
Confidence = Literal["verbatim", "official", "secondary", "weak", "memory", "policy"]
Product = Literal[PRODUCTS]  # type: ignore[valid-type]
Party = Literal[PARTIES]  # type: ignore[valid-type]
EndpointKind = Literal["personal", "home", "workplace", "other"]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _outcomes(value: Any) -> Any:
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return value
    return tuple(one for word in listed for one in _OUTCOME_ALIASES.get(word, (word,)))


def _statuses(value: Any) -> Any:
    listed = _listed(value)
    return tuple(STATUS_ALIASES.get(one, one) for one in listed) if isinstance(listed, list | tuple) else value


Outcomes = Annotated[tuple[Literal[OUTCOMES], ...], BeforeValidator(_outcomes)]  # type: ignore[valid-type]
Statuses = Annotated[tuple[Literal[STATUS_KINDS], ...], BeforeValidator(_statuses)]  # type: ignore[valid-type]
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed)]
Parties = Annotated[tuple[Party, ...], BeforeValidator(_listed)]
Endpoints = Annotated[tuple[EndpointKind, ...], BeforeValidator(_listed)]


def possible_outcomes(channel: str) -> tuple[str, ...]:
    """Return what may come of a contact that is still ahead: rules that count outcomes must expect the worst.

    Examples
    --------
    >>> "conversation" in possible_outcomes("call"), "conversation" in possible_outcomes("sms")
    (True, False)
    """
    return _SPOKEN_OUTCOMES if channel in _SPOKEN else _WRITTEN_OUTCOMES


class Match(Section):
    """Which contacts a rule speaks of; what is left out matches everything, and so does a contact's missing endpoint."""

    direction: Literal["in", "out", "any"] = "any"
    channels: tuple[Channel, ...] = CHANNELS
    party: Parties | None = None
    endpoint: Endpoints | None = None
    purpose: Words | None = None
    product: tuple[Product, ...] | None = None

    @property
    def endpoints(self) -> tuple[str, ...] | None:
        """The kinds of endpoint that are meant; None for all."""
        if self.endpoint is None:
            return None
        return tuple(dict.fromkeys(kind for place in self.endpoint for kind in _PLACES[place]))

    def plans(self, channel: str, endpoint_kind: str = "") -> bool:
        """Tell whether the rule speaks of a planned contact: outbound collection with the borrower, on this channel."""
        return self.matches(channel, "out", "borrower", "collection", endpoint_kind)

    def matches(self, channel: str, direction: str, party: str, purpose: str = "collection", endpoint_kind: str = "") -> bool:
        """Tell whether the rule speaks of a contact; an endpoint whose kind is not known may be of any kind."""
        return (
            channel in self.channels
            and self.direction in ("any", direction)
            and (self.party is None or party in self.party)
            and (self.purpose is None or purpose in self.purpose)
            and (self.endpoints is None or not endpoint_kind or endpoint_kind in self.endpoints)
        )


class Effective(Section):
    """The local days on which a rule is in force, both included."""

    from_: date = Field(alias="from")
    to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to < self.from_:
            raise ValueError("a last day that is not before the first")
        return self


class Source(Section):
    """Where a rule is written: a key of the pack's `sources`, or a title of its own."""

    ref: str | None = None
    title: str | None = None
    section: str | None = None
    quote: str | None = None
    confidence: Confidence | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.ref or self.title):
            raise ValueError("a `ref` into the pack's sources, or a `title`")
        return self


class Rule(Section):
    """What every rule has.

    `supersedes` names rules of this or another pack that do not hold while this one does: a pre-emption, never a wish, so a
    rule of the house cannot have it.
    """

    id: str = Field(min_length=1)
    type: str
    effect: Effect
    authority: Authority
    effective: Effective
    source: Source
    match: Match = Match()
    supersedes: tuple[str, ...] = ()
    note: str | None = None
    tests: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _pre_empts_by_law(self) -> Self:
        if self.supersedes and self.authority in ("policy", "draft"):
            raise ValueError("no `supersedes` below law: a policy or a draft can only tighten")
        if self.supersedes and not (self.source.section or self.source.quote):
            raise ValueError("the clause that pre-empts, in `source.section` or `source.quote`, beside `supersedes`")
        if self.id in self.supersedes:
            raise ValueError("other rules than itself in `supersedes`")
        return self


class Span(Section):
    """How long a pause or stop lasts; local days of which the first is the event's own or the next."""

    days: int | None = Field(default=None, ge=1, le=3660)
    hours: float | None = Field(default=None, gt=0, le=87840)
    business_days: int | None = Field(default=None, ge=1, le=250)
    months: int | None = Field(default=None, ge=1, le=120)
    first_day: Literal["event", "next"] = "event"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.days, self.hours, self.business_days, self.months)) != 1:
            raise ValueError("exactly one of days, hours, business_days, months")
        return self

    @property
    def whole_days(self) -> int:
        """Local days from the event to the first free one, where days were given."""
        return (self.days or 0) + int(self.first_day == "next")

    @property
    def reach_days(self) -> int:
        """Days back beyond which no event can matter."""
        # Business days are spread over weekends and holidays: a month of each ten bounds every calendar.
        spread = (self.business_days or 0) * 3 + 30 * bool(self.business_days)
        return max(self.whole_days, int((self.hours or 0) // 24) + 1, spread, (self.months or 0) * 31 + 1)


def is_jurisdiction(code: str) -> bool:
    """Tell whether a text is a code of ISO 3166-1 or 3166-2, a city below one, EU, or ZZ for everywhere.

    Examples
    --------
    >>> is_jurisdiction("CN"), is_jurisdiction("US-NY-NYC"), is_jurisdiction("EU"), is_jurisdiction("China")
    (True, True, True, False)
    """
    return re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,4}){0,2}", code) is not None
