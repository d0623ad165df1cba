"""How strict the gate is; a section of the settings file of its own, since it shapes no decision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field

from ...data.errors import Fault
from ...data.settings import Section, parse_model, read_section
from ...policy.house import USUAL


class GateSettings(Section):
    """What a challenger must show on the final fold before it becomes champion.

    Parameters
    ----------
    level : float
        Chance, over all attempts on one fold together, that a challenger passes which is in truth no better.
    rule : str
        The arm of the fixed rule that every champion must beat, projected onto the lawful arms.
    harm_limit : float
        Upper bound, one-sided, that the share of decisions with a complaint or opt-out must stay below.
    calibration_limit : float
        Largest gap of predicted and observed response, root mean square over fifths of the prediction, where half of the
        borrowers respond; at a rate r it is 4 r (1 - r) of that, a fifth of the rate where the rate is low.
    least_supported : float
        Least share of decisions whose arm has comparable data.
    accept_landmarks : bool
        Whether a model may pass, or be judged, where nobody logged decisions and the arms are read off contacts that were made.

    Examples
    --------
    >>> settings = GateSettings()
    >>> [round(settings.level_of(attempt), 4) for attempt in (1, 2, 3)]
    [0.025, 0.0083, 0.0042]
    """

    level: float = Field(default=0.05, gt=0, lt=0.5)
    rule: str = USUAL
    harm_limit: float = Field(default=0.02, gt=0, le=1)
    calibration_limit: float = Field(default=0.05, gt=0, le=1)
    least_supported: float = Field(default=0.8, ge=0, le=1)
    accept_landmarks: bool = False

    def rule_faults(self, arms: Sequence[str]) -> list[Fault]:
        """Return what is wrong with the fixed rule, for a catalogue of arms."""
        if self.rule in arms:
            return []
        remedy = "Name the arm of the fixed rule that a champion must beat."
        return [Fault("gate.rule", f"one of {', '.join(arms)}", repr(self.rule), remedy)]

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read the `gate` section of a settings file, all faults at once; the defaults where it has none."""
        return parse_model(cls, read_section(path, "gate", {}) or {}, f"{path}: gate")

    def level_of(self, attempt: int) -> float:
        """Return the one-sided level of an attempt on a fold: level / (attempt (attempt + 1)).

        Whoever tries often enough on one fold passes by luck. The levels of all attempts, however many there will be, sum to
        `level`, so the chance that any of them passes by luck stays below it; the first has half of it, which is the usual
        two-sided 95% interval.

        Parameters
        ----------
        attempt : int
            1 for the first candidate that was judged on the fold or shown by it, by whichever command.
        """
        return self.level / (attempt * (attempt + 1))
