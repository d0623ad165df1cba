"""Sections of the policy settings that shape the choice: exploration, switching, ability, messages, pre-due reminders."""

from typing import Self

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
        Probability with which the arm is drawn by softmax over the values instead of taken from the choice.
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
        Share of the recoverable amount that a heavier arm must gain over the last one; never below the dose margin.
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


class MessageSettings(Section):
    """What may be said.

    Parameters
    ----------
    warnings_signed_off : bool
        Whether the lender's lawyers have signed off the warnings; without it every warning becomes a plain dunning message.
    warning_from_days : int
        Days past due from which a warning may be sent.
    """

    warnings_signed_off: bool = False
    warning_from_days: int = Field(default=60, ge=30)


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
