"""Commands on models: train from a book's decision log or from one flat table, and judge a saved model again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from ..data.errors import Fault, InvalidInput
from ..data.files import replacing
from ..data.stores import choose_source, open_book, without_password
from ..training.evaluation.curves import qini_table
from ..training.flat.recipe import FlatRecipe
from ..training.flat.record import flat_bundle, flat_record
from ..training.flat.run import FlatResult, train_flat
from ..training.registry.bundle import check_folder
from ..training.registry.tracker import LoggedRun, RunRecord, Tracker, check_name
from ..training.rows.flat_columns import FlatColumns, require_columns
from ..training.runs.account import Account, account_of
from ..training.runs.recipe import RECIPE_PAGE, Recipe
from ..training.runs.record import judged_record, record_of
from ..training.runs.run import TrainingRun, TrainOptions, judge_again, train_book
from .console import checking, head, note, say, stage
from .environment import Environment
from .flat_file import read_table
from .recommender import Recommender
from .settings import Settings, SettingsFile
from .tables import show_account, show_qini, show_report, show_run, show_verdict

MODEL_NAME = "contact-response"
OF_A_TABLE = ("--arm", "--outcome", "--propensity", "--group", "--baseline", "--drop")
OF_A_BOOK = ("--settings", "--select")


def train(  # noqa: PLR0913, PLR0917  each parameter is an option of the command
    source: Annotated[
        str | None, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Instead: one flat table (Parquet or CSV) of an experiment.")] = None,
    arm: Annotated[str | None, typer.Option(help="With --table: column of the arm.")] = None,
    outcome: Annotated[str | None, typer.Option(help="With --table: column of 0 or 1.")] = None,
    propensity: Annotated[
        str | None, typer.Option(help="With --table: column, number, or none=0.5,letter=0.5 by arm; estimated without it.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="With --table: column whose rows stay together.")] = None,
    baseline: Annotated[str | None, typer.Option(help="With --table: the arm without treatment.")] = None,
    drop: Annotated[str, typer.Option(help="With --table: columns to leave out, by comma.")] = "",
    select: Annotated[float, typer.Option(help="Share of decisions to compare candidates on, the final fold unseen.")] = 0.0,
    settings: SettingsFile = None,
    save: Annotated[Path | None, typer.Option(help="Folder for the model; replaced.")] = None,
    register: Annotated[str | None, typer.Option(help="Register the model under this name.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every draw.", min=0)] = 0,
    like: Annotated[str | None, typer.Option(help="Make a kept run again, by its id, and compare every byte.")] = None,
) -> None:
    """Train a response model, judge it on decisions it has not seen, and keep the run."""
    named = {
        "--table": table, **dict(zip(OF_A_TABLE, (arm, outcome, propensity, group, baseline, drop), strict=True)),
        "--settings": settings, "--select": select, "--register": register, "--seed": seed,
    }  # fmt: skip
    _refuse_ignored({option for option, value in named.items() if value}, again=like is not None, book=source is not None)
    environment = Environment.read()
    folder = save or environment.room / "models" / ("again" if like else "latest")
    check_folder(folder)
    if register is not None:
        check_name(register)
    if like is not None:
        train_again(like, source, folder, tracker_in(environment), table)
        return
    if table is not None:
        flat = _flat_options(arm, outcome, propensity, group, baseline, drop, seed)
        frame = open_table(table, flat)
        open_store(environment)
        result = train_table(frame, flat)
        # In its place only once it is kept: a run that cannot be kept must not replace the model of one that was.
        with replacing(folder) as place:
            with stage("saving the model"):
                record = flat_record(result, place, str(table))
            kept = keep(record, environment)
        tell_kept(kept, environment, register, gated=False)
    elif source is not None:
        options, chosen = TrainOptions(seed=seed, select_share=select), Settings.read(settings)
        choose_source(source)
        open_store(environment)
        with replacing(folder) as place:
            run = train_source(source, chosen, place, options)
            kept, account = keep_run(run, place, options, source, chosen, environment)
        tell_run(run, account, kept, environment, register)
    else:
        raise typer.BadParameter("Name the event tables, or one flat table with --table.")
    say(f"model: {folder}")


def evaluate(
    source: Annotated[str, typer.Argument(help="Folder, DuckDB file or postgresql:// address with a decision log.")],
    model: Annotated[str, typer.Option(help="Folder, or models:/name@alias.")],
    settings: SettingsFile = None,
) -> None:
    """Judge a saved model on the final time fold against the logged policy and fixed rules."""
    chosen, environment = Settings.read(settings), Environment.read()
    choose_source(source)
    open_store(environment)
    with stage("loading the model"):
        recommender = Recommender.load(model, chosen.policy, tracker_for(model, environment))
    with checking(source):
        book = open_book(source, chosen.book, recommender.bundle.arms)
    with book, stage("judging on the final time fold"):
        judged = judge_again(book, recommender.bundle, chosen.policy)
    # Kept before it is shown: who has seen the final fold has had a look at it.
    kept = keep(judged_record(judged, recommender.bundle), environment)
    for notice in (*book.notices, *judged.notices):
        note(f"  {notice}")
    show_verdict(judged.verdict.values, judged.verdict.gains)
    tell_kept(kept, environment)


def keep_run(
    run: TrainingRun,
    folder: Path,
    options: TrainOptions,
    source: str,
    settings: Settings,
    environment: Environment,
) -> tuple[LoggedRun, Account]:
    """Compute what a run shows of itself, and keep it with all that makes it again, before anything of it is printed."""
    with stage("curves, calibration, support, families"):
        account = account_of(run, settings.policy)
        record = record_of(run, folder, options, account)
    recipe = Recipe.of(run, options, without_password(source), settings.to_dict())
    return keep(replace(record, pages={**record.pages, RECIPE_PAGE: recipe.to_json()}), environment), account


def tell_run(run: TrainingRun, account: Account, kept: LoggedRun, environment: Environment, name: str | None) -> None:
    """Print a run on a book in short, and where it is kept."""
    show_run(run)
    show_account(account)
    tell_kept(kept, environment, name)


def train_again(run_id: str, source: str | None, folder: Path, tracker: Tracker, table: Path | None = None) -> None:
    """Make a kept run again, and say whether the model is the same; it is no new run, so it is not kept.

    Parameters
    ----------
    source, table : optional
        Where the tables of a run on a book, or the table of a flat run, are now; where they were then if None.
    """
    page = tracker.page(run_id, RECIPE_PAGE)
    recipe = FlatRecipe.from_json(page) if FlatRecipe.wrote(page) else Recipe.from_json(page)
    for change in recipe.changes():
        say(f"  other than in the run: {change}")
    # Another model than the run's is told and goes away: what is in the folder may be a good one.
    with replacing(folder) as place:
        _remake(recipe, source, table, place)
    say(f"the same model, byte for byte: version {recipe.model_version}, in {folder}")


def _remake(recipe: Recipe | FlatRecipe, source: str | None, table: Path | None, folder: Path) -> None:
    """Train as a recipe says, and refuse a model that is another."""
    if isinstance(recipe, FlatRecipe):
        _refuse(source, "a run on one flat table", "Name the table with --table, or nothing.")
        result = train_table(open_table(table or Path(recipe.source), recipe.options, recipe), recipe.options)
        with stage("saving the model"):
            recipe.compare(flat_bundle(result, folder).version)
    else:
        _refuse(table, "a run on event tables", "Name their folder, file or address without --table, or nothing.")
        settings, place = Settings.from_dict(recipe.settings), source or recipe.source
        run = train_source(place, settings, folder, recipe.options, recipe)
        # Compared before it is shown: another model's verdict would be a look that nobody counts.
        recipe.compare(run)
        show_run(run)


def _refuse(named: object, kind: str, remedy: str) -> None:
    """Refuse tables of the other kind than those of the run that is made again."""
    if named is not None:
        raise InvalidInput([Fault("--like", f"tables for {kind}", str(named), remedy)])


def train_source(
    source: str, settings: Settings, folder: Path, options: TrainOptions, recipe: Recipe | None = None
) -> TrainingRun:
    """Train on a book, which must be the recipe's where there is one."""
    with checking(source):
        book = open_book(source, settings.book, settings.arms)
        if recipe is not None:
            recipe.check(book)
    with book, stage("features, training, and judging on the final time fold"):
        return train_book(book, settings.arms, settings.policy, folder, options)


def open_table(path: Path, options: Mapping[str, object], recipe: FlatRecipe | None = None) -> pd.DataFrame:
    """Read one flat table with the named columns, which must be the recipe's where there is one."""
    with stage(f"reading {path}"):
        frame = read_table(path, str(options["arm"]))
        roles = {name: options[name] for name in ("arm", "outcome", "propensity", "group", "drop")}
        require_columns(frame, FlatColumns(**roles))  # type: ignore[arg-type]
        if recipe is not None:
            recipe.check(frame)
    return frame


def train_table(frame: pd.DataFrame, options: Mapping[str, object]) -> FlatResult:
    """Train on one flat table and print what the learnt policy is worth."""
    with stage("training, and valuing on held-out rows"):
        result = train_flat(frame, **options)  # type: ignore[arg-type]
    for notice in (*result.notices, *map(str, (alarm for alarm in result.alarms if alarm.rings))):
        note(f"  {notice}")
    head(f"learnt from {result.fit_rows:,} rows, valued on {result.holdout_rows:,} held-out rows")
    show_report(result.report)
    show_qini(qini_table(result.curves))
    stands_in = "" if result.best_carried else " (none could be judged; the arm without treatment stands in)"
    say(f"best constant arm on the fit part: {result.best_constant}{stands_in}; the learnt policy claims {result.claimed:.4f}")
    return result


def keep(record: RunRecord, environment: Environment) -> LoggedRun:
    """Keep a run in the tracker."""
    with stage("keeping the run in MLflow"):
        return tracker_in(environment).log(record)


def tell_kept(run: LoggedRun, environment: Environment, name: str | None = None, *, gated: bool = True) -> None:
    """Print where a run is kept; register its model where a name is given, and print how it goes on.

    Parameters
    ----------
    gated : bool
        Whether the gate can judge the model, on a book with a decision log.
    """
    say(f"run: {run.run_id}    see it: mlflow ui --backend-store-uri {environment.tracking_uri}")
    if name is not None:
        registered = tracker_in(environment).register(run, name)
        say(f"registered: models:/{registered.name}@{registered.aliases[-1]} (version {registered.version})")
        way = f"it becomes champion through the gate: lighttouch promote DATA --name {registered.name}"
        say(f"  {way if gated else 'it stays a challenger: the gate judges models of event tables only'}")


def open_store(environment: Environment) -> None:
    """Refuse a tracking store that does not answer, before anything is computed that shall be kept there."""
    with stage("opening the tracking store"):
        tracker_in(environment).reach()


def tracker_in(environment: Environment) -> Tracker:
    """Open the tracker; only here, since its library takes seconds to import."""
    from ..training.registry.tracking import MlflowTracker  # noqa: PLC0415

    return MlflowTracker(environment.tracking_uri, environment.artifacts)


def tracker_for(model: str, environment: Environment) -> Tracker | None:
    """Open the tracker where a model's address needs it."""
    return tracker_in(environment) if ":/" in model else None


def _refuse_ignored(named: set[str], *, again: bool, book: bool) -> None:
    """Refuse options that would be ignored, all in one message."""
    if again:
        said = "--like takes everything from the run: beside it only the tables and --save, not {}."
        ignored = named - {"--table"}
    elif "--table" in named:
        if book:
            raise typer.BadParameter("Name either the event tables or --table, not both.")
        said, ignored = "{} would be ignored: a flat table has no settings and no folds in time.", named.intersection(OF_A_BOOK)
    else:
        said, ignored = "{} would be ignored: only --table has columns to name.", named.intersection(OF_A_TABLE if book else ())
    if ignored:
        raise typer.BadParameter(said.format(", ".join(sorted(ignored))))


def _flat_options(
    arm: str | None, outcome: str | None, propensity: str | None, group: str | None, baseline: str | None, drop: str, seed: int
) -> dict[str, object]:
    if arm is None or outcome is None:
        raise typer.BadParameter("--table needs --arm and --outcome.")
    left_out = tuple(name.strip() for name in drop.split(",") if name.strip())
    return {
        "arm": arm, "outcome": outcome, "propensity": _stated(propensity), "group": group, "baseline": baseline,
        "drop": left_out, "seed": seed,
    }  # fmt: skip


def _stated(given: str | None) -> str | float | dict[str, float] | None:
    """Return what --propensity names: a number, a number for each arm, or else a column."""
    if given is None:
        return None
    with suppress(ValueError):
        return float(given)
    if "=" not in given:
        return given
    by_arm, wrong = {}, []
    for part in given.split(","):
        name, _, number = part.rpartition("=")
        try:
            by_arm[name.strip()] = float(number)
        except ValueError:
            wrong.append(part.strip())
    if wrong or "" in by_arm:
        raise InvalidInput([Fault("--propensity", "arm=number,arm=number", ", ".join(wrong) or given, "Or name a column.")])
    return by_arm
