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
    out = ROOM / "recs.parquet"

    start = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  arguments are written above
        [*COMMAND, "recommend", str(book), "--as-of", AS_OF, "--model", str(model), "--out", str(out)]
    )
    # The usage of this one child: RUSAGE_CHILDREN's peak would be the largest child's, such as the simulation's.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status:
        raise SystemExit("recommend failed")

    events = sum(pq.read_metadata(file).num_rows for file in sorted(book.glob("*.parquet")))
    rows = [
        ("borrowers", f"{options.borrowers:,}"),
        ("rows in the event tables", f"{events:,}"),
        ("recommendations", f"{pq.read_metadata(out).num_rows:,}"),
        ("wall time", f"{wall:.1f} s"),
        ("processor time", f"{usage.ru_utime + usage.ru_stime:.1f} s"),
        ("peak memory", f"{usage.ru_maxrss / 2**20:.2f} GiB"),
        ("cores", f"{os.cpu_count()}"),
        ("python", platform.python_version()),
        *((name, version(name)) for name in ("lighttouch", "duckdb", "ibis-framework", "lightgbm", "pandas", "numpy")),
    ]
    print("\nlighttouch recommend, whole process")
    for name, figure in rows:
        print(f"  {name:<28}{figure:>16}")


if __name__ == "__main__":
    main()
