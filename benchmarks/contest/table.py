"""The table of a contest: what each learner captured, and whether the marks are met."""

import os
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from contest.budgets import CONTENDERS
from contest.judge import UNITS
from scipy.stats import norm
from scipy.stats import t as student

OURS, PLAIN = "ours", "plain LightGBM"
# Worlds where there is something to learn, and the log can teach it.
LEARNABLE = ("randomised", "confounded", "fatigue", "outage", "stale", "lagged-ledger", "bureau", "self-cure", "drift")
LIMITED = ("no-overlap", "hidden")
# Draws of each world for every learner that fits within so many seconds; the slower ones are run on the first draw alone.
DRAWS, QUICK_SECONDS = 5, 120.0
FLAT_LOSS = 0.001
ABOUT = """\
Who learns best from a log: {n:,} decisions of ten arms, true propensities, judged by the truth on other borrowers' decisions.
share: of what an oracle gains over the best constant arm, the oracle being the best arm given the features (estimated from the
noise-free truth of another, larger draw). All get the same fallback to the best constant arm by the log, taken where
cross-fitting in three folds by borrower shows the learner's policy to be worse: on the fold that neither it nor the constant
arm was chosen on, its doubly robust gain is more than a standard error below 0. raw: no fallback. nan: nothing to gain, or the
check was not run. likely: the constant arm unless the gain is above 0. sure: unless its lower bound (one-sided 95%) is. left:
draws in which the constant arm was left. regret: against the oracle, in percentage points repaid and in account currency.
contrast: root mean squared error of P(arm) - P(none) against the truth. by arm, by fifth: |mean predicted - mean true
response|, averaged over arms, and over fifths of each arm's predictions.
Settings: six for each learner, chosen once on `confounded`, draw 1, by the squared error against doubly robust pseudo-outcomes
on the held-out quarter; ours: its defaults, of which the eighth of a standard error that leaving the constant arm must clear,
and the outlook's share of the prior, were chosen by the truth on draws 6 to 8 of six of these worlds (ADR 14); draws 1 to 5
were in sight of earlier choices (ADR 11), draw 5 of `confounded` when the outlook was thought of; draws 11 to 15 of none.
A fit may take 600 s of one core; those over 120 s are run on the first draw alone.
cpu s: of the fit. MB: peak of its whole process."""
RULES = {"fallback": "with the fallback", "raw": "without", "likely": "likely", "sure": "sure"}
POOLED = ("fallback", "raw")
NAMES = {"response": "points repaid", "money": "of account currency per decision"}
UNIT_HEAD = f"{'share':>6} {'(SE)':>5} {'raw':>6} {'(SE)':>5} {'likely':>6} {'sure':>6} {'regret':>6} {'left':>4}"
HEAD = (
    f"{'':24} {'draws':>5} | {UNIT_HEAD} | {UNIT_HEAD} | {'contrast':>8} {'by arm':>7} {'by fifth':>8} | {'cpu s':>6} {'MB':>6}"
)

Cell = dict[str, Any]


def report(cells: list[Cell], worlds: list[str], n: int, large: int, draws: int = DRAWS) -> str:
    """Return everything as text; `draws` is how many of each world there should be."""
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
    missed += _not_run([cell for cell in cells if cell["n"] == n], worlds, draws)
    blocks += _pooled([cell for cell in cells if cell["n"] == n and cell["world"] in LEARNABLE and cell["world"] in worlds])
    blocks += [
        "",
        "Missed, or not shown:" if missed else "Every mark that was looked at is met.",
        *(f"  {line}" for line in missed),
    ]
    return "\n".join(blocks)


def _not_run(cells: list[Cell], worlds: list[str], draws: int) -> list[str]:
    """Say which learners are missing on which worlds, and which worlds have fewer draws than there should be."""
    lines = []
    for learner in CONTENDERS:
        own = [cell for cell in cells if cell["learner"] == learner]
        slow = any(cell["failure"] or cell["cpu_seconds"] > QUICK_SECONDS for cell in own)
        drawn = {world: {cell["seed"] for cell in own if cell["world"] == world} for world in worlds}
        absent = [world for world, seeds in drawn.items() if not seeds]
        few = [f"{world} ({len(seeds)})" for world, seeds in drawn.items() if 0 < len(seeds) < (1 if slow else draws)]
        lines += [f"{learner} was not run on {', '.join(absent)}"] if absent else []
        lines += [f"{learner} was run on fewer than {draws} draws of {', '.join(few)}"] if few else []
        unchecked = {cell["world"] for cell in own if not cell["failure"] and "gain" not in cell["money"]}
        lines += [f"{learner}: the fallback was not checked on {', '.join(sorted(unchecked))}"] if unchecked else []
    return lines


def _pooled(cells: list[Cell]) -> list[str]:
    """Return ours against each other learner over the draws of all learnable worlds on which both were run."""
    ours = {(cell["world"], cell["seed"]): cell for cell in cells if cell["learner"] == OURS and not cell["failure"]}
    lines: list[str] = []
    for title, measure in (
        ("of the oracle's gain, which in some draws is small", share),
        ("points repaid, and account currency per decision", amount),
    ):
        lines += [
            "",
            f"== ours minus each, over the draws of all learnable worlds: mean, and lower bound (one-sided 95%); {title}",
        ]
        lines += _against_each(cells, ours, measure)
    return lines


def _against_each(
    cells: list[Cell], ours: dict[tuple[str, int], Cell], measure: Callable[[Cell, str, str], float]
) -> list[str]:
    heads = " ".join(f"| {unit + ', ' + RULES[what]:^29}" for unit in UNITS for what in POOLED)
    lines = [f"{'':24} {'draws':>5} {heads}"]
    for learner in sorted({cell["learner"] for cell in cells} - {OURS}):
        own = {(cell["world"], cell["seed"]): cell for cell in cells if cell["learner"] == learner and not cell["failure"]}
        both = sorted(own.keys() & ours.keys())
        told = ""
        for unit in UNITS:
            for what in POOLED:
                gains = [measure(ours[at], unit, what) - measure(own[at], unit, what) for at in both]
                gains = [gain for gain in gains if not np.isnan(gain)]
                told += f" | {np.mean(gains):>+14.3f} {lower_bound(gains):>+14.3f}" if gains else f" | {'-':^29}"
        lines.append(f"{learner:24} {len(both):>5}{told}")
    return lines


def share(cell: Cell, unit: str, what: str = "fallback") -> float:
    """Return the part of what the oracle gains over the best constant arm; NaN where there is nothing to gain.

    `what` is one of `RULES`.
    """
    of = cell[unit]
    room = of["oracle"] - of["best_constant"]
    # Less than a thousandth of the value is no room to be shared.
    return (worth(of, what) - of["best_constant"]) / room if room > FLAT_LOSS * abs(of["oracle"]) else float("nan")


def amount(cell: Cell, unit: str, what: str = "fallback") -> float:
    """Return what a learner's policy is worth, in points repaid or account currency per decision."""
    return worth(cell[unit], what) * (100 if unit == "response" else 1)


def worth(of: Cell, what: str = "fallback") -> float:
    """Return what a learner's policy is worth in one unit, with a fallback or without; NaN where its check was not run."""
    if what != "raw" and "gain" not in of:
        return float("nan")
    return float(of["own"] if left(of, what) else of["chosen_constant_value"])


def left(of: Cell, what: str = "fallback") -> bool:
    """Tell whether the constant arm is left."""
    if what == "raw":
        return True
    gain, low = of["gain"], of["low"]
    error = (gain - low) / norm.ppf(0.95)
    return bool(of["supported"] and {"fallback": gain >= -error, "likely": gain > 0, "sure": low > 0}[what])


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
    lines += [f"{'':30} | {'response':^51} | {'money':^51} |", HEAD]
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
        kinds = {what: np.array([share(cell, unit, what) for cell in good]) for what in RULES}
        regret = times * np.mean([cell[unit]["oracle"] - worth(cell[unit]) for cell in good])
        often = np.mean([left(cell[unit]) for cell in good]) if all("gain" in cell[unit] for cell in good) else np.nan
        line += (
            f" | {_mean(kinds['fallback'])} {_mean(kinds['raw'])} {kinds['likely'].mean():>6.3f} {kinds['sure'].mean():>6.3f}"
        )
        line += f" {regret:>6.3f} {often:>4.0%}"
    line += f" | {np.mean([cell['contrast_error'] for cell in good]):>8.4f}"
    for key, width in (("by_arm", 7), ("by_fifth", 8)):
        line += f" {np.mean([cell[key] for cell in good]):>{width}.4f}" if key in good[0] else f" {'-':>{width}}"
    return (
        line
        + f" | {np.mean([cell['cpu_seconds'] for cell in good]):>6.0f} {np.mean([cell['peak_mb'] for cell in good]):>6,.0f}"
    )


def _mean(values: np.ndarray) -> str:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():>6.3f} {error:>5.3f}"


def _gains(world: str, cells: list[Cell], missed: list[str]) -> list[str]:
    ours = {cell["seed"]: cell for cell in cells if cell["learner"] == OURS and not cell["failure"]}
    if not ours:
        missed.append(f"{world}: ours has not been run")
        return []
    said = _refused(world, ours, missed)
    if world == "flat" or world in LIMITED:
        checked = {seed: cell for seed, cell in ours.items() if "gain" in cell["money"]}
        judge = _flat if world == "flat" else _limited
        return [*said, judge(world, checked, missed)] if checked else said
    rivals: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        if cell["learner"] != OURS and not cell["failure"] and cell["seed"] in ours:
            rivals.setdefault(cell["learner"], {})[cell["seed"]] = cell
    lines = said
    for unit in UNITS if rivals else ():
        for what, called in RULES.items():
            # Each rival on the draws that it was run on.
            means = {name: np.mean([share(cell, unit, what) for cell in own.values()]) for name, own in rivals.items()}
            best = max(means, key=lambda name: np.nan_to_num(means[name], nan=-np.inf))
            gains = [share(ours[seed], unit, what) - share(cell, unit, what) for seed, cell in rivals[best].items()]
            plain = [amount(ours[seed], unit, what) - amount(cell, unit, what) for seed, cell in rivals[best].items()]
            found = f"{np.mean(gains):+.3f} of the oracle's gain, lower bound (one-sided 95%) {lower_bound(gains):+.3f}"
            told = f"{np.mean(plain):+.3f} {NAMES[unit]}, lower bound {lower_bound(plain):+.3f}"
            lines.append(f"   {unit}, {called}: ours minus the best other ({best}) {found}; {told}; {len(gains)} draws")
            if what == "fallback" and world in LEARNABLE and not lower_bound(gains) > 0:
                missed.append(f"{world}, {unit}: ours minus {best} is {found}: not above 0")
    return lines


def _refused(world: str, ours: dict[int, Cell], missed: list[str]) -> list[str]:
    """Say of how many draws training refuses the log, and by which alarms."""
    asked = [cell["refused_by"] for cell in ours.values() if "refused_by" in cell]
    if not asked:
        return []
    refused = [names for names in asked if names]
    if refused and world not in LIMITED:
        missed.append(f"{world}: training refuses {len(refused)} of {len(asked)} logs, although the truth can be learnt there")
    named = ", ".join(sorted({name for names in refused for name in names}))
    return [f"   training refuses the log of {len(refused)} of {len(asked)} draws{f' ({named})' if named else ''}"]


def _flat(world: str, ours: dict[int, Cell], missed: list[str]) -> str:
    losses = [1 - worth(cell["money"]) / cell["money"]["best_constant"] for cell in ours.values()]
    if max(losses) > FLAT_LOSS:
        missed.append(f"{world}: ours loses {max(losses):.2%} of the best constant arm's money")
    most = f"(at most {max(losses):.3%}; the mark: {FLAT_LOSS:.1%})"
    return f"   ours loses {np.mean(losses):.3%} of the best constant arm's money {most}; {len(ours)} draws"


def _limited(world: str, ours: dict[int, Cell], missed: list[str]) -> str:
    often = np.mean([left(cell["money"]) for cell in ours.values()])
    # Where training refuses the log no model of it decides.
    if loose := np.mean([left(cell["money"]) and not cell.get("refused_by") for cell in ours.values()]):
        missed.append(f"{world}: ours leaves the constant arm in {loose:.0%} of draws, although nothing can be learnt there")
    choice = np.mean([cell["choice_share"] for cell in ours.values()])
    reasons = {cell["money"]["reason"] for cell in ours.values()} - {""}
    said = f"; the log says: {' / '.join(sorted(reasons))}" if reasons else ""
    seen = f"it sees a choice for {choice:.1%} of borrowers"
    return f"   {world}: ours leaves the constant arm in {often:.0%} of {len(ours)} draws; {seen}{said}"


def _against_large(big: list[Cell], own: list[Cell], large: int, missed: list[str]) -> list[str]:
    plain = {cell["seed"]: cell for cell in big if cell["learner"] == PLAIN and not cell["failure"]}
    ours = {cell["seed"]: cell for cell in own if cell["learner"] == OURS and not cell["failure"]}
    lines = [_row(f"plain at n={large:,}", list(plain.values()))] if plain else []
    for unit in UNITS:
        for what, called in RULES.items():
            pairs = [(share(ours[seed], unit, what), share(cell, unit, what)) for seed, cell in plain.items() if seed in ours]
            if not pairs:
                continue
            mine, theirs = np.mean(pairs, axis=0)
            lines.append(f"   {unit}, {called}: ours {mine:.3f}, plain at {large:,} {theirs:.3f}, draws {len(pairs)}")
            if what == "fallback" and mine < theirs:
                missed.append(f"confounded, {unit}: ours {mine:.3f}, plain LightGBM at n={large:,} {theirs:.3f}")
    return lines
