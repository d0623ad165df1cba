"""Who learns best from a log: ours against plain LightGBM, EconML and causalml, on worlds whose truth is known.

Every learner gets the same 50,000 decisions of ten arms with their true propensities, six settings to choose from, and the same
fallback to the best constant arm. What they choose for 40,000 other decisions is valued by the truth. Fits run in processes of
their own and are kept under var/benchmarks/learning: a second run does what is missing. Every run starts from the archive of
results in the repository; --archive writes it anew. Draws 1 to 5 were in sight when we chose how to learn; 11 to 15 never were.

    make peers
    python benchmarks/learning.py --peers .venv-peers/bin/python             # draws 1 to 5; many hours
    python benchmarks/learning.py --learner ours --fresh --worlds confounded # ours again
    python benchmarks/learning.py --table --out benchmarks/results/learning.txt --archive benchmarks/results/learning.jsonl
    python benchmarks/learning.py --peers .venv-peers/bin/python --seeds 11 12 13 14 15
"""

import argparse
from pathlib import Path
from typing import Any

from contest.budgets import CONTENDERS
from contest.cells import Cells, version_of
from contest.jobs import DID_NOT_FINISH, Where
from contest.refusals import refused_by
from contest.stage import ROOM, TUNED_ON, Stage, check, configured, contend
from contest.table import DRAWS, OURS, QUICK_SECONDS, report, share
from printed import hand_out

WORLDS = (
    "confounded", "fatigue", "self-cure", "flat", "bureau", "no-overlap", "hidden", "randomised", "stale", "drift", "outage",
    "lagged-ledger",
)  # fmt: skip

# Every result behind the table that is kept in the repository.
ARCHIVE = Path(__file__).parent / "results" / "learning.jsonl"


def run(given: argparse.Namespace, cells: Cells, where: Where) -> None:
    """Do what is missing, in the order of the worlds; the first draws of all of them first."""
    sizes = {given.n: given.worlds} | ({given.large: [TUNED_ON]} if given.large and TUNED_ON in given.worlds else {})
    for seed in given.seeds:
        for n, worlds in sizes.items():
            for name in worlds:
                learners = given.learner if n == given.n else [one for one in given.learner if one == "plain LightGBM"]
                wanted = [one for one in learners if given.fresh or _unfinished(cells.find(name, n, seed, one))]
                wanted = [one for one in wanted if seed == given.seeds[0] or not cells.slow(one, QUICK_SECONDS)]
                if wanted:
                    _stage(name, n, seed, wanted, where, cells, fresh=given.fresh)
                    if given.archive:
                        # Hours of results outlast the machine.
                        cells.pack(given.archive)


def _unfinished(cell: dict[str, Any] | None) -> bool:
    """Tell whether a result is missing, the fallback's check of it, or, of ours, what training says of the log."""
    if cell is None or cell["failure"]:
        return cell is None
    return "gain" not in cell["money"] or (cell["learner"] == OURS and "refused_by" not in cell)


def _stage(name: str, n: int, seed: int, learners: list[str], where: Where, cells: Cells, *, fresh: bool) -> None:
    stage = Stage.set(name, n, seed, where.threads)
    for learner in learners:
        config = configured(learner, stage, where, cells)
        kept = None if fresh else cells.find(name, n, seed, learner)
        cell = kept or _contended(learner, config, stage, where)
        cells.keep(cell)
        if not cell["failure"] and "gain" not in cell["money"]:
            cell = check(cell, stage, where)
        if learner == OURS and not cell["failure"] and "refused_by" not in cell:
            cell["refused_by"] = refused_by(stage.bench.fit, seed, where.threads)
        cells.keep(cell)
        gained = "" if cell["failure"] else f"{share(cell, 'money', 'raw'):.3f} of the oracle's money, without the fallback"
        print(f"{name} n={n} seed={seed} {learner}: {cell['failure'] or gained}", flush=True)


def _contended(learner: str, config: dict[str, Any] | None, stage: Stage, where: Where) -> dict[str, Any]:
    cell = {"failure": DID_NOT_FINISH} if config is None else contend(learner, config, stage, where)
    about = {"world": stage.name, "n": stage.n, "seed": stage.seed, "learner": learner, "test_rows": len(stage.test)}
    about |= {"threads": where.threads, "digest": stage.test.digest, "version": version_of(learner, where)}
    return about | cell


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    parser.add_argument("--learner", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, DRAWS + 1)), help="draws to run and to print")
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
    parser.add_argument(
        "--archive", type=Path, help="write every result that is kept there, world by world, whatever is printed"
    )
    given = parser.parse_args()
    cells = Cells(ROOM / "cells")
    cells.unpack(ARCHIVE)
    where = Where(given.peers, given.threads, given.limit)
    if not given.table:
        run(given, cells, where)
    wanted = [cell for cell in cells.all() if cell["learner"] in CONTENDERS and cell["seed"] in given.seeds]
    hand_out(report(wanted, given.worlds, given.n, given.large, len(given.seeds)), given.out)
    if given.archive:
        cells.pack(given.archive)


if __name__ == "__main__":
    main()
