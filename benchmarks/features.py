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
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

WINDOWS = (7, 30, 90, 365)
# Channel and outcomes of what is counted; None is any.
CELLS = (
    (None, None),
    ("sms", None),
    ("sms", ("delivered", "read", "replied", "clicked")),
    ("call", None),
    ("call", ("conversation",)),
    ("email", None),
    ("app_push", None),
    (None, ("not_connected", "bounced", "answered_wrong_party")),
)
NAMES = [f"cell_{i}_{days}d" for i in range(len(CELLS)) for days in WINDOWS]
NAMES += [f"payment_{what}_{days}d" for what in ("sum", "count") for days in WINDOWS]
PEERS = ("ours", "polars", "polars, one instant", "pandas")
THREADS = "2"
AS_OF = "2026-11-20T22:00:00"


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


def ours(folder: Path) -> Iterator[Any]:
    """Compute the features through the package's point-in-time windows, on its embedded DuckDB."""
    import ibis
    import pyarrow as pa
    from lighttouch.data.book import Book, connect
    from lighttouch.data.settings import LedgerSettings
    from lighttouch.features.engine import ContractTables, DuckEngine
    from lighttouch.features.ledger import known_payments, point_loans
    from lighttouch.features.points import decision_points
    from lighttouch.features.windows import Measure, age_band, seen_events, window_totals, with_edges

    connection = connect()
    connection.raw_sql(f"SET threads = {THREADS}")
    for file in folder.glob("*.parquet"):
        connection.raw_sql(f"CREATE VIEW {file.stem} AS SELECT * FROM '{file}'")  # noqa: S608
    connection.raw_sql(
        "CREATE TABLE status_events (borrower_id VARCHAR, loan_id VARCHAR, kind VARCHAR, channel VARCHAR, "
        '"at" TIMESTAMP, until TIMESTAMP, known_at TIMESTAMP)'
    )
    book, tables, ledger = Book(connection), ContractTables(), LedgerSettings()
    yield
    borrowers = connection.con.sql("SELECT borrower_id FROM borrowers ORDER BY borrower_id").to_arrow_table()["borrower_id"]
    points = decision_points(borrowers, AS_OF + "Z", ledger)
    types = {"point_id": "int64", "borrower_id": "string", "as_of": "timestamp(6)", "as_of_date": "date"}
    lent = ibis.table(types, name="points")

    contacts = tables.table("contacts")
    tried = seen_events(
        with_edges(lent), contacts.filter(contacts.direction == "out"), "channel", "outcome", oldest=WINDOWS[-1]
    )

    def cell(channel: str | None, outcomes: tuple[str, ...] | None) -> Any:
        tests = [lambda t: t.channel == channel] if channel else []
        tests += [lambda t: t.outcome.isin(outcomes)] if outcomes else []
        return (lambda t: ibis.and_(*(test(t) for test in tests))) if tests else None

    measures = [Measure(f"cell_{i}", cell(*key)) for i, key in enumerate(CELLS)]
    wanted = {f"cell_{i}_{days}d": (f"cell_{i}", days) for i in range(len(CELLS)) for days in WINDOWS}
    counts = window_totals(tried, measures, wanted)

    paid = known_payments(tables, point_loans(tables, with_edges(lent), *(f"from_{days}d" for days in WINDOWS)))
    paid = paid.filter((paid.paid_at < paid.as_of) & (paid.paid_at >= paid[f"from_{WINDOWS[-1]}d"]))
    acts = paid.select("point_id", "kind", cents=(paid.net * 100).cast("int64"), band=age_band(paid, paid.paid_at))
    measures = [Measure("sum", total=lambda t: t.cents), Measure("count", where=lambda t: t.kind == "payment")]
    sums = window_totals(acts, measures, {f"payment_{m}_{d}d": (m, d) for m in ("sum", "count") for d in WINDOWS})

    with DuckEngine(book) as engine:
        engine.lend("points", points)
        n, parts = points.num_rows, []
        for table in (counts, sums):
            found = engine.read(table)
            for name in [name for name in found.column_names if name != "point_id"]:
                column = np.zeros(n)
                column[found["point_id"].to_numpy()] = found[name].fill_null(0).to_numpy()
                parts.append((name, column / 100.0 if name.startswith("payment_sum") else column))
    yield pa.table(dict(parts)).select(NAMES)


def polars(folder: Path, *, one_instant: bool = False) -> Iterator[Any]:
    """Compute the features with lazy expressions and the streaming engine.

    Without `one_instant` every borrower has an as_of of their own, as for us; with it the query may be written for one.
    """
    import polars as pl

    yield
    start = pl.lit(AS_OF).str.to_datetime(time_unit="us")
    people = pl.scan_parquet(folder / "borrowers.parquet").select("borrower_id", as_of=start)
    as_of = start if one_instant else pl.col("as_of")

    def seen(events: pl.LazyFrame, known: str, at: str) -> pl.LazyFrame:
        events = events if one_instant else events.join(people, on="borrower_id")
        return events.filter((pl.col(known) < as_of) & (pl.col(at) < as_of) & inside(at, WINDOWS[-1]))

    def inside(column: str, days: int) -> pl.Expr:
        return pl.col(column) >= as_of - pl.duration(days=days)

    def cell(channel: str | None, outcomes: tuple[str, ...] | None) -> pl.Expr:
        test = pl.col("channel") == channel if channel else pl.lit(value=True)
        return test & pl.col("outcome").is_in(list(outcomes)) if outcomes else test

    contacts = pl.scan_parquet(folder / "contacts.parquet").filter(pl.col("direction") == "out")
    counts = (
        seen(contacts, "known_at", "at")
        .group_by("borrower_id")
        .agg(
            (cell(*key) & inside("at", days)).sum().alias(f"cell_{i}_{days}d")
            for i, key in enumerate(CELLS)
            for days in WINDOWS
        )
    )
    cents = (pl.col("amount") * 100).cast(pl.Int64)
    net = pl.when(pl.col("kind").is_in(["payment", "waiver"])).then(cents).otherwise(-cents)
    loans = pl.scan_parquet(folder / "loans.parquet").select("loan_id", "borrower_id")
    payments = pl.scan_parquet(folder / "payments.parquet").join(loans, on="loan_id").with_columns(net=net)
    paid = pl.col("kind") == "payment"
    sums = (
        seen(payments, "posted_at", "paid_at")
        .group_by("borrower_id")
        .agg(
            *(pl.col("net").filter(inside("paid_at", days)).sum().alias(f"payment_sum_{days}d") for days in WINDOWS),
            *((paid & inside("paid_at", days)).sum().alias(f"payment_count_{days}d") for days in WINDOWS),
        )
    )
    joined = people.join(counts, on="borrower_id", how="left").join(sums, on="borrower_id", how="left").sort("borrower_id")
    table = joined.select(pl.col(NAMES).cast(pl.Float64).fill_null(0.0)).collect(engine="streaming")
    yield table.with_columns(pl.col(f"payment_sum_{days}d") / 100.0 for days in WINDOWS).to_arrow()


def pandas(folder: Path) -> Iterator[Any]:
    """Compute the features the plain way: a mask and a count for each."""
    import pandas as pd
    import pyarrow as pa

    yield
    as_of = pd.Timestamp(AS_OF)
    people = pd.read_parquet(folder / "borrowers.parquet", columns=["borrower_id"])["borrower_id"].sort_values()
    contacts = pd.read_parquet(
        folder / "contacts.parquet", columns=["borrower_id", "channel", "direction", "outcome", "at", "known_at"]
    )
    contacts = contacts[(contacts["direction"] == "out") & (contacts["known_at"] < as_of)]
    found = {}
    for i, (channel, outcomes) in enumerate(CELLS):
        chosen = contacts if channel is None else contacts[contacts["channel"] == channel]
        chosen = chosen if outcomes is None else chosen[chosen["outcome"].isin(outcomes)]
        for days in WINDOWS:
            recent = chosen[chosen["at"] >= as_of - pd.Timedelta(days=days)]
            found[f"cell_{i}_{days}d"] = recent.groupby("borrower_id").size()
    payments = pd.read_parquet(folder / "payments.parquet", columns=["loan_id", "kind", "paid_at", "posted_at", "amount"])
    loans = pd.read_parquet(folder / "loans.parquet", columns=["loan_id", "borrower_id"])
    payments = payments[payments["posted_at"] < as_of].merge(loans, on="loan_id")
    # Decimals are Python objects to pandas: as whole cents they can be summed.
    cents = (payments["amount"].astype(float) * 100).round().astype(np.int64)
    payments["cents"] = np.where(payments["kind"].isin(["payment", "waiver"]), cents, -cents)
    for days in WINDOWS:
        recent = payments[payments["paid_at"] >= as_of - pd.Timedelta(days=days)]
        found[f"payment_sum_{days}d"] = recent.groupby("borrower_id")["cents"].sum() / 100.0
        found[f"payment_count_{days}d"] = recent[recent["kind"] == "payment"].groupby("borrower_id").size()
    table = pd.DataFrame({name: found[name].reindex(people).fillna(0).to_numpy(dtype=float) for name in NAMES})
    yield pa.Table.from_pandas(table)


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
    print(text)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
