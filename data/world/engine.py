"""A world from one night to the next: contacts, reactions, payments, dues. All people at once, no loop over them."""

import numpy as np

from ..vocabulary import CHANNELS
from .calendar import DAY_US
from .contacts import contact_people, inbound_contacts
from .hazards import Bools, Standing, day_odds, promised_chance, quiet_chance
from .ledger import book, fall_due, pay_on_time, pay_overdue, pay_partly, reverse
from .people import TALK, Floats, Ints
from .record import NO_TIME
from .run import MINUTE_US, STATUS, Run
from .state import ACTIVE, NOBODY, PROMISED, QUIET, State, burden_of, days_past_due

FOR_GOOD = 1_000_000  # A day that no world reaches.


class Engine(Run):
    """Moves a world on by a day."""

    def step(self, day: int) -> None:
        """Live through the day that ends with night `day`."""
        state = self.state
        book(self, day)
        clear_paid(state)
        state.load *= self.setting.fading
        state.recent[day % len(state.recent)] = 0
        quiet = np.flatnonzero(state.alive & (state.owed.sum(axis=1) > 0) & ~((state.phase == ACTIVE) & ~state.covered))
        paying, after = self._active(day)
        calm = self._quiet(day, quiet)
        pay_overdue(self, day, np.concatenate([paying, calm]), np.concatenate([after, np.zeros(len(calm))]))
        self._count_down(day)
        pay_partly(self, day)
        pay_on_time(self, day)
        reverse(self, day)
        inbound_contacts(self, day)
        worn = state.nudged & (self.rng.random(len(state.nudged)) < self.setting.forgets_nudge)
        state.nudged &= ~worn
        fall_due(self, day)
        clear_paid(state)
        self._count_spells()

    def _active(self, day: int) -> tuple[Ints, Floats]:
        """Contact those under a standing commitment; return who pays today, and after which second of the day."""
        setting, state, rng = self.setting, self.state, self.rng
        rows = np.flatnonzero(state.phase == ACTIVE)
        touch = contact_people(self, day, rows)
        # Those who have paid and are not booked are still contacted, and nothing more can come of it.
        open_ = ~state.covered[rows]
        rows, hit, through, last = rows[open_], touch.hit[open_], touch.through[open_], touch.last_second[open_]
        who = Standing(rows, day, state.dpd[rows] + day - state.start[rows], state.burden[rows])
        odds = day_odds(setting, who, state.load[rows], np.asarray(hit.any(axis=1)))
        draw = rng.random((4, len(rows)))
        harmed = draw[0] < odds.harm
        leaves = ~harmed & (draw[1] < odds.leave)
        promises = ~harmed & ~leaves & (through & TALK).any(axis=1) & (draw[2] < odds.promise)
        stays = ~(harmed | leaves | promises)
        nudged = state.nudged[rows] | through.any(axis=1)
        pays = stays & (draw[3] < np.where(nudged, odds.pay_nudged, odds.pay_calm))
        state.nudged[rows] = nudged & stays
        self._harm(day, rows[harmed], hit[harmed], last[harmed])
        self._leave(day, rows[leaves], last[leaves])
        self._promise(day, rows[promises], last[promises])
        return rows[pays], last[pays]

    def _quiet(self, day: int, rows: Ints) -> Ints:
        """Return who of those that nobody is contacting pays today."""
        setting, state = self.setting, self.state
        inside = state.in_window[rows]
        owed = state.owed[rows].sum(axis=1)
        dpd = np.where(inside, state.dpd[rows] + day - state.start[rows], 0)
        burden = state.burden[rows].copy()
        loose = np.flatnonzero(~inside)
        dpd[loose] = days_past_due(setting, rows[loose], state.paid_total[rows[loose]], day)
        burden[loose] = burden_of(setting, rows[loose], owed[loose], day)
        who = Standing(rows, day, dpd, burden)
        odds = np.where(state.phase[rows] == PROMISED, promised_chance(setting, who), quiet_chance(setting, who))
        return rows[self.rng.random(len(rows)) < odds]

    def _harm(self, day: int, rows: Ints, hit: Bools, last: Floats) -> None:
        state, friction, rng = self.state, self.setting.spec.friction, self.rng
        at = self.instant(day, last) + (rng.uniform(2, 50, len(rows)) * MINUTE_US).astype(np.int64)
        complains = rng.random(len(rows)) < friction.complaint_share
        everything = ~complains & (rng.random(len(rows)) < friction.opt_out_all_share)
        channel = len(CHANNELS) - 1 - hit[:, ::-1].argmax(axis=1)
        kind = np.where(complains, STATUS["complaint"], STATUS["opt_out"])
        self.record.add(
            "statuses", person=rows, slot=-1, kind=kind, channel=np.where(complains | everything, -1, channel), at=at,
            until=NO_TIME, known=at,
        )  # fmt: skip
        one = ~complains & ~everything
        state.blocked[rows[one], channel[one]] = True
        self._set_quiet(rows)
        state.free_from[rows[everything]] = FOR_GOOD
        self._resolve_later(day, rows[complains])

    def _leave(self, day: int, rows: Ints, last: Floats) -> None:
        """Note disputes, resolved after some weeks, and hardship, which runs for sixty days."""
        rng = self.rng
        # After the last contact of the day: a notice ends contact.
        at = self.instant(day, np.maximum(rng.uniform(3_600, 80_000, len(rows)), last + 60.0))
        disputes = rng.random(len(rows)) < 0.4
        until = np.where(disputes, NO_TIME, at + 60 * DAY_US)
        self.status(rows, np.where(disputes, STATUS["dispute"], STATUS["hardship"]), at, until)
        self._set_quiet(rows)
        self._resolve_later(day, rows[disputes])
        poor = rows[~disputes]
        self.state.free_from[poor] = np.maximum(self.state.free_from[poor], day + 61)

    def _promise(self, day: int, rows: Ints, last: Floats) -> None:
        runs = self.setting.spec.repayment.promise_days
        until = int(self.setting.calendar.night_us(day + runs)) - 60 * MINUTE_US
        self.status(rows, STATUS["promise"], self.instant(day, last + 120), until)
        self._set_quiet(rows)
        self.state.phase[rows] = PROMISED
        self.state.countdown[rows] = runs + 1
        self.state.free_from[rows] = np.maximum(self.state.free_from[rows], day + runs + 1)

    def _count_down(self, day: int) -> None:
        """Let promises run: one day less for each, and a broken promise where the last has passed without payment.

        Comes after the day's payments: one on the last day still keeps the promise.
        """
        state = self.state
        rows = np.flatnonzero(state.phase == PROMISED)
        state.countdown[rows] -= 1
        over = rows[state.countdown[rows] <= 0]
        broken = over[~state.covered[over]]
        at = int(self.setting.calendar.night_us(day)) - 30 * MINUTE_US
        self.status(broken, STATUS["promise_broken"], at)
        state.broken_promises[broken] += 1
        state.phase[over] = np.where(state.in_window[over], QUIET, NOBODY)

    def _set_quiet(self, rows: Ints) -> None:
        """End commitments by a stop; nothing new is decided before the window has run out."""
        state = self.state
        state.phase[rows] = QUIET
        state.nudged[rows] = False
        ends = state.start[rows] + self.setting.spec.horizon_days
        state.free_from[rows] = np.maximum(state.free_from[rows], ends)

    def _resolve_later(self, day: int, rows: Ints) -> None:
        closes = day + self.rng.integers(20, 36, len(rows))
        self.state.free_from[rows] = np.maximum(self.state.free_from[rows], closes + 1)
        at = self.setting.calendar.night_us(closes) - 120 * MINUTE_US
        self.status(rows, STATUS["resolved"], at)

    def _count_spells(self) -> None:
        """Keep the bank's own count of overdue spells and of those that ended without an outbound contact."""
        state = self.state
        now = state.alive & (state.overdue_posted > 0)
        ended = state.overdue & ~now
        state.spells += ended
        state.self_cured += ended & ~state.contacted
        state.contacted &= now
        state.overdue = now


def clear_paid(state: State) -> None:
    """End the commitments, and the windows, of those whose payment has been booked."""
    done = (state.phase == ACTIVE) & (state.posted_total >= state.goal)
    state.phase[done] = NOBODY
    state.start[done] = -1
