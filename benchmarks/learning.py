"""Who learns best from a log: ours against plain LightGBM, EconML and causalml, on worlds whose truth is known.

Every learner gets the same 50,000 decisions of ten arms with their true propensities, six settings to choose from, and the same
fallback to the best constant arm. What they choose for 40,000 other decisions is valued by the truth. Fits run in processes of
their own and are kept under var/benchmarks/learning: a second run does what is missing.

    make peers
    python benchmarks/learning.py --peers .venv-peers/bin/python             # everything; many hours
    python benchmarks/learning.py --learner ours --fresh --worlds confounded # ours again
    python benchmarks/learning.py --table --out benchmarks/results/learning.txt
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contest.arm_inputs import arm_inputs
from contest.budgets import BUDGETS
from contest.cells import Cells, version_of
from contest.jobs import DID_NOT_FINISH, Fitted, Where, fit
from contest.judge import UNITS, Bench, calibration, choose, constant, contrast_error, mean_worth, set_bench
from contest.table import DRAWS, QUICK_SECONDS, report, share
from contest.worlds import Draw, best_known, draw, hold_out, oracle_value, split
from printed import hand_out

ROOM = Path("var/benchmarks/learning")
WORLDS = (
    "confounded", "fatigue", "self-cure", "flat", "bureau", "no-overlap", "hidden", "randomised", "stale", "drift", "outage",
    "lagged-ledger",
)  # fmt: skip
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
        data = {name: learn[name] for name in ("X", "y", "code", "group", "e")}
        data |= {"arm_inputs": _inputs(rows), "X_out": out["X"], "e_out": out["e"]}
        about = {"catalogue": rows.arms.to_dict(), "config": config, "categorical": [], "seed": self.seed}
        return fit(learner, data, about, where)


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
    """Fit a learner twice, for the fallback's check and for the test rows, and return all figures."""
    checked = stage.fit(learner, config, where, whole=False)
    final = checked if checked.failure else stage.fit(learner, config, where, whole=True)
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
        cell[unit] = _worth(stage, unit, checked, final)
    return cell


def _worth(stage: Stage, unit: str, checked: Fitted, final: Fitted) -> dict[str, Any]:
    bench, test = stage.bench, stage.test
    truth, held = test.true_value(unit), np.flatnonzero(bench.held)
    known = oracle_value(stage.known, test, unit)
    best = bench.best_constant(unit)
    fixed = [mean_worth(constant(test, k), truth) for k in range(len(test.arms))]

    def policy(fitted: Fitted, rows: Draw) -> np.ndarray:
        worth = bench.worth(fitted.found.get("worth", fitted.found["contrast"]), rows, unit)
        return choose(worth, rows["lawful"], fitted.found.get("supported"))

    quarter = bench.fit.take(held)
    gain = bench.measure(policy(checked, quarter), constant(quarter, best), unit, held)
    allowed = bool(gain.low > 0 and gain.supported)
    own = mean_worth(policy(final, test), truth)
    names = np.arange(len(test))
    return {
        "own": own,
        "leaves_constant": allowed,
        "value": own if allowed else fixed[best],
        "chosen_constant": test.arms.names[best],
        "chosen_constant_value": fixed[best],
        "best_constant": max(fixed),
        "oracle": mean_worth(choose(known, test["lawful"], None), truth),
        "all_knowing": mean_worth(choose(truth, test["lawful"], None), truth),
        "logged": float(truth[names, test["code"]].mean()),
        "none": fixed[0],
        "held_gain": [gain.estimate, gain.low, gain.ess],
        "held_supported": gain.supported,
        "held_reason": gain.reason,
    }


def run(given: argparse.Namespace, cells: Cells, where: Where) -> None:
    """Do what is missing, in the order of the worlds; the first draws of all of them first."""
    sizes = {given.n: given.worlds} | ({given.large: [TUNED_ON]} if given.large and TUNED_ON in given.worlds else {})
    for seed in given.seeds:
        for n, worlds in sizes.items():
            for name in worlds:
                learners = given.learner if n == given.n else [one for one in given.learner if one == "plain LightGBM"]
                wanted = [one for one in learners if given.fresh or cells.missing(name, n, seed, one)]
                wanted = [one for one in wanted if seed == given.seeds[0] or not cells.slow(one, QUICK_SECONDS)]
                if wanted:
                    _stage(name, n, seed, wanted, where, cells)


def _stage(name: str, n: int, seed: int, learners: list[str], where: Where, cells: Cells) -> None:
    stage = Stage.set(name, n, seed, where.threads)
    home = stage if (name, seed) == (TUNED_ON, TUNED_SEED) else None
    for learner in learners:
        if home is None and len(BUDGETS[learner]) > 1 and not cells.tuned(learner, n, len(BUDGETS[learner])):
            home = Stage.set(TUNED_ON, n, TUNED_SEED, where.threads)
        config = tune(learner, home or stage, where, cells)
        cell = {"failure": DID_NOT_FINISH} if config is None else contend(learner, config, stage, where)
        about = {
            "world": name,
            "n": n,
            "seed": seed,
            "learner": learner,
            "test_rows": len(stage.test),
            "threads": where.threads,
        }
        cells.keep(about | {"digest": stage.test.digest, "version": version_of(learner, where), **cell})
        gained = "" if cell["failure"] else f"{share(cell, 'money', 'raw'):.3f} of the oracle's money, without the fallback"
        print(f"{name} n={n} seed={seed} {learner}: {cell['failure'] or gained}", flush=True)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    parser.add_argument("--learner", nargs="+", default=list(BUDGETS), choices=list(BUDGETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, DRAWS + 1)))
    parser.add_argument("--n", type=int, default=50_000, help="decisions to learn from")
    parser.add_argument(
        "--large", type=int, default=200_000, help="plain LightGBM on confounded is fitted on that many too; 0: not"
    )
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"), help="python of the peers' environment")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for one fit")
    parser.add_argument("--fresh", action="store_true", help="fit again what is kept")
    parser.add_argument("--table", action="store_true", help="only print the table of what is kept")
    parser.add_argument("--out", type=Path, help="write the table there too")
    given = parser.parse_args()
    cells = Cells(ROOM / "cells")
    where = Where(given.peers, given.threads, given.limit)
    if not given.table:
        run(given, cells, where)
    text = report(cells.all(), given.worlds, given.n, given.large)
    hand_out(text, given.out)


if __name__ == "__main__":
    main()
