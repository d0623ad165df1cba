"""Predictions for the rows learnt from, by boosters that have not seen the row's borrower."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np

from .plain import train

# How nuisances are grown; the libraries' are grown the same.
SETTINGS = {"leaves": 7, "rate": 0.05, "rounds": 300, "min_leaf": 300}


def sides(group: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return a mask of each fold's rows; those of a borrower share one."""
    members, inverse = np.unique(group, return_inverse=True)
    fold = np.random.default_rng([seed, folds]).permutation(len(members))[inverse] % folds
    return [fold == own for own in range(folds)]


def out_of_fold(
    task: Any, inputs: np.ndarray, categorical: list[int], read: Callable[[lgb.Booster, np.ndarray], np.ndarray]
) -> Any:
    """Return what boosters of the outcome say of the rows of the other half, as `read` asks them."""
    found = None
    grown = replace(task, config=SETTINGS)
    for held in sides(task.group, 2, task.seed):
        said = read(train(inputs[~held], task.y[~held], grown, categorical), held)
        found = np.empty((len(task.y), *said.shape[1:])) if found is None else found
        found[held] = said
    return found


def stacked(X: np.ndarray, arm_inputs: np.ndarray, k: int) -> np.ndarray:
    """Return the features beside the inputs of one arm."""
    return np.column_stack([X, np.broadcast_to(arm_inputs[k], (len(X), arm_inputs.shape[1]))])
