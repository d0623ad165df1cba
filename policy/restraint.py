"""Restraint: arms that are lawful and yet too heavy for this borrower now. A rule of the house, applied like a law.

Little ability is met with help, not pressure; after a complaint or an opt-out contact comes down a step; and a new commitment
lies at most a step above the last one. All of them cap the contacts per week, so no contact always stays.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from .ability import low_ability
from .settings import PolicySettings

ABILITY, CALM, STEP = "restraint.ability", "restraint.calm", "restraint.step"
_NONE: Final = 1e-9


@dataclass(frozen=True)
class History:
    """The last commitment of each borrower.

    Parameters
    ----------
    last : ndarray of shape (n,)
        Position of its arm; -1 where there was none lately, or the arm is retired.
    intensity : ndarray of shape (n,)
        Its contacts per week; missing where there was none lately.
    """

    last: NDArray[np.int64]
    intensity: NDArray[np.float64]

    @classmethod
    def nothing(cls, n: int) -> "History":
        """Return the history of borrowers without a commitment."""
        return cls(np.full(n, -1, dtype=np.int64), np.full(n, np.nan))


@dataclass(frozen=True)
class Restraint:
    """What restraint leaves.

    Parameters
    ----------
    mask : ndarray of shape (n, K)
        True where the arm is not too heavy.
    removed_by : ndarray of shape (n, K)
        The rule that took the arm away; None where it stays.
    """

    mask: NDArray[np.bool_]
    removed_by: NDArray[np.object_]


def restrain(features: pd.DataFrame, arms: ArmCatalogue, settings: PolicySettings, history: History | None = None) -> Restraint:
    """Tell which arms are too heavy for whom.

    Parameters
    ----------
    features : DataFrame of shape (n, ...)
        Columns of the catalogue of features; what is absent restrains nobody.
    arms : ArmCatalogue
        K arms; one without a known dose counts as too heavy for whoever is capped.
    settings : PolicySettings
    history : History, optional
        Without it nobody has had a commitment.
    """
    n, history = len(features), history or History.nothing(len(features))
    dose = np.nan_to_num(arms.intensity, nan=np.inf)
    steps = np.unique(dose[np.isfinite(dose)])
    caps = {
        ABILITY: np.where(low_ability(features, settings.ability.low_below), settings.ability.max_intensity, np.inf),
        CALM: np.where(_harmed(features, settings.switching.calm_days), _step_below(steps, history.intensity), np.inf),
        STEP: _steps_above(steps, history.intensity, settings.switching.max_step),
    }
    removed = np.full((n, len(arms)), None, dtype=object)
    for rule, cap in reversed(caps.items()):
        removed[dose[None, :] > cap[:, None] + _NONE] = rule
    return Restraint(dose[None, :] <= np.minimum.reduce(list(caps.values()))[:, None] + _NONE, removed)


def _harmed(features: pd.DataFrame, days: float) -> NDArray[np.bool_]:
    since = [
        features[name].to_numpy(dtype=np.float64) for name in ("days_since_complaint", "days_since_opt_out") if name in features
    ]
    return np.any([one <= days for one in since], axis=0) if since else np.zeros(len(features), dtype=bool)


def _step_below(steps: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intensity one step below the last one, the lightest contact at the least; that too where nothing was last."""
    contact = steps[steps > 0]
    if not len(contact):
        return np.zeros(len(last))
    below = np.searchsorted(contact, np.nan_to_num(last) - _NONE) - 1
    return np.asarray(contact[np.maximum(below, 0)])


def _steps_above(steps: NDArray[np.float64], last: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return the intensity some steps above the last one, infinite where nothing was last."""
    place = np.searchsorted(steps, np.nan_to_num(last) + _NONE, side="right") - 1
    reach = np.minimum(place + most, len(steps) - 1)
    return np.where(np.isnan(last), np.inf, steps[reach])
