"""The same window features by every engine: each reads the files, yields once when ready, then the table."""

# ruff: noqa: PLC0415 (each engine is imported in its own process alone, so that the memory is its own)

from collections.abc import Iterator
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
AS_OF = "2026-11-20T22:00:00"
THREADS = "2"


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
