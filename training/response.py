"""P(repaid within the horizon | borrower, arm): how good a borrower is anyway, and what each arm changes; with intervals."""

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..data.arms import Arm, ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .inputs import Floats
from .model.artefact import ResponseArtefact, load_artefact, sigmoid
from .model.artefact_parts import Noise, Support, SupportRule
from .model.blas import one_blas_thread
from .model.boosting import Boosting, Sample, draw_halves, fit_halves
from .model.calibration import fit_calibration
from .model.diagnostics import diagnose
from .model.dose_between import DosePrediction, predict_between
from .model.effects import FOLDS
from .model.fit_data import FitData, check_fit, parameter_faults
from .model.learn_effects import Odds, learn_effects, out_of_half
from .model.level_noise import inflation
from .model.propensity import (
    PROPENSITY_BOOSTING,
    SUPPORT_BOOSTING,
    SUPPORT_ROWS,
    PropensityLike,
    PropensityTask,
    estimate_propensity,
    learn_scorer,
)

# Borrowers over whom the halves' disagreement is pooled: its mean is then known to a few per cent.
NOISE_ROWS = 2_000


class ResponseModel:
    """The response of every borrower to every arm.

    LightGBM says how good a borrower is anyway: halves of the data, drawn by group, each predict the other, so that every row
    has a level out of fold. What an arm changes is learnt on what is left over, from what chance made of the arm
    (`effects`): errors of the level do not bias it, weak effects are not drowned, and with nothing to find it is nothing.
    Then one calibration for all arms, out of fold.

    Parameters
    ----------
    arms : ArmCatalogue
        K arms.
    random_state : int
        The same data and the same state give the same model, byte for byte.
    boosting, propensity_boosting : Boosting
        How trees are grown for the response, and for propensities that the log does not state.
    support : SupportRule
    n_threads : int
        Threads of LightGBM; 0 takes all cores. No result depends on it.

    Attributes
    ----------
    diagnostics : Diagnostics
        What was seen at fit.
    out_of_fold : ndarray of shape (n, K)
        Probabilities of the training rows from a level and effects that did not see them; not saved.
    propensity_out_of_fold : ndarray of shape (n, K) or None
        Estimated propensities of the training rows; None where those of every arm were stated. Not saved.
    """

    def __init__(
        self,
        arms: ArmCatalogue,
        random_state: int = 0,
        boosting: Boosting = Boosting(),  # noqa: B008  frozen: one shared value cannot change
        propensity_boosting: Boosting = PROPENSITY_BOOSTING,
        support: SupportRule = SupportRule(),  # noqa: B008  frozen as well
        n_threads: int = 0,
    ) -> None:
        self.arms = arms
        self.random_state = random_state
        self.boosting = boosting
        self.propensity_boosting = propensity_boosting
        self.support = support
        self.n_threads = n_threads

    @one_blas_thread()
    def fit(
        self,
        X: pd.DataFrame,
        y: ArrayLike,
        arm: ArrayLike,
        propensity: PropensityLike = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from logged rows.

        Parameters
        ----------
        X : DataFrame of shape (n, d)
            Numbers, booleans, pandas categories; missing allowed.
        y : array-like of shape (n,)
            0 or 1.
        arm : array-like of str of shape (n,)
            The committed arm.
        propensity : None, number, mapping, or array-like of shape (n,) or (n, K), optional
            Estimated out of fold where None; (n,) is that of the taken arm; a mapping goes by arm name.
        groups : array-like of shape (n,), optional
            Rows that share one (a borrower's) stay in one half.
        sample_weight : array-like of shape (n,), optional
            A row of weight 0 counts for nothing, as if it had not been given; it is predicted all the same.

        Returns
        -------
        ResponseModel
            Itself.

        Raises
        ------
        InvalidInput
            Every fault at once.
        """
        own_faults = parameter_faults(self.get_params(deep=False))
        data = check_fit(self.arms, X, y, arm, propensity, groups, sample_weight, own_faults)
        halves = draw_halves(data.codes, data.groups, self.boosting.pairs, np.random.default_rng(self.random_state))
        sample = Sample(data.Z, data.y, data.columns.categorical, data.weight)
        sample = sample.binned(self.boosting, self.n_threads, self.random_state)
        boosters = fit_halves(sample, halves, self.boosting, self.n_threads, self.random_state)
        odds = self._propensity(data)
        level, rough = out_of_half(boosters, halves, data.Z, self.n_threads)
        learnt = learn_effects(data, self.arms, level, odds.full, self._fold_rng(), self.n_threads)
        K, floor = len(self.arms), self.support.floor_for(len(self.arms))
        weight = _comparable(odds.taken, data, floor, K)
        logits = learnt.out_of_fold[np.arange(len(data.y)), data.codes]
        calibration = fit_calibration(logits, data.y, data.codes, weight, data.groups, K)
        counts = tuple(np.bincount(data.codes, minlength=K).tolist())
        self.artefact = ResponseArtefact(
            arms=self.arms,
            columns=data.columns,
            boosters=tuple(boosters),
            covariates=learnt.covariates,
            outlook=learnt.outlook,
            effects=learnt.effects,
            mix=learnt.mix,
            shares=odds.full.mean(axis=0),
            calibration=calibration,
            noise=Noise(0.0, inflation(sample, halves, rough, self.boosting, self.n_threads, self.random_state)),
            support=Support(counts, self.support.least_rows, floor, randomised=odds.scorer is None),
            propensity=odds.scorer,
            parameters=self._parameters(),
        )
        self.artefact = replace(self.artefact, noise=replace(self.artefact.noise, variance=self._noise(data.Z)))
        found = sigmoid(calibration.apply(learnt.out_of_fold))
        self.diagnostics = diagnose(self.arms.names, data.y, data.codes, found, weight)
        self.out_of_fold = data.for_all(found, X, self.predict_by_arm)
        estimated = odds.estimated
        self.propensity_out_of_fold = None if estimated is None else data.for_all(estimated, X, self.propensity_by_arm)
        return self

    def predict_by_arm(self, X: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of shape (n, K), columns in catalogue order, strictly inside (0, 1)."""
        return self._fitted().predict_by_arm(X, self.n_threads)

    def interval_by_arm(self, X: pd.DataFrame, confidence: float = 0.9) -> tuple[Floats, Floats]:
        """Return lower and upper ends of the probabilities, of shape (n, K) each."""
        return self._fitted().interval_by_arm(X, confidence, self.n_threads)

    def contrast_by_arm(self, X: pd.DataFrame, reference: str, confidence: float = 0.9) -> tuple[Floats, Floats, Floats]:
        """Return P(arm) - P(reference) with its own joint interval, of shape (n, K) each."""
        return self._fitted().contrast_by_arm(X, reference, confidence, self.n_threads)

    def predict_dose(self, X: pd.DataFrame, arm: Arm, confidence: float = 0.9) -> DosePrediction:
        """Return the response to a dose between tried doses of the same channels, flagged as such by its type.

        Parameters
        ----------
        X : DataFrame of shape (n, d)
        arm : Arm
            Not of the catalogue.

        Raises
        ------
        OutsideTriedDoses
            Where no tried dose lies below or above it.
        """
        return predict_between(self._fitted(), X, arm, confidence, self.n_threads)

    def support_by_arm(self, X: pd.DataFrame) -> NDArray[np.bool_]:
        """Return True where there is comparable data for this borrower and arm, of shape (n, K).

        The arm needs `support.least_rows` rows at fit and, unless the arms were drawn with the same odds for everyone, an
        estimated propensity at x of at least `support.floor`.
        """
        return self._fitted().support_by_arm(X, self.n_threads)

    def propensity_by_arm(self, X: pd.DataFrame) -> Floats | None:
        """Return estimated propensities of shape (n, K); None where the stated odds were the same for everyone."""
        return self._fitted().propensity_by_arm(X, self.n_threads)

    def save(self, folder: str | Path) -> None:
        """Write the model as LightGBM text and JSON with digests; the folder appears whole or not at all."""
        self._fitted().save(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a saved model; a missing file or a changed byte is refused by name."""
        artefact = load_artefact(folder)
        kept = artefact.parameters
        model = cls(
            artefact.arms,
            kept["random_state"],
            Boosting(**kept["boosting"]),
            Boosting(**kept["propensity_boosting"]),
            SupportRule(**kept["support"]),
        )
        model.artefact = artefact
        return model

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002  scikit-learn's signature
        """Return the constructor's arguments; with `deep` also `boosting__rounds` and the like."""
        params = {name: getattr(self, name) for name in _PARAMETERS}
        if deep:
            for name, value in list(params.items()):
                if is_dataclass(value) and name != "arms":
                    params |= {f"{name}__{item.name}": getattr(value, item.name) for item in fields(value)}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments, or fields of theirs as `boosting__rounds`."""
        known = self.get_params()
        if unknown := [name for name in params if name not in known]:
            remedy = f"Known: {', '.join(known)}."
            raise InvalidInput([Fault("set_params", "a known parameter", repr(name), remedy) for name in unknown])
        for name, value in params.items():
            owner, _, item = name.partition("__")
            setattr(self, owner, replace(getattr(self, owner), **{item: value}) if item else value)
        return self

    def _propensity(self, data: FitData) -> Odds:
        """Return the odds of every arm for every row, stated or estimated, and the scorer for new borrowers."""
        stated, K = data.propensity, len(self.arms)
        if stated is not None and stated.constant is not None:
            return Odds(stated.taken, np.tile(np.nan_to_num(stated.constant), (len(data.y), 1)), None, None)
        task = PropensityTask(data.Z, data.columns.categorical, data.codes, K, data.groups)
        if stated is not None and stated.full is not None:
            coarse = replace(task, most_rows=SUPPORT_ROWS)
            scorer = learn_scorer(coarse, SUPPORT_BOOSTING, self.n_threads, self.random_state)
            return Odds(stated.taken, stated.full, None, scorer)
        estimated, scorer = estimate_propensity(task, self.propensity_boosting, self.n_threads, self.random_state)
        if stated is not None:
            return Odds(stated.taken, estimated, estimated, scorer)
        return Odds(estimated[np.arange(len(estimated)), data.codes], estimated, estimated, scorer)

    def _noise(self, Z: Floats) -> float:
        """Pool the halves' disagreement over borrowers."""
        rng = np.random.default_rng([self.random_state, NOISE_ROWS])
        some = Z if len(Z) <= NOISE_ROWS else Z[np.sort(rng.choice(len(Z), NOISE_ROWS, replace=False))]
        return self.artefact.disagreement(some, self.n_threads)

    def _fold_rng(self) -> np.random.Generator:
        return np.random.default_rng([self.random_state, FOLDS])

    def _parameters(self) -> dict[str, Any]:
        return {
            "random_state": int(self.random_state),
            "boosting": self.boosting.to_dict(),
            "propensity_boosting": self.propensity_boosting.to_dict(),
            "support": vars(self.support).copy(),
        }

    def _fitted(self) -> ResponseArtefact:
        artefact: ResponseArtefact | None = getattr(self, "artefact", None)
        if artefact is None:
            raise InvalidInput([Fault("the model", "a fitted one", "one without a fit", "Call fit, or load a saved model.")])
        return artefact


_PARAMETERS = ("arms", "random_state", "boosting", "propensity_boosting", "support", "n_threads")


def _comparable(taken: Floats, data: FitData, floor: float, K: int) -> Floats:
    """Return stabilised inverse propensities; rows below the support floor have no comparable data and weigh nothing."""
    share = np.bincount(data.codes, minlength=K) / len(data.codes)
    weight = np.where(taken >= np.minimum(floor, share[data.codes]), share[data.codes] / taken, 0.0)
    return weight if data.weight is None else weight * data.weight
