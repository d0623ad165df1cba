"""What groups of borrowers get and what it does to them: means, differences to the whole, intervals clustered by borrower."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from ...data.errors import Fault, InvalidInput
from ...policy.settings import PolicySettings
from ..deciding.decide import Decided, decide_logged
from ..evaluation import PolicyValue
from ..evaluation.logged import HARM, REPAID, Log, logs
from ..registry.bundle import ModelBundle
from ..rows.table import TrainingTable
from ..statistics.clusters import clustered_error
from ..statistics.many_tests import holm
from ..statistics.pooled_mean import PooledMean

Floats = NDArray[np.float64]
MERGED: Final = "others"
UNKNOWN: Final = "unknown"
_BANDS: Final = (0, 25, 35, 45, 55, 65, 200)
# Measures that an unbiased correction from the log stands behind, each against no contact.
FROM_LOG: Final = ("benefit_log", "harm_added_log")


@dataclass(frozen=True)
class AuditOptions:
    """How groups are told.

    Parameters
    ----------
    min_borrowers : int
        Smaller groups are merged, so that nobody is told apart and nothing is read into noise.
    confidence : float
        Of every interval, and 1 less it is the error rate over all differences together.
    """

    min_borrowers: int = 50
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the ranges."""
        faults = []
        if self.min_borrowers < 2:
            faults.append(Fault("min_borrowers", "2 or more", str(self.min_borrowers), "Of one borrower nothing is told."))
        if not 0 < self.confidence < 1:
            faults.append(Fault("confidence", "between 0 and 1", str(self.confidence), ""))
        if faults:
            raise InvalidInput(faults)


def age_band(birth_year: ArrayLike, year: ArrayLike) -> NDArray[np.object_]:
    """Return the age band in a year, of shape (n,).

    Examples
    --------
    >>> age_band([2003, 1980, 1950, float("nan")], 2026).tolist()
    ['under 25', '45-54', '65 and over', 'unknown']
    """
    age = np.asarray(year, dtype=np.float64) - np.asarray(birth_year, dtype=np.float64)
    names = ["under 25", *(f"{low}-{high - 1}" for low, high in pairwise(_BANDS[1:-1])), "65 and over"]
    known = np.isfinite(age) & (age >= 0)
    place = np.clip(np.searchsorted(_BANDS, np.where(known, age, 0), side="right") - 1, 0, len(names) - 1)
    return np.where(known, np.array(names, dtype=object)[place], UNKNOWN)


def merge_small(groups: pd.Series, borrowers: pd.Series, least: int) -> pd.Series:
    """Return the groups with the small ones merged; what is merged is itself no smaller, so that no remainder tells a group.

    Examples
    --------
    >>> groups = pd.Series(list("aaaabbbc"))
    >>> merge_small(groups, pd.Series(range(8)), 3).tolist()
    ['a', 'a', 'a', 'a', 'others', 'others', 'others', 'others']
    """
    sizes = borrowers.groupby(groups).nunique().sort_values(kind="stable")
    small = int((sizes < least).sum())
    if small:
        total = sizes.cumsum().to_numpy()
        # The next larger group joins where the small ones together are still too few.
        small = max(small, int(np.searchsorted(total, least)) + 1)
    return groups.where(~groups.isin(sizes.index[:small]), MERGED)


@dataclass(frozen=True)
class AuditLog:
    """Decisions that the model has not seen, and what it would choose for them.

    Parameters
    ----------
    test : TrainingTable of n decisions
    decided : Decided
    settings : PolicySettings
    """

    test: TrainingTable
    decided: Decided
    settings: PolicySettings

    @classmethod
    def of(cls, bundle: ModelBundle, test: TrainingTable, settings: PolicySettings) -> Self:
        """Choose with a model, without exploration, knowing what was known."""
        return cls(test, decide_logged(bundle, test, settings), settings)

    def scores(self, executed: Floats) -> pd.DataFrame:
        """Return what each decision adds to each measure, a column per measure.

        Parameters
        ----------
        executed : ndarray of shape (n,)
            Contacts per week that were made within the horizon.

        Returns
        -------
        DataFrame of shape (n, ...)
            contacts_recommended, contacts_executed (per week); uplift, harm (as predicted for the arm chosen); repaid_logged,
            harm_logged (as happened under the logged policy); benefit_log, harm_added_log (doubly robust, against no contact).
        """
        test, decided = self.test, self.decided
        rows, log = np.arange(len(test)), self._logs()
        return pd.DataFrame(
            {
                "contacts_recommended": test.arms.intensity[decided.arm],
                "contacts_executed": executed,
                "uplift": decided.response[rows, decided.arm] - decided.response[:, 0],
                "harm": decided.harm[rows, decided.arm],
                "repaid_logged": log[REPAID].reward,
                "harm_logged": log[HARM].reward,
                "benefit_log": self._against_none(log[REPAID]),
                "harm_added_log": self._against_none(log[HARM]),
            }
        )

    def _against_none(self, log: Log) -> Floats:
        """Return each decision's doubly robust share in the chosen policy's gain over no contact, of shape (n,).

        The mean and its clustered error are those of `policy_value` with the no-contact arm as `versus`.
        """
        scores = log.scores
        return scores[np.arange(len(scores)), self.decided.arm] - scores[:, 0]

    def benefit(self, inside: NDArray[np.bool_], confidence: float = 0.95) -> PolicyValue:
        """Return the chosen policy's gain over no contact in share repaid, in a group, and whether the log can carry it."""
        every = np.eye(len(self.test.arms))
        chosen = every[self.decided.arm[inside]]
        return self._logs()[REPAID].subset(inside).value(chosen, np.broadcast_to(every[0], chosen.shape), confidence)

    def _logs(self) -> dict[str, Log]:
        return logs(self.test, self.decided.response, self.decided.harm, self.settings)


def audit_groups(
    scores: pd.DataFrame, groups: Mapping[str, pd.Series], borrowers: pd.Series, options: AuditOptions | None = None
) -> pd.DataFrame:
    """Tell every measure by group, and how it differs from the whole.

    Parameters
    ----------
    scores : DataFrame of shape (n, m)
        A column per measure; its mean is told.
    groups : mapping of str to Series of shape (n,)
        The dimension and each decision's group in it; groups that are too small are merged.
    borrowers : Series of shape (n,)
        Clusters.
    options : AuditOptions, optional

    Returns
    -------
    DataFrame
        dimension, group, measure, decisions, borrowers, estimate, low, high, difference (group less whole), difference_low,
        difference_high, p (two-sided, of no difference), p_all (Holm, over all of the table), notable. The whole comes first,
        as dimension ``all``. Intervals are each for itself; `notable` holds for all together.
    """
    options = options or AuditOptions()
    whole = pd.Series("all", index=scores.index)
    found = [_rows("all", whole, scores, borrowers, options)]
    for dimension, given in groups.items():
        merged = merge_small(given.astype(object), borrowers, options.min_borrowers)
        if len(set(merged)) > 1:
            found.append(_rows(dimension, merged, scores, borrowers, options))
    table = pd.concat(found, ignore_index=True)
    return judged_together(table, options.confidence)


def judged_together(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the table with `p_all` and `notable` over all of its differences that are known."""
    adjusted = holm(table["p"].to_numpy(dtype=np.float64))
    return table.assign(p_all=adjusted, notable=adjusted < 1 - confidence)


def _rows(dimension: str, groups: pd.Series, scores: pd.DataFrame, borrowers: pd.Series, options: AuditOptions) -> pd.DataFrame:
    people_of = pd.factorize(borrowers)[0]
    together = pd.factorize(pd.MultiIndex.from_arrays([people_of, groups.to_numpy()]))[0]
    values = {name: scores[name].to_numpy(dtype=np.float64) for name in scores}
    book = {name: PooledMean.of(own, together) for name, own in values.items()}
    rows = []
    for group in sorted(groups.unique()):
        inside = (groups == group).to_numpy()
        people = int(borrowers[inside].nunique())
        reach = float(stdtrit(max(people - 1, 1), 0.5 + options.confidence / 2))
        for measure, own in values.items():
            whole, mean = book[measure], float(own[inside].mean())
            moved = np.where(inside, (own - mean) / inside.mean(), 0.0)
            error = max(clustered_error(moved, people_of), whole.error(int(inside.sum())))
            difference, apart, p = np.nan, np.nan, np.nan
            if dimension != "all":
                difference = mean - whole.mean
                share = float(inside.mean())
                apart = max(
                    clustered_error(moved - (own - whole.mean), people_of), whole.error(int(inside.sum())) * np.sqrt(1 - share)
                )
                p = whole.chance(difference, apart, people, int(inside.sum()))
            low, high = np.clip([mean - reach * error, mean + reach * error], *whole.bounds)
            rows.append(
                {
                    "dimension": dimension, "group": group, "measure": measure,
                    "decisions": int(inside.sum()), "borrowers": people,
                    "estimate": mean, "low": low, "high": high,
                    "difference": difference,
                    "difference_low": difference - reach * apart, "difference_high": difference + reach * apart,
                    "p": p,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
