"""A pack's own facts: where and for whom it holds, and how its clock and its holidays are read."""

from typing import Any, Final, Literal

from pydantic import Field, field_validator

from ...data.settings import Section
from ..zones import is_zone
from .holiday_days import is_calendar
from .model import Confidence, Product, is_jurisdiction

_FIXED: Final = "fixed:"
ActorRole = Literal["creditor", "third_party_collector", "debt_buyer", "assignee"]


class Clock(Section):
    """Which zone's wall clock counts, and what to do where it is not known."""

    basis: str = "borrower_location"
    unknown: Literal["intersect", "deny"] | tuple[str, ...] = "deny"
    edge: Literal["closed_open"] = "closed_open"
    end_buffer_minutes: int = Field(default=0, ge=0, lt=720)

    @field_validator("basis")
    @classmethod
    def _known_basis(cls, basis: str) -> str:
        fixed = basis.removeprefix(_FIXED)
        if basis not in ("borrower_location", "borrower_address") and not (basis.startswith(_FIXED) and is_zone(fixed)):
            raise ValueError("borrower_location, borrower_address or fixed:<zone>")
        return basis

    @field_validator("unknown")
    @classmethod
    def _known_zones(cls, unknown: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(unknown, tuple) and not (unknown and all(map(is_zone, unknown))):
            raise ValueError("intersect, deny, or a list of IANA zones")
        return unknown

    @property
    def fixed_zone(self) -> str | None:
        """The zone that holds wherever the borrower is."""
        return self.basis.removeprefix(_FIXED) if self.basis.startswith(_FIXED) else None


class HolidayCalendar(Section):
    """Whose public holidays count, and what to do where the region is not known."""

    calendar: str = "borrower_region"
    unknown: Literal["deny", "national", "treat_as_holiday_if_any"] = "deny"

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, calendar: str) -> str:
        if calendar != "borrower_region" and not is_calendar(calendar):
            raise ValueError("borrower_region, or a country or region code that has a calendar")
        return calendar


class BlockAt(Section):
    """Which effects block a contact and which only warn."""

    prohibit: Literal["block"] = "block"
    presume: Literal["block", "warn"] = "block"
    discourage: Literal["block", "warn"] = "block"


class Applies(Section):
    """For whom a pack holds; what is left out is everybody, and so is what the lender has not said of itself or of a loan."""

    actor_role: tuple[ActorRole, ...] = ()
    product: tuple[Product, ...] = ()


class Header(Section):
    """The pack's own facts."""

    id: str = Field(min_length=1)
    version: str
    jurisdiction: str
    title: str = ""
    applies: Applies = Applies()
    clock: Clock = Clock()
    holidays: HolidayCalendar | None = None
    block_at: BlockAt = BlockAt()

    @field_validator("version", mode="before")
    @classmethod
    def _version_text(cls, version: Any) -> str:
        return str(version)

    @field_validator("jurisdiction")
    @classmethod
    def _known_code(cls, code: str) -> str:
        if not is_jurisdiction(code):
            raise ValueError("a code such as CN, US-MA, US-NY-NYC, EU, or ZZ for everywhere")
        return code


class SourceEntry(Section):
    """A document that rules refer to."""

    title: str
    url: str = ""
    confidence: Confidence
    note: str = ""
