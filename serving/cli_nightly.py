"""Commands of the night: recommend for a whole book, explain one borrower."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, cast

import pandas as pd
import typer

from ..data.clock import parse_instant
from ..data.errors import Fault, InvalidInput
from ..data.settings import BookSettings
from ..data.stores import open_book
from .cli_model import tracker_for
from .console import checking, note, say, show, stage
from .environment import Environment
from .explain import explain_file
from .night import Night
from .output import check_output, check_recommendations, run_card, sibling, write_night
from .receipt import receipt
from .receipt_text import render
from .receipt_words import LANGS, Lang
from .recommender import Recommender
from .settings import Settings, SettingsFile


def recommend(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address of the event tables.")],
    as_of: Annotated[str, typer.Option(help="Instant of the decision, such as 2026-11-20T22:00Z.")],
    out: Annotated[Path, typer.Option(help="Parquet or CSV file for the recommendations.")],
    model: Annotated[
        str | None, typer.Option(help="Folder, or models:/name@alias; without it the house policy of a first night.")
    ] = None,
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option(help="Decide and report, write nothing.")] = False,  # noqa: FBT002
) -> None:
    """Recommend frequency and channel for every overdue borrower who may be contacted."""
    instant = parse_instant(as_of)
    if not dry_run:
        check_output(out)
    chosen = Settings.read(settings)
    recommender = _recommender(model, chosen)
    night = decide_night(source, recommender, chosen.book, instant)
    if dry_run:
        say("dry run: nothing was written")
        return
    write_night(night, out)
    say(f"recommendations: {out}    left out: {sibling(out, 'excluded')}    for the decision log: {sibling(out, 'decisions')}")
    say(f"endpoints to refresh: {sibling(out, 'refresh')}    reminders before the due day: {sibling(out, 'pre_due')}")


def _recommender(model: str | None, chosen: Settings) -> Recommender:
    if model is not None:
        with stage("loading the model"):
            return Recommender.load(model, chosen.policy, tracker_for(model, Environment.read()))
    share = chosen.policy.exploration.first_share
    say(f"no model: the house policy decides, with {share:.0%} even draws over the lawful arms, so that a model can be learnt")
    return Recommender.without_model(chosen.policy, chosen.arms)


def decide_night(source: str, recommender: Recommender, settings: BookSettings, as_of: datetime) -> Night:
    """Run a night on a source and print what came of it."""
    with checking(source):
        book = open_book(source, settings, recommender.arms)
    with book, stage(f"deciding as of {as_of:%Y-%m-%d %H:%M} UTC"):
        night = recommender.night(book, as_of)
    for notice in book.notices:
        note(f"  {notice}")
    recs = night.recommendations.select(["arm", "standing", "explore"]).to_pandas()
    fresh, standing = int((~recs["standing"]).sum()), int(recs["standing"].sum())
    say(f"  {fresh:,} decisions, {standing:,} standing, {len(night.excluded):,} borrowers left out")
    explored, tasks = int(recs["explore"].sum()), len(night.refresh)
    say(f"  {explored:,} decisions and standing ones explore; {tasks:,} endpoints to refresh; {len(night.pre_due):,} reminders")
    by_arm = recs.groupby("arm").agg(borrowers=("arm", "size"), standing=("standing", "sum")).reset_index()
    show(by_arm.sort_values("borrowers", ascending=False), "tonight by arm", {"borrowers": "{:,}", "standing": "{:,}"})
    left_out = night.excluded["reason"].value_counts().rename_axis("reason").reset_index(name="borrowers")
    show(pd.DataFrame(left_out), "left out by reason", {"borrowers": "{:,}"})
    return night


def explain(
    file: Annotated[Path, typer.Argument(help="Recommendation table, as Parquet.")],
    borrower: Annotated[str, typer.Option(help="borrower_id.")],
    lang: Annotated[str, typer.Option(help="Language of the receipt: en or zh.")] = "en",
    jurisdiction: Annotated[str, typer.Option(help="The borrower's, such as CN: the duties of that place alone.")] = "",
) -> None:
    """Give the receipt of one decision: what, why, by which rules, what lowers contact, how to reach a person."""
    if lang not in LANGS:
        raise InvalidInput([Fault("--lang", f"one of {', '.join(LANGS)}", repr(lang), "")])
    check_recommendations(file)
    if not run_card(file).is_file() and lang == "en":
        say(explain_file(file, borrower))
        return
    say(render(receipt(file, borrower, jurisdiction), cast("Lang", lang)))
