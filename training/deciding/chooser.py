"""The choice as a function of prices: what each borrower would get, and with which probabilities, if capacity cost so much.

Prices are sought over the whole book before anybody's draw; at the prices found every borrower is decided alone.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ...data.arms import ArmCatalogue
from ...policy.choice import Choice, Dose, best_arm, choose, lightness, steady
from ...policy.exploration import Draws, arm_shares, with_holdout
from ...policy.house import house_choice, house_value
from ...policy.restraint import History
from ...policy.settings import PolicySettings
from ...policy.value import arm_burden, arm_value, dose_price, expected_loss
from ..evaluation.steadfast import BEST_CONSTANT, doubt
from ..registry.bundle import ModelBundle

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
# Borrowers up to whom a search for prices scores everybody against a best arm that it asks for.
_AT_ONCE: Final = 50_000
# The interval that a contrast's standard error is read from, as if it were normal: where it is wider, the error is larger.
_INTERVAL: Final = 0.9


@dataclass(frozen=True)
class Circumstances:
    """What a decision takes from beyond the borrower's features.

    Parameters
    ----------
    history : History, optional
        Last commitments; without it nobody has had one.
    draws : Draws, optional
        The chance of the night; without it nothing is explored and every propensity is 0 or 1.
    standing : ndarray of shape (K,), optional
        How many borrowers stand on each arm and use capacity; none where left out.
    """

    history: History | None = None
    draws: Draws | None = None
    standing: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Scores:
    """What is expected of every arm, each of shape (n, K).

    Parameters
    ----------
    response, harm : ndarray
        Probabilities within the horizon; missing without a model.
    value : ndarray
        Expected net recovery, account currency; missing without a model.
    supported : ndarray
        True where there is comparable data.
    """

    response: Floats
    harm: Floats
    value: Floats
    supported: Flags


@dataclass(frozen=True)
class Chooser:
    """Chooses with a model.

    Parameters
    ----------
    bundle : ModelBundle
    features : DataFrame of shape (n, d)
    lawful : ndarray of shape (n, K)
        What law and restraint leave.
    recoverable : ndarray of shape (n,)
    settings : PolicySettings
    around : Circumstances
    """

    bundle: ModelBundle
    features: pd.DataFrame
    lawful: Flags
    recoverable: Floats
    settings: PolicySettings
    around: Circumstances

    @property
    def arms(self) -> ArmCatalogue:
        """The arms of the model."""
        return self.bundle.arms

    @cached_property
    def scores(self) -> Scores:
        """What the model expects."""
        response, harm = self.bundle.response.predict_by_arm(self.features), self.bundle.harm_by_arm(self.features)
        value = arm_value(response, self.recoverable, harm, self.arms, self.settings)
        return Scores(response, harm, value, self.bundle.response.support_by_arm(self.features))

    @cached_property
    def worth(self) -> Floats:
        """The values that prices are taken off, of shape (n, K): expected ones, less the doubt about the best constant arm."""
        off = doubt(self.bundle.response, self.features, self.rated, self.bundle.facts.get(BEST_CONSTANT))
        return self.scores.value - off * self.recoverable[:, None] * self.settings.margin

    @cached_property
    def rated(self) -> Flags:
        """The lawful arms whose value is trusted, of shape (n, K)."""
        return self.lawful & self.scores.supported

    def choose(self, worth: Floats, rows: Rows) -> Choice:
        """Choose for some borrowers, their arms' values less prices being given.

        Parameters
        ----------
        worth : ndarray of shape (m, K)
        rows : ndarray of shape (m,)
        """
        settings, arms, money = self.settings, self.arms, self.recoverable[rows]
        rank = lightness(arms, settings)
        best = best_arm(worth, self.rated[rows], rank)
        charged = np.where(np.isfinite(worth), self.worth[rows] - worth, 0.0)
        contrast, deviation = self._contrasts.against(best, rows)
        burden = arm_burden(self.scores.harm[rows], arms, settings) + charged
        loss = expected_loss(contrast, deviation, money * settings.margin, burden, np.maximum(best, 0))
        margin = settings.dose_margin_share * money
        priced = self._priced(worth, rows)
        choice = choose(
            worth,
            lawful=self.lawful[rows],
            supported=self.scores.supported[rows],
            dose=Dose(loss, margin, priced),
            rank=rank,
            fallback=arms.index(arms.fallback),
        )
        if self.around.history is None:
            return choice
        # Below the dose margin one would come down and go up again on the same evidence.
        least = np.maximum(settings.switching.margin_share * money, margin)
        return steady(choice, priced, self.rated[rows], rank, self.around.history.last[rows], least)

    def shares(self, choice: Choice, worth: Floats, rows: Rows) -> Floats:
        """Return the probabilities with which the arms are drawn, before any holdout."""
        priced = self._priced(worth, rows)
        return arm_shares(choice.arm, priced, self.lawful[rows], self.rated[rows], self.settings.exploration)

    def _priced(self, worth: Floats, rows: Rows) -> Floats:
        """Return the values less what contacts must bring: whoever explores, or goes a step up, pays it too."""
        return worth - dose_price(self.arms, self.recoverable[rows], self.settings)

    @cached_property
    def _contrasts(self) -> "_Contrasts":
        # A search for prices asks for the same borrowers against one best arm after another, a few at a time.
        at_once = bool(self.settings.capacity.names) and len(self.features) <= _AT_ONCE
        return _Contrasts(self.bundle, self.features, at_once)


@dataclass(frozen=True)
class HouseChooser:
    """Gives the house policy's arm where there is no model yet; parameters as in `Chooser`."""

    catalogue: ArmCatalogue
    lawful: Flags
    recoverable: Floats
    settings: PolicySettings

    @property
    def arms(self) -> ArmCatalogue:
        """The arms of the catalogue."""
        return self.catalogue

    @property
    def scores(self) -> Scores:
        """Nothing is known."""
        unknown = np.full(self.lawful.shape, np.nan)
        return Scores(unknown, unknown, unknown, np.ones(self.lawful.shape, dtype=bool))

    @cached_property
    def worth(self) -> Floats:
        """An order of the arms, no estimate, of shape (n, K)."""
        return house_value(self.arms, self.settings, self.recoverable)

    @property
    def rated(self) -> Flags:
        """The lawful arms, of shape (n, K)."""
        return self.lawful

    def choose(self, worth: Floats, rows: Rows) -> Choice:
        """Choose for some borrowers; parameters as in `Chooser.choose`."""
        return house_choice(self.lawful[rows], worth, self.arms, self.settings, lightness(self.arms, self.settings))

    def shares(self, choice: Choice, worth: Floats, rows: Rows) -> Floats:
        """Return an even draw over the lawful arms beside the house policy's arm; where capacity costs, over the free ones."""
        charged = np.where(np.isfinite(worth), self.worth[rows] - worth, 0.0)
        exploration = self.settings.exploration
        # Nothing is known to be worth more: but for what capacity costs the softmax is an even draw.
        return arm_shares(choice.arm, -charged, self.lawful[rows], self.lawful[rows], exploration, exploration.first_share)


def soft(chooser: Chooser | HouseChooser, worth: Floats, rows: Rows, draws: Draws) -> Floats:
    """Return the probabilities of all arms, holdout included, for some borrowers at some prices."""
    return with_holdout(chooser.shares(chooser.choose(worth, rows), worth, rows), draws.holdout_odds[rows])


class _Contrasts:
    """P(arm) - P(reference) and its standard error, scored once for every borrower and reference that is asked for."""

    def __init__(self, bundle: ModelBundle, features: pd.DataFrame, at_once: bool) -> None:  # noqa: FBT001
        self.bundle, self.features, self.at_once = bundle, features, at_once
        self.known: dict[int, tuple[Flags, Floats, Floats]] = {}

    def against(self, best: Rows, rows: Rows) -> tuple[Floats, Floats]:
        """Return both against each row's best arm, of shape (m, K); NaN where the row has none."""
        shape = (len(rows), len(self.bundle.arms))
        contrast, deviation = np.full(shape, np.nan), np.full(shape, np.nan)
        for k in np.unique(best[best >= 0]):
            mine = np.flatnonzero(best == k)
            contrast[mine], deviation[mine] = self._against(int(k), rows[mine])
        return contrast, deviation

    def _against(self, k: int, rows: Rows) -> tuple[Floats, Floats]:
        n, K = len(self.features), len(self.bundle.arms)
        if k not in self.known:
            self.known[k] = np.zeros(n, dtype=bool), np.empty((n, K)), np.empty((n, K))
        done, contrast, deviation = self.known[k]
        missing = np.flatnonzero(~done) if self.at_once else rows[~done[rows]]
        if len(missing):
            frame, name = self.features.iloc[missing], self.bundle.arms.names[k]
            middle, low, high = self.bundle.response.contrast_by_arm(frame, name, _INTERVAL)
            contrast[missing], deviation[missing] = middle, (high - low) / (2 * ndtri(0.5 + _INTERVAL / 2))
            done[missing] = True
        return contrast[rows], deviation[rows]
