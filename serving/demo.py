"""The main job on a simulated book, start to finish."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from ..data.clock import parse_instant
from ..data.settings import BookSettings
from ..data.stores import check_source
from ..data.worlds import Truth, simulate
from ..features.catalogue import FEATURES
from ..training.runs.run import TrainingRun, TrainOptions
from .cli_gate import promote_from
from .cli_model import MODEL_NAME, keep_run, tell_run, tracker_in, train_source
from .cli_nightly import decide_night
from .console import head, note, say, show, stage
from .environment import Environment
from .explain import explain_file
from .night import Night
from .output import sibling, write_night
from .recommender import Recommender
from .settings import Settings

WORLD, AS_OF = "confounded", "2026-11-20T22:00Z"


def demo(
    borrowers: Annotated[int, typer.Option(help="Size of the book.", min=500)] = 20_000,
    days: Annotated[int, typer.Option(help="Days of history.", min=180)] = 730,
) -> None:
    """Run the main job on a simulated book: tables, features, training, judging, registry, the gate, tonight, explanations."""
    environment = Environment.read()
    room = environment.room / "demo"
    head("1  A book with known truth")
    with stage(
        f"simulating {borrowers:,} borrowers over {days} days in the world '{WORLD}', where hard cases get more contact"
    ):
        world = simulate(WORLD, borrowers=borrowers, days=days)
        world.write(room / "book")
    head("2  Contracts and quarantine")
    with stage("checking the tables"):
        book, report = check_source(room / "book")
        book.close()
    say(report.to_text())
    head(f"3  {len(FEATURES)} features, training, judging, registry")
    options, source = TrainOptions(), str(room / "book")
    run = train_source(source, Settings(), room / "model", options)
    kept, account = keep_run(run, room / "model", options, source, Settings(), environment)
    tell_run(run, account, kept, environment, MODEL_NAME)
    show(against_truth(run, world.truth), "what the judge could not know: the true share repaid on the same decisions", _SHARES)
    head("4  The gate")
    tracker = tracker_in(environment)
    promotion = promote_from(source, MODEL_NAME, Settings(), tracker)
    head("5  Tonight")
    address = f"models:/{MODEL_NAME}@champion" if promotion.after.champion else str(room / "model")
    if not promotion.after.champion:
        note(
            f"  there is no champion, so the night is shown with the model of this run, out of {address}: a demonstration only"
        )
    recommender = Recommender.load(address, tracker=tracker)
    night = decide_night(source, recommender, BookSettings(), parse_instant(AS_OF))
    write_night(night, room / "recs.parquet")
    head("6  Three borrowers explained")
    for borrower in three_of(night):
        say(explain_file(room / "recs.parquet", borrower) + "\n")
    tell_places(room, environment)


_SHARES = {"estimate": "{:.3f}", "low": "{:.3f}", "high": "{:.3f}", "truth": "{:.3f}"}


def against_truth(run: TrainingRun, truth: Truth) -> pd.DataFrame:
    """Set the estimated share repaid of each policy beside the true one on the same decisions.

    Returns
    -------
    DataFrame
        policy, estimate, low, high, truth.
    """
    rows = pd.Index(truth.decision_id).get_indexer(pd.Index(run.test.rows["decision_id"]))
    response = truth.response[rows]
    values = run.verdict.values.set_index("policy")
    policies = run.verdict.policies
    found = [
        {
            "policy": name,
            **{word: values.loc[name, column] for word, column in _ESTIMATES.items()},
            "truth": float(np.nanmean((policies[name] * response).sum(axis=1))),
        }
        for name in values.index
    ]
    best = {"policy": "oracle", "truth": float(np.nanmean(np.where(run.test.lawful, response, -1.0).max(axis=1)))}
    return pd.DataFrame([*found, best])


_ESTIMATES = {"estimate": "repaid", "low": "repaid_low", "high": "repaid_high"}


def three_of(night: Night) -> list[str]:
    """Pick three borrowers of different fates: contacted, not contacted, standing, left out although overdue."""
    recs = night.recommendations.select(["borrower_id", "standing", "channel"]).to_pandas()
    fresh, standing = recs[~recs["standing"]], recs[recs["standing"]]
    left_out = night.excluded[~night.excluded["reason"].isin(["not_overdue", "no_open_loan"])]
    fates = [fresh[fresh["channel"].notna()], fresh[fresh["channel"].isna()], left_out, standing]
    return [str(rows["borrower_id"].iloc[0]) for rows in fates if len(rows)][:3]


def tell_places(room: Path, environment: Environment) -> None:
    """Print where each result lies."""
    recs = room / "recs.parquet"
    head("Where to look")
    for what, where in [
        ("event tables, and their truth", room / "book"),
        ("saved model: text and JSON", room / "model"),
        ("runs, metrics, report.html", f"mlflow ui --backend-store-uri {environment.tracking_uri}"),
        ("tonight's recommendations", recs),
        ("who was left out, and why", sibling(recs, "excluded")),
        ("rows for the decision log", sibling(recs, "decisions")),
        ("another borrower", f"lighttouch explain {recs} --borrower ID"),
    ]:
        say(f"  {what:<32}{where}")
