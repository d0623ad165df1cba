"""An experiment planned from a book: its log says how much is decided, how rewards vary, and what was never tried."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import DAYS_PER_WEEK, ArmCatalogue
from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...data.policies import ConstantPolicy, Situation
from ...policy.settings import PolicySettings
from ...policy.value import arm_value
from ..deciding.decide import decide_logged
from ..registry.bundle import ModelBundle
from ..rows.table import TrainingTable, training_table
from .experiment import SHARES, Design, Question, plan, shrunken
from .settings import GateSettings

# Rows that the variance is taken over: a mean over so many is exact to a percent.
_MOST_ROWS = 50_000
# Share of even draws in a log that is worth a word.
LEAST_EXPLORED = 0.001


@dataclass(frozen=True)
class PlanOptions:
    """What is asked.

    Parameters
    ----------
    effect : float, optional
        Gain per decision that shall not be missed, account currency; without it what the model predicts, shrunken, or the dose
        margin where there is no model or no gain.
    power : float
    shares : tuple of float
        Exploration shares to compare.
    """

    effect: float | None = None
    power: float = 0.8
    shares: tuple[float, ...] = SHARES

    def __post_init__(self) -> None:
        faults = [
            Fault("exploration share", "between 0 and 1", f"{share:g}", "0.05 draws one decision in twenty evenly.")
            for share in self.shares
            if not 0 <= share <= 1
        ]
        if not self.shares:
            faults.append(Fault("exploration shares", "at least one", "none", "Name some, such as 0.05 and 0.1."))
        if not 0 < self.power < 1:
            faults.append(Fault("power", "between 0 and 1", f"{self.power:g}", "0.8 is usual."))
        if self.effect is not None and not self.effect > 0:
            remedy = "Say what gain per decision is worth an experiment."
            faults.append(Fault("effect", "above 0", f"{self.effect:g}", remedy))
        if faults:
            raise InvalidInput(faults)


@dataclass(frozen=True)
class Plan:
    """What an experiment needs.

    Parameters
    ----------
    table : DataFrame
        From `experiment.plan`.
    question : str
        What is held against what.
    effect : float
    effect_from : str
        Where the effect comes from.
    design : Design
    notices : tuple of str
        What the log explores already; arms that were never logged, and what that means.
    """

    table: pd.DataFrame
    question: str
    effect: float
    effect_from: str
    design: Design
    notices: tuple[str, ...]


def plan_experiment(
    book: Book,
    arms: ArmCatalogue,
    settings: PolicySettings,
    gate: GateSettings,
    model: ModelBundle | None = None,
    options: PlanOptions | None = None,
) -> Plan:
    """Plan the experiment that would let the gate decide.

    With a model the question is its policy against the fixed rule; without one, the fixed rule against no contact.

    Parameters
    ----------
    model : ModelBundle, optional
        On the same arms.
    """
    options = options or PlanOptions()
    if faults := _faults(arms, gate, model):
        raise InvalidInput(faults)
    table = training_table(book, arms, settings)
    rows = _latest(table, _MOST_ROWS)
    rule, none = _constant(rows, gate.rule), _constant(rows, arms.baseline)
    if model is None:
        name, target, rival = f"fixed: {gate.rule} against everyone: {arms.baseline}", rule, none
    else:
        name, target, rival = f"the model's policy against fixed: {gate.rule}", _policy(model, rows, settings), rule
    expected, variance = _rewards(rows, model, settings)
    groups = pd.factorize(rows.rows["borrower_id"])[0]
    question = Question(target, rival, rows.propensity, _may_be_given(rows), expected, variance, groups)
    effect, source = _effect(question, table, model, settings, options)
    span = (table.rows["as_of"].max() - table.rows["as_of"].min()) / pd.Timedelta(days=1)
    weekly = len(table) / max(span / DAYS_PER_WEEK, 1.0)
    lead = settings.outcome.horizon_days / DAYS_PER_WEEK
    design = Design(effect, weekly, len(table), lead, gate.level_of(1), options.power)
    return Plan(plan(question, design, options.shares), name, effect, source, design, notices(table, question))


def _latest(table: TrainingTable, most: int) -> TrainingTable:
    """Return the latest rows: who will be decided on is more like them than like those of two years ago."""
    return table.subset(np.arange(len(table)) >= len(table) - most)


def _constant(rows: TrainingTable, arm: str) -> NDArray[np.float64]:
    return ConstantPolicy(arm).propensities(Situation(rows.rows, rows.arms, _may_be_given(rows)))


def _may_be_given(rows: TrainingTable) -> NDArray[np.bool_]:
    """Return the lawful arms; no contact is always lawful, whether or not a log ever named it."""
    lawful = rows.lawful.copy()
    lawful[:, 0] = True
    return lawful


def _policy(model: ModelBundle, rows: TrainingTable, settings: PolicySettings) -> NDArray[np.float64]:
    chosen: NDArray[np.float64] = np.eye(len(rows.arms))[decide_logged(model, rows, settings, _may_be_given(rows)).arm]
    return chosen


def _rewards(
    rows: TrainingTable, model: ModelBundle | None, settings: PolicySettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of the reward under each arm, of shape (n, K); without a model one rate stands for all."""
    n, K = len(rows), len(rows.arms)
    money = rows.rows["recoverable"].to_numpy(dtype=np.float64)
    if model is None:
        response = np.full((n, K), float(rows.rows["repaid"].mean()))
        harm = np.full((n, K), float(rows.rows["harm"].mean()))
    else:
        response, harm = model.response.predict_by_arm(rows.features), model.harm_by_arm(rows.features)
    repaid = (money * settings.margin)[:, None] ** 2 * response * (1 - response)
    variance = repaid + settings.harm_price**2 * harm * (1 - harm)
    return arm_value(response, money, harm, rows.arms, settings), variance


def _effect(
    question: Question, table: TrainingTable, model: ModelBundle | None, settings: PolicySettings, options: PlanOptions
) -> tuple[float, str]:
    if options.effect is not None:
        return options.effect, "as stated"
    gain = 0.0
    if model is not None:
        gain = shrunken(question.gain, question.spread(0.0) / max(int(model.facts.get("rows", "1")), 1))
    margin = settings.dose_margin_share * float(table.rows["recoverable"].mean())
    if gain > 0:
        return gain, f"the model predicts {question.gain:,.2f}; shrunken by what its log could tell"
    return margin, f"the dose margin, {settings.dose_margin_share:.1%} of what is recoverable: less is not worth a difference"


def notices(table: TrainingTable, question: Question) -> tuple[str, ...]:
    """Say what the log explores already, and what no log like it can tell."""
    given = np.bincount(table.arms.encode(table.rows["arm"]), minlength=len(table.arms))
    wanted = (question.difference != 0).any(axis=0)
    never = [name for name, count, needed in zip(table.arms.names, given, wanted, strict=True) if count == 0 and needed]
    # Whoever has no champion yet must gain over no contact too, whether or not the two policies leave anybody alone.
    baseline = table.arms.baseline
    unasked = (
        f"'{baseline}' was never logged: a first champion must gain over it too, which this table leaves out; only exploration "
        f"tells what it does"
    )
    already = f"the log draws {question.explored:.1%} of its decisions evenly already: the shares come on top of that"
    return (
        *((already,) if question.explored >= LEAST_EXPLORED else ()),
        *(
            f"'{name}' was never logged: what it does cannot be known from this log, however long it is; only exploration tells"
            for name in never
        ),
        *((unasked,) if given[0] == 0 and baseline not in never else ()),
        *(() if wanted.any() else ("the two policies never differ on this log: there is no gain to show",)),
    )


def _faults(arms: ArmCatalogue, gate: GateSettings, model: ModelBundle | None) -> list[Fault]:
    faults = []
    faults += gate.rule_faults(arms.names)
    if model is not None and model.arms.names != arms.names:
        found = ", ".join(model.arms.names)
        faults.append(Fault("the model's arms", ", ".join(arms.names), found, "Use the settings that it was trained with."))
    return faults
