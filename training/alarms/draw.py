"""What has mean zero where the arms were drawn with the propensities that the log states."""

import numpy as np

from ..inputs import Floats
from .logged_rows import LoggedRows

# Fewer open choices than this have no normal theory.
LEAST_CHOICES = 30.0
# Estimated chance from which an arm counts as open, where the log does not say.
LEAST_CHANCE = 0.02


def taken_alone(rows: LoggedRows) -> Floats | None:
    """Return the stated probabilities of the taken arms where those of the others were not stated."""
    stated = rows.stated
    return stated.taken if stated is not None and stated.full is None and stated.constant is None else None


def weighted_terms(rows: LoggedRows, e: Floats, taken: Floats) -> Floats:
    """Return 1{arm = k} / (its probability) - 1 where the arm was open, as it seems, of shape (n, K).

    All that can be asked of a log that states the taken arm's probability alone.

    Parameters
    ----------
    e : ndarray of shape (n, K)
        Estimated.
    taken : ndarray of shape (n,)
        Stated.
    """
    given = np.arange(e.shape[1]) == rows.codes[:, None]
    found: Floats = (given / taken[:, None] - 1.0) * (e >= LEAST_CHANCE)
    return found


def draw_terms(rows: LoggedRows, e: Floats) -> Floats:
    """Return what has mean zero under a true log, of shape (n, arms that were open), one of them left out as redundant."""
    given = np.arange(e.shape[1]) == rows.codes[:, None]
    if (taken := taken_alone(rows)) is not None:
        seen = given.sum(axis=0) >= LEAST_CHOICES
        return weighted_terms(rows, e, taken)[:, seen]
    choices = (e * (1 - e)).sum(axis=0)
    some = choices >= LEAST_CHOICES
    if some.all():
        some[int(choices.argmax())] = False
    left: Floats = (given - e)[:, some]
    return left
