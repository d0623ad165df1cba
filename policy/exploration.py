"""Exploration: lawful arms drawn with known probabilities, so that tonight's decisions can teach.

The whole vector of probabilities is computed first, then one number that belongs to borrower and night picks from it. So the
probability that is logged is exactly the one that was used, and a draw replays on any machine, in any order, in any batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..data.clock import as_utc
from ..data.errors import Fault, InvalidInput
from .choice import Choice
from .reasons import Reason
from .sections import ExplorationSettings

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Positions = NDArray[np.int64]

_BITS: Final = 53  # what a double holds without rounding


@dataclass(frozen=True)
class Draws:
    """The chance of one night, a number for each borrower.

    Parameters
    ----------
    uniform : ndarray of shape (n,)
        In [0, 1): where in the probabilities of the arms the draw falls.
    held_out : ndarray of shape (n,)
        Whether the borrower is in the holdout of this epoch.
    holdout_odds : ndarray of shape (n,)
        P(in the holdout), given the borrower's decisions so far.
    """

    uniform: Floats
    held_out: Flags
    holdout_odds: Floats

    @classmethod
    def of(cls, borrower_ids: Sequence[str], as_of: datetime, settings: ExplorationSettings) -> "Draws":
        """Return the draws of a night without a holdout."""
        n = len(borrower_ids)
        return cls(uniforms(borrower_ids, night_key(as_of), settings.salt), np.zeros(n, dtype=bool), np.zeros(n))


@dataclass(frozen=True)
class Explored:
    """What came of a draw.

    Parameters
    ----------
    arm : ndarray of shape (n,)
        Position of the arm given.
    propensity : ndarray of shape (n, K)
        Probability with which each arm was drawn: exact, and what is logged.
    reasons : list of tuple of str, length n
        Those of the choice where the draw fell on its arm.
    """

    arm: Positions
    propensity: Floats
    reasons: list[tuple[str, ...]]


def night_key(as_of: datetime) -> str:
    """Return what names a night in a digest: its instant in UTC, to the microsecond."""
    return as_utc(as_of).isoformat(timespec="microseconds")


def uniforms(borrower_ids: Sequence[str], occasion: str, salt: str, stream: str = "arm") -> Floats:
    """Return a number in [0, 1) for each borrower, from a digest of borrower, occasion and salt.

    Parameters
    ----------
    borrower_ids : sequence of str of shape (n,)
    occasion : str
        What else the draw belongs to, such as a night.
    salt : str
    stream : str, optional
        Draws of different streams are independent.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> bool(uniforms(["b1", "b2"], "2026-11-20", "x")[1] == uniforms(["b2"], "2026-11-20", "x")[0])
    True
    """
    # Lengths go before texts, so that no two different occasions spell the same bytes.
    head = "".join(f"{len(part)}:{part}|" for part in (stream, salt, occasion)).encode()
    begun = blake2b(head, digest_size=8)
    return np.array([_number(begun, str(one)) for one in borrower_ids], dtype=np.float64)


def _number(begun: Any, borrower_id: str) -> float:
    digest = begun.copy()
    digest.update(borrower_id.encode())
    return float((int.from_bytes(digest.digest(), "big") >> (64 - _BITS)) * 2.0**-_BITS)


def arm_shares(
    given: Positions, value: Any, lawful: Flags, rated: Flags, settings: ExplorationSettings, share: float | None = None
) -> Floats:
    """Return the probability of every arm for each borrower, before any holdout.

    Every lawful arm has the floor; of the rest, `share` goes to a softmax over the values of the rated arms (the price of
    contacts taken off), and the remainder to the arm that the choice gives.

    Parameters
    ----------
    given : ndarray of shape (n,)
        Position of the arm that the choice gives; lawful.
    value : array-like of shape (n, K)
        Account currency; looked at where `rated`.
    lawful : ndarray of shape (n, K)
    rated : ndarray of shape (n, K)
        Arms whose value is trusted. Where a borrower has none the softmax's part goes to the given arm.
    settings : ExplorationSettings
    share : float, optional
        In place of the settings' share.

    Returns
    -------
    ndarray of shape (n, K)
        Rows sum to 1; 0 where the arm is not lawful.

    Raises
    ------
    InvalidInput
        Where the floor is too high for that many arms.
    """
    n, K = lawful.shape
    if settings.floor * K > 1:
        remedy = "Lower the floor, or retire arms."
        raise InvalidInput([Fault("exploration.floor", f"at most {1 / K:.4g} for {K} arms", f"{settings.floor:g}", remedy)])
    part = settings.share if share is None else share
    trusted = lawful & rated
    chosen = np.zeros((n, K))
    chosen[np.arange(n), given] = 1.0
    some = np.asarray(trusted.any(axis=1))
    soft = np.where(some[:, None], _softmax(value, trusted, settings.temperature), chosen)
    free = 1.0 - settings.floor * lawful.sum(axis=1, keepdims=True)
    shares = np.where(lawful, settings.floor, 0.0) + free * ((1.0 - part) * chosen + part * soft)
    mixed: Floats = shares / shares.sum(axis=1, keepdims=True)
    return mixed


def _softmax(value: Any, among: Flags, temperature: float) -> Floats:
    worth = np.where(among, np.asarray(value, dtype=np.float64), -np.inf)
    top = worth.max(axis=1, keepdims=True, initial=-np.inf)
    weight = np.exp((worth - np.where(np.isfinite(top), top, 0.0)) / temperature)
    total = weight.sum(axis=1, keepdims=True)
    result: Floats = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return result


def with_holdout(shares: Floats, odds: Floats) -> Floats:
    """Return the probabilities of the arms where a borrower may be in the holdout, whose members get no contact.

    Parameters
    ----------
    shares : ndarray of shape (n, K)
        Of those who are not in it.
    odds : ndarray of shape (n,)
        P(in the holdout), given the borrower's decisions so far.
    """
    mixed: Floats = (1.0 - odds)[:, None] * shares
    mixed[:, 0] += odds
    return mixed


def draw(shares: Floats, uniform: Floats) -> Positions:
    """Return the arm on which each draw falls, of shape (n,).

    Parameters
    ----------
    shares : ndarray of shape (n, K)
        Rows sum to 1.
    uniform : ndarray of shape (n,)
        In [0, 1).

    Examples
    --------
    >>> draw(np.array([[0.2, 0.0, 0.8]] * 3), np.array([0.1, 0.2, 0.999])).tolist()
    [0, 2, 2]
    """
    passed = (uniform[:, None] >= shares.cumsum(axis=1)).sum(axis=1)
    # Rounding may leave the last sum a hair below 1: what falls beyond it belongs to the last arm that has a share.
    last = shares.shape[1] - 1 - (shares[:, ::-1] > 0).argmax(axis=1)
    return np.asarray(np.minimum(passed, last), dtype=np.int64)


def explore(choice: Choice, shares: Floats, draws: Draws | None) -> Explored:
    """Draw an arm for each borrower.

    Parameters
    ----------
    choice : Choice
        What would be given without exploration.
    shares : ndarray of shape (n, K)
        From `arm_shares`.
    draws : Draws or None
        None gives the choice's own arm, with certainty.
    """
    if draws is None:
        return Explored(choice.arm, np.eye(shares.shape[1])[choice.arm], choice.reasons)
    arm = np.where(draws.held_out, 0, draw(shares, draws.uniform)).astype(np.int64)
    told: dict[bool, tuple[str, ...]] = {True: (str(Reason.HOLDOUT),), False: (str(Reason.EXPLORED),)}
    reasons = [
        why if given == chosen else told[bool(held)]
        for given, chosen, held, why in zip(arm, choice.arm, draws.held_out, choice.reasons, strict=True)
    ]
    return Explored(arm, with_holdout(shares, draws.holdout_odds), reasons)
