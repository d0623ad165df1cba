"""What each rule costs in recovery: the lawful arms recomputed with one rule out of force, valued, and thrown away.

The masks never leave this module: nothing here can become a contact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.book import Book
from ..features.build import build_features
from ..features.points import decision_points
from ..policy.law.model import Effective, Rule
from ..policy.law.pack import RulePack
from ..policy.law.selection import PackSelection
from ..policy.money import account_rates
from ..policy.restraint import restrain
from ..policy.rules import Planner
from ..training.deciding.decide import decide
from ..training.statistics.clusters import clustered_error
from .decisions import Brain
from .eligible import eligible

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_LONG_AGO: Final = Effective.model_validate({"from": date(1900, 1, 1), "to": date(1900, 1, 1)})
_SUREST: Final = 1.96


@dataclass(frozen=True)
class Worth:
    """What arms are worth to the borrowers whose rules are priced.

    Parameters
    ----------
    value : ndarray of shape (n, K)
        Expected net recovery, account currency; minus infinity where the data cannot tell.
    money : ndarray of shape (n, K)
        Expected recovery without costs, account currency.
    """

    value: Floats
    money: Floats


def without_rule(packs: Sequence[RulePack], rule_id: str) -> Sequence[RulePack]:
    """Return the packs with one rule out of force; the packs themselves stay chosen as they were."""

    def out(pack: RulePack) -> RulePack:
        rules = tuple(one.model_copy(update={"effective": _LONG_AGO}) if one.id == rule_id else one for one in pack.rules)
        return replace(pack, rules=rules) if any(one.id == rule_id for one in pack.rules) else pack

    if isinstance(packs, PackSelection):
        return PackSelection(
            tuple(map(out, packs.named)),
            tuple(map(out, packs.automatic)),
            None if packs.fallback is None else out(packs.fallback),
        )
    return [out(pack) for pack in packs]


def price_rules(planner: Planner, arms: ArmCatalogue, worth: Worth, allowed: Flags | None = None) -> pd.DataFrame:
    """Price every rule that may forbid a contact of these borrowers.

    Parameters
    ----------
    planner : Planner
        Of n borrowers at one instant.
    arms : ArmCatalogue
    worth : Worth
    allowed : ndarray of shape (n, K), optional
        Arms that restraint leaves, rules apart; all where left out.

    Returns
    -------
    DataFrame
        rule, clause, authority, restricted (share of borrowers to whom the rule alone denies an arm), blamed (share of
        borrowers of whom it is named for an arm), value_lost with value_lost_low and value_lost_high, recovery_lost (account
        currency per borrower), contacts_avoided (per week and borrower, in the best arm); the dearest first. A rule beside
        which another forbids the same costs nothing alone.
    """
    free = np.ones(worth.value.shape, dtype=bool) if allowed is None else allowed
    lawful = planner.lawful(arms)
    best = _best(worth, lawful.mask & free, arms)
    rows = []
    for pack, rule in _forbidding(planner.packs, lawful.removed_by):
        without = replace(planner, packs=without_rule(planner.packs, rule.id)).lawful(arms).mask
        then = _best(worth, without & free, arms)
        lost = then["value"] - best["value"]
        error = clustered_error(lost - lost.mean(), np.arange(len(lost)))
        rows.append(
            {
                "rule": rule.id, "clause": pack.citation(rule), "authority": rule.authority,
                "restricted": float((without & ~lawful.mask).any(axis=1).mean()),
                "blamed": float((lawful.removed_by == rule.id).any(axis=1).mean()),
                "value_lost": float(lost.mean()),
                "value_lost_low": float(lost.mean()) - _SUREST * error, "value_lost_high": float(lost.mean()) + _SUREST * error,
                "recovery_lost": float((then["money"] - best["money"]).mean()),
                "contacts_avoided": float((then["contacts"] - best["contacts"]).mean()),
            }
        )  # fmt: skip
    names = [
        "rule", "clause", "authority", "restricted", "blamed", "value_lost", "value_lost_low", "value_lost_high",
        "recovery_lost", "contacts_avoided",
    ]  # fmt: skip
    priced = pd.DataFrame(rows, columns=names)
    return priced.sort_values(["value_lost", "blamed", "rule"], ascending=[False, False, True], ignore_index=True)


def _best(worth: Worth, may: Flags, arms: ArmCatalogue) -> dict[str, Floats]:
    """Return what the most valuable arm that may be given brings; no contact may always be given."""
    value = np.where(may, worth.value, -np.inf)
    arm, rows = value.argmax(axis=1), np.arange(len(value))
    return {"value": value[rows, arm], "money": worth.money[rows, arm], "contacts": arms.intensity[arm]}


def _forbidding(packs: Sequence[RulePack], removed_by: NDArray[np.object_]) -> list[tuple[RulePack, Rule]]:
    """Return the rules to price: those that took an arm from somebody, and the others that set hours, numbers or pauses."""
    blamed = {str(one) for one in np.unique(removed_by[removed_by != np.array(None)].astype(str))}
    here = {pack.id for pack in packs if blamed & {rule.id for rule in pack.rules}}
    return [
        (pack, rule)
        for pack in packs
        for rule in pack.rules
        if pack.blocks(rule) and (rule.id in blamed or (pack.id in here and rule.type in ("hours", "cap", "cooldown")))
    ]


def rule_prices(book: Book, instant: datetime, brain: Brain) -> tuple[pd.DataFrame, int]:
    """Price the rules over everybody who is overdue at an instant and not left alone by a guard.

    Returns
    -------
    tuple of DataFrame and int
        As `price_rules`; the number of borrowers.
    """
    settings, arms, bundle = brain.settings, brain.arms, brain.bundle
    owed, _ = eligible(book, instant, settings)
    if bundle is None or owed.empty:
        return pd.DataFrame(), len(owed)
    points = decision_points(owed["borrower_id"].to_numpy(), instant, settings.ledger)
    features = build_features(book, points, settings.ledger).drop(columns=["point_id", "borrower_id", "as_of"])
    recoverable = owed["overdue_amount"].astype(float).to_numpy() * account_rates(owed["currency"], settings)
    everything = np.ones((len(owed), len(arms)), dtype=bool)
    scored = decide(bundle, features, everything, recoverable, settings)
    trusted = scored.supported | (np.arange(len(arms)) == 0)
    worth = Worth(np.where(trusted, scored.value, -np.inf), scored.response * recoverable[:, None])
    planner = Planner.of(brain.packs, book, instant, owed["borrower_id"].tolist(), settings)
    return price_rules(planner, arms, worth, restrain(features, arms, settings).mask), len(owed)
