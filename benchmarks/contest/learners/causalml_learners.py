"""causalml's learners for several arms."""

from collections.abc import Callable
from typing import Any

import numpy as np
from causalml.inference.meta import BaseSClassifier, BaseTClassifier, BaseXClassifier
from causalml.inference.tree import UpliftRandomForestClassifier
from lightgbm import LGBMClassifier, LGBMRegressor

from .filled import Filler

Predict = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


def fit(task: Any) -> Predict:
    """Fit and return what predicts."""
    if task.learner == "causalml uplift forest":
        return _forest(task)
    if task.learner == "causalml X":
        return _crossed(task)
    kind = {"causalml S": BaseSClassifier, "causalml T": BaseTClassifier}[task.learner]
    model = kind(LGBMClassifier(**_settings(task)), control_name=0)
    model.fit(task.X, task.code, task.y)

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        effect, without, under = model.predict(X, return_components=True, verbose=False)
        arms = model.t_groups.tolist()
        # S has a model per arm against none, and so as many opinions on none: their mean.
        none = np.mean([np.ravel(without[k]) for k in arms], axis=0)
        response = np.column_stack([none, *(np.ravel(under[k]) for k in arms)])
        return _spread(task, arms, {"response": response, "contrast": np.column_stack([np.zeros(len(X)), effect])})

    return predict


def _crossed(task: Any) -> Predict:
    settings = _settings(task)
    model = BaseXClassifier(LGBMClassifier(**settings), LGBMRegressor(**settings), control_name=0)
    model.fit(task.X, task.code, task.y, p=_against_none(task.e))

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        effect = model.predict(X, p=_against_none(e), verbose=False)
        return _spread(task, model.t_groups.tolist(), {"contrast": np.column_stack([np.zeros(len(X)), effect])})

    return predict


def _against_none(e: np.ndarray) -> dict[int, np.ndarray]:
    """Return the propensity of each arm among the rows that got it or none: the learner compares these."""
    pair = e + e[:, :1]
    share = np.divide(e, pair, out=np.full_like(e, 0.5), where=pair > 0)
    # It refuses 0 and 1.
    return {k: np.clip(share[:, k], 1e-3, 1 - 1e-3) for k in range(1, e.shape[1])}


def _forest(task: Any) -> Predict:
    filler = Filler(task.X)
    model = UpliftRandomForestClassifier(
        control_name="0",
        n_estimators=task.config["trees"],
        max_depth=task.config["depth"],
        min_samples_leaf=task.config["min_leaf"],
        min_samples_treatment=task.config["min_leaf"] // 10,
        max_features=task.config["features"],
        random_state=task.seed,
        n_jobs=task.threads,
    )
    model.fit(filler(task.X), task.code.astype(str), task.y.astype(int))

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        effect = np.asarray(model.predict(filler(X)))
        arms = [int(name) for name in list(model.classes_) if str(name) != "0"]
        return _spread(task, arms, {"contrast": np.column_stack([np.zeros(len(X)), effect])})

    return predict


def _spread(task: Any, arms: list[int], found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put columns in the order of the arms; one that was never given gets no credit."""
    K = task.e.shape[1]
    at = [0, *arms]
    if at == list(range(K)):
        return found
    result = {}
    for name, values in found.items():
        result[name] = np.repeat(values[:, :1], K, axis=1)
        result[name][:, at] = values
    return result


def _settings(task: Any) -> dict[str, Any]:
    return {
        "n_estimators": task.config["rounds"],
        "learning_rate": task.config["rate"],
        "num_leaves": task.config["leaves"],
        "min_child_samples": task.config["min_leaf"],
        "n_jobs": task.threads,
        "random_state": task.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
