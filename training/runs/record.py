"""What a finished run says of itself, for the tracker: parameters, metrics, digests, pictures, tables."""

import dataclasses
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..alarms.kept import ALARM_FACT
from ..evaluation.curves import curve_table
from ..gate.hold import GateVerdict, Trial
from ..gate.settings import GateSettings
from ..judging.judge import LEARNT, Verdict
from ..judging.unseen import Unseen
from ..model.diagnostics import Diagnostics
from ..pictures.curves import curve_pictures, dose_curve_picture, family_picture, support_picture
from ..pictures.page import calibration_picture, dose_picture, page, share_picture, value_picture
from ..registry.bundle import ModelBundle
from ..registry.provenance import versions
from ..registry.tracker import FOLD_TAG, MODEL_TAG, RunRecord
from .account import Account
from .model_card import gate_card, model_card
from .run import Judged, TrainingRun, TrainOptions

# A tracker's limit for a parameter's text.
_LONGEST = 500
# Its limit for a metric's name.
_LONGEST_NAME = 250
_FIGURES = ("value", "value_low", "value_high", "repaid", "repaid_low", "repaid_high", "contacts_per_week", "ess")


def record_of(run: TrainingRun, folder: Path, options: TrainOptions, account: Account) -> RunRecord:
    """Describe a training run on a book.

    Parameters
    ----------
    folder : Path
        Of the saved model.
    account : Account
        `account_of(run, settings)`.
    """
    bundle, verdict = run.bundle, run.verdict
    return RunRecord(
        name=f"book-{bundle.version}",
        model=folder,
        inputs=bundle.inputs,
        outputs=tuple(bundle.arms.names),
        parameters={**short_facts(bundle.facts), **parameters_of(options)},
        tags=tags_of(bundle.version, run.origin, run.final_fold),
        metrics={
            **diagnostic_metrics(bundle.response.diagnostics),
            **verdict_metrics(verdict),
            **account_metrics(account),
        },
        pages={
            "report.html": _report(run, account),
            "model_card.md": model_card(run, account),
            **account_pages(account),
            "alarms.json": bundle.facts.get(ALARM_FACT, "[]"),
            "compliance.csv": run.compliance.to_csv(index=False),
            **verdict_pages(verdict),
        },
    )


def judged_record(judged: Judged, bundle: ModelBundle) -> RunRecord:
    """Describe a saved model's judgement on the final fold; the model itself is kept already."""
    return RunRecord(
        name=f"evaluate-{bundle.version}",
        parameters=short_facts(bundle.facts),
        tags=tags_of(bundle.version, judged.origin, judged.final_fold),
        metrics=verdict_metrics(judged.verdict),
        pages=verdict_pages(judged.verdict),
    )


def look_record(what: str, bundle: ModelBundle, unseen: Unseen, pages: dict[str, str]) -> RunRecord:
    """Describe what else a command showed of a saved model on the final fold, so that the gate counts the look.

    Parameters
    ----------
    what : str
        The command.
    unseen : Unseen
        The decisions that were looked at.
    pages : dict of str to str
        The tables that were shown.
    """
    return RunRecord(f"{what}-{bundle.version}", tags=tags_of(bundle.version, unseen.origin, unseen.final_fold), pages=pages)


def gate_record(found: GateVerdict, trial: Trial, gate: GateSettings, tags: dict[str, str]) -> RunRecord:
    """Describe what the gate said: every question with its figure, every reason, the digests.

    Parameters
    ----------
    tags : dict
        Name and versions in the registry, digests.
    """
    challenger, champion = trial.challenger.version, trial.champion.version if trial.champion else "none"
    figures = found.table.rename(columns={"check": "over"})
    return RunRecord(
        name=f"gate-{challenger}",
        parameters={f"gate.{name}": str(value) for name, value in gate.model_dump().items()},
        tags={
            **tags_of(challenger, tags, found.fold),
            "gate": "passed" if found.passed else "refused",
            "attempt": str(found.attempt),
            "champion_model": champion,
        },
        metrics={
            "gate passed": float(found.passed),
            **{
                metric_name("gate", row["over"]): row["figure"]
                for row in figures.to_dict("records")
                if row["figure"] == row["figure"]
            },
            **(verdict_metrics(found.verdict) if found.verdict else {}),
        },
        pages={
            "model_card.md": gate_card(trial.challenger, found, _digests(tags)),
            "gate.csv": found.table.to_csv(index=False),
            "reasons.txt": "\n".join(found.reasons) + "\n",
            **(verdict_pages(found.verdict) if found.verdict else {}),
        },
    )


def verdict_metrics(verdict: Verdict) -> dict[str, float]:
    """Return every figure of a verdict as a metric."""
    return {**frame_metrics(verdict.values, "policy", _FIGURES), **frame_metrics(verdict.gains, "over", _FIGURES)}


def account_metrics(account: Account) -> dict[str, float]:
    """Return Qini coefficients, gaps of calibration, doses and support as metrics."""
    whole = account.support[account.support["days_past_due"] == "all"].drop(columns=["days_past_due", "decisions"])
    metrics = support_metrics(whole.iloc[0]) | calibration_metrics(account.calibration)
    doses = _named_metrics(account.doses, "dose of", "arm", ("response", "low", "high", "over_none"))
    return metrics | qini_metrics(account.qini) | doses | contribution_metrics(account.families)


def qini_metrics(qini: pd.DataFrame) -> dict[str, float]:
    """Return Qini coefficients with their intervals as metrics, by unit and reference arm."""
    curves = qini.assign(curve=qini["unit"] + " over " + qini["versus"])
    return _named_metrics(curves, "qini", "curve", ("qini", "se", "low", "high"))


def contribution_metrics(families: pd.DataFrame) -> dict[str, float]:
    """Return mean absolute contributions to log odds as metrics, by family or covariate."""
    return _named_metrics(families, "contribution of", "family", ("response", "contrast"))


def _named_metrics(table: pd.DataFrame, what: str, key: str, figures: tuple[str, ...]) -> dict[str, float]:
    return named_metrics(
        ((f"{what} {row[key]}".strip(), figure), float(row[figure]))
        for row in table.to_dict("records")
        for figure in figures
        if figure in row
    )


def named_metrics(figures: Iterable[tuple[tuple[str, ...], float]]) -> dict[str, float]:
    """Return figures under names that a tracker accepts, each its own; those that could not be computed are left out.

    Examples
    --------
    >>> sorted(named_metrics([(("sms+call", "value"), 0.3), (("sms_call", "value"), 0.4), (("none", "value"), float("nan"))]))
    ['sms_call/value', 'sms_call/value-6a409fb3']
    """
    known = {parts: figure for parts, figure in figures if np.isfinite(figure)}
    found: dict[str, float] = {}
    # The name that is accepted as it is stays; of those that come out alike, or are too long, the text itself tells apart.
    for parts in sorted(known, key=lambda parts: (metric_name(*parts) != "/".join(parts), parts)):
        name = metric_name(*parts)
        if name in found or len(name) > _LONGEST_NAME:
            mark = hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]
            name = f"{name[: _LONGEST_NAME - len(mark) - 1]}-{mark}"
        found[name] = known[parts]
    return found


def support_metrics(shares: pd.Series) -> dict[str, float]:
    """Return shares of decisions with comparable data, by arm, as metrics."""
    return named_metrics((("supported share", str(arm)), float(share)) for arm, share in shares.items())


def calibration_metrics(calibration: pd.DataFrame) -> dict[str, float]:
    """Return predicted against observed of decisions that the model has not seen; what was seen at fit is "out-of-fold"."""
    return _named_metrics(calibration, "held-out calibration of", "arm", ("predicted", "observed", "gap", "error"))


def account_pages(account: Account) -> dict[str, str]:
    """Return the tables of an account as CSV; all curves in one."""
    tables = {name: getattr(account, name) for name in ("qini", "doses", "calibration", "support", "families")}
    return {
        f"{name}.csv": table.to_csv(index=False) for name, table in {**tables, "curves": curve_table(account.curves)}.items()
    }


def verdict_pages(verdict: Verdict) -> dict[str, str]:
    """Return the tables of a verdict as CSV."""
    return {"values.csv": verdict.values.to_csv(index=False), "gains.csv": verdict.gains.to_csv(index=False)}


def _digests(tags: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in tags.items() if name.endswith(("_digest", "_version"))}


def tags_of(version: str, origin: dict[str, str], final_fold: str) -> dict[str, str]:
    """Return a run's digests and versions, and the final fold that it looked at, empty for none."""
    look = {FOLD_TAG: final_fold} if final_fold else {}
    return {MODEL_TAG: version, **origin, **look, **versions()}


def short_facts(facts: dict[str, str]) -> dict[str, str]:
    """Return the facts that a tracker takes as parameters: what rang is a page of its own."""
    return {name: text[:_LONGEST] for name, text in facts.items() if name != ALARM_FACT}


def parameters_of(options: Any) -> dict[str, str]:
    """Flatten a frozen options value into text, nested values by dotted name."""
    flat: dict[str, str] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            flat |= {f"{field.name}.{name}": text for name, text in parameters_of(value).items()}
        else:
            flat[field.name] = str(value)
    return flat


def diagnostic_metrics(diagnostics: Diagnostics) -> dict[str, float]:
    """Flatten what was seen at fit into metrics; figures that could not be computed are left out."""
    metrics = {"rows": float(diagnostics.rows), "log_loss": diagnostics.log_loss, "thin_rows": float(diagnostics.thin_rows)}
    told = {name: name for name in ("counts", "base_rate", "auc")} | {"calibration_error": "out-of-fold calibration_error"}
    for name, metric in told.items():
        metrics |= named_metrics(((metric, arm), float(figure)) for arm, figure in getattr(diagnostics, name).items())
    return {name: figure for name, figure in metrics.items() if np.isfinite(figure)}


def frame_metrics(frame: pd.DataFrame, key: str, columns: tuple[str, ...]) -> dict[str, float]:
    """Flatten a table into metrics named by its key and column; figures that could not be computed are left out."""
    return _named_metrics(frame, "" if key == "policy" else f"gain {key}", key, columns)


def metric_name(*parts: str) -> str:
    """Join parts into a name that a tracker accepts.

    Examples
    --------
    >>> metric_name("fixed: sms-every-3-days", "value")
    'fixed_ sms-every-3-days/value'
    """
    return "/".join(re.sub(r"[^\w\-. ]", "_", part) for part in parts)


def _report(run: TrainingRun, account: Account) -> str:
    test, verdict, names = run.test, run.verdict, run.bundle.arms.names
    code = test.arms.encode(test.rows["arm"])
    predicted = verdict.decided.response[np.arange(len(test)), code]
    shares = pd.DataFrame(
        {
            "arm": names,
            "given": np.bincount(code, minlength=len(names)) / len(test),
            LEARNT: np.bincount(verdict.decided.arm, minlength=len(names)) / len(test),
        }
    )
    values = verdict.values.rename(columns={"value": "estimate", "value_low": "low", "value_high": "high"})
    return page(
        f"Light touch, model {run.bundle.version}",
        [
            value_picture(values),
            dose_picture(verdict.decided.response, test.arms),
            dose_curve_picture(account.doses),
            calibration_picture(predicted, test.rows["repaid"].to_numpy(dtype=np.float64), code, test.arms),
            share_picture(shares),
            *curve_pictures(account.curves),
            support_picture(account.support),
            family_picture(account.families),
        ],
    )
