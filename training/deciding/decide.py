"""From features to an arm for each borrower: score every arm, price it, choose, draw. Serving and judging share this path."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...policy.allocation_capacity import capacity_usage
from ...policy.allocation_frozen import CapacityBelowFloor, frozen_prices
from ...policy.allocation_settings import CapacitySettings
from ...policy.exploration import Draws, explore
from ...policy.pricing.prices import priced, remaining, reserve
from ...policy.reasons import Reason
from ...policy.restraint import Restraint, restrain
from ...policy.settings import PolicySettings
from ..registry.bundle import ModelBundle
from ..rows.table import TrainingTable
from .chooser import Chooser, Circumstances, HouseChooser, soft

__all__ = ["Circumstances", "Decided", "decide", "decide_by_house", "decide_logged"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """Scores of every arm, and the arm chosen.

    Parameters
    ----------
    arm, best : ndarray of shape (n,)
        Positions of the arm given, and of the one with the highest value among those that law and data leave.
    reasons : list of tuple of str, length n
    response, harm : ndarray of shape (n, K)
        Probabilities within the horizon; missing without a model.
    value : ndarray of shape (n, K)
        Expected net recovery, account currency; missing without a model.
    supported : ndarray of shape (n, K)
        True where there is comparable data.
    lawful : ndarray of shape (n, K)
        Arms that law and restraint leave.
    restrained_by : ndarray of shape (n, K)
        The restraint that took a lawful arm away; None where none did.
    chosen : ndarray of shape (n,)
        Position of the arm that would be given without exploration.
    propensity : ndarray of shape (n, K)
        Probability with which each arm was drawn.
    prices : dict of str to float
        What a unit of each limited resource cost, account currency; empty where nothing is limited.
    """

    arm: NDArray[np.int64]
    best: NDArray[np.int64]
    reasons: list[tuple[str, ...]]
    response: Floats
    harm: Floats
    value: Floats
    supported: Flags
    lawful: Flags
    restrained_by: NDArray[np.object_]
    chosen: NDArray[np.int64]
    propensity: Floats
    prices: dict[str, float] = field(default_factory=dict)


def decide(
    bundle: ModelBundle,
    features: pd.DataFrame,
    lawful: Flags,
    recoverable: Floats,
    settings: PolicySettings,
    circumstances: Circumstances | None = None,
) -> Decided:
    """Choose an arm for each borrower; no contact for anyone where the stop switch is on.

    Parameters
    ----------
    features : DataFrame of shape (n, d)
        The columns that the model was fitted on.
    lawful : ndarray of shape (n, K)
        True where the arm may be given.
    recoverable : ndarray of shape (n,)
        What a repayment brings, account currency.
    circumstances : Circumstances, optional
    """
    around = circumstances or Circumstances()
    left, restraint = _left(bundle.arms, features, lawful, settings, around)
    chooser = Chooser(bundle, features, left, recoverable, settings, around)
    return _decided(chooser, restraint.removed_by, settings, around)


def decide_by_house(
    arms: ArmCatalogue,
    features: pd.DataFrame,
    lawful: Flags,
    recoverable: Floats,
    settings: PolicySettings,
    circumstances: Circumstances | None = None,
) -> Decided:
    """Give the house policy's arm where there is no model yet, and an even draw of the lawful arms besides.

    Parameters as in `decide`.
    """
    around = circumstances or Circumstances()
    left, restraint = _left(arms, features, lawful, settings, around)
    return _decided(HouseChooser(arms, left, recoverable, settings), restraint.removed_by, settings, around)


def decide_logged(bundle: ModelBundle, rows: TrainingTable, settings: PolicySettings, lawful: Flags | None = None) -> Decided:
    """Choose an arm for each logged decision, without exploration, by what was known and committed then.

    Nothing is held to be short: what capacity costs belongs to one night and to all who stand in line then, and logged
    decisions are of many nights, a sample of each. Priced together, they would be refused what each night had room for.

    Parameters
    ----------
    lawful : ndarray of shape (n, K), optional
        Of the model's arms; the table's own where left out.
    """
    known = rows.rows["overdue"].to_numpy(dtype=np.float64)
    around = Circumstances(rows.history(bundle.arms))
    free = settings.model_copy(update={"capacity": CapacitySettings()})
    return decide(bundle, rows.features, rows.lawful if lawful is None else lawful, known, free, around)


def _left(
    arms: ArmCatalogue, features: pd.DataFrame, lawful: Flags, settings: PolicySettings, around: Circumstances
) -> tuple[Flags, Restraint]:
    """Return the arms that law, restraint and the stop switch leave."""
    restraint = restrain(features, arms, settings, around.history)
    left = lawful & restraint.mask
    return (left & (np.arange(len(arms)) == 0) if settings.halted else left), restraint


def _decided(
    chooser: Chooser | HouseChooser, removed_by: NDArray[np.object_], settings: PolicySettings, around: Circumstances
) -> Decided:
    everyone = np.arange(len(chooser.lawful))
    draws = None if settings.halted else around.draws
    try:
        prices = _prices(chooser, settings, around, draws)
    except CapacityBelowFloor as refusal:
        # Before anybody's draw and for everybody alike, so propensities stay exact.
        return _decided(*_closed(chooser, removed_by, settings, list(refusal.short)), settings, around)
    usage = capacity_usage(chooser.arms, settings)[0]
    worth = priced(chooser.worth, usage, list(prices.values()))
    choice = chooser.choose(worth, everyone)
    explored = explore(choice, chooser.shares(choice, worth, everyone), draws)
    halt: tuple[str, ...] = (str(Reason.HALTED),)
    return Decided(
        arm=explored.arm,
        best=choice.best,
        reasons=[halt] * len(everyone) if settings.halted else explored.reasons,
        response=chooser.scores.response,
        harm=chooser.scores.harm,
        value=chooser.scores.value,
        supported=chooser.scores.supported,
        lawful=chooser.lawful,
        restrained_by=removed_by,
        chosen=choice.arm,
        propensity=explored.propensity,
        prices=prices,
    )


def _closed(
    chooser: Chooser | HouseChooser, removed_by: NDArray[np.object_], settings: PolicySettings, short: list[str]
) -> tuple[Chooser | HouseChooser, NDArray[np.object_]]:
    """Close the arms that use what has not even room for exploration tonight; `capacity.NAME` is what took them away."""
    usage, _, names = capacity_usage(chooser.arms, settings)
    lawful = chooser.lawful
    for name in short:
        uses = usage[:, names.index(name)] > 0
        removed_by = np.where(lawful & uses, f"capacity.{name}", removed_by)
        lawful = lawful & ~uses
    return replace(chooser, lawful=lawful), removed_by


def _prices(
    chooser: Chooser | HouseChooser, settings: PolicySettings, around: Circumstances, draws: Draws | None
) -> dict[str, float]:
    """Return what a unit of each limited resource costs tonight, frozen before anybody's draw."""
    usage, capacity, names = capacity_usage(chooser.arms, settings)
    if not names or settings.halted:
        return dict.fromkeys(names, 0.0)
    n, K = chooser.lawful.shape
    standing = np.zeros(K) if around.standing is None else around.standing
    room = remaining(reserve(capacity, settings.capacity.headroom), usage, standing)
    # The no-contact arm can always be given, trusted or not; prices start from what is worth giving.
    worth = np.where(chooser.rated | (np.arange(K) == 0), chooser.worth, -np.inf)
    chance = draws or Draws(np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n))

    def odds(values: Floats, rows: NDArray[np.int64]) -> Floats:
        # No choice looks at the value of an arm that is not rated, so it need not be priced.
        return soft(chooser, np.where(np.isfinite(values), values, chooser.worth[rows]), rows, chance)

    found = frozen_prices(worth, usage, room, odds, chance=settings.capacity.overuse, names=names)
    return dict(zip(names, found.prices.tolist(), strict=True))
