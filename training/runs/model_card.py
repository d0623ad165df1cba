"""The model card for those who validate: what the model is for, what it was made of, what it showed, and where it ends."""

import numpy as np

from ..gate.hold import GateVerdict
from ..judging.judge import Verdict
from ..registry.bundle import ModelBundle
from .account import Account
from .card_parts import (
    alarms_text,
    calibration_text,
    counts_section,
    lines,
    made_with,
    origin_section,
    section,
    table_text,
)
from .run import TrainingRun

_LIMITS = (
    "Effects are causal as far as the logged propensities are true, or, if estimated, features hold what drove the arm.",
    "It speaks of borrowers and arms like those in the log; elsewhere `support_by_arm` is False and the policy holds back.",
    "It speaks of one horizon; what repeated pressure does over months it does not measure.",
    "Intervals cover sampling, not a change of the world after the data period: judge it again on newer decisions.",
    "It neither assesses credit nor decides on hardship; no identifier is an input.",
)


def model_card(run: TrainingRun, account: Account) -> str:
    """Write the card of a training run.

    Returns
    -------
    str
        Markdown.
    """
    bundle, test = run.bundle, run.test
    fold = run.folds.judged_name
    span = f"{test.rows['as_of'].min():%Y-%m-%d} to {test.rows['as_of'].max():%Y-%m-%d}"
    sections = [
        *_opening(bundle),
        origin_section(run.origin),
        counts_section(bundle),
        section(f"Performance on the {fold} time fold", _performance(run.verdict, span, len(test), account)),
        section("Calibration on that fold", calibration_text(account.calibration, account.confidence)),
        section("Doses on that fold, doubly robust", table_text(account.doses.drop(columns="reason"))),
        section("Support: share with comparable data, by days past due", table_text(account.support)),
        section("What moves it: mean absolute SHAP in log odds", table_text(account.families)),
        section("Alarms raised", alarms_text(bundle)),
        section(
            "Gate", "Not yet held: `lighttouch promote` judges it. Until it passes, it is a challenger and decides nothing."
        ),
        *_closing(bundle, account.confidence),
    ]
    return "\n\n".join(sections) + "\n"


def gate_card(bundle: ModelBundle, found: GateVerdict, origin: dict[str, str]) -> str:
    """Write the card of a model with what the gate said, for the run that keeps the verdict.

    Returns
    -------
    str
        Markdown.
    """
    told = "passed: it may decide" if found.passed else "closed: it does not decide, and the champion stays"
    checks = found.table.drop(columns="sentence")
    reasons = "\n".join(f"- {reason}" for reason in found.reasons)
    said = (
        f"The gate {told}. Attempt {found.attempt} on fold {found.fold or 'none'}.\n\n{table_text(checks)}\n\n{reasons}".strip()
    )
    sections = [*_opening(bundle), origin_section(origin), counts_section(bundle), section("Gate", said)]
    if found.verdict is not None:
        sections.append(section("Performance on the fold of the gate", _policies(found.verdict)))
    sections += [section("Alarms raised", alarms_text(bundle)), *_closing(bundle, 2 * found.confidence - 1)]
    return "\n\n".join(sections) + "\n"


def _opening(bundle: ModelBundle) -> list[str]:
    facts, arms = bundle.facts, ", ".join(f"`{name}`" for name in bundle.arms.names)
    target = (
        f"The outcome is 1 where the borrower's net payments within {bundle.horizon_days} days of the decision reach the share "
        "that the settings ask for of what was truly overdue then. The model gives its probability under each arm, from "
        "what was known at the decision."
    )
    return [
        f"# Model card: contact response, version {bundle.version}",
        section(
            "Intended use",
            "To choose, each night, the lightest contact plan that brings an overdue borrower back, inside the lawful arms and "
            "after the gate. Not for credit decisions, borrowers who are not overdue, third parties, or arms not listed here.",
        ),
        section(
            "Data",
            f"Decisions from {facts.get('first_as_of', 'unknown')} to {facts.get('last_as_of', 'unknown')}: "
            f"{facts.get('rows', '?')} commitments of {facts.get('borrowers', '?')} borrowers.",
        ),
        section("Target", target),
        section("Arms", arms),
    ]


def _performance(verdict: Verdict, span: str, rows: int, account: Account) -> str:
    told = f"{rows:,} decisions from {span}, which the model has not seen."
    return f"{told}\n\n{_policies(verdict)}\n\nQini coefficients:\n\n{table_text(account.qini.drop(columns='reason'))}"


def _policies(verdict: Verdict) -> str:
    values = table_text(verdict.values.drop(columns="reason"))
    gains = table_text(verdict.gains.drop(columns="reason"))
    missing = lines(
        f"not supported: {row['policy']}: {row['reason']}" for row in verdict.values.to_dict("records") if row["reason"]
    )
    return f"{values}\n\nGain of the learnt policy:\n\n{gains}\n\n{missing}".strip()


def _closing(bundle: ModelBundle, confidence: float) -> list[str]:
    # A candidate that was not judged has no values.
    level = f"{100 * confidence:.3g}%" if np.isfinite(confidence) else "no confidence: nothing was judged"
    claims = (
        f"Values, gains, doses, Qini and calibration gaps above are at {level}, clustered by borrower; bands of curves are "
        "pointwise. `interval_by_arm` and `contrast_by_arm` claim 90% by default. These are claims of the method, tested on "
        "simulated worlds; on this book only the fold above speaks."
    )
    how = (
        f"Seed {bundle.facts.get('seed', '?')}. The run keeps `run.json`; `lighttouch train --like RUN` reads it, refuses "
        "tables that have changed, trains again, and says whether every byte of the model is the same "
        f"(version `{bundle.version}`).\n\n{made_with()}"
    )
    return [
        section("What intervals claim", claims),
        section("Limits", lines(_LIMITS)),
        section("How to reproduce", how),
    ]
