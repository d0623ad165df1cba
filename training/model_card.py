"""The model card for those who validate: what the model is for, what it was made of, what it showed, and where it ends."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from .account import Account
from .bundle import ModelBundle
from .gate import GateVerdict
from .gate_alarms import alarms_of
from .judge import Verdict
from .provenance import versions
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
    fold = "final" if run.final_fold else "select"
    span = f"{test.rows['as_of'].min():%Y-%m-%d} to {test.rows['as_of'].max():%Y-%m-%d}"
    sections = [
        *_opening(bundle),
        _origin(run.origin),
        _counts(bundle),
        _section(f"Performance on the {fold} time fold", _performance(run.verdict, span, len(test), account)),
        _section("Calibration on that fold", _calibration(account)),
        _section("Doses on that fold, doubly robust", table_text(account.doses.drop(columns="reason"))),
        _section("Support: share with comparable data, by days past due", table_text(account.support)),
        _section("What moves it: mean absolute SHAP in log odds", table_text(account.families)),
        _section("Alarms raised", _alarms(bundle)),
        _section(
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
    sections = [*_opening(bundle), _origin(origin), _counts(bundle), _section("Gate", said)]
    if found.verdict is not None:
        sections.append(_section("Performance on the fold of the gate", _policies(found.verdict)))
    sections += [_section("Alarms raised", _alarms(bundle)), *_closing(bundle, 2 * found.confidence - 1)]
    return "\n\n".join(sections) + "\n"


def table_text(frame: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers short.

    Examples
    --------
    >>> print(table_text(pd.DataFrame({"arm": ["none"], "share": [0.123456]})))
    | arm | share |
    |---|---|
    | none | 0.1235 |
    """
    rows = [map(_short, row) for row in frame.to_numpy(dtype=object)]
    head, *body = (f"| {' | '.join(cells)} |" for cells in (map(str, frame.columns), *rows))
    return "\n".join([head, "|---" * frame.shape[1] + "|", *body])


def _short(cell: object) -> str:
    if isinstance(cell, float):
        return "-" if np.isnan(cell) else f"{cell:,.4g}"
    return str(cell).replace("|", "/")


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _opening(bundle: ModelBundle) -> list[str]:
    facts, arms = bundle.facts, ", ".join(f"`{name}`" for name in bundle.arms.names)
    target = (
        f"The outcome is 1 where the borrower's net payments within {bundle.horizon_days} days of the decision reach the share "
        "that the settings ask for of what was truly overdue then. The model gives its probability under each arm, from "
        "what was known at the decision."
    )
    return [
        f"# Model card: contact response, version {bundle.version}",
        _section(
            "Intended use",
            "To choose, each night, the lightest contact plan that brings an overdue borrower back, inside the lawful arms and "
            "after the gate. Not for credit decisions, borrowers who are not overdue, third parties, or arms not listed here.",
        ),
        _section(
            "Data",
            f"Decisions from {facts.get('first_as_of', 'unknown')} to {facts.get('last_as_of', 'unknown')}: "
            f"{facts.get('rows', '?')} commitments of {facts.get('borrowers', '?')} borrowers.",
        ),
        _section("Target", target),
        _section("Arms", arms),
    ]


def _origin(origin: dict[str, str]) -> str:
    return _section("Digests", "\n".join(f"- {name}: `{value}`" for name, value in origin.items()))


def _counts(bundle: ModelBundle) -> str:
    support = bundle.response.artefact.support
    counts = pd.DataFrame({"arm": bundle.arms.names, "decisions": support.counts})
    odds = (
        "the same odds for everyone"
        if support.randomised
        else f"comparable where the propensity is {support.floor:.3g} or more"
    )
    return _section("Training set by arm", f"{table_text(counts)}\n\nPropensities: {odds}.")


def _performance(verdict: Verdict, span: str, rows: int, account: Account) -> str:
    told = f"{rows:,} decisions from {span}, which the model has not seen."
    return f"{told}\n\n{_policies(verdict)}\n\nQini coefficients:\n\n{table_text(account.qini.drop(columns='reason'))}"


def _policies(verdict: Verdict) -> str:
    values = table_text(verdict.values.drop(columns="reason"))
    gains = table_text(verdict.gains.drop(columns="reason"))
    missing = _lines(
        f"not supported: {row['policy']}: {row['reason']}" for row in verdict.values.to_dict("records") if row["reason"]
    )
    return f"{values}\n\nGain of the learnt policy:\n\n{gains}\n\n{missing}".strip()


def _calibration(account: Account) -> str:
    table = account.calibration
    off = table[(table["low"] > 0) | (table["high"] < 0)]["arm"].tolist()
    told = f"beyond chance at {account.confidence:.0%}, arm by arm: {', '.join(off)}" if off else "no arm is off beyond chance"
    return f"{table_text(table)}\n\n{told[0].upper()}{told[1:]}."


def _alarms(bundle: ModelBundle) -> str:
    rang = alarms_of(bundle)
    if rang is None:
        return "The log was never asked."
    return _lines(str(alarm) for alarm in rang) or "None: every question was asked, none rang."


def _closing(bundle: ModelBundle, confidence: float) -> list[str]:
    # A candidate that was not judged has no values.
    level = f"{100 * confidence:.3g}%" if np.isfinite(confidence) else "no confidence: nothing was judged"
    claims = (
        f"Values, gains, doses, Qini and calibration gaps above are at {level}, clustered by borrower; bands of curves are "
        "pointwise. `interval_by_arm` and `contrast_by_arm` claim 90% by default. These are claims of the method, tested on "
        "simulated worlds; on this book only the fold above speaks."
    )
    made = "\n".join(f"- {name} {value}" for name, value in versions().items())
    how = (
        f"Seed {bundle.facts.get('seed', '?')}. The run keeps `run.json`; `lighttouch train --like RUN` reads it, refuses "
        "tables that have changed, trains again, and says whether every byte of the model is the same "
        f"(version `{bundle.version}`).\n\n{made}"
    )
    return [
        _section("What intervals claim", claims),
        _section("Limits", _lines(_LIMITS)),
        _section("How to reproduce", how),
    ]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
