"""What is short: contacts a week by channel or team, and money a week."""

from pydantic import Field, PositiveFloat, field_validator

from ..data.settings import Section
from ..data.vocabulary import CHANNELS


def _known_channels(channels: list[str]) -> None:
    if unknown := sorted(set(channels) - set(CHANNELS)):
        raise ValueError(f"a channel out of {', '.join(CHANNELS)}, not {', '.join(unknown)}")


class TeamSettings(Section):
    """A team that serves some channels.

    Parameters
    ----------
    channels : tuple of str
        What it serves; every contact on them is taken to be its own.
    contacts_per_week : float
        Contacts that it can make in a week.
    """

    channels: tuple[str, ...]
    contacts_per_week: float = Field(ge=0)

    @field_validator("channels")
    @classmethod
    def _channels_are_known(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        _known_channels(list(channels))
        if not channels:
            raise ValueError("at least one channel")
        return channels


class CapacitySettings(Section):
    """What all decisions that stand may use together in a week; what is not named is free.

    Parameters
    ----------
    channels : dict
        Contacts per week by channel.
    teams : dict
        Name to team.
    money_per_week : float, optional
        Account currency that contacts may cost.
    workdays : int
        Days a week over which contacts are spread: no day is asked for more than its share of a week.
    headroom : float
        Share of every capacity that is kept free.
    overuse : float
        Chance, over all resources together, with which draws may use more than is left beside the headroom.

    Examples
    --------
    >>> CapacitySettings(channels={"call": 3000}).names, CapacitySettings().names
    (('call',), ())
    """

    channels: dict[str, float] = Field(default_factory=dict)
    teams: dict[str, TeamSettings] = Field(default_factory=dict)
    money_per_week: PositiveFloat | None = None
    workdays: int = Field(default=5, ge=1, le=7)
    headroom: float = Field(default=0.05, ge=0, lt=1)
    overuse: float = Field(default=0.05, gt=0, lt=1)

    @field_validator("channels")
    @classmethod
    def _capacities_of_known_channels(cls, channels: dict[str, float]) -> dict[str, float]:
        _known_channels(list(channels))
        if wrong := sorted(channel for channel, contacts in channels.items() if not contacts >= 0):
            raise ValueError(f"contacts per week of 0 or more for {', '.join(wrong)}")
        return channels

    @property
    def names(self) -> tuple[str, ...]:
        """What is limited: channels, teams, money, in this order."""
        money = () if self.money_per_week is None else ("money",)
        return (*self.channels, *(f"team {name}" for name in self.teams), *money)
