"""The table of a contest: what each learner captured, and whether the marks are met."""

import os
import platform
from typing import Any

import numpy as np
from contest.judge import UNITS
from scipy.stats import t as student

OURS, PLAIN = "ours", "plain LightGBM"
# Worlds where there is something to learn, and the log can teach it.
LEARNABLE = ("randomised", "confounded", "fatigue", "outage", "stale", "lagged-ledger", "bureau", "self-cure", "drift")
LIMITED = ("no-overlap", "hidden")
FLAT_LOSS = 0.001
ABOUT = """\
Who learns best from a log: {n:,} decisions of ten arms, true propensities, judged by the truth on other borrowers' decisions.
share: of what an oracle gains over the best constant arm, the oracle being the best arm given the features (estimated from the
noise-free truth of another, larger draw). All get the same fallback: the best constant arm by the log, unless on a held-out
quarter the doubly robust gain over it has a lower bound (one-sided 95%) above 0. likely: left where the gain's estimate is
above 0. raw: no fallback. left: draws in which the constant arm was left. regret: against the oracle, in percentage points
repaid and in account currency. contrast: root mean squared error of P(arm) - P(none) against the truth. by arm, by fifth:
|mean predicted - mean true response|, averaged over arms, and over fifths of each arm's predictions.
Settings: six for each learner, chosen once on `confounded`, draw 1, by the squared error against doubly robust pseudo-outcomes
on the held-out quarter; ours: its defaults. A fit may take 600 s of one core; those over 120 s are run on the first draw alone.
cpu s: of the fit. MB: peak of its whole process."""
UNIT_HEAD = f"{'share':>7} {'(SE)':>6} {'likely':>7} {'raw':>7} {'regret':>7} {'left':>5}"
HEAD = (
    f"{'':24} {'draws':>5} | {UNIT_HEAD} | {UNIT_HEAD} | {'contrast':>8} {'by arm':>7} {'by fifth':>8} | {'cpu s':>6} {'MB':>6}"
)

Cell = dict[str, Any]


def report(cells: list[Cell], worlds: list[str], n: int, large: int) -> str:
    """Return everything as text."""
    blocks = [ABOUT.format(n=n), *_versions(cells)]
    missed: list[str] = []
    for world in worlds:
        own = [cell for cell in cells if cell["world"] == world and cell["n"] == n]
        if own:
            blocks += ["", *_world(world, own), *_gains(world, own, missed)]
        else:
            missed.append(f"{world}: nothing has been run")
        if big := [cell for cell in cells if cell["world"] == world and cell["n"] == large]:
            blocks += _against_large(big, own, large, missed)
    blocks += [
        "",
        "Missed, or not shown:" if missed else "Every mark that was looked at is met.",
        *(f"  {line}" for line in missed),
    ]
    return "\n".join(blocks)


def share(cell: Cell, unit: str, what: str = "value") -> float:
    """Return the part of what the oracle gains over the best constant arm; NaN where there is nothing to gain.

    `what` is "value", with the fallback; "own", without; "likely", with the fallback by the gain's estimate.
    """
    of = cell[unit]
    room = of["oracle"] - of["best_constant"]
    worth = of.get(what, of["own"] if of["held_gain"][0] > 0 else of["chosen_constant_value"])
    # Less than a thousandth of the value is no room to be shared.
    return (worth - of["best_constant"]) / room if room > FLAT_LOSS * abs(of["oracle"]) else float("nan")


def lower_bound(gains: list[float], confidence: float = 0.95) -> float:
    """Return the one-sided lower bound of a mean; NaN for fewer than two numbers.

    Examples
    --------
    >>> round(lower_bound([1.0, 2.0, 3.0]), 3)
    0.314
    """
    m = len(gains)
    if m < 2:
        return float("nan")
    return float(np.mean(gains) - student.ppf(confidence, m - 1) * np.std(gains, ddof=1) / np.sqrt(m))


def _versions(cells: list[Cell]) -> list[str]:
    versions = sorted({cell["version"] for cell in cells if cell.get("version")})
    mixed = sum(version.startswith("lighttouch") for version in versions) > 1
    lines = [f"{os.cpu_count()} cores, Python {platform.python_version()}; {'; '.join(versions)}"]
    return [*lines, "WARNING: results of different states of our code stand side by side"] if mixed else lines


def _world(world: str, cells: list[Cell]) -> list[str]:
    digests = {cell["seed"]: cell["digest"][:12] for cell in cells}
    rows = {cell["test_rows"] for cell in cells}
    lines = [f"== {world}: judged on {' / '.join(f'{n:,}' for n in rows)} rows; draws {digests}"]
    if good := [cell for cell in cells if not cell["failure"]]:
        for unit in UNITS:
            of, times = good[0][unit], 100 if unit == "response" else 1
            names = ("none", "logged", "best_constant", "oracle", "all_knowing")
            lines.append(
                f"   {unit}, draw {good[0]['seed']}: "
                + ", ".join(f"{name.replace('_', ' ')} {of[name] * times:.2f}" for name in names)
            )
    lines += [f"{'':30} | {'response':^44} | {'money':^44} |", HEAD]
    order = {name: at for at, name in enumerate((OURS, PLAIN))}
    for learner in sorted({cell["learner"] for cell in cells}, key=lambda name: (order.get(name, 9), name)):
        lines.append(_row(learner, [cell for cell in cells if cell["learner"] == learner]))
    return lines


def _row(learner: str, cells: list[Cell]) -> str:
    good = [cell for cell in cells if not cell["failure"]]
    if not good:
        return f"{learner:24} {cells[0]['failure']}"
    line = f"{learner:24} {len(good):>5}"
    for unit, times in zip(UNITS, (100, 1), strict=True):
        kinds = {what: np.array([share(cell, unit, what) for cell in good]) for what in ("value", "likely", "own")}
        own = kinds["value"]
        error = own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else float("nan")
        regret = times * np.mean([cell[unit]["oracle"] - cell[unit]["value"] for cell in good])
        left = np.mean([cell[unit]["leaves_constant"] for cell in good])
        line += f" | {own.mean():>7.3f} {error:>6.3f} {kinds['likely'].mean():>7.3f} {kinds['own'].mean():>7.3f}"
        line += f" {regret:>7.3f} {left:>5.0%}"
    line += f" | {np.mean([cell['contrast_error'] for cell in good]):>8.4f}"
    for key, width in (("by_arm", 7), ("by_fifth", 8)):
        line += f" {np.mean([cell[key] for cell in good]):>{width}.4f}" if key in good[0] else f" {'-':>{width}}"
    return (
        line
        + f" | {np.mean([cell['cpu_seconds'] for cell in good]):>6.0f} {np.mean([cell['peak_mb'] for cell in good]):>6,.0f}"
    )


def _gains(world: str, cells: list[Cell], missed: list[str]) -> list[str]:
    ours = {cell["seed"]: cell for cell in cells if cell["learner"] == OURS and not cell["failure"]}
    if not ours:
        missed.append(f"{world}: ours has not been run")
        return []
    if world == "flat":
        return [_flat(ours, missed)]
    if world in LIMITED:
        return [_limited(world, ours)]
    rivals: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        if cell["learner"] != OURS and not cell["failure"] and cell["seed"] in ours:
            rivals.setdefault(cell["learner"], {})[cell["seed"]] = cell
    lines = []
    for unit in UNITS if rivals else ():
        for what, called in (("value", "with the fallback"), ("own", "without")):
            # Each rival on the draws that it was run on.
            best = max(rivals, key=lambda name: np.mean([share(cell, unit, what) for cell in rivals[name].values()]))
            gains = [share(ours[seed], unit, what) - share(cell, unit, what) for seed, cell in rivals[best].items()]
            found = f"{np.mean(gains):+.3f} of the oracle's gain, lower bound (one-sided 95%) {lower_bound(gains):+.3f}"
            lines.append(f"   {unit}, {called}: ours minus the best other ({best}) {found}, {len(gains)} draws")
            if what == "value" and world in LEARNABLE and not lower_bound(gains) > 0:
                missed.append(f"{world}, {unit}: ours minus {best} is {found}: not above 0")
    return lines


def _flat(ours: dict[int, Cell], missed: list[str]) -> str:
    losses = [1 - cell["money"]["value"] / cell["money"]["best_constant"] for cell in ours.values()]
    if max(losses) > FLAT_LOSS:
        missed.append(f"flat: ours loses {max(losses):.2%} of the best constant arm's money")
    most = f"(at most {max(losses):.3%}; the mark: {FLAT_LOSS:.1%})"
    return f"   ours loses {np.mean(losses):.3%} of the best constant arm's money {most}"


def _limited(world: str, ours: dict[int, Cell]) -> str:
    left = np.mean([cell["money"]["leaves_constant"] for cell in ours.values()])
    choice = np.mean([cell["choice_share"] for cell in ours.values()])
    reasons = {cell["money"]["held_reason"] for cell in ours.values()} - {""}
    said = f"; the log says: {' / '.join(sorted(reasons))}" if reasons else ""
    return (
        f"   {world}: ours leaves the constant arm in {left:.0%} of draws; it sees a choice for {choice:.1%} of borrowers{said}"
    )


def _against_large(big: list[Cell], own: list[Cell], large: int, missed: list[str]) -> list[str]:
    plain = {cell["seed"]: cell for cell in big if cell["learner"] == PLAIN and not cell["failure"]}
    ours = {cell["seed"]: cell for cell in own if cell["learner"] == OURS and not cell["failure"]}
    lines = [_row(f"plain at n={large:,}", list(plain.values()))] if plain else []
    for unit in UNITS:
        pairs = [(share(ours[seed], unit), share(cell, unit)) for seed, cell in plain.items() if seed in ours]
        if pairs:
            mine, theirs = np.mean(pairs, axis=0)
            lines.append(f"   {unit}: ours at fewer rows {mine:.3f}, plain at {large:,} {theirs:.3f}, draws {len(pairs)}")
            if mine < theirs:
                missed.append(f"confounded, {unit}: ours {mine:.3f} is below plain LightGBM's {theirs:.3f} at n={large:,}")
    return lines
