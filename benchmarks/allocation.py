"""Allocation under capacity: 10 arms, 3 short resources, against HiGHS and against the greedy rule of value per cost.

Every run is a process of its own, so that its peak memory is its own; values are made in blocks as float32 and are part of the
peak. Compiling is outside the times, and printed below. Processor time is the figure to compare where the machine was busy.
HiGHS solves the same book as a linear program (its optimum is a bound), and as a mixed integer program where it can within the
limit. Greedy: arms in the order of value gained per share of capacity used, each given if it fits, one to a borrower.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import highspy
import numpy as np
from lighttouch.policy.allocation import allocate
from numba import njit
from printed import hand_out
from scipy.sparse import csr_array, eye_array, kron, vstack

K, R = 10, 3
BLOCK = 1 << 18
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
LARGEST_LP, LARGEST_MIP = 100_000, 10_000
LIMIT_S = 600


def make_book(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values (float32), use and capacity: a tenth of the book can be called, texted or visited as often as it gains."""
    usage = np.zeros((K, R))
    for k in range(1, K):
        usage[k, (k - 1) % R] = 1 + (k - 1) // R
    usage[K - 1, 0] += 1  # the heaviest arm uses two resources
    value = np.empty((n, K), dtype=np.float32)
    rng = np.random.default_rng(seed)
    for start in range(0, n, BLOCK):
        part = value[start : start + BLOCK]
        recoverable = rng.gamma(2, 50, (len(part), 1))
        part[:] = recoverable * (rng.normal(0.05, 0.05, part.shape) + 0.003 * np.arange(K))
        part[:, 1:][rng.random((len(part), K - 1)) < 0.2] = -np.inf
        part[:, 0] = 0
    return value, usage, np.floor(np.array([0.10, 0.08, 0.15]) * n)


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """Return both."""
        return {"seconds": time.monotonic() - self.wall, "cpu": time.process_time() - self.cpu}


def ours(n: int) -> dict[str, float]:
    """Allocate and report value, gap and the times with and without compiling."""
    start = time.monotonic()
    allocate(*make_book(1_000))
    compiled = time.monotonic() - start
    value, usage, capacity = make_book(n)
    clock = Clock()
    found = allocate(value, usage, capacity)
    taken = clock.read()
    assert (found.used <= capacity).all()
    return taken | {"value": found.value, "bound": found.bound, "gap": found.gap, "compile": compiled}


def greedy(n: int) -> dict[str, float]:
    """Take arms in the order of value per share of capacity, while they fit; each borrower once."""
    value, usage, capacity = make_book(n)
    take(value[:1], usage, capacity.copy(), np.zeros(1, dtype=np.int64))
    clock = Clock()
    cost = (usage / capacity).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_cost = np.where(value > 0, value / cost, -np.inf)
    order = np.argsort(-per_cost, axis=None, kind="stable")
    order = order[: np.count_nonzero(per_cost > 0)]
    total = take(value, usage, capacity.copy(), order)
    return clock.read() | {"value": total}


@njit
def take(value: np.ndarray, usage: np.ndarray, left: np.ndarray, order: np.ndarray) -> float:
    """Give arms in order while they fit, one to a borrower; return the value."""
    taken, total = np.zeros(value.shape[0], dtype=np.bool_), 0.0
    for flat in order:
        i, k = flat // value.shape[1], flat % value.shape[1]
        if not taken[i] and (usage[k] <= left).all():
            taken[i] = True
            left -= usage[k]
            total += value[i, k]
    return total


def highs(n: int, *, integer: bool) -> dict[str, float]:
    """Solve the whole book with HiGHS."""
    value, usage, capacity = make_book(n)
    clock = Clock()
    lawful = np.isfinite(value).ravel()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n * K, n + R
    model.col_cost_ = np.where(lawful, -value.ravel().astype(np.float64), 0.0)
    model.col_lower_, model.col_upper_ = np.zeros(n * K), lawful.astype(np.float64)
    model.row_lower_ = np.r_[np.ones(n), np.full(R, -highspy.kHighsInf)]
    model.row_upper_ = np.r_[np.ones(n), capacity]
    matrix = vstack([kron(eye_array(n), np.ones((1, K))), csr_array(np.tile(usage.T, (1, n)))]).tocsc()
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    if integer:
        model.integrality_ = [highspy.HighsVarType.kInteger] * (n * K)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003  the name of the option is beside it
    solver.setOptionValue("time_limit", float(LIMIT_S))
    solver.passModel(model)
    solver.run()
    done = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return clock.read() | {"value": -solver.getInfo().objective_function_value if done else float("nan")}


WORK = {
    "ours": ours,
    "greedy": greedy,
    "HiGHS, linear": lambda n: highs(n, integer=False),
    "HiGHS, integer": lambda n: highs(n, integer=True),
}


def run(name: str, n: int) -> dict[str, float]:
    """Run one method in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--borrowers", str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  arguments are written above
    return json.loads(done.stdout.splitlines()[-1])


def line(name: str, n: int, found: dict[str, float], bound: float) -> str:
    """Return one line of the table."""
    short = (bound - found["value"]) / bound
    gap = "did not finish" if np.isnan(found["value"]) else f"{short:.5%}"
    effort = f"{found['seconds']:>9.1f} s{found['cpu']:>9.1f} s{found['peak_gib']:>9.2f} GiB"
    return f"{n:>12,}  {name:<15}{effort}{found['value']:>18,.2f}{gap:>16}"


def main() -> None:
    """Run every method at every size, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrowers", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--only", choices=list(WORK))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.only:
        found = WORK[options.only](options.borrowers[0])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps(found | {"peak_gib": peak}))
        return
    lines = [
        f"Allocation: n borrowers x {K} arms x {R} capacities; 'below bound' is against our dual bound",
        f"{'n':>12}  {'method':<15}{'time':>11}{'processor':>11}{'peak memory':>13}{'value':>18}{'below bound':>16}",
    ]
    compiled = 0.0
    for n in options.borrowers:
        mine = run("ours", n)
        compiled = mine["compile"]
        lines.append(line("ours", n, mine, mine["bound"]))
        peers = ["greedy"] if n <= 1_000_000 else []
        peers += ["HiGHS, linear"] if n <= LARGEST_LP else []
        peers += ["HiGHS, integer"] if n <= LARGEST_MIP else []
        lines += [line(name, n, run(name, n), mine["bound"]) for name in peers]
    lines.append(f"first call of a process: {compiled:.1f} s more, to compile; load when done: {os.getloadavg()[0]:.1f}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("lighttouch", "numba", "numpy", "scipy", "highspy"))
    machine = platform.processor() or platform.machine()
    lines.append(f"{os.cpu_count()} cores; {machine}; Python {platform.python_version()}; {versions}")
    hand_out("\n".join(lines), options.out)


if __name__ == "__main__":
    main()
