"""The package's own response model, its defaults."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from lighttouch.data.arms import ArmCatalogue
from lighttouch.training.evaluation.logged import Log
from lighttouch.training.evaluation.steadfast import doubt
from lighttouch.training.response import ResponseModel


def fit(task: Any) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Fit and return what predicts."""
    arms = ArmCatalogue.from_dict(task.catalogue)
    model = ResponseModel(arms, random_state=task.seed, n_threads=task.threads)
    model = model.set_params(**task.config)
    names = np.array(arms.names, dtype=object)
    propensity = _propensity(task, arms.names)
    model.fit(_frame(task.X, task), task.y, arm=names[task.code], propensity=propensity, groups=task.group)
    best = arms.names[_best_constant(task, model)]

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        frame = _frame(X, task)
        response = model.predict_by_arm(frame)
        contrast, supported = response - response[:, :1], model.support_by_arm(frame)
        # As the package chooses: less the doubt about leaving the arm that is best for everyone by the log.
        worth = contrast - doubt(model, frame, supported, best)
        return {"response": response, "contrast": contrast, "worth": worth, "supported": supported}

    return predict


def _best_constant(task: Any, model: ResponseModel) -> int:
    """Return the best arm for everyone, as the package finds it; no contact stands where the arm could not be given."""
    chances = task.e if task.e.shape[1] else model.propensity_out_of_fold
    log = Log(task.code, task.y.astype(np.float64), chances, model.out_of_fold, model.arms, task.group)
    every = np.eye(len(model.arms))
    return log.best_constant([every[np.where(chances[:, k] > 0, k, 0)] for k in range(len(every))])


def _propensity(task: Any, names: list[str]) -> np.ndarray | dict[str, float] | None:
    if task.e.shape[1] == 0:
        return None  # To be estimated.
    constant = bool(np.ptp(task.e, axis=0).max() == 0)
    return dict(zip(names, task.e[0].tolist(), strict=True)) if constant else task.e


def _frame(X: np.ndarray, task: Any) -> pd.DataFrame:
    frame = pd.DataFrame(np.asarray(X, dtype=np.float64), columns=[f"x{j}" for j in range(X.shape[1])])
    for j in task.categorical:
        levels = np.arange(int(np.nanmax(task.X[:, j])) + 1)
        frame[f"x{j}"] = pd.Categorical(X[:, j].astype(int), categories=levels)
    return frame
