"""Ways to learn what an arm changes, compared on worlds whose truth is known: what ADR 11 chose from.

Ours; plain LightGBM with the arm as input; orthogonal boosting of what the level left over; trees on doubly robust
pseudo-outcomes; and their stack, weighted by what its policy is worth out of fold. Six settings for each, chosen as in
`learning.py`; no fallback. Results are kept under var/benchmarks/ways: a second run does what is missing.

    python benchmarks/ways.py                                         # an hour and a half
    python benchmarks/ways.py --table --out benchmarks/results/ways.txt
"""

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contest.budgets import MEMBERS, STACK
from contest.cells import Cells, code_digest, version_of
from contest.jobs import Where
from contest.judge import UNITS, choose, constant, contrast_error, mean_worth
from contest.stage import Stage, configured, policy
from contest.worlds import oracle_value
from printed import hand_out

ROOM = Path("var/benchmarks/ways")
WORLDS = ("confounded", "self-cure", "fatigue")
WAYS = (*MEMBERS, STACK)
ABOUT = """\
Gain over the best constant arm, by the truth, of what each way of learning would choose: no fallback. {n:,} decisions of ten
arms with true propensities to learn from, judged on 40,000 decisions of other borrowers. Means over draws, and the standard
error of the difference to ours, draw by draw. contrast: root mean squared error of P(arm) - P(none), in points.
Settings: six for each, chosen on `confounded`, draw 1, by the squared error against doubly robust pseudo-outcomes on a held-out
quarter. Ours: its defaults. stack: weights of ours / plain / residual / robust trees, in quarters, whose policy has the highest
doubly robust value out of fold (3 folds, all rows)."""


def measure(way: str, stage: Stage, where: Where, cells: Cells) -> dict[str, Any]:
    """Fit one way and return what its choices are worth in truth."""
    members = {name: configured(name, stage, where, cells) for name in MEMBERS} if way == STACK else {}
    fitted = stage.fit(way, members or configured(way, stage, where, cells) or {}, where, whole=True)
    cell: dict[str, Any] = {"world": stage.name, "n": stage.n, "seed": stage.seed, "learner": way, "failure": fitted.failure}
    cell |= {"version": version_of("ours", where), "cpu_seconds": fitted.cpu_seconds}
    if fitted.failure:
        return cell
    test = stage.test
    cell["contrast_error"] = contrast_error(fitted.found["contrast"], test["response"], test["lawful"])
    cell["weights"] = fitted.found.get("weights", np.empty(0)).tolist()
    for unit in UNITS:
        truth = test.true_value(unit)
        best = max(mean_worth(constant(test, k), truth) for k in range(len(test.arms)))
        oracle = mean_worth(choose(oracle_value(stage.known, test, unit), test["lawful"], None), truth)
        cell[unit] = {"gain": mean_worth(policy(fitted, stage.bench, test, unit), truth) - best, "room": oracle - best}
    return cell


def report(cells: list[dict[str, Any]], n: int) -> str:
    """Return the table."""
    lines = [
        ABOUT.format(n=n),
        f"{os.cpu_count()} cores, Python {platform.python_version()}; lightgbm {version('lightgbm')}; code {code_digest()}",
    ]
    for world in dict.fromkeys(cell["world"] for cell in cells):
        own = [cell for cell in cells if cell["world"] == world and not cell["failure"]]
        ours = {cell["seed"]: cell for cell in own if cell["learner"] == "ours"}
        room = ", ".join(f"{np.mean([cell[unit]['room'] for cell in ours.values()]) * _scale(unit):.2f}" for unit in UNITS)
        lines += ["", f"== {world}: draws {sorted(ours)}; an oracle gains {room}"]
        lines.append(f"{'':16} | {'points repaid':^24} | {'currency per decision':^24} | contrast | cpu s | weights by draw")
        lines.append(f"{'':16} | {'gain':>7} {'less ours':>9} {'(SE)':>6} | {'gain':>7} {'less ours':>9} {'(SE)':>6} |")
        lines += [_row(way, [cell for cell in own if cell["learner"] == way], ours) for way in WAYS]
    failed = [
        f"{cell['world']}, draw {cell['seed']}, {cell['learner']}: {cell['failure']}" for cell in cells if cell["failure"]
    ]
    return "\n".join([*lines, *(["", "Failed:", *failed] if failed else [])])


def _row(way: str, cells: list[dict[str, Any]], ours: dict[int, dict[str, Any]]) -> str:
    if not cells:
        return f"{way:16} | not run"
    line = f"{way:16}"
    for unit in UNITS:
        gains = np.array([cell[unit]["gain"] for cell in cells]) * _scale(unit)
        less = np.array([cell[unit]["gain"] - ours[cell["seed"]][unit]["gain"] for cell in cells]) * _scale(unit)
        error = less.std(ddof=1) / np.sqrt(len(less)) if len(less) > 1 else float("nan")
        line += f" | {gains.mean():>7.3f} {less.mean():>9.3f} {error:>6.3f}"
    line += f" | {100 * np.mean([cell['contrast_error'] for cell in cells]):>8.2f}"
    line += f" | {np.mean([cell['cpu_seconds'] for cell in cells]):>5.0f} |"
    return line + "".join(f" {'/'.join(f'{weight:g}' for weight in cell['weights'])}" for cell in cells if cell["weights"])


def _scale(unit: str) -> float:
    return 100.0 if unit == "response" else 1.0


def main() -> None:
    """Parse the command line, fit what is missing, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--n", type=int, default=50_000, help="decisions to learn from")
    parser.add_argument("--fresh", action="store_true", help="fit again what is kept")
    parser.add_argument("--table", action="store_true", help="only print the table of what is kept")
    parser.add_argument("--out", type=Path, help="write the table there too")
    given = parser.parse_args()
    cells, where = Cells(ROOM), Where(Path(sys.executable), 1, 3_600.0)
    for seed in () if given.table else given.seeds:
        for world in given.worlds:
            wanted = [way for way in given.ways if given.fresh or not cells.find(world, given.n, seed, way)]
            stage = Stage.set(world, given.n, seed, where.threads) if wanted else None
            for way in wanted:
                cell = measure(way, stage, where, cells)
                cells.keep(cell)
                told = cell["failure"] or ", ".join(f"{unit} {cell[unit]['gain'] * _scale(unit):+.3f}" for unit in UNITS)
                print(f"{world} draw {seed} {way}: {told}, {cell['cpu_seconds']:.0f} s", flush=True)
    hand_out(report([cell for cell in cells.all() if cell["n"] == given.n], given.n), given.out)


if __name__ == "__main__":
    main()
