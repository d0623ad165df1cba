"""The command `lighttouch frontier`: what each contact buys, in recovery and in complaints."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ..data.files import ensure_writable, replacing
from ..data.stores import open_book
from ..training.judging.frontier import SWEPT, frontier_table
from ..training.judging.unseen import Unseen
from ..training.pictures.frontier import frontier_pictures
from ..training.pictures.page import page
from ..training.rows.table import training_table
from ..training.runs.record import look_record
from .cli_model import keep, open_store, tell_kept, tracker_for
from .console import checking, say, show, stage
from .environment import Environment
from .recommender import Recommender
from .settings import Settings, SettingsFile
from .tables import tell_unsupported

_AS_IT_IS = {"from the log": "{}", "harm % from the log": "{}"}


def frontier(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")],
    model: Annotated[str, typer.Option(help="Folder, or models:/name@alias.")],
    out: Annotated[Path | None, typer.Option(help="Stem of the .csv and .html written; var/frontier without it.")] = None,
    settings: SettingsFile = None,
    points: Annotated[int, typer.Option(min=2, help="Policies between no contact and all that gain.")] = 11,
) -> None:
    """Show recovery against contacts against complaints on decisions that the model has not seen: the gate counts the look."""
    environment, chosen = Environment.read(), Settings.read(settings)
    stem = out or environment.room / "frontier"
    targets = [stem.with_name(f"{stem.name}{ending}") for ending in (".csv", ".html")]
    for target in targets:
        ensure_writable(target)
    open_store(environment)
    with stage("loading the model"):
        bundle = Recommender.load(model, chosen.policy, tracker_for(model, environment)).bundle
    with checking(source):
        book = open_book(source, chosen.book, bundle.arms)
    with book, stage("sweeping the price of a contact over decisions that the model has not seen"):
        table = training_table(book, bundle.arms, chosen.policy)
        unseen = Unseen.of(book, table, bundle, chosen.policy)
        found = frontier_table(bundle, unseen.rows, chosen.policy, points)
    # Kept before it is shown, as every look at the final fold.
    kept = keep(look_record("frontier", bundle, unseen, {"frontier.csv": found.to_csv(index=False)}), environment)
    _write(found, *targets)
    _tell(found)
    tell_kept(kept, environment)
    say(f"table: {targets[0]}    page: {targets[1]}")


def _tell(found: pd.DataFrame) -> None:
    told = pd.DataFrame(
        {
            "policy": found["policy"],
            "price": found["price"],
            "contacts/week": found["contacts_per_week"],
            "recovered": found["recovered_predicted"],
            "from the log": _bands(found, "recovered", 1.0),
            "harm %": 100 * found["harm_predicted"],
            "harm % from the log": _bands(found, "harm", 100.0),
        }
    )
    say("per decision: as predicted, and doubly robust from the log with a 95% band for each figure by itself")
    show(told, "recovery against contacts against complaints", dict.fromkeys(told.columns[1:], "{:,.2f}") | _AS_IT_IS)
    swept = found["policy"] == SWEPT
    priced = found["policy"] + found["price"].map(" at a price of {:,.2f}".format).where(swept, "")
    tell_unsupported(found.assign(policy=priced))


def _bands(found: pd.DataFrame, unit: str, scale: float) -> list[str]:
    columns = (scale * found[unit], scale * found[f"{unit}_low"], scale * found[f"{unit}_high"])
    return [f"{estimate:,.2f} ({low:,.2f} to {high:,.2f})" for estimate, low, high in zip(*columns, strict=True)]


def _write(found: pd.DataFrame, csv: Path, html: Path) -> None:
    with replacing(csv) as table, replacing(html) as picture:
        found.to_csv(table, index=False)
        picture.write_text(page("What each contact buys", frontier_pictures(found)), encoding="utf-8")
