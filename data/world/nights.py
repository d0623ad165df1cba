"""The night of a world: who is decided upon, what the policy sees, what it draws."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ..errors import Fault, InvalidInput
from ..policies import Policy, Situation
from .hazards import Bools
from .loans import PRODUCTS
from .people import PLACES, SEGMENTS, Floats, Ints
from .record import NO_TIME
from .run import STATUS, Run
from .snapshot import Snapshot
from .state import ACTIVE, NOBODY, burden_of, days_past_due, instalment_of

DE_MINIMIS_CENTS = 100
_TOLERANCE = 1e-9


@dataclass
class DecisionLog:
    """Decisions as they are taken.

    Parameters
    ----------
    policy : Policy
        Decides.
    borrower_id : ndarray of str of shape (people,)
    nights : list of Snapshot
        One per night with decisions.
    """

    policy: Policy
    borrower_id: np.ndarray
    nights: list[Snapshot] = field(default_factory=list)
    count: int = 0

    def decide(self, run: Run, day: int) -> None:
        """Decide for everyone who is overdue by the booked ledger and free of commitments, promises and stops."""
        state = run.state
        end_windows(run, day)
        report_to_bureau(run, day)
        free = state.alive & (state.phase == NOBODY) & (state.free_from <= day)
        rows = np.flatnonzero(free & (state.overdue_posted > DE_MINIMIS_CENTS))
        dpd = days_past_due(run.setting, rows, state.posted_total[rows], day)
        gone = dpd > run.setting.spec.operations.write_off_after
        write_off(run, day, rows[gone])
        if not gone.all():
            self._draw(run, day, rows[~gone], dpd[~gone])

    def _draw(self, run: Run, day: int, rows: Ints, dpd: Ints) -> None:
        setting = run.setting
        lawful = lawful_arms(run, rows)
        situation = Situation(self.observe(run, day, rows, dpd), setting.arms, lawful)
        shares = checked(self.policy.propensities(situation), lawful, self.policy.name)
        arm = hand_out(run, rows, shares) if setting.spec.insight else draw_from(shares, run.rng.random(len(rows)))
        self.nights.append(commit(run, day, rows, arm, (lawful, shares)))
        run.state.decision[rows] = self.count + np.arange(len(rows))
        self.count += len(rows)

    def observe(self, run: Run, day: int, rows: Ints, dpd: Ints) -> pd.DataFrame:
        """Return what the bank can see of the people it decides on, all of it from the tables known before the night.

        Beside the obvious: `contacts_30d` counts outbound contacts of the last thirty days; `self_cured_share` is the share of
        earlier overdue spells (nights overdue in a row by the booked ledger) that ended without an outbound contact, missing
        where there was none; `instalment_amount` is the newest month's dues; `last_arm` is empty before the first decision.
        """
        state, people, setting = run.state, run.setting.people, run.setting
        open_ = setting.loans.open_slots(rows, day) & ~state.closed[rows]
        product = setting.loans.product[rows, open_.argmax(axis=1)]
        spells = state.spells[rows]
        with np.errstate(invalid="ignore"):
            cured = np.where(spells > 0, state.self_cured[rows] / np.maximum(spells, 1), np.nan)
        night = pd.Timestamp(int(setting.calendar.night_us(day)), unit="us", tz="UTC").as_unit("us")
        return pd.DataFrame(
            {
                "borrower_id": self.borrower_id[rows],
                "as_of": pd.DatetimeIndex([night]).repeat(len(rows)),
                "days_past_due": dpd,
                "overdue_amount": state.overdue_posted[rows] / 100.0,
                "instalment_amount": instalment_of(setting, rows, day) / 100.0,
                "open_loans": open_.sum(axis=1),
                "segment": _category(people.segment[rows], SEGMENTS),
                "product": _category(product, PRODUCTS),
                "jurisdiction": _category(_JURISDICTION[people.place[rows]], _JURISDICTIONS),
                "birth_year": people.birth_year[rows],
                "contacts_30d": state.recent[:, rows].sum(axis=0),
                "spells": spells,
                "self_cured_share": cured,
                "broken_promises": state.broken_promises[rows],
                "earlier_commitments": state.commitments[rows],
                "last_arm": _category(state.last_arm[rows] + 1, ["", *setting.arms.names]),
            }
        )


_JURISDICTIONS = list(dict.fromkeys(place[0] for place in PLACES))
_JURISDICTION = np.array([_JURISDICTIONS.index(place[0]) for place in PLACES])


def _category(codes: Ints, values: Sequence[str]) -> "pd.Categorical[str]":
    return pd.Categorical.from_codes([int(code) for code in codes], pd.Index(values))


def end_windows(run: Run, day: int) -> None:
    """Close the windows whose horizon ends tonight; a promise may run on."""
    state = run.state
    over = state.in_window & (state.start + run.setting.spec.horizon_days <= day)
    state.start[over] = -1
    state.phase[over & (state.countdown <= 0)] = NOBODY


def lawful_arms(run: Run, rows: Ints) -> Bools:
    """Return which arms use no channel that the person has opted out of, of shape (len(rows), K)."""
    uses = run.setting.plan.any(axis=1)
    return np.asarray(~(run.state.blocked[rows].astype(np.int64) @ uses.T.astype(np.int64) > 0))


def draw_from(shares: Floats, draw: Floats) -> Ints:
    """Return the position of the arm on which each draw between 0 and 1 falls, of shape (n,)."""
    # A share of zero is never drawn: the first sum above the draw belongs to an arm with a share.
    arm = (draw[:, None] >= shares.cumsum(axis=1)).sum(axis=1)
    return np.asarray(np.minimum(arm, shares.shape[1] - 1 - (shares[:, ::-1] > 0).argmax(axis=1)))


def hand_out(run: Run, rows: Ints, shares: Floats) -> Ints:
    """Return the arms as people hand them out who know more than the tables: the heavier ones to those with means.

    Every arm keeps its share of the night's cases, since a random member of the night has a uniform place in its order; only
    who gets which is not left to chance.
    """
    rng, insight, n = run.rng, run.setting.spec.insight, len(rows)
    place = run.setting.people.unseen_means[rows].argsort().argsort()
    known = ndtri((place + rng.random(n)) / n)
    draw = ndtr(insight * known + np.sqrt(1.0 - insight**2) * rng.normal(size=n))
    by_dose = np.argsort(run.setting.arms.intensity, kind="stable")
    return np.asarray(by_dose[draw_from(shares[:, by_dose], draw)])


def commit(run: Run, day: int, rows: Ints, arm: Ints, choice: tuple[Bools, Floats]) -> Snapshot:
    """Begin commitments, and return the state they began in."""
    state = run.state
    owed = np.maximum(state.owed[rows], 0).sum(axis=1)
    snapshot = Snapshot(
        person=rows,
        day=np.full(len(rows), day),
        arm=arm,
        dpd=days_past_due(run.setting, rows, state.paid_total[rows], day),
        burden=burden_of(run.setting, rows, owed, day),
        load=state.load[rows],
        nudged=state.nudged[rows],
        owed=state.owed[rows],
        due_total=state.due_total[rows],
        posted_total=state.posted_total[rows],
        paid_total=state.paid_total[rows],
        handled=state.handled[rows],
        lawful=choice[0],
        propensity=choice[1],
    )
    state.phase[rows], state.start[rows], state.arm[rows] = ACTIVE, day, arm
    state.countdown[rows] = 0
    state.goal[rows], state.dpd[rows], state.burden[rows] = snapshot.due_total, snapshot.dpd, snapshot.burden
    state.commitments[rows] += 1
    state.last_arm[rows] = arm
    return snapshot


def write_off(run: Run, day: int, rows: Ints) -> None:
    """Take all loans of people out of what is collected here, for good; loans not yet opened never open."""
    state = run.state
    state.alive[rows] = False
    begun = run.setting.loans.open_slots(rows, day)
    left = begun & ~state.closed[rows]
    # Whose last payment has not been booked loses the newest loan all the same: the bank knows no better.
    opened = np.where(begun, run.setting.loans.opened_day[rows], np.iinfo(np.int64).min)
    newest = begun & (opened == opened.max(axis=1, keepdims=True))
    at, slot = np.nonzero(np.where(left.any(axis=1, keepdims=True), left, newest))
    _loan_status(run, day, rows[at], slot, "written_off")


def report_to_bureau(run: Run, day: int) -> None:
    """Report, once in each overdue spell, those overdue by the booked ledger for longer than the world's limit, if any."""
    after, state = run.setting.spec.repayment.bureau_after, run.state
    if after is None:
        return
    overdue = state.alive & (state.overdue_posted > DE_MINIMIS_CENTS)
    state.reported &= overdue
    rows = np.flatnonzero(overdue & ~state.reported)
    new = rows[days_past_due(run.setting, rows, state.posted_total[rows], day) > after]
    state.reported[new] = True
    _loan_status(run, day, new, np.full(len(new), -1), "bureau_reported")


def _loan_status(run: Run, day: int, person: Ints, slot: Ints, kind: str) -> None:
    # A second before the nightly run: known to it.
    at = int(run.setting.calendar.night_us(day)) - 1_000_000
    run.record.add("statuses", person=person, slot=slot, kind=STATUS[kind], channel=-1, at=at, until=NO_TIME, known=at)


def checked(shares: Floats, lawful: Bools, name: str) -> Floats:
    """Return a policy's probabilities, or refuse them.

    Raises
    ------
    InvalidInput
        Where they are not probabilities over the lawful arms.
    """
    faults = []
    if shares.shape != lawful.shape:
        faults.append(Fault(f"policy '{name}'", f"probabilities of shape {lawful.shape}", f"{shares.shape}", ""))
    else:
        off = np.abs(shares.sum(axis=1) - 1.0) > 1e-6
        if off.any():
            faults.append(Fault(f"policy '{name}'", "rows that sum to 1", f"{int(off.sum())} that do not", ""))
        if (shares < 0).any() or (shares[~lawful] > _TOLERANCE).any():
            faults.append(Fault(f"policy '{name}'", "nothing below 0 or on unlawful arms", "some", ""))
    if faults:
        raise InvalidInput(faults)
    return shares
