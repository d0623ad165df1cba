"""Rules that look at past contacts: caps and pauses."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ...data.settings import Section
from ...data.vocabulary import CHANNELS, STATUS_KINDS
from .model import DUE_DATE, FIRST_CONVERSATION, STATUS_ALIASES, Channel, Outcomes, Parties, Rule, Span, Words

# A consent of this kind, given for more calls than a cap allows, leaves the calls under it out of the count.
EXCESS_CONSENT: Final = "excess_contact"
_BUCKETS: Final = {"account": "debt"}


def _buckets(value: Any) -> Any:
    listed = (value,) if isinstance(value, str) else value
    return tuple(_BUCKETS.get(one, one) for one in listed) if isinstance(listed, list | tuple) else value


def _event(value: Any) -> Any:
    return STATUS_ALIASES.get(value, value) if isinstance(value, str) else value


Buckets = Annotated[
    tuple[Literal["borrower", "person", "debt", "creditor", "endpoint"], ...],
    BeforeValidator(_buckets),
    Field(min_length=1),
]
Event = Annotated[Literal[(*STATUS_KINDS, FIRST_CONVERSATION, DUE_DATE)], BeforeValidator(_event)]  # type: ignore[valid-type]


class Window(Section):
    """The span over which a cap counts: consecutive local days, hours, or a calendar unit."""

    rolling_days: int | None = Field(default=None, ge=1, le=366)
    rolling_hours: float | None = Field(default=None, gt=0, le=8784)
    calendar: Literal["day", "week", "month"] | None = None
    week_start: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.rolling_days, self.rolling_hours, self.calendar)) != 1:
            raise ValueError("exactly one of rolling_days, rolling_hours, calendar")
        return self

    @property
    def reach_days(self) -> int:
        """Days back beyond which no contact can matter."""
        calendar = {None: 0, "day": 1, "week": 7, "month": 31}[self.calendar]
        return max(calendar, self.rolling_days or 0, int((self.rolling_hours or 0) // 24) + 1)


class Count(Section):
    """Which outcomes a cap counts."""

    outcomes: Annotated[Outcomes, Field(min_length=1)]


class ExcessConsent(Section):
    """How long a consent to more contacts holds: local days of which the first is the consent's own or the next."""

    days: int = Field(ge=1, le=366)
    first_day: Literal["event", "next"] = "event"

    @property
    def whole_days(self) -> int:
        """Local days from the consent to the first on which it no longer holds."""
        return self.days + int(self.first_day == "next")


class Exclusion(Section):
    """Contacts that a rule neither counts nor limits: those of which every stated thing is true."""

    outcome: Outcomes | None = None
    party: Parties | None = None
    purpose: Words | None = None
    channels: tuple[Channel, ...] | None = None
    direction: Literal["in", "out"] | None = None
    excess_consent: ExcessConsent | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("at least one of outcome, party, purpose, channels, direction, excess_consent")
        if self.excess_consent is not None and len(self.model_fields_set) > 1:
            raise ValueError("excess_consent as an exclusion of its own")
        return self


class PacedRule(Rule):
    """What caps and pauses share.

    `per` is the bucket that is counted: the borrower with everybody around, the person alone, each debt, each endpoint. What a
    contact does not say (its debt, its endpoint, its actor) counts in every bucket.
    """

    per: Buckets = ("borrower",)
    across: Literal["actor", "principal", "all"] = "all"
    exclude: tuple[Exclusion, ...] = ()

    @property
    def excess(self) -> ExcessConsent | None:
        """The consent under which contacts are free of the rule."""
        return next((one.excess_consent for one in self.exclude if one.excess_consent is not None), None)

    @model_validator(mode="after")
    def _one_bucket(self) -> Self:
        if {"debt", "endpoint"} <= set(self.per):
            raise ValueError("one of debt and endpoint in `per`: write two rules")
        if sum(one.excess_consent is not None for one in self.exclude) > 1:
            raise ValueError("one excess_consent")
        return self


class CapRule(PacedRule):
    """At most so many contacts in a window."""

    type: Literal["cap"]
    max: int = Field(ge=0, le=1000)
    window: Window
    count: Count | None = None
    measure: Literal["events", "distinct_channels"] = "events"
    active_after: Event | None = None

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.measure == "distinct_channels" and {"debt", "endpoint"} & set(self.per):
            raise ValueError("channels counted per borrower, person or creditor: counted per debt they would be looser")
        if self.active_after == DUE_DATE:
            raise ValueError("an event that happens; a due date has no end: use a cooldown after it")
        return self


class After(Section):
    """What starts a pause: a contact, or an event."""

    direction: Literal["in", "out", "any"] = "any"
    channels: tuple[Channel, ...] = CHANNELS
    outcome: Outcomes | None = None
    event: Event | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.event is not None and len(self.model_fields_set) > 1:
            raise ValueError("an event, or a contact by direction, channels and outcome; not both")
        return self


class CooldownRule(PacedRule):
    """A pause after a contact, after one with a given outcome, or after an event."""

    type: Literal["cooldown"]
    after: After
    for_: Span = Field(alias="for")
