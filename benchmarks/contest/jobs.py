"""Fits in processes of their own: time, peak memory, and an end to those that take too long."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contest.budgets import needs_peers

FIT = Path(__file__).with_name("fit.py")
HOW = "make peers"
# By the clock, times the limit in processor time: only a process that hangs takes so long.
PATIENCE = 60
DID_NOT_FINISH = "did not finish"


@dataclass(frozen=True)
class Where:
    """How fits are run.

    Parameters
    ----------
    peers : Path
        Python of the peers' environment.
    threads : int
    limit : float
        Seconds of processor time per thread for one fit with its predictions; by the clock it may take far longer, where other
        programs are running.
    """

    peers: Path
    threads: int = 1
    limit: float = 600.0

    def python(self, learner: str) -> str:
        """Return the interpreter that has the learner's library."""
        if not needs_peers(learner):
            return sys.executable
        if not self.peers.exists():
            raise SystemExit(f"{learner}: no peers' environment at {self.peers}. Make it with: {HOW} (or give --peers PYTHON)")
        return str(self.peers)


@dataclass(frozen=True)
class Fitted:
    """What came of a fit.

    Parameters
    ----------
    found : dict of str to ndarray
        contrast (m, K); response (m, K) and supported (m, K) where the learner has them. Empty where it failed.
    seconds, cpu_seconds, peak_mb : float
        Of the fit; memory of the whole process.
    failure : str
        "did not finish", or what went wrong; empty otherwise.
    """

    found: dict[str, np.ndarray]
    seconds: float = float("nan")
    cpu_seconds: float = float("nan")
    peak_mb: float = float("nan")
    failure: str = ""


def fit(learner: str, data: dict[str, np.ndarray], about: dict[str, Any], where: Where) -> Fitted:
    """Fit one learner and predict.

    Parameters
    ----------
    data : dict of str to ndarray
        X, y, code, group, e, arm_inputs to learn from; X_out, e_out to predict.
    about : dict
        catalogue, config, categorical, seed.
    """
    return fit_many(learner, [(data, about)], where)[0]


def fit_many(learner: str, tasks: list[tuple[dict[str, np.ndarray], dict[str, Any]]], where: Where) -> list[Fitted]:
    """Fit several, one after the other, in one process: for small data, where starting it takes longest."""
    with tempfile.TemporaryDirectory() as room:
        folders = [Path(room) / str(at) for at in range(len(tasks))]
        for folder, (data, about) in zip(folders, tasks, strict=True):
            folder.mkdir()
            np.savez(folder / "data.npz", **data)
            job = {"learner": learner, "threads": where.threads, **about}
            (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        failure = _run([where.python(learner), str(FIT), *map(str, folders)], where, Path(room) / "log")
        return [_read(folder, failure) for folder in folders]


def _run(command: list[str], where: Where, log: Path) -> str:
    """Run to the end or to the limit; return what went wrong."""
    ceiling = round(where.limit * where.threads)

    def bound() -> None:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (ceiling, ceiling + 5))

    threads = {name: str(where.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    start = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603  the command is written above
            command,
            stdout=sink,
            stderr=sink,
            env=os.environ | threads | {"PYTHONWARNINGS": "ignore"},
            preexec_fn=bound,  # noqa: PLW1509  no threads are running here
        )
        try:
            code = process.wait(timeout=PATIENCE * where.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "failed: stalled"
    if code in {-signal.SIGXCPU, -signal.SIGKILL} and time.monotonic() - start > where.limit / 2:
        return DID_NOT_FINISH
    tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"failed: {tail[-1][:120] if tail else code}" if code else ""


def _read(folder: Path, failure: str) -> Fitted:
    if not (folder / "done.json").exists():
        return Fitted({}, failure=failure or "failed: no result")
    with np.load(folder / "out.npz") as out:
        found = {name: out[name] for name in out.files}
    return Fitted(found, **json.loads((folder / "done.json").read_text(encoding="utf-8")))
