"""A draw of a world on which learners contend: what they are given, how their settings are chosen, what they are worth."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from contest.arm_inputs import arm_inputs
from contest.budgets import BUDGETS
from contest.cells import Cells
from contest.jobs import DID_NOT_FINISH, Fitted, Where, fit_many
from contest.judge import UNITS, Bench, calibration, choose, constant, contrast_error, mean_worth, set_bench
from contest.worlds import Draw, best_known, deal, draw, hold_out, oracle_value, split

ROOM = Path("var/benchmarks/learning")
# Parts into which the log is dealt, by borrower, for the fallback's check.
CHECK_FOLDS = 3
# Where everyone's settings are chosen, once; they are carried to the other worlds and draws.
TUNED_ON, TUNED_SEED = "confounded", 1


@dataclass(frozen=True)
class Stage:
    """One draw of a world, ready for every learner."""

    name: str
    n: int
    seed: int
    bench: Bench
    test: Draw
    known: dict[str, np.ndarray]

    @classmethod
    def set(cls, name: str, n: int, seed: int, threads: int) -> "Stage":
        """Draw the world, split it, and prepare what does not depend on the learner."""
        world = draw(name, seed, ROOM / "draws")
        rows, test_rows = split(world, n, seed)
        rows, test = world.take(rows), world.take(test_rows)
        kept = ROOM / "draws" / f"nuisance-{name}-{n}-{seed}.npy"
        bench = set_bench(rows, hold_out(rows["group"], seed), _inputs(rows), threads, kept)
        return cls(name, n, seed, bench, test, best_known(name, seed, test, ROOM / "draws", threads))

    def fit(self, learner: str, config: dict[str, Any], where: Where, *, whole: bool) -> Fitted:
        """Fit on everything and predict the test rows; or on three quarters and predict the fourth."""
        rows, held = self.bench.fit, self.bench.held
        learn, out = (rows, self.test) if whole else (rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held)))
        return self._fit(learner, config, [(learn, out)], where)[0]

    def fit_folds(self, learner: str, config: dict[str, Any], where: Where) -> list[Fitted]:
        """Fit without each fold of the log, and predict the fold."""
        rows, fold = self.bench.fit, self.fold
        parts = [(rows.take(np.flatnonzero(fold != k)), rows.take(np.flatnonzero(fold == k))) for k in range(CHECK_FOLDS)]
        # One process for all of them: the limit is for each.
        return self._fit(learner, config, parts, replace(where, limit=where.limit * CHECK_FOLDS))

    def _fit(self, learner: str, config: dict[str, Any], parts: list[tuple[Draw, Draw]], where: Where) -> list[Fitted]:
        about = {"catalogue": self.test.arms.to_dict(), "config": config, "categorical": [], "seed": self.seed}
        tasks = []
        for learn, out in parts:
            data = {name: learn[name] for name in ("X", "y", "code", "group", "e")}
            tasks.append((data | {"arm_inputs": _inputs(learn), "X_out": out["X"], "e_out": out["e"]}, about))
        return fit_many(learner, tasks, where)

    @cached_property
    def fold(self) -> np.ndarray:
        """The fold of each row to learn from."""
        return deal(self.bench.fit["group"], self.seed, CHECK_FOLDS)

    @cached_property
    def without(self) -> list[Bench]:
        """The bench without each fold."""
        return [self.bench.take(np.flatnonzero(self.fold != own)) for own in range(CHECK_FOLDS)]


def policy(fitted: Fitted, bench: Bench, rows: Draw, unit: str) -> np.ndarray:
    """Return the arms that a fitted learner chooses; what harm is to be expected, the bench's rows tell."""
    worth = bench.worth(fitted.found.get("worth", fitted.found["contrast"]), rows, unit)
    return choose(worth, rows["lawful"], fitted.found.get("supported"))


def _inputs(rows: Draw) -> np.ndarray:
    return arm_inputs(rows.arms)


def tune(learner: str, stage: Stage, where: Where, cells: Cells) -> dict[str, Any] | None:
    """Return the setting with the least error of contrasts on the held-out quarter; None where none finishes."""
    if len(BUDGETS[learner]) == 1:
        return BUDGETS[learner][0]
    tried = cells.tuning(learner, stage.n)
    for at, config in enumerate(BUDGETS[learner]):
        if any(one["config"] == config for one in tried):
            continue
        if any(one["failure"] == DID_NOT_FINISH for one in tried):
            break  # The rest is dearer.
        fitted = stage.fit(learner, config, where, whole=False)
        loss = None if fitted.failure else stage.bench.loss(fitted.found["contrast"])
        tried.append({"config": config, "loss": loss, "seconds": fitted.cpu_seconds, "failure": fitted.failure})
        print(f"  tuning {learner} {at + 1}/{len(BUDGETS[learner])}: {fitted.failure or loss}", flush=True)
        cells.keep_tuning(learner, stage.n, tried)
    done = [one for one in tried if one["loss"] is not None]
    return min(done, key=lambda one: one["loss"])["config"] if done else None


def contend(learner: str, config: dict[str, Any], stage: Stage, where: Where) -> dict[str, Any]:
    """Fit a learner on everything and return what it is worth on the test rows."""
    final = stage.fit(learner, config, where, whole=True)
    if final.failure:
        return {"failure": final.failure}
    cell: dict[str, Any] = {"failure": "", "config": config}
    cell |= {"seconds": final.seconds, "cpu_seconds": final.cpu_seconds, "peak_mb": final.peak_mb}
    found, truth, lawful = final.found, stage.test["response"], stage.test["lawful"]
    cell["contrast_error"] = contrast_error(found["contrast"], truth, lawful)
    if "response" in found:
        cell["by_arm"], cell["by_fifth"] = calibration(found["response"], truth, lawful)
    if "supported" in found:
        # Where one arm alone may be given there is nothing to choose.
        cell["choice_share"] = float(((lawful & found["supported"]).sum(axis=1) > 1).mean())
    for unit in UNITS:
        cell[unit] = _worth(stage, unit, final)
    return cell


def _worth(stage: Stage, unit: str, final: Fitted) -> dict[str, Any]:
    bench, test = stage.bench, stage.test
    truth = test.true_value(unit)
    known = oracle_value(stage.known, test, unit)
    best = bench.best_constant[unit]
    fixed = [mean_worth(constant(test, k), truth) for k in range(len(test.arms))]
    names = np.arange(len(test))
    return {
        "own": mean_worth(policy(final, bench, test, unit), truth),
        "chosen_constant": test.arms.names[best],
        "chosen_constant_value": fixed[best],
        "best_constant": max(fixed),
        "oracle": mean_worth(choose(known, test["lawful"], None), truth),
        "all_knowing": mean_worth(choose(truth, test["lawful"], None), truth),
        "logged": float(truth[names, test["code"]].mean()),
        "none": fixed[0],
    }


def check(cell: dict[str, Any], stage: Stage, where: Where) -> dict[str, Any]:
    """Add what the log says of a learner's policy against the constant arm, both chosen without the fold they are judged on.

    The constant arm is chosen anew without each fold, as the policy is: one that was chosen on the rows it is judged on looks
    better than it is.
    """
    by_fold = stage.fit_folds(cell["learner"], cell["config"], where)
    if failure := next((one.failure for one in by_fold if one.failure), ""):
        return cell | {"failure": failure}
    whole, fold, cell = stage.bench, stage.fold, dict(cell)
    for unit in UNITS:
        choice, versus = np.empty((2, len(fold)), np.intp)
        for own, fitted in enumerate(by_fold):
            at = np.flatnonzero(fold == own)
            learn, rows = stage.without[own], whole.fit.take(at)
            choice[at] = policy(fitted, learn, rows, unit)
            versus[at] = constant(rows, learn.best_constant[unit])
        gain = whole.measure(choice, versus, unit, np.arange(len(fold)))
        cell[unit] |= {"gain": gain.estimate, "low": gain.low, "supported": gain.supported, "reason": gain.reason}
    return cell


def configured(learner: str, stage: Stage, where: Where, cells: Cells) -> dict[str, Any] | None:
    """Return the learner's setting, chosen on the draw where everyone's are; None where none finishes."""
    home = stage
    here = (stage.name, stage.seed) == (TUNED_ON, TUNED_SEED)
    if not here and len(BUDGETS[learner]) > 1 and not cells.tuned(learner, stage.n, len(BUDGETS[learner])):
        home = Stage.set(TUNED_ON, stage.n, TUNED_SEED, where.threads)
    return tune(learner, home, where, cells)
