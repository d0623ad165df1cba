"""What a finished run shows of itself on the judged fold: curves, doses, calibration, support, families. Computed once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...features.bands import BAND, band_labels
from ...policy.settings import PolicySettings
from ..evaluation.curves import Curves, best_arm_curve, qini_table
from ..evaluation.held_out import calibration_by_arm
from ..evaluation.logged import REPAID, VALUE, Log, logs
from ..inputs import Floats
from ..model.shap_families import contribution_table
from .run import TrainingRun


@dataclass(frozen=True)
class Account:
    """Figures of a run on the fold that it was judged on; money in account currency, shares from 0 to 1.

    Parameters
    ----------
    curves : dict of (str, str) to UpliftCurve
        By unit ("value", "repaid") and reference arm: the best arm other than the reference, most promising borrowers first.
    qini : DataFrame
        A row per curve: unit, versus, qini, se, low, high, supported, reason.
    doses : DataFrame
        A row per arm: what it does to those to whom it may be given, and over no contact there.
    calibration : DataFrame
        A row per arm: predicted and observed share among those who got it.
    support : DataFrame
        A row per band of days past due: decisions, and by arm the share with comparable data.
    families : DataFrame
        Mean absolute contributions to log odds, by family of history.
    confidence : float
        Of every interval and band.
    """

    curves: Curves
    qini: pd.DataFrame
    doses: pd.DataFrame
    calibration: pd.DataFrame
    support: pd.DataFrame
    families: pd.DataFrame
    confidence: float = 0.95


def account_of(run: TrainingRun, settings: PolicySettings, confidence: float = 0.95) -> Account:
    """Compute what a run shows of itself.

    Parameters
    ----------
    settings : PolicySettings
        Those that the run was made with: they price what happened.
    """
    test, decided = run.test, run.verdict.decided
    log = logs(test, decided.response, decided.harm, settings)
    curves = {
        (unit, reference): best_arm_curve(log[unit], test.lawful, decided.supported, reference, confidence)
        for unit in (VALUE, REPAID)
        for reference in dict.fromkeys((test.arms.baseline, run.best_constant))
    }
    return Account(
        curves,
        qini_table(curves),
        dose_table(log[REPAID], test.lawful, confidence),
        calibration_table(log[REPAID], confidence),
        support_table(test.features, decided.supported, test.arms),
        contribution_table(run.bundle.response.artefact, test.features, decided.chosen),
        confidence,
    )


def dose_table(log: Log, lawful: NDArray[np.bool_], confidence: float = 0.95) -> pd.DataFrame:
    """Estimate the response by arm, among those to whom it may be given, and what it adds to no contact there.

    Returns
    -------
    DataFrame
        arm, channel, contacts_per_week, decisions, predicted, response, low, high, over_none, over_low, over_high (shares
        repaid, doubly robust, clustered), response_supported, supported (what it adds to no contact), reason (why not).
    """
    baseline = np.eye(len(log.arms))[0]
    return pd.DataFrame(
        [_dose(log.subset(lawful[:, k]), k, baseline, confidence) for k in range(len(log.arms)) if lawful[:, k].any()]
    )


def _dose(log: Log, k: int, baseline: Floats, confidence: float) -> dict[str, object]:
    n, arm = len(log.code), list(log.arms)[k]
    policy, none = (np.tile(one, (n, 1)) for one in (np.eye(len(log.arms))[k], baseline))
    own, over = log.value(policy, confidence=confidence), log.value(policy, none, confidence)
    return {
        "arm": arm.name, "channel": "+".join(arm.channels) or "none", "contacts_per_week": float(log.arms.intensity[k]),
        "decisions": n, "predicted": float(log.outcome[:, k].mean()),
        "response": own.estimate, "low": own.low, "high": own.high,
        "over_none": over.estimate, "over_low": over.low, "over_high": over.high,
        "response_supported": own.supported, "supported": over.supported, "reason": over.reason,
    }  # fmt: skip


def calibration_table(log: Log, confidence: float = 0.95) -> pd.DataFrame:
    """Hold predicted against observed shares among those who got each arm: `calibration_by_arm` of a log."""
    at, arm = (np.arange(len(log.code)), log.code), np.array(log.arms.names, dtype=object)[log.code]
    rows = {"arm": arm, "outcome": log.reward, "predicted": log.outcome[at], "propensity": log.propensity[at]}
    return calibration_by_arm(pd.DataFrame({**rows, "group": log.groups}), log.arms.names, confidence)


def support_table(features: pd.DataFrame, supported: NDArray[np.bool_], arms: ArmCatalogue) -> pd.DataFrame:
    """Return the share of decisions with comparable data, by band of days past due and arm.

    Returns
    -------
    DataFrame
        days_past_due (band, `all` last), decisions, and a column of shares per arm.
    """
    band = band_labels(features[BAND] if BAND in features else pd.Series(np.zeros(len(features))))
    parts = {label: (band == label).to_numpy() for label in band.cat.remove_unused_categories().cat.categories}
    rows = [
        {"days_past_due": label, "decisions": int(own.sum()), **dict(zip(arms.names, supported[own].mean(axis=0), strict=True))}
        for label, own in (parts | {"all": np.ones(len(features), dtype=bool)}).items()
    ]
    return pd.DataFrame(rows)
