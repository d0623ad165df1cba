"""Cross-validation by borrower: log loss, and what the policy that a model implies is worth, in scikit-learn's shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from ...data.errors import Fault, InvalidInput
from ..columns import frame_faults
from ..inputs import Floats, arm_positions, binary_outcome, group_codes
from ..model.fit_data import parameter_faults
from ..model.propensity import PropensityLike, read_propensity
from ..response import ResponseModel
from .logged import Log
from .steadfast import best_for_everyone, steadfast_arms
from .value import PolicyValue, policy_value


@dataclass(frozen=True)
class CrossValidated:
    """What a model did on folds that it had not seen.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (folds,)
        `test_log_loss`, `test_value` (of the policy, in the reward's unit), `test_gain` (over the baseline arm for everyone).
    value, gain : PolicyValue
        Of all folds together, with interval, clustered.
    predicted : ndarray of shape (n, K)
        Responses, each from the model that had not seen the row's group.
    policy : ndarray of shape (n,)
        Names of the arms that the package would choose: highest predicted response among those with comparable data, less the
        doubt about leaving the arm that is best for everyone on the other folds (`steadfast_arms`).
    """

    scores: dict[str, Floats]
    value: PolicyValue
    gain: PolicyValue
    predicted: Floats
    policy: NDArray[np.object_]


def cross_validate(
    model: ResponseModel,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    arm: ArrayLike,
    propensity: PropensityLike,
    groups: ArrayLike | None = None,
    folds: int = 5,
) -> CrossValidated:
    """Fit clones of a model on all folds but one, and judge each on the one left out; no borrower is on both sides.

    Parameters
    ----------
    model : ResponseModel
        Cloned, never fitted itself. Its `random_state` also deals the folds.
    X : DataFrame of shape (n, d)
    y : array-like of shape (n,)
        0 or 1; also the reward.
    arm, propensity, groups
        As for `ResponseModel.fit`; propensities must be stated, since they are what the policy is valued with.
    folds : int, optional

    Returns
    -------
    CrossValidated

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    faults = parameter_faults(model.get_params(deep=False))
    if not isinstance(X, pd.DataFrame):
        raise InvalidInput([*faults, *frame_faults(X)])
    n, names = len(X), model.arms.names
    codes = arm_positions(arm, names, n, faults)
    stated = read_propensity(propensity, codes, names, faults)
    outcome = binary_outcome(y, n, faults)
    members = group_codes(groups, n, faults)
    if not isinstance(folds, int | np.integer) or not 2 <= folds <= len(np.unique(members)):
        faults.append(
            Fault("folds", f"a whole number from 2 to the {len(np.unique(members)):,} groups", repr(folds), "5 is usual.")
        )
    if propensity is None:
        remedy = "Pass the log's; or those of `ResponseModel.fit(...).propensity_out_of_fold`."
        faults.append(Fault("propensity", "the log's probabilities", "none", remedy))
    if faults or stated is None:
        raise InvalidInput(faults)
    odds = stated.taken if stated.full is None else stated.full
    given = np.array(names, dtype=object)[codes]
    predicted, chosen = np.empty((n, len(names))), np.zeros(n, dtype=np.int64)
    sides = list(GroupKFold(int(folds), shuffle=True, random_state=model.random_state).split(X, groups=members))
    for fit, test in sides:
        fitted = clone(model).fit(X.iloc[fit], outcome[fit], given[fit], odds[fit], members[fit])
        predicted[test] = fitted.predict_by_arm(X.iloc[test])
        trusted = fitted.support_by_arm(X.iloc[test])
        log = Log(codes[fit], outcome[fit], odds[fit], fitted.out_of_fold, model.arms, members[fit])
        chosen[test] = steadfast_arms(fitted, X.iloc[test], predicted[test], trusted, best_for_everyone(log))
    policy = np.array(names, dtype=object)[chosen]
    baseline = np.full(n, model.arms.baseline, dtype=object)

    def worth(rows: NDArray[np.int64], versus: NDArray[np.object_] | None) -> PolicyValue:
        log: dict[str, Any] = {"arm": given[rows], "reward": outcome[rows], "propensity": odds[rows], "groups": members[rows]}
        log |= {"outcome": predicted[rows], "arms": model.arms, "versus": None if versus is None else versus[rows]}
        return policy_value(policy[rows], **log)

    everyone = np.arange(n)
    tests = [test for _, test in sides]
    scores = {
        "test_log_loss": np.array([_log_loss(outcome[rows], predicted[rows, codes[rows]]) for rows in tests]),
        "test_value": np.array([worth(rows, None).estimate for rows in tests]),
        "test_gain": np.array([worth(rows, baseline).estimate for rows in tests]),
    }
    return CrossValidated(scores, worth(everyone, None), worth(everyone, baseline), predicted, policy)


def _log_loss(y: Floats, p: Floats) -> float:
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))
