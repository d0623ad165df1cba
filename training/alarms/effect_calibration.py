"""Effect calibration: whether the uplift that the model predicts shows in what happened.

Two looks, both out of fold and clustered by borrower:

*By fifths*: rows are cut by the predicted uplift of the arm the model would choose over a reference; in each fifth the mean
prediction stands beside the doubly robust mean of what happened. Choosing the best of K noisy predictions promises too much:
here it shows.

*Slope*: y - m(x) on Q(x, arm) - m(x), with m(x) = sum_k e_k Q_k, over all arms. Given the covariates the second has mean zero
under the log's draw, so the slope is 1 where predicted differences between arms are right, 0 where they are noise, and
var(true) / (var(true) + var(noise)) between: the factor by which they should be shrunk. No inverse weights enter, so it tells
much more than a slope over the fifths. It asks for propensities that are right; the doubly robust means ask for these or the
model's.

References
----------
Chernozhukov, Demirer, Duflo, Fernandez-Val (2018), Generic machine learning inference on heterogeneous treatment effects
(best linear predictor, sorted group effects). Nie, Wager (2021), Quasi-oracle estimation of heterogeneous treatment effects,
Biometrika 108.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..alarm import Alarm
from ..inputs import Floats, Ints
from ..model.artefact_parts import SupportRule
from ..statistics.clusters import clustered_error, clustered_errors, reach
from .logged_rows import LoggedRows

NAME = "effect calibration"
FIFTHS = 5
# A slope that is surely below this would leave less than nine tenths of what was promised.
LEAST_SLOPE = 0.9
# Fewer rows than this in a part say nothing: where there are fewer, the parts are fewer.
LEAST_ROWS = 50
# Predicted differences smaller than this (one in ten thousand) are no claim.
NO_CLAIM = 1e-4


@dataclass(frozen=True)
class EffectCalibration:
    """How predicted uplift compares with what happened.

    Parameters
    ----------
    table : DataFrame
        A row per fifth of the predicted uplift: rows, predicted, observed, low, high (share repaid).
    predicted, observed, low, high : float
        Mean over the rows where policy and reference differ, with the interval of the observed one.
    slope, slope_low, slope_high : float
        Of what happened on what was predicted, over all arms; NaN where nothing is predicted to differ.
    intercept, intercept_se : float
        Of the same line: mean of what happened, where the predictions say no difference.
    verdict : str
        "matches", "overstated", "understated", "not told" or "no claim".
    """

    table: pd.DataFrame
    predicted: float
    observed: float
    low: float
    high: float
    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_se: float
    verdict: str


def reference_arm(rows: LoggedRows, least: int = 100) -> int:
    """Return the baseline's position, or that of the arm given most often where the baseline was given too rarely."""
    counts = np.bincount(rows.codes, minlength=len(rows.arms))
    return 0 if counts[0] >= least else int(counts.argmax())


def comparable(rows: LoggedRows, e: Floats) -> NDArray[np.bool_]:
    """Return where the reference arm could have been given, of shape (n,): elsewhere no uplift over it can be seen.

    Its odds must reach the floor of support, or half of its share in the log where that is less: a small holdout counts.
    """
    reference = reference_arm(rows)
    floor = min(SupportRule().floor_for(len(rows.arms)), float((rows.codes == reference).mean()) / 2)
    found: NDArray[np.bool_] = rows.lawful[:, reference] & (e[:, reference] >= floor)
    return found


def greedy(rows: LoggedRows, e: Floats, response: Floats) -> Ints:
    """Return the lawful and supported arm of highest predicted response, of shape (n,).

    The reference arm where there is none, and where the reference could not have been given: then nothing is claimed.
    """
    floor = SupportRule().floor_for(len(rows.arms))
    score = np.where(rows.lawful & (e >= floor), response, -np.inf)
    some = np.isfinite(score).any(axis=1) & comparable(rows, e)
    return np.where(some, score.argmax(axis=1), reference_arm(rows))


def effect_calibration(
    rows: LoggedRows, e: Floats, response: Floats, policy: Ints, versus: Ints, confidence: float = 0.95
) -> EffectCalibration:
    """Compare predicted with observed uplift.

    Parameters
    ----------
    rows : LoggedRows
    e, response : ndarray of shape (n, K)
        Propensities and predicted responses, from a fit that has not seen the row.
    policy, versus : ndarray of shape (n,)
        Positions of the arms whose difference is claimed.
    confidence : float
    """
    differ, at = policy != versus, np.arange(len(rows))
    claimed = response[at, policy] - response[at, versus]
    taken = e[at, rows.codes] if rows.stated is None else rows.stated.taken
    sign = (rows.codes == policy).astype(float) - (rows.codes == versus)
    seen = claimed + sign / taken * (rows.y - response[at, rows.codes])
    order = np.flatnonzero(differ)[np.argsort(claimed[differ], kind="stable")]
    parts = min(max(len(order) // LEAST_ROWS, 1), FIFTHS)
    table = pd.DataFrame([_line(part, claimed, seen, rows, confidence) for part in np.array_split(order, parts) if len(part)])
    table.insert(0, "fifth", np.arange(1, len(table) + 1))
    whole = (
        _line(order, claimed, seen, rows, confidence)
        if len(order)
        else dict.fromkeys(("predicted", "observed", "low", "high"), 0.0)
    )
    line = _slope(rows, e, response, confidence)
    slope, slope_se, intercept, intercept_se, wide = line
    return EffectCalibration(
        table, whole["predicted"], whole["observed"], whole["low"], whole["high"],
        slope, slope - wide * slope_se, slope + wide * slope_se, intercept, intercept_se,
        _verdict(slope, wide * slope_se, whole["predicted"] - whole["high"]),
    )  # fmt: skip


def _line(part: Ints, claimed: Floats, seen: Floats, rows: LoggedRows, confidence: float) -> dict[str, float]:
    mean, groups = float(seen[part].mean()), rows.groups[part]
    half = reach(groups, 0.5 + confidence / 2) * clustered_error(seen[part] - mean, groups)
    predicted = float(claimed[part].mean())
    return {"rows": len(part), "predicted": predicted, "observed": mean, "low": mean - half, "high": mean + half}


def _slope(rows: LoggedRows, e: Floats, response: Floats, confidence: float) -> tuple[float, float, float, float, float]:
    """Return slope and intercept with clustered errors, and how many errors an interval reaches."""
    mean = (e * response).sum(axis=1)
    x, left = response[np.arange(len(rows)), rows.codes] - mean, rows.y - mean
    design = np.column_stack([np.ones(len(x)), x])
    if x.std() < NO_CLAIM:
        return (float("nan"),) * 4 + (0.0,)
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ left
    errors = clustered_errors(len(x) * (design * (left - design @ beta)[:, None]) @ bread, rows.groups)
    return float(beta[1]), float(errors[1]), float(beta[0]), float(errors[0]), reach(rows.groups, 0.5 + confidence / 2)


def _verdict(slope: float, half: float, over: float) -> str:
    if not np.isfinite(slope):
        return "no claim"
    if slope + half < LEAST_SLOPE or over > 0:
        return "overstated"
    if slope - half > 1 / LEAST_SLOPE:
        return "understated"
    return "matches" if slope - half > 0 else "not told"


def calibrated_effects(rows: LoggedRows, e: Floats, response: Floats, confidence: float = 0.95) -> Alarm:
    """Ask whether the model's own choices bring what it claims, against the reference arm; all arguments out of fold."""
    reference = reference_arm(rows)
    policy, versus = greedy(rows, e, response), np.full(len(rows), reference)
    found = effect_calibration(rows, e, response, policy, versus, confidence)
    name = rows.arms.names[reference]
    figures: dict[str, float | int | str] = {
        "slope": found.slope, "slope low": found.slope_low, "slope high": found.slope_high, "intercept": found.intercept,
        "intercept se": found.intercept_se, "predicted uplift": found.predicted, "observed uplift": found.observed,
        "observed low": found.low, "observed high": found.high, "verdict": found.verdict, "reference": name,
    }  # fmt: skip
    left_out = 1 - float(comparable(rows, e).mean())
    figures["rows left out"] = left_out
    aside = f" {left_out:.0%} of the rows are left out: '{name}' could not have been given there." if left_out >= 0.01 else ""
    slope = f"slope {found.slope:.2f} ({found.slope_low:.2f} to {found.slope_high:.2f})"
    mean = (
        f"{found.predicted:+.2%} claimed against '{name}', {found.observed:+.2%} seen ({found.low:+.2%} to {found.high:+.2%})"
    )
    if found.verdict == "overstated":
        # What rang stands first.
        told = f"{mean}; {slope}" if found.predicted > found.high else f"{slope}; {mean}"
        reason = (
            f"Expected uplift as predicted, which has slope 1, found less: {told}. Differences between arms are overstated: "
            f"take the best constant arm where the data carries no more, shrink, or wait for more rows.{aside}"
        )
        return Alarm(NAME, "warn", reason, figures, table=found.table)
    said = {
        "matches": f"Predicted uplift is seen: {slope}; {mean}.",
        "understated": f"More uplift is seen than predicted: {slope}; {mean}.",
        "not told": f"Too few rows to tell predicted uplift from none: {slope}; {mean}.",
        "no claim": "The model predicts no difference between arms.",
    }[found.verdict]
    return Alarm(NAME, "ok", said + aside, figures, table=found.table)
