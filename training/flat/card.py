"""The model card of a run on one flat table, for those who validate."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..evaluation.curves import qini_table
from ..registry.bundle import ModelBundle
from ..runs.card_parts import (
    alarms_text,
    calibration_text,
    counts_section,
    lines,
    made_with,
    origin_section,
    section,
    table_text,
)
from .run import FlatResult

_LIMITS = (
    "Effects are causal as far as the propensities are true, or, if estimated, covariates hold what drove the arm.",
    "Every covariate must have been known before the arm; one that only came out after it can say anything.",
    "It speaks of rows and arms like those of the table; elsewhere `support_by_arm` is False.",
    "Held-out rows are of the same table and time: they do not show how it does later or elsewhere.",
    "It knows no money, no harm and no contact rules.",
)


def flat_card(result: FlatResult, bundle: ModelBundle, origin: Mapping[str, str], calibration: pd.DataFrame) -> str:
    """Write the card of a run on one flat table.

    Parameters
    ----------
    bundle : ModelBundle
        The saved model.
    origin : mapping
        Digests of data and code.
    calibration : DataFrame
        `calibration_by_arm` of the held-out rows.

    Returns
    -------
    str
        Markdown.
    """
    options = result.options
    sections = [
        f"# Model card: response to the arms of an experiment, version {bundle.version}",
        _intended_use(),
        section("Data", _data(result)),
        section("Target", f"Column `{options['outcome']}`, 0 or 1. The model gives the probability of 1 under each arm."),
        section(
            "Arms", f"Column `{options['arm']}`: {_names(bundle.arms.names)}; without treatment: `{bundle.arms.baseline}`."
        ),
        section("Covariates", f"{_names(result.covariates)}.\n\nLeft out on request: {_names(result.dropped) or 'none'}."),
        origin_section(origin),
        counts_section(bundle),
        section("Origin of the propensities", _propensities(options["propensity"])),
        section("Performance on held-out rows, doubly robust", _performance(result)),
        section("Qini coefficients: the best other arm, most promising held-out rows first", _qini(result)),
        section("Calibration on held-out rows", calibration_text(calibration, options["confidence"])),
        section("Support: share of held-out rows with comparable data", table_text(result.support)),
        section("What moves it: mean absolute SHAP in log odds", table_text(result.contributions)),
        section("Alarms raised", alarms_text(bundle)),
        section("Notices", lines(result.notices) or "None."),
        section("What intervals claim", _claims(options)),
        section("Limits", lines(_LIMITS)),
        section("How to reproduce", _how(options, bundle.version)),
    ]
    return "\n\n".join(sections) + "\n"


def _intended_use() -> str:
    told = (
        "To say which arm of the experiment does most for whom, and what giving it so is worth. It decides nothing by night: "
        "the gate judges models of event tables only."
    )
    return section("Intended use", told)


def _data(result: FlatResult) -> str:
    group = result.options["group"]
    together = f"; rows that share `{group}` stay together" if group else ""
    return (
        f"One table: {result.fit_rows:,} rows learnt from, {result.holdout_rows:,} drawn by lot and held out "
        f"(a share of {result.options['holdout_share']:.3g}){together}."
    )


def _propensities(stated: Any) -> str:
    if stated is None:
        return "Nobody stated them: estimated from the covariates, out of fold."
    if isinstance(stated, str):
        return f"Stated by column `{stated}`: that of the taken arm."
    if isinstance(stated, Mapping):
        return f"Stated by arm: {', '.join(f'{name} {odds:.4g}' for name, odds in stated.items())}."
    return f"Stated: {stated:.4g} for every arm."


def _performance(result: FlatResult) -> str:
    lost = result.report[~result.report["supported"]]
    missing = lines(f"not supported: {row['policy']}: {row['reason']}" for row in lost.to_dict("records"))
    stands_in = "" if result.best_carried else ": none could be judged, and the arm without treatment stands in"
    told = (
        f"Best constant arm on the fit part: `{result.best_constant}`{stands_in}. The learnt policy claims "
        f"{result.claimed:.4g} by the model's own word."
    )
    return f"{table_text(result.report.drop(columns='reason'))}\n\n{told}\n\n{missing}".strip()


def _qini(result: FlatResult) -> str:
    table = qini_table(result.curves)
    missing = lines(
        f"not supported: over {row['versus']}: {row['reason']}" for row in table[~table["supported"]].to_dict("records")
    )
    return f"{table_text(table.drop(columns='reason'))}\n\n{missing}".strip()


def _claims(options: Mapping[str, Any]) -> str:
    by = f"clustered by `{options['group']}`" if options["group"] else "each row by itself"
    return (
        f"Values, Qini and calibration gaps above are at {options['confidence']:.0%}, {by}; bands of curves are pointwise. "
        "`interval_by_arm` and `contrast_by_arm` claim 90% by default."
    )


def _how(options: Mapping[str, Any], version: str) -> str:
    return (
        f"Seed {options['seed']}. The run keeps `run.json`; `lighttouch train --like RUN` reads it, refuses a table that has "
        f"changed, trains again, and says whether every byte of the model is the same (version `{version}`).\n\n{made_with()}"
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
