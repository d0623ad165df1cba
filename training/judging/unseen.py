"""Decisions that a model has not seen, and what the gate has to know of a look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd

from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...policy.settings import PolicySettings
from ..registry.bundle import ModelBundle
from ..registry.provenance import provenance
from ..rows.folds import TEST_SHARE, TimeFolds, look_at, time_folds
from ..rows.table import TrainingTable


@dataclass(frozen=True)
class Unseen:
    """The decisions of a book's final time fold that a model has not seen.

    Parameters
    ----------
    rows : TrainingTable
    final_fold : str
        Digest of the gate's final fold where any of it is among them, which the gate counts as a look; else empty.
    origin : dict
        Digests of data, features, rules, settings and code.
    """

    rows: TrainingTable
    final_fold: str
    origin: dict[str, str]

    @classmethod
    def of(
        cls, book: Book, table: TrainingTable, bundle: ModelBundle, settings: PolicySettings, test_share: float = TEST_SHARE
    ) -> Self:
        """Find them in the table of a book's decisions.

        Parameters
        ----------
        test_share : float
            Share of the decisions, the latest, that are looked at.
        """
        folds = time_folds(table.rows["as_of"], settings.outcome.horizon_days, test_share)
        rows = unseen_rows(table, folds, [bundle])
        return cls(rows, look_at(table.rows, folds.test), provenance(book, settings))


def unseen_rows(table: TrainingTable, folds: TimeFolds, models: Sequence[ModelBundle]) -> TrainingTable:
    """Return the rows of the final fold that none of the models has learnt from.

    Raises
    ------
    InvalidInput
        Where nothing is left.
    """
    learnt = max(pd.Timestamp(model.facts["last_as_of"]) + pd.Timedelta(days=model.horizon_days) for model in models)
    unseen = folds.test & (table.rows["as_of"] > learnt).to_numpy()
    if not unseen.any():
        found = f"the last decision at {table.rows['as_of'].max()}"
        remedy = "Load newer decisions, or judge a model that was trained on older ones."
        raise InvalidInput([Fault("decisions", f"decisions after {learnt}, which the model has not seen", found, remedy)])
    return table.subset(unseen)
