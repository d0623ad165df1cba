"""What an alarm is: one question asked of a log, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from ..data.errors import Refusal

Severity = Literal["refuse", "warn", "ok"]


@dataclass(frozen=True)
class Alarm:
    """One question asked of the log, and its answer.

    Parameters
    ----------
    name : str
        Of the question, such as "no overlap".
    severity : {"refuse", "warn", "ok"}
        "refuse": the data cannot answer what the model would claim, about `arms`, or about all where there are none.
    reason : str
        What was expected, what was found, where, and what to do; for "ok" what was looked at.
    figures : dict of str to float or str
        Plain values for a tracker.
    arms : tuple of str
        The arms that a refusal is about; empty where it is about every comparison.
    table : DataFrame, optional
        The figures in full.
    refusal : Refusal, optional
        What `raise_refusals` raises.
    """

    name: str
    severity: Severity
    reason: str
    figures: Mapping[str, float | int | str] = field(default_factory=dict)
    arms: tuple[str, ...] = ()
    table: pd.DataFrame | None = None
    refusal: Refusal | None = None

    @property
    def rings(self) -> bool:
        """Whether the reader has something to do."""
        return self.severity != "ok"

    def __str__(self) -> str:
        return f"{self.severity}: {self.name}: {self.reason}"
