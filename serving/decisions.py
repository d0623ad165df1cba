"""Rows of the recommendation table: decisions taken tonight, and decisions that still stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.book import Book
from ..data.vocabulary import CHANNELS
from ..features.build import build_features
from ..features.points import decision_points
from ..policy.ability import low_ability
from ..policy.calendar import Calendar, lay_calendar
from ..policy.commitments import last_commitments
from ..policy.habits import around_habit, usual_hours
from ..policy.holdout import draws
from ..policy.levelling import Lay, Levelled, Load, level, slack_days
from ..policy.money import account_rates
from ..policy.reasons import Reason, code
from ..policy.refresh import DEAD_ENDPOINT, dead_arms
from ..policy.rest import lay_rest, rest_slack
from ..policy.rules import LawfulArms, Planner, RulePack, rules_version
from ..policy.settings import PolicySettings
from ..policy.tone import offer, template, tone
from ..training.deciding.decide import Circumstances, Decided, decide, decide_by_house
from ..training.registry.bundle import ModelBundle
from .recommendation import EXPECTED, NO_MODEL, Versions, decided_frame, decision_ids, describe_arms, describe_windows

_KEYS = ("point_id", "borrower_id", "as_of")


@dataclass(frozen=True)
class Brain:
    """Everything that decides, whatever the book.

    Parameters
    ----------
    bundle : ModelBundle or None
        Response and harm; None for the house policy of a first night.
    settings : PolicySettings
    packs : sequence of RulePack
        All must allow.
    arms : ArmCatalogue
        Those of the model where there is one.
    """

    bundle: ModelBundle | None
    settings: PolicySettings
    packs: Sequence[RulePack]
    arms: ArmCatalogue

    @cached_property
    def versions(self) -> Versions:
        """Digests of model, settings and rules."""
        model = self.bundle.version if self.bundle else NO_MODEL
        return Versions(model, self.settings.version, rules_version(self.packs))

    def decide(
        self, features: pd.DataFrame, lawful: NDArray[np.bool_], recoverable: NDArray[np.float64], around: Circumstances
    ) -> Decided:
        """Choose with the model, or by the house policy where there is none."""
        if self.bundle is None:
            return decide_by_house(self.arms, features, lawful, recoverable, self.settings, around)
        return decide(self.bundle, features, lawful, recoverable, self.settings, around)

    def uplift_interval(
        self, features: pd.DataFrame, arm: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return between which bounds each row's arm changes the response against no contact; missing without a model.

        Parameters
        ----------
        features : DataFrame of shape (n, d)
        arm : ndarray of shape (n,)
            Positions; no contact is the first.

        Returns
        -------
        tuple of ndarray of shape (n,)
            Lower and upper end of the joint interval of the contrast, at the settings' confidence.
        """
        if self.bundle is None:
            return np.full(len(arm), np.nan), np.full(len(arm), np.nan)
        low, high = np.zeros(len(arm)), np.zeros(len(arm))
        # No contact against itself is exactly nothing; the others are scored once more, against it instead of the best arm.
        rows = np.flatnonzero(arm)
        if len(rows):
            frame, confidence = features.iloc[rows], self.settings.confidence
            _, lower, upper = self.bundle.response.contrast_by_arm(frame, self.arms.baseline, confidence)
            given = (np.arange(len(rows)), arm[rows])
            low[rows], high[rows] = lower[given], upper[given]
        return low, high


@dataclass(frozen=True)
class Context:
    """What a night's decisions are made with.

    Parameters
    ----------
    book : Book
    instant : datetime
        as_of, aware.
    brain : Brain
    load : Load
        What is on the teams' days already; everything that is laid is added.
    """

    book: Book
    instant: datetime
    brain: Brain
    load: Load

    @property
    def settings(self) -> PolicySettings:
        """What the lender wants."""
        return self.brain.settings

    @property
    def arms(self) -> ArmCatalogue:
        """The arms that may be given."""
        return self.brain.arms

    def planner(self, borrower_ids: pd.Series) -> Planner:
        """Return the rules' view of some borrowers tonight."""
        return Planner.of(self.brain.packs, self.book, self.instant, borrower_ids.tolist(), self.settings)


def fresh_rows(
    context: Context, owed: pd.DataFrame, dead: NDArray[np.bool_], standing: pd.Series
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Decide on borrowers without a standing decision.

    Parameters
    ----------
    owed : DataFrame of shape (n, ...)
        borrower_id, overdue_amount, currency of borrowers who may be contacted.
    dead : ndarray of shape (n, channels)
        Channels on which a contact would reach nobody.
    standing : Series
        Arms that stand already and use what capacity there is.

    Returns
    -------
    tuple of DataFrame and dict
        The rows, and what a unit of each limited resource cost.
    """
    settings, arms, ids = context.settings, context.arms, owed["borrower_id"]
    points = decision_points(ids.to_numpy(), context.instant, settings.ledger)
    features = build_features(context.book, points, settings.ledger).drop(columns=list(_KEYS))
    planner = context.planner(ids)
    lawful = _without_dead(planner.lawful(arms), dead_arms(dead, arms))
    recoverable = owed["overdue_amount"].astype(float).to_numpy() * account_rates(owed["currency"], settings)
    decided = context.brain.decide(features, lawful.mask, recoverable, _around(context, ids, standing))
    rows = decided_frame(decided, arms.names)
    reasons = rows["reasons"] if settings.halted else pd.Series(_reasons(arms.names, lawful, decided), dtype=object)
    as_of, versions = pd.Timestamp(context.instant), context.brain.versions
    low = low_ability(features, settings.ability.low_below)
    uplift_low, uplift_high = context.brain.uplift_interval(features, decided.arm)
    rows = rows.assign(
        uplift_low=uplift_low,
        uplift_high=uplift_high,
        decision_id=decision_ids(ids.tolist(), as_of, versions),
        borrower_id=ids,
        as_of=as_of,
        commit_until=as_of + timedelta(days=settings.outcome.horizon_days),
        standing=False,
        reasons=reasons,
        tone=tone(features, low),
        offer=offer(features, low),
        template=pd.Series(template(features, settings)).where(arms.intensity[decided.arm] > 0, None),
        model_version=versions.model,
        policy_version=versions.policy,
        rules_version=versions.rules,
    )
    slack = np.array([slack_days(arm, settings.outcome.horizon_days) for arm in arms], dtype=np.int64)[decided.arm]
    plan = _levelled(context, planner, slack, lambda delay: lay_calendar(planner, arms, decided.arm, delay))
    return _with_plan(context, rows, plan), decided.prices


def _around(context: Context, ids: pd.Series, standing: pd.Series) -> Circumstances:
    history = last_commitments(context.book, ids, context.instant, context.arms, context.settings)
    chance = draws(context.book, ids.tolist(), context.instant, context.settings, context.arms.baseline)
    count = np.asarray(standing.value_counts().reindex(context.arms.names).fillna(0), dtype=np.int64)
    return Circumstances(history, chance, count)


def _without_dead(lawful: LawfulArms, dead: NDArray[np.bool_]) -> LawfulArms:
    """Take away what would reach nobody; the rule that took an arm away already is kept as the reason."""
    removed = np.where(lawful.mask & dead, DEAD_ENDPOINT, lawful.removed_by)
    return LawfulArms(lawful.borrower_ids, lawful.mask & ~dead, removed)


def standing_rows(context: Context, decisions: pd.DataFrame, dead: NDArray[np.bool_]) -> pd.DataFrame:
    """Return standing decisions as they were taken, with what is left of their plan.

    What the decision log does not hold (response, value, tone, ...) stays missing. Windows on a channel that reaches nobody
    are left out: there is a task to refresh it instead.

    Parameters
    ----------
    decisions : DataFrame of shape (n, ...)
        Columns of the decision log.
    dead : ndarray of shape (n, channels)
        Channels on which a contact would reach nobody.
    """
    until = pd.to_datetime(decisions["commit_until"], utc=True)
    odds = [dict(one) for one in decisions["propensities"]]
    lawful_arms = [list(chances) for chances in odds]
    reasons = [[code(Reason.STANDING, f"{one:%Y-%m-%dT%H:%MZ}")] for one in until]
    taken = ["decision_id", "borrower_id", "arm", "explore", "model_version", "policy_version", "rules_version"]
    rows = decisions[taken].assign(
        as_of=pd.to_datetime(decisions["as_of"], utc=True),
        commit_until=until,
        standing=True,
        propensity=[chances[arm] for chances, arm in zip(odds, decisions["arm"], strict=True)],
        lawful_arms=pd.Series(lawful_arms),
        reasons=pd.Series(reasons),
        **dict.fromkeys(EXPECTED, np.nan),
        tone=None,
        offer=None,
        template=None,
    )
    planner, ids = context.planner(rows["borrower_id"]), rows["borrower_id"]

    def lay(delay: NDArray[np.int64]) -> Calendar:
        return _reaching(lay_rest(planner, context.arms, context.book, decisions, delay), ids, dead)

    plan = _levelled(context, planner, rest_slack(planner, context.arms, decisions), lay)
    blocked = zip(rows["reasons"], rows["arm"], plan.calendar.blocked_by, strict=True)
    rows["reasons"] = [[*told, code(Reason.ARM_REMOVED, arm, rule)] if rule else told for told, arm, rule in blocked]
    return _with_plan(context, rows, plan)


def _levelled(context: Context, planner: Planner, slack: NDArray[np.int64], lay: Lay) -> Levelled:
    """Lay plans around each borrower's own hour, then level them: far from the teams, the hour decides on their day."""
    hours = usual_hours(context.book, planner, context.instant)
    return level(
        lambda delay: around_habit(lay(delay), planner, hours), planner.facts.borrower_id.astype(object), slack, context.load
    )


def _with_plan(context: Context, rows: pd.DataFrame, plan: Levelled) -> pd.DataFrame:
    """Add the arm in words and its windows; say which contacts found no room."""
    lost = plan.unplaced
    told: dict[str, list[str]] = {}
    for borrower, channel, resource in zip(lost["borrower_id"], lost["channel"], lost["resource"], strict=True):
        told.setdefault(borrower, []).append(code(Reason.UNPLACED, channel, resource))
    reasons = [[*known, *told.get(one, ())] for one, known in zip(rows["borrower_id"], rows["reasons"], strict=True)]
    rows = rows.assign(reasons=pd.Series(reasons, index=rows.index, dtype=object))
    parts = [rows, describe_arms(context.arms, rows["arm"]), describe_windows(plan.calendar, rows["borrower_id"])]
    return pd.concat(parts, axis="columns")


def _reaching(calendar: Calendar, borrower_ids: pd.Series, dead: NDArray[np.bool_]) -> Calendar:
    """Leave out the windows that would reach nobody."""
    windows = calendar.windows
    owner = pd.Index(borrower_ids).get_indexer(pd.Index(windows["borrower_id"]))
    lost = dead[owner, pd.Index(CHANNELS).get_indexer(pd.Index(windows["channel"]))]
    blocked = calendar.blocked_by.copy()
    blocked[np.unique(owner[lost])] = DEAD_ENDPOINT
    return Calendar(windows[~lost].reset_index(drop=True), blocked)


def _reasons(names: list[str], lawful: LawfulArms, decided: Decided) -> list[list[str]]:
    """Return why each arm was chosen, and what took the others away."""
    bare = [code(Reason.ARM_UNSUPPORTED, name) for name in names]
    removed_by = np.where(lawful.mask, decided.restrained_by, lawful.removed_by)
    unsupported: NDArray[np.bool_] = decided.lawful & ~decided.supported
    return [
        [
            *chosen,
            *(code(Reason.ARM_REMOVED, names[k], removed[k]) for k in np.flatnonzero(~allowed)),
            *(bare[k] for k in np.flatnonzero(thin)),
        ]
        for chosen, removed, allowed, thin in zip(decided.reasons, removed_by, decided.lawful, unsupported, strict=True)
    ]
