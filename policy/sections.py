"""Sections of the policy settings that shape the choice: exploration, switching, ability, messages, pre-due reminders."""

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..data.settings import Section
from ..data.vocabulary import CHANNELS

# Channels on which somebody who owes nothing yet may be reminded: they wait to be read, nobody has to pick up.
REMINDER_CHANNELS = ("sms", "app_push", "email")


class ExplorationSettings(Section):
    """How often a lawful arm is drawn that the choice would not have given, so that its effect can be learnt.

    Parameters
    ----------
    share : float
        Probability with which the arm is drawn by softmax over values less the dose price instead of taken from the choice.
    temperature : float
        Account currency: an arm that is worth this much less is drawn 2.7 times less often by the softmax.
    floor : float
        Least probability of every lawful arm, supported or not.
    first_share : float
        Probability of an even draw over the lawful arms where there is no model yet.
    holdout : float
        Share of the borrowers who are left without contact for a whole epoch.
    holdout_days : int
        Length of an epoch; with the next one the holdout is drawn anew.
    salt : str
        Keeps the draws of one lender apart from those of another; a new salt draws everything anew.
    """

    share: float = Field(default=0.05, ge=0, lt=1)
    temperature: float = Field(default=5.0, gt=0)
    floor: float = Field(default=0.01, ge=0, le=0.5)
    first_share: float = Field(default=0.3, ge=0, le=1)
    holdout: float = Field(default=0.0, ge=0, lt=1)
    holdout_days: int = Field(default=91, ge=1)
    salt: str = ""


class SwitchingSettings(Section):
    """How an arm follows the one before it, so that nobody bounces between arms.

    Parameters
    ----------
    margin_share : float
        Share of the recoverable amount that a heavier arm must gain over the last one, its dose price taken off; never below
        the dose margin.
    max_step : int
        Most steps of intensity by which a new commitment may lie above the last one.
    memory_days : float
        Days after the end of a commitment over which it counts as the last one.
    calm_days : float
        Days after a complaint or an opt-out in which the arm is at least a step lighter than the one before.
    """

    margin_share: float = Field(default=0.02, ge=0, le=1)
    max_step: int = Field(default=1, ge=1)
    memory_days: float = Field(default=30.0, ge=0)
    calm_days: float = Field(default=90.0, ge=0)


class AbilitySettings(Section):
    """Who is met with help instead of pressure.

    Parameters
    ----------
    low_below : float
        Ability scores below this count as low.
    max_intensity : float
        Most contacts per week for somebody of low ability.
    """

    low_below: float = Field(default=0.35, ge=0, le=1)
    max_intensity: float = Field(default=1.0, ge=0)


class Template(Section):
    """A message that may be sent; its words live with the sender.

    Parameters
    ----------
    id : str
    kind : str
        reminder, dunning or warning.
    tone : str
        friendly, neutral or firm.
    languages : tuple of str
        In which it is worded.
    signed_off_by : str
        Who has approved it; a warning needs somebody.
    """

    id: str = Field(min_length=1)
    kind: Literal["reminder", "dunning", "warning"]
    tone: Literal["friendly", "neutral", "firm"]
    languages: tuple[str, ...] = ("en", "zh")
    signed_off_by: str = ""

    @model_validator(mode="after")
    def _a_warning_is_signed_off(self) -> Self:
        if self.kind == "warning" and not self.signed_off_by:
            raise ValueError(f"somebody's sign-off on the warning '{self.id}' (`signed_off_by`)")
        if not self.languages:
            raise ValueError(f"at least one language of '{self.id}'")
        return self


# What every lender needs; a warning is the lender's own to write and to sign off.
BUILT_IN: Final = (
    Template(id="reminder-friendly", kind="reminder", tone="friendly"),
    Template(id="reminder-neutral", kind="reminder", tone="neutral"),
    Template(id="dunning-friendly", kind="dunning", tone="friendly"),
    Template(id="dunning-neutral", kind="dunning", tone="neutral"),
    Template(id="dunning-firm", kind="dunning", tone="firm"),
)


class MessageSettings(Section):
    """What may be said.

    Parameters
    ----------
    templates : tuple of Template
        The registry: nothing else is ever said. The first of a kind and tone is used.
    warning_from_days : int
        Days past due from which a warning may be sent.
    reach_a_person : dict
        By language (en, zh): how a borrower reaches a person who decides instead of the program.
    """

    templates: tuple[Template, ...] = BUILT_IN
    warning_from_days: int = Field(default=60, ge=30)
    reach_a_person: dict[Literal["en", "zh"], str] = Field(default_factory=dict)

    @field_validator("templates")
    @classmethod
    def _what_is_needed_is_there(cls, templates: tuple[Template, ...]) -> tuple[Template, ...]:
        ids = [one.id for one in templates]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"each template id once, not {', '.join(twice)} again")
        there = {(one.kind, one.tone) for one in templates}
        if missing := [one.id for one in BUILT_IN if (one.kind, one.tone) not in there]:
            raise ValueError(f"a template for each of {', '.join(missing)}")
        return templates


class PreDueSettings(Section):
    """Reminders before the due day: a regime of their own, never part of a decision.

    Parameters
    ----------
    enabled : bool
    days_before : int
        Days from the reminder's night to the due day.
    channels : tuple of str
        The first that the rules leave is used.
    """

    enabled: bool = False
    days_before: int = Field(default=3, ge=1, le=28)
    channels: tuple[str, ...] = ("sms", "app_push")

    @field_validator("channels")
    @classmethod
    def _only_channels_that_wait(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [channel for channel in channels if channel not in REMINDER_CHANNELS]:
            raise ValueError(f"channels out of {', '.join(REMINDER_CHANNELS)}, not {', '.join(wrong)}")
        return channels

    @model_validator(mode="after")
    def _a_channel_is_needed(self) -> Self:
        if self.enabled and not self.channels:
            raise ValueError(f"a channel out of {', '.join(REMINDER_CHANNELS)}, where reminders are enabled")
        return self


class RefreshSettings(Section):
    """When an endpoint is taken for dead and somebody is asked to find a better one.

    Parameters
    ----------
    failures : int
        Failed contacts in a row on a channel, after which its endpoint counts as dead.
    channels : tuple of str
        Channels whose endpoints are looked after.
    """

    failures: int = Field(default=3, ge=1)
    channels: tuple[str, ...] = ("sms", "call", "voicemail", "voicebot", "email", "im", "letter")

    @field_validator("channels")
    @classmethod
    def _only_channels(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [channel for channel in channels if channel not in CHANNELS]:
            raise ValueError(f"channels out of {', '.join(CHANNELS)}, not {', '.join(wrong)}")
        return channels
