"""Rewards of logged decisions, in money and as shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..policy.settings import PolicySettings
from ..policy.value import arm_value
from .table import TrainingTable


@dataclass(frozen=True)
class Rewards:
    """What each logged decision brought.

    Parameters
    ----------
    value : ndarray of shape (n,)
        Net recovery within the horizon, account currency: repaid x recoverable x margin - cost of the committed arm
        - harm x price.
    repaid, harm : ndarray of shape (n,)
        0 or 1.
    """

    value: NDArray[np.float64]
    repaid: NDArray[np.float64]
    harm: NDArray[np.float64]


def rewards(table: TrainingTable, settings: PolicySettings) -> Rewards:
    """Price what happened with the same formula that prices what is expected."""
    repaid, harm = (table.rows[name].to_numpy(dtype=np.float64) for name in ("repaid", "harm"))
    shape = (len(table), len(table.arms))
    happened = arm_value(
        np.broadcast_to(repaid[:, None], shape),
        table.rows["recoverable"].to_numpy(dtype=np.float64),
        np.broadcast_to(harm[:, None], shape),
        table.arms,
        settings,
    )
    code = table.arms.encode(table.rows["arm"])
    return Rewards(happened[np.arange(len(table)), code], repaid, harm)
