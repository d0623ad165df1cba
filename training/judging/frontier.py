"""The frontier on logged decisions: for each of its policies what the model promises and what the log shows, with bands."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from ...policy.frontier import FrontierPoint, Prospects, frontier, point_of
from ...policy.settings import PolicySettings
from ..deciding.decide import decide_logged
from ..evaluation import PolicyValue
from ..evaluation.logged import HARM, RECOVERED, REPAID, VALUE, Log, logs
from ..registry.bundle import ModelBundle
from ..rows.table import TrainingTable
from .judge import LEARNT, LOGGED

Floats = NDArray[np.float64]
UNITS = (RECOVERED, REPAID, HARM, VALUE)
SWEPT = "frontier"


def frontier_table(
    bundle: ModelBundle, test: TrainingTable, settings: PolicySettings, points: int = 11, confidence: float = 0.95
) -> pd.DataFrame:
    """Value the frontier's policies, the learnt policy and the logged one on decisions that the model has not seen.

    Parameters
    ----------
    test : TrainingTable
        Logged decisions with matured outcomes.
    points : int, optional
        Policies on the frontier, at most.
    confidence : float, optional
        Of each band, pointwise.

    Returns
    -------
    DataFrame
        A row per policy: policy, price (account currency per contact, missing off the frontier), contacts_per_week (per
        borrower); for each of recovered (account currency per decision), repaid, harm (shares) and value (account currency
        per decision): NAME_predicted by the model, NAME estimated doubly robustly, NAME_low, NAME_high (harm: no narrower than
        the binomial band of the effective sample); ess, supported, reason.
    """
    known = test.rows["overdue"].to_numpy(dtype=np.float64)
    decided = decide_logged(bundle, test, settings)
    prospects = Prospects(decided.response, decided.harm, known, decided.lawful & decided.supported)
    log = logs(test, decided.response, decided.harm, settings)
    K = len(test.arms)
    rows = [
        _row(SWEPT, point, np.eye(K)[point.arm], log, confidence) for point in frontier(prospects, test.arms, settings, points)
    ]
    learnt = point_of(np.nan, decided.arm, prospects, test.arms, settings)
    taken = point_of(np.nan, test.arms.encode(test.rows["arm"]), prospects, test.arms, settings)
    rows.append(_row(LEARNT, learnt, np.eye(K)[decided.arm], log, confidence))
    rows.append(_row(LOGGED, taken, test.propensity, log, confidence))
    return pd.DataFrame(rows)


def _row(name: str, point: FrontierPoint, policy: Floats, log: dict[str, Log], confidence: float) -> dict[str, object]:
    found = {unit: log[unit].value(policy, confidence=confidence) for unit in UNITS}
    row: dict[str, object] = {"policy": name, "price": point.price}
    row["contacts_per_week"] = float((policy @ log[VALUE].arms.intensity).mean())
    for unit, value in found.items():
        row[f"{unit}_predicted"] = getattr(point, unit)
        row[unit], row[f"{unit}_low"], row[f"{unit}_high"] = value.estimate, value.low, value.high
    row["harm"] = max(0.0, found[HARM].estimate)
    row["harm_low"], row["harm_high"] = _rare_band(policy, log[HARM], found[HARM], confidence)
    footing = found[VALUE]
    return row | {"ess": footing.ess, "supported": footing.supported, "reason": footing.reason}


def _rare_band(policy: Floats, log: Log, found: PolicyValue, confidence: float) -> tuple[float, float]:
    """Return a band for the share of a rare event, no narrower than that of as many events among as many effective rows.

    Where nobody complained under a policy's arms, the doubly robust error is that of the model's residuals alone, next to
    nothing; the exact binomial band (Clopper, Pearson 1934) still knows how few were looked at.
    """
    rows = np.arange(len(log.code))
    weight = policy[rows, log.code] / log.propensity[rows, log.code]
    n = max(found.ess, 1.0)
    events = n * float(weight @ log.reward) / max(float(weight.sum()), 1e-12)
    tail = (1 - confidence) / 2
    low = float(betaincinv(events, n - events + 1, tail)) if events > 0 else 0.0
    high = float(betaincinv(events + 1, n - events, 1 - tail)) if events < n else 1.0
    return max(0.0, min(found.low, low)), min(1.0, max(found.high, high))
