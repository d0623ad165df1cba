"""The command of the audit: intensity, harm and benefit by group, the price of each rule, and overrides."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ..data.clock import parse_instant
from ..data.stores import open_book
from ..training.judging.audit import FROM_LOG, AuditOptions
from ..training.runs.record import look_record
from .audit import DIMENSIONS, NOTES, Audit, check_audit_folder, check_dimensions
from .audit import audit as audit_book
from .cli_model import keep, open_store, tell_kept, tracker_for
from .console import band, checking, note, say, show, stage
from .decisions import Brain
from .environment import Environment
from .recommender import Recommender
from .settings import Settings, SettingsFile

_PER_WEEK = ("contacts_recommended", "contacts_executed")
# Two tables of these fit where one of all does not: what the model decides, and what the log says.
_DECIDED = (*_PER_WEEK, "uplift", "harm")
RULE_FORMATS = {"restricted": "{:.1%}", "blamed": "{:.1%}", "recovery_lost": "{:,.3f}", "contacts_avoided": "{:.3f}"}

_RULE_COLUMNS = ["rule", "restricted", "blamed", "value_lost", "recovery_lost", "contacts_avoided"]


def audit(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")],
    model: Annotated[str, typer.Option(help="Folder, or models:/name@alias.")],
    by: Annotated[str, typer.Option(help="Groups, by comma.")] = ",".join(DIMENSIONS),
    as_of: Annotated[str | None, typer.Option(help="Instant at which rules are priced; the last decision's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for groups, rules, overrides as CSV and audit.json.")] = None,
    min_borrowers: Annotated[int, typer.Option(help="Smaller groups are merged.", min=2)] = 50,
    settings: SettingsFile = None,
) -> None:
    """Tell who gets how much contact, what it does to them, what rules cost, what people overrode: the gate counts the look."""
    chosen, environment = Settings.read(settings), Environment.read()
    words = [word.strip() for word in by.split(",") if word.strip()]
    folder, instant = out or environment.room / "audit", parse_instant(as_of) if as_of else None
    check_dimensions(words)
    check_audit_folder(folder)
    open_store(environment)
    with stage("loading the model"):
        loaded = Recommender.load(model, chosen.policy, tracker_for(model, environment))
    brain = Brain(loaded.bundle, loaded.settings, loaded.packs, loaded.arms)
    with checking(source):
        book = open_book(source, chosen.book, loaded.arms)
    with book, stage("auditing decisions that the model has not seen, and pricing rules"):
        found = audit_book(book, brain, words, instant, AuditOptions(min_borrowers))
    # Kept before it is shown, as every look at the final fold.
    pages = {f"{name}.csv": table.to_csv(index=False) for name, table in found.tables.items()}
    kept = keep(look_record("audit", loaded.bundle, found.unseen, pages), environment)
    found.write(folder)
    show_audit(found)
    tell_kept(kept, environment)
    say(f"audit: {folder}")


def show_audit(found: Audit) -> None:
    """Print the audit's tables and what to keep in mind with them."""
    facts = found.facts
    say(
        f"  {facts['decisions']:,} decisions of {facts['borrowers']:,} borrowers, {facts['first'][:10]} to {facts['last'][:10]}"
    )
    for dimension, rows in found.groups.groupby("dimension", sort=False):
        decided = rows["measure"].isin(_DECIDED)
        show(wide(rows[decided]), f"by {dimension}, as recommended; * differs from the whole, all differences taken together")
        show(
            wide(rows[~decided]), f"by {dimension}, from the log; benefit and added harm of the model's policy over no contact"
        )
    if len(found.rules):
        say(f"  rules priced on {facts['rules_borrowers']:,} borrowers as of {facts['rules_as_of'][:16]} UTC")
        rules = found.rules.head(20)
        told = rules.assign(value_lost=band(rules, "value_lost", "{:,.3f}"))[_RULE_COLUMNS]
        show(told, "price of each rule per borrower, account currency; never used for contact", RULE_FORMATS)
    show(found.overrides, "decisions that a person has overridden") if len(found.overrides) else say("  no overrides")
    for one in NOTES:
        note(f"  {one}")


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per group with a cell per measure: estimate [low, high], a star where notable."""
    cells = [
        _cell(measure, (estimate, low, high), bool(notable), bool(supported))
        for measure, estimate, low, high, notable, supported in rows[
            ["measure", "estimate", "low", "high", "notable", "supported"]
        ].itertuples(index=False)
    ]
    table = rows.assign(cell=cells).pivot_table(index=["group", "borrowers"], columns="measure", values="cell", aggfunc="first")
    return table[list(dict.fromkeys(rows["measure"]))].reset_index()


def _cell(measure: str, numbers: tuple[float, float, float], notable: bool, supported: bool) -> str:  # noqa: FBT001  facts of a cell
    if measure in FROM_LOG and not supported:
        return "not supported"
    rule = "{:.2f} [{:.2f}, {:.2f}]" if measure in _PER_WEEK else "{:.1%} [{:.1%}, {:.1%}]"
    return rule.format(*numbers) + ("*" if notable else "")
