"""The rules of a pack as frozen values: what of `contact-rules/1` is accepted is exactly what is enforced."""

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..data.settings import Section
from ..data.vocabulary import CHANNELS, OUTCOMES, STOP_KINDS
from .rule_hours import HOLIDAY, WEEKDAYS, parse_week

ALL_CHANNELS_OUT: Final = "opt_out_all"
# The names that published packs use for what the book's status events call otherwise.
_STOP_ALIASES: Final = {
    "dispute_open": "dispute", "complaint_open": "complaint", "hardship_application_open": "hardship",
    "attorney_represented": "attorney", "written_cease_or_refusal": "cease", "bankruptcy_stay": "bankruptcy",
    "borrower_deceased": "deceased", "statutory_moratorium": "moratorium", "vulnerable_unassessed": "vulnerable",
    "identity_theft_claim": "identity_theft", "disaster_area": "disaster",
}  # fmt: skip
STOPPING: Final = (*STOP_KINDS, "dispute", "complaint", "hardship", "promise", ALL_CHANNELS_OUT)
_SPOKEN: Final = ("call", "voicemail", "voicebot", "visit")
_SPOKEN_OUTCOMES: Final = OUTCOMES[: OUTCOMES.index("conversation") + 1]
_WRITTEN_OUTCOMES: Final = OUTCOMES[OUTCOMES.index("sent") :]

Channel = Literal["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]
Effect = Literal["prohibit", "presume", "discourage"]
Authority = Literal["statute", "regulation", "guidance", "standard", "self_regulatory", "draft", "policy"]
Confidence = Literal["verbatim", "official", "secondary", "weak", "memory", "policy"]


def possible_outcomes(channel: str) -> tuple[str, ...]:
    """Return what may come of a contact that is still ahead: rules that count outcomes must expect the worst.

    Examples
    --------
    >>> "conversation" in possible_outcomes("call"), "conversation" in possible_outcomes("sms")
    (True, False)
    """
    return _SPOKEN_OUTCOMES if channel in _SPOKEN else _WRITTEN_OUTCOMES


class Match(Section):
    """Which contacts a rule speaks of; what is left out matches everything."""

    direction: Literal["in", "out", "any"] = "any"
    channels: tuple[Channel, ...] = CHANNELS
    party: tuple[str, ...] | None = None

    def plans(self, channel: str) -> bool:
        """Tell whether the rule speaks of a planned contact: outbound, with the borrower, on this channel."""
        return self.direction != "in" and channel in self.channels and (self.party is None or "borrower" in self.party)

    def matches(self, channel: str, direction: str, party: str) -> bool:
        """Tell whether the rule speaks of a contact that was made."""
        return channel in self.channels and self.direction in ("any", direction) and (self.party is None or party in self.party)


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
    """What every rule has."""

    id: str = Field(min_length=1)
    type: str
    effect: Effect
    authority: Authority
    effective: Effective
    source: Source
    match: Match = Match()
    note: str | None = None
    tests: tuple[dict[str, Any], ...] = ()


class HoursRule(Rule):
    """Contacts only inside wall-clock windows, by weekday and holiday."""

    type: Literal["hours"]
    allow: dict[str, tuple[tuple[int, int], ...]]

    @field_validator("allow", mode="before")
    @classmethod
    def _parse_allow(cls, allow: Any) -> dict[str, tuple[tuple[int, int], ...]]:
        if not isinstance(allow, dict):
            raise ValueError("a mapping from weekdays to windows")  # noqa: TRY004  pydantic collects ValueErrors
        return parse_week(allow)

    def windows(self, weekday: int, *, holiday: bool) -> tuple[tuple[int, int], ...]:
        """Return a day's windows in minutes after midnight; a holiday without windows of its own is like any day."""
        return self.allow[HOLIDAY] if holiday and HOLIDAY in self.allow else self.allow[WEEKDAYS[weekday]]


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

    outcomes: tuple[Literal[OUTCOMES], ...] = Field(min_length=1)  # type: ignore[valid-type]


class CapRule(Rule):
    """At most so many contacts in a window; a book is one principal's, so every contact in it counts."""

    type: Literal["cap"]
    max: int = Field(ge=0, le=1000)
    window: Window
    per: tuple[Literal["borrower"], ...] = ("borrower",)
    across: Literal["principal", "all"] = "all"
    count: Count | None = None
    measure: Literal["events", "distinct_channels"] = "events"


class After(Section):
    """What starts a pause."""

    direction: Literal["in", "out", "any"] = "any"
    channels: tuple[Channel, ...] = CHANNELS
    outcome: Literal[OUTCOMES] | None = None  # type: ignore[valid-type]


class Span(Section):
    """How long a pause lasts: hours, or local days of which the first is the event's own or the next."""

    days: int | None = Field(default=None, ge=1, le=366)
    hours: float | None = Field(default=None, gt=0, le=8784)
    first_day: Literal["event", "next"] = "event"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.days is None) == (self.hours is None):
            raise ValueError("exactly one of days, hours")
        return self

    @property
    def whole_days(self) -> int:
        """Local days from the event to the first free one."""
        return (self.days or 0) + int(self.first_day == "next")

    @property
    def reach_days(self) -> int:
        """Days back beyond which no contact can matter."""
        return max(self.whole_days, int((self.hours or 0) // 24) + 1)


class CooldownRule(Rule):
    """A pause after a contact, or after one with a given outcome."""

    type: Literal["cooldown"]
    after: After
    for_: Span = Field(alias="for")
    per: tuple[Literal["borrower"], ...] = ("borrower",)
    across: Literal["principal", "all"] = "all"


class StopRule(Rule):
    """No contact while a status is open. A contact is about all of a person's debts, so a stop on one stops it."""

    type: Literal["stop"]
    when: str | None = None
    when_any: tuple[str, ...] = ()
    scope: Literal["borrower", "debt"] = "borrower"
    allow_purposes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_known_kinds(self) -> Self:
        if not self.kinds:
            raise ValueError("`when` or `when_any` with at least one status")
        if unknown := [kind for kind in self.kinds if kind not in STOPPING]:
            raise ValueError(f"statuses out of {', '.join(STOPPING)}, not {', '.join(unknown)}")
        if "collection" in self.allow_purposes:
            raise ValueError("purposes other than collection: a stop that allows collection stops nothing")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The statuses, by the book's names."""
        named = (*((self.when,) if self.when else ()), *self.when_any)
        return tuple(dict.fromkeys(_STOP_ALIASES.get(kind, kind) for kind in named))


class Needed(Section):
    """A consent that opens a channel."""

    kind: str
    max_age_days: int | None = Field(default=None, ge=1)


class Need(Section):
    """Consents of which one is enough."""

    any_of: tuple[Needed, ...] = Field(min_length=1)


class ConsentRule(Rule):
    """A channel is closed until the borrower has agreed to it."""

    type: Literal["consent"]
    need: Need


class PartyRule(Rule):
    """Who may be spoken to. A plan is always addressed to the borrower: a third party cannot be expressed."""

    type: Literal["party"]
    allow: tuple[str, ...]


class HonourRule(Rule):
    """The borrower's own wishes; an opt-out from a channel is honoured at once, whatever time a rule would grant."""

    type: Literal["honour"]
    what: tuple[Literal["channels"], ...] = Field(min_length=1)
    act_within: dict[Literal["hours", "business_days"], int] | None = None


class DutyRule(Rule):
    """What must be done beside a contact; never blocks, returned with every permission."""

    type: Literal["duty"]
    do: tuple[str, ...] = ()
    retain: dict[str, str | int] | None = None


AnyRule = Annotated[
    HoursRule | CapRule | CooldownRule | StopRule | ConsentRule | PartyRule | HonourRule | DutyRule,
    Field(discriminator="type"),
]
RULE_TYPES: Final[dict[str, type[Rule]]] = {
    "hours": HoursRule, "cap": CapRule, "cooldown": CooldownRule, "stop": StopRule, "consent": ConsentRule,
    "party": PartyRule, "honour": HonourRule, "duty": DutyRule,
}  # fmt: skip
