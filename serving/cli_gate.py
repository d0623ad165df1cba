"""Commands of the gate: promote a challenger, go back to the last champion, plan the experiment that would decide."""

from typing import Annotated

import numpy as np
import typer

from ..data.errors import Fault, InvalidInput
from ..data.stores import open_book
from ..training.gate.experiment import SHARES
from ..training.gate.experiment_log import Plan, PlanOptions
from ..training.gate.experiment_log import plan_experiment as plan_from
from ..training.promotion import Candidates, Promotion, rollback
from ..training.promotion import promote as hold_gate
from ..training.registry.bundle import ModelBundle
from ..training.registry.tracker import Standing, Tracker
from .cli_model import MODEL_NAME, tracker_for, tracker_in
from .console import checking, head, note, say, show, stage
from .environment import Environment
from .recommender import Recommender
from .settings import Settings, SettingsFile
from .tables import show_verdict

Source = Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")]
Name = Annotated[str, typer.Option(help="Name of the model in the registry.")]
CHECK_FORMATS = {"figure": "{:,.4g}", "limit": "{:,.4g}"}
# What a price is rounded to in print.
LEAST_PRICE = 0.005
PLAN_FORMATS = {"explore": "{:.0%}", "price": "{:,.2f}"}


def promote(source: Source, name: Name = MODEL_NAME, settings: SettingsFile = None) -> None:
    """Make the challenger champion if the final time fold shows that it is better; else say every reason, with status 1."""
    chosen = Settings.read(settings)
    promotion = promote_from(source, name, chosen, tracker_in(Environment.read()))
    if not promotion.verdict.passed:
        raise typer.Exit(1)


def roll_back(name: Name = MODEL_NAME) -> None:
    """Make the previous champion champion again."""
    before, after = rollback(tracker_in(Environment.read()), name)
    say(f"champion of {name}: version {before.champion} -> version {after.champion}")
    say(f"  version {before.champion} is not promoted again; a new version of it has to pass the gate.")


def plan_experiment(
    source: Source,
    model: Annotated[str | None, typer.Option(help="Folder, or models:/name@alias: plan for its policy.")] = None,
    effect: Annotated[float | None, typer.Option(help="Gain per decision that shall not be missed, account currency.")] = None,
    power: Annotated[float, typer.Option(help="Chance that the gate then passes.")] = 0.8,
    explore: Annotated[str, typer.Option(help="Exploration shares, by comma.")] = ",".join(map(str, SHARES)),
    settings: SettingsFile = None,
) -> None:
    """Say which share of exploration, for how many weeks, would let the gate tell a better policy."""
    chosen = Settings.read(settings)
    options = _plan_options(effect, power, explore)
    bundle: ModelBundle | None = None
    if model is not None:
        with stage("loading the model"):
            bundle = Recommender.load(model, chosen.policy, tracker_for(model, Environment.read())).bundle
    with checking(source):
        book = open_book(source, chosen.book, chosen.arms)
    with book, stage("reading the log"):
        found = plan_from(book, chosen.arms, chosen.policy, chosen.gate, bundle, options)
    show_plan(found)


def show_plan(found: Plan) -> None:
    """Print what each exploration share needs."""
    design = found.design
    note(f"  question: {found.question}; {design.per_week:,.0f} decisions a week, {design.logged:,} logged so far")
    note(f"  gain not to be missed: {found.effect:,.2f} per decision ({found.effect_from})")
    for notice in found.notices:
        note(f"  {notice}")
    table = found.table.assign(weeks=[f"{weeks:.0f}" if np.isfinite(weeks) else "never" for weeks in found.table["weeks"]])
    for column in ("rows", "of_none"):
        table[column] = [f"{rows:,.0f}" if np.isfinite(rows) else "no number" for rows in table[column]]
    powers = {name: "{:.0%}" for name in table.columns if name.startswith("power_")}
    show(table, f"until this gain is shown with a chance of {design.power:.0%}", PLAN_FORMATS | powers)
    say("  explore: further share that is drawn evenly from lawful arms; weeks: with maturing;")
    say("  rows: decisions to judge on, no fewer than both policies need for a supported value;")
    say("  never: not within ten years; price: value given up per decision; power_N: chance that it is shown after N weeks.")
    say("  The gate asks more than this gain: harm, calibration, support, and a gain over no contact or the champion.")
    if (found.table["price"] < -LEAST_PRICE).any():
        say("  A price below 0: an even draw from the lawful arms is expected to bring more than the policy in force.")
    if len(found.table) > 1 and np.allclose(found.table["price"], found.table["price"].iloc[0], atol=LEAST_PRICE):
        say("  The log explores as much as an even draw would: a higher share changes nothing, more decisions a week do.")


def _plan_options(effect: float | None, power: float, explore: str) -> PlanOptions:
    """Return what is asked, with every fault of it at once."""
    shares: list[float] = []
    wrong: list[str] = []
    for part in filter(None, map(str.strip, explore.split(","))):
        try:
            shares.append(float(part))
        except ValueError:
            wrong.append(part)
    expected = "shares by comma, such as 0.05,0.1"
    faults = [Fault("--explore", expected, repr(part), "Write a share as a number from 0 to 1.") for part in wrong]
    try:
        options = PlanOptions(effect, power, tuple(shares or SHARES) if wrong else tuple(shares))
    except InvalidInput as refusal:
        faults += refusal.faults
    if faults:
        raise InvalidInput(faults)
    return options


def promote_from(source: str, name: str, settings: Settings, tracker: Tracker) -> Promotion:
    """Put a name's challenger through the gate, and print what came of it."""
    with stage("loading challenger and champion"):
        candidates = Candidates.load(tracker, name)
        candidates.check(settings.policy, settings.gate)
    with checking(source):
        book = open_book(source, settings.book, candidates.challenger.arms)
    with book, stage("judging on the final time fold"):
        promotion = hold_gate(book, candidates, tracker, settings.policy, settings.gate)
    show_promotion(promotion)
    return promotion


def show_promotion(promotion: Promotion) -> None:
    """Print every question of the gate with its figure, the verdict, and each reason against it."""
    found, trial = promotion.verdict, promotion.trial
    if trial is not None:
        note(
            f"  final fold {found.fold}: {len(trial.rows):,} decisions from {trial.first:%Y-%m-%d} to {trial.last:%Y-%m-%d}; "
            f"attempt {found.attempt} on it, so every bound holds with {found.confidence:.2%} confidence"
        )
    for notice in () if trial is None else trial.rows.notices:
        note(f"  {notice}")
    if found.verdict is not None:
        for notice in found.verdict.notices:
            note(f"  {notice}")
        show_verdict(found.verdict.values, found.verdict.gains)
        show(found.table.drop(columns="sentence"), "the gate's questions", CHECK_FORMATS)
    head("The gate is open" if found.passed else "The gate is closed")
    for sentence in found.table["sentence"] if found.passed else found.reasons:
        note(f"  {'+' if found.passed else '-'} {sentence}")
    say(_told(promotion.before, promotion.after))
    if promotion.run is not None:
        say(f"verdict kept as run {promotion.run.run_id}")


def _told(before: Standing, after: Standing) -> str:
    if before.champion != after.champion:
        return f"champion of {after.name}: {_version(before.champion)} -> {_version(after.champion)}"
    return f"champion of {after.name}: {_version(after.champion)}, as before"


def _version(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
