"""Placebo outcomes: what was over before the arm was given cannot have been moved by it.

For a number z that was fixed before as_of, and propensities e that are those of the draw, (1{arm = k} - e_k) z has mean zero
for every arm k, whatever the covariates and the effects are. The sums are tested jointly over the arms, clustered by borrower
(the terms are martingale differences, so repeated decisions of one borrower do no harm), by z's ranks so that no large sum
decides, and Holm's correction holds over the columns. The outlook E[y | x] gathers in one more column what all covariates say
of paying.

What makes it wrong: covariates measured after the arm, which are no placebo; and estimated propensities, under which columns
that the estimate has seen are balanced by construction. Such columns are not tested.

References
----------
Rosenbaum, Rubin (1983), The central role of the propensity score, Biometrika 70. Eggers, Tunon, Dafoe (2024), Placebo tests
for causal inference, American Journal of Political Science 68.
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ...data.errors import PlaceboMoved
from ..alarm import Alarm
from ..inputs import Floats, Ints
from ..statistics.many_tests import holm, p_text
from .draw import LEAST_CHOICES, draw_terms, taken_alone
from .logged_rows import LoggedRows

NAME = "placebo outcomes"
OUTLOOK = "outlook (expected response)"
# Clusters per arm below which the joint test's covariance is mostly noise.
LEAST_CLUSTERS_PER_ARM = 10
_TOLD = {"average": "'{}' averages", "share with a value": "the share with a value of '{}' is"}


def placebo(rows: LoggedRows, e: Floats, response: Floats, level: float = 0.001) -> Alarm:
    """Test whether arms differ in what came before them.

    Parameters
    ----------
    rows : LoggedRows
        Its `past` holds the placebo outcomes.
    e : ndarray of shape (n, K)
        Probability of every arm, stated or estimated out of fold.
    response : ndarray of shape (n, K)
        Predicted out of fold; a column of its own where the propensities are stated.
    level : float
        Chance that any column rings under a true log.

    Returns
    -------
    Alarm
        Refuses where the stated propensities of every arm are contradicted; warns where estimated ones are, and where only
        that of the taken arm is stated, since then nobody says to whom an arm was closed. `table` has a row per column.
    """
    past = rows.past if rows.stated is not None else rows.past[[name for name in rows.past if name not in rows.X]]
    columns = {str(name): past[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in past}
    if rows.stated is not None:
        columns[OUTLOOK] = (e * response).sum(axis=1)
    terms = draw_terms(rows, e)
    if not columns or terms.shape[1] == 0:
        why = "no column of the past was named" if not columns else "no arm was open often enough"
        return Alarm(NAME, "ok", f"Nothing was tested: {why}.")
    table = pd.DataFrame([_test(name, z, terms, rows, e) for name, z in columns.items()]).sort_values("p", kind="stable")
    tested = table["p"].notna()
    if not tested.any():
        why = f"{pd.Series(rows.groups).nunique():,} groups are too few, or nothing varies in what was over before the arms"
        return Alarm(NAME, "ok", f"Nothing was tested: {why}.", table=table)
    table = table[tested].reset_index(drop=True)
    table["p_holm"] = holm(table["p"].to_numpy())
    worst = table.iloc[0]
    figures: dict[str, float | int | str] = {
        "columns": len(table), "least p, corrected": float(worst["p_holm"]), "column": str(worst["column"]),
    }  # fmt: skip
    moved = table[table["p_holm"] < level]
    if moved.empty:
        reason = f"Arms agree in {len(table)} columns that were over before them (least corrected p = {worst['p_holm']:.2g})."
        return Alarm(NAME, "ok", reason, figures, table=table)
    alone = taken_alone(rows) is not None
    reason = _sentence(moved, stated=rows.stated is not None, alone=alone)
    if rows.stated is None or alone:
        return Alarm(NAME, "warn", reason, figures, table=table)
    refusal = PlaceboMoved(tuple(moved["column"]), float(worst["p_holm"]), reason)
    return Alarm(NAME, "refuse", reason, figures, table=table, refusal=refusal)


def _test(name: str, z: Floats, terms: Floats, rows: LoggedRows, e: Floats) -> dict[str, object]:
    ranks, known = pd.Series(z).rank(pct=True).to_numpy(), np.isfinite(z)
    centred = np.nan_to_num(ranks - np.nanmean(ranks)) if known.any() else np.zeros(len(z))
    p = joint_p(terms * centred[:, None], rows.groups)
    if known.all() or not known.any():
        return {"column": name, "p": p, "of": "average", **_widest(z, rows, e)}
    # A value that only some arms leave behind is missing where the others were given: who has one is asked as well.
    has = joint_p(terms * (known - known.mean())[:, None], rows.groups)
    both = min(1.0, 2 * np.nanmin([p, has])) if np.isfinite([p, has]).any() else float("nan")
    if has < p or not np.isfinite(p):
        return {"column": name, "p": both, "of": "share with a value", **_widest(known.astype(np.float64), rows, e)}
    return {"column": name, "p": both, "of": "average", **_widest(z, rows, e)}


def joint_p(terms: Floats, groups: Ints) -> float:
    """Return the p-value of all columns having mean zero: Wald's statistic with covariance clustered by groups.

    Parameters
    ----------
    terms : ndarray of shape (n, m)
    groups : ndarray of shape (n,)

    Returns
    -------
    float
        NaN where nothing varies, or groups are too few for the statistic's law.

    Examples
    --------
    >>> joint_p(np.array([[1.0], [-1.0]] * 50), np.arange(100))
    1.0
    """
    sums = np.stack([np.bincount(groups, column) for column in terms.T], axis=1)
    total, covariance = sums.sum(axis=0), sums.T @ sums
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if freedom == 0 or len(sums) < LEAST_CLUSTERS_PER_ARM * freedom:
        return float("nan")
    return float(chi2.sf(total @ np.linalg.pinv(covariance, hermitian=True) @ total, freedom))


def _widest(z: Floats, rows: LoggedRows, e: Floats) -> dict[str, object]:
    """Return the arm whose weighted mean lies farthest from that of all who could have had it, in standard errors."""
    known, taken = np.isfinite(z), e[np.arange(len(e)), rows.codes]
    if rows.stated is not None:
        taken = rows.stated.taken
    best: dict[str, object] = {"arm": "", "under_it": np.nan, "expected": np.nan, "z": 0.0}
    for k, name in enumerate(rows.arms.names):
        mine, could = known & (rows.codes == k), known & (e[:, k] > 0)
        if mine.sum() < LEAST_CHOICES:
            continue
        weight, expected = 1.0 / taken[mine], float(z[could].mean())
        mean = float(np.average(z[mine], weights=weight))
        error = float(np.sqrt((weight**2 * (z[mine] - mean) ** 2).sum()) / weight.sum())
        apart = mean - expected
        score = apart / error if error > 0 else np.copysign(np.inf, apart) if not np.isclose(apart, 0.0) else 0.0
        if abs(score) > abs(float(str(best["z"]))):
            best = {"arm": name, "under_it": mean, "expected": expected, "z": score}
    return best


def _sentence(moved: pd.DataFrame, *, stated: bool, alone: bool) -> str:
    shown = "; ".join(
        f"{_TOLD[str(row.of)].format(row.column)} {row.under_it:.4g} under '{row.arm}', expected {row.expected:.4g} "
        f"({p_text(p)})"
        for row, p in zip(moved.head(3).itertuples(), moved["p_holm"].to_numpy(dtype=np.float64), strict=False)
    )
    more = f"; and {len(moved) - 3} more columns" if len(moved) > 3 else ""
    closed = " Or an arm was closed to some: state the probability of every arm, 0 where it was closed." if alone else ""
    cause = (
        "The logged propensities are not those with which the arms were drawn: somebody who knows the borrowers chose. Find "
        "who hands out the arms, and draw them by chance; until then a gain may be theirs and not the arm's. Or a column was "
        "measured after the arm: drop it."
        if stated
        else "The covariates do not explain who got which arm: add what the choice went by, or draw arms by chance."
    )
    return f"Expected arms that agree in what was over before them, found that they differ: {shown}{more}. {cause}{closed}"
