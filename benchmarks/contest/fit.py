"""Fit one learner in a process of its own and predict: `fit.py JOB [JOB ...]`, each a folder with job.json and data.npz.

Runs in either environment: it needs numpy, and whatever the learner needs. Writes out.npz and done.json into the folder.
"""

import importlib
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from learners.families import FAMILY


@dataclass(frozen=True)
class Task:
    """What a learner is given.

    Parameters
    ----------
    learner : str
    X : ndarray of shape (n, d)
        Missing numbers are NaN.
    y, code, group : ndarray of shape (n,)
        Outcome 0 or 1; position of the arm taken, 0 for none; borrower.
    e : ndarray of shape (n, K)
        True propensities, 0 where an arm was not lawful.
    arm_inputs : ndarray of shape (K, m)
        Identity and dose of each arm, identity first.
    catalogue : dict
        The arms as plain values.
    config : dict
        The learner's settings.
    categorical : list of int
        Columns of X that hold codes.
    threads, seed : int
    """

    learner: str
    X: np.ndarray
    y: np.ndarray
    code: np.ndarray
    group: np.ndarray
    e: np.ndarray
    arm_inputs: np.ndarray
    catalogue: dict[str, Any]
    config: dict[str, Any]
    categorical: list[int]
    threads: int
    seed: int


def run(folder: Path) -> None:
    """Fit, predict, write."""
    about = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with np.load(about.pop("data", folder / "data.npz")) as data:
        given = {name: data[name] for name in ("X", "y", "code", "group", "e", "arm_inputs")}
        X_out, e_out = data["X_out"], data["e_out"]
    task = Task(**given, **about)
    family = importlib.import_module(f"learners.{FAMILY[task.learner]}")
    wall, cpu = time.perf_counter(), time.process_time()
    predict = family.fit(task)
    done = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    found = predict(X_out, e_out)
    np.savez(folder / "out.npz", **found)
    done["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "done.json").write_text(json.dumps(done), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
    for job in sys.argv[1:]:
        run(Path(job))
