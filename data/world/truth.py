"""The truth of a world: response and harm of every arm for every decision, by recursion over the days of the commitment."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arms import ArmCatalogue
from ..errors import Fault, InvalidInput
from .hazards import (
    Bools,
    Setting,
    day_odds,
    load_of,
    promised_chance,
    quiet_chance,
    reach_today,
    silence,
)
from .people import Floats, Ints
from .snapshot import Snapshot

_CHUNK = 2_048  # Decisions at a time: keeps the arrays of a day inside the processor's cache.


@dataclass(frozen=True)
class Truth:
    """What nobody outside a world knows.

    Parameters
    ----------
    decision_id : ndarray of str of shape (n,)
        Rows of the decision log, in its order.
    arms : ArmCatalogue
        K arms.
    response : ndarray of shape (n, K)
        P(repaid within the horizon) under each arm; NaN where `already_paid`.
    harm : ndarray of shape (n, K)
        P(complaint or opt-out within the horizon) under each arm; NaN where `already_paid`.
    lawful : ndarray of bool of shape (n, K)
        Arms that could be given.
    propensity : ndarray of shape (n, K)
        Probabilities with which the arm was drawn.
    taken : ndarray of shape (n,)
        Position of the arm given.
    recoverable : ndarray of shape (n,)
        Truly overdue at as_of, account currency.
    already_paid : ndarray of bool of shape (n,)
        The person had paid, and the bank had not booked it.
    """

    decision_id: NDArray[np.object_]
    arms: ArmCatalogue
    response: Floats
    harm: Floats
    lawful: Bools
    propensity: Floats
    taken: Ints
    recoverable: Floats
    already_paid: Bools

    def __len__(self) -> int:
        return len(self.taken)

    def take(self, rows: ArrayLike) -> Self:
        """Return the truth of the decisions at these positions (or where a mask is true)."""
        at = np.asarray(rows)
        parts = {name: getattr(self, name)[at] for name in self.__dataclass_fields__ if name != "arms"}
        return type(self)(arms=self.arms, **parts)

    def value(self, policy: ArrayLike, value: Floats | None = None) -> float:
        """Return the true mean value of a policy over the decisions that have a truth.

        Parameters
        ----------
        policy : array-like of shape (n,) or (n, K)
            Arm names, or probabilities over the arms.
        value : ndarray of shape (n, K), optional
            Value of each arm for each decision; the response by default.
        """
        known = ~self.already_paid
        worth = self.response if value is None else np.asarray(value, dtype=np.float64)
        shares = self._shares(policy)
        return float((shares[known] * worth[known]).sum(axis=1).mean())

    def oracle(self, value: Floats | None = None) -> NDArray[np.object_]:
        """Return the best lawful arm of each decision, of shape (n,), by name."""
        worth = np.where(self.lawful, self.response if value is None else value, -np.inf)
        worth = np.where(self.already_paid[:, None], np.where(np.arange(len(self.arms)) == 0, 1.0, 0.0), worth)
        return np.asarray(np.array(self.arms.names, dtype=object)[worth.argmax(axis=1)])

    def constant(self, arm: str) -> NDArray[np.object_]:
        """Return the policy that gives one arm wherever it is lawful and the fallback elsewhere, of shape (n,)."""
        k = self.arms.index(arm)
        names = np.array([self.arms.fallback, arm], dtype=object)
        return np.asarray(names[self.lawful[:, k].astype(np.int64)])

    def best_constant(self, value: Floats | None = None) -> str:
        """Return the arm that is worth most when given to everyone to whom it may be given."""
        worths = [self.value(self.constant(arm), value) for arm in self.arms.names]
        return self.arms.names[int(np.argmax(worths))]

    def _shares(self, policy: ArrayLike) -> Floats:
        given = np.asarray(policy)
        n, k = self.response.shape
        if given.shape == (n, k):
            return given.astype(np.float64)
        if given.shape != (n,):
            expected = f"({n},) arm names or ({n}, {k}) probabilities"
            raise InvalidInput([Fault("policy", expected, f"shape {given.shape}", "")])
        shares = np.zeros((n, k))
        shares[np.arange(n), self.arms.encode(given)] = 1.0
        return shares


def true_odds(setting: Setting, snapshot: Snapshot) -> tuple[Floats, Floats]:
    """Return response and harm under every arm, each of shape (n, K), for decisions with their state at as_of."""
    n, k = len(snapshot), len(setting.arms)
    response, harm = np.empty((n, k)), np.empty((n, k))
    for first in range(0, n, _CHUNK):
        rows = slice(first, first + _CHUNK)
        response[rows], harm[rows] = _recursion(setting, snapshot.take(rows))
    return response, harm


def _recursion(setting: Setting, start: Snapshot) -> tuple[Floats, Floats]:
    """Go backwards over the days: from the odds of being repaid or harmed later to those one day earlier.

    A person under a commitment is calm or nudged; leaves it by harm, a dispute or hardship, a promise, or payment. The state
    after leaving no longer depends on the arm, so its odds are vectors.
    """
    horizon = setting.spec.horizon_days
    loads = _loads(setting, start)
    left, promised = _after_leaving(setting, start)
    wears = setting.forgets_nudge
    shape = (len(start), len(setting.arms))
    calm, nudged, harm_calm, harm_nudged = (np.zeros(shape) for _ in range(4))
    for t in range(horizon, 0, -1):
        who = start.standing(t)
        hit = setting.plan[None, :, t, :] & setting.calendar.up[start.day + t][:, None, :]
        odds = day_odds(setting, who, loads[t], np.asarray(hit.any(axis=2)))
        talk, text = silence(reach_today(setting, who), hit)
        stays = (1.0 - odds.harm) * (1.0 - odds.leave)
        spoken = 1.0 - talk
        moved = spoken * (1.0 - odds.promise) + talk * (1.0 - text)
        unmoved = talk * text
        # From the end of the day back to the moment before payment: pay, or go on, the nudge worn off or not.
        go_nudged = (1.0 - wears) * nudged + wears * calm
        will_nudged = odds.pay_nudged + (1.0 - odds.pay_nudged) * go_nudged
        will_calm = odds.pay_calm + (1.0 - odds.pay_calm) * calm
        hurt_nudged = (1.0 - odds.pay_nudged) * ((1.0 - wears) * harm_nudged + wears * harm_calm)
        hurt_calm = (1.0 - odds.pay_calm) * harm_calm
        gone = (1.0 - stays) * left[t][:, None] + stays * spoken * odds.promise * promised[t][:, None]
        calm = gone + stays * (moved * will_nudged + unmoved * will_calm)
        nudged = gone + stays * (moved + unmoved) * will_nudged
        harm_calm = odds.harm + stays * (moved * hurt_nudged + unmoved * hurt_calm)
        harm_nudged = odds.harm + stays * (moved + unmoved) * hurt_nudged
    was = start.nudged[:, None]
    return np.where(was, nudged, calm), np.where(was, harm_nudged, harm_calm)


def _loads(setting: Setting, start: Snapshot) -> list[Floats]:
    """Return the contact load on each day of the commitment, of shape (n, K), while it stands."""
    loads = [np.broadcast_to(start.load[:, None], (len(start), len(setting.arms)))]
    for t in range(1, setting.spec.horizon_days + 1):
        hit = setting.plan[None, :, t, :] & setting.calendar.up[start.day + t][:, None, :]
        loads.append(loads[-1] * setting.fading + load_of(hit))
    return loads


def _after_leaving(setting: Setting, start: Snapshot) -> tuple[list[Floats], list[Floats]]:
    """Return, for somebody left alone and for somebody who promises on day t, the odds of paying after day t."""
    horizon, runs = setting.spec.horizon_days, setting.spec.repayment.promise_days
    days = range(1, horizon + 1)
    quiet = [np.empty(0), *(1.0 - quiet_chance(setting, start.standing(t))[:, 0] for t in days)]
    promised = [np.empty(0), *(1.0 - promised_chance(setting, start.standing(t))[:, 0] for t in days)]
    one = np.ones(len(start))
    unpaid = [one] * (horizon + 1)
    for t in range(horizon - 1, -1, -1):
        unpaid[t] = unpaid[t + 1] * quiet[t + 1]
    unkept = []
    for t in range(horizon + 1):
        last = min(t + runs, horizon)
        unkept.append(np.prod([one, *promised[t + 1 : last + 1]], axis=0) * unpaid[last])
    return [1.0 - share for share in unpaid], [1.0 - share for share in unkept]
