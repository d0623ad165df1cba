"""Decisions of a world for a contest of learners: who is learnt from, who is judged on, and what is true."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from lighttouch.data.arms import ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.world.catalogue import find_spec
from lighttouch.data.worlds import simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.value import arm_value
from lighttouch.training.rows.table import training_table

# Borrowers that give at least 95,000 decisions; `confounded` is drawn large enough to learn from 200,000 as well.
BORROWERS = {"confounded": 27_000, "self-cure": 17_000}
BORROWERS_ELSE = 12_500
TEST_ROWS = 40_000
# The best arm given what is known is learnt from a draw of its own, free of the outcome's noise.
ORACLE_SEED, ORACLE_BORROWERS = 1_000, 20_000
ORACLE = {"objective": "regression", "learning_rate": 0.08, "num_leaves": 31, "min_data_in_leaf": 100, "verbosity": -1}
ORACLE_ROUNDS = {"response": 300, "harm": 100}


@dataclass(frozen=True)
class Draw:
    """A world drawn once, as the training table shows it, with its truth beside.

    Parameters
    ----------
    arrays : dict of str to ndarray
        X (n, d); y, harm (n,); code (n,) the arm taken; e, lawful, response, true_harm (n, K); overdue (known), recoverable
        (true) (n,); group (n,).
    columns : tuple of str
        Names of the d features.
    arms : ArmCatalogue
    digest : str
        Of the world.
    """

    arrays: dict[str, np.ndarray]
    columns: tuple[str, ...]
    arms: ArmCatalogue
    digest: str

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __len__(self) -> int:
        return len(self.arrays["y"])

    def take(self, rows: np.ndarray) -> "Draw":
        """Return these rows."""
        return Draw({name: values[rows] for name, values in self.arrays.items()}, self.columns, self.arms, self.digest)

    def true_value(self, unit: str) -> np.ndarray:
        """Return what each arm is truly worth, of shape (n, K): a share of repaid, or money."""
        if unit == "response":
            return self["response"]
        return arm_value(self["response"], self["recoverable"], self["true_harm"], self.arms, PolicySettings())


def draw(name: str, seed: int, room: Path, borrowers: int | None = None) -> Draw:
    """Return a world's decisions, from the room where they are kept."""
    borrowers = borrowers or BORROWERS.get(name, BORROWERS_ELSE)
    file = room / f"{name}-{borrowers}-{seed}.npz"
    if not file.exists():
        room.mkdir(parents=True, exist_ok=True)
        _write(name, borrowers, seed, file)
    with np.load(file) as kept:
        arrays = {key: kept[key] for key in kept.files}
    about = json.loads(str(arrays.pop("about")))
    return Draw(arrays, tuple(about["columns"]), default_arms(), about["digest"])


def _write(name: str, borrowers: int, seed: int, file: Path) -> None:
    # Where the bank keeps no log, who was decided on, and when, is still needed to judge.
    spec = find_spec(name)
    world = simulate(replace(spec, operations=replace(spec.operations, log_decisions=True)), borrowers=borrowers, seed=seed)
    table = training_table(Book.from_arrow(world.tables), default_arms(), PolicySettings())
    place = {decision: at for at, decision in enumerate(world.truth.decision_id)}
    truth = world.truth.take(np.array([place[decision] for decision in table.rows["decision_id"]]))
    known = ~truth.already_paid
    arrays = {
        "X": table.features.to_numpy(np.float32),
        "y": table.rows["repaid"].to_numpy(np.int8),
        "harm": table.rows["harm"].to_numpy(np.int8),
        "code": table.arms.encode(table.rows["arm"]),
        "e": table.propensity,
        "lawful": table.lawful,
        "response": truth.response,
        "true_harm": truth.harm,
        "overdue": table.rows["overdue"].to_numpy(float),
        "recoverable": table.rows["recoverable"].to_numpy(float),
        "group": np.unique(table.rows["borrower_id"].to_numpy(str), return_inverse=True)[1],
    }
    about = json.dumps({"columns": list(table.features.columns), "digest": world.digest()})
    half = file.with_suffix(".half.npz")
    np.savez(half, about=np.array(about), **{key: values[known] for key, values in arrays.items()})
    half.rename(file)


def split(world: Draw, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to learn from and rows to judge on; no borrower is in both.

    The rows to judge on, and the first 50,000 to learn from, are the same for every n.
    """
    order = np.random.default_rng([seed, 7]).permutation(int(world["group"].max()) + 1)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    rows = np.argsort(place[world["group"]], kind="stable")
    test, fit = rows[:TEST_ROWS], rows[TEST_ROWS:]
    # The borrower on the boundary is only judged on.
    fit = fit[world["group"][fit] != world["group"][test[-1]]]
    if len(fit) < n:
        raise SystemExit(f"{len(fit):,} rows to learn from, {n:,} wanted: draw more borrowers")
    return fit[:n], test


def hold_out(group: np.ndarray, seed: int, share: float = 0.25) -> np.ndarray:
    """Return True for the rows of about a quarter of the groups: learners are tuned on them."""
    names, inverse = np.unique(group, return_inverse=True)
    return np.random.default_rng([seed, 11]).random(len(names))[inverse] < share


def deal(group: np.ndarray, seed: int, folds: int) -> np.ndarray:
    """Return the fold of each row, 0 to folds - 1; rows of a group share one."""
    names, inverse = np.unique(group, return_inverse=True)
    return np.random.default_rng([seed, 13]).permutation(len(names))[inverse] % folds


def best_known(name: str, seed: int, test: Draw, room: Path, threads: int) -> dict[str, np.ndarray]:
    """Return E[truth | features] of shape (n, K) for response and harm: what nobody can see past."""
    file = room / f"{name}-oracle" / f"known-{seed}-{len(test)}.npz"
    if file.exists():
        with np.load(file) as kept:
            return {key: kept[key] for key in kept.files}
    found = {}
    for what in ("response", "harm"):
        boosters = _oracle(name, what, room, threads)
        parts = np.column_stack([booster.predict(test["X"], num_threads=threads) for booster in boosters])
        found[what] = np.column_stack([parts[:, :1], parts[:, :1] + parts[:, 1:]])
    np.savez(file, **found)
    return found


def _oracle(name: str, what: str, room: Path, threads: int) -> list[lgb.Booster]:
    K = len(default_arms())
    files = [room / f"{name}-oracle" / f"{what}-{k}.txt" for k in range(K)]
    if not all(file.exists() for file in files):
        files[0].parent.mkdir(parents=True, exist_ok=True)
        large = draw(name, ORACLE_SEED, room, ORACLE_BORROWERS)
        truth = large["response" if what == "response" else "true_harm"]
        params: dict[str, Any] = ORACLE | {"num_threads": threads, "seed": 0, "deterministic": True, "force_row_wise": True}
        whole = lgb.Dataset(large["X"], truth[:, 0], params=params, free_raw_data=False).construct()
        for k, file in enumerate(files):
            # Contrasts against no contact: what tells the arms apart isn't drowned by how good the borrower is anyway.
            whole.set_label(truth[:, k] - truth[:, 0] if k else truth[:, 0])
            booster = lgb.train(params, whole, ORACLE_ROUNDS[what])
            file.write_text(booster.model_to_string(), encoding="utf-8")
    return [lgb.Booster(model_file=str(file)) for file in files]


def oracle_value(known: dict[str, np.ndarray], test: Draw, unit: str) -> np.ndarray:
    """Return what the arms are worth as far as the features tell, of shape (n, K)."""
    if unit == "response":
        return known["response"]
    return arm_value(known["response"], test["overdue"], known["harm"], test.arms, PolicySettings())
