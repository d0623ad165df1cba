"""The choice among arms: what law and data leave, the best of it, then the lightest not worse by more than the margin."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .reasons import Reason
from .settings import PolicySettings
from .value import contact_cost

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """One arm per borrower.

    Parameters
    ----------
    arm : ndarray of shape (n,)
        Position of the arm given.
    best : ndarray of shape (n,)
        Position of the arm of highest value among those that law and data leave; the arm given where they leave none.
    reasons : list of tuple of str, length n
        Codes out of `Reason`.
    """

    arm: Positions
    best: Positions
    reasons: list[tuple[str, ...]]


@dataclass(frozen=True)
class Dose:
    """What a lighter arm than the best may lose.

    Parameters
    ----------
    loss : array-like of shape (n, K)
        Expected loss against the row's best arm, from `expected_loss`, account currency; NaN counts as unbounded.
    margin : array-like of shape (n,)
        Account currency that may be given up for a lighter arm.
    priced : array-like of shape (n, K), optional
        Values less `dose_price`; without it contacts have no price.
    """

    loss: Any
    margin: Any
    priced: Any = None

    def light(self, value: Floats, allowed: Flags, best: Positions, rank: Positions) -> Flags:
        """Return the arms that lose little enough, of shape (n, K); the best arm always is one, where there is one."""
        rows, margin = np.flatnonzero(best >= 0), np.asarray(self.margin, dtype=np.float64)[:, None]
        light = np.asarray(self.loss, dtype=np.float64) < margin
        light[rows, best[rows]] = True
        if self.priced is not None:
            worth = np.where(allowed, value, -np.inf)
            thrifty = best_arm(self.priced, allowed & (worth >= worth.max(axis=1, keepdims=True) - margin), rank)
            light[rows, thrifty[rows]] = True
        return light & allowed


def lightness(arms: ArmCatalogue, settings: PolicySettings) -> Positions:
    """Rank arms from the lightest: by contacts per week, then by their cost, then by place in the catalogue.

    Returns
    -------
    ndarray of shape (K,)
        0 for the lightest.
    """
    order = np.lexsort((np.arange(len(arms)), contact_cost(arms, settings), arms.intensity))
    rank = np.empty(len(arms), dtype=np.int64)
    rank[order] = np.arange(len(arms))
    return rank


def best_arm(value: Any, allowed: Flags, rank: Positions) -> Positions:
    """Return the allowed arm of highest value; among equals the lightest; -1 where no arm is allowed.

    Parameters
    ----------
    value : array-like of shape (n, K)
        Account currency.
    allowed : ndarray of shape (n, K)
    rank : ndarray of shape (K,)
        From `lightness`.

    Examples
    --------
    >>> best_arm([[1.0, 2.0, 2.0]], np.array([[True, True, True]]), np.array([0, 2, 1])).tolist()
    [2]
    """
    v = np.asarray(value, dtype=np.float64)
    if np.isnan(v[allowed]).any():
        found = f"{np.count_nonzero(np.isnan(v) & allowed):,} missing"
        raise InvalidInput([Fault("value", "a number for every allowed arm", found, "Score these rows first.")])
    kept = np.where(allowed, v, -np.inf)
    top = (kept == kept.max(axis=1, keepdims=True)) & allowed
    best = np.where(top, rank, len(rank)).argmin(axis=1)
    return np.where(allowed.any(axis=1), best, -1).astype(np.int64)


def choose(value: Any, *, lawful: Flags, supported: Flags, dose: Dose, rank: Positions, fallback: int = 0) -> Choice:
    """Choose an arm for each borrower, in the order of precedence.

    Law takes arms away, then missing support does. Of those left the lightest is given whose expected loss against the best is
    below the margin; or a lighter one that is best at the price of its contacts, and not worse than the best by the margin.
    Where nothing is left it is the fallback, or no contact where that is not lawful.

    Parameters
    ----------
    value : array-like of shape (n, K)
        Account currency.
    lawful, supported : ndarray of shape (n, K)
    dose : Dose
    rank : ndarray of shape (K,)
        From `lightness`.
    fallback : int, optional
        Position of the arm taken when nothing is left.

    Returns
    -------
    Choice
    """
    allowed = lawful & supported
    best = best_arm(value, allowed, rank)
    light = dose.light(np.asarray(value, dtype=np.float64), allowed, best, rank)
    dosed = np.where(light, rank, len(rank)).argmin(axis=1)
    spare = np.where(lawful[:, fallback], fallback, 0)
    arm = np.where(best >= 0, dosed, spare).astype(np.int64)
    return Choice(arm, np.where(best >= 0, best, arm), _reasons(arm, best, lawful, fallback))


def steady(choice: Choice, value: Any, allowed: Flags, rank: Positions, last: Positions, margin: Any) -> Choice:
    """Keep the last arm where a heavier one does not gain more than a margin over it.

    A lighter arm is always free to be taken: what holds back is the way up. Since one comes down only where the loss is within
    the dose margin, and goes up only for more than that, a borrower between the two stays where he is.

    Parameters
    ----------
    choice : Choice
    value : array-like of shape (n, K)
        Account currency, the price of contacts taken off.
    allowed : ndarray of shape (n, K)
        Arms that law and data leave; a last arm that is not among them is not kept.
    rank : ndarray of shape (K,)
        From `lightness`.
    last : ndarray of shape (n,)
        Position of the last arm, -1 where there was none.
    margin : array-like of shape (n,)
        Account currency, no less than the dose margin.
    """
    rows, held = np.arange(len(last)), np.maximum(last, 0)
    v = np.where(allowed, np.asarray(value, dtype=np.float64), -np.inf)
    known = (last >= 0) & allowed[rows, held] & allowed[rows, choice.arm] & (rank[choice.arm] > rank[held])
    with np.errstate(invalid="ignore"):
        keep = known & (v[rows, choice.arm] - v[rows, held] <= np.asarray(margin, dtype=np.float64))
    told: tuple[str, ...] = (str(Reason.STEADY),)
    reasons = [told if kept else reasons for kept, reasons in zip(keep, choice.reasons, strict=True)]
    return Choice(np.where(keep, held, choice.arm), choice.best, reasons)


def _reasons(arm: Positions, best: Positions, lawful: Flags, fallback: int) -> list[tuple[str, ...]]:
    contact = np.arange(lawful.shape[1]) > 0
    by_case = {
        0: (str(Reason.BEST_VALUE),),
        1: (str(Reason.MINIMUM_DOSE),),
        2: (str(Reason.NO_LAWFUL_CONTACT),),
        3: (str(Reason.NO_SUPPORT), str(Reason.FALLBACK)),
        4: (str(Reason.NO_SUPPORT), str(Reason.FALLBACK_NOT_LAWFUL)),
    }
    case = np.where(arm == best, 0, 1)
    case = np.where((arm == 0) & ~(lawful & contact).any(axis=1), 2, case)
    abstained = (best < 0) & (lawful & contact).any(axis=1)
    case = np.where(abstained, np.where(lawful[:, fallback], 3, 4), case)
    return [by_case[int(one)] for one in case]
