"""Contacts of a world: who is contacted today, what comes of it, and what is written down."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..vocabulary import CHANNELS, OUTCOMES
from .calendar import SECOND_US
from .hazards import Bools, Standing, load_of, reach_today
from .people import TALK, Floats, Ints
from .run import MINUTE_US, Run

# By channel: outcomes (and their shares) of a contact that got through, of one that did not, and of a dead endpoint. Some
# conversations and some read messages move nobody: reached is not persuaded.
_VOICE: Final = (
    (("conversation", 1.0),),
    (("no_answer", 0.55), ("busy", 0.12), ("voicemail_left", 0.13), ("conversation", 0.20)),
    (("not_connected", 0.7), ("answered_wrong_party", 0.3)),
)
_SCREEN: Final = (
    (("read", 0.7), ("clicked", 0.2), ("replied", 0.1)),
    (("delivered", 0.6), ("sent", 0.22), ("read", 0.18)),
    (("bounced", 1.0),),
)
_SMS: Final = (
    (("delivered", 0.62), ("clicked", 0.2), ("replied", 0.18)),
    (("delivered", 0.85), ("sent", 0.15)),
    (("bounced", 0.8), ("sent", 0.2)),
)
_POST: Final = (
    (("delivered", 0.9), ("replied", 0.1)),
    (("delivered", 0.8), ("sent", 0.2)),
    (("bounced", 1.0),),
)
_BOX: Final = ((("voicemail_left", 1.0),), (("no_answer", 0.5), ("voicemail_left", 0.5)), (("not_connected", 1.0),))
_OUTCOMES: Final = {"sms": _SMS, "letter": _POST, "email": _SCREEN, "app_push": _SCREEN, "im": _SCREEN, "voicemail": _BOX}
_CHANNEL_SECONDS: Final = 300.0  # Two channels on one day are minutes apart.
_INBOUND: Final = np.array([CHANNELS.index(channel) for channel in ("call", "im", "email")])


def _outcome_table() -> tuple[Floats, Ints]:
    """Return cumulated shares and outcome positions, each of shape (channels, 3, outcomes a cell at most)."""
    width = 4
    shares, words = np.ones((len(CHANNELS), 3, width)), np.zeros((len(CHANNELS), 3, width), dtype=np.int64)
    for c, channel in enumerate(CHANNELS):
        for s, cell in enumerate(_OUTCOMES.get(channel, _VOICE)):
            filled = [*cell, *[(cell[-1][0], 0.0)] * (width - len(cell))]
            shares[c, s] = np.cumsum([share for _, share in filled])
            words[c, s] = [OUTCOMES.index(word) for word, _ in filled]
    return shares, words


_SHARES, _WORDS = _outcome_table()


@dataclass(frozen=True)
class Touch:
    """Today's contacts of some people.

    Parameters
    ----------
    hit, through : ndarray of bool of shape (n, channels)
        Contacted; contacted and moved by it.
    last_second : ndarray of shape (n,)
        Seconds after last night of the last contact; 0 where there was none.
    """

    hit: Bools
    through: Bools
    last_second: Floats


def contact_people(run: Run, day: int, rows: Ints) -> Touch:
    """Carry out what the standing commitments of these people plan for today.

    The contact load grows here, and the bank's counters.
    """
    setting, state, rng = run.setting, run.state, run.rng
    t = day - state.start[rows]
    hit = setting.plan[state.arm[rows], t] & setting.calendar.up[day]
    through, last = np.zeros_like(hit), np.zeros(len(rows))
    some = np.flatnonzero(hit.any(axis=1))
    people, today = rows[some], hit[some]
    reach = reach_today(setting, Standing(people, day, t[some], np.zeros(len(some))))
    through[some] = today & (rng.random(reach.shape) < reach)
    base = setting.calendar.contact_seconds(setting.people.place[people], day, rng) - _CHANNEL_SECONDS * len(CHANNELS)
    seconds = np.maximum(base, 0.0)[:, None] + _CHANNEL_SECONDS * np.arange(1, len(CHANNELS) + 1)
    last[some] = (seconds * today).max(axis=1, initial=0.0)
    state.load[people] += load_of(today)
    state.recent[day % len(state.recent), people] += today.sum(axis=1)
    state.contacted[people] = True
    _write(run, day, people, today, through[some], seconds)
    return Touch(hit, through, last)


def _write(run: Run, day: int, people: Ints, hit: Bools, through: Bools, seconds: Floats) -> None:
    at, channel = np.nonzero(hit)
    person, rng = people[at], run.rng
    dead = day >= run.setting.people.dead_day[person, channel]
    cell = np.where(dead, 2, np.where(through[at, channel], 0, 1))
    draw = rng.random(len(at))
    picked = (draw[:, None] > _SHARES[channel, cell]).sum(axis=1).clip(0, _SHARES.shape[2] - 1)
    instant = run.instant(day, seconds[at, channel])
    run.record.add(
        "contacts",
        person=person,
        decision=run.state.decision[person],
        channel=channel,
        inbound=0,
        at=instant,
        outcome=_WORDS[channel, cell, picked],
        # A call is known when it is over; a message's fate comes back from the provider within minutes.
        known=instant + (rng.uniform(20, 1_200, len(at)) * SECOND_US).astype(np.int64),
    )


def inbound_contacts(run: Run, day: int) -> None:
    """Let some overdue people call or write of their own accord; it changes nothing in who pays."""
    state, rng = run.state, run.rng
    rows = np.flatnonzero(state.overdue & state.alive)
    rows = rows[rng.random(len(rows)) < run.setting.spec.operations.inbound_rate]
    seconds = run.setting.calendar.contact_seconds(run.setting.people.place[rows], day, rng)
    at = run.instant(day, seconds)
    channel = rng.choice(_INBOUND, len(rows))
    outcome = np.where(TALK[channel], OUTCOMES.index("conversation"), OUTCOMES.index("replied"))
    run.record.add(
        "contacts", person=rows, decision=-1, channel=channel, inbound=1, at=at, outcome=outcome, known=at + MINUTE_US
    )
