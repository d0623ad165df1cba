"""Judging a model on decisions it has not seen: what its policy is worth against fixed rules and the logged policy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.policies import ConstantPolicy, Policy, Situation
from ...policy.settings import PolicySettings
from ..deciding.decide import Decided, decide_logged
from ..evaluation.logged import REPAID, VALUE, Log, logs
from ..inputs import Floats
from ..registry.bundle import ModelBundle
from ..rows.table import TrainingTable

LEARNT, LOGGED = "learnt", "logged policy"


@dataclass(frozen=True)
class Verdict:
    """What policies are worth on a fold that the model has not seen.

    Parameters
    ----------
    values : DataFrame
        A row per policy: value (money per decision) with interval, repaid (share) with interval, contacts_per_week,
        projected (share of borrowers whose arm was not lawful and became the fallback), ess, supported, reason.
    gains : DataFrame
        A row per rival: the learnt policy's gain over it, in money and in share repaid, with intervals, supported, reason.
    policies : dict of str to ndarray of shape (n, K)
        Probabilities of each policy on the fold.
    decided : Decided
        What the model chose on the fold.
    notices : tuple of str
        What the reader should know.
    """

    values: pd.DataFrame
    gains: pd.DataFrame
    policies: dict[str, Floats]
    decided: Decided
    notices: tuple[str, ...] = ()


def judge(
    bundle: ModelBundle,
    test: TrainingTable,
    fixed: dict[str, str],
    settings: PolicySettings,
    others: dict[str, Floats] | None = None,
    confidence: float = 0.95,
) -> Verdict:
    """Value the learnt policy, the logged one and fixed arms on a fold that the model has not seen.

    Parameters
    ----------
    fixed : dict
        Name of the policy to the arm that it gives everyone, projected onto the lawful arms.
    others : dict, optional
        Name of a further policy to its probabilities on the fold, of shape (n, K).
    confidence : float, optional
        Of every interval.
    """
    # The choice sees what was known to be overdue; what was truly owed is for the rewards alone.
    decided = decide_logged(bundle, test, settings)
    policies = {LEARNT: _one_hot(decided.arm, len(test.arms)), LOGGED: test.propensity}
    policies |= {name: _project(ConstantPolicy(arm), test) for name, arm in fixed.items()} | (others or {})
    log = logs(test, decided.response, decided.harm, settings)
    values = pd.DataFrame([_row(name, policy, log, confidence) for name, policy in policies.items()])
    rivals = [name for name in policies if name != LEARNT]
    gains = pd.DataFrame([_gain(name, policies[LEARNT], policies[name], log, confidence) for name in rivals])
    wanted = {name: test.lawful[:, test.arms.index(arm)] for name, arm in fixed.items()}
    values["projected"] = [float(1 - wanted[name].mean()) if name in wanted else 0.0 for name in values["policy"]]
    short = settings.capacity.names
    notices = (f"judged as if nothing were short: what {', '.join(short)} cost is known by night only",) if short else ()
    return Verdict(values, gains, policies, decided, notices)


def best_constant_arm(bundle: ModelBundle, fit: TrainingTable, settings: PolicySettings) -> str:
    """Return the arm of highest expected value for everyone on the fit fold, among those that the log supports.

    Parameters
    ----------
    bundle : ModelBundle
        Freshly fitted on `fit`: its out-of-fold predictions are the outcome model.
    """
    log = logs(fit, bundle.response.out_of_fold, bundle.harm_by_arm(fit.features), settings)[VALUE]
    return fit.arms.names[log.best_constant([_project(ConstantPolicy(name), fit) for name in fit.arms.names])]


def _row(name: str, policy: Floats, log: dict[str, Log], confidence: float) -> dict[str, object]:
    money, share = (log[unit].value(policy, confidence=confidence) for unit in (VALUE, REPAID))
    return {
        "policy": name,
        "value": money.estimate, "value_low": money.low, "value_high": money.high,
        "repaid": share.estimate, "repaid_low": share.low, "repaid_high": share.high,
        "contacts_per_week": float((policy @ log[VALUE].arms.intensity).mean()),
        "ess": money.ess, "supported": money.supported, "reason": money.reason,
    }  # fmt: skip


def _gain(name: str, learnt: Floats, rival: Floats, log: dict[str, Log], confidence: float) -> dict[str, object]:
    money, share = (log[unit].value(learnt, rival, confidence) for unit in (VALUE, REPAID))
    return {
        "over": name,
        "value": money.estimate, "value_low": money.low, "value_high": money.high,
        "repaid": share.estimate, "repaid_low": share.low, "repaid_high": share.high,
        "supported": money.supported, "reason": money.reason,
    }  # fmt: skip


def _project(policy: Policy, test: TrainingTable) -> Floats:
    return policy.propensities(Situation(test.rows, test.arms, test.lawful))


def _one_hot(chosen: NDArray[np.int64], K: int) -> Floats:
    return np.eye(K)[chosen]
