"""Tables that commands on models print: what policies are worth, what arms do; with intervals where the log carries them."""

import pandas as pd

from ..training.runs.account import Account
from ..training.runs.compliance import said_of
from ..training.runs.run import TrainingRun
from .console import band, carried, note, say, show

VALUE_FORMATS = {"per week": "{:.2f}", "ess": "{:,.0f}", "projected": "{:.1%}"}
ARM_FORMATS = {
    "contacts/week": "{:.2f}", "decisions": "{:,.0f}", "comparable": "{:.0%}",
    **dict.fromkeys(("predicted", "observed"), "{:.3f}"),
}  # fmt: skip
COMPLIANCE_FORMATS = {
    **dict.fromkeys(("planned", "off: payment", "off: event", "executed"), "{:,.0f}"),
    **dict.fromkeys(("executed_share", "delivered_share", "outage_share"), "{:.1%}"),
}


def show_run(run: TrainingRun) -> None:
    """Print what the reader of a run on a book should know, what its model is worth, what became of planned contacts."""
    for notice in (*run.book_notices, *run.fit.notices, *run.notices):
        note(f"  {notice}")
    say(
        f"  learnt from {len(run.fit):,} commitments before {run.folds.fit_end:%Y-%m-%d}, "
        f"judged on {len(run.test):,} from {run.folds.judged_from:%Y-%m-%d} on"
        f"{'' if run.folds.select_start is None else ' (the select fold; the final one is unseen)'}"
    )
    show_verdict(run.verdict.values, run.verdict.gains, run.folds.judged_name)
    if len(run.compliance):
        counts = run.compliance.drop(columns=["commitments", "due", "delivered", "in_outage"])
        counts = counts.rename(columns=lambda name: name.replace("stopped_by_", "off: "))
        show(counts, "contacts planned and made", COMPLIANCE_FORMATS)
        note(f"  {said_of(run.compliance)}")


def show_verdict(values: pd.DataFrame, gains: pd.DataFrame, fold: str = "final") -> None:
    """Print what policies are worth on the judged fold."""
    show(_in_bands(values, "policy"), f"value per decision (account currency) on the {fold} time fold", VALUE_FORMATS)
    show(_in_bands(gains, "over"), "gain of the learnt policy over")
    note(
        "  [low, high]: interval, clustered by borrower; repaid: share; per week: contacts; ess: decisions of the log that "
        "speak of the policy, in effect; projected: share for whom the rule's arm was not lawful, so that the fallback "
        "arm stands in."
    )
    tell_unsupported(values)


def _in_bands(found: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the figures of policies with their intervals in one cell each."""
    rules = {"value": "{:,.2f}", "repaid": "{:.3f}"}
    cells = pd.DataFrame(
        {key: found[key], **{name: band(found, name, rule, found["supported"]) for name, rule in rules.items()}}
    )
    rest = [name for name in ("contacts_per_week", "ess", "projected", "supported") if name in found]
    return cells.join(found[rest]).rename(columns={"contacts_per_week": "per week"})


def show_report(report: pd.DataFrame) -> None:
    """Print what policies are worth on the held-out rows of a flat table."""
    told = report.rename(columns={"low": "value_low", "high": "value_high"})
    told = told.assign(value=band(told, "value", "{:,.4g}", told["supported"]))
    columns = ["policy", "value", "snips", "ess", "max_weight", "supported"]
    show(told[columns], "value per decision, doubly robust with its interval, and self-normalised (snips)")
    tell_unsupported(report)


def tell_unsupported(found: pd.DataFrame) -> None:
    """Say of each policy that the log cannot carry, why, and what to do; one reason is told once."""
    lost = found[~found["supported"]]
    for reason, rows in lost.groupby("reason", sort=False):
        note(f"  not supported: {', '.join(rows['policy'])}: {str(reason).removeprefix('Not supported: ')}")


def show_account(account: Account) -> None:
    """Print a run's figures by arm in short; the pages of the run have them in full."""
    doses = account.doses.rename(columns={"contacts_per_week": "contacts/week", "low": "response_low", "high": "response_high"})
    # The response of an arm may be carried where the one without contact, and so what the arm adds to it, is not.
    response = band(doses, "response", "{:.3f}", doses["response_supported"])
    added = carried(doses["over_none"], "{:.3f}", doses["supported"])
    doses = doses.assign(response=response, over_none=added).set_index("arm")
    doses = doses[["contacts/week", "response", "over_none"]]
    fit = account.calibration.set_index("arm")[["decisions", "predicted", "observed"]]
    whole = account.support.iloc[-1].reindex(doses.index).astype(float).rename("comparable")
    show(
        doses.join(fit).join(whole).reset_index(),
        "by arm, share repaid (doubly robust; predicted and observed: of those given)",
        ARM_FORMATS,
    )
    show_qini(account.qini)


def show_qini(found: pd.DataFrame) -> None:
    """Print Qini coefficients, with intervals where the log carries them."""
    qini = found.rename(columns={"low": "qini_low", "high": "qini_high"})
    qini = qini.assign(qini=band(qini, "qini", "{:,.4g}", qini["supported"]))
    show(qini[["unit", "versus", "qini", "supported"]], "Qini: gain of treating the most promising first, over a lot")
