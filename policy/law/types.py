"""The eight types of rules: hours, caps, pauses, stops, consents, parties, wishes, duties."""

from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ...data.settings import Section
from .hours import HOLIDAY, WEEKDAYS, parse_week
from .model import Rule
from .pacing import CapRule, CooldownRule
from .states import ConsentRule, DutyRule, HonourRule, PartyRule, StopRule


class Override(Section):
    """What lifts hours: debts overdue for longer than some days, or a consent of some kind to the channel."""

    days_past_due_gt: int | None = Field(default=None, ge=0)
    consent: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.days_past_due_gt is None) == (self.consent is None):
            raise ValueError("exactly one of days_past_due_gt, consent")
        return self


class HoursRule(Rule):
    """Contacts only inside wall-clock windows, by weekday and holiday.

    With `agreed_override` hours that the borrower agreed to are open too: a consent to the channel of the kind
    `agreed_hours mon-fri 21:00-22:00` says which. Any of `override_when` lifts the rule.
    """

    type: Literal["hours"]
    allow: dict[str, tuple[tuple[int, int], ...]]
    agreed_override: bool = False
    override_when: tuple[Override, ...] = ()

    @field_validator("allow", mode="before")
    @classmethod
    def _parse_allow(cls, allow: Any) -> dict[str, tuple[tuple[int, int], ...]]:
        if not isinstance(allow, dict):
            raise ValueError("a mapping from weekdays to windows")  # noqa: TRY004  pydantic collects ValueErrors
        return parse_week(allow)

    def windows(self, weekday: int, *, holiday: bool) -> tuple[tuple[int, int], ...]:
        """Return a day's windows in minutes after midnight; a holiday without windows of its own is like any day."""
        return self.allow[HOLIDAY] if holiday and HOLIDAY in self.allow else self.allow[WEEKDAYS[weekday]]


RULE_TYPES: Final[dict[str, type[Rule]]] = {
    "hours": HoursRule, "cap": CapRule, "cooldown": CooldownRule, "stop": StopRule, "consent": ConsentRule,
    "party": PartyRule, "honour": HonourRule, "duty": DutyRule,
}  # fmt: skip
