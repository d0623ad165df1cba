"""The command `lighttouch frontier`: what each contact buys, in recovery and in complaints."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ..data.files import ensure_writable, replacing
from ..data.stores import open_book
from ..training.folds import time_folds
from ..training.frontier_value import SWEPT, UNITS, frontier_pictures, frontier_table
from ..training.judge import unseen_rows
from ..training.pictures import page
from ..training.table import training_table
from .cli_model import tracker_for
from .console import say, show, stage
from .environment import Environment
from .recommender import Recommender
from .settings import Settings, SettingsFile

_MONEY, _SHARE = "{:,.2f}", "{:.4f}"
FORMATS = {"price": _MONEY, "contacts_per_week": _MONEY} | {
    f"{unit}{part}": _SHARE if unit in {"repaid", "harm"} else _MONEY
    for unit in UNITS
    for part in ("", "_predicted", "_low", "_high")
}
SHOWN = ["policy", "price", "contacts_per_week"]
SHOWN += [f"{unit}{part}" for unit in ("recovered", "harm") for part in ("_predicted", "", "_low", "_high")]


def frontier(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")],
    model: Annotated[str, typer.Option(help="Folder, or models:/name@alias.")],
    out: Annotated[Path | None, typer.Option(help="Stem of the .csv and .html written; var/frontier without it.")] = None,
    settings: SettingsFile = None,
    points: Annotated[int, typer.Option(min=2, help="Policies between no contact and all that gain.")] = 11,
) -> None:
    """Show recovery against contacts against complaints, with bands, on decisions that the model has not seen."""
    environment, chosen = Environment.read(), Settings.read(settings)
    stem = out or environment.room / "frontier"
    targets = [stem.with_name(f"{stem.name}{ending}") for ending in (".csv", ".html")]
    for target in targets:
        ensure_writable(target)
    with stage("loading the model"):
        bundle = Recommender.load(model, chosen.policy, tracker_for(model, environment)).bundle
    with stage(f"checking {source}"):
        book = open_book(source, chosen.book, bundle.arms)
    with book, stage("sweeping the price of a contact over decisions that the model has not seen"):
        table = training_table(book, bundle.arms, chosen.policy)
        folds = time_folds(table.rows["as_of"], chosen.policy.outcome.horizon_days)
        found = frontier_table(bundle, unseen_rows(table, folds, [bundle]), chosen.policy, points)
    _tell(found)
    _write(found, *targets)
    say(f"table: {targets[0]}    page: {targets[1]}")


def _tell(found: pd.DataFrame) -> None:
    title = "per decision: as the model predicts, and doubly robust from the log with a 95% band"
    show(found[[*SHOWN, "supported"]], title, FORMATS)
    lost = found[~found["supported"]]
    for row in lost.to_dict("records"):
        at = f" at a price of {row['price']:,.2f}" if row["policy"] == SWEPT else ""
        say(f"  not supported: {row['policy']}{at}: {row['reason']}")


def _write(found: pd.DataFrame, csv: Path, html: Path) -> None:
    with replacing(csv) as table, replacing(html) as picture:
        found.to_csv(table, index=False)
        picture.write_text(page("What each contact buys", frontier_pictures(found)), encoding="utf-8")
