"""Orthogonal boosting: trees of what an arm changes, grown on what the level left over (the R-learner's loss for many arms).

The outcome less its mean given x is explained by sum_k (1[a = k] - e_k(x)) f(x, arm k): one ensemble f for all arms, with the
arm and its doses as inputs. Only differences between arms matter to the loss, and only they are read off.

References
----------
Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects, Biometrika 108.
"""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np

from .crossed import out_of_fold, stacked
from .plain import lightgbm_params

Predict = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
# A row that tells nothing of an arm still has a curvature, or leaves without any would have no value.
LEAST_CURVATURE = 1e-6


def fit(task: Any) -> Predict:
    """Fit and return what predicts."""
    n, K = task.e.shape
    level = out_of_fold(task, task.X, task.categorical, lambda booster, held: booster.predict(task.X[held]))
    left = task.y - level
    surprise = np.eye(K)[task.code] - task.e
    # One row for each borrower and each arm that could have been given.
    row, arm = np.nonzero(task.e > 0)
    inputs = np.column_stack([task.X[row], task.arm_inputs[arm]]).astype(np.float32)
    weight = surprise[row, arm]

    def loss(predicted: np.ndarray, _: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
        gap = np.bincount(row, weight * predicted, minlength=n) - left
        return weight * gap[row], weight**2 + LEAST_CURVATURE

    # A logged row stands in several rows here: a leaf needs as many more.
    each = len(row) / n
    params = lightgbm_params(task) | {"objective": loss, "min_data_in_leaf": round(task.config["min_leaf"] * each)}
    data = lgb.Dataset(inputs, np.zeros(len(row)), categorical_feature=[*task.categorical, task.X.shape[1]], params=params)
    booster = lgb.train(params, data, task.config["rounds"])

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        effect = np.column_stack([booster.predict(stacked(X, task.arm_inputs, k)) for k in range(K)])
        return {"contrast": effect - effect[:, :1]}

    return predict
