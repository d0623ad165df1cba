"""Overlap: whether the arm was open or a rule decided it, and which arm was never given.

The estimand is the difference of responses under two arms for the same kind of borrower. It asks that both arms had a
chance there (positivity). Where a rule decided, any model still returns a number: it is the rule's threshold, extrapolated.
"""

import numpy as np
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
