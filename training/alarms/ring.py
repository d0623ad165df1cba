"""The alarms of a training run: one call, one answer per question."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..alarm import Alarm
from ..inputs import Floats
from ..response import ResponseModel
from .confounder_strength import confounder_strength
from .effect_calibration import calibrated_effects, comparable, greedy, reference_arm
from .logged_rows import LoggedRows
from .overlap import never_logged, no_overlap
from .placebo import placebo
from .reverse_causation import reverse_causation
from .sensitivity import SensitivityData, gain_alarm, sensitivity
from .thin_support import thin_support

__all__ = ["Alarm", "AlarmOptions", "LoggedRows", "raise_refusals", "training_alarms"]


@dataclass(frozen=True)
class AlarmOptions:
    """How loud the alarms are.

    Parameters
    ----------
    level : float
        Chance of a false alarm of each statistical question, over everything that it looks at; but for effect calibration,
        which only warns and asks at `confidence`.
    confidence : float
        Of intervals.
    benchmark_features : int
        Covariates against which the strength of an unmeasured one is measured; each costs one fit of the propensity.
    seed, threads : int
    """

    level: float = 0.001
    confidence: float = 0.95
    benchmark_features: int = 3
    seed: int = 0
    threads: int = 1


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
    e, response = rows.chances(model), model.out_of_fold
    found = [
        never_logged(rows),
        no_overlap(rows, e, seed=options.seed),
        thin_support(rows, e),
        reverse_causation(rows, e, response, options.level),
        placebo(rows, e, response, options.level),
        calibrated_effects(rows, e, response, options.confidence),
        _sensitivity(rows, e, response, options),
    ]
    return tuple(sorted(found, key=lambda alarm: _ORDER.index(alarm.severity)))


def _sensitivity(rows: LoggedRows, e: Floats, response: Floats, options: AlarmOptions) -> Alarm:
    """Ask how strong a confounder would take away what the model's own choices gain over the reference arm."""
    one_hot, reference = np.eye(len(rows.arms)), reference_arm(rows)
    data = SensitivityData(
        policy=one_hot[greedy(rows, e, response)],
        versus=np.tile(one_hot[reference], (len(rows), 1)),
        codes=rows.codes,
        y=rows.y,
        taken=e[np.arange(len(rows)), rows.codes] if rows.stated is None else rows.stated.taken,
        response=response,
        groups=rows.groups,
    )
    found = sensitivity(data, options.confidence)
    wanted = options.benchmark_features if found.zero_low > 1 else 0
    benchmark = confounder_strength(rows, wanted, options.threads, options.seed)
    what = f"the model's choices over '{rows.arms.names[reference]}'"
    if not comparable(rows, e).all():
        what += " (among rows that could have had it)"
    return gain_alarm(found, benchmark, stated=rows.stated is not None, what=what)


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
