"""The training table: a row per commitment, with features as of its start, the committed arm, and what happened."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...features.build import build_features
from ...features.catalogue import FEATURE_NAMES
from ...features.points import decision_points
from ...policy.commitments import history_of
from ...policy.money import account_rates
from ...policy.restraint import History
from ...policy.settings import PolicySettings
from .decision_log import among_given, last_arms, lawful_arms, read_log, refuse_short
from .outcomes import nothing_owed, outcomes, taken_away

_MONEY = ("overdue", "recoverable", "recovered")


@dataclass(frozen=True)
class TrainingTable:
    """Commitments with matured outcomes.

    Parameters
    ----------
    rows : DataFrame of shape (n, ...)
        decision_id, borrower_id, as_of (aware), arm, last_arm (of the borrower's decision before; missing where there was
        none lately, and no column where nobody logged decisions), overdue (as known at as_of), recoverable (overdue in
        truth), recovered (account currency all three), repaid, harm (0 or 1), in order of as_of and decision_id.
    features : DataFrame of shape (n, d)
        Borrower history as of the start of the commitment.
    propensity : ndarray of shape (n, K)
        Logged probability of each arm of the catalogue, among those not retired; estimated where `estimated` says so.
    lawful : ndarray of shape (n, K)
        Arms that were lawful when the decision was taken: those that the log names, with whatever probability.
    arms : ArmCatalogue
    notices : tuple of str
        What was left out, and why.
    estimated : bool
        Whether nobody logged the propensities, so that they are estimated, out of fold by borrower.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    propensity: NDArray[np.float64]
    lawful: NDArray[np.bool_]
    arms: ArmCatalogue
    notices: tuple[str, ...] = ()
    estimated: bool = False

    @property
    def stated(self) -> NDArray[np.float64] | None:
        """The propensities of shape (n, K) that the log states; None where they are estimated."""
        return None if self.estimated else self.propensity

    def history(self, arms: ArmCatalogue | None = None) -> History | None:
        """Return what was committed before, in these arms or others; None where nobody logged it."""
        return history_of(self.rows["last_arm"], arms or self.arms) if "last_arm" in self.rows else None

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, mask: NDArray[np.bool_]) -> Self:
        """Return the rows where the mask is true; propensities that are estimated, among the arms that these rows were given.

        An estimate leaves every arm a sliver. On an arm that none of the rows was given nothing bears it out, and because of it
        the log would not carry its own policy.
        """
        rows, features = (frame[mask].reset_index(drop=True) for frame in (self.rows, self.features))
        propensity = self.propensity[mask]
        if self.estimated:
            given = np.isin(np.arange(len(self.arms)), self.arms.encode(rows["arm"]))
            propensity = np.where(given, propensity, 0.0)
            propensity /= propensity.sum(axis=1, keepdims=True)
        return replace(self, rows=rows, features=features, propensity=propensity, lawful=self.lawful[mask])


def training_table(book: Book, arms: ArmCatalogue, settings: PolicySettings) -> TrainingTable:
    """Build the training table from a book's decision log.

    Raises
    ------
    InvalidInput
        Where there is no decision log, an arm is unknown, commitments are shorter than the outcome's horizon, or no outcome is
        mature yet.
    """
    outcome, ledger = settings.outcome, settings.ledger
    logged, replaced = read_log(book, arms)
    refuse_short(book, logged, outcome.horizon_days)
    logged = logged.assign(last_arm=last_arms(logged, settings.switching.memory_days))
    points = decision_points(logged["borrower_id"].to_numpy(), logged["as_of"], ledger)
    happened = outcomes(book, points, outcome, ledger)
    counts = {
        f"whose outcome is not mature yet ({outcome.horizon_days} days and the posting lag)": ~happened["mature"],
        **{why: happened["mature"] & mask for why, mask in nothing_owed(happened).items()},
        "of arms that are retired": ~logged["arm"].isin(arms.names),
    }
    keep = ~np.logical_or.reduce([mask.to_numpy() for mask in counts.values()])
    told = [
        f"{int(mask.sum()):,} of {len(logged):,} decisions {why} are left out" for why, mask in counts.items() if mask.any()
    ]
    notices = (*replaced, *told, *taken_away(happened[keep], "decisions"))
    if not keep.any():
        raise InvalidInput([Fault("decisions", "decisions with a matured outcome", "; ".join(notices), "Wait, or load more.")])

    points = decision_points(logged["borrower_id"][keep].to_numpy(), logged["as_of"][keep], ledger)
    built = build_features(book, points, ledger)
    rates = account_rates(happened["currency"], settings)
    happened = happened.assign(**{name: happened[name] * rates for name in _MONEY})
    rows = pd.concat(
        [
            logged.loc[keep, ["decision_id", "borrower_id", "as_of", "arm", "last_arm"]].reset_index(drop=True),
            happened.loc[keep, [*_MONEY, "repaid", "harm"]].reset_index(drop=True),
        ],
        axis="columns",
    )
    own = logged[keep]
    return TrainingTable(rows, built[list(FEATURE_NAMES)], among_given(own, arms), lawful_arms(own, arms), arms, notices)
