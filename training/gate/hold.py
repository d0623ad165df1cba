"""The gate: a challenger becomes champion only on what the final fold shows, and every reason against it is said.

What it asks is in `GateSettings`. Every gain must hold (so testing several needs no correction), and attempts on one fold are
paid for by a stricter level (`GateSettings.level_of`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...policy.settings import PolicySettings
from ..alarm import Alarm
from ..alarms.kept import alarms_of
from ..deciding.decide import decide_logged
from ..evaluation.logged import rewards
from ..judging.judge import LEARNT, Verdict, judge
from ..judging.unseen import unseen_rows
from ..registry.bundle import ModelBundle
from ..registry.tracker import candidate_of
from ..rows.folds import fold_digest, time_folds
from ..rows.landmark import NO_LOG, treatment_table
from ..rows.table import TrainingTable, training_table
from .checks import Check, check_alarms, check_calibration, check_gain, check_harm, check_support
from .settings import GateSettings

CHAMPION_POLICY = "champion"


@dataclass(frozen=True)
class Trial:
    """A challenger, what it is held against, and the decisions that neither model has seen.

    Parameters
    ----------
    challenger : ModelBundle
    champion : ModelBundle, optional
        None where there is none yet.
    rows : TrainingTable
    fold : str
        Digest of the book's final fold; attempts are counted by it.
    first, last : Timestamp
        Of the judged decisions.
    """

    challenger: ModelBundle
    champion: ModelBundle | None
    rows: TrainingTable
    fold: str
    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class GateVerdict:
    """What the gate says.

    Parameters
    ----------
    checks : tuple of Check
        Every question, passed or not.
    attempt : int
        1 for the first candidate that was judged on this fold.
    confidence : float
        One-sided, of every bound.
    fold : str
    verdict : Verdict, optional
        Values and gains behind it; None where the candidate was not judged at all.
    """

    checks: tuple[Check, ...]
    attempt: int
    confidence: float
    fold: str
    verdict: Verdict | None = None

    @property
    def passed(self) -> bool:
        """Whether the challenger may become champion."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that stands against it; empty where nothing does."""
        return tuple(check.sentence for check in self.checks if not check.passed)

    @property
    def table(self) -> pd.DataFrame:
        """A row per question: check, passed, figure, limit, sentence."""
        rows = [(check.name, check.passed, check.figure, check.limit, check.sentence) for check in self.checks]
        return pd.DataFrame(rows, columns=["check", "passed", "figure", "limit", "sentence"])


def open_trial(
    book: Book, challenger: ModelBundle, champion: ModelBundle | None, settings: PolicySettings, gate: GateSettings
) -> Trial:
    """Take the final time fold of a book, less what either model has learnt from.

    Raises
    ------
    InvalidInput
        Where nothing is left that both have not seen, or the models cannot be held against each other.
    """
    check_models(challenger, champion, settings, gate)
    build = treatment_table if gate.accept_landmarks else training_table
    table = build(book, challenger.arms, settings)
    folds = time_folds(table.rows["as_of"], settings.outcome.horizon_days)
    # The fold is named as a whole: a candidate that has seen a part of it is no new fold.
    fold = fold_digest(table.rows[folds.test])
    rows = unseen_rows(table, folds, [challenger] if champion is None else [challenger, champion])
    return Trial(challenger, champion, rows, fold, rows.rows["as_of"].min(), rows.rows["as_of"].max())


def hold(trial: Trial, settings: PolicySettings, gate: GateSettings, looks: Sequence[str] = ()) -> GateVerdict:
    """Put every question to a challenger.

    Parameters
    ----------
    looks : sequence of str
        Candidates (models under settings) that were judged on this fold before, by their first look. One that is among them
        has its place there: judged again it is the same attempt with the same verdict.
    """
    candidate = candidate_of(trial.challenger.version, settings.version)
    attempt = list(looks).index(candidate) + 1 if candidate in looks else len(looks) + 1
    level, rows = gate.level_of(attempt), trial.rows
    alarms = _heard(trial.challenger, gate)
    rivals, champion = _rivals(trial, gate), _champion_policy(trial, settings)
    # The two-sided interval whose lower end is the one-sided bound of this attempt.
    verdict = judge(trial.challenger, rows, rivals, settings, champion, confidence=1 - 2 * level)
    gains = {row["over"]: row for row in verdict.gains.to_dict("records")}
    codes = rows.arms.encode(rows.rows["arm"])
    every = np.arange(len(rows))
    taken = rows.propensity[every, codes]
    weight, decided = verdict.policies[LEARNT][every, codes] / taken, verdict.decided
    happened, groups = rewards(rows, settings), pd.factorize(rows.rows["borrower_id"])[0]
    given = np.array(rows.arms.names)[verdict.policies[LEARNT].sum(axis=0) > 0]
    checks = [
        *(check_gain(name, gains[name], 1 - level) for name in (*champion, *rivals)),
        check_harm(weight, happened.harm, groups, level, gate.harm_limit),
        *check_calibration(
            happened.repaid, decided.response[every, codes], 1 / taken, groups, codes, rows.arms, gate.calibration_limit
        ),
        check_support(_supported_share(verdict), gate.least_supported),
        *_alarm_checks(alarms, given.tolist()),
    ]
    return GateVerdict(tuple(checks), attempt, 1 - level, trial.fold, verdict)


def closed(reason: str, fold: str = "") -> GateVerdict:
    """Return the verdict on a candidate that need not be judged at all, with the reason."""
    nan = float("nan")
    return GateVerdict((Check("candidate", nan, nan, reason, passed=False),), 0, nan, fold)


def _heard(challenger: ModelBundle, gate: GateSettings) -> tuple[Alarm, ...] | None:
    """Return what rang at training, less what the settings accept."""
    alarms = alarms_of(challenger)
    if alarms is None or not gate.accept_landmarks:
        return alarms
    return tuple(alarm for alarm in alarms if alarm.name != NO_LOG)


def _alarm_checks(alarms: Sequence[Alarm] | None, given: Sequence[str]) -> list[Check]:
    if alarms is None:
        nan, told = float("nan"), "the log that it learnt from was never asked whether it can be trusted: train it again."
        return [Check("alarms", nan, nan, told, passed=False)]
    return check_alarms(alarms, given)


def _rivals(trial: Trial, gate: GateSettings) -> dict[str, str]:
    """Return the fixed rules that must be beaten; the first champion must beat no contact too, which is never assumed."""
    rules = {f"fixed: {gate.rule}": gate.rule}
    baseline = trial.challenger.arms.baseline
    return rules if trial.champion else rules | {f"everyone: {baseline}": baseline}


def _champion_policy(trial: Trial, settings: PolicySettings) -> dict[str, NDArray[np.float64]]:
    """Return what the champion would have decided, of shape (n, K), in the challenger's arms.

    An arm of the champion's that is no longer in the catalogue may no longer be given, so it is not lawful.
    """
    if trial.champion is None:
        return {}
    rows, names = trial.rows, trial.rows.arms.names
    own = np.array([names.index(name) if name in names else -1 for name in trial.champion.arms.names])
    lawful = np.where(own >= 0, rows.lawful[:, own], False)  # noqa: FBT003  a value, not a flag
    decided = decide_logged(trial.champion, rows, settings, lawful)
    return {CHAMPION_POLICY: np.eye(len(names))[own[decided.arm]]}


def _supported_share(verdict: Verdict) -> float:
    """Return the share of decisions whose arm has comparable data, by what the policy gives."""
    given = verdict.policies[LEARNT]
    return float((given * verdict.decided.supported).sum(axis=1).mean())


def check_models(challenger: ModelBundle, champion: ModelBundle | None, settings: PolicySettings, gate: GateSettings) -> None:
    """Refuse models that no decision log can judge, or that cannot be held against each other.

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    faults = []
    horizon, names = settings.outcome.horizon_days, challenger.arms.names
    for who, model in (("challenger", challenger), ("champion", champion)):
        if model is None:
            continue
        if model.harm is None:
            remedy = "Train on event tables with `lighttouch train DATA --register NAME`."
            faults.append(Fault(who, "a model of a decision log", "a model of an experiment's table", remedy))
        elif model.horizon_days != horizon:
            remedy = "Use the settings that the models were trained with."
            faults.append(
                Fault(f"{who}'s horizon", f"{horizon} days, as in the settings", f"{model.horizon_days} days", remedy)
            )
    if champion is not None and champion.arms.baseline != challenger.arms.baseline:
        found = f"'{champion.arms.baseline}' and '{challenger.arms.baseline}'"
        faults.append(Fault("no contact", "one name in champion and challenger", found, "Train both on one catalogue."))
    faults += gate.rule_faults(names)
    if faults:
        raise InvalidInput(faults)
