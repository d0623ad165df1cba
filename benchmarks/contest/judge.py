"""From a learner's contrasts to a policy, the fallback that all get, and what the policy is truly worth."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from contest.worlds import Draw
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.value import arm_value
from lighttouch.training.evaluation import PolicyValue, best_supported, policy_value
from lighttouch.training.harm import HarmModel

UNITS = ("response", "money")
# Of the two-sided interval: its lower end is a one-sided bound at 95%.
CONFIDENCE = 0.90
NUISANCE = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 300, "verbosity": -1}
NUISANCE_ROUNDS = 300


@dataclass(frozen=True)
class Bench:
    """Rows to learn from with what the judge needs of them; the same for every learner.

    Parameters
    ----------
    fit : Draw
    held : ndarray of shape (n,)
        True for the quarter that learners are tuned on.
    out_of_fold : ndarray of shape (n, K)
        P(repaid) by boosters that did not see the row's borrower; those that predict the held-out quarter saw the rest.
    settings : PolicySettings
    """

    fit: Draw
    held: np.ndarray
    out_of_fold: np.ndarray
    settings: PolicySettings = field(default_factory=PolicySettings)

    def take(self, rows: np.ndarray) -> "Bench":
        """Return the bench of these rows alone."""
        return Bench(self.fit.take(rows), self.held[rows], self.out_of_fold[rows], self.settings)

    @cached_property
    def harm(self) -> HarmModel:
        """What the log says of harm by arm: the same for every learner."""
        fit = self.fit
        return HarmModel.fit(_table(fit), fit["harm"].astype(float), fit["code"], fit["e"], fit["group"], fit.arms)

    def worth(self, response: np.ndarray, rows: Draw, unit: str) -> np.ndarray:
        """Return what arms are believed to be worth, of shape (m, K), from responses or contrasts."""
        if unit == "response":
            return response
        return arm_value(response, rows["overdue"], self.harm.predict_by_arm(_table(rows)), rows.arms, self.settings)

    def reward(self, rows: Draw, unit: str) -> np.ndarray:
        """Return what each logged decision earned, of shape (m,)."""
        repaid = rows["y"].astype(float)
        if unit == "response":
            return repaid
        K = len(rows.arms)
        tile = [np.repeat(values[:, None], K, axis=1) for values in (repaid, rows["harm"].astype(float))]
        money = arm_value(tile[0], rows["recoverable"], tile[1], rows.arms, self.settings)
        return money[np.arange(len(rows)), rows["code"]]

    def measure(self, choice: np.ndarray, versus: np.ndarray | None, unit: str, at: np.ndarray) -> PolicyValue:
        """Return the doubly robust value of arms chosen for the rows at `at`, or their gain over others."""
        rows, names = self.fit.take(at), np.array(self.fit.arms.names, dtype=object)
        return policy_value(
            names[choice],
            arm=names[rows["code"]],
            reward=self.reward(rows, unit),
            propensity=rows["e"],
            arms=rows.arms,
            outcome=self.worth(self.out_of_fold[at], rows, unit),
            versus=None if versus is None else names[versus],
            groups=rows["group"],
            confidence=CONFIDENCE,
        )

    @cached_property
    def best_constant(self) -> dict[str, int]:
        """The arm that the log says is best for everyone, by unit; no contact where it supports none."""
        at, every = np.arange(len(self.fit)), [constant(self.fit, k) for k in range(len(self.fit.arms))]
        return {unit: best_supported([self.measure(arm, None, unit, at) for arm in every]) for unit in UNITS}

    def loss(self, contrast: np.ndarray) -> float:
        """Return the squared error of contrasts on the held-out quarter against doubly robust pseudo-outcomes.

        What every learner is tuned by: the noise of the pseudo-outcomes is the same for all.
        """
        rows, Q = self.fit.take(np.flatnonzero(self.held)), self.out_of_fold[self.held]
        at = np.arange(len(rows)), rows["code"]
        robust = Q.copy()
        robust[at] += (rows["y"] - Q[at]) / rows["e"][at]
        target = robust - robust[:, :1]
        counted = rows["lawful"].copy()
        counted[:, 0] = False
        return float(((contrast - target) ** 2)[counted].mean())


def set_bench(fit: Draw, held: np.ndarray, arm_inputs: np.ndarray, threads: int, kept: Path) -> Bench:
    """Prepare what the judge needs, and keep it."""
    if kept.exists():
        return Bench(fit, held, np.load(kept))
    found = np.empty(fit["e"].shape)
    params = NUISANCE | {"num_threads": threads, "seed": 0, "deterministic": True, "force_row_wise": True}
    stacked = np.column_stack([fit["X"], arm_inputs[fit["code"]]])
    for learn in (held, ~held):
        data = lgb.Dataset(stacked[learn], fit["y"][learn], categorical_feature=[fit["X"].shape[1]], params=params)
        booster = lgb.train(params, data, NUISANCE_ROUNDS)
        for k, inputs in enumerate(arm_inputs):
            rows = np.column_stack([fit["X"][~learn], np.broadcast_to(inputs, (int((~learn).sum()), len(inputs)))])
            found[~learn, k] = booster.predict(rows, num_threads=threads)
    np.save(kept, found)
    return Bench(fit, held, found)


def _table(rows: Draw) -> pd.DataFrame:
    return pd.DataFrame(rows["X"].astype(float), columns=list(rows.columns))


def constant(rows: Draw, k: int) -> np.ndarray:
    """Return the arm for everyone to whom it may be given, no contact for the others."""
    return np.where(rows["lawful"][:, k], k, 0)


def choose(worth: np.ndarray, lawful: np.ndarray, supported: np.ndarray | None) -> np.ndarray:
    """Return the arm of highest worth, among those that are lawful and that the learner has data for."""
    allowed = lawful if supported is None else lawful & supported
    # Nothing left: no contact.
    best = np.where(allowed, worth, -np.inf).argmax(axis=1)
    return np.where(allowed.any(axis=1), best, 0)


def mean_worth(choice: np.ndarray, truth: np.ndarray) -> float:
    """Return the true mean value of the arms chosen."""
    return float(truth[np.arange(len(choice)), choice].mean())


def calibration(response: np.ndarray, truth: np.ndarray, lawful: np.ndarray) -> tuple[float, float]:
    """Return |mean predicted - mean true response|, averaged over arms, and over fifths of each arm."""
    whole, fifths = [], []
    for k in range(response.shape[1]):
        p, t = response[lawful[:, k], k], truth[lawful[:, k], k]
        whole.append(abs(p.mean() - t.mean()))
        fifths += [abs(p[part].mean() - t[part].mean()) for part in np.array_split(np.argsort(p, kind="stable"), 5)]
    return float(np.mean(whole)), float(np.mean(fifths))


def contrast_error(contrast: np.ndarray, truth: np.ndarray, lawful: np.ndarray) -> float:
    """Return the root mean squared error of P(arm) - P(none) over lawful arms."""
    counted = lawful.copy()
    counted[:, 0] = False
    return float(np.sqrt((((contrast - contrast[:, :1]) - (truth - truth[:, :1])) ** 2)[counted].mean()))
