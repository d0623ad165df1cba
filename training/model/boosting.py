"""Fitting of LightGBM on pairs of half-samples: each half predicts the other, so that every row is scored out of fold."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import lightgbm as lgb
import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from ...data.errors import Fault, InvalidInput
from ..inputs import Floats, Ints

MIN_LEAF_SHARE, MIN_LEAF_LOW, MIN_LEAF_HIGH = 0.02, 20, 1000
# A curve of losses may stand still for this long, whatever the rate.
LEAST_PATIENCE = 5


@dataclass(frozen=True)
class Boosting:
    """How trees are grown.

    Parameters
    ----------
    rounds : int
        Most trees in a booster; fewer where the other half says so.
    rate : float
        Learning rate.
    leaves : int
        Leaves of a tree. Fewer leave more of the level unseen than its intervals know of (ADR 11).
    min_leaf : int, optional
        Fewest rows in a leaf; without it 2% of the half-sample, at least 20 and at most 1,000.
    pairs : int
        Pairs of half-samples. Each costs one fit on all rows; more make intervals steadier.
    patience : float
        Rounds without progress before a booster stops, times its rate: 1.5 is 50 rounds at a rate of 0.03, 15 at 0.1.

    Examples
    --------
    >>> Boosting().leaf_rows(25_000), Boosting().leaf_rows(500), Boosting(min_leaf=7).leaf_rows(500)
    (500, 20, 7)
    """

    rounds: int = 800
    rate: float = 0.03
    leaves: int = 15
    min_leaf: int | None = None
    pairs: int = 2
    patience: float = 1.5

    def __post_init__(self) -> None:
        lowest = {"rounds": 1, "leaves": 2, "pairs": 1, "min_leaf": 1}
        faults = [
            Fault(f"boosting.{name}", f"a whole number, {low} or more", repr(value), "")
            for name, low in lowest.items()
            if (value := getattr(self, name)) is not None and (not isinstance(value, int) or value < low)
        ]
        if not 0 < self.rate <= 1:
            faults.append(Fault("boosting.rate", "above 0 and at most 1", repr(self.rate), ""))
        if not self.patience > 0:
            faults.append(Fault("boosting.patience", "above 0", repr(self.patience), ""))
        if faults:
            raise InvalidInput(faults)

    def leaf_rows(self, half: int) -> int:
        """Return the fewest rows in a leaf for a half-sample of that many rows."""
        if self.min_leaf is not None:
            return self.min_leaf
        return min(max(round(MIN_LEAF_SHARE * half), MIN_LEAF_LOW), MIN_LEAF_HIGH)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """What boosters are fitted on.

    Parameters
    ----------
    inputs : ndarray of shape (n, m)
        Encoded covariates.
    target : ndarray of shape (n,)
        0 and 1, or arm positions.
    categorical : sequence of int
        Columns of `inputs` that hold codes.
    weight : ndarray of shape (n,), optional
        Weights of mean 1.
    classes : int
        2 for the response, K for the propensity.
    bins : lgb.Dataset, optional
        The inputs in bins, for fits of several targets; from `binned`.
    at : ndarray, optional
        Rows of the bins that these are; all of them without it.
    """

    inputs: Floats
    target: Floats
    categorical: Sequence[int]
    weight: Floats | None = None
    classes: int = 2
    bins: lgb.Dataset | None = None
    at: Ints | None = None

    def binned(self, boosting: Boosting, threads: int, seed: int) -> "Sample":
        """Return the sample with its inputs in bins, which takes as long as many trees do."""
        if self.bins is not None:
            return self
        # No bin depends on the number of threads.
        params = _params(self.classes, boosting, len(self.target) // 2, threads or cpu_count(), seed)
        kinds = list(self.categorical)
        bins = lgb.Dataset(self.inputs, self.target, weight=self.weight, categorical_feature=kinds, params=params)
        return replace(self, bins=bins.construct())

    def only(self, rows: Ints) -> "Sample":
        """Return some rows as a sample of their own; bins, where there are any, stay those of all."""
        weight = None if self.weight is None else self.weight[rows]
        at = None if self.bins is None else self._at(rows)
        return replace(self, inputs=self.inputs[rows], target=self.target[rows], weight=weight, at=at)

    def part(self, rows: NDArray[np.bool_]) -> lgb.Dataset:
        """Return some rows of a binned sample."""
        part = cast("lgb.Dataset", self.bins).subset([])
        # Through a list, as `subset` wants them, a million rows take longer than a tree.
        part.used_indices = self._at(np.flatnonzero(rows)).astype(np.int32)
        return part.construct().set_label(self.target[rows])

    def _at(self, rows: Ints) -> Ints:
        return rows if self.at is None else self.at[rows]


def draw_halves(codes: Ints, groups: Ints, pairs: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Split rows into halves, several times over.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Arms, balanced over the halves where every row is its own group; never the outcome: halves balanced on the outcome
        would differ less than independent samples do, and the intervals would come out too narrow.
    groups : ndarray of shape (n,)
        Rows of a group stay together.
    pairs : int
    rng : Generator

    Returns
    -------
    ndarray of shape (pairs, n)
        True in the first half.
    """
    n = len(codes)
    members, inverse = np.unique(groups, return_inverse=True)
    halves = np.empty((pairs, n), dtype=bool)
    for pair in range(pairs):
        if len(members) == n:
            order = np.lexsort((rng.random(n), codes))
            halves[pair, order] = np.arange(n) % 2 == 0
        else:
            order = rng.permutation(len(members))
            halves[pair] = (order % 2 == 0)[inverse]
    return halves


def fit_halves(sample: Sample, halves: NDArray[np.bool_], boosting: Boosting, threads: int, seed: int) -> list[lgb.Booster]:
    """Fit one booster on each half of each pair.

    The number of rounds is the one at which the first pair, each half on the other, predicts best; all pairs share it, so
    that their differences measure noise and not lengths.

    Returns
    -------
    list of Booster
        Of length 2 * pairs: first half, second half, first half, ...
    """
    # A booster on one thread, several at a time: threads inside a booster wait for each other at every split, and where
    # another program takes a core they wait many times longer.
    params = _params(sample.classes, boosting, int(halves.shape[1] / 2), 1, seed)
    whole = sample.binned(boosting, threads, seed)
    side_by_side = Parallel(n_jobs=threads or cpu_count(), prefer="threads")
    curves = side_by_side(delayed(_curve)(params, fit, other, boosting) for fit, other in _both_ways(whole, halves[0]))
    shortest = min(len(curve) for _, curve in curves)
    rounds = int(np.argmin(sum(curve[:shortest] for _, curve in curves))) + 1
    rest = [whole.part(side) for first in halves[1:] for side in (first, ~first)]
    more = side_by_side(delayed(lgb.train)(params, side, rounds) for side in rest)
    return [plain(booster, rounds) for booster in (*(booster for booster, _ in curves), *more)]


def _both_ways(whole: Sample, first: NDArray[np.bool_]) -> list[tuple[lgb.Dataset, lgb.Dataset]]:
    """Return each half with the other to be scored on; subsets of their own, since two threads work on them."""
    ways = ((first, ~first), (~first, first))
    return [(whole.part(a), whole.part(b)) for a, b in ways]


def _curve(params: dict[str, Any], fit: lgb.Dataset, other: lgb.Dataset, boosting: Boosting) -> tuple[lgb.Booster, Floats]:
    """Fit on one half and return the loss on the other after each round."""
    losses: dict[str, dict[str, list[float]]] = {}
    stop = lgb.early_stopping(max(round(boosting.patience / boosting.rate), LEAST_PATIENCE), verbose=False)
    callbacks = [lgb.record_evaluation(losses), stop]
    booster = lgb.train(params, fit, boosting.rounds, valid_sets=[other], valid_names=["other"], callbacks=callbacks)
    (curve,) = losses["other"].values()
    return booster, np.array(curve)


def plain(booster: lgb.Booster, rounds: int) -> lgb.Booster:
    """Return the booster as its saved text reads back, without data: what is scored is what is saved."""
    text = booster.model_to_string(num_iteration=rounds)
    # The trees do not depend on the number of threads; nor shall the file.
    return lgb.Booster(model_str=re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", text))


def _params(classes: int, boosting: Boosting, half: int, threads: int, seed: int) -> dict[str, Any]:
    leaf_rows = boosting.leaf_rows(half)
    kind: dict[str, Any] = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    return kind | {
        "learning_rate": boosting.rate,
        "num_leaves": boosting.leaves,
        "min_data_in_leaf": leaf_rows,
        # Smaller groups of levels than a leaf would be refused twice.
        "min_data_per_group": min(100, leaf_rows),
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "seed": seed,
        "verbosity": -1,
    }
