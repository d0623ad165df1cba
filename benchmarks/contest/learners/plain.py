"""LightGBM with the arm as input: what most would try first."""

from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np


def fit(task: Any) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Fit and return what predicts."""
    d = task.X.shape[1]
    stacked = np.column_stack([task.X, task.arm_inputs[task.code]])
    booster = train(stacked, task.y, task, [*task.categorical, d])

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        del e
        columns = []
        for inputs in task.arm_inputs:
            rows = np.column_stack([X, np.broadcast_to(inputs, (len(X), len(inputs)))])
            columns.append(booster.predict(rows, num_threads=task.threads))
        response = np.column_stack(columns)
        return {"response": response, "contrast": response - response[:, :1]}

    return predict


def train(X: np.ndarray, y: np.ndarray, task: Any, categorical: list[int]) -> lgb.Booster:
    """Grow the trees."""
    params = lightgbm_params(task) | {"objective": "binary"}
    data = lgb.Dataset(X, y, categorical_feature=categorical, params=params)
    return lgb.train(params, data, task.config["rounds"])


def lightgbm_params(task: Any) -> dict[str, Any]:
    """Return LightGBM's names for the settings."""
    return {
        "learning_rate": task.config["rate"],
        "num_leaves": task.config["leaves"],
        "min_data_in_leaf": task.config["min_leaf"],
        "min_data_per_group": min(100, task.config["min_leaf"]),
        "num_threads": task.threads,
        "seed": task.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
