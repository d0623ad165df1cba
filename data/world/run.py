"""A world while it runs, as its parts share it."""

from dataclasses import dataclass, field

import numpy as np

from ..vocabulary import STATUS_KINDS
from .calendar import SECOND_US
from .hazards import Setting
from .people import Floats, Ints
from .record import NO_TIME, Recorder
from .state import State

STATUS = {kind: i for i, kind in enumerate(STATUS_KINDS)}
MINUTE_US = 60 * SECOND_US


@dataclass
class Run:
    """A world while it runs.

    Parameters
    ----------
    setting : Setting
    state : State
    record : Recorder
    rng : numpy.random.Generator
    bounces : dict
        Day to people and months whose on-time payments bounce on that day.
    """

    setting: Setting
    state: State
    record: Recorder
    rng: np.random.Generator
    bounces: dict[int, list[tuple[Ints, Ints]]] = field(default_factory=dict)

    def instant(self, day: int, seconds: Floats) -> Ints:
        """Return the instants a number of seconds after night day - 1, microseconds since 1970 UTC."""
        return np.asarray(self.setting.calendar.night_us(day - 1) + (seconds * SECOND_US).astype(np.int64))

    def status(self, rows: Ints, kind: Ints | int, at: Ints | int, until: Ints | int = NO_TIME) -> None:
        """Write down status events of people, known at once."""
        self.record.add("statuses", person=rows, slot=-1, kind=kind, channel=-1, at=at, until=until, known=at)
