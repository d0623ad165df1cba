"""Trees on doubly robust pseudo-outcomes of contrasts, one ensemble for all arms with the arm and its doses as inputs.

References
----------
Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic Journal of Statistics 17.
"""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np

from .crossed import out_of_fold, stacked
from .plain import lightgbm_params

Predict = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


def fit(task: Any) -> Predict:
    """Fit and return what predicts."""
    n, K = task.e.shape
    score = scores(task)
    # Contrasts with no contact, of each arm that could have been given; the noisier, the less they count.
    possible = (task.e > 0) & (task.e[:, :1] > 0)
    possible[:, 0] = False
    row, arm = np.nonzero(possible)
    inputs = np.column_stack([task.X[row], task.arm_inputs[arm]]).astype(np.float32)
    target = score[row, arm] - score[row, 0]
    weight = 1.0 / (1.0 / task.e[row, arm] + 1.0 / task.e[row, 0])
    each = len(row) / n
    params = lightgbm_params(task) | {"objective": "regression", "min_data_in_leaf": round(task.config["min_leaf"] * each)}
    kinds = [*task.categorical, task.X.shape[1]]
    data = lgb.Dataset(inputs, target, weight=weight / weight.mean(), categorical_feature=kinds, params=params)
    booster = lgb.train(params, data, task.config["rounds"])

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        effects = [booster.predict(stacked(X, task.arm_inputs, k)) for k in range(1, K)]
        return {"contrast": np.column_stack([np.zeros(len(X)), *effects])}

    return predict


def scores(task: Any) -> np.ndarray:
    """Return doubly robust outcomes under each arm, of shape (n, K): unbiased, and noisy."""
    K, rows = task.e.shape[1], np.arange(len(task.y))

    def under_each(booster: lgb.Booster, held: np.ndarray) -> np.ndarray:
        return np.column_stack([booster.predict(stacked(task.X[held], task.arm_inputs, k)) for k in range(K)])

    given = np.column_stack([task.X, task.arm_inputs[task.code]])
    score = out_of_fold(task, given, [*task.categorical, task.X.shape[1]], under_each)
    taken = rows, task.code
    score[taken] += (task.y - score[taken]) / task.e[taken]
    return score
