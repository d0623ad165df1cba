"""What would a dose bring that nobody was given? One dose of a channel is left out of a log, and valued between its neighbours.

The truth of the dose that was left out is known (`law.py`). Against `predict_dose` stand what else can be done with the same
log: the line between the neighbours' predictions over log(1 + contacts a week), by the very same model; the next lighter arm,
as it is; and LightGBM with contacts per week by channel as inputs, which is then asked for the dose.

    python benchmarks/untried_doses.py                           # everything; about half an hour on 2 cores
    python benchmarks/untried_doses.py --worlds fatigue --logs 1
    python benchmarks/untried_doses.py --out benchmarks/results/untried_doses.txt
"""

import argparse
import os
import platform
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from contest.cells import code_digest
from law import Law, law_of
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.model.dose_between import DosePrediction
from lighttouch.training.response import ResponseModel
from printed import hand_out

WORLDS = ("randomised", "confounded", "fatigue")
# Those with a lighter and a heavier neighbour of the same channel; no contact is the lightest of every channel.
LEFT_OUT = ("sms-weekly", "sms-twice-weekly", "call-weekly")
ASKED = 10_000
PLAIN = {
    "objective": "binary", "learning_rate": 0.03, "num_leaves": 7, "min_data_in_leaf": 1_000, "verbosity": -1,
    "seed": 0, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
PLAIN_ROUNDS = 800
OURS = "predict_dose"


def without(log: Law, code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, ArmCatalogue]:
    """Leave an arm out of a log: the rows that stay, positions and odds among the other arms, and these arms."""
    stays = np.flatnonzero(code != k)
    others = [j for j in range(len(log.arms)) if j != k]
    odds = log.odds[stays][:, others]
    arms = ArmCatalogue([arm for j, arm in enumerate(log.arms) if j != k])
    return stays, np.searchsorted(others, code[stays]), odds / odds.sum(axis=1, keepdims=True), arms


def by_line(P: np.ndarray, arms: ArmCatalogue, arm: Arm, between: tuple[str, str]) -> np.ndarray:
    """Return what lies on the line between the neighbours' predictions, of shape (n,)."""
    below, above = (arms.index(name) for name in between)
    at, low, high = np.log1p([arm.intensity, arms.intensity[below], arms.intensity[above]])
    share = (at - low) / (high - low)
    line: np.ndarray = (1.0 - share) * P[:, below] + share * P[:, above]
    return line


def by_plain(X: pd.DataFrame, y: np.ndarray, given: np.ndarray, asked: pd.DataFrame, doses: np.ndarray) -> list[np.ndarray]:
    """Return what LightGBM says of each of some doses, of shape (n,), that learns from contacts per week by channel."""
    booster = lgb.train(PLAIN, lgb.Dataset(np.column_stack([X, given]), y, params=PLAIN), PLAIN_ROUNDS)
    return [np.asarray(booster.predict(np.column_stack([asked, np.tile(dose, (len(asked), 1))]))) for dose in doses]


def ask(fit: Law, new: Law, name: str, turn: int) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], DosePrediction]:
    """Draw a log, leave one arm out, and let everybody say P(arm) and P(arm) - P(none) for who could be given it."""
    k, arm = fit.arms.index(name), fit.arms[name]
    code, y = fit.log(np.random.default_rng([5, turn]))
    stays, given, odds, arms = without(fit, code, k)
    X, y = fit.X.iloc[stays].reset_index(drop=True), y[stays]
    model = ResponseModel(arms, random_state=turn)
    model.fit(X, y, arm=np.array(arms.names, dtype=object)[given], propensity=odds, groups=fit.group[stays])
    found, P = model.predict_dose(new.X, arm), model.predict_by_arm(new.X)
    doses, none = arms.dose_matrix, P[:, 0]
    line, lighter = by_line(P, arms, arm, found.between), P[:, arms.index(found.between[0])]
    plain, plain_none = by_plain(X, y, doses[given], new.X, np.stack([fit.arms.dose_matrix[k], doses[0]]))
    said = {
        OURS: (found.probability, found.probability - none), "line between neighbours": (line, line - none),
        "next lighter arm": (lighter, lighter - none), "LightGBM on doses": (plain, plain - plain_none),
    }  # fmt: skip
    return said, found


def lines_of(fit: Law, new: Law, name: str, logs: int) -> list[str]:
    """Return the lines of one dose that is left out."""
    k = fit.arms.index(name)
    new = new.take(np.flatnonzero(new.lawful[:, k]))
    truth, gain = new.truth[:, k], new.truth[:, k] - new.truth[:, 0]
    errors: dict[str, list[tuple[float, float]]] = {}
    inside, width = [], []
    for turn in range(logs):
        said, found = ask(fit, new, name, turn)
        for who, (_, contrast) in said.items():
            gap = 100 * (contrast - gain)
            errors.setdefault(who, []).append((float(gap.mean()), float(np.sqrt((gap**2).mean()))))
        inside.append(float(((found.low <= truth) & (truth <= found.high)).mean()))
        width.append(float((found.high - found.low).mean()))
    true = f"truly {100 * gain.mean():+.2f} points over none, with a standard deviation of {100 * gain.std():.2f}"
    lines = [
        f"{name}, between {' and '.join(found.between)}; {true}",
        f"  {'':24} {'mean off by':>12} {'contrast off by':>16}   points; root mean square over logs, and over borrowers",
    ]
    for who, pairs in errors.items():
        of_mean, of_contrast = np.sqrt((np.array(pairs) ** 2).mean(axis=0))
        lines.append(f"  {who:24} {of_mean:12.2f} {of_contrast:16.2f}")
    lines.append(f"  interval of P(arm) at 90%: covers {100 * np.mean(inside):.1f}%, width {np.mean(width):.3f}")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--doses", nargs="+", default=list(LEFT_OUT))
    parser.add_argument("--logs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    made = f"lightgbm {lgb.__version__}, code {code_digest()}"
    lines = [
        f"{given.logs} logs of about {given.rows:,} decisions of ten arms, those of one dose left out; asked of {ASKED:,}",
        f"decisions of other borrowers. {os.cpu_count()} cores, Python {platform.python_version()}, {made}",
    ]
    for name in given.worlds:
        law = law_of(name, given.rows + ASKED + 5_000)
        cut = law.group[given.rows]
        fit, new = law.take(np.flatnonzero(law.group < cut)), law.take(np.flatnonzero(law.group > cut)[:ASKED])
        lines += ["", f"== {name} ({law.digest[:12]})"]
        for dose in given.doses:
            lines += lines_of(fit, new, dose, given.logs)
    hand_out("\n".join(lines), given.out)


if __name__ == "__main__":
    main()
