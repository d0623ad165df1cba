"""From settings to resources: what an arm uses in a week of what is short."""

import numpy as np
from numpy.typing import NDArray

from ..data.arms import DAYS_PER_WEEK, ArmCatalogue
from ..data.vocabulary import CHANNELS
from .dose import planned_counts
from .settings import PolicySettings
from .value import contact_cost

Floats = NDArray[np.float64]


def capacity_usage(arms: ArmCatalogue, settings: PolicySettings) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return what each arm uses in a week, what there is in a week, and what it is called.

    An arm's contacts are those that its plan lays into the horizon, spread over its weeks. The capacity is for everybody
    who stands on an arm: take `remaining(capacity, usage, standing)` for tonight's decisions.

    Returns
    -------
    usage : ndarray of shape (K, R)
        Contacts per week of a channel or team, or account currency per week.
    capacity : ndarray of shape (R,)
        The same units; R is 0 where nothing is limited.
    names : tuple of str, length R

    Raises
    ------
    InvalidInput
        Every arm whose dose is not known, where something is limited.

    Examples
    --------
    >>> from lighttouch.data.arms import Arm
    >>> arms = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1), Arm("sms-weekly", sms=1)])
    >>> settings = PolicySettings.from_dict({"capacity": {"channels": {"call": 300}, "money_per_week": 500}})
    >>> usage, capacity, names = capacity_usage(arms, settings)
    >>> usage.tolist(), capacity.tolist(), names
    ([[0.0, 0.0], [1.0, 2.0], [0.0, 0.05]], [300.0, 500.0], ('call', 'money'))
    """
    limits = settings.capacity
    if not limits.names:
        return np.zeros((len(arms), 0)), np.zeros(0), ()
    weeks = settings.outcome.horizon_days / DAYS_PER_WEEK
    weekly = planned_counts(arms, settings.outcome.horizon_days) / weeks
    columns = [weekly[:, CHANNELS.index(channel)] for channel in limits.channels]
    columns += [weekly[:, [channel in team.channels for channel in CHANNELS]].sum(axis=1) for team in limits.teams.values()]
    capacity = [*limits.channels.values(), *(team.contacts_per_week for team in limits.teams.values())]
    if limits.money_per_week is not None:
        columns.append(contact_cost(arms, settings) / weeks)
        capacity.append(limits.money_per_week)
    return np.stack(columns, axis=1), np.array(capacity, dtype=np.float64), limits.names
