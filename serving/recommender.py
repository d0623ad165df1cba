"""The recommender: a saved model, settings and rule packs, from a book to what to do tonight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from ..data.arms import ArmCatalogue, default_arms
from ..data.book import Book
from ..data.errors import Fault, InvalidInput
from ..policy.rules import RulePack, load_packs
from ..policy.settings import PolicySettings
from ..training.deciding.decide import Circumstances
from ..training.registry.bundle import ModelBundle
from ..training.registry.tracker import Tracker
from .decisions import Brain
from .night import Night, run_night
from .recommendation import Versions, decided_frame

_REGISTRY_SCHEMES = ("models:/", "runs:/")


@dataclass(frozen=True)
class Recommender:
    """Everything that decides, loaded once.

    Parameters
    ----------
    model : ModelBundle or None
        Response and harm; None for the house policy of a first night (`Recommender.without_model`).
    settings : PolicySettings
    packs : sequence of RulePack
        All must allow.
    catalogue : ArmCatalogue, optional
        The arms, where there is no model that knows them.

    Examples
    --------
    >>> rec = Recommender.load("var/models/champion")  # doctest: +SKIP
    >>> rec.recommend(book, as_of="2026-11-20T22:00Z")  # doctest: +SKIP
    """

    model: ModelBundle | None
    settings: PolicySettings
    packs: Sequence[RulePack]
    catalogue: ArmCatalogue | None = None

    @classmethod
    def load(cls, model: str | Path, settings: PolicySettings | None = None, tracker: Tracker | None = None) -> Self:
        """Load a model from a folder, or from the registry.

        Parameters
        ----------
        model : str or Path
            A folder, or ``models:/name@alias``, ``models:/name/version``, ``runs:/id/model`` (these need a tracker).
        settings : PolicySettings, optional
        tracker : Tracker, optional
            The registry behind addresses.

        Raises
        ------
        InvalidInput
            Where there is no such model.
        DamagedFile
            Where its bytes are not those that were saved.
        """
        settings = settings or PolicySettings()
        folder = Path(model)
        if str(model).startswith(_REGISTRY_SCHEMES):
            if tracker is None:
                remedy = "Name its folder, or pass tracker=MlflowTracker(...)."
                raise InvalidInput([Fault(str(model), "a tracker to look it up in", "none", remedy)])
            folder = tracker.folder(str(model))
        bundle = ModelBundle.load(folder)
        if bundle.harm is None:
            remedy = "Train on event tables with `lighttouch train DIR`."
            raise InvalidInput([Fault(str(model), "a model of a decision log", "a model of an experiment's table", remedy)])
        if bundle.horizon_days != settings.outcome.horizon_days:
            found = f"{settings.outcome.horizon_days} days in the settings"
            remedy = "Use the settings that the model was trained with, or train again."
            raise InvalidInput([Fault("outcome.horizon_days", f"{bundle.horizon_days} days, as the model", found, remedy)])
        return cls(bundle, settings, load_packs(settings.packs))

    @classmethod
    def without_model(cls, settings: PolicySettings | None = None, arms: ArmCatalogue | None = None) -> Self:
        """Return what decides on a first night: the house policy, with a share of even draws that a model can learn from.

        Parameters
        ----------
        settings : PolicySettings, optional
        arms : ArmCatalogue, optional
            The ten default arms where not given.
        """
        settings = settings or PolicySettings()
        return cls(None, settings, load_packs(settings.packs), arms or default_arms())

    @property
    def arms(self) -> ArmCatalogue:
        """The arms that may be given."""
        return self.model.arms if self.model else self.catalogue or default_arms()

    @property
    def bundle(self) -> ModelBundle:
        """The model.

        Raises
        ------
        InvalidInput
            Where there is none.
        """
        if self.model is None:
            raise InvalidInput([Fault("the recommender", "a model", "the house policy alone", "Use `Recommender.load`.")])
        return self.model

    @property
    def versions(self) -> Versions:
        """What decisions are made with."""
        return self._brain.versions

    @property
    def _brain(self) -> Brain:
        return Brain(self.model, self.settings, self.packs, self.arms)

    def decide(self, features: pd.DataFrame, *, lawful: Any = None, recoverable: Any = None) -> pd.DataFrame:
        """Choose an arm for rows whose features and lawful arms are known already.

        Nothing is drawn: whoever asks for features alone, without borrower and night, gets the arm that would be given without
        exploration. To log decisions with their propensities, use `night`.

        Parameters
        ----------
        features : DataFrame of shape (n, d)
            The columns that the model was fitted on.
        lawful : array-like of shape (n, K)
            True where the arm may be given. There is no default: what nobody checked is not lawful.
        recoverable : array-like of shape (n,)
            What a repayment brings, account currency.

        Returns
        -------
        DataFrame
            A row per row of `features`, with its index: arm, response, response_none, uplift, harm, value, propensity, explore,
            lawful_arms, propensities, reasons.
        """
        mask, money = _check(lawful, recoverable, len(features), len(self.arms))
        decided = self._brain.decide(features, mask, money, Circumstances())
        return decided_frame(decided, self.arms.names).set_axis(features.index)

    def recommend(self, book: Book, as_of: str | datetime) -> pd.DataFrame:
        """Recommend for every overdue borrower who may be contacted: the recommendation table."""
        recommendations: pd.DataFrame = self.night(book, as_of).recommendations.to_pandas()
        return recommendations

    def night(self, book: Book, as_of: str | datetime) -> Night:
        """Recommend as `recommend` does, and say who was left out, and why."""
        return run_night(book, as_of, self._brain)


def _check(lawful: Any, recoverable: Any, n: int, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    faults = [
        Fault(name, f"an array of shape {shape}", "none", "A decision without it could break a rule or price nothing.")
        for name, given, shape in (("lawful", lawful, (n, k)), ("recoverable", recoverable, (n,)))
        if given is None
    ]
    if faults:
        raise InvalidInput(faults)
    mask, money = np.asarray(lawful), np.asarray(recoverable, dtype=np.float64)
    if mask.shape != (n, k) or mask.dtype != np.bool_:
        faults.append(Fault("lawful", f"booleans of shape {(n, k)}", f"{mask.dtype} of shape {mask.shape}", ""))
    elif not mask[:, 0].all():
        faults.append(Fault("lawful", "the no-contact arm lawful for everyone", f"{int((~mask[:, 0]).sum())} rows not", ""))
    if money.shape != (n,) or not np.isfinite(money).all() or (money < 0).any():
        faults.append(Fault("recoverable", f"finite sums of shape ({n},), 0 or more", f"shape {money.shape}", ""))
    if faults:
        raise InvalidInput(faults)
    return mask, money
