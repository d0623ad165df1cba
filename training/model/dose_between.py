"""The response to a dose that was never tried, between doses of the same channels that were; outside them a refusal."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import Arm, ArmCatalogue
from ...data.errors import OutsideTriedDoses
from ..inputs import Floats
from .arm_kernel import ArmKernel
from .artefact import ResponseArtefact, sigmoid
from .scorer import chunks
from .spread import quadratic


@dataclass(frozen=True)
class DosePrediction:
    """What an arm would bring that no borrower was ever given.

    Parameters
    ----------
    arm : Arm
    between : tuple of str
        The tried arms below and above; what is said rests on a smooth curve between them, not on rows of its own.
    probability, low, high : ndarray of shape (n,)
        P(repaid), and its interval; what the curve leaves open between the tried doses is in it.
    supported : ndarray of shape (n,)
        True where both neighbours have comparable data for the borrower.
    """

    arm: Arm
    between: tuple[str, str]
    probability: Floats
    low: Floats
    high: Floats
    supported: NDArray[np.bool_]


def predict_between(artefact: ResponseArtefact, X: pd.DataFrame, arm: Arm, confidence: float, threads: int) -> DosePrediction:
    """Predict an arm of an untried dose by kriging over the tried ones.

    Raises
    ------
    OutsideTriedDoses
        Where the dose does not lie between two tried doses of the same mix of channels.
    """
    below, above = neighbours(arm, artefact.arms, artefact.support.counts, artefact.support.least_rows)
    mean, covariance = _new_effect(artefact, arm)
    Z, reach = artefact.columns.encode(X), artefact.reach(confidence)
    found = np.empty((3, len(Z)))
    for rows in chunks(len(Z)):
        score = artefact.score(Z[rows], threads)
        raw = score.raw[:, [0]] + np.einsum("np,p->n", score.F, mean)[:, None]
        # The arm has no offset of its own in the calibration: that of no contact stands for it.
        logits = np.repeat(raw, len(artefact.arms), axis=1)
        centre = artefact.calibration.apply(logits)[:, 0]
        spread = np.maximum(quadratic(score.F, covariance, score.F) + score.noise, 0.0)
        mapped = artefact.calibration.variance(logits, np.ones_like(logits))[:, 0]
        half = reach * np.sqrt(artefact.calibration.slope(raw)[:, 0] ** 2 * spread + mapped)
        found[:, rows] = sigmoid(centre), sigmoid(centre - half), sigmoid(centre + half)
    support = artefact.support_by_arm(X, threads)
    both: NDArray[np.bool_] = support[:, artefact.arms.index(below)] & support[:, artefact.arms.index(above)]
    return DosePrediction(arm, (below, above), found[0], found[1], found[2], both)


def neighbours(arm: Arm, arms: ArmCatalogue, counts: tuple[int, ...], least: int) -> tuple[str, str]:
    """Return the tried arms of the same mix of channels with the next lower and the next higher dose.

    Examples
    --------
    >>> tried = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-daily", sms=7)])
    >>> neighbours(Arm("sms-twice-weekly", sms=2), tried, (500, 500, 500), 100)
    ('sms-weekly', 'sms-daily')
    """
    tried = [one for one, rows in zip(arms, counts, strict=True) if rows >= least]
    same = [one for one in tried if _mix(one) == _mix(arm) or one.name == arms.baseline]
    lower = [one for one in same if one.intensity <= arm.intensity]
    higher = [one for one in same if one.intensity >= arm.intensity and one.name != arms.baseline]
    if arm.intensity <= 0 or not arm.dose_known or not lower or not higher:
        doses = ", ".join(f"{one.name} ({one.intensity:g} a week)" for one in sorted(same, key=lambda one: one.intensity))
        raise OutsideTriedDoses(
            f"arm '{arm.name}', {arm.intensity:g} contacts a week: expected a dose between two tried doses of the same mix of "
            f"channels; tried with at least {least:,} rows: {doses or 'none'}. "
            "Explore a dose beyond it first: lighttouch plan-experiment."
        )
    return max(lower, key=lambda one: one.intensity).name, min(higher, key=lambda one: one.intensity).name


def _mix(arm: Arm) -> tuple[tuple[str, float], ...]:
    total = arm.intensity
    return tuple((channel, round(dose / total, 6)) for channel, dose in sorted(arm.doses.items()) if dose > 0)


def _new_effect(artefact: ResponseArtefact, arm: Arm) -> tuple[Floats, Floats]:
    """Return coefficients of the new arm's effect, of shape (p,), and the covariance of its log odds, of shape (p, p)."""
    kernel, effects = ArmKernel.of(artefact.arms), artefact.effects
    level, level_left = kernel.of_new_arm(arm, artefact.arms, effects.sizes.level)
    slope, slope_left = kernel.of_new_arm(arm, artefact.arms, effects.sizes.slope)
    K, p = effects.mean.shape
    weights = np.column_stack([level, np.tile(slope[:, None], (1, p - 1))])
    mean = (weights * effects.mean[1:]).sum(axis=0)
    gradient = np.vstack([np.ones(p), weights - artefact.shares[1:, None]])
    blocks = effects.covariance.reshape(K, p, K, p)
    covariance = np.einsum("ip,ipjq,jq->pq", gradient, blocks, gradient, optimize=True)
    return mean, covariance + np.diag(np.concatenate([[level_left], np.full(p - 1, effects.differ * slope_left)]))
