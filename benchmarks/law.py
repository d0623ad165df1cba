"""A law of outcomes made from a world: what intervals are held against.

Its features and propensities are the world's; its truth is a fixed function of the features (boosted trees on the world's
noise-free response: nothing that the model under test is a member of). Truth in a world itself also depends on what no table
shows, which no interval given the features could cover.
"""

from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from contest.worlds import draw
from lighttouch.data.arms import ArmCatalogue

ROOM = Path("var/benchmarks/learning/draws")
TRUTH = {
    "objective": "regression", "learning_rate": 0.15, "num_leaves": 31, "min_data_in_leaf": 100, "max_bin": 63,
    "feature_fraction": 0.3, "verbosity": -1, "seed": 0, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
LEVEL_ROUNDS, EFFECT_ROUNDS = 300, 120


@dataclass(frozen=True)
class Law:
    """Features, propensities, and P(repaid | features, arm), of shape (n, ...); borrowers as groups."""

    X: pd.DataFrame
    odds: np.ndarray
    lawful: np.ndarray
    truth: np.ndarray
    group: np.ndarray
    arms: ArmCatalogue
    digest: str

    def take(self, rows: np.ndarray) -> "Law":
        """Return these rows."""
        parts = (self.odds[rows], self.lawful[rows], self.truth[rows], self.group[rows])
        return Law(self.X.iloc[rows].reset_index(drop=True), *parts, self.arms, self.digest)

    def log(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw positions of arms, and outcomes."""
        code = (self.odds.cumsum(axis=1) < rng.random(len(self.odds))[:, None]).sum(axis=1).clip(max=len(self.arms) - 1)
        return code, (rng.random(len(code)) < self.truth[np.arange(len(code)), code]).astype(float)

    def names(self, code: np.ndarray) -> np.ndarray:
        """Return arm names."""
        return np.array(self.arms.names, dtype=object)[code]

    def borrowers(self, rng: np.random.Generator, rows: int) -> np.ndarray:
        """Return the rows of borrowers drawn with replacement until there are at least so many; and their new groups."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        ends = np.append(starts[1:], len(self.group))
        picked, total, parts = 0, 0, []
        while total < rows:
            one = rng.integers(len(starts))
            at = np.arange(starts[one], ends[one])
            parts.append(np.column_stack([at, np.full(len(at), picked)]))
            picked, total = picked + 1, total + len(at)
        return np.concatenate(parts)


def law_of(name: str, most: int) -> Law:
    """Make the law of outcomes from a world."""
    world = draw(name, 1, ROOM)
    order = np.argsort(world["group"], kind="stable")[:most]
    rows = world.take(order)
    mean = rows["response"].mean(axis=1)
    gaps = rows["response"] - mean[:, None]

    def fitted(target: np.ndarray, rounds: int) -> np.ndarray:
        booster = lgb.train(TRUTH, lgb.Dataset(rows["X"], target, params=TRUTH), rounds)
        return np.asarray(booster.predict(rows["X"]))

    level = fitted(mean, LEVEL_ROUNDS)
    truth = np.clip(level[:, None] + np.column_stack([fitted(gap, EFFECT_ROUNDS) for gap in gaps.T]), 0.01, 0.99)
    X = pd.DataFrame(rows["X"].astype(np.float64), columns=list(rows.columns))
    return Law(X, rows["e"], rows["lawful"], truth, rows["group"], rows.arms, rows.digest)
