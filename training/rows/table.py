"""The training table: a row per commitment, with features as of its start, the committed arm, and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue, unknown_arm_fault
from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...features.build import build_features
from ...features.catalogue import FEATURE_NAMES
from ...features.points import decision_points
from ...policy.commitments import history_of
from ...policy.money import account_rates
from ...policy.restraint import History
from ...policy.settings import PolicySettings
from .outcomes import outcomes

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
        Where there is no decision log, an arm is unknown, or no outcome is mature yet.
    """
    outcome, ledger = settings.outcome, settings.ledger
    logged = _logged(book, arms)
    logged = logged.assign(last_arm=_last_arms(logged, settings.switching.memory_days))
    points = decision_points(logged["borrower_id"].to_numpy(), logged["as_of"], ledger)
    happened = outcomes(book, points, outcome, ledger)
    counts = {
        f"whose outcome is not mature yet ({outcome.horizon_days} days and the posting lag)": ~happened["mature"],
        "whose borrower had already paid, booked later": happened["mature"] & ~happened["truly_overdue"],
        "of arms that are retired": ~logged["arm"].isin(arms.names),
    }
    keep = ~np.logical_or.reduce([mask.to_numpy() for mask in counts.values()])
    notices = tuple(
        f"{int(mask.sum()):,} of {len(logged):,} decisions {why} are left out" for why, mask in counts.items() if mask.any()
    )
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
    lawful = logged.loc[keep, [_lawful(name) for name in arms.names]].to_numpy(dtype=bool)
    return TrainingTable(rows, built[list(FEATURE_NAMES)], _among_given(logged[keep], arms), lawful, arms, notices)


def _logged(book: Book, arms: ArmCatalogue) -> pd.DataFrame:
    """Return the decision log with a column per arm of whether it was lawful, and of its logged propensity."""
    log = book.table("decisions")
    named = {_lawful(name): log.propensities.contains(name) for name in arms.names}
    chances = {_column(name): log.propensities.get(name, 0.0) for name in (*arms.names, *_retired(arms))}
    picked = log.select("decision_id", "borrower_id", "as_of", "arm", "commit_until", **named, **chances).order_by(
        ["as_of", "decision_id"]
    )
    frame: pd.DataFrame = picked.to_pandas()
    if frame.empty:
        remedy = "Without a log the arm is not known: start with the house policy's first night, which logs propensities."
        raise InvalidInput([Fault("table 'decisions'", "decisions with their propensities", "an empty table", remedy)])
    _refuse_unknown(set(frame["arm"].unique()) - {*arms.names, *_retired(arms)}, arms.names)
    return frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in ("as_of", "commit_until")})


def _last_arms(logged: pd.DataFrame, memory_days: float) -> pd.Series:
    """Return the arm of each borrower's decision before, where it has not ended too long ago, as a night sees it."""
    before = logged.groupby("borrower_id")[["arm", "commit_until"]].shift()
    recent = before["commit_until"] >= logged["as_of"] - pd.Timedelta(days=memory_days)
    arm: pd.Series = before["arm"].where(recent)
    return arm


def _among_given(logged: pd.DataFrame, arms: ArmCatalogue) -> NDArray[np.float64]:
    """Return propensities of shape (n, K), given that no retired arm was drawn: the rows of those are left out."""
    own, gone = ([_column(name) for name in names] for names in (arms.names, _retired(arms)))
    left = 1.0 - logged[gone].to_numpy(dtype=np.float64).sum(axis=1, keepdims=True)
    chances: NDArray[np.float64] = logged[own].to_numpy(dtype=np.float64) / left
    return chances


def _retired(arms: ArmCatalogue) -> list[str]:
    return [arm.name for arm in arms.retired]


def _refuse_unknown(unknown: set[Any], known: Sequence[str]) -> None:
    if unknown:
        raise InvalidInput([unknown_arm_fault(str(name), known, "arm in table 'decisions'") for name in sorted(unknown)])


def _lawful(arm: str) -> str:
    return f"lawful: {arm}"


def _column(arm: str) -> str:
    return f"propensity of {arm}"
