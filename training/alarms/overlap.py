"""Overlap: whether the arm was open or a rule decided it, which arm was never given, where an arm is thin.

The estimand is the difference of responses under two arms for the same kind of borrower. It asks that both arms had a
chance there (positivity). Where a rule decided, any model still returns a number: it is the rule's threshold, extrapolated.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from ...data.errors import NeverLogged, NoOverlap
from ..alarm import Alarm
from ..columns import Columns
from ..evaluation.weights import effective_number
from ..inputs import Floats, Ints
from ..statistics.ranking import auc
from .logged_rows import LoggedRows

# Above this probability of one arm, fewer than one row in a hundred was given another: nothing to compare with.
DECIDED = 0.99
# A log in which a rule decided more than this share of all rows is a rule with exceptions, not a draw.
DECIDED_SHARE = 0.5
# Rows left to chance, counted as rows of an even draw of two arms, from which a difference can be told.
OPEN_ROWS = 100.0
# Estimated propensities never quite reach 1; ranks of what was taken among what was not do.
DECIDED_AUC = 0.98
# Of the rows of an arm, those with the least odds that may have been exceptions to the rule that decided the others.
EXCEPTIONS = 0.02
# Rows from which the rule is read: a threshold shows in far fewer.
RULE_ROWS = 20_000
THIN_ROWS, THIN_ESS = 30, 30.0
# Of all rows: exploring in a segment with fewer would find nobody.
SMALL_SEGMENT = 0.01


def never_logged(rows: LoggedRows) -> Alarm:
    """Name arms of the catalogue that no row was given; the baseline above all, since uplift is counted from it."""
    counts = np.bincount(rows.codes, minlength=len(rows.arms))
    missing = tuple(rows.arms.names[k] for k in np.flatnonzero(counts == 0))
    figures = {f"rows of {name}": int(count) for name, count in zip(rows.arms.names, counts, strict=True)}
    if not missing:
        return Alarm(
            "never logged", "ok", f"Each of {len(counts)} arms was given; the rarest to {counts.min():,} rows.", figures
        )
    names = ", ".join(f"'{name}'" for name in missing)
    effect = (
        "no uplift over no contact can be known"
        if rows.arms.baseline in missing
        else "nothing is known of what they would have done"
    )
    reason = (
        f"Expected rows of every arm, found none of {names} in {len(rows):,} rows: {effect}. Give these arms to a share of "
        f"borrowers drawn by chance; `lighttouch plan-experiment` says which share and for how many weeks."
    )
    return Alarm("never logged", "refuse", reason, figures, missing, refusal=NeverLogged(missing[0], reason))


def no_overlap(rows: LoggedRows, e: Floats, seed: int = 0) -> Alarm:
    """Say whether a rule decided the arm, and by which column.

    Parameters
    ----------
    e : ndarray of shape (n, K)
        Probability of every arm, stated or estimated out of fold.
    seed : int
        Of the rows from which the rule is read.

    Returns
    -------
    Alarm
        Refuses all comparisons where most rows had one arm to get; refuses single arms that were never left to chance.

    References
    ----------
    D'Amour, Ding, Feller, Lei, Sekhon (2021), Overlap in observational studies with high-dimensional covariates, Journal
    of Econometrics 221; Crump, Hotz, Imbens, Mitnik (2009), Dealing with limited overlap, Biometrika 96.
    """
    taken = e[np.arange(len(e)), rows.codes] if rows.stated is None else rows.stated.taken
    figures = _overlap_figures(rows, e, taken)
    choosable = rows.lawful.sum(axis=1) > 1
    # The law is no rule of the lender's: whoever had one lawful arm tells nothing of overlap.
    fixed = (np.maximum(e.max(axis=1), taken) >= DECIDED)[choosable]
    decided = float(fixed.mean()) if choosable.any() else 1.0
    ranked = float(figures["least AUC of an arm"])
    closed = rows.stated is None and ranked >= DECIDED_AUC
    others = (1.0 / (e**2).sum(axis=1) - 1.0)[choosable]
    # Odds that were stated for every arm are exact, however small: what counts is how many rows they left to chance.
    drawn = rows.stated is not None and (rows.stated.full is not None or rows.stated.constant is not None)
    if closed or (decided > DECIDED_SHARE and not (drawn and others[fixed].sum() >= OPEN_ROWS)):
        cause, told = _cause(rows, seed)
        names = tuple(name for k, name in enumerate(rows.arms.names) if (rows.codes == k).any())
        chance = f"for {decided:.0%} of the rows one arm had a chance of {DECIDED:.0%} or more"
        found = (
            chance if decided > DECIDED_SHARE else f"the covariates tell every arm from the others (AUC {ranked:.3f} or more)"
        )
        reason = (
            f"Expected borrowers who look alike under different arms, found that {found}. {cause} The arms {', '.join(names)} "
            f"cannot be compared: give a share of borrowers an arm by chance, and log its probability; "
            f"`lighttouch plan-experiment` says how many."
        )
        figures |= told
        return Alarm("no overlap", "refuse", reason, figures, refusal=NoOverlap(names, float(others.sum()), reason))
    shut = tuple(name for k, name in enumerate(rows.arms.names) if _never_open(rows, e[:, k], rows.codes == k))
    if shut:
        reason = (
            f"Expected a chance strictly between 0 and 1 of every arm, found {', '.join(map(repr, shut))} given only where "
            f"nothing else could be. Compare the other arms, or give these by chance to some."
        )
        return Alarm("no overlap", "refuse", reason, figures, shut, refusal=NoOverlap(shut, 0.0, reason))
    return Alarm("no overlap", "ok", f"{1 - decided:.0%} of the rows could have been given another arm.", figures)


def _cause(rows: LoggedRows, seed: int) -> tuple[str, dict[str, float | int | str]]:
    """Say which column decides the arm, where one does: it must tell half of what the commonest arm leaves untold."""
    column, share = deciding_column(rows, seed)
    common = float(np.bincount(rows.codes).max() / len(rows))
    if common == 1 or share < common + (1 - common) / 2:
        return f"No column decides the arm by itself: {common:.0%} of the rows have the same one.", {"commonest arm": common}
    figures: dict[str, float | int | str] = {"deciding column": column, "explained by it": share}
    return f"'{column}' decides the arm: a stump on it explains {share:.0%} (unseen rows).", figures


def _overlap_figures(rows: LoggedRows, e: Floats, taken: Floats) -> dict[str, float | int | str]:
    given = [k for k in range(len(rows.arms)) if (rows.codes == k).any()]
    ranks = [auc((rows.codes == k).astype(float), e[:, k]) for k in given]
    figures: dict[str, float | int | str] = {
        "rows decided": float((e.max(axis=1) >= DECIDED).mean()),
        "least AUC of an arm": float(np.nanmin(ranks)) if len(given) > 1 else float("nan"),
        "median propensity of the taken arm": float(np.median(taken)),
    }
    return figures | {f"ess of {rows.arms.names[k]}": effective_number(1.0 / taken[rows.codes == k]) for k in given}


def _never_open(rows: LoggedRows, chance: Floats, given: np.ndarray) -> bool:
    """Whether an arm was given only where nothing else could be, by what was stated or by who else looks like its borrowers."""
    if not given.any() or given.all():
        return bool(given.all())
    if rows.stated is not None:
        return bool((rows.stated.taken[given] >= 1.0).all())
    if auc(given.astype(float), chance) < DECIDED_AUC:
        return False
    # Estimates fall short of 1, the more the fewer the rows: so what others with odds like these were given is counted.
    like = chance >= np.quantile(chance[given], EXCEPTIONS)
    return float(given[like].mean()) >= DECIDED


def deciding_column(rows: LoggedRows, seed: int = 0) -> tuple[str, float]:
    """Return the covariate that tells the arm best on its own, and the share of unseen rows whose arm it tells.

    A tree with a leaf per arm on one column at a time, learnt on half of the groups and tried on the others.
    """
    encoded, names = Columns.learn(rows.X).encode(rows.X), list(rows.X.columns)
    rng = np.random.default_rng([seed, len(rows)])
    some = np.sort(rng.permutation(len(rows))[:RULE_ROWS])
    first = (rng.random(int(rows.groups.max()) + 1) < 0.5)[rows.groups[some]]
    if first.all() or not first.any():
        first = np.arange(len(some)) % 2 == 0
    shares = [_told(encoded[some, j], rows.codes[some], first, len(rows.arms)) for j in range(len(names))]
    best = int(np.argmax(shares))
    return names[best], shares[best]


def _told(column: Floats, codes: Ints, first: np.ndarray, K: int) -> float:
    tree = DecisionTreeClassifier(max_leaf_nodes=2 * K, min_samples_leaf=5, random_state=0)
    # Ranks cut where values do, fit single precision, and put what is missing on one side.
    values = np.unique(column, return_inverse=True)[1].astype(np.float32)[:, None]
    tree.fit(values[first], codes[first])
    return float((tree.predict(values[~first]) == codes[~first]).mean())


def thin_support(rows: LoggedRows, e: Floats) -> Alarm:
    """Count rows and effective rows by arm and segment, and name the cells that are too thin to learn from.

    A cell where the law forbade the arm to everybody is not thin: it is empty by right. A segment with less than a hundredth
    of the rows, too few even for an even draw, is told and not judged. An arm that nobody was given is another question
    (`never_logged`).

    Parameters
    ----------
    e : ndarray of shape (n, K)
        Probability of every arm, stated or estimated out of fold.
    """
    label = "" if rows.segment is None else str(rows.segment.name)
    table = _cells(rows, e)
    judged = table[table["judged"]]
    thin = judged[(judged["rows"] < THIN_ROWS) | (judged["ess"] < THIN_ESS)].sort_values("could", ascending=False)
    figures: dict[str, float | int | str] = {
        "cells": len(judged),
        "thin cells": len(thin),
        "lawful row-arms with support": 1 - float(thin["could"].sum() / judged["could"].sum()),
    }
    aside = _not_judged(label, table)
    what = f"arm and {label}" if label else "one arm each"
    if thin.empty:
        reason = f"Each of {len(judged)} cells of {what} has {judged['rows'].min():,} rows or more.{aside}"
        return Alarm("thin support", "ok", reason, figures, table=table)
    worst = "; ".join(
        f"'{row.arm}'{f' in {label} {_told_segment(row.segment)}' if label else ''}: {row.rows:,} of {row.could:,} rows that "
        f"could have it ({row.ess:.0f} effective)"
        for row in thin.head(3).itertuples()
    )
    where = f" in every {label}" if label else ""
    remedy = "explore these arms in these segments, or merge segments" if label else "give these arms to more, by chance"
    reason = (
        f"Expected at least {THIN_ROWS} rows and {THIN_ESS:.0f} effective ones of each arm{where}, found fewer in "
        f"{len(thin)} of {len(judged)} cells: {worst}. What is predicted there leans on other rows and on like arms; "
        f"{remedy}.{aside}"
    )
    return Alarm("thin support", "warn", reason, figures, tuple(sorted(set(thin["arm"]))), table)


def _cells(rows: LoggedRows, e: Floats) -> pd.DataFrame:
    """Return a row per cell, segments in their order.

    Returns
    -------
    DataFrame
        segment, size (its rows), arm, could (rows that could have it), rows, ess, judged.
    """
    weight = 1.0 / np.maximum(e[np.arange(len(e)), rows.codes], 1e-12)
    segment = pd.Series(np.zeros(len(rows))) if rows.segment is None else rows.segment
    parts, values = pd.factorize(segment, sort=True, use_na_sentinel=False)
    given = np.bincount(rows.codes, minlength=len(rows.arms)) > 0
    cells: list[dict[str, Any]] = []
    for part, value in enumerate(values):
        inside = parts == part
        size, could = int(inside.sum()), rows.lawful[inside].sum(axis=0) * given
        judged = size >= SMALL_SEGMENT * len(rows) or size >= THIN_ROWS * int(np.count_nonzero(could))
        for k in np.flatnonzero(could):
            own = weight[inside & (rows.codes == k)]
            cell = {"segment": value, "size": size, "arm": rows.arms.names[k], "could": int(could[k]), "rows": len(own)}
            cells.append({**cell, "ess": effective_number(own), "judged": judged})
    table = pd.DataFrame(cells)
    # Where there is a segment for every few rows all are small: then all are judged.
    table["judged"] |= not table["judged"].any()
    return table


def _not_judged(label: str, table: pd.DataFrame) -> str:
    """Tell which segments have too few borrowers to be judged by arm."""
    small = table[~table["judged"]].drop_duplicates("segment")
    told = ", ".join(f"{_told_segment(row.segment)} ({row.size:,} rows)" for row in small.itertuples())
    return f" Not judged, with hardly any rows: {label} {told}." if told else ""


def _told_segment(segment: object) -> object:
    """Return the value of a segment as it is told: a band that is counted in floats is a whole number."""
    if isinstance(segment, float) and np.isnan(segment):
        return "missing"
    return int(segment) if isinstance(segment, float) and segment.is_integer() else segment
