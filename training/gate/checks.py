"""What the gate asks of a challenger, each question with its figure, its limit and a sentence."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import chi2

from ...data.arms import ArmCatalogue
from ..alarm import Alarm
from ..inputs import Floats, Ints

FIFTHS = 5
# Events, expected or seen, and rows without one, that a part of the calibration's table needs for the law of its gap.
LEAST_EVENTS = 5.0
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


def rate_upper(weight: Floats, event: Floats, groups: Ints, level: float) -> tuple[float, float]:
    """Return a weighted rate of rare events, and its one-sided upper bound.

    A normal interval says "no harm, surely" where no event was seen; this one holds the next event possible, and takes it to be
    as heavy as any row, as all that came to one borrower, or as all rows of a mean borrower: where a policy differs from the
    log, the rows that tell of its arms are few and heavy, and whoever complains may do so every time. Events are weighted
    Poisson counts, those of a borrower together (gamma interval of Fay and Feuer).

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Importance weights: probability under the policy over probability under the log.
    event : ndarray of shape (n,)
        0 or 1.
    groups : ndarray of shape (n,)
        A number per borrower.
    level : float
        Chance that the bound is below the truth, at most.

    References
    ----------
    Fay, Feuer (1997), Confidence intervals for directly standardized rates, Statistics in Medicine 16.

    Examples
    --------
    >>> rate, upper = rate_upper(np.ones(1_000), np.zeros(1_000), np.arange(1_000), level=0.05)
    >>> rate, round(upper, 5)  # the rule of three: 3 / 1,000
    (0.0, 0.003)
    """
    n, by_borrower = len(weight), np.bincount(groups, weight * event)
    whole = float(weight.sum()) / len(np.unique(groups))
    largest = float(max(weight.max(initial=0.0), by_borrower.max(initial=0.0), whole)) / n
    if not largest > 0:
        return float("nan"), 1.0
    rate = float(weight @ event) / n
    variance = float((by_borrower**2).sum()) / n**2
    shape = 2 * (rate + largest) ** 2 / (variance + largest**2)
    upper = (variance + largest**2) / (2 * (rate + largest)) * float(chi2.ppf(1 - level, shape))
    return rate, min(upper, 1.0)


def check_harm(weight: Floats, event: Floats, groups: Ints, level: float, limit: float) -> Check:
    """Hold the upper bound of the policy's harm against its limit."""
    rate, upper = rate_upper(weight, event, groups, level)
    found = f"harm {rate:.2%} of decisions, at most {upper:.2%} with {1 - level:.2%} confidence, limit {limit:.2%}"
    if upper < limit:
        return Check("harm", upper, limit, f"{found}.", passed=True)
    seen = int(event[weight > 0].sum())
    counted = f"{seen:,} event was" if seen == 1 else f"{seen:,} events were"
    few = f"only {counted} seen under its arms: log more decisions, or " if rate < limit else ""
    return Check("harm", upper, limit, f"{found}: {few}choose lighter arms, or a higher price of harm.", passed=False)


def calibration_gap(y: Floats, p: Floats, weight: Floats, groups: Ints) -> tuple[float, float]:
    """Return the root mean square gap of predicted and observed shares over fifths, less noise, and its chance.

    The gap of a part is partly chance: the variance of each is taken off its square, so that a calibrated model is near 0
    with few rows as with many. Rows of a borrower count together. With few events, expected and seen, there are fewer parts.

    Parameters
    ----------
    y, p, weight : ndarray of shape (n,)
        0 or 1; predicted; inverse propensity.
    groups : ndarray of shape (n,)
        A number per borrower.

    Returns
    -------
    gap, chance : float
        The gap, and the chance that a calibrated model's parts are as far off; NaN where there are too few events even for one.

    References
    ----------
    Kumar, Liang, Ma (2019), Verified uncertainty calibration, NeurIPS.
    """
    # Expected or seen: events that a model never expected are the clearest fault of all.
    events = min(max(p.sum(), y.sum()), max((1 - p).sum(), (1 - y).sum()))
    told = float(weight.sum()) ** 2 / float(weight @ weight) / len(weight) * events
    parts = min(int(told / LEAST_EVENTS), FIFTHS)
    if parts == 0:
        return float("nan"), float("nan")
    mass, squares, statistic = 0.0, 0.0, 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), parts):
        w, left = weight[part], y[part] - p[part]
        gap = float(w @ left) / w.sum()
        alone = float((w * w) @ (p[part] * (1 - p[part])))
        together = float((np.bincount(groups[part], w * left) ** 2).sum())
        noise = max(alone, together) / w.sum() ** 2
        mass, squares = mass + w.sum(), squares + w.sum() * (gap * gap - noise)
        statistic += gap * gap / max(noise, 1e-12)
    return float(np.sqrt(max(squares, 0.0) / mass)), float(chi2.sf(statistic, parts))


def check_calibration(
    y: Floats, p: Floats, weight: Floats, groups: Ints, codes: Ints, arms: ArmCatalogue, limit: float
) -> list[Check]:
    """Hold predicted against observed response of the taken arms: all together, and arm by arm.

    Parameters
    ----------
    y, p, weight : ndarray of shape (n,)
        0 or 1; predicted response of the taken arm; inverse propensity.
    groups, codes : ndarray of shape (n,)
        A number per borrower; positions of the taken arms.

    Returns
    -------
    list of Check
        The limit is that of a response of one half, and shrinks with the response's variance: 2% happen where 6% are promised
        is no smaller a fault than 40% where 60% are. All together must be within the limit as given and, unless it is chance,
        within the shrunken one. An arm by itself has few rows: it fails where its gap is beyond the shrunken limit *and* beyond
        chance, over all arms; where too few events are expected or seen, it is not judged by itself.
    """
    pooled, chance = calibration_gap(y, p, weight, groups)
    rate = float(np.average(y, weights=weight))
    scaled = limit * 4 * rate * (1 - rate)
    # NaN, where there is too little to tell, is no fault.
    beyond = chance < ARM_LEVEL
    passed = not (pooled > limit or (beyond and pooled > scaled))
    checks = [_calibration_check("calibration", pooled, scaled if beyond else limit, passed=passed)]
    for k, name in enumerate(arms.names):
        own = codes == k
        if not own.any():
            continue
        gap, chance = calibration_gap(y[own], p[own], weight[own], groups[own])
        if gap > scaled and chance < ARM_LEVEL / len(arms):
            checks.append(_calibration_check(f"calibration of {name}", gap, scaled, passed=False))
    return checks


def _calibration_check(name: str, gap: float, limit: float, *, passed: bool) -> Check:
    remedy = "." if passed else ": what it promises is not what happens. Train again on newer decisions."
    if np.isnan(gap):
        return Check(name, gap, limit, f"{name}: too few events, expected and seen, to tell; limit {limit:.3f}.", passed=passed)
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
    alarms = tuple(alarms)
    refusals = [alarm for alarm in alarms if alarm.severity == "refuse"]
    closing = [alarm for alarm in refusals if not alarm.arms or set(alarm.arms) & set(given)]
    nan = float("nan")
    if not closing:
        aside = "; ".join(f"{alarm.name}: {', '.join(alarm.arms)}" for alarm in refusals)
        told = f"no alarm is about what it does (about arms that it does not give: {aside})." if aside else "no alarm refuses."
        if warned := ", ".join(alarm.name for alarm in alarms if alarm.severity == "warn"):
            told += f" Some warn: {warned}."
        return [Check("alarms", nan, nan, told, passed=True)]
    return [Check(f"alarm: {alarm.name}", nan, nan, f"alarm, {alarm.name}: {alarm.reason}", passed=False) for alarm in closing]
