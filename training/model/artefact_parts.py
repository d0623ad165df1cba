"""Small records of a fitted response model: when an arm is supported, how wrong a level may be, what a row scores."""

from dataclasses import dataclass

from ...data.errors import Fault, InvalidInput
from ..inputs import Floats, whole_number


@dataclass(frozen=True)
class SupportRule:
    """When an arm has comparable data.

    Parameters
    ----------
    least_rows : int
        Fewest rows of an arm at fit.
    floor : float, optional
        Least propensity at x; without it 0.1 / K, a tenth of an even draw.
    """

    least_rows: int = 100
    floor: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        faults: list[Fault] = []
        whole_number("support.least_rows", self.least_rows, faults, "100 is usual.")
        if self.floor is not None and not 0 <= self.floor < 1:
            faults.append(Fault("support.floor", "at least 0 and below 1, or None", repr(self.floor), "None takes 0.1 / K."))
        if faults:
            raise InvalidInput(faults)
        # Plain numbers: a saved model is text.
        object.__setattr__(self, "least_rows", int(self.least_rows))
        object.__setattr__(self, "floor", None if self.floor is None else float(self.floor))

    def floor_for(self, K: int) -> float:
        """Return the least propensity for a number of arms."""
        return 0.1 / K if self.floor is None else self.floor


@dataclass(frozen=True)
class Support:
    """When an arm has comparable data.

    Parameters
    ----------
    counts : tuple of int
        Rows of each arm at fit.
    least_rows : int
        Fewest rows of an arm.
    floor : float
        Least estimated propensity at x; by default 0.1 / K.
    randomised : bool
        True where the stated odds were the same for everyone: then only the counts matter.
    """

    counts: tuple[int, ...]
    least_rows: int
    floor: float
    randomised: bool


@dataclass(frozen=True)
class Noise:
    """How wrong a borrower's level may be, in log odds.

    Parameters
    ----------
    variance : float
        How much halves of the data disagree, on average over borrowers.
    inflation : float
        Squared error over that disagreement, from a bootstrap: halves agree on what both got wrong.
    """

    variance: float
    inflation: float


@dataclass(frozen=True)
class Score:
    """What every prediction starts from.

    Parameters
    ----------
    F : ndarray of shape (n, p)
        Covariates of the effects.
    raw : ndarray of shape (n, K)
        Log odds by arm before calibration.
    noise : ndarray of shape (n,)
        Variance of the level's log odds.
    """

    F: Floats
    raw: Floats
    noise: Floats
