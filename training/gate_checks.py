"""What the gate asks of a challenger, each question with its figure, its limit and a sentence."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import chi2

from ..data.arms import ArmCatalogue
from .alarm_types import Alarm
from .inputs import Floats, Ints

FIFTHS = 5
# Below this many effective rows an arm's calibration is not judged by itself.
LEAST_ROWS = 50.0
# Chance of calling the calibration of any one of the arms off when all are right.
ARM_LEVEL = 0.05


@dataclass(frozen=True)
class Check:
    """One question of the gate.

    Parameters
    ----------
    name : str
    figure, limit : float
        What was found, and what it was held against; NaN where the question is not one of size.
    sentence : str
        What was found, what was needed, and where it did not pass, what to do.
    passed : bool
    """

    name: str
    figure: float
    limit: float
    sentence: str
    passed: bool = field(kw_only=True)


def check_gain(over: str, row: Mapping[Hashable, Any], confidence: float) -> Check:
    """Hold the gain over a rival against nothing: its lower bound must be above 0, and the log must carry it.

    Parameters
    ----------
    row : mapping
        Of `Verdict.gains`: value, value_low, value_high, supported, reason.
    confidence : float
        One-sided.
    """
    low = float(row["value_low"])
    passed = bool(low > 0 and row["supported"])
    found = f"gains {row['value']:,.2f} per decision over '{over}', at least {low:,.2f} with {confidence:.2%} confidence"
    if passed:
        return Check(f"gain over {over}", low, 0.0, f"{found}.", passed=True)
    why = [] if low > 0 else ["the lower bound must be above 0"]
    why += [] if row["supported"] else [str(row["reason"])]
    return Check(f"gain over {over}", low, 0.0, f"{found}: {'; '.join(why)}".rstrip(".") + ".", passed=False)


def rate_upper(weight: Floats, event: Floats, level: float) -> tuple[float, float]:
    """Return a weighted rate of rare events, and its one-sided upper bound.

    A normal interval says "no harm, surely" where no event was seen; this one holds the next event possible. Events are
    weighted Poisson counts, and the gamma interval of Fay and Feuer has one more event of the mean weight added to it.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Importance weights: probability under the policy over probability under the log.
    event : ndarray of shape (n,)
        0 or 1.
    level : float
        Chance that the bound is below the truth.

    References
    ----------
    Fay, Feuer (1997), Confidence intervals for directly standardized rates; Tiwari, Clegg, Zou (2006), Efficient interval
    estimation for age-adjusted cancer rates.

    Examples
    --------
    >>> rate, upper = rate_upper(np.ones(1_000), np.zeros(1_000), level=0.05)
    >>> rate, round(upper, 5)  # the rule of three: 3 / 1,000
    (0.0, 0.003)
    """
    n, own = len(weight), weight[weight > 0]
    if len(own) == 0:
        return float("nan"), 1.0
    rate = float(weight @ event) / n
    variance = float((weight * weight) @ event) / n**2
    mean, square = float(own.mean()) / n, float((own * own).mean()) / n**2
    shape = 2 * (rate + mean) ** 2 / (variance + square)
    upper = (variance + square) / (2 * (rate + mean)) * float(chi2.ppf(1 - level, shape))
    return rate, min(upper, 1.0)


def check_harm(weight: Floats, event: Floats, level: float, limit: float) -> Check:
    """Hold the upper bound of the policy's harm against its limit."""
    rate, upper = rate_upper(weight, event, level)
    found = f"harm {rate:.2%} of decisions, at most {upper:.2%} with {1 - level:.2%} confidence, limit {limit:.2%}"
    if upper < limit:
        return Check("harm", upper, limit, f"{found}.", passed=True)
    seen = int(event[weight > 0].sum())
    few = f"only {seen:,} events were seen under its arms: log more decisions, or " if rate < limit else ""
    return Check("harm", upper, limit, f"{found}: {few}choose lighter arms, or a higher price of harm.", passed=False)


def calibration_gap(y: Floats, p: Floats, weight: Floats) -> tuple[float, float]:
    """Return the root mean square gap of predicted and observed shares over fifths, less noise; and chi-square over its mean.

    The gap of a bin is partly chance: the variance of each is taken off its square, so that a calibrated model is near 0
    with few rows as with many.

    References
    ----------
    Kumar, Liang, Ma (2019), Verified uncertainty calibration, NeurIPS.
    """
    order = np.argsort(p, kind="stable")
    mass, squares, statistic = 0.0, 0.0, 0.0
    for part in np.array_split(order, FIFTHS):
        w = weight[part]
        if not w.sum() > 0:
            continue
        residual = y[part] - p[part]
        gap = float(w @ residual) / w.sum()
        noise = float((w * w) @ (p[part] * (1 - p[part]))) / w.sum() ** 2
        mass, squares = mass + w.sum(), squares + w.sum() * (gap * gap - noise)
        statistic += gap * gap / max(noise, 1e-12)
    return float(np.sqrt(max(squares, 0.0) / max(mass, 1e-12))), statistic


def check_calibration(y: Floats, p: Floats, weight: Floats, codes: Ints, arms: ArmCatalogue, limit: float) -> list[Check]:
    """Hold predicted against observed response of the taken arms: all together, and arm by arm.

    Parameters
    ----------
    y, p, weight : ndarray of shape (n,)
        0 or 1; predicted response of the taken arm; inverse propensity.
    codes : ndarray of shape (n,)
        Positions of the taken arms.

    Returns
    -------
    list of Check
        The limit is that of a response of one half, and shrinks with the response's variance: 2% happen where 6% are promised
        is no smaller a fault than 40% where 60% are. All together must be within the limit as given and, unless it is chance,
        within the shrunken one. An arm by itself has few rows: it fails where its gap is beyond the shrunken limit *and* beyond
        chance, over all arms.
    """
    pooled, statistic = calibration_gap(y, p, weight)
    rate = float(np.average(y, weights=weight))
    scaled = limit * 4 * rate * (1 - rate)
    chance = statistic <= float(chi2.ppf(1 - ARM_LEVEL, FIFTHS))
    passed = pooled <= scaled or (pooled <= limit and chance)
    checks = [_calibration_check("calibration", pooled, limit if chance else scaled, passed=passed)]
    reach = float(chi2.ppf(1 - ARM_LEVEL / len(arms), FIFTHS))
    for k, name in enumerate(arms.names):
        own = codes == k
        w = weight[own]
        if not own.any() or w.sum() ** 2 / (w @ w) < LEAST_ROWS:
            continue
        gap, statistic = calibration_gap(y[own], p[own], w)
        if gap > scaled and statistic > reach:
            checks.append(_calibration_check(f"calibration of {name}", gap, scaled, passed=False))
    return checks


def _calibration_check(name: str, gap: float, limit: float, *, passed: bool) -> Check:
    remedy = "." if passed else ": what it promises is not what happens. Train again on newer decisions."
    found = f"{name}: predicted and observed response differ by {gap:.3f}, limit {limit:.3f}"
    return Check(name, gap, limit, found + remedy, passed=passed)


def check_support(share: float, least: float) -> Check:
    """Hold the share of decisions whose arm has comparable data against the least."""
    found = f"{share:.1%} of its decisions have comparable data, at least {least:.1%} are needed"
    remedy = (
        "." if share >= least else ": give the arms it chooses to more people like these first (`lighttouch plan-experiment`)."
    )
    return Check("support", share, least, found + remedy, passed=share >= least)


def check_alarms(alarms: Iterable[Alarm], given: Sequence[str]) -> list[Check]:
    """Let a refusal about every comparison, or about an arm that the policy gives, close the gate.

    Parameters
    ----------
    given : sequence of str
        Arms that the policy gives on the fold.
    """
    refusals = [alarm for alarm in alarms if alarm.severity == "refuse"]
    closing = [alarm for alarm in refusals if not alarm.arms or set(alarm.arms) & set(given)]
    nan = float("nan")
    if not closing:
        aside = "; ".join(f"{alarm.name}: {', '.join(alarm.arms)}" for alarm in refusals)
        told = f"no alarm is about what it does (about arms that it does not give: {aside})." if aside else "no alarm rang."
        return [Check("alarms", nan, nan, told, passed=True)]
    return [Check(f"alarm: {alarm.name}", nan, nan, f"alarm, {alarm.name}: {alarm.reason}", passed=False) for alarm in closing]
