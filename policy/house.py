"""The house policy: what is given before any model exists, one arm for everyone or the next lighter one that may be given."""

from typing import Final

import numpy as np

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .choice import Choice, Flags, Positions
from .reasons import Reason
from .settings import PolicySettings

USUAL: Final = "sms-every-3-days"


def house_arm(arms: ArmCatalogue, settings: PolicySettings) -> int:
    """Return the position of the arm that the house policy gives.

    Raises
    ------
    InvalidInput
        Where the settings name an arm that the catalogue does not have.
    """
    if settings.house_arm:
        return int(arms.encode([settings.house_arm], "house_arm")[0])
    if USUAL in arms.names:
        return arms.index(USUAL)
    contact = np.flatnonzero(arms.intensity > 0)
    if not len(contact):
        raise InvalidInput(
            [Fault("arms", "an arm with contact and a known dose", "none", "Without one there is nothing to decide.")]
        )
    return int(contact[arms.intensity[contact].argmin()])


def house_choice(lawful: Flags, arms: ArmCatalogue, settings: PolicySettings, rank: Positions) -> Choice:
    """Give everyone the house policy's arm, or the heaviest lighter one that may be given.

    Parameters
    ----------
    lawful : ndarray of shape (n, K)
        The no-contact arm is lawful for everyone.
    rank : ndarray of shape (K,)
        From `lightness`.
    """
    wanted = house_arm(arms, settings)
    arm = np.where(lawful & (rank <= rank[wanted]), rank, -1).argmax(axis=1).astype(np.int64)
    contact = (lawful & (np.arange(len(arms)) > 0)).any(axis=1)
    told = np.where(
        arm == wanted, Reason.HOUSE_POLICY, np.where(contact, Reason.HOUSE_POLICY_LIGHTER, Reason.NO_LAWFUL_CONTACT)
    )
    return Choice(arm, arm, [(str(one),) for one in told])
