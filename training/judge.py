"""Judging a model on decisions it has not seen: what its policy is worth against fixed rules and the logged policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.errors import Fault, InvalidInput
from ..data.policies import ConstantPolicy, Policy, Situation
from ..policy.settings import PolicySettings
from ..policy.value import arm_value
from .bundle import ModelBundle
from .decide import Circumstances, Decided, decide
from .evaluation import PolicyValue, policy_value
from .folds import TimeFolds
from .logged import rewards
from .table import TrainingTable

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
    """

    values: pd.DataFrame
    gains: pd.DataFrame
    policies: dict[str, NDArray[np.float64]]
    decided: Decided


def judge(
    bundle: ModelBundle,
    test: TrainingTable,
    fixed: dict[str, str],
    settings: PolicySettings,
    others: dict[str, NDArray[np.float64]] | None = None,
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
    known = test.rows["overdue"].to_numpy(dtype=np.float64)
    decided = decide(bundle, test.features, test.lawful, known, settings, Circumstances(test.history()))
    policies = {LEARNT: _one_hot(decided.arm, len(test.arms)), LOGGED: test.propensity}
    policies |= {name: _project(ConstantPolicy(arm), test) for name, arm in fixed.items()} | (others or {})
    scale = _Scale(test, decided, settings, confidence)
    values = pd.DataFrame([_row(name, policy, scale, test) for name, policy in policies.items()])
    rivals = [name for name in policies if name != LEARNT]
    gains = pd.DataFrame([_gain(name, policies[LEARNT], policies[name], scale) for name in rivals])
    wanted = {name: test.lawful[:, test.arms.index(arm)] for name, arm in fixed.items()}
    values["projected"] = [float(1 - wanted[name].mean()) if name in wanted else 0.0 for name in values["policy"]]
    return Verdict(values, gains, policies, decided)


def unseen_rows(table: TrainingTable, folds: TimeFolds, models: Sequence[ModelBundle]) -> TrainingTable:
    """Return the rows of the final fold that none of the models has learnt from.

    Raises
    ------
    InvalidInput
        Where nothing is left.
    """
    learnt = max(pd.Timestamp(model.facts["last_as_of"]) + pd.Timedelta(days=model.horizon_days) for model in models)
    unseen = folds.test & (table.rows["as_of"] > learnt).to_numpy()
    if not unseen.any():
        found = f"the last decision at {table.rows['as_of'].max()}"
        remedy = "Load newer decisions, or judge a model that was trained on older ones."
        raise InvalidInput([Fault("decisions", f"decisions after {learnt}, which the model has not seen", found, remedy)])
    return table.subset(unseen)


def best_constant_arm(bundle: ModelBundle, fit: TrainingTable, settings: PolicySettings) -> str:
    """Return the arm with the highest doubly robust value for everyone on the fit fold, among those that the log supports.

    Parameters
    ----------
    bundle : ModelBundle
        Freshly fitted on `fit`: its out-of-fold predictions are the outcome model.
    """
    recoverable = fit.rows["recoverable"].to_numpy(dtype=np.float64)
    harm = bundle.harm_by_arm(fit.features)
    outcome = arm_value(bundle.response.out_of_fold, recoverable, harm, fit.arms, settings)
    reward, groups = rewards(fit, settings).value, fit.rows["borrower_id"].to_numpy()
    found = [
        policy_value(
            _project(ConstantPolicy(name), fit),
            arm=fit.rows["arm"].to_numpy(),
            reward=reward,
            propensity=fit.propensity,
            arms=fit.arms,
            outcome=outcome,
            groups=groups,
        )
        for name in fit.arms.names
    ]
    worth = [value.estimate if value.supported else -np.inf for value in found]
    # Where the log supports none of them the first is returned: no contact.
    return fit.arms.names[int(np.argmax(worth))]


class _Scale:
    """The two units in which policies are valued, each with its reward and its outcome model."""

    def __init__(self, test: TrainingTable, decided: Decided, settings: PolicySettings, confidence: float) -> None:
        happened = rewards(test, settings)
        recoverable = test.rows["recoverable"].to_numpy(dtype=np.float64)
        expected = arm_value(decided.response, recoverable, decided.harm, test.arms, settings)
        self.test, self.confidence = test, confidence
        self.units = {"value": (happened.value, expected), "repaid": (happened.repaid, decided.response)}

    def measure(self, policy: NDArray[np.float64], unit: str, versus: NDArray[np.float64] | None = None) -> PolicyValue:
        reward, outcome = self.units[unit]
        return policy_value(
            policy,
            arm=self.test.rows["arm"].to_numpy(),
            reward=reward,
            propensity=self.test.propensity,
            arms=self.test.arms,
            outcome=outcome,
            versus=versus,
            groups=self.test.rows["borrower_id"].to_numpy(),
            confidence=self.confidence,
        )


def _row(name: str, policy: NDArray[np.float64], scale: _Scale, test: TrainingTable) -> dict[str, object]:
    money, share = scale.measure(policy, "value"), scale.measure(policy, "repaid")
    return {
        "policy": name,
        "value": money.estimate, "value_low": money.low, "value_high": money.high,
        "repaid": share.estimate, "repaid_low": share.low, "repaid_high": share.high,
        "contacts_per_week": float((policy @ test.arms.intensity).mean()),
        "ess": money.ess, "supported": money.supported, "reason": money.reason,
    }  # fmt: skip


def _gain(name: str, learnt: NDArray[np.float64], rival: NDArray[np.float64], scale: _Scale) -> dict[str, object]:
    money, share = scale.measure(learnt, "value", versus=rival), scale.measure(learnt, "repaid", versus=rival)
    return {
        "over": name,
        "value": money.estimate, "value_low": money.low, "value_high": money.high,
        "repaid": share.estimate, "repaid_low": share.low, "repaid_high": share.high,
        "supported": money.supported, "reason": money.reason,
    }  # fmt: skip


def _project(policy: Policy, test: TrainingTable) -> NDArray[np.float64]:
    return policy.propensities(Situation(test.rows, test.arms, test.lawful))


def _one_hot(chosen: NDArray[np.int64], K: int) -> NDArray[np.float64]:
    return np.eye(K)[chosen]
