"""Learnt policies on real experiments: learnt on one half, valued on the other, twenty mirrored times.

Hillstrom's e-mails (MineThatData 2008; outcome: visit) and Karlan and List's letters (AER 97:1774, 2007; outcome: a gift), both
with known odds. For each learner: the value of its policy on the other half (self-normalised weights, no model), and what it
promised: the mean response that it predicted for the arms it chose.

    python benchmarks/halves.py --data FOLDER --peers .venv-peers/bin/python --out benchmarks/results/halves.txt

FOLDER holds the real data sets (default: LIGHTTOUCH_REAL_DATA). Fits are kept under var/benchmarks/halves.
"""

import argparse
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from contest.arm_inputs import arm_inputs
from contest.budgets import BUDGETS, CONTENDERS
from contest.cells import version_of
from contest.jobs import Fitted, Where, fit_many
from lighttouch.data.arms import ArmCatalogue
from printed import hand_out

ROOM = Path("var/benchmarks/halves")
QUICK = ("ours", "plain LightGBM", "causalml S", "causalml T", "causalml X", "EconML LinearDML", "EconML DRLearner")
CONSTANT = "best constant arm"
# Fits to a process: starting one takes as long as a fit.
BATCH = 8
# Of the gifts: what was measured after the letters, and what was drawn with the arm.
LETTERS_LEFT_OUT = ("out_", "treat", "stateresponse")
CLAIM = 0.02


@dataclass(frozen=True)
class Experiment:
    """A randomised experiment.

    Parameters
    ----------
    name : str
    X : ndarray of shape (n, d)
    categorical : list of int
        Columns of X that hold codes.
    y, code : ndarray of shape (n,)
    odds : ndarray of shape (K,)
        With which the arms were drawn.
    arms : ArmCatalogue
    """

    name: str
    X: np.ndarray
    categorical: list[int]
    y: np.ndarray
    code: np.ndarray
    odds: np.ndarray
    arms: ArmCatalogue

    def task(
        self, learn: np.ndarray, out: np.ndarray, config: dict[str, Any], seed: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a learner is given."""
        data = {"X": self.X[learn], "y": self.y[learn], "code": self.code[learn], "group": np.arange(len(learn))}
        data |= {"e": np.tile(self.odds, (len(learn), 1)), "arm_inputs": arm_inputs(self.arms)[:, :1]}
        data |= {"X_out": self.X[out], "e_out": np.tile(self.odds, (len(out), 1))}
        about = {"catalogue": self.arms.to_dict(), "config": config, "categorical": self.categorical, "seed": seed}
        return data, about


def hillstrom(folder: Path) -> Experiment:
    """Return the e-mails: none, men's, women's; a third each."""
    table = pd.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    arms = ArmCatalogue.from_names(["No E-Mail", "Mens E-Mail", "Womens E-Mail"], baseline="No E-Mail")
    words = ["history_segment", "zip_code", "channel"]
    X = table[["recency", "history", "mens", "womens", "newbie", *words]].copy()
    for word in words:
        X[word] = X[word].astype("category").cat.codes
    code = arms.encode(table["segment"])
    return Experiment(
        "Hillstrom, visit", X.to_numpy(float), [5, 6, 7], table["visit"].to_numpy(), code, np.full(3, 1 / 3), arms
    )


def letters(folder: Path) -> Experiment:
    """Return the letters: none (1/3), a match of 1:1, 2:1 or 3:1 (2/9 each)."""
    table = pd.read_csv(folder / "karlan_list_charity" / "charitable.csv.gz")
    arms = ArmCatalogue.from_names(["no match", "1:1", "2:1", "3:1"], baseline="no match")
    code = np.where(table["treatment"] == 0, 0, 1 + table["treat_ratio2"] + 2 * table["treat_ratio3"])
    kept = [name for name in table if not name.startswith(LETTERS_LEFT_OUT) and not name.endswith("_missing")]
    X = table[kept].replace(-999, np.nan).to_numpy(float)
    return Experiment("Karlan-List, a gift", X, [], table["out_gavedum"].to_numpy(), code, np.array([3, 2, 2, 2]) / 9, arms)


def snips(experiment: Experiment, rows: np.ndarray, choice: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean outcome under the arms chosen, weighted by the known odds; and what each row adds to its error."""
    given = choice == experiment.code[rows]
    weight = given / experiment.odds[experiment.code[rows]]
    value = float(weight @ experiment.y[rows] / weight.sum())
    return value, weight * (experiment.y[rows] - value) / weight.mean()


def halves(n: int, splits: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (learn, value) for each direction of each random split."""
    pairs = []
    for split in range(splits):
        order = np.random.default_rng([split, 31]).permutation(n)
        first, second = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
        pairs += [(first, second), (second, first)]
    return pairs


def setting(learner: str, experiment: Experiment, learn: np.ndarray, where: Where) -> dict[str, Any]:
    """Return the setting with the least squared error against pseudo-outcomes on a quarter of the first half."""
    configs = BUDGETS[learner]
    if len(configs) == 1:
        return configs[0]
    held = np.random.default_rng(11).random(len(learn)) < 0.25
    fitted = fit_many(learner, [experiment.task(learn[~held], learn[held], config, 0) for config in configs], where)
    y, code = experiment.y, experiment.code
    means = np.array([y[learn[~held]][code[learn[~held]] == k].mean() for k in range(len(experiment.odds))])
    robust = np.tile(means, (int(held.sum()), 1))
    rows, taken = np.arange(len(robust)), code[learn[held]]
    robust[rows, taken] += (y[learn[held]] - means[taken]) / experiment.odds[taken]
    target = robust - robust[:, :1]
    losses = [np.inf if one.failure else float(((one.found["contrast"] - target) ** 2).mean()) for one in fitted]
    return configs[int(np.argmin(losses))]


def learn_all(learner: str, experiment: Experiment, splits: int, where: Where) -> dict[str, Any]:
    """Return value, claim and seconds for every half."""
    pairs = halves(len(experiment.y), splits)
    config = setting(learner, experiment, pairs[0][0], where)
    result = _empty(experiment, config)
    for first in range(0, len(pairs), BATCH):
        batch = pairs[first : first + BATCH]
        tasks = [experiment.task(learn, out, config, first + at) for at, (learn, out) in enumerate(batch)]
        for (_, out), fitted in zip(batch, fit_many(learner, tasks, where), strict=True):
            _add(result, experiment, out, fitted)
    return result


def _empty(experiment: Experiment, config: dict[str, Any]) -> dict[str, Any]:
    return {"config": config, "value": [], "claim": [], "seconds": [], "rows": np.zeros(len(experiment.y))}


def _value(result: dict[str, Any], experiment: Experiment, out: np.ndarray, choice: np.ndarray) -> None:
    value, error = snips(experiment, out, choice)
    result["value"].append(value)
    result["rows"][out] += error


def _add(result: dict[str, Any], experiment: Experiment, out: np.ndarray, fitted: Fitted) -> None:
    if fitted.failure:
        raise SystemExit(f"{experiment.name}: {fitted.failure}")
    worth = fitted.found.get("worth", fitted.found["contrast"])
    choice = np.where(fitted.found.get("supported", True), worth, -np.inf).argmax(axis=1)
    _value(result, experiment, out, choice)
    result["seconds"].append(fitted.cpu_seconds)
    if "response" in fitted.found:
        result["claim"].append(float(fitted.found["response"][np.arange(len(out)), choice].mean()))


def constants(experiment: Experiment, splits: int) -> dict[str, Any]:
    """Return value and claim of the arm that was best for everyone on the half that is learnt from."""
    result = _empty(experiment, {})
    for learn, out in halves(len(experiment.y), splits):
        means = [experiment.y[learn][experiment.code[learn] == k].mean() for k in range(len(experiment.odds))]
        best = int(np.argmax(means))
        result["claim"].append(float(means[best]))
        _value(result, experiment, out, np.full(len(out), best))
    return result


def standard_error(rows: np.ndarray, values: int) -> float:
    """Return the standard error of a mean over splits, from what each row added to it over all of them.

    Every row is valued once a split: rows that all splits share are counted as what they are.
    """
    return float((rows / (values / 2)).std(ddof=1) / np.sqrt(len(rows)))


def table(experiment: Experiment, results: dict[str, dict[str, Any]], missed: list[str]) -> list[str]:
    """Return the lines of one experiment."""
    by_split = {name: np.array(result["value"]).reshape(-1, 2).mean(axis=1) for name, result in results.items()}
    ours = by_split.get("ours")
    lines = [
        f"== {experiment.name}: {len(experiment.y):,} rows x {experiment.X.shape[1]}, {len(experiment.odds)} arms",
        f"{'':22} {'value % (SE)':>15} {'ours minus it, pp (SE)':>24} {'claimed %':>10} {'error (SE)':>15} {'cpu s a fit':>12}",
    ]
    for name, values in sorted(by_split.items(), key=lambda item: -item[1].mean()):
        result = results[name]
        own = standard_error(result["rows"], len(result["value"]))
        line = f"{name:22} {100 * values.mean():>7.3f} ({100 * own:.3f}) "
        gap = None if ours is None or name == "ours" else 100 * float((ours - values).mean())
        error = 0.0 if gap is None else 100 * standard_error(results["ours"]["rows"] - result["rows"], len(result["value"]))
        line += f"{'' if gap is None else f'{gap:+.3f} ({error:.3f})':>24} "
        claim = result["claim"]
        off = np.mean(claim) / values.mean() - 1 if claim else float("nan")
        told = f"{off:+.1%} ({own / values.mean():.1%})" if claim else "-"
        line += f"{100 * np.mean(claim):>10.3f} {told:>15}" if claim else f"{'-':>10} {'-':>15}"
        seconds = result["seconds"]
        lines.append(line + (f" {np.mean(seconds):>12.1f}" if seconds else ""))
        if gap is not None and gap < -error:
            missed.append(f"{experiment.name}: ours is {-gap:.3f} pp below {name} (SE {error:.3f})")
        if name == "ours" and abs(off) > CLAIM:
            missed.append(f"{experiment.name}: ours claims {off:+.1%} of what the other half shows; the mark is {CLAIM:.0%}")
    return lines


def _kept(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) | {"rows": np.load(file.with_suffix(".npy"))}


def _keep(file: Path, result: dict[str, Any]) -> None:
    np.save(file.with_suffix(".npy"), result["rows"])
    file.write_text(json.dumps({name: value for name, value in result.items() if name != "rows"}) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the command line, fit what is missing, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("LIGHTTOUCH_REAL_DATA"))
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--learner", nargs="+", default=list(QUICK), choices=CONTENDERS)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="fit again what is kept")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.data is None:
        raise SystemExit("Give the folder of real data sets: --data FOLDER, or set LIGHTTOUCH_REAL_DATA")
    where, versions, missed, blocks = Where(given.peers, given.threads, 6_000.0), set(), [], []
    ROOM.mkdir(parents=True, exist_ok=True)
    for experiment in (hillstrom(Path(given.data)), letters(Path(given.data))):
        results = {CONSTANT: constants(experiment, given.splits)}
        for learner in QUICK:
            file = ROOM / f"{experiment.name.split(',')[0]}-{learner}-{given.splits}.json".replace(" ", "_")
            if learner in given.learner and (given.fresh or not file.exists()):
                result = learn_all(learner, experiment, given.splits, where) | {"version": version_of(learner, where)}
                _keep(file, result)
            if file.exists():
                results[learner] = _kept(file)
                versions.add(results[learner]["version"])
        blocks += ["", *table(experiment, results, missed)]
    head = [
        f"Learnt on one half, valued on the other (self-normalised, known odds), {given.splits} mirrored halves.",
        "No fallback; each learner's setting is the best of six on a quarter of the first half, ours its defaults.",
        "What leaving the best constant arm must clear was chosen with these halves in sight (ADR 14). Standard errors",
        "over the rows, each counted once however often it was valued; a claim's is that of the value it is held to.",
        f"{os.cpu_count()} cores, {given.threads} used, Python {platform.python_version()}; {'; '.join(sorted(versions))}",
    ]
    text = "\n".join([*head, *blocks, "", *(["Missed:", *missed] if missed else ["Every mark is met."])])
    hand_out(text, given.out)


if __name__ == "__main__":
    main()
