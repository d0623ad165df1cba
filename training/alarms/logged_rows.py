"""The logged rows that alarms look at, of a book or of one flat table."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ...features.bands import BAND, band_labels
from ..inputs import Floats, Ints, arm_positions, binary_outcome, group_codes
from ..model.propensity import Propensity, PropensityLike, read_propensity
from ..response import ResponseModel
from ..rows.flat_table import FlatTable
from ..rows.table import TrainingTable


@dataclass(frozen=True)
class LoggedRows:
    """Logged rows with what was stated about them.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Covariates that the model was fitted on, in the order of its out-of-fold predictions.
    y : ndarray of shape (n,)
        0 or 1.
    codes : ndarray of shape (n,)
        Positions of the taken arms.
    arms : ArmCatalogue
        K arms.
    stated : Propensity, optional
        None where the propensities are estimated.
    groups : ndarray of shape (n,)
        A number per borrower.
    lawful : ndarray of shape (n, K)
        Arms that could be given; all of them where nothing is known.
    past : DataFrame of shape (n, p)
        Numbers that were fixed before the arm and tell of the outcome: placebo outcomes. Empty where none is named.
    segment : Series of shape (n,), optional
        Parts of the book in which each arm needs support.
    """

    X: pd.DataFrame
    y: Floats
    codes: Ints
    arms: ArmCatalogue
    stated: Propensity | None
    groups: Ints
    lawful: NDArray[np.bool_]
    past: pd.DataFrame
    segment: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def of(  # noqa: PLR0913  the arguments of `ResponseModel.fit`, and two of the alarms' own
        cls,
        X: pd.DataFrame,
        y: Any,
        *,
        arm: Any,
        arms: ArmCatalogue,
        propensity: PropensityLike = None,
        groups: Any = None,
        past: pd.DataFrame | None = None,
        segment: Any = None,
    ) -> Self:
        """Take what `ResponseModel.fit` takes.

        Raises
        ------
        InvalidInput
            Every fault at once.
        """
        faults: list[Fault] = []
        n = len(X)
        codes = arm_positions(arm, arms.names, n, faults)
        stated = read_propensity(propensity, codes, arms.names, faults)
        outcome, clusters = binary_outcome(y, n, faults), group_codes(groups, n, faults)
        for name, column in (("past", past), ("segment", segment)):
            if column is not None and len(column) != n:
                faults.append(Fault(name, f"{n:,} rows", f"{len(column):,}", ""))
        if faults:
            raise InvalidInput(faults)
        before = pd.DataFrame(index=range(n)) if past is None else past.reset_index(drop=True)
        label = getattr(segment, "name", None) or "segment"
        parts = None if segment is None else pd.Series(segment, name=label).reset_index(drop=True)
        lawful = np.ones((n, len(arms)), dtype=bool)
        return cls(X.reset_index(drop=True), outcome, codes, arms, stated, clusters, lawful, before, parts)

    @classmethod
    def of_table(cls, table: TrainingTable) -> Self:
        """Take a training table: its past is what the borrower had paid and owed before each decision."""
        features = table.features
        past = features[[name for name in PAST if name in features]].assign(overdue=table.rows["overdue"].to_numpy(dtype=float))
        found = cls.of(
            features, table.rows["repaid"], arm=table.rows["arm"].to_numpy(), arms=table.arms, propensity=table.stated,
            groups=table.rows["borrower_id"], past=past, segment=band_labels(features[BAND]) if BAND in features else None,
        )  # fmt: skip
        return cls(**{**vars(found), "lawful": table.lawful})

    @classmethod
    def of_flat(cls, table: FlatTable, segment: Any = None) -> Self:
        """Take a flat table: where the propensities are stated, every number in it was fixed before the arm."""
        numbers = table.X.select_dtypes("number") if table.propensity is not None else None
        return cls.of(
            table.X, table.y, arm=table.arm, arms=table.arms, propensity=table.propensity, groups=table.groups,
            past=numbers, segment=segment,
        )  # fmt: skip

    def chances(self, model: ResponseModel) -> Floats:
        """Return the probability of every arm, of shape (n, K): stated where it was, else estimated out of fold."""
        if self.stated is not None and self.stated.full is not None:
            return self.stated.full
        if self.stated is not None and self.stated.constant is not None:
            return np.tile(np.nan_to_num(self.stated.constant), (len(self), 1))
        estimated = model.propensity_out_of_fold
        if estimated is None:
            estimated = model.propensity_by_arm(self.X)
        if estimated is None or len(estimated) != len(self):
            found = "none" if estimated is None else f"{len(estimated):,}"
            raise InvalidInput(
                [Fault("model", f"propensities of the {len(self):,} rows of its fit", found, "Pass the fit's rows.")]
            )
        return estimated


# Features that the past alone has fixed and that go with paying: what a true draw cannot be moved by.
PAST = (
    "days_past_due",
    "overdue_to_instalment_ratio",
    "overdue_instalment_count",
    "payment_sum_30d",
    "payment_sum_90d",
    "payment_count_90d",
    "share_of_dues_paid",
    "late_days_mean",
    "late_days_last",
    "on_time_share",
    "self_cure_share",
    "days_since_payment",
)
