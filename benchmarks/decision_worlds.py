"""Decisions of a world for the decision benchmark: the contest's draws, cut by time, with the borrower's last arm beside."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from contest.worlds import draw
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.rows.table import TrainingTable

# The latest quarter is judged on; of the 730 days before, 14 that an outcome takes are about the share left out between.
TEST_SHARE, GAP_SHARE = 0.25, 0.03


@dataclass(frozen=True)
class Decisions:
    """Decisions on which policies are judged.

    Parameters
    ----------
    table : TrainingTable
        n rows, without their instants.
    response, harm : ndarray of shape (n, K)
        The truth under each arm.
    recoverable : ndarray of shape (n,)
        Truly overdue, account currency.
    last_arm : Series of shape (n,)
        The arm of the borrower's decision before, where it has not ended too long ago; missing elsewhere.
    """

    table: TrainingTable
    response: np.ndarray
    harm: np.ndarray
    recoverable: np.ndarray
    last_arm: pd.Series

    def __len__(self) -> int:
        return len(self.table)

    def subset(self, mask: np.ndarray) -> "Decisions":
        """Return the decisions where the mask is true."""
        last = self.last_arm[mask].reset_index(drop=True)
        parts = (self.response[mask], self.harm[mask], self.recoverable[mask])
        return Decisions(self.table.subset(mask), *parts, last)


def drawn(name: str, borrowers: int, seed: int, room: Path) -> tuple[TrainingTable, Decisions, str]:
    """Return what is learnt from, what is judged on, later in time, and the world's digest.

    Parameters
    ----------
    borrowers : int
        The first of those drawn.
    room : Path
        Where draws are kept.
    """
    world = draw(name, seed, room)
    world = world.take(np.flatnonzero(world["group"] < borrowers))
    features = pd.DataFrame(world["X"].astype(np.float64), columns=list(world.columns))
    code, group = world["code"], world["group"]
    names = np.array(world.arms.names, dtype=object)
    rows = pd.DataFrame(
        {
            "decision_id": [f"D{k}" for k in range(len(world))],
            "borrower_id": group,
            "arm": names[code],
            "overdue": world["overdue"],
            "recoverable": world["recoverable"],
            "repaid": world["y"],
            "harm": world["harm"],
        }
    )
    table = TrainingTable(rows, features, world["e"], world["lawful"], world.arms)
    last = last_arms(rows, features["days_since_decision"])
    all_ = Decisions(table, world["response"], world["true_harm"], world["recoverable"], last)
    # Rows come in the order of their instants.
    place = np.arange(len(world)) / len(world)
    return table.subset(place < 1 - TEST_SHARE - GAP_SHARE), all_.subset(place >= 1 - TEST_SHARE), world.digest


def last_arms(rows: pd.DataFrame, days_since: pd.Series) -> pd.Series:
    """Return the arm of each borrower's decision before; missing where it ended too long ago.

    Parameters
    ----------
    rows : DataFrame of shape (n, ...)
        borrower_id and arm, in order of time.
    days_since : Series of shape (n,)
        Days since the decision before.
    """
    settings = PolicySettings()
    before = rows.groupby("borrower_id")["arm"].shift()
    return before.where(days_since <= settings.outcome.horizon_days + settings.switching.memory_days, None)
