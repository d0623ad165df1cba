"""What a run on one flat table says of itself, for the tracker, and the model that it saves."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..alarms.kept import ALARM_FACT, alarms_to_fact
from ..evaluation.curves import curve_table, qini_table
from ..evaluation.held_out import calibration_by_arm
from ..pictures.curves import curve_pictures, family_picture
from ..pictures.page import calibration_picture, page, share_picture, value_picture
from ..registry.bundle import ModelBundle
from ..registry.tracker import RunRecord
from ..runs.recipe import RECIPE_PAGE
from ..runs.record import (
    calibration_metrics,
    contribution_metrics,
    diagnostic_metrics,
    frame_metrics,
    qini_metrics,
    short_facts,
    support_metrics,
    tags_of,
)
from .card import flat_card
from .recipe import FlatRecipe, flat_origin
from .run import LEARNT, FlatResult


def flat_bundle(result: FlatResult, folder: Path) -> ModelBundle:
    """Save the model of a flat run into a folder, which is replaced as a whole; return it with its version."""
    facts = {
        "rows": str(result.fit_rows), "holdout_rows": str(result.holdout_rows), "seed": str(result.model.random_state),
        "best_constant": result.best_constant, "covariates": ", ".join(result.covariates),
        ALARM_FACT: alarms_to_fact(result.alarms),
    }  # fmt: skip
    return ModelBundle(result.model, None, 0, facts).save(folder)


def flat_record(result: FlatResult, folder: Path, source: str) -> RunRecord:
    """Save the model of a flat run and describe the run, with all that makes it again.

    Parameters
    ----------
    folder : Path
        For the saved model; replaced as a whole.
    source : str
        Where the table was read from.
    """
    bundle = flat_bundle(result, folder)
    values, origin = result.report.rename(columns={"value": "estimate"}), flat_origin(result)
    calibration = calibration_by_arm(result.held_out, bundle.arms.names, result.options["confidence"])
    qini = qini_table(result.curves)
    return RunRecord(
        name=f"table-{bundle.version}",
        model=folder,
        inputs=bundle.inputs,
        outputs=tuple(bundle.arms.names),
        parameters=short_facts(bundle.facts | {f"option.{name}": str(value) for name, value in result.options.items()}),
        tags=tags_of(bundle.version, origin, ""),
        metrics={
            **diagnostic_metrics(result.model.diagnostics),
            "claimed": result.claimed,
            **frame_metrics(result.report, "policy", ("value", "se", "low", "high", "snips", "ess")),
            **calibration_metrics(calibration),
            **support_metrics(result.support.set_index("arm")["comparable"]),
            **qini_metrics(qini),
            **contribution_metrics(result.contributions),
        },
        pages={
            "report.html": _report(result, values, bundle.version),
            "model_card.md": flat_card(result, bundle, origin, calibration),
            "values.csv": result.report.to_csv(index=False),
            "calibration.csv": calibration.to_csv(index=False),
            "support.csv": result.support.to_csv(index=False),
            "qini.csv": qini.to_csv(index=False),
            "curves.csv": curve_table(result.curves).to_csv(index=False),
            "contributions.csv": result.contributions.to_csv(index=False),
            "alarms.json": bundle.facts[ALARM_FACT],
            RECIPE_PAGE: FlatRecipe.of(result, bundle.version, source).to_json(),
        },
    )


def _report(result: FlatResult, values: pd.DataFrame, version: str) -> str:
    arms, held = result.model.arms, result.held_out
    code, chosen = arms.encode(held["arm"]), arms.encode(result.policy)
    shares = {"given": code, LEARNT: chosen}
    counts = {name: np.bincount(codes, minlength=len(arms)) / len(held) for name, codes in shares.items()}
    outcome = held["outcome"].to_numpy(dtype=np.float64)
    return page(
        f"Light touch, experiment model {version}",
        [
            value_picture(values),
            calibration_picture(held["predicted"].to_numpy(dtype=np.float64), outcome, code, arms),
            share_picture(pd.DataFrame({"arm": arms.names, **counts})),
            *curve_pictures(result.curves),
            family_picture(result.contributions, "covariate"),
        ],
    )
