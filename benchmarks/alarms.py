"""Ask of logs whose fault is known whether the alarms ring where it is, and only there.

Public data sets and simulated books of which it is known how the arms came about (`alarm_logs.py`): every question's answer,
with the reason of whatever rings; then how often each rings in small draws of the books. Where arms were drawn, and all that
is stated is true, nothing should refuse; effect calibration asks at 95% and so may warn of one log in twenty.

    python benchmarks/alarms.py --data FOLDER --out benchmarks/results/alarms.txt      # about half an hour on 2 cores
    python benchmarks/alarms.py --draws 0                                              # no repetition

FOLDER holds the real data sets (default: LIGHTTOUCH_REAL_DATA); without it the letters in `examples/` alone are asked.
"""

import argparse
import os
import platform
import textwrap
import time
from collections import Counter
from pathlib import Path

import lightgbm as lgb
from alarm_logs import LARGE, SMALL, Case, real_cases, world_cases
from contest.cells import code_digest
from joblib import Parallel, delayed
from lighttouch.training.alarms.ring import Alarm
from printed import hand_out

QUESTIONS = (
    "never logged", "no overlap", "thin support", "reverse causation", "placebo outcomes", "effect calibration", "sensitivity",
)  # fmt: skip
WIDTH = 9
SEED = 1


def header(rows: str = "rows", arms: str = "arms") -> list[str]:
    """Return the heads of the columns, in two lines."""
    words = [question.split() for question in QUESTIONS]
    tops, ends = ("".join(f"{''.join(word[at : at + 1])[: WIDTH - 1]:{WIDTH}}" for word in words).rstrip() for at in (0, 1))
    return [f"{'':42} {'':7} {'':5}  {tops}", f"{'':42} {rows:>7} {arms:>5}  {ends}"]


def asked(case: Case) -> tuple[list[str], list[str], tuple[Alarm, ...]]:
    """Return a case's line, what rings in words, and the answers."""
    start = time.perf_counter()
    rows, arms, found = case.ask()
    by_name = {alarm.name: alarm for alarm in found}
    line = f"{case.name:42} {rows:7,} {arms:5}  " + "".join(f"{by_name[name].severity:{WIDTH}}" for name in QUESTIONS)
    words = [f"{case.name}: {alarm}" for alarm in found if alarm.rings]
    print(f"{case.name}: {time.perf_counter() - start:.0f} s", flush=True)
    return [line.rstrip() + ("" if kept(case, found) else "   NOT AS IT SHOULD")], words, found


def kept(case: Case, found: tuple[Alarm, ...]) -> bool:
    """Say whether what must ring rings, and nothing refuses where nothing is at fault."""
    if case.rings:
        return any(alarm.rings for alarm in found if alarm.name == case.rings)
    return all(alarm.severity != "refuse" for alarm in found)


def together(cases: list[Case]) -> tuple[list[str], list[str]]:
    """Return the lines of some cases, and what rings in words."""
    lines: list[str] = []
    words: list[str] = []
    for case in cases:
        line, told, _ = asked(case)
        lines += line
        words += told
    return lines, words


def severities(seed: int) -> dict[str, dict[str, str]]:
    """Return question to severity, by world, in one small draw of each."""
    return {case.name: {alarm.name: alarm.severity for alarm in case.ask()[2]} for case in world_cases(seed, SMALL)}


def repeated(draws: int) -> list[str]:
    """Return how often each question refuses and warns in so many draws of each world."""
    found = Parallel(n_jobs=os.cpu_count())(delayed(severities)(100 + at) for at in range(draws))
    lines = []
    for case in world_cases(0, SMALL):
        counts = {name: Counter(one[case.name][name] for one in found) for name in QUESTIONS}
        cells = [f"{count['refuse']} + {count['warn']}" for count in counts.values()]
        lines.append(f"{case.name:42} {draws:7} {'':5}  {''.join(f'{cell:{WIDTH}}' for cell in cells)}".rstrip())
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    real = os.environ.get("LIGHTTOUCH_REAL_DATA")
    parser.add_argument("--data", type=Path, default=Path(real) if real else None)
    parser.add_argument("--draws", type=int, default=25)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    made = f"Python {platform.python_version()}, lightgbm {lgb.__version__}, code {code_digest()}"
    lines = ["Every question that training asks of a log, and where it rings.", f"{os.cpu_count()} cores, {made}"]
    words: list[str] = []
    for title, cases in (
        ("public data sets", real_cases(given.data)),
        (f"simulated books, {LARGE[0]:,} borrowers, {LARGE[1]} days, draw {SEED}", world_cases(SEED, LARGE)),
    ):
        found, told = together(cases)
        lines += ["", f"== {title}", *header(), *found]
        words += told
    if given.draws:
        what = f"draws of {SMALL[0]} borrowers, {SMALL[1]} days: how many refuse + warn"
        lines += [
            "",
            f"== {given.draws} {what}",
            *header()[:1],
            header()[1].replace("   rows", "  draws").replace(" arms", "     "),
        ]
        lines += repeated(given.draws)
    lines += ["", "== what rings, in its words"]
    for word in words:
        lines += textwrap.wrap(word, 130, subsequent_indent="    ")
    hand_out("\n".join(lines), given.out)


if __name__ == "__main__":
    main()
