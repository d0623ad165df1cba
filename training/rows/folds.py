"""Time folds: learn on the past, judge on the future, with gaps so that no outcome window spans two folds."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.errors import Fault, InvalidInput

# The share of decisions, the latest, on which the gate judges.
TEST_SHARE = 0.25
_DIGEST_LENGTH = 16


@dataclass(frozen=True)
class TimeFolds:
    """Rows to fit on, rows to compare candidates on, and rows for the final test, in time order.

    Parameters
    ----------
    fit, test : ndarray of shape (n,)
        True where the row belongs to the fold; rows in a gap belong to none.
    fit_end, test_start : Timestamp
        Every fit row's outcome was complete at the start of the next fold.
    select : ndarray of shape (n,)
        The fold between the two; nowhere true where none was asked for.
    select_start : Timestamp, optional
        None where there is no select fold.
    """

    fit: NDArray[np.bool_]
    test: NDArray[np.bool_]
    fit_end: pd.Timestamp
    test_start: pd.Timestamp
    select: NDArray[np.bool_]
    select_start: pd.Timestamp | None = None

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Rows that a candidate is looked at on: the select fold where there is one, else the final fold."""
        return self.test if self.select_start is None else self.select

    @property
    def judged_name(self) -> str:
        """Which of the two they are: "final" or "select"."""
        return "final" if self.select_start is None else "select"

    @property
    def judged_from(self) -> pd.Timestamp:
        """Where those rows start."""
        return self.test_start if self.select_start is None else self.select_start


def time_folds(as_of: pd.Series, horizon_days: int, test_share: float = TEST_SHARE, select_share: float = 0.0) -> TimeFolds:
    """Cut rows by time.

    Candidates, hyper-parameters or shares are compared on the select fold as often as one likes; every look at the final
    fold is counted by the gate. Nothing in a training run needs a select fold by itself: what a fit chooses (rounds,
    calibration, shrinkage, the best constant arm) it chooses out of fold on all fit rows. Hence none is cut unless asked for.

    Parameters
    ----------
    as_of : Series of shape (n,)
        Instants of the decisions.
    horizon_days : int
        Length of each gap: outcomes of a fold's rows end before the first row of the next.
    test_share : float
        Share of the rows in the final test fold, about.
    select_share : float
        Share of the rows in the select fold, about, before its gap is taken off its end; 0 for none.

    Raises
    ------
    InvalidInput
        Where the rows span too little time for the folds, or the shares leave one of them empty.

    Examples
    --------
    >>> days = pd.Series(pd.date_range("2026-01-01", periods=100))
    >>> folds = time_folds(days, horizon_days=14)
    >>> int(folds.fit.sum()), int(folds.test.sum())
    (61, 25)
    >>> folds = time_folds(days, horizon_days=14, select_share=0.3)
    >>> int(folds.fit.sum()), int(folds.select.sum()), int(folds.test.sum())
    (31, 16, 25)
    """
    _check_shares(test_share, select_share)
    gap = timedelta(days=horizon_days)
    test_start = _cut(as_of, 1 - test_share)
    later = test_start if select_share == 0 else _cut(as_of, 1 - test_share - select_share)
    fit_end = later - gap
    fit, test = (as_of < fit_end).to_numpy(), (as_of >= test_start).to_numpy()
    select = ((as_of >= later) & (as_of < test_start - gap)).to_numpy()
    if not fit.any() or not test.any() or (select_share > 0 and not select.any()):
        span = f"{as_of.min()} to {as_of.max()}"
        wanted, cuts = ("a cut", "three") if select_share == 0 else ("two cuts", "six")
        remedy = f"At least {cuts} times the horizon of {horizon_days} days is needed to learn and then to test."
        raise InvalidInput([Fault("decisions", f"decisions before and after {wanted} in time", span, remedy)])
    return TimeFolds(fit, test, fit_end, test_start, select, None if select_share == 0 else later)


def fold_digest(rows: pd.DataFrame) -> str:
    """Name a fold by the decisions in it: the same decisions are the same fold, whatever else the tables hold.

    Parameters
    ----------
    rows : DataFrame
        decision_id, as_of, arm: the rows of the final fold.

    Examples
    --------
    >>> rows = pd.DataFrame({"decision_id": ["D1"], "as_of": pd.to_datetime(["2026-01-01"], utc=True), "arm": ["none"]})
    >>> fold_digest(rows)
    'f61a99cb1c166cb7'
    """
    instants = rows["as_of"].map(pd.Timestamp.isoformat)
    lines = sorted(rows["decision_id"].astype(str) + " " + instants + " " + rows["arm"].astype(str))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_DIGEST_LENGTH]


def look_at(rows: pd.DataFrame, judged: NDArray[np.bool_]) -> str:
    """Name the final fold of the gate where any judged row is in it, whatever share was held out for judging; else nothing.

    Parameters
    ----------
    rows : DataFrame of n rows
        decision_id, as_of, arm.
    judged : ndarray of shape (n,)
    """
    final = (rows["as_of"] >= _cut(rows["as_of"], 1 - TEST_SHARE)).to_numpy()
    return fold_digest(rows[final]) if (judged & final).any() else ""


def _cut(as_of: pd.Series, share: float) -> pd.Timestamp:
    return pd.Timestamp(as_of.sort_values().iloc[int(len(as_of) * share)])


def _check_shares(test_share: float, select_share: float) -> None:
    faults = []
    if not 0 < test_share < 1:
        faults.append(Fault("test_share", "between 0 and 1", repr(test_share), "0.25 judges on the latest quarter."))
    if not 0 <= select_share < 1:
        faults.append(Fault("select_share", "0, or between 0 and 1", repr(select_share), "0.15 is a modest one."))
    if not faults and test_share + select_share >= 1:
        found = f"{test_share} and {select_share}"
        faults.append(Fault("test_share and select_share", "less than 1 together", found, "Leave rows to fit on."))
    if faults:
        raise InvalidInput(faults)
