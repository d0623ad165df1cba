"""The alarms of a training run: one call, one answer per question."""

from collections.abc import Iterable
from dataclasses import dataclass

from .alarm_types import Alarm, LoggedRows
from .overlap import never_logged, no_overlap, thin_support
from .placebo import placebo
from .response import ResponseModel
from .reverse_causation import reverse_causation

__all__ = ["Alarm", "AlarmOptions", "LoggedRows", "raise_refusals", "training_alarms"]


@dataclass(frozen=True)
class AlarmOptions:
    """How loud the alarms are.

    Parameters
    ----------
    level : float
        Chance of a false alarm of each statistical question, over everything that it looks at.
    confidence : float
        Of intervals.
    benchmark_features : int
        Covariates against which the strength of an unmeasured one is measured; each costs one fit of the propensity.
    seed : int
    """

    level: float = 0.001
    confidence: float = 0.95
    benchmark_features: int = 3
    seed: int = 0


def training_alarms(model: ResponseModel, rows: LoggedRows, options: AlarmOptions | None = None) -> tuple[Alarm, ...]:
    """Ask a fitted model's log every question, and return every answer, those that ring first.

    Parameters
    ----------
    model : ResponseModel
        Freshly fitted on `rows`: its out-of-fold predictions are looked at.
    rows : LoggedRows
        `LoggedRows.of_table(table)`, `LoggedRows.of_flat(table)` or `LoggedRows.of(X, y, arm=..., arms=...)`.
    options : AlarmOptions, optional

    Returns
    -------
    tuple of Alarm
    """
    options = options or AlarmOptions()
    e = rows.chances(model)
    found = [
        never_logged(rows),
        no_overlap(rows, e, seed=options.seed),
        thin_support(rows, e),
        reverse_causation(rows, e, model.out_of_fold, options.level),
        placebo(rows, e, model.out_of_fold, options.level),
    ]
    return tuple(sorted(found, key=lambda alarm: _ORDER.index(alarm.severity)))


def raise_refusals(alarms: Iterable[Alarm]) -> None:
    """Raise the first refusal that is about every comparison, if there is one.

    Raises
    ------
    Refusal
        Of the alarm's own type.
    """
    for alarm in alarms:
        if alarm.refusal is not None and not alarm.arms:
            raise alarm.refusal


_ORDER = ("refuse", "warn", "ok")
