"""Commands on tables: simulate a book, check one, build its features."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ..data.clock import parse_instant
from ..data.errors import TooManyBadRows
from ..data.files import ensure_writable, replacing
from ..data.quality import QualityReport
from ..data.stores import check_source, open_book
from ..data.worlds import WORLDS
from ..data.worlds import simulate as simulate_world
from ..features.build import build_features
from ..features.catalogue import FEATURES
from ..features.points import tonight
from .console import checking, say, show, stage
from .settings import Settings, SettingsFile


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the tables; replaced.")],
    world: Annotated[str, typer.Option(help=f"Name of the world: {', '.join(WORLDS)}.")] = "randomised",
    borrowers: Annotated[int, typer.Option(help="Number of borrowers.", min=1)] = 20_000,
    days: Annotated[int, typer.Option(help="Days of history.", min=30)] = 730,
    seed: Annotated[int, typer.Option(help="Seed of every draw.", min=0)] = 0,
) -> None:
    """Make a book with known truth: the event tables of a lender, and what every arm would have done."""
    with stage(f"simulating {borrowers:,} borrowers over {days} days in the world '{world}'"):
        made = simulate_world(world, borrowers=borrowers, days=days, seed=seed)
        made.write(out)
    rows = pd.DataFrame([{"table": name, "rows": table.num_rows} for name, table in made.tables.items()])
    show(rows, "tables", {"rows": "{:,}"})
    say(f"tables and their truth: {out}    next: lighttouch check {out}")


def check(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address of the event tables.")],
    quarantine: Annotated[Path | None, typer.Option(help="Write the quarantined rows here, as Parquet.")] = None,
    settings: SettingsFile = None,
) -> None:
    """Check tables against their contracts; name every row that was quarantined, and why."""
    chosen = Settings.read(settings)
    try:
        with checking(source):
            book, report = check_source(source, chosen.book, chosen.arms)
        book.close()
    except TooManyBadRows as refusal:
        if refusal.report is not None:
            _tell(refusal.report, quarantine)
        raise
    _tell(report, quarantine)


def _tell(report: QualityReport, quarantine: Path | None) -> None:
    say(report.to_text())
    if quarantine is not None:
        with replacing(quarantine) as place:
            report.quarantine.to_parquet(place)
        say(f"quarantined rows: {quarantine}")


def features(
    source: Annotated[str | None, typer.Argument(help="Folder, DuckDB file or postgresql:// address.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Instant, such as 2026-11-20T22:00Z.")] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the features.")] = None,
    settings: SettingsFile = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the catalogue of features and end.")] = False,  # noqa: FBT002
) -> None:
    """Build the features of every borrower as of an instant, or list them."""
    if listed:
        rows = [{"feature": f.name, "unit": f.unit, "family": f.family, "description": f.description} for f in FEATURES]
        show(pd.DataFrame(rows), f"{len(rows)} features")
        return
    if source is None or as_of is None or out is None:
        raise typer.BadParameter("Name the tables, --as-of and --out, or ask for --list.")
    instant, chosen = parse_instant(as_of), Settings.read(settings)
    ensure_writable(out)
    ledger = chosen.policy.ledger
    with checking(source):
        book = open_book(source, chosen.book, chosen.arms)
    with book, stage("building features"):
        frame = build_features(book, tonight(book, instant, ledger), ledger)
    with replacing(out) as place:
        frame.to_parquet(place)
    say(f"{len(frame):,} borrowers x {len(FEATURES)} features: {out}")
