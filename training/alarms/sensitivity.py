"""Sensitivity: how strong an unmeasured confounder would have to be to take the gain away.

The marginal sensitivity model lets somebody who knew more than the covariates have handed out the arms: among borrowers who
look alike, the odds of each arm differ from the log's by a factor of at most Lambda. At Lambda = 1 the log's propensities hold;
the larger Lambda, the lower the least gain that agrees with the data. What is returned is the Lambda at which it reaches zero.

For an outcome of 0 and 1 the sharp bounds have a closed form. Those who were not given arm k would have paid under it with a
probability of at least max(Q / Lambda, 1 - Lambda (1 - Q)), where Q = E[y | x, arm = k], and of at most
min(Lambda Q, 1 - (1 - Q) / Lambda). The estimator adds to that plug-in the terms which make it insensitive, to first order, to
errors of Q and e; where Q is wrong and e is right it is still a bound. Arms are bounded one by one (their odds are not tied
together), so for K > 2 the bound is valid and a little wide. Money is `worth` times the outcome, less a cost that is known.

References
----------
Tan (2006), A distributional approach for causal inference using propensity scores, JASA 101. Zhao, Small, Bhattacharya (2019),
Sensitivity analysis for inverse probability weighting estimators via the percentile bootstrap, JRSS B 81. Dorn, Guo (2023),
Sharp sensitivity analysis for inverse propensity weighting via quantile balancing, JASA 118. Dorn, Guo, Kallus (2024),
Doubly-valid/doubly-sharp sensitivity analysis for causal inference with unmeasured confounding, JASA.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..alarm import Alarm
from ..inputs import Floats, Ints
from ..statistics.clusters import clustered_error, reach

NAME = "sensitivity"

# Beyond this factor nothing is left that a confounder could not explain, or nothing that it could.
LARGEST = 100.0
GRID = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
# Halvings of the log factor: a ten-thousandth of it is left.
_STEPS = 16


@dataclass(frozen=True)
class SensitivityData:
    """Logged rows and two policies.

    Parameters
    ----------
    policy, versus : ndarray of shape (n, K)
        Probabilities; the gain is that of the first over the second.
    codes : ndarray of shape (n,)
        Positions of the taken arms.
    y : ndarray of shape (n,)
        0 or 1.
    taken : ndarray of shape (n,)
        Propensity of the taken arm.
    response : ndarray of shape (n, K)
        E[y | x, arm], out of fold.
    groups : ndarray of shape (n,)
        A number per borrower.
    worth : ndarray of shape (n,), optional
        What y = 1 brings, such as the recoverable amount times the margin; 1 where None.
    cost : ndarray of shape (n, K), optional
        What an arm costs whatever happens; 0 where None.
    """

    policy: Floats
    versus: Floats
    codes: Ints
    y: Floats
    taken: Floats
    response: Floats
    groups: Ints
    worth: Floats | None = None
    cost: Floats | None = None


@dataclass(frozen=True)
class Sensitivity:
    """What a confounder would have to be.

    Parameters
    ----------
    gain, low : float
        At Lambda = 1, with its one-sided lower bound: the reward's unit per decision.
    zero : float
        Lambda at which the least gain is zero: 1 where there is none, infinite where no Lambda up to 100 takes it.
    zero_low : float
        Lambda at which the one-sided lower bound of the least gain is zero: up to it the gain is sure.
    curve : DataFrame
        Lambda, least gain, its one-sided lower bound.
    """

    gain: float
    low: float
    zero: float
    zero_low: float
    curve: pd.DataFrame


def sensitivity(data: SensitivityData, confidence: float = 0.95) -> Sensitivity:
    """Find the strength of an unmeasured confounder that takes a policy's gain away.

    Parameters
    ----------
    data : SensitivityData
    confidence : float
        Of the one-sided lower bounds.

    Examples
    --------
    >>> n = np.arange(400)
    >>> data = SensitivityData(
    ...     policy=np.tile([0.0, 1.0], (400, 1)), versus=np.tile([1.0, 0.0], (400, 1)), codes=n % 2,
    ...     y=((n // 2) % 10 < np.where(n % 2, 6, 3)).astype(float), taken=np.full(400, 0.5),
    ...     response=np.tile([0.3, 0.6], (400, 1)), groups=n)
    >>> found = sensitivity(data)
    >>> round(found.gain, 3), round(found.zero, 2), round(found.zero_low, 2)
    (0.3, 2.0, 1.65)
    """

    def least(factor: float) -> tuple[float, float]:
        return _least_gain(data, factor, confidence)

    curve = pd.DataFrame([(factor, *least(factor)) for factor in GRID], columns=["lambda", "least_gain", "low"])
    gain, low = least(1.0)
    return Sensitivity(gain, low, _root(lambda f: least(f)[0]), _root(lambda f: least(f)[1]), curve)


def _least_gain(data: SensitivityData, factor: float, confidence: float) -> tuple[float, float]:
    """Return the least gain at a Lambda and its one-sided lower bound."""
    n, K = data.policy.shape
    given = np.arange(K) == data.codes[:, None]
    share = data.policy - data.versus
    # What is added is bounded from below, what is given up from above.
    bound = np.where(share > 0, _scores(data, given, factor, lower=True), _scores(data, given, factor, lower=False))
    worth = np.ones(n) if data.worth is None else data.worth
    cost = np.zeros((n, K)) if data.cost is None else data.cost
    rows = (share * (worth[:, None] * bound - cost)).sum(axis=1)
    mean = float(rows.mean())
    return mean, mean - reach(data.groups, confidence) * clustered_error(rows - mean, data.groups)


def _scores(data: SensitivityData, given: np.ndarray, factor: float, *, lower: bool) -> Floats:
    """Return scores of shape (n, K) whose mean bounds the response to each arm."""
    Q = data.response
    flat, steep = (1 / factor, factor) if lower else (factor, 1 / factor)
    # Two lines meet at Q = factor / (1 + factor) for the lower bound: flat * Q, and 1 - steep * (1 - Q).
    first, second = flat * Q, 1 - steep * (1 - Q)
    use_first = first >= second if lower else first <= second
    unseen, slope = np.where(use_first, first, second), np.where(use_first, flat, steep)
    odds = ((1 - data.taken) / data.taken)[:, None]
    y = data.y[:, None]
    return np.where(given, y + odds * slope * (y - Q), unseen)


def _root(bound: Callable[[float], float]) -> float:
    """Return the factor at which a falling bound reaches zero, by halving on the log scale."""
    if bound(1.0) <= 0:
        return 1.0
    if bound(LARGEST) > 0:
        return float("inf")
    low, high = 0.0, float(np.log(LARGEST))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if bound(float(np.exp(middle))) > 0 else (low, middle)
    return float(np.exp(low))


def gain_alarm(found: Sensitivity, benchmark: pd.DataFrame, *, stated: bool, what: str) -> Alarm:
    """Say how strong a confounder would have to be, beside how strong the known covariates are.

    Parameters
    ----------
    found : Sensitivity
    benchmark : DataFrame
        Of `confounder_strength`; may be empty.
    stated : bool
        True where the log states its propensities: then no confounder is expected, and nothing rings.
    what : str
        The gain in words, such as "the learnt policy over 'none'".
    """
    figures: dict[str, float | int | str] = {
        "gain": found.gain, "gain low": found.low, "lambda": found.zero, "lambda of the sure gain": found.zero_low,
    }  # fmt: skip
    figures |= {f"lambda of {row.covariate}": float(str(row[3])) for row in benchmark.itertuples()}
    if found.zero_low <= 1:
        reason = f"No sure gain of {what} to take away ({found.gain:+.4g}, surely above {found.low:+.4g})."
        return Alarm(NAME, "ok", reason, figures, table=found.curve)
    strongest = float(benchmark["lambda"].max()) if len(benchmark) else 1.0
    like = "" if benchmark.empty else f"; '{benchmark['covariate'].iloc[0]}', the strongest known one, has {strongest:.2f}"
    reason = (
        f"The gain of {what} ({found.gain:+.4g}) is sure up to a confounder that changes the odds of an arm by a factor of "
        f"{found.zero_low:.2f}, and gone at {found.zero:.2f}{like}."
    )
    if stated or found.zero_low >= strongest:
        return Alarm(NAME, "ok", reason, figures, table=found.curve)
    remedy = (
        "Expected a gain that outlasts an unknown covariate as strong as the strongest known one, found less. "
        f"{reason} Draw arms by chance for a share of borrowers before relying on it."
    )
    return Alarm(NAME, "warn", remedy, figures, table=found.curve)
