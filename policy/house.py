"""The house policy: what is given before any model exists, one arm for everyone or a lighter one on the same channels."""

from typing import Any, Final

import numpy as np

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .choice import Choice, Flags, Floats, Positions
from .reasons import Reason
from .settings import PolicySettings

USUAL: Final = "sms-every-3-days"
# Of the recoverable amount, per contact and week: no estimate, only an order by which the larger sums come first where
# capacity is short.
_WORTH: Final = 0.01


def house_arm(arms: ArmCatalogue, settings: PolicySettings) -> int:
    """Return the position of the arm that the house policy gives.

    Raises
    ------
    InvalidInput
        Where the settings name an arm that the catalogue does not have, or no arm makes a contact.
    """
    if settings.house_arm:
        return int(arms.encode([settings.house_arm], "house_arm")[0])
    if USUAL in arms.names:
        return arms.index(USUAL)
    contact = np.flatnonzero(arms.intensity > 0)
    if not len(contact):
        raise InvalidInput([Fault("arms", "an arm that makes contact, with its dose", "none", "There is nothing to decide.")])
    return int(contact[arms.intensity[contact].argmin()])


def house_value(arms: ArmCatalogue, settings: PolicySettings, recoverable: Any) -> Floats:
    """Return what orders the arms of the house policy: more the closer to its arm, and the larger the sum.

    Parameters
    ----------
    recoverable : array-like of shape (n,)
        Account currency.

    Returns
    -------
    ndarray of shape (n, K)
        Account currency by name alone; 0 for arms that are no lighter version of the house policy's arm.
    """
    worth = _WORTH * np.asarray(recoverable, dtype=np.float64)[:, None] * np.nan_to_num(arms.intensity)
    return np.where(_lighter(arms, settings), worth, 0.0)


def _lighter(arms: ArmCatalogue, settings: PolicySettings) -> Flags:
    """Return which arms are the house policy's or a lighter one on its channels, of shape (K,)."""
    wanted, uses = house_arm(arms, settings), np.nan_to_num(arms.dose_matrix) > 0
    return np.asarray(~(uses & ~uses[wanted]).any(axis=1) & (arms.intensity <= arms.intensity[wanted]))


def house_choice(lawful: Flags, value: Any, arms: ArmCatalogue, settings: PolicySettings, rank: Positions) -> Choice:
    """Give everyone the house policy's arm, or the next lighter one on the same channels that may be given.

    Parameters
    ----------
    lawful : ndarray of shape (n, K)
        The no-contact arm is lawful for everyone.
    value : array-like of shape (n, K)
        From `house_value`, less what capacity costs.
    rank : ndarray of shape (K,)
        From `lightness`.
    """
    wanted = house_arm(arms, settings)
    worth = np.where(lawful & _lighter(arms, settings), np.asarray(value, dtype=np.float64), -np.inf)
    top = worth >= worth.max(axis=1, keepdims=True)
    arm = np.where(top, rank, len(rank)).argmin(axis=1).astype(np.int64)
    contact = np.asarray((lawful & (np.arange(len(arms)) > 0)).any(axis=1))
    case = np.where(arm == wanted, 0, np.where(contact, 1, 2))
    told: tuple[tuple[str, ...], ...] = tuple(
        (str(one),) for one in (Reason.HOUSE_POLICY, Reason.HOUSE_POLICY_LIGHTER, Reason.NO_LAWFUL_CONTACT)
    )
    return Choice(arm, arm, [told[int(one)] for one in case])
