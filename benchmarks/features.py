"""Window features of a large book: ours against the same in lazy Polars and plain pandas, in one run.

Forty features a borrower: contacts by channel and outcome, and payments, over the last 7, 30, 90 and 365 days. The data are
generated as Parquet; every engine reads these files in a process of its own, with two threads, and hands out a table that
is compared number by number. Time is from opened files to that table, without imports. Run it as

    python benchmarks/features.py --events 1000000 10000000 --borrowers 200000 --out benchmarks/results/features.txt
"""

# ruff: noqa: PLC0415 (each engine is imported in its own process alone, so that the memory is its own)

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from feature_engines import AS_OF, NAMES, THREADS, ours, pandas, polars
from printed import hand_out

PEERS = ("ours", "polars", "polars, one instant", "pandas")


def generate(folder: Path, events: int, borrowers: int) -> None:
    """Write contacts (four in five events), payments, loans and borrowers."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from lighttouch.data.vocabulary import CHANNELS, OUTCOMES

    rng = np.random.default_rng(0)
    now = np.datetime64(AS_OF, "us")
    people = pa.array([f"b{i:07d}" for i in range(borrowers)])
    loans = pa.array([f"l{i:07d}" for i in range(borrowers)])

    def words(options: tuple[str, ...], p: list[float] | None, n: int) -> pa.Array:
        return pa.array(options).take(pa.array(rng.choice(len(options), n, p=p)))

    def instants(n: int) -> np.ndarray:
        return now - (rng.random(n) * 730 * 86_400e6).astype(np.int64).astype("timedelta64[us]")

    owners = {"borrower_id": people, "valid_from": pa.array(np.full(borrowers, now - np.timedelta64(900, "D")))}
    pq.write_table(pa.table(owners | {"jurisdiction": pa.array(["CN"] * borrowers)}), folder / "borrowers.parquet")
    lent = {"loan_id": loans, "borrower_id": people, "opened_at": owners["valid_from"]}
    fixed = {"product": pa.array(["cash"] * borrowers), "currency": pa.array(["CNY"] * borrowers)}
    principal = {"principal": pa.array(np.full(borrowers, 1000.0)).cast(pa.decimal128(18, 2))}
    pq.write_table(pa.table(lent | fixed | principal), folder / "loans.parquet")
    n = events * 4 // 5
    at = instants(n)
    contacts = {
        "contact_id": pa.array(np.arange(n)).cast(pa.string()),
        "borrower_id": people.take(pa.array(rng.integers(0, borrowers, n))),
        "channel": words(CHANNELS, [0.4, 0.25, 0.05, 0.05, 0.1, 0.1, 0.03, 0.01, 0.01], n),
        "direction": words(("out", "in"), [0.95, 0.05], n),
        "outcome": words(OUTCOMES, None, n),
        "at": at,
        "known_at": at + np.timedelta64(1, "h"),
    }
    pq.write_table(pa.table(contacts), folder / "contacts.parquet")
    n = events - n
    at = instants(n)
    payments = {
        "payment_id": pa.array(np.arange(n)).cast(pa.string()),
        "loan_id": loans.take(pa.array(rng.integers(0, borrowers, n))),
        "kind": words(("payment", "reversal"), [0.97, 0.03], n),
        "paid_at": at,
        "posted_at": at + np.timedelta64(1, "D"),
        "amount": pa.array(rng.integers(100, 1_000_000, n) / 100).cast(pa.decimal128(18, 2), safe=False),
    }
    pq.write_table(pa.table(payments), folder / "payments.parquet")


def measure(peer: str, folder: Path, out: Path) -> None:
    """Run one engine in this process; print seconds and peak memory as JSON."""
    import pyarrow.parquet as pq

    engines = {"ours": ours, "polars": polars, "polars, one instant": partial(polars, one_instant=True), "pandas": pandas}
    steps = engines[peer](folder)
    next(steps)
    start, worked = time.perf_counter(), time.process_time()
    table = next(steps)
    seconds, cpu = time.perf_counter() - start, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pq.write_table(table, out)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak}))


def child(*arguments: object) -> str:
    """Run this file again in a small process, so that the peak is the child's own."""
    limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), THREADS)
    command = [sys.executable, "-W", "ignore", __file__, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | limits).stdout  # noqa: S603


def compare(room: Path) -> list[str]:
    """Return the names of features in which a peer differs from ours."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(room / f"{peer}.parquet") for peer in PEERS]
    return [
        f"{peer}: {name}"
        for peer, table in zip(PEERS[1:], tables[1:], strict=True)
        for name in NAMES
        # Polars divides by a constant through its reciprocal, so that a sum may differ in its last bit.
        if not np.allclose(tables[0][name].to_numpy(), table[name].to_numpy(), rtol=1e-15, atol=0.0)
    ]


def run(events: int, borrowers: int, repeats: int) -> list[str]:
    """Measure every engine on one book; return the lines of the table."""
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        data = room / "data"
        data.mkdir()
        child("--generate", data, "--events", events, "--borrowers", borrowers)
        best: dict[str, dict[str, float]] = {}
        # Engines take turns, so that a busy moment of the machine does not fall on one of them alone.
        for _ in range(repeats):
            for peer in PEERS:
                found = json.loads(child("--peer", peer, "--data", data, "--result", room / f"{peer}.parquet"))
                best[peer] = min(best.get(peer, found), found, key=lambda f: f["seconds"])
        differing = compare(room)
    lines = [
        f"{events:>11,} {borrowers:>9,}  {peer:<20} {found['seconds']:>8.2f} {found['cpu']:>8.2f} {found['peak_mb']:>9,.0f}"
        f" {found['seconds'] / best['polars']['seconds']:>10.2f}"
        for peer, found in best.items()
    ]
    return [*lines, f"{'':>23}results: {'equal, all 40 features' if not differing else 'DIFFER in ' + ', '.join(differing)}"]


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--borrowers", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path)
    for hidden in ("--generate", "--peer", "--data", "--result"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.generate:
        generate(Path(given.generate), given.events[0], given.borrowers)
        return
    if given.peer:
        measure(given.peer, Path(given.data), Path(given.result))
        return
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "ibis-framework", "polars", "pandas"))
    lines = [
        "40 window features per borrower: contact counts by channel, outcome and window; payment sums and counts by window",
        f"{os.cpu_count()} cores, {THREADS} threads each, best of {given.repeats}",
        f"Python {platform.python_version()}, {versions}",
        f"{'events':>11} {'borrowers':>9}  {'engine':<20} {'seconds':>8} {'CPU s':>8} {'peak MB':>9} {'/ polars':>10}",
    ]
    for events in given.events:
        lines += run(events, given.borrowers, given.repeats)
    text = "\n".join(lines)
    hand_out(text, given.out)


if __name__ == "__main__":
    main()
