"""Flat mode: from one table of an experiment to a model, a policy, and what the policy is worth on rows it has not seen."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.errors import Fault, InvalidInput
from ..alarms.ring import Alarm, AlarmOptions, LoggedRows, training_alarms
from ..evaluation import PolicyValue, policy_value
from ..evaluation.curves import Curves, best_arm_curve
from ..evaluation.logged import Log
from ..evaluation.steadfast import best_carried, steadfast_arms
from ..inputs import MIN_EVENTS, Floats
from ..model.boosting import Boosting
from ..model.shap_families import contribution_table
from ..response import ResponseModel
from ..rows.flat_table import FlatColumns, FlatTable, read_flat_table
from ..statistics.clusters import LEAST_CLUSTERS

LEARNT = "learnt policy"
HOLDOUT_SHARE = 0.3


@dataclass(frozen=True)
class FlatResult:
    """What a flat run learnt.

    Parameters
    ----------
    model : ResponseModel
        Fitted on the fit part.
    report : DataFrame
        A row per policy and per difference: value, se, low, high (reward per decision), snips, ess, max_weight, supported,
        reason. All on held-out rows.
    values : dict of str to PolicyValue
        The same by policy name, doubly robust.
    best_constant : str
        The arm that was best for everyone on the fit part.
    best_carried : bool
        Whether any arm could be judged there; where none could, `best_constant` is the arm without treatment.
    policy : ndarray of shape (held-out rows,)
        Arm names that the learnt policy gives.
    held_out : DataFrame of shape (held-out rows, 5)
        arm that was given, outcome, predicted (response under that arm), propensity (of that arm), group; by row of the table.
    support : DataFrame
        A row per arm: rows (of the fit part), held_out (rows), comparable (share of all held-out rows with comparable data).
    claimed : float
        Mean response that the model expects of its own choices: larger than their value where noise was chosen.
    covariates : tuple of str
        Columns the model was given.
    dropped : tuple of str
        Columns left out on request.
    notices : tuple of str
        What the reader should look at.
    data_digest : str
        `table_digest` of the table as it was given.
    options : dict
        All that made the result beside the table, by the names of `train_flat`.
    fit_rows, holdout_rows : int
    curves : dict of (str, str) to UpliftCurve
        By unit (the outcome's column) and reference arm: the best other arm, most promising held-out rows first.
    contributions : DataFrame
        Mean absolute contributions to log odds by covariate: to the response, and to what the chosen arm changes.
    alarms : tuple of Alarm
        What the fit part was asked, those that ring first.
    """

    model: ResponseModel
    report: pd.DataFrame
    values: dict[str, PolicyValue]
    best_constant: str
    best_carried: bool
    policy: np.ndarray
    held_out: pd.DataFrame
    support: pd.DataFrame
    claimed: float
    covariates: tuple[str, ...]
    dropped: tuple[str, ...]
    notices: tuple[str, ...]
    data_digest: str
    options: dict[str, Any]
    fit_rows: int
    holdout_rows: int
    curves: Curves
    contributions: pd.DataFrame
    alarms: tuple[Alarm, ...] = ()


def train_flat(  # noqa: PLR0913  the command line's options, one by one
    table: pd.DataFrame,
    *,
    arm: str,
    outcome: str,
    propensity: str | float | Mapping[str, float] | None = None,
    group: str | None = None,
    baseline: str | None = None,
    drop: Sequence[str] | None = None,
    holdout_share: float = HOLDOUT_SHARE,
    seed: int = 0,
    confidence: float = 0.95,
    boosting: Boosting = Boosting(),  # noqa: B008  frozen
    n_threads: int = 0,
) -> FlatResult:
    """Learn from a table and value what was learnt on rows set aside.

    Parameters
    ----------
    table : DataFrame
        A row per decision; every column that is not named below is a covariate and must have been known before the arm.
    arm, outcome : str
        Columns of the arm's name and of 0 or 1.
    propensity : str, number or mapping, optional
        Column with the probability of the taken arm, a number for every arm, or numbers by arm; estimated where None.
    group : str, optional
        Column whose rows stay together, and by which errors are clustered.
    baseline : str, optional
        The arm without treatment; found by its name where None.
    drop : sequence of str, optional
        Columns to leave out: identifiers, and what was known only afterwards.
    holdout_share : float, optional
        Share of groups set aside.
    seed : int, optional
    confidence : float, optional
    boosting : Boosting, optional
    n_threads : int, optional

    Returns
    -------
    FlatResult

    Raises
    ------
    InvalidInput
        Every fault of the table at once.
    """
    drop = () if drop is None else drop
    columns = FlatColumns(arm, outcome, propensity, group, drop)
    faults = _option_faults(holdout_share, seed, confidence)
    try:
        data = read_flat_table(table, columns, baseline)
    except InvalidInput as error:
        raise InvalidInput([*faults, *error.faults]) from None
    if faults:
        raise InvalidInput(faults)
    options = _plain(columns, baseline) | {
        "holdout_share": float(holdout_share), "seed": int(seed), "confidence": float(confidence), "boosting": boosting,
    }  # fmt: skip
    seed, confidence = options["seed"], options["confidence"]
    held = _hold_out(data, options["holdout_share"], seed)
    fit, rest = data.part(~held), data.part(held)
    _refuse_few(fit, outcome, arm)
    model = ResponseModel(data.arms, random_state=seed, boosting=boosting, n_threads=n_threads)
    model.fit(fit.X, fit.y, arm=fit.arm, propensity=fit.propensity, groups=fit.groups)
    known = fit.propensity if fit.propensity is not None else model.propensity_out_of_fold
    carried = best_carried(_log(fit, known, model.out_of_fold))
    best = carried or data.arms.baseline
    predicted, supported = model.predict_by_arm(rest.X), model.support_by_arm(rest.X)
    stated = rest.propensity if rest.propensity is not None else model.propensity_by_arm(rest.X)
    log, code = _log(rest, stated, predicted), steadfast_arms(model, rest.X, predicted, supported, best)
    chosen = np.array(data.arms.names, dtype=object)[code]
    values, report = _value_all(rest, stated, predicted, {LEARNT: chosen}, best, confidence)
    return FlatResult(
        model, report, values, best, carried is not None, chosen, _held_out(rest, log), _support(fit, rest, supported),
        claimed=float(predicted[np.arange(len(code)), code].mean()),
        covariates=tuple(data.X.columns), dropped=tuple(drop), notices=data.notices, data_digest=table_digest(table),
        options=options,
        fit_rows=len(fit.y), holdout_rows=len(rest.y),
        curves=_curves(log, supported, best, outcome, confidence),
        contributions=contribution_table(model.artefact, rest.X, code, families={name: name for name in data.X.columns}),
        alarms=training_alarms(model, LoggedRows.of_flat(fit), AlarmOptions(seed=seed, threads=n_threads)),
    )  # fmt: skip


def table_digest(table: pd.DataFrame) -> str:
    """Return a digest of a table: names of columns, and rows in their order."""
    try:
        rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:
        # Lists in a column that is left out have no digest of their own.
        rows = pd.util.hash_pandas_object(table.map(repr), index=False).to_numpy()
    names = json.dumps([str(name) for name in table.columns])
    return hashlib.sha256(names.encode() + rows.tobytes()).hexdigest()[:16]


def _option_faults(share: Any, seed: Any, confidence: Any) -> list[Fault]:
    """Return which options no run can be made with, before hours are spent on it."""
    faults = [
        Fault(name, "a number between 0 and 1", repr(value), remedy)
        for name, value, remedy in (
            ("holdout_share", share, "0.3 sets 30% of the groups aside."),
            ("confidence", confidence, "0.95 asks for intervals at 95%."),
        )
        if not (isinstance(value, Real) and 0 < float(value) < 1)
    ]
    if not (isinstance(seed, Integral) and 0 <= int(seed) < 2**32):
        faults.append(Fault("seed", f"a whole number from 0 to {2**32 - 1}", repr(seed), "0 is as good as any."))
    return faults


def _plain(columns: FlatColumns, baseline: Any) -> dict[str, Any]:
    """Return what was said of the columns in values that a recipe can keep."""
    given = columns.propensity
    if isinstance(given, Mapping):
        given = {str(name): float(odds) for name, odds in given.items()}
    elif isinstance(given, Real):
        given = float(given)
    return {
        "arm": columns.arm, "outcome": columns.outcome, "propensity": given, "group": columns.group,
        "baseline": None if baseline is None else str(baseline), "drop": tuple(columns.drop),
    }  # fmt: skip


def _refuse_few(fit: FlatTable, outcome: str, arm: str) -> None:
    """Refuse to learn from a part with too few events, or rows of an arm: the table had enough, before rows were set aside."""
    faults: list[Fault] = []
    where = f"of the {len(fit.y):,} rows to learn from"
    events = int(fit.y.sum())
    if min(events, len(fit.y) - events) < MIN_EVENTS:
        found = f"{len(fit.y) - events:,} zeros and {events:,} ones"
        expected = f"at least {MIN_EVENTS} of each"
        faults.append(Fault(f"column '{outcome}' (outcome), {where}", expected, found, "Wait for more outcomes to mature."))
    rows = dict(zip(fit.arms.names, np.bincount(fit.arms.encode(fit.arm), minlength=len(fit.arms)), strict=True))
    faults += [
        Fault(f"arm '{name}' of column '{arm}', {where}", f"at least {MIN_EVENTS} rows", f"{n}", "Leave the arm out.")
        for name, n in rows.items()
        if n < MIN_EVENTS
    ]
    if faults:
        raise InvalidInput(faults)


def _hold_out(data: FlatTable, share: float, seed: int) -> np.ndarray:
    """Draw groups to set aside."""
    groups, inverse = np.unique(data.groups, return_inverse=True)
    aside_n = round(share * len(groups))
    if not LEAST_CLUSTERS <= aside_n <= len(groups) - LEAST_CLUSTERS:
        found = f"{aside_n:,} of {len(groups):,} groups held out"
        expected = f"at least {LEAST_CLUSTERS} groups to hold out, and to learn from"
        raise InvalidInput([Fault("holdout_share", expected, found, "0.3 sets 30% of the groups aside.")])
    rng = np.random.default_rng([seed, len(groups)])
    aside = np.zeros(len(groups), dtype=bool)
    aside[rng.permutation(len(groups))[:aside_n]] = True
    held: np.ndarray = aside[inverse]
    return held


def _log(part: FlatTable, stated: Any, outcome: Floats) -> Log:
    """Return rows as a log, with what the model expected of every arm."""
    odds = pd.Series(part.arm).map(stated) if isinstance(stated, Mapping) else stated
    reward, odds = part.y.astype(np.float64), np.asarray(odds, dtype=np.float64)
    return Log(part.arms.encode(part.arm), reward, odds, outcome, part.arms, part.groups)


def _held_out(rest: FlatTable, log: Log) -> pd.DataFrame:
    """Return what happened on the held-out rows beside what was predicted under the arm that was given."""
    predicted = log.outcome[np.arange(len(rest.y)), log.code]
    columns = {"arm": rest.arm, "outcome": rest.y, "predicted": predicted, "propensity": log.taken, "group": rest.groups}
    return pd.DataFrame(columns, index=rest.X.index)


def _support(fit: FlatTable, rest: FlatTable, supported: NDArray[np.bool_]) -> pd.DataFrame:
    counts = [np.bincount(part.arms.encode(part.arm), minlength=len(part.arms)) for part in (fit, rest)]
    return pd.DataFrame({"arm": fit.arms.names, "rows": counts[0], "held_out": counts[1], "comparable": supported.mean(axis=0)})


def _curves(log: Log, supported: NDArray[np.bool_], best: str, unit: str, confidence: float) -> Curves:
    """Return the curves of the best other arm over no treatment and over the best constant arm, on held-out rows."""
    every = np.ones_like(supported)
    return {
        (unit, name): best_arm_curve(log, every, supported, name, confidence)
        for name in dict.fromkeys((log.arms.baseline, best))
    }


def _value_all(
    rest: FlatTable, stated: Any, predicted: Floats, learnt: Mapping[str, np.ndarray], best: str, confidence: float
) -> tuple[dict[str, PolicyValue], pd.DataFrame]:
    """Value every constant arm, the learnt policy, and the differences, on held-out rows."""
    policies = {f"always {name}": np.full(len(rest.y), name, dtype=object) for name in rest.arms.names} | dict(learnt)
    rivals = dict.fromkeys((f"always {best}", f"always {rest.arms.baseline}"))
    values: dict[str, PolicyValue] = {}
    lines = []
    for name, policy, rival in [
        *((name, policy, None) for name, policy in policies.items()),
        *((f"{LEARNT} minus {rival}", policies[LEARNT], policies[rival]) for rival in rivals),
    ]:
        dr, snips = (
            policy_value(
                policy, arm=rest.arm, reward=rest.y, propensity=stated, arms=rest.arms, outcome=predicted,
                versus=rival, groups=rest.groups, confidence=confidence, method=method,
            )
            for method in ("dr", "snips")
        )  # fmt: skip
        values[name] = dr
        lines.append(
            {
                "policy": name, "value": dr.estimate, "se": dr.se, "low": dr.low, "high": dr.high, "snips": snips.estimate,
                "snips_se": snips.se, "ess": dr.ess, "max_weight": dr.max_weight, "supported": dr.supported,
                "reason": dr.reason,
            }
        )  # fmt: skip
    return values, pd.DataFrame(lines)
