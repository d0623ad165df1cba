"""Living through decisions again: the engine itself, from the state at as_of, under a forced arm."""

from dataclasses import replace

import numpy as np

from ..vocabulary import STATUS_KINDS
from .engine import Engine
from .hazards import Setting
from .nights import commit
from .people import Floats, Ints
from .record import Recorder
from .snapshot import Snapshot
from .state import State

_HARMS = [STATUS_KINDS.index(kind) for kind in ("complaint", "opt_out")]


def replay_decisions(
    setting: Setting, snapshot: Snapshot, arm: int, repeats: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return how often each decision of a snapshot was repaid, and how often harmed, within the horizon.

    The same engine that drew the events runs from the stored states, so that everything it does (dues that fall due
    meanwhile, parts, promises, late postings) has its chance to contradict the truth.
    """
    repaid, harmed = np.zeros(len(snapshot)), np.zeros(len(snapshot))
    for day in np.unique(snapshot.day):
        rows = np.flatnonzero(snapshot.day == day)
        again = np.repeat(rows, repeats)
        paid, hurt = _live(setting, snapshot.take(again), int(day), arm, rng)
        repaid[rows] = paid.reshape(len(rows), repeats).mean(axis=1)
        harmed[rows] = hurt.reshape(len(rows), repeats).mean(axis=1)
    return repaid, harmed


def _live(setting: Setting, start: Snapshot, day: int, arm: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    here = replace(setting, people=setting.people.take(start.person), loans=setting.loans.take(start.person))
    run = Engine(here, State.restored(start, len(setting.spec.operations.posting_lag)), Recorder(), rng)
    everyone = np.arange(len(start))
    commit(run, day, everyone, np.full(len(start), arm), (start.lawful, start.propensity))
    paid = np.zeros(len(start), dtype=np.int64)
    for ahead in range(1, setting.spec.horizon_days + 1):
        run.step(day + ahead)
        paid |= run.state.paid_total >= start.due_total
    events = run.record.columns("statuses")
    hurt = np.zeros(len(start), dtype=np.int64)
    hurt[events["person"][np.isin(events["kind"], _HARMS)]] = 1
    return paid, hurt
