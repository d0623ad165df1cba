"""Planning an experiment: which exploration share, for how many weeks, before the gate could tell that a policy is better."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ...data.errors import Fault, InvalidInput
from ..evaluation.weights import LEAST_ESS
from ..rows.folds import TEST_SHARE

Floats = NDArray[np.float64]

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
WEEKS = (4, 8, 13, 26, 52)
# Beyond ten years nobody waits.
LONGEST_WEEKS = 520


@dataclass(frozen=True)
class Question:
    """The difference of two policies, and what its estimate varies with.

    Parameters
    ----------
    target, rival : ndarray of shape (n, K)
        Probabilities of the policy that is hoped to be better, and of the one that it is held against.
    current : ndarray of shape (n, K)
        Probabilities with which the log decides; what it draws evenly already is among them.
    lawful : ndarray of shape (n, K)
        Arms that exploration may draw.
    expected, variance : ndarray of shape (n, K)
        Mean and variance of the reward under each arm; account currency, and its square.
    groups : ndarray of shape (n,)
        A number per borrower.
    """

    target: Floats
    rival: Floats
    current: Floats
    lawful: NDArray[np.bool_]
    expected: Floats
    variance: Floats
    groups: NDArray[np.int64]

    @property
    def gain(self) -> float:
        """What `expected` says the target gains per decision."""
        return float((self.difference * self.expected).sum(axis=1).mean())

    @property
    def difference(self) -> Floats:
        """Target less rival."""
        return self.target - self.rival

    @property
    def explored(self) -> float:
        """Share of decisions that the log draws evenly already: of each lawful arm, what the rarest of them gets."""
        least = np.where(self.lawful, self.current, np.inf).min(axis=1)
        return float((least * self.lawful.sum(axis=1)).mean())

    def propensities(self, share: float) -> Floats:
        """Return the log's probabilities where a further share of the decisions is drawn evenly from the lawful arms."""
        even = self.lawful / self.lawful.sum(axis=1, keepdims=True)
        mixed: Floats = (1 - share) * self.current + share * even
        return mixed

    def spread(self, share: float) -> float:
        """Return the variance of one decision's part in the doubly robust estimate.

        Infinite without overlap, and where the policies never differ: no number of decisions shows a gain of nothing.

        Var(d(x) . E[r | x, .]) + E[sum over arms of d(x, arm)^2 Var(r | x, arm) / e(x, arm)], with d the difference of the
        policies and e the log's propensities. What a borrower pays anyway is the same under both policies and cancels in their
        difference, and arms are drawn anew each time: so repeated decisions add nothing to the second part. To the first they
        do, since whoever gains more than others gains more each time: it is the variance between borrowers.
        """
        d, e = self.difference, self.propensities(share)
        wanted = d != 0
        if not wanted.any() or (wanted & (e <= 0)).any():
            return float("inf")
        parts = np.divide(d * d * self.variance, e, out=np.zeros_like(d), where=wanted).sum(axis=1)
        gain = (d * self.expected).sum(axis=1)
        between = (np.bincount(self.groups, gain - gain.mean()) ** 2).sum() / len(gain)
        return float(between + parts.mean())

    def supported_rows(self, share: float) -> float:
        """Return how many decisions give both policies the effective sample size without which no value is supported."""
        e = self.propensities(share)
        needed = 0.0
        for policy in (self.target, self.rival):
            given = policy > 0
            if (given & (e <= 0)).any():
                return float("inf")
            squares = np.divide(policy * policy, e, out=np.zeros_like(e), where=given).sum(axis=1)
            needed = max(needed, LEAST_ESS * float(squares.mean()))
        return needed

    def price(self, share: float) -> float:
        """Return what exploring is expected to cost per decision, against the policy in force."""
        return float(((self.current - self.propensities(share)) * self.expected).sum(axis=1).mean())


@dataclass(frozen=True)
class Design:
    """What shall be shown, and how much is decided.

    Parameters
    ----------
    effect : float
        Gain per decision that shall not be missed, account currency.
    per_week : float
        Decisions that are logged in a week.
    logged : int
        Decisions in the log so far.
    lead_weeks : float
        Weeks from a decision to its matured outcome.
    level : float
        One-sided, of the gate's first attempt.
    power : float
        Chance that the gate then passes.
    test_share : float
        Share of the log that the gate judges on.
    """

    effect: float
    per_week: float
    logged: int = 0
    lead_weeks: float = 2.0
    level: float = 0.025
    power: float = 0.8
    test_share: float = TEST_SHARE

    def __post_init__(self) -> None:
        checks = [
            ("effect", self.effect > 0, "above 0", self.effect, "Say what gain per decision is worth an experiment."),
            ("per_week", self.per_week > 0, "above 0", self.per_week, "Load a log with decisions."),
            ("level", 0 < self.level < 1, "between 0 and 1", self.level, ""),
            ("power", self.level < self.power < 1, "between the level and 1", self.power, "0.8 is usual."),
        ]
        if faults := [Fault(name, wanted, repr(value), remedy) for name, fine, wanted, value, remedy in checks if not fine]:
            raise InvalidInput(faults)

    def rows(self, spread: float) -> float:
        """Return how many decisions must be judged for the power."""
        return float((ndtri(1 - self.level) + ndtri(self.power)) ** 2 * spread / self.effect**2)

    def power_of(self, variance: float) -> float:
        """Return the power where the estimate has this variance."""
        if not np.isfinite(variance):
            return 0.0
        return float(ndtr(self.effect / np.sqrt(variance) - ndtri(1 - self.level))) if variance > 0 else 1.0

    def power_after(self, weeks: float, explored: float, before: float, least: float = 0.0) -> float:
        """Return the power after weeks of exploration.

        The gate judges on the latest share of the log: on what was explored, and where that does not fill it, on what was
        logged before. Where it is better to load only what was explored, that is what counts.

        Parameters
        ----------
        explored, before : float
            Variance of one decision's part with the exploration, and as it was logged before.
        least : float
            Decisions below which no value is supported.
        """
        new = max(weeks - self.lead_weeks, 0.0) * self.per_week
        fold = self.test_share * (self.logged + new)
        fresh = min(new, fold)
        old = fold - fresh
        total = fresh * explored if old == 0 else fresh * explored + old * before
        whole = self.power_of(total / fold**2) if fold > 0 and fold >= least else 0.0
        alone = self.power_of(explored / (self.test_share * new)) if new > 0 and self.test_share * new >= least else 0.0
        return max(whole, alone)

    def weeks(self, explored: float, before: float, least: float = 0.0) -> float:
        """Return the weeks after which the power is first reached; infinite where ten years do not suffice."""
        for week in range(LONGEST_WEEKS + 1):
            if self.power_after(week, explored, before, least) >= self.power:
                return float(week)
        return float("inf")


def plan(question: Question, design: Design, shares: Sequence[float] = SHARES, weeks: Sequence[int] = WEEKS) -> pd.DataFrame:
    """Return what each exploration share needs before the gate could pass.

    Parameters
    ----------
    shares : sequence of float
        Of the decisions, drawn evenly from the lawful arms beside what the log draws already; 0 is the log as it is.
    weeks : sequence of int
        For each, a column with the power after so many weeks.

    Returns
    -------
    DataFrame
        explore (share), rows (decisions to judge on), of_none (of them without contact), weeks (until the power is reached;
        infinite where it never is), price (expected value given up per decision), and power_N for each of `weeks`.
    """
    if wrong := [share for share in shares if not 0 <= share <= 1]:
        raise InvalidInput([Fault("exploration share", "between 0 and 1", repr(share), "") for share in wrong])
    before = question.spread(0.0)
    found = []
    for share in shares:
        spread, least = question.spread(share), question.supported_rows(share)
        rows = max(design.rows(spread), least)
        none = rows * float(question.propensities(share)[:, 0].mean()) if np.isfinite(rows) else float("inf")
        after = {f"power_{week}": design.power_after(week, spread, before, least) for week in weeks}
        needed = design.weeks(spread, before, least)
        found.append(
            {"explore": share, "rows": rows, "of_none": none, "weeks": needed, "price": question.price(share), **after}
        )
    return pd.DataFrame(found)


def shrunken(gain: float, variance: float) -> float:
    """Return a predicted gain less what luck put into it: gain x gain^2 / (gain^2 + variance); 0 where there is none.

    Parameters
    ----------
    gain, variance : float
        Predicted gain, and the variance with which the log that it was learnt from could tell it.

    Examples
    --------
    >>> shrunken(2.0, 4.0), shrunken(2.0, float("inf")), shrunken(-1.0, 0.1)
    (1.0, 0.0, 0.0)
    """
    return gain**3 / (gain**2 + variance) if gain > 0 else 0.0
