"""The nightly job at size: `lighttouch recommend` on 200,000 borrowers with about 10 M events, as a user runs it.

Wall time and peak memory of the whole process, tables on disk to recommendations on disk. The book and the model are made
first (outside the clock) under var/benchmarks and kept, so that a second run starts at once.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

ROOM = Path("var/benchmarks")
COMMAND = [sys.executable, "-m", "lighttouch"]
AS_OF = "2026-11-20T22:00Z"


def prepare(borrowers: int, days: int) -> tuple[Path, Path]:
    """Return a book of that size and a model, made where they are missing."""
    small, book, model = ROOM / "learning-book", ROOM / f"book-{borrowers}", ROOM / "model"
    if not model.exists():
        run("simulate", "--world", "confounded", "--borrowers", "20000", "--seed", "1", "--out", str(small))
        run("train", str(small), "--save", str(model))
    if not book.exists():
        run(
            "simulate",
            "--world",
            "confounded",
            "--borrowers",
            str(borrowers),
            "--days",
            str(days),
            "--seed",
            "2",
            "--out",
            str(book),
        )
    return book, model


def without_log(book: Path) -> Path:
    """Return the same book without its decision log: nothing stands, everyone who is overdue is decided on."""
    bare = book.with_name(f"{book.name}-first-night")
    bare.mkdir(exist_ok=True)
    for file in book.glob("*.parquet"):
        if file.stem != "decisions" and not (bare / file.name).exists():
            (bare / file.name).hardlink_to(file)
    return bare


def measure(book: Path, model: Path) -> dict[str, str]:
    """Run one night as a process of its own and return what it took."""
    out = ROOM / f"{book.name}.recs.parquet"
    start = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  arguments are written above
        [*COMMAND, "recommend", str(book), "--as-of", AS_OF, "--model", str(model), "--out", str(out)]
    )
    # The usage of this one child: the usage of all children would have the simulation's peak in it.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status:
        raise SystemExit("recommend failed")
    standing = pq.read_table(out, columns=["standing"])["standing"].to_pylist()
    return {
        "rows in the event tables": f"{sum(pq.read_metadata(file).num_rows for file in book.glob('*.parquet')):,}",
        "decisions": f"{standing.count(False):,}",
        "standing decisions": f"{standing.count(True):,}",
        "wall time": f"{wall:.1f} s",
        "processor time": f"{usage.ru_utime + usage.ru_stime:.1f} s",
        "peak memory": f"{usage.ru_maxrss / 2**20:.2f} GiB",
    }


def run(*arguments: str) -> None:
    """Run a command of the package."""
    subprocess.run([*COMMAND, *arguments], check=True)  # noqa: S603  arguments are written above


def main() -> None:
    """Prepare, time one night, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrowers", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=470)
    options = parser.parse_args()
    book, model = prepare(options.borrowers, options.days)
    nights = {"as it stands": measure(book, model), "first night": measure(without_log(book), model)}
    print(f"\nlighttouch recommend, whole process, {options.borrowers:,} borrowers")
    print(f"  {'':<28}" + "".join(f"{name:>16}" for name in nights))
    for figure in next(iter(nights.values())):
        print(f"  {figure:<28}" + "".join(f"{night[figure]:>16}" for night in nights.values()))
    libraries = ("lighttouch", "duckdb", "ibis-framework", "lightgbm", "pandas", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    print(f"  {os.cpu_count()} cores; Python {platform.python_version()}; {versions}")


if __name__ == "__main__":
    main()
