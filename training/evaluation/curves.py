"""Uplift, value and Qini curves with bands, doubly robust, on decisions that the model has not seen.

Borrowers are ordered by predicted uplift and treated in that order. What treating the first of them brings is a mean of doubly
robust contrasts over them; the band is pointwise, from influence functions that contain the order's own sampling, clustered.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..inputs import Floats, Ints
from ..statistics.clusters import clustered_errors, reach
from .logged import Log

POINTS = 21
# Half the share of borrowers around a threshold whose mean contrast stands for the contrast at it.
_NEIGHBOURS = 0.05


@dataclass(frozen=True)
class UpliftCurve:
    """What treating borrowers in the order of predicted uplift brings.

    Parameters
    ----------
    points : DataFrame
        fraction (treated), gain and value (mean reward per decision, over the reference and as such) with `_low` and `_high`
        ends of pointwise bands, random (the gain of the same share drawn by lot).
    qini, se, low, high : float
        Qini coefficient: area between gain and random, reward per decision; its standard error and interval.
    supported : bool
        Whether the log carries the contrast of the arms.
    reason : str
        Why not; empty where it does.
    """

    points: pd.DataFrame
    qini: float
    se: float
    low: float
    high: float
    supported: bool
    reason: str


# By unit and reference arm.
Curves = dict[tuple[str, str], UpliftCurve]


def uplift_curve(log: Log, uplift: Floats, arm: Ints, reference: Ints, confidence: float = 0.95) -> UpliftCurve:
    """Draw gain, value and Qini of treating the most promising borrowers first.

    Parameters
    ----------
    uplift : ndarray of shape (n,)
        Predicted; the order of treatment. Equal ones are treated in equal shares, since any order among them is chance.
    arm, reference : ndarray of shape (n,)
        Positions of the arm that a treated borrower gets, and of the one that the others get.
    confidence : float, optional
        Of bands and interval.

    References
    ----------
    Radcliffe (2007), Using control groups to target on predicted lift; Yadlowsky et al. (2025), Evaluating treatment
    prioritization rules via rank-weighted average treatment effects, JASA.

    Examples
    --------
    >>> from lighttouch.data.arms import Arm, ArmCatalogue
    >>> arms, n = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)]), 400
    >>> helped = np.arange(n) < 200
    >>> outcome = np.column_stack([np.zeros(n), helped])
    >>> log = Log(np.arange(n) % 2, outcome[np.arange(n), np.arange(n) % 2], np.full((n, 2), 0.5), outcome, arms, np.arange(n))
    >>> curve = uplift_curve(log, helped.astype(float), np.ones(n, int), np.zeros(n, int))
    >>> curve.points["gain"].round(3).tolist()[::5], round(curve.qini, 3)
    ([0.0, 0.25, 0.5, 0.5, 0.5], 0.125)
    """
    n, rows = len(log.code), np.arange(len(log.code))
    scores = log.scores
    left = scores[rows, reference]
    contrast = scores[rows, arm] - left
    order = _Order.of(uplift)
    fractions = np.linspace(0.0, 1.0, POINTS)
    gains, changes = np.empty(POINTS), np.empty((n, POINTS))
    for i, fraction in enumerate(fractions):
        share = order.treated(fraction)
        gains[i] = float(share @ contrast) / n
        # The threshold is estimated too: were it fixed, the treated share itself would vary.
        changes[:, i] = share * contrast - gains[i] - order.around(fraction, contrast) * (share - fraction)
    weight = 0.5 - order.middle
    qini = float((weight * contrast).mean())
    moved = weight * contrast + order.gain_at_own(contrast)
    base = float(left.mean())
    errors = clustered_errors(np.column_stack([changes, changes + (left - base)[:, None], moved - moved.mean()]), log.groups)
    wide = reach(log.groups, 0.5 + confidence / 2)
    of_gain, of_value, of_qini = wide * errors[:POINTS], wide * errors[POINTS:-1], wide * float(errors[-1])
    points = pd.DataFrame(
        {
            "fraction": fractions,
            "gain": gains, "gain_low": gains - of_gain, "gain_high": gains + of_gain,
            "value": base + gains, "value_low": base + gains - of_value, "value_high": base + gains + of_value,
            "random": fractions * gains[-1],
        }
    )  # fmt: skip
    every = np.eye(len(log.arms))
    footing = log.value(every[arm], every[reference], confidence).reason
    return UpliftCurve(points, qini, float(errors[-1]), qini - of_qini, qini + of_qini, not footing, footing)


def best_arm_curve(
    log: Log, lawful: NDArray[np.bool_], supported: NDArray[np.bool_], reference: str, confidence: float = 0.95
) -> UpliftCurve:
    """Treat those first whose best other arm promises most over the reference; where that is not lawful, over no contact.

    Parameters
    ----------
    lawful, supported : ndarray of shape (n, K)
        Arms that may be given; arms with comparable data.
    reference : str
    confidence : float, optional
    """
    n, position = len(log.code), log.arms.index(reference)
    rows, fallback = np.arange(n), np.where(lawful[:, position], position, 0)
    open_to = lawful & supported
    open_to[rows, fallback] = False
    worth = np.where(open_to, log.outcome, -np.inf)
    best: Ints = np.where(open_to.any(axis=1), worth.argmax(axis=1), fallback)
    return uplift_curve(log, log.outcome[rows, best] - log.outcome[rows, fallback], best, fallback, confidence)


def qini_table(curves: Curves) -> pd.DataFrame:
    """Return a row per curve, by unit and reference arm: unit, versus, qini, se, low, high, supported, reason."""
    rows = [
        {"unit": unit, "versus": reference, "qini": one.qini, "se": one.se, "low": one.low, "high": one.high,
         "supported": one.supported, "reason": one.reason}
        for (unit, reference), one in curves.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def curve_table(curves: Curves) -> pd.DataFrame:
    """Return the points of all curves in one table, with their unit and reference arm."""
    parts = [one.points.assign(unit=unit, versus=reference) for (unit, reference), one in curves.items()]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Order:
    """Places in an order of falling uplift, as shares of the rows; those who tie share a stretch.

    Parameters
    ----------
    start, end, middle : ndarray of shape (n,)
        Of the stretch that a row shares with its equals.
    """

    start: Floats
    end: Floats

    @property
    def middle(self) -> Floats:
        return (self.start + self.end) / 2

    @classmethod
    def of(cls, uplift: Floats) -> "_Order":
        _, tied, counts = np.unique(-uplift, return_inverse=True, return_counts=True)
        end = np.cumsum(counts) / len(uplift)
        start = np.concatenate([[0.0], end[:-1]])
        return cls(start[tied], end[tied])

    def treated(self, fraction: float) -> Floats:
        """Return with which probability each row is among the first."""
        share: Floats = np.clip((fraction - self.start) / (self.end - self.start), 0.0, 1.0)
        return share

    def around(self, fraction: float, contrast: Floats) -> float:
        """Return the mean contrast of those at the threshold."""
        near = (self.start <= fraction) & (fraction <= self.end) | (np.abs(self.middle - fraction) <= _NEIGHBOURS)
        return float(contrast[near].mean())

    def gain_at_own(self, contrast: Floats) -> Floats:
        """Return, for each row, the gain of treating all before it, and half of its equals."""
        stretches = pd.Series(contrast).groupby(self.end, sort=True).sum()
        whole = stretches.cumsum()
        gain: Floats = pd.Series(self.end).map(whole - stretches / 2).to_numpy() / len(contrast)
        return gain
