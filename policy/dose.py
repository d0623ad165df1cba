"""An arm in contacts: which channel, how long after the decision, through the horizon."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..data.arms import DAYS_PER_WEEK, Arm, ArmCatalogue
from ..data.errors import Fault, InvalidInput
from ..data.vocabulary import CHANNELS

# Half a contact's worth of rounding error: 14 days at one contact every 7/(7/3) days are five contacts, not six.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PlannedContact:
    """One contact of an arm before it is laid on a calendar.

    Parameters
    ----------
    offset_days : float
        Days after the decision before which the contact is not made.
    channel : str
    """

    offset_days: float
    channel: str


def planned_contacts(arm: Arm, horizon_days: float) -> tuple[PlannedContact, ...]:
    """Spread an arm's contacts evenly over the horizon, channels interleaved by their dose.

    Parameters
    ----------
    arm : Arm
        Its dose must be known.
    horizon_days : float
        Days over which the arm stands.

    Returns
    -------
    tuple of PlannedContact
        In time order, the first at offset 0; empty for an arm without contact.

    Examples
    --------
    >>> [(c.offset_days, c.channel) for c in planned_contacts(Arm("both", sms=1, call=1), 14)]
    [(0.0, 'sms'), (3.5, 'call'), (7.0, 'sms'), (10.5, 'call')]
    >>> len(planned_contacts(Arm("sms-every-3-days", sms=7 / 3), 14))
    5
    """
    if not arm.dose_known:
        fault = Fault(f"arm '{arm.name}'", "a known dose", "none", "State its contacts per week, or keep it out of plans.")
        raise InvalidInput([fault])
    if arm.interval_days is None:
        return ()
    count = ceil(horizon_days / arm.interval_days - _ROUNDING)
    # Each channel alone would be contacted at (j + phase) * its own interval; the merged order is kept, the times are evened.
    ideal = [
        ((j + rank / len(arm.channels)) * DAYS_PER_WEEK / arm.doses[channel], rank, channel)
        for rank, channel in enumerate(arm.channels)
        for j in range(count)
    ]
    order = [channel for _, _, channel in sorted(ideal)[:count]]
    return tuple(PlannedContact(k * arm.interval_days, channel) for k, channel in enumerate(order))


def planned_counts(arms: ArmCatalogue, horizon_days: float) -> NDArray[np.float64]:
    """Count each arm's planned contacts by channel.

    Returns
    -------
    ndarray of shape (K, channels)
        Contacts over the horizon, columns in the order of `CHANNELS`.

    Raises
    ------
    InvalidInput
        Every arm whose dose is not known.
    """
    if unknown := [arm.name for arm in arms if not arm.dose_known]:
        remedy = "Costs need a dose: state the contacts per week."
        raise InvalidInput([Fault(f"arm '{name}'", "a known dose", "none", remedy) for name in unknown])
    planned = [[contact.channel for contact in planned_contacts(arm, horizon_days)] for arm in arms]
    return np.array([[channels.count(channel) for channel in CHANNELS] for channels in planned], dtype=np.float64)
