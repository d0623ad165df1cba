"""Several ways averaged, with the weights whose policy is worth most out of fold by its doubly robust value."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from .crossed import sides
from .families import FAMILY
from .robust_trees import scores

Predict = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
FOLDS = 3
# Weights are multiples of one over this.
PARTS = 4


def fit(task: Any) -> Predict:
    """Fit and return what predicts; `task.config` holds the settings of each member."""
    members = list(task.config)
    apart = np.empty((len(members), *task.e.shape))
    for held in sides(task.group, FOLDS, task.seed):
        for predict, own in zip(_fit_all(members, _rows(task, ~held)), apart, strict=True):
            own[held] = predict(task.X[held], task.e[held])["contrast"]
    score, lawful, rows = scores(task), task.e > 0, np.arange(len(task.y))

    def worth(weights: np.ndarray) -> float:
        mixed = np.where(lawful, np.einsum("m,mnk->nk", weights, apart), -np.inf)
        return float(score[rows, mixed.argmax(axis=1)].mean())

    best = max(_weights(len(members)), key=worth)
    print("weights", dict(zip(members, best.tolist(), strict=True)), flush=True)
    final = _fit_all(members, task)

    def predict(X: np.ndarray, e: np.ndarray) -> dict[str, np.ndarray]:
        return {"contrast": sum(share * own(X, e)["contrast"] for share, own in zip(best, final, strict=True)), "weights": best}

    return predict


def _fit_all(members: list[str], task: Any) -> list[Predict]:
    own = [replace(task, learner=name, config=task.config[name]) for name in members]
    return [importlib.import_module(f"learners.{FAMILY[one.learner]}").fit(one) for one in own]


def _rows(task: Any, kept: np.ndarray) -> Any:
    return replace(task, **{name: getattr(task, name)[kept] for name in ("X", "y", "code", "group", "e")})


def _weights(m: int) -> Iterator[np.ndarray]:
    for picked in combinations_with_replacement(range(m), PARTS):
        yield np.bincount(picked, minlength=m) / PARTS
