"""EconML's learners for several arms, each given the true propensities."""

from collections.abc import Callable
from typing import Any

import numpy as np
from econml.dml import CausalForestDML, LinearDML
from econml.dr import DRLearner
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, ClassifierMixin

from .filled import Filler

Predict = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


class Logged(ClassifierMixin, BaseEstimator):
    """Looks the propensities up in the last K columns, where they were put beside the features."""

    def __init__(self, K: int = 2) -> None:
        self.K = K

    def fit(self, XW: np.ndarray, T: np.ndarray, **_: Any) -> "Logged":
        """Nothing to learn."""
        del XW, T
        self.classes_ = np.arange(self.K)
        return self

    def predict_proba(self, XW: np.ndarray) -> np.ndarray:
        """Return what the log states."""
        return np.asarray(XW)[:, -self.K :]

    def predict(self, XW: np.ndarray) -> np.ndarray:
        """Return the likeliest arm."""
        return self.predict_proba(XW).argmax(axis=1)


def fit(task: Any) -> Predict:
    """Fit and return what predicts."""
    return {
        "EconML LinearDML": _linear,
        "EconML DRLearner": _doubly_robust,
        "EconML CausalForestDML": _forest,
    }[task.learner](task)


def _linear(task: Any) -> Predict:
    filler = Filler(task.X, scale=True)
    chosen = np.arange(len(filler.kept))
    if task.config["features"] < len(chosen):
        # Those that the outcome depends on most.
        gain = _outcome(task).fit(filler(task.X), task.y).booster_.feature_importance("gain")
        chosen = np.sort(np.argsort(-gain)[: task.config["features"]])
    return _double(task, LinearDML(**_nuisances(task)), lambda X: filler(X)[:, chosen], W=filler(task.X))


def _forest(task: Any) -> Predict:
    filler = Filler(task.X)
    forest = CausalForestDML(
        n_estimators=task.config["trees"],
        min_samples_leaf=task.config["min_leaf"],
        max_samples=task.config["share"],
        inference=False,
        n_jobs=task.threads,
        **_nuisances(task),
    )
    return _double(task, forest, filler)


def _nuisances(task: Any) -> dict[str, Any]:
    given = {"discrete_treatment": True, "cv": 2, "random_state": task.seed}
    return given | {"model_y": _outcome(task), "model_t": Logged(task.e.shape[1])}


def _double(task: Any, model: Any, prepare: Callable[[np.ndarray], np.ndarray], W: np.ndarray | None = None) -> Predict:
    controls = task.e if W is None else np.column_stack([W, task.e])
    inference = {} if isinstance(model, CausalForestDML) else {"inference": None}
    model.fit(task.y.astype(float), task.code, X=prepare(task.X), W=controls, groups=task.group, **inference)
    return _effects(model, prepare)


def _doubly_robust(task: Any) -> Predict:
    known = task.e.shape[1] > 0
    model = DRLearner(
        model_propensity=Logged(task.e.shape[1]) if known else LGBMClassifier(**_settings(task, task.config)),
        model_regression=_outcome(task),
        model_final=LGBMRegressor(**_settings(task, task.config)),
        cv=2,
        random_state=task.seed,
        allow_missing=True,
    )
    X = task.X.astype(np.float64)
    model.fit(task.y.astype(float), task.code, X=X, W=task.e if known else None, groups=task.group, inference=None)
    return _effects(model, lambda X: X.astype(np.float64))


def _effects(model: Any, prepare: Callable[[np.ndarray], np.ndarray]) -> Predict:
    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        effect = np.asarray(model.const_marginal_effect(prepare(X))).reshape(len(X), -1)
        return {"contrast": np.column_stack([np.zeros(len(X)), effect])}

    return predict


def _outcome(task: Any) -> LGBMRegressor:
    return LGBMRegressor(**_settings(task, task.config["outcome"]))


def _settings(task: Any, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "n_estimators": config["rounds"],
        "learning_rate": config["rate"],
        "num_leaves": config["leaves"],
        "min_child_samples": config["min_leaf"],
        "n_jobs": task.threads,
        "random_state": task.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
