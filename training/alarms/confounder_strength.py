"""How strong the known covariates are as confounders: what a Lambda of the sensitivity analysis means in this book.

A covariate is left out together with every column that says nearly the same; the propensity is estimated with and without. The
factor by which the odds of the taken arm then change, at the 90th percentile of the rows, is the Lambda that an unmeasured
covariate would have if it were as strong as this one.

References
----------
Cinelli, Hazlett (2020), Making sense of sensitivity, JRSS B 82 (benchmarks by observed covariates). Kallus, Zhou (2018),
Confounding-robust policy improvement, NeurIPS.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..columns import Columns
from ..inputs import Floats
from ..model.boosting import Boosting
from ..model.propensity import PropensityTask, estimate_propensity
from .logged_rows import LoggedRows

# A smooth benchmark: more rows would refine a figure that is read to one digit.
STRENGTH_ROWS = 10_000
STRENGTH_BOOSTING = Boosting(rounds=20, rate=0.3, leaves=7, pairs=1)
ALIKE = 0.7
PERCENTILE = 90.0


def confounder_strength(rows: LoggedRows, most: int = 3, threads: int = 1, seed: int = 0) -> pd.DataFrame:
    """Return the Lambda of the covariates that decide most about the arm.

    Parameters
    ----------
    rows : LoggedRows
    most : int
        Covariates to look at, those that the estimated propensity uses most; each costs one fit.
    threads, seed : int

    Returns
    -------
    DataFrame
        covariate, left_out (columns, itself included), lambda; the strongest first.
    """
    columns = Columns.learn(rows.X)
    some = np.sort(np.random.default_rng([seed, len(rows)]).permutation(len(rows))[:STRENGTH_ROWS])
    Z, codes = columns.encode(rows.X.iloc[some]), rows.codes[some]
    groups = np.unique(rows.groups[some], return_inverse=True)[1]
    task = PropensityTask(Z, columns.categorical, codes, len(rows.arms), groups)
    whole, scorer = estimate_propensity(task, STRENGTH_BOOSTING, threads, seed)
    used = np.sum([booster.feature_importance("gain") for booster in scorer.boosters], axis=0)
    ranks = pd.DataFrame(Z).rank().to_numpy()
    found: list[tuple[str, int, float]] = []
    done: set[int] = set()
    for column in np.argsort(-used, kind="stable").tolist():
        if len(found) == most or used[column] <= 0:
            break
        if column in done:
            continue
        out = _like(ranks, column)
        done |= set(out)
        kept = np.setdiff1d(np.arange(Z.shape[1]), out)
        if len(kept):
            kinds = [int(np.searchsorted(kept, j)) for j in columns.categorical if j not in out]
            without, _ = estimate_propensity(replace(task, Z=Z[:, kept], categorical=kinds), STRENGTH_BOOSTING, threads, seed)
        else:
            # Without any covariate, everybody's odds are the arms' shares.
            without = np.tile(np.bincount(codes, minlength=len(rows.arms)) / len(codes), (len(codes), 1))
        found.append((columns.names[column], len(out), _factor(whole, without, codes)))
    table = pd.DataFrame(found, columns=["covariate", "left_out", "lambda"])
    return table.sort_values("lambda", ascending=False, kind="stable").reset_index(drop=True)


def _like(ranks: Floats, column: int) -> list[int]:
    """Return columns whose rank correlation with one is strong, itself included."""
    # What is missing stands in the middle.
    known = np.isfinite(ranks)
    middle = np.where(known, ranks, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, ranks - middle, 0.0)
    spread = np.sqrt((filled**2).sum(axis=0))
    share = np.abs(filled[:, column] @ filled) / np.maximum(spread * spread[column], 1e-12)
    return sorted({column, *np.flatnonzero(share >= ALIKE).tolist()})


def _factor(whole: Floats, without: Floats, codes: np.ndarray) -> float:
    at = np.arange(len(codes))
    p, q = (np.clip(e[at, codes], 1e-6, 1 - 1e-6) for e in (whole, without))
    change = np.abs(np.log(p / (1 - p)) - np.log(q / (1 - q)))
    return float(np.exp(np.percentile(change, PERCENTILE)))
