"""What the examples on public credit histories share: tables through the quality gate, features of them, honest scores."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
from lighttouch.data.book import Book
from lighttouch.data.quality import QualityReport
from lighttouch.data.settings import LedgerSettings
from lighttouch.data.stores import check_source
from lighttouch.data.writing import write_tables
from lighttouch.features.build import build_features
from lighttouch.features.catalogue import FEATURE_NAMES
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedKFold

# One setting for every set of columns that is compared, so that only the columns differ. One thread: the data are small, and
# threads that wait for a busy core cost more than they bring.
_TREES: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 12, "min_data_in_leaf": 60, "feature_fraction": 0.4,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "num_threads": 1, "seed": 7, "verbose": -1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
_ROUNDS = 160


@dataclass(frozen=True)
class Score:
    """Area under the ROC curve over predictions of rows that their model has not seen.

    Parameters
    ----------
    auc : float
        0.5 is guessing.
    se : float
        Standard error (DeLong): of the sample, not of the folds.
    columns : int
        How many the model was given.
    """

    auc: float
    se: float
    columns: int

    def __str__(self) -> str:
        return f"{self.auc:.4f} +- {self.se:.4f}  ({self.columns} columns)"


def checked_book(tables: Mapping[str, pa.Table], folder: str | Path | None = None) -> tuple[Book, QualityReport]:
    """Write tables as Parquet and open them through the quality gate, as a bank's own export would be.

    Parameters
    ----------
    tables : mapping
        Table name to Arrow table, instants aware.
    folder : str or Path, optional
        Where the files stay; a temporary folder that goes away by default.
    """
    if folder is not None:
        write_tables(dict(tables), folder)
        return check_source(folder)
    with tempfile.TemporaryDirectory() as temporary:
        return checked_book(tables, temporary)


def history(book: Book, points: pa.Table, ledger: LedgerSettings) -> pd.DataFrame:
    """Return the whole catalogue of features, one row per decision point, indexed by borrower_id."""
    frame = build_features(book, points, ledger)
    return frame.set_index("borrower_id")[list(FEATURE_NAMES)]


def cross_validated(X: pd.DataFrame, y: ArrayLike, folds: int = 5) -> Score:
    """Score boosted trees on rows that they were not fitted on.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        One row per borrower; a column without two different values is left out.
    y : array-like of shape (n,)
        1 is the bad outcome.
    folds : int, optional

    Returns
    -------
    Score
    """
    varied = X.loc[:, X.min() < X.max()]
    target = np.asarray(y, dtype=np.float64)
    predicted = np.full(len(target), np.nan)
    splits = StratifiedKFold(folds, shuffle=True, random_state=7).split(varied, target)
    for fit, held in splits:
        booster = lgb.train(_TREES, lgb.Dataset(varied.iloc[fit], target[fit], free_raw_data=True), _ROUNDS)
        # Ranks within a fold: the folds' models are not on one scale.
        predicted[held] = rankdata(booster.predict(varied.iloc[held], num_threads=1)) / len(held)
    auc, se = delong(target, predicted)
    return Score(auc, se, varied.shape[1])


def delong(y: NDArray[np.float64], score: NDArray[np.float64]) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard error.

    Each case's placement is the share of the other class that it outranks; the area is their mean and its variance the sum
    of both classes' variances (DeLong, DeLong and Clarke-Pearson, Biometrics 44:837, 1988).
    """
    cases, controls = score[y == 1], score[y == 0]
    m, n = len(cases), len(controls)
    together = rankdata(np.concatenate([cases, controls]))
    placed = (together[:m] - rankdata(cases)) / n
    passed = 1 - (together[m:] - rankdata(controls)) / m
    return float(placed.mean()), float(np.sqrt(placed.var(ddof=1) / m + passed.var(ddof=1) / n))


def money(amount: ArrayLike) -> pa.Array:
    """Return sums of money as exact decimals, rounded to cents."""
    cents = np.rint(np.asarray(amount, dtype=np.float64) * 100).astype(np.int64)
    # Through text of whole cents: a float such as 0.29 has no exact decimal.
    whole, part = np.divmod(cents, 100)
    texts = np.char.add(np.char.add(whole.astype(str), "."), np.char.zfill(part.astype(str), 2))
    return pa.array(texts).cast(pa.decimal128(18, 2))


def instants(local: pd.Series, zone: str) -> pa.Array:
    """Return wall-clock times of a zone as aware UTC instants with microseconds."""
    utc = local.dt.tz_localize(zone).dt.tz_convert("UTC").dt.tz_localize(None)
    return pa.array(utc.to_numpy().astype("datetime64[us]")).cast(pa.timestamp("us", "UTC"))


def days(local: pd.Series) -> pa.Array:
    """Return calendar days."""
    return pa.array(local.to_numpy().astype("datetime64[D]"))
