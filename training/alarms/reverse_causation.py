"""Reverse causation: when the "dose" is a number that the outcome decided.

Contact ends when the borrower pays. A realised number of contacts is then a stopping time: whoever paid early has a low
one, and a plain fit learns that one call is best. The estimand that was meant, the response to a number fixed beforehand, needs
that the number does not depend on the outcome given the covariates.

No data alone can tell "the outcome ends the dose" from "the dose harms": any joint distribution of both can be written either
way. What can be told is a pattern, in three parts, and what speaks against it:

1. *Alike*: among borrowers who look alike, the outcome falls with the number (residual on residual, as in Robinson 1988).
2. *Outlook*: the number falls as the outlook m(x) = E[y | x] rises. Where covariates act on the number through the outcome
   alone, they are instruments for it, and the slope of the number on m(x) is the outcome's own effect on the number. Where the
   number was drawn by chance that slope is zero, however much the dose harms: this is what sets a harmful dose free.
3. *Counts*: the levels are whole numbers whose frequencies trail off like attempts (a steady chance to stop after each),
   nearer to that than to levels dealt in equal shares; or the outcome explains how the number follows the covariates.

All three refuse; any two warn, since confounding does the same. Stated propensities end the question where the log agrees with
them: shares as stated, and no outlook in what was drawn. Where only that of the taken arm is stated, both are asked with its
inverse as weight, and where the log disagrees it is read as if nothing was stated.

References
----------
Robinson (1988), Root-N-consistent semiparametric regression, Econometrica 56. Hernan, Robins (2020), Causal Inference: What If,
chapters 9 and 22. Moro, Cortez, Rita (2014), A data-driven approach to predict the success of bank telemarketing, Decision
Support Systems 62 (its column `campaign` is the standard case).
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import norm, spearmanr

from ...data.arms import ArmCatalogue
from ...data.errors import ReverseCausation
from ..alarm import Alarm
from ..inputs import Floats, Ints
from ..rows.flat_table import BASELINE_NAME
from .draw import taken_alone, weighted_terms
from .logged_rows import LoggedRows

NAME = "reverse causation"
_NUMBER = re.compile(r"(?P<below>(<|\bbelow|\bunder|\bless than|\bfewer than) ?)?(?P<number>\d+(\.\d+)?)", re.IGNORECASE)
# "8+" is no label of a kind: it is where somebody stopped counting.
_OPEN_END = re.compile(r"\d ?(\+|or more\b)", re.IGNORECASE)
LEAST_LEVELS = 3
# By how many standard errors shares may differ from those stated.
SHARES_AGREE = 4.0
# Share of the outcome's own effect on the number: surely below it, the number was not ended by the outcome.
DRAWN = 0.5
# The covariates move the number by at most so many times what they would move it through the outcome alone: it explains them.
EXPLAINED = 3.0


@dataclass(frozen=True)
class Dose:
    """Arms as numbers.

    Parameters
    ----------
    level : ndarray of shape (K,)
    counted : bool
        True where the names are whole numbers, such as "1", "2", "8+"; False where they are planned contacts per week.
    """

    level: Floats
    counted: bool


def read_dose(arms: ArmCatalogue) -> Dose | None:
    """Read arms as numbers, by their names or by their stated plans; None where they have no order.

    Two numbers may be labels: they are read as a count only where one has an open end, such as "2+".

    Examples
    --------
    >>> read_dose(ArmCatalogue.from_names(["1 call", "2 calls", "3+ calls"], baseline="1 call"))
    Dose(level=array([1., 2., 3.]), counted=True)
    """
    found = [_NUMBER.search(name) for name in arms.names]
    numbers = np.array([_level(hit) if hit else 0.0 for hit in found])
    named = all(hit or (k == 0 and BASELINE_NAME.match(arms.names[0])) for k, hit in enumerate(found))
    least = 2 if any(map(_OPEN_END.search, arms.names)) else LEAST_LEVELS
    named &= len(set(numbers)) == len(numbers) >= least
    planned = all(arm.dose_known for arm in arms.arms) and len(set(arms.intensity)) >= LEAST_LEVELS
    # "every 3 days" is more than "every 7 days": where a plan is stated, it says what the number in a name means.
    if named and not (planned and spearmanr(numbers, arms.intensity).statistic < 1 - 1e-9):
        return Dose(numbers, counted=all(hit is None or float(hit["number"]).is_integer() for hit in found))
    return Dose(arms.intensity, counted=False) if planned else None


def _level(hit: re.Match[str]) -> float:
    return float(hit["number"]) - (0.5 if hit["below"] else 0.0)


def reverse_causation(rows: LoggedRows, e: Floats, response: Floats, level: float = 0.001) -> Alarm:
    """Ask whether the outcome decided the dose.

    Parameters
    ----------
    rows : LoggedRows
    e : ndarray of shape (n, K)
        Probability of every arm, stated or estimated out of fold.
    response : ndarray of shape (n, K)
        Predicted out of fold.
    level : float
        Chance of a false alarm for each of the first two parts.
    """
    dose = read_dose(rows.arms)
    if dose is None:
        return Alarm(NAME, "ok", _NO_NUMBERS)
    seen = _Pattern.of(rows, e, response, dose)
    strict = float(norm.ppf(1 - level))
    figures: dict[str, float | int | str] = {
        "z of the outcome among alike": seen.alike_z,
        "z of the number on the outlook": seen.outlook_z,
        "ratio to the outcome's effect": seen.ratio,
        "trails off like attempts": str(seen.trails),
    }
    if seen.statement_z < SHARES_AGREE and abs(seen.drawn_z) < strict:
        reason = "The stated propensities agree with the log: shares as stated, and no outlook in what was drawn."
        return Alarm(NAME, "ok", reason, figures, table=seen.table)
    alike, moved = seen.alike_z < -strict, seen.outlook_z < -strict
    counted = dose.counted and seen.raw_z < -strict and (seen.trails or (moved and 0 < seen.ratio < EXPLAINED))
    drawn = seen.ratio_high < DRAWN and not moved
    if alike + moved + counted < 2 or drawn:
        return Alarm(NAME, "ok", _why_not(seen, alike=alike, moved=moved, drawn=drawn), figures, table=seen.table)
    reason = _sentence(seen, rows.arms, dose, (alike, moved, counted))
    if alike and moved and counted:
        return Alarm(NAME, "refuse", reason, figures, table=seen.table, refusal=ReverseCausation(seen.alike_z, reason))
    return Alarm(NAME, "warn", reason, figures, table=seen.table)


@dataclass(frozen=True)
class _Pattern:
    """The three parts, measured; and by how many standard errors what was drawn contradicts what was stated of it."""

    raw_z: float
    alike_z: float
    outlook_z: float
    ratio: float
    ratio_high: float
    trails: bool
    statement_z: float
    drawn_z: float
    table: pd.DataFrame

    @classmethod
    def of(cls, rows: LoggedRows, e: Floats, response: Floats, dose: Dose) -> "_Pattern":
        number, outlook = dose.level[rows.codes], (e * response).sum(axis=1)
        number_left, outcome_left = number - e @ dose.level, rows.y - outlook
        raw_z = _z((rows.y - rows.y.mean()) * (number - number.mean()), rows.groups)
        alike_z = _z(outcome_left * number_left, rows.groups)
        # How many fewer contacts those have who paid, among alike: what the outlook would do if it acted through the outcome.
        effect = float(outcome_left @ number_left) / float(outcome_left @ outcome_left)
        taken = taken_alone(rows)
        known = number_left if rows.stated is not None and taken is None else number - number.mean()
        centred = outlook - outlook.mean()
        slope = float(centred @ known) / float(centred @ centred)
        scores = centred * (known - slope * centred)
        error = _cluster_error(scores, rows.groups) / float(centred @ centred)
        # Where the arm was never open nothing is left of the number; the alarm on overlap says so.
        ratio, reach = (slope / effect, 1.96 * error / abs(effect)) if effect else (0.0, float("inf"))
        table = _by_level(rows, dose)
        trails = _trails(table["rows"].to_numpy())
        outlook_z = slope / error if error > 0 else 0.0
        statement_z, drawn_z = float("inf"), float("inf")
        if taken is not None:
            terms = weighted_terms(rows, e, taken)
            statement_z = max(abs(_z(column, rows.groups)) for column in terms.T)
            drawn_z = _z(centred * (terms @ (dose.level - number.mean())), rows.groups)
        elif rows.stated is not None:
            statement_z, drawn_z = _statement_z(rows, e), outlook_z
        return cls(raw_z, alike_z, outlook_z, ratio, ratio + reach, trails, statement_z, drawn_z, table)


_NO_NUMBERS = (
    f"The arms are not {LEAST_LEVELS} numbers or more, nor two of which one has an open end such as '2+': nothing in them can "
    f"be told to be a count that the outcome ended."
)


def _z(terms: Floats, groups: Ints) -> float:
    error = _cluster_error(terms, groups)
    return float(terms.sum() / error) if error > 0 else 0.0


def _cluster_error(terms: Floats, groups: Ints) -> float:
    sums = np.bincount(groups, terms)
    return float(np.sqrt(sums @ sums))


def _statement_z(rows: LoggedRows, e: Floats) -> float:
    """Return by how many standard errors the arms' shares differ from those stated."""
    given = np.arange(e.shape[1]) == rows.codes[:, None]
    gap, spread = (given - e).sum(axis=0), np.sqrt((e * (1 - e)).sum(axis=0))
    return float(np.max(np.abs(gap) / np.maximum(spread, 1.0)))


def _by_level(rows: LoggedRows, dose: Dose) -> pd.DataFrame:
    """Return rows and response by number, and the same read as attempts: who got that far, and the success of one more."""
    frame = pd.DataFrame({"number": dose.level[rows.codes], "y": rows.y})
    table = frame.groupby("number")["y"].agg(["size", "sum"]).reset_index().set_axis(["number", "rows", "paid"], axis="columns")
    reached = table["rows"][::-1].cumsum()[::-1]
    return table.assign(response=table["paid"] / table["rows"], got_that_far=reached, success_of_it=table["paid"] / reached)


def _trails(counts: Ints) -> bool:
    """Whether frequencies are nearer to a steady chance to stop after each attempt than to equal shares, and fall."""
    if len(counts) < LEAST_LEVELS:
        return False
    reached = counts[::-1].cumsum()[::-1][:-1].astype(float)
    stopped = counts[:-1].astype(float)

    def deviance(chance: Floats) -> float:
        return float(-(xlogy(stopped, chance) + xlogy(reached - stopped, 1 - chance)).sum())

    steady = np.full(len(stopped), stopped.sum() / reached.sum())
    equal = 1.0 / np.arange(len(counts), 1, -1)
    return deviance(steady) < deviance(equal) and bool(counts[0] > counts[1])


def _why_not(seen: _Pattern, *, alike: bool, moved: bool, drawn: bool) -> str:
    if alike and drawn:
        return (
            f"The outcome falls with the number, but the number does not follow the outlook ({seen.ratio:.2f} of what an "
            f"outcome that ends contact would do): it looks drawn, and the dose harmful."
        )
    if alike:
        return (
            f"Among borrowers who look alike the outcome falls with the number (z = {seen.alike_z:.1f}), but nothing else says "
            f"that it ended contact: the number does not fall with the outlook (z = {seen.outlook_z:.1f}), nor does it look "
            f"like a count of attempts."
        )
    besides = " That the number is lower for those with a better outlook may be a choice by case." if moved else ""
    return (
        f"Among borrowers who look alike the outcome does not fall with the number as it does where it ends contact "
        f"(z = {seen.alike_z:.1f}).{besides}"
    )


def _sentence(seen: _Pattern, arms: ArmCatalogue, dose: Dose, signs: tuple[bool, bool, bool]) -> str:
    first, last = seen.table.iloc[0], seen.table.iloc[-1]
    what = "a number" if dose.counted else "contacts per week"
    names = dict(zip(dose.level.tolist(), arms.names, strict=True))
    fall = (
        f"the response goes from {first['response']:.1%} at '{names[first['number']]}' to {last['response']:.1%} at "
        f"'{names[last['number']]}'"
    )
    said = (
        f"it falls also among borrowers who look alike (z = {seen.alike_z:.1f})",
        f"the number is lower for those with a better outlook (z = {seen.outlook_z:.1f})",
        "its frequencies trail off like attempts" if seen.trails else "the outcome explains how it follows the covariates",
    )
    found = "; ".join([fall, *(text for text, holds in zip(said, signs, strict=True) if holds)])
    return (
        f"Expected a dose decided beforehand, found {what} in the arm that may have ended with the outcome: {found}. "
        f"Contact that stops on success makes a low number the mark of success, not its cause. Use the plan committed before "
        f"the first contact, or contacts of the first days against outcomes after them; or, if it was drawn, state each "
        f"arm's propensity."
    )
