"""A training run on a book: from the decision log to a saved model and what it is worth."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.arms import ArmCatalogue
from ...data.book import Book
from ...policy.house import USUAL
from ...policy.settings import PolicySettings
from ..alarms.kept import ALARM_FACT, alarms_to_fact
from ..alarms.ring import Alarm, AlarmOptions, LoggedRows, training_alarms
from ..harm import HarmModel
from ..judging.judge import Verdict, best_constant_arm, judge
from ..judging.unseen import Unseen
from ..model.boosting import Boosting
from ..registry.bundle import ModelBundle
from ..registry.provenance import provenance
from ..response import ResponseModel
from ..rows.folds import TEST_SHARE, TimeFolds, look_at, time_folds
from ..rows.landmark import LandmarkOptions, landmark_alarm, treatment_table
from ..rows.table import TrainingTable
from .compliance import compliance_table


@dataclass(frozen=True)
class TrainOptions:
    """How a run is made.

    Parameters
    ----------
    seed : int
    test_share : float
        Share of the decisions, the latest, that are only judged on: the final fold.
    select_share : float
        Share of the decisions before those, on which candidates are compared without looking at the final fold; 0 for none.
    boosting : Boosting
        How trees are grown.
    threads : int
        0 takes all cores.
    alarms : AlarmOptions
        What the log is asked.
    landmark : LandmarkOptions
        How a treatment is built where there is no log.
    """

    seed: int = 0
    test_share: float = TEST_SHARE
    select_share: float = 0.0
    boosting: Boosting = field(default_factory=Boosting)
    threads: int = 0
    alarms: AlarmOptions = field(default_factory=AlarmOptions)
    landmark: LandmarkOptions = field(default_factory=LandmarkOptions)


@dataclass(frozen=True)
class TrainingRun:
    """A finished run.

    Parameters
    ----------
    bundle : ModelBundle
        The saved model.
    fit, test : TrainingTable
        The fold that was learnt from, and the one that was judged on: the final fold, or the select fold if one was asked for.
    verdict : Verdict
        What it is worth on the judged fold.
    best_constant : str
        The arm that is best for everyone, by the fit fold.
    alarms : tuple of Alarm
        What the log was asked, with every answer.
    final_fold : str
        Digest of the gate's final fold where any of it was judged on, which the gate counts as an attempt; else empty.
    origin : dict
        Digests of data, features, rules, settings and code.
    compliance : DataFrame
        Planned against executed contacts of the commitments learnt from; empty where nobody logged decisions.
    book_notices : tuple of str
        What the book's checks left to be known.
    """

    bundle: ModelBundle
    fit: TrainingTable
    test: TrainingTable
    folds: TimeFolds
    verdict: Verdict
    best_constant: str
    alarms: tuple[Alarm, ...] = ()
    final_fold: str = ""
    origin: dict[str, str] = field(default_factory=dict)
    compliance: pd.DataFrame = field(default_factory=pd.DataFrame)
    book_notices: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader of the run should know."""
        rang = (*(str(alarm) for alarm in self.alarms if alarm.rings), *self.verdict.notices)
        harm = self.bundle.harm
        if harm is None or harm.supported:
            return rang
        return (*rang, f"harm: {harm.events:,} events are too few to tell arms apart; one pooled rate stands for all")


def train_book(
    book: Book, arms: ArmCatalogue, settings: PolicySettings, folder: Path, options: TrainOptions | None = None
) -> TrainingRun:
    """Train on a book's decision log, save the model, judge it on the final time fold (or on the select fold if asked for one).

    Without a log it learns from landmarks, and says so.

    Parameters
    ----------
    folder : Path
        For the saved model; replaced as a whole.
    """
    options = options or TrainOptions()
    table = treatment_table(book, arms, settings, options.landmark)
    folds = time_folds(table.rows["as_of"], settings.outcome.horizon_days, options.test_share, options.select_share)
    fit, test = table.subset(folds.fit), table.subset(folds.judged)
    fitted = fit_bundle(fit, settings, options)
    best = best_constant_arm(fitted, fit, settings)
    alarms = (*landmark_alarm(fit), *training_alarms(fitted.response, LoggedRows.of_table(fit), options.alarms))
    said = {"best_constant": best, ALARM_FACT: alarms_to_fact(alarms)}
    bundle = fitted.with_facts(_facts(book, fit, settings, options) | said).save(folder)
    verdict = judge(bundle, test, fixed_rules(arms, best), settings)
    final = look_at(table.rows, folds.judged)
    done = compliance_table(book, fit, arms, settings)
    origin = provenance(book, settings)
    return TrainingRun(bundle, fit, test, folds, verdict, best, alarms, final, origin, done, tuple(book.notices))


def fit_bundle(fit: TrainingTable, settings: PolicySettings, options: TrainOptions) -> ModelBundle:
    """Fit response and harm on commitments with their logged propensities."""
    arm = fit.rows["arm"].to_numpy()
    model = ResponseModel(fit.arms, options.seed, options.boosting, n_threads=options.threads)
    model.fit(fit.features, fit.rows["repaid"], arm=arm, propensity=fit.stated, groups=fit.rows["borrower_id"])
    happened, groups = fit.rows["harm"].to_numpy(dtype=np.float64), pd.factorize(fit.rows["borrower_id"])[0]
    code = fit.arms.encode(arm)
    harm = HarmModel.fit(fit.features, happened, code, fit.propensity, groups, fit.arms, options.threads)
    return ModelBundle(model, harm, settings.outcome.horizon_days)


def fixed_rules(arms: ArmCatalogue, best: str) -> dict[str, str]:
    """Name the fixed rules that a learnt policy is held against."""
    rules = {f"everyone: {arms.baseline}": arms.baseline, f"best constant arm: {best}": best}
    return {f"fixed: {USUAL}": USUAL, **rules} if USUAL in arms.names else rules


def _facts(book: Book, fit: TrainingTable, settings: PolicySettings, options: TrainOptions) -> dict[str, str]:
    as_of: pd.Series = fit.rows["as_of"]
    return {
        "rows": str(len(fit)),
        "borrowers": str(fit.rows["borrower_id"].nunique()),
        "first_as_of": as_of.min().isoformat(),
        "last_as_of": as_of.max().isoformat(),
        "data_digest": book.digest,
        "settings_version": settings.version,
        "seed": str(options.seed),
    }


@dataclass(frozen=True)
class Judged:
    """A saved model, judged once more.

    Parameters
    ----------
    verdict : Verdict
    final_fold : str
        Digest of the gate's final fold: it counts the look.
    origin : dict
        Digests of data, features, rules, settings and code.
    notices : tuple of str
        What was left out of the judged decisions, and how they came about.
    """

    verdict: Verdict
    final_fold: str
    origin: dict[str, str]
    notices: tuple[str, ...] = ()


def judge_again(book: Book, bundle: ModelBundle, settings: PolicySettings, test_share: float = TEST_SHARE) -> Judged:
    """Judge a saved model on a book's final time fold, against the fixed rules.

    Parameters
    ----------
    test_share : float
        Share of the decisions, the latest, that are judged on; those that the model was fitted on are never among them.
    """
    table = treatment_table(book, bundle.arms, settings)
    unseen = Unseen.of(book, table, bundle, settings, test_share)
    verdict = judge(bundle, unseen.rows, fixed_rules(bundle.arms, bundle.facts["best_constant"]), settings)
    return Judged(verdict, unseen.final_fold, unseen.origin, (*table.notices, *verdict.notices))
