"""What the lender wants: margin, costs, the price of harm, guards, packs; one frozen value with a version of its own."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, PositiveFloat, field_validator

from ..data.settings import LedgerSettings, OutcomeSettings, Section, load_yaml, parse_model
from ..data.vocabulary import CHANNELS
from .allocation_settings import CapacitySettings
from .sections import (
    AbilitySettings,
    ExplorationSettings,
    MessageSettings,
    PreDueSettings,
    RefreshSettings,
    SwitchingSettings,
)

# Sections of the settings file that other readers own (`ArmCatalogue`, `BookSettings`, `GateSettings`).
_OTHER_SECTIONS: Final = ("arms", "arm_options", "source", "quality", "gate")
_DIGEST_LENGTH: Final = 12


def _default_costs() -> dict[str, float]:
    # Order of magnitude for overdue sums of 50 to 500: a message costs cents, a collector's call a few minutes of work.
    return {
        "sms": 0.05, "call": 2.0, "voicemail": 0.3, "voicebot": 0.2, "email": 0.01, "app_push": 0.01, "im": 0.03,
        "letter": 1.5, "visit": 30.0,
    }  # fmt: skip


class GuardSettings(Section):
    """When a borrower is left alone whatever the model says.

    Parameters
    ----------
    complaint_quiet_days : float
        Days after a complaint in which nobody is contacted.
    accept_unattributed : bool
        Decide although quarantined stops or payments cannot be tied to a borrower.
    hardship_excluded : bool
        Whether open hardship keeps a borrower out of dunning altogether.
    """

    complaint_quiet_days: float = Field(default=30.0, ge=0)
    hardship_excluded: bool = True
    accept_unattributed: bool = False


class CalendarSettings(Section):
    """Where inside the lawful hours contacts are laid.

    Parameters
    ----------
    preferred_from, preferred_to : int
        Local hours that are preferred on working days.
    min_window_minutes : int
        Shortest window worth giving to a channel.
    habit_hours : int
        Hours around the borrower's own usual hour to which a window is narrowed; 0 leaves windows whole.
    habit_events : int
        Payments and answers in a year from which a usual hour is read.
    """

    preferred_from: int = Field(default=9, ge=0, le=23)
    preferred_to: int = Field(default=17, ge=1, le=24)
    min_window_minutes: int = Field(default=60, ge=1, le=720)
    habit_hours: int = Field(default=3, ge=0, le=24)
    habit_events: int = Field(default=4, ge=1)


class LenderSettings(Section):
    """Who makes the contacts; what is left empty is not known, and then every rule pack holds and every contact counts.

    Parameters
    ----------
    role : str
        creditor, third_party_collector, debt_buyer or assignee: some packs bind only some of them.
    actor, principal : str
        As in the contacts' columns: some caps count one actor's or one principal's contacts alone.
    drafts : bool
        Whether rules that are not law yet are kept already.
    """

    role: Literal["", "creditor", "third_party_collector", "debt_buyer", "assignee"] = ""
    actor: str = ""
    principal: str = ""
    drafts: bool = False


class PolicySettings(Section):
    """Everything that shapes a decision beside the model and the rule packs.

    Parameters
    ----------
    margin : float
        Share of recovered money that counts as gain.
    costs : dict
        Account currency per contact, by channel; channels left out keep their default.
    harm_price : float
        Account currency that one complaint or opt-out is worth avoiding.
    dose_margin_share : float
        Share of the recoverable amount that may be given up for a lighter arm.
    dose_price_share : float
        Share of the recoverable amount that a contact a week must bring to be made; within the dose margin.
    confidence : float
        Of the interval of what contact changes, as decisions tell it.
    exchange_rates : dict
        Account currency per unit of each currency; needed where loans are in several.
    halted : bool
        The stop switch: every decision becomes the no-contact arm.
    packs : tuple of str
        Rule packs by name or path; `auto` adds those of each borrower's own place.
    capacity : CapacitySettings
        What contacts may use in a week; nothing is short by default.
    house_arm : str
        The arm of the house policy, given where there is no model yet; empty for the first of the catalogue that is called
        ``sms-every-3-days``, or else its lightest contact.

    Examples
    --------
    >>> PolicySettings(costs={"sms": 0.1}).costs["sms"], PolicySettings().dose_margin_share
    (0.1, 0.01)
    """

    margin: float = Field(default=1.0, gt=0, le=1)
    costs: dict[str, float] = Field(default_factory=_default_costs)
    harm_price: float = Field(default=25.0, ge=0)
    dose_margin_share: float = Field(default=0.01, ge=0, le=1)
    dose_price_share: float = Field(default=0.01, ge=0, le=1)
    confidence: float = Field(default=0.9, gt=0, lt=1)
    exchange_rates: dict[str, PositiveFloat] = Field(default_factory=dict)
    halted: bool = False
    packs: tuple[str, ...] = ("house",)
    house_arm: str = ""
    capacity: CapacitySettings = CapacitySettings()
    guards: GuardSettings = GuardSettings()
    calendar: CalendarSettings = CalendarSettings()
    exploration: ExplorationSettings = ExplorationSettings()
    switching: SwitchingSettings = SwitchingSettings()
    ability: AbilitySettings = AbilitySettings()
    messages: MessageSettings = MessageSettings()
    pre_due: PreDueSettings = PreDueSettings()
    refresh: RefreshSettings = RefreshSettings()
    outcome: OutcomeSettings = OutcomeSettings()
    ledger: LedgerSettings = LedgerSettings()
    lender: LenderSettings = LenderSettings()

    @field_validator("costs")
    @classmethod
    def _every_channel_has_a_cost(cls, costs: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(costs) - set(CHANNELS)):
            raise ValueError(f"a channel out of {', '.join(CHANNELS)}, not {', '.join(unknown)}")
        if negative := sorted(channel for channel, cost in costs.items() if not cost >= 0):
            raise ValueError(f"costs of 0 or more for {', '.join(negative)}")
        return _default_costs() | costs

    @field_validator("packs")
    @classmethod
    def _a_pack_is_needed(cls, packs: tuple[str, ...]) -> tuple[str, ...]:
        if not packs:
            raise ValueError("at least one rule pack: without rules nothing is known to be lawful")
        return packs

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read a policy file; the sections of the arm catalogue may stand beside.

        Raises
        ------
        InvalidInput
            Every unknown key and every wrong value, keyed by field.
        """
        content = {key: value for key, value in load_yaml(path).items() if key not in _OTHER_SECTIONS}
        return parse_model(cls, content, str(path), _OTHER_SECTIONS)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild settings from plain values, all faults at once."""
        return parse_model(cls, dict(content), "policy")

    @property
    def version(self) -> str:
        """Short digest of the canonical content: equal settings have equal versions wherever they were written."""
        return settings_digest(self.model_dump(mode="json"))


def settings_digest(content: Mapping[str, Any]) -> str:
    """Return the version of settings from their plain content, also of settings written before a field was added."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_LENGTH]
