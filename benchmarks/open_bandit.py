"""Off-policy values on the Open Bandit Dataset's sample: ours against obp's, and what must be refused.

    python benchmarks/open_bandit.py --data FOLDER --peers .venv-peers/bin/python --out benchmarks/results/open_bandit.txt

FOLDER holds the real data sets (default: LIGHTTOUCH_REAL_DATA). Source: Saito, Aihara, Matsutani, Narita, arXiv:2008.07146,
CC BY 4.0. Without the peers' environment obp's printed figures stand alone.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from lighttouch.data.arms import ArmCatalogue
from lighttouch.training.evaluation import PolicyValue, policy_value
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from printed import hand_out

FIGURES = Path(__file__).parent / "contest" / "obp_figures.py"
# What obp's pages print for the sampling policy, valued from random/all.
PRINTED = {"ips": 0.004553, "dr": 0.004727}
# The sampler's click rate in its own log of the same size.
ON_POLICY = 0.0042
DRAWS = 200_000


def sampler(folder: Path) -> np.ndarray:
    """Return the Thompson sampler's probabilities of shape (3 positions, K items): three best of Beta draws, in order."""
    prior = yaml.safe_load((folder / "prior_bts.yaml").read_text(encoding="utf-8"))["all"]
    alpha, beta = np.array(prior["alpha"]), np.array(prior["beta"])
    rng, counts = np.random.default_rng(12345), np.zeros((3, len(alpha)))
    for _ in range(DRAWS // 20_000):
        theta = rng.beta(alpha, beta, size=(20_000, len(alpha)))
        for position in range(3):
            best = theta.argmax(axis=1)
            counts[position] += np.bincount(best, minlength=len(alpha))
            theta[np.arange(len(theta)), best] = -1.0
    return counts / counts.sum(axis=1, keepdims=True)


def read(folder: Path, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a log and what `policy_value` needs of it."""
    table = pd.read_csv(folder / name / f"{name.split('/')[1]}.csv.gz", index_col=0)
    return table, {"arm": table["item_id"].astype(str), "reward": table["click"], "propensity": table["propensity_score"]}


def names(K: int) -> list[str]:
    """Return the items as arms."""
    return [str(item) for item in range(K)]


def learnt(table: pd.DataFrame) -> np.ndarray:
    """Return P(click) of every item for every row, of shape (n, 80), by our response model, out of fold."""
    X = table[["position", *(column for column in table if column.startswith("user_feature"))]].copy()
    X[X.columns[1:]] = X[X.columns[1:]].astype("category")
    arms = ArmCatalogue.from_names(names(80), baseline="0")
    model = ResponseModel(arms, boosting=Boosting(rounds=200), n_threads=1)
    model.fit(X, table["click"], arm=table["item_id"].astype(str), propensity=1 / 80)
    return model.out_of_fold


def of_obp(python: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Return obp's figures, and the log with the expected rewards that they were made from; None where it isn't installed."""
    if not python.exists():
        print(f"obp is not run: no peers' environment at {python}. Make it with: make peers (or give --peers PYTHON)")
        return None
    with tempfile.TemporaryDirectory() as room:
        out = Path(room) / "log.npz"
        done = subprocess.run([str(python), str(FIGURES), str(out)], capture_output=True, text=True, check=True)  # noqa: S603
        with np.load(out) as kept:
            return json.loads(done.stdout.strip().splitlines()[-1]), {key: kept[key] for key in kept.files}


def line(what: str, value: PolicyValue, printed: str = "") -> str:
    """Return a row of the table."""
    found = f"{value.estimate:>9.6f} [{value.low:>9.6f}, {value.high:>9.6f}] {value.ess:>8.1f} {value.max_weight:>9,.0f}"
    return f"{what:52} {found} {'yes' if value.supported else 'NO':>9}  {printed}"


def report(folder: Path, peers: Path) -> list[str]:
    """Return the lines."""
    table, log = read(folder, "random/all")
    by_position = sampler(folder)
    policy = by_position[table["position"].to_numpy() - 1]
    head = f"{'':52} {'estimate':>9} {'95% interval':^22} {'ESS':>8} {'largest':>9} {'supported':>9}"
    lines = [f"Thompson sampling valued from random/all ({len(table):,} rows); on its own log {ON_POLICY}", head]
    ips = policy_value(policy, arms=names(80), method="ips", **log)
    lines.append(line("ours, IPS", ips, f"obp prints {PRINTED['ips']}"))
    for what, outcome in (
        ("ours, DR, our response model out of fold", learnt(table)),
        ("ours, DR, the mean click rate for everything", np.full((len(table), 80), table["click"].mean())),
    ):
        found = policy_value(policy, arms=names(80), method="dr", outcome=outcome, **log)
        lines.append(line(what, found, f"obp prints {PRINTED['dr']}"))
    missed = [] if abs(ips.estimate - PRINTED["ips"]) < 0.00015 else ["IPS is not within the sampler's own simulation error"]
    lines += _against(of_obp(peers), missed)
    lines += ["", "The uniform policy valued from the sampler's logs", head]
    for name, K, ess in (("bts/women", 46, 2), ("bts/all", 80, 340)):
        rows, data = read(folder, name)
        found = policy_value(np.full((len(rows), K), 1 / K), arms=names(K), method="ips", **data)
        lines += [line(f"{name}, {len(rows):,} rows", found), *([f"   {found.reason}"] if found.reason else [])]
        if round(found.ess) != ess or found.supported != (ess == 340):
            missed.append(f"{name}: ESS {found.ess:.1f} where {ess} was expected, supported: {found.supported}")
    return [*lines, "", *(["Missed:", *missed] if missed else ["Every mark is met."])]


def _against(obp: tuple[dict[str, Any], dict[str, np.ndarray]] | None, missed: list[str]) -> list[str]:
    if obp is None:
        return []
    figures, log = obp
    folds = figures["3 folds"]
    given = {"arm": log["action"].astype(str), "reward": log["reward"], "propensity": log["pscore"], "arms": names(80)}
    policy = log["sampler"][log["position"]]
    policy = policy / policy.sum(axis=1, keepdims=True)
    rate = np.full(policy.shape, log["reward"].mean())
    ips = policy_value(policy, method="ips", **given)
    dr = policy_value(policy, method="dr", outcome=log["expected"], **given)
    bare = policy_value(policy, method="dr", outcome=rate, **given)
    lines = [
        f"obp {figures['obp']} run here with scikit-learn {figures['scikit-learn']}, its quick start, logistic regression:",
        f"   IPW {folds['ipw']:.6f}; DR {folds['dr']:.6f} on 3 folds, {figures['2 folds']['dr']:.6f} on 2",
        line("ours, IPS, obp's simulated probabilities", ips, f"obp here {folds['ipw']:.6f}"),
        line("ours, DR, obp's expected rewards as well", dr, f"obp here {folds['dr']:.6f}"),
        line("ours, DR, obp's probabilities, the mean click rate", bare, f"obp prints {PRINTED['dr']}"),
    ]
    for what, mine, theirs in (("IPS", ips.estimate, folds["ipw"]), ("DR", dr.estimate, folds["dr"])):
        if abs(mine - theirs) > 1e-9:
            missed.append(f"{what}: {mine:.9f} where obp has {theirs:.9f} from the same numbers")
    if round(dr.estimate, 6) != PRINTED["dr"]:
        lines.append(
            f"   obp's printed DR {PRINTED['dr']} is of another regression model or version; from the same expected rewards "
            f"ours and obp's agree to {abs(dr.estimate - folds['dr']):.0e}"
        )
    return lines


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("LIGHTTOUCH_REAL_DATA"))
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.data is None:
        raise SystemExit("Give the folder of real data sets: --data FOLDER, or set LIGHTTOUCH_REAL_DATA")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("lighttouch", "numpy", "scipy", "lightgbm"))
    lines = [f"{os.cpu_count()} cores, Python {platform.python_version()}, {libraries}"]
    text = "\n".join([*lines, *report(given.data / "open_bandit", given.peers)])
    hand_out(text, given.out)


if __name__ == "__main__":
    main()
