"""Time and memory of a fit: our response model against EconML's DRLearner with the same LightGBM settings.

Forty features, ten arms, a yes-or-no outcome; each fit in a process of its own. What DRLearner was not run on is extrapolated
from its two largest sizes, and said to be.

    python benchmarks/training.py --peers .venv-peers/bin/python --out benchmarks/results/training.txt   # sizes up to a million
    python benchmarks/training.py --rows 5000 10000 --peer-rows 5000 10000                               # a look at it
"""

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contest.arm_inputs import arm_inputs
from contest.cells import version_of
from contest.jobs import Fitted, Where, fit
from lighttouch.data.arms import ArmCatalogue
from printed import hand_out

OURS, PEER = "ours", "EconML DRLearner"
D, K = 40, 10
SETTINGS = {"leaves": 15, "rate": 0.05, "rounds": 200, "min_leaf": 200}
# One pair of halves: every row is predicted by a booster that did not see it, as DRLearner's two folds do. More pairs buy
# steadier intervals, which are not part of this comparison.
PAIRS = 1
SHARE_OF_PEER, MOST_GB = 0.2, 6.0
# Predicted beside the fit, so that both prove that they can.
OUT_ROWS = 1_000


def rows(n: int, *, known: bool) -> tuple[dict[str, np.ndarray], ArmCatalogue]:
    """Return n logged decisions; the arms depend on the features.

    Parameters
    ----------
    known : bool
        Whether the propensities stand in the log; otherwise each learner estimates them.
    """
    rng = np.random.default_rng(0)
    arms = ArmCatalogue.from_names([f"arm {k}" for k in range(K)], baseline="arm 0")
    X = rng.normal(size=(n + OUT_ROWS, D))
    score = X[:, :K] * 0.3
    e = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    code = (rng.random(len(X))[:, None] > e.cumsum(axis=1)).sum(axis=1).clip(max=K - 1)
    effect = 0.3 * X[:, 10] * (code > 4) + 0.05 * code
    y = (rng.random(len(X)) < 1 / (1 + np.exp(1.0 - 0.5 * X[:, 0] - effect))).astype(int)
    given = {"X": X[:n], "y": y[:n], "code": code[:n], "e": e[:n] if known else np.zeros((n, 0)), "group": np.arange(n)}
    given |= {"arm_inputs": arm_inputs(arms)[:, :1], "X_out": X[n:], "e_out": e[n:]}
    return given, arms


def measure(learner: str, n: int, where: Where, *, known: bool) -> Fitted:
    """Fit one learner on n rows."""
    data, arms = rows(n, known=known)
    boosting = {f"boosting__{name}": value for name, value in SETTINGS.items()}
    config: dict[str, Any] = SETTINGS | {"outcome": SETTINGS}
    if learner == OURS:
        config = boosting | {"boosting__pairs": PAIRS, "propensity_boosting__rounds": SETTINGS["rounds"]}
        config |= {f"propensity_boosting__{name}": SETTINGS[name] for name in ("leaves", "rate", "min_leaf")}
    about = {"catalogue": arms.to_dict(), "config": config, "categorical": [], "seed": 0}
    return fit(learner, data, about, where)


def extrapolate(sizes: list[int], values: list[float], n: int) -> float:
    """Return the value at n by the power law through the two largest sizes.

    Examples
    --------
    >>> extrapolate([100, 200], [3.0, 6.0], 1000)
    30.0
    """
    order = np.argsort(sizes)[-2:]
    (a, b), (first, second) = np.array(sizes)[order], np.array(values)[order]
    power = np.log(second / first) / np.log(b / a)
    return float(round(second * (n / b) ** power, 6))


def compare(given: argparse.Namespace, where: Where, *, known: bool) -> tuple[list[str], list[str]]:
    """Return the lines of a table, and what was missed."""
    ours = {n: measure(OURS, n, where, known=known) for n in given.rows}
    peer = {n: measure(PEER, n, where, known=known) for n in given.peer_rows}
    done = {n: one for n, one in peer.items() if not one.failure}
    kind = "propensities in the log" if known else "propensities estimated by each, with the same settings"
    lines = [
        "",
        f"== {kind}",
        f"{'rows':>10} {'ours s':>8} {'GB':>6} | {'DRLearner s':>12} {'GB':>6} | {'share of its time':>18}",
    ]
    missed = []
    for n in sorted({*ours, *peer}):
        mine, theirs = ours.get(n), peer.get(n)
        seconds, gb, how = float("nan"), float("nan"), ""
        if theirs is not None:
            seconds, gb, how = theirs.seconds, theirs.peak_mb / 1024, theirs.failure
        elif len(done) > 1:
            seconds = extrapolate(list(done), [one.seconds for one in done.values()], n)
            gb, how = extrapolate(list(done), [one.peak_mb for one in done.values()], n) / 1024, "extrapolated"
        own = f"{mine.seconds:>8.1f} {mine.peak_mb / 1024:>6.2f}" if mine else f"{'-':>8} {'-':>6}"
        ratio = mine.seconds / seconds if mine else float("nan")
        lines.append(f"{n:>10,} {own} | {seconds:>12.1f} {gb:>6.2f} | {ratio:>18.3f} {(mine and mine.failure) or how}")
        if mine and not ratio <= SHARE_OF_PEER:
            missed.append(f"{kind}, {n:,} rows: {ratio:.2f} of DRLearner's time; the mark is {SHARE_OF_PEER}")
        if mine and not mine.peak_mb / 1024 < MOST_GB:
            missed.append(f"{kind}, {n:,} rows: {mine.peak_mb / 1024:.1f} GB; the mark is {MOST_GB}")
    return lines, missed


def main() -> None:
    """Parse the command line, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 200_000, 1_000_000])
    parser.add_argument("--peer-rows", type=int, nargs="+", default=[100_000, 200_000, 1_000_000])
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=7_200.0, help="seconds for one fit")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    where = Where(given.peers, given.threads, given.limit)
    settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    lines = [
        f"Fit of {D} features x {K} arms; LightGBM: {settings}.",
        "Ours: one pair of halves (what out-of-fold predictions need); its rounds stop early where the other half says so.",
        f"{os.cpu_count()} cores, {given.threads} threads, load {os.getloadavg()[0]:.1f} at the start",
        f"Python {platform.python_version()}; {version_of(OURS, where)}; {version_of(PEER, where)}; numpy {version('numpy')}",
    ]
    missed: list[str] = []
    for known in (True, False):
        more, short = compare(given, where, known=known)
        lines, missed = lines + more, missed + short
    text = "\n".join([*lines, "", *(["Missed:", *missed] if missed else ["Every mark is met."])])
    hand_out(text, given.out)


if __name__ == "__main__":
    main()
