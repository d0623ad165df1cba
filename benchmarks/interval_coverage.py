"""Do intervals cover what they promise? Policy values over redraws, and the response model's intervals against the truth.

Logs are drawn again and again from a law of outcomes that is a function of the features alone (`law.py`).

The file is not named after the coverage package, which scripts beside it would then import in its stead.

    python benchmarks/interval_coverage.py                      # everything; about an hour on 2 cores
    python benchmarks/interval_coverage.py --redraws 200 --learnt 20 --fits 1
    python benchmarks/interval_coverage.py --out benchmarks/results/coverage.txt
"""

import argparse
import os
import platform
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from contest.cells import code_digest
from law import Law, law_of
from lighttouch.training.evaluation import policy_value
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from printed import hand_out
from scipy.stats import binom

FIXED = "sms-every-3-days"
# For the learnt policy, which is fitted again in every redraw.
SMALL = Boosting(rounds=150, rate=0.1, leaves=7, pairs=1)
SMALL_ROWS, SMALL_FEATURES = 8_000, 30
# Intervals of P(arm) in the order of what is predicted, and in the order of the contrast that decides.
LEVEL, LEVEL_BY_CONTRAST = "P(arm), by itself", "P(arm), by arm - none"


def projected(law: Law, code: np.ndarray) -> np.ndarray:
    """Return the arms where they are lawful, no contact elsewhere."""
    return np.where(law.lawful[np.arange(len(code)), code], code, 0)


def fixed_policy(law: Law, redraws: int, rows: int = 5_000) -> list[str]:
    """Redraw borrowers, arms and outcomes; value one fixed arm, and its difference to no contact."""
    k = law.arms.index(FIXED)
    code = projected(law, np.full(len(law.truth), k))
    true = float(law.truth[np.arange(len(code)), code].mean())
    gain = true - float(law.truth[:, 0].mean())
    # A model that is wrong, and cannot know the draws.
    wrong = np.clip(law.truth.mean(axis=1, keepdims=True) + np.zeros_like(law.truth), 0.01, 0.99)
    inside = {"dr": [0, 0], "snips": [0, 0], "ips": [0, 0]}
    rng = np.random.default_rng(1)
    weighted = float(np.average(law.truth[np.arange(len(code)), code]))
    for _ in range(redraws):
        picked = law.borrowers(rng, rows)
        part = law.take(picked[:, 0])
        arm, y = part.log(rng)
        for method, hits in inside.items():
            given = {"arm": law.names(arm), "reward": y, "propensity": part.odds, "arms": law.arms, "groups": picked[:, 1]}
            outcome = wrong[picked[:, 0]] if method == "dr" else None
            policy = law.names(code[picked[:, 0]])
            value = policy_value(policy, outcome=outcome, method=method, **given)
            versus = np.full(len(part.truth), law.arms.baseline, dtype=object)
            less = policy_value(policy, outcome=outcome, versus=versus, method=method, **given)
            hits[0] += value.low <= weighted <= value.high
            hits[1] += less.low <= gain <= less.high
    lines = [f"fixed policy '{FIXED}', {redraws:,} redraws of about {rows:,} decisions by borrower, nominal 95%"]
    for method, hits in inside.items():
        value, less = (100 * hit / redraws for hit in hits)
        met = all(93.5 <= share <= 96.5 for share in (value, less))
        lines.append(
            f"  {method:<6} value {value:5.1f}%   gain over none {less:5.1f}%   {'met' if met else 'MISSED'} (93.5 to 96.5)"
        )
    return lines


def learnt_policy(law: Law, redraws: int) -> list[str]:
    """Learn on half of the borrowers drawn, value what was learnt on the other half; the truth is that policy's own."""
    small = law.X.columns[:: max(1, law.X.shape[1] // SMALL_FEATURES)]
    rng, inside, claims = np.random.default_rng(2), 0, []
    for turn in range(redraws):
        picked = law.borrowers(rng, 2 * SMALL_ROWS)
        first = picked[:, 1] % 2 == 0
        (fit, fit_groups), (test, groups) = ((law.take(picked[side, 0]), picked[side, 1]) for side in (first, ~first))
        arm, y = fit.log(rng)
        model = ResponseModel(law.arms, random_state=turn, boosting=SMALL)
        model.fit(fit.X[small], y, arm=law.names(arm), propensity=fit.odds, groups=fit_groups)
        arm, y = test.log(rng)
        predicted, everyone = model.predict_by_arm(test.X[small]), model.predict_by_arm(law.X[small])
        code, all_codes = (np.where(of.lawful, p, -1.0).argmax(axis=1) for of, p in ((test, predicted), (law, everyone)))
        true = float(law.truth[np.arange(len(all_codes)), all_codes].mean())
        given = {"arm": law.names(arm), "reward": y, "propensity": test.odds, "arms": law.arms, "groups": groups}
        value = policy_value(law.names(code), outcome=predicted, **given)
        inside += value.low <= true <= value.high
        claims.append(float(everyone[np.arange(len(all_codes)), all_codes].mean()) / true - 1)
    low, high = binom.ppf([0.025, 0.975], redraws, 0.95)
    met = "met" if low <= inside <= high else "MISSED"
    return [
        f"learnt policy, {redraws:,} redraws, {SMALL_ROWS:,} decisions to learn from and as many to value, nominal 95%",
        f"  covered {inside} of {redraws}   {met} (binomial band {low:.0f} to {high:.0f})",
        f"  what the model promised for its own choice against the truth: {np.mean(claims):+.2%} on average",
    ]


def intervals(law: Law, fits: int, rows: int) -> list[str]:
    """Fit on fresh logs; coverage of P(arm) and of contrasts at 90%, by deciles."""
    cut = law.group[rows]
    learn, test = np.flatnonzero(law.group < cut), np.flatnonzero(law.group > cut)[:10_000]
    fit, new = law.take(learn), law.take(test)
    reference = law.arms.names[int(fit.truth.mean(axis=0).argmax())]
    found: dict[str, list[np.ndarray]] = {LEVEL: [], LEVEL_BY_CONTRAST: [], "arm - none": [], f"arm - {reference}": []}
    seconds = []
    for turn in range(fits):
        arm, y = fit.log(np.random.default_rng([3, turn]))
        start = time.perf_counter()
        model = ResponseModel(law.arms, random_state=turn).fit(
            fit.X, y, arm=law.names(arm), propensity=fit.odds, groups=fit.group
        )
        seconds.append(time.perf_counter() - start)
        for what, kept in found.items():
            kept.append(_covered(model, new, what))
    size = f"{fits} logs of {len(learn):,} decisions, {law.X.shape[1]} features, {len(law.arms)} arms"
    lines = [
        f"response model, {size}, nominal 90%; {np.mean(seconds):.0f} s a fit",
        f"  {'':28} {'all':>5}  by deciles of the prediction named, lowest first {'':12} {'width':>6}",
    ]
    for what, kept in found.items():
        predicted, inside, width = np.concatenate(kept, axis=1)
        place = np.argsort(np.argsort(predicted, kind="stable"), kind="stable") * 10 // len(predicted)
        shares = [100 * inside[place == tenth].mean() for tenth in range(10)]
        met = "met" if min(shares) >= 85 and max(shares) <= 95 else "MISSED"
        lines.append(f"  {what:28} {100 * inside.mean():5.1f}  {_row(shares)} {width.mean():7.4f}  {met} (85 to 95)")
        if fits > 1:
            whole, *errors = _errors(inside, place, np.repeat(np.arange(fits), [log.shape[1] for log in kept]))
            lines.append(f"  {'  (SE)':28} {whole:5.1f}  {_row(errors)}")
    return lines


def _row(shares: list[float]) -> str:
    return " ".join(f"{share:5.1f}" for share in shares)


def _errors(inside: np.ndarray, place: np.ndarray, log: np.ndarray) -> list[float]:
    """Return the standard error of the coverage of all and of each decile, in points: rows of a log are as one draw."""
    hits = pd.DataFrame({"log": log, "place": place, "rows": 1.0, "over": inside})
    errors = []
    for own in (hits, *(hits[hits["place"] == tenth] for tenth in range(10))):
        by_log = own.groupby("log")[["rows", "over"]].sum().reindex(np.unique(log), fill_value=0.0)
        left = by_log["over"] - by_log["rows"] * own["over"].mean()
        n = len(by_log)
        errors.append(100 * float(np.sqrt(n / (n - 1) * (left**2).sum()) / len(own)))
    return errors


def _covered(model: ResponseModel, new: Law, what: str) -> np.ndarray:
    """Return what deciles are taken of, whether the interval covers, and its width, of shape (3, rows x arms)."""
    if what in (LEVEL, LEVEL_BY_CONTRAST):
        sure = model.predict_by_arm(new.X)
        predicted = sure if what == LEVEL else sure - sure[:, [new.arms.index(new.arms.baseline)]]
        (low, high), true = model.interval_by_arm(new.X), new.truth
        keep = np.arange(len(new.arms)) if what == LEVEL else np.flatnonzero(np.array(new.arms.names) != new.arms.baseline)
    else:
        reference = what.removeprefix("arm - ")
        predicted, low, high = model.contrast_by_arm(new.X, reference)
        r = new.arms.index(reference)
        true, keep = new.truth - new.truth[:, [r]], np.flatnonzero(np.arange(len(new.arms)) != r)
    inside = (low <= true) & (true <= high)
    return np.stack([values[:, keep].ravel().astype(float) for values in (predicted, inside, high - low)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", default=["confounded", "bureau"])
    parser.add_argument("--redraws", type=int, default=1_000)
    parser.add_argument("--learnt", type=int, default=100)
    parser.add_argument("--fits", type=int, default=30)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    made = f"lightgbm {lgb.__version__}, code {code_digest()}"
    lines = [f"{os.cpu_count()} cores, Python {platform.python_version()}, {made}"]
    for name in given.worlds:
        law = law_of(name, given.rows + 15_000)
        lines += ["", f"== {name} ({law.digest[:12]}), {len(law.truth):,} decisions"]
        if name == given.worlds[0]:
            lines += fixed_policy(law, given.redraws) + learnt_policy(law, given.learnt)
        lines += intervals(law, given.fits, given.rows)
    hand_out("\n".join(lines), given.out)


if __name__ == "__main__":
    main()
