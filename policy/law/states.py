"""Rules that look at who and what the borrower is: stops, consents, parties, wishes, duties."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ...data.settings import Section
from .model import STATUS_ALIASES, STOPPING, EndpointKind, Parties, Rule, Span, Statuses, Words

ALWAYS: Final = "always"
# The kind of consent that opens hours, with the hours it opens: `agreed_hours mon-fri 21:00-22:00`.
AGREED_HOURS: Final = "agreed_hours"
LOCATE: Final = "locate"


def _named(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class StopRule(Rule):
    """No contact while a status is open. A plan is about all of a person's debts, so a stop on one of them stops it.

    An event ends at its own `until`; where `for` is given and it has none, after that span. `until` names events that end it
    for good, `unless` events that lift it. `renewals` says how often at least the law lets the same relief be had again. It is
    told, never counted: each event stops contact for its own span, however many came before.
    """

    type: Literal["stop"]
    when: str | None = None
    when_any: tuple[str, ...] = ()
    scope: Literal["borrower", "debt"] = "borrower"
    until: Statuses = ()
    for_: Span | None = Field(default=None, alias="for")
    renewals: int | None = Field(default=None, ge=0, le=100)
    allow_purposes: Words = ()
    redirect_to: str | None = None
    unless: Statuses = ()

    @model_validator(mode="after")
    def _names_known_kinds(self) -> Self:
        if not self.kinds:
            raise ValueError("`when` or `when_any` with at least one status")
        if unknown := [kind for kind in self.kinds if kind not in STOPPING]:
            raise ValueError(f"statuses out of {', '.join(STOPPING)}, not {', '.join(unknown)}")
        if "collection" in self.allow_purposes:
            raise ValueError("purposes other than collection: a stop that allows collection stops nothing")
        if self.redirect_to is not None and self.redirected == "borrower":
            raise ValueError("somebody else than the borrower in redirect_to")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The statuses, by the book's names."""
        named = (*((self.when,) if self.when else ()), *self.when_any)
        return tuple(dict.fromkeys(STATUS_ALIASES.get(kind, kind) for kind in named))

    @property
    def redirected(self) -> str | None:
        """The party who may be spoken to instead, by the contacts' name."""
        return "own_attorney" if self.redirect_to == "attorney" else self.redirect_to


class Needed(Section):
    """A consent that opens a channel; consents are held by channel, so one per debt or endpoint is never known to exist."""

    kind: str
    max_age_days: int | None = Field(default=None, ge=1)
    per: Annotated[
        tuple[Literal["borrower", "person", "channel", "debt", "account", "endpoint"], ...], BeforeValidator(_named)
    ] = ()
    or_number_reassign_check_days: int | None = Field(default=None, ge=1)

    @property
    def unknowable(self) -> bool:
        """Whether it is asked for more finely than consents are held."""
        return bool({"debt", "account", "endpoint"} & set(self.per))


# A check that a number still belongs to the borrower, as a consent's kind.
REASSIGN_CHECK: Final = "number_reassign_check"


class Need(Section):
    """Consents of which one is enough."""

    any_of: tuple[Needed, ...] = Field(min_length=1)


class ConsentRule(Rule):
    """A channel is closed until the borrower has agreed to it."""

    type: Literal["consent"]
    need: Need


def _forbidding(value: Any) -> Any:
    listed = _named(value)
    return tuple(STATUS_ALIASES.get(one, one) for one in listed) if isinstance(listed, list | tuple) else value


class LocateOnly(Section):
    """Others may be asked where the borrower is: in which states, how often, and whether the debt may be named."""

    when: Statuses = ()
    max: int | None = Field(default=None, ge=0)
    disclose_debt: Literal[False] = False


class PartyRule(Rule):
    """Who may be spoken to, and where never. A plan is addressed to the borrower: a third party cannot be planned."""

    type: Literal["party"]
    allow: Parties | None = None
    forbid_when: Annotated[tuple[str, ...], BeforeValidator(_forbidding)] = ()
    locate_only: LocateOnly | None = None
    stop_on_objection: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.allow is None and not self.forbid_when:
            raise ValueError("`allow` or `forbid_when`")
        known = (*STOPPING, ALWAYS, "employer_prohibits", "third_party_objection", "borrower_unreachable")
        if unknown := [kind for kind in self.forbid_when if kind not in known]:
            raise ValueError(f"always or statuses out of {', '.join(known)}, not {', '.join(unknown)}")
        return self


class ActWithin(Section):
    """The time that a law grants for honouring a wish; here it is honoured at once."""

    hours: int | None = Field(default=None, ge=0)
    business_days: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.hours is None) == (self.business_days is None):
            raise ValueError("exactly one of hours, business_days")
        return self


class Limits(Section):
    """How far a wish binds by law; one that goes further is honoured as well, so this is only told."""

    quiet_hours_per_week: float | None = Field(default=None, ge=0, le=168)
    means: int | None = Field(default=None, ge=0)


class HonourRule(Rule):
    """The borrower's own wishes: channels, hours, places, endpoints; honoured at once and whole, this rule names the law.

    `act_within` and `limits` are told, never used against a wish. `reply_once_same_channel` opens nothing to a plan: it lets a
    person answer once, for the purpose `reply_to_borrower`, where the borrower wrote or called after the refusal, and only
    where no other rule honours the same wish without it.
    """

    type: Literal["honour"]
    what: tuple[Literal["channels", "times", "places", "endpoints"], ...] = Field(min_length=1)
    act_within: ActWithin | None = None
    limits: Limits | None = None
    reply_once_same_channel: bool = False


class Retain(Section):
    """How long records are kept, and from when."""

    years: float = Field(gt=0, le=100)
    from_: str | None = Field(default=None, alias="from")
    what: str | None = None
    recordings_from: str | None = None
    legal_minimum_years: float | None = Field(default=None, ge=0)


class DutyRule(Rule):
    """What must be done beside a contact; never blocks, returned with every permission."""

    type: Literal["duty"]
    do: Words = ()
    retain: Retain | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.do and self.retain is None:
            raise ValueError("`do` or `retain`")
        return self


__all__ = [
    "AGREED_HOURS", "ALWAYS", "LOCATE", "REASSIGN_CHECK", "ActWithin", "ConsentRule", "DutyRule", "EndpointKind", "HonourRule",
    "Limits", "LocateOnly", "Need", "Needed", "PartyRule", "Retain", "StopRule",
]  # fmt: skip
