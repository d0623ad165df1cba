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
from ..features.build import build_features
from ..features.points import decision_points
from ..policy.calendar import Calendar, lay_calendar
from ..policy.money import account_rates
from ..policy.reasons import Reason, code
from ..policy.rest import lay_rest
from ..policy.rules import LawfulArms, Planner, RulePack, rules_version
from ..policy.settings import PolicySettings
from ..policy.tone import offer, tone
from ..training.bundle import ModelBundle
from ..training.decide import Decided, decide
from .recommendation import Versions, decided_frame, decision_ids, describe_arms, describe_windows

_KEYS = ("point_id", "borrower_id", "as_of")


@dataclass(frozen=True)
class Context:
    """What a night's decisions are made with.

    Parameters
    ----------
    book : Book
    instant : datetime
        as_of, aware.
    bundle : ModelBundle
    settings : PolicySettings
    packs : sequence of RulePack
    """

    book: Book
    instant: datetime
    bundle: ModelBundle
    settings: PolicySettings
    packs: Sequence[RulePack]

    @cached_property
    def versions(self) -> Versions:
        """Digests of model, settings and rules."""
        return Versions(self.bundle.version, self.settings.version, rules_version(self.packs))

    @property
    def arms(self) -> ArmCatalogue:
        """The arms of the model."""
        return self.bundle.arms

    def planner(self, borrower_ids: pd.Series) -> Planner:
        """Return the rules' view of some borrowers tonight."""
        return Planner.of(self.packs, self.book, self.instant, borrower_ids.tolist(), self.settings)


def fresh_rows(context: Context, owed: pd.DataFrame) -> pd.DataFrame:
    """Decide on borrowers without a standing decision.

    Parameters
    ----------
    owed : DataFrame of shape (n, ...)
        borrower_id, overdue_amount, currency of borrowers who may be contacted.
    """
    settings, arms, ids = context.settings, context.arms, owed["borrower_id"]
    points = decision_points(ids.to_numpy(), context.instant, settings.ledger)
    features = build_features(context.book, points, settings.ledger).drop(columns=list(_KEYS))
    planner = context.planner(ids)
    lawful = planner.lawful(arms)
    mask = lawful.mask & (np.arange(len(arms)) == 0) if settings.halted else lawful.mask
    recoverable = owed["overdue_amount"].astype(float).to_numpy() * account_rates(owed["currency"], settings)
    decided = decide(context.bundle, features, mask, recoverable, settings)
    rows = decided_frame(decided, arms.names)
    reasons = rows["reasons"] if settings.halted else pd.Series(_reasons(arms.names, lawful, decided))
    lawful_arms = [[arms.names[k] for k in np.flatnonzero(row)] for row in mask]
    as_of = pd.Timestamp(context.instant)
    rows = rows.assign(
        decision_id=decision_ids(ids.tolist(), as_of, context.versions),
        borrower_id=ids,
        as_of=as_of,
        commit_until=as_of + timedelta(days=settings.outcome.horizon_days),
        standing=False,
        propensity=1.0,
        explore=False,
        lawful_arms=pd.Series(lawful_arms),
        reasons=reasons,
        tone=tone(features),
        offer=offer(features),
        model_version=context.versions.model,
        policy_version=context.versions.policy,
        rules_version=context.versions.rules,
    )
    return _with_plan(rows, arms, lay_calendar(planner, arms, decided.arm))


def standing_rows(context: Context, decisions: pd.DataFrame) -> pd.DataFrame:
    """Return standing decisions as they were taken, with what is left of their plan.

    What the decision log does not hold (response, value, tone, ...) stays missing.

    Parameters
    ----------
    decisions : DataFrame of shape (n, ...)
        Columns of the decision log.
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
        **dict.fromkeys(("response", "response_none", "uplift", "harm", "value"), np.nan),
        tone=None,
        offer=None,
    )
    calendar = lay_rest(context.planner(rows["borrower_id"]), context.arms, context.book, decisions)
    blocked = zip(rows["reasons"], rows["arm"], calendar.blocked_by, strict=True)
    rows["reasons"] = [[*told, code(Reason.ARM_REMOVED, arm, rule)] if rule else told for told, arm, rule in blocked]
    return _with_plan(rows, context.arms, calendar)


def _with_plan(rows: pd.DataFrame, arms: ArmCatalogue, calendar: Calendar) -> pd.DataFrame:
    parts = [rows, describe_arms(arms, rows["arm"]), describe_windows(calendar, rows["borrower_id"])]
    return pd.concat(parts, axis="columns")


def _reasons(names: list[str], lawful: LawfulArms, decided: Decided) -> list[list[str]]:
    """Return why each arm was chosen, and what took the others away."""
    bare = [code(Reason.ARM_UNSUPPORTED, name) for name in names]
    unsupported: NDArray[np.bool_] = lawful.mask & ~decided.supported
    return [
        [
            *chosen,
            *(code(Reason.ARM_REMOVED, names[k], removed[k]) for k in np.flatnonzero(~allowed)),
            *(bare[k] for k in np.flatnonzero(thin)),
        ]
        for chosen, removed, allowed, thin in zip(decided.reasons, lawful.removed_by, lawful.mask, unsupported, strict=True)
    ]
