"""Contacts that were made, read as arms: the nearest plan of the catalogue within the days of exposure."""

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from ...data.arms import DAYS_PER_WEEK, ArmCatalogue
from ...data.book import Book
from ...data.vocabulary import CHANNELS
from ...policy.dose import planned_counts
from ..inputs import Floats, Ints


@dataclass(frozen=True)
class Exposure:
    """Received contacts as arms.

    Parameters
    ----------
    code : ndarray of shape (n,)
        Position of the nearest arm; -1 where none is near enough.
    distance : ndarray of shape (n,)
        Contacts per week, Euclidean over the channels, between what was received and the arm's plan for the same days.
    mapping : DataFrame
        A row per combination of contacts seen: contacts, per_week, arm (empty where none is near enough), distance, alike (arms
        whose plan is the same in these days, so that they cannot be told apart), rows. The most frequent first.
    """

    code: Ints
    distance: Floats
    mapping: pd.DataFrame


def received_contacts(book: Book, points: pa.Table, days: int) -> Floats:
    """Count the attempts that each point's borrower got in the days after as_of, by channel.

    An attempt counts whatever came of it: those who answer differ from those who do not. What the borrower began does not
    count, nor what was said to somebody else, nor what no arm plans: notices that a law asks for, replies.

    Returns
    -------
    ndarray of shape (n, channels)
        Columns in the order of `CHANNELS`.
    """
    counts = np.zeros((points.num_rows, len(CHANNELS)))
    contacts = planned_kind(book)
    with book.points(points) as lent:
        end = lent.mutate(until=lent.as_of + ibis.interval(days=days))
        joined = end.join(contacts, "borrower_id")
        within = joined.filter((joined["at"] >= joined.as_of) & (joined["at"] < joined.until))
        found = within.group_by(["point_id", "channel"]).agg(made=within.count()).to_pandas()
    place = {channel: c for c, channel in enumerate(CHANNELS)}
    counts[found["point_id"].to_numpy(), found["channel"].map(place).to_numpy(dtype=np.int64)] = found["made"].to_numpy()
    return counts


def planned_kind(book: Book) -> Any:
    """Return the contacts that may carry out a plan: to the borrower, for collection."""
    contacts = book.table("contacts")
    return contacts.filter((contacts.direction == "out") & (contacts.party == "borrower") & (contacts.purpose == "collection"))


def nearest_arms(counts: Floats, arms: ArmCatalogue, days: int, furthest: float = 1.0) -> Exposure:
    """Map received contacts to the arm whose plan for the same days is nearest.

    Arms are compared by what they would do in these days, since a day's dose says nothing of the week: one text in three days
    is the start of a weekly plan as of one every three days. Of arms that are equally near the lightest is taken. Who was
    contacted at all is never called uncontacted.

    Parameters
    ----------
    counts : ndarray of shape (n, channels)
        From `received_contacts`.
    days : int
        Over which they were received.
    furthest : float
        Contacts, in these days, beyond which no arm is near.

    Examples
    --------
    >>> from lighttouch.data.arms import Arm
    >>> arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-daily", sms=7)])
    >>> counts = np.zeros((3, len(CHANNELS)))
    >>> counts[1, 0], counts[2, 0] = 1, 3
    >>> nearest_arms(counts, arms, days=3).mapping[["contacts", "arm", "distance"]].values.tolist()
    [['none', 'none', 0.0], ['1 sms', 'sms-weekly', 0.0], ['3 sms', 'sms-daily', 0.0]]
    """
    plan = planned_counts(arms, days)
    kinds, inverse = np.unique(counts, axis=0, return_inverse=True)
    gaps = np.sqrt(((kinds[:, None, :] - plan[None, :, :]) ** 2).sum(axis=2))
    idle = (kinds.sum(axis=1) > 0)[:, None] & (plan.sum(axis=1) == 0)[None, :]
    gaps = np.where(idle, np.inf, gaps)
    lightest = np.argsort(arms.intensity, kind="stable")
    best = lightest[gaps[:, lightest].argmin(axis=1)]
    least = gaps[np.arange(len(kinds)), best]
    code = np.where(least <= furthest, best, -1)
    weekly = DAYS_PER_WEEK / days
    table = pd.DataFrame(
        {
            "contacts": [_told(kind) for kind in kinds],
            "per_week": [_told(kind * weekly) for kind in kinds],
            "arm": [arms.names[k] if k >= 0 else "" for k in code],
            "distance": least * weekly,
            "alike": [_alike(plan, k, arms) if k >= 0 else "" for k in code],
            "rows": np.bincount(inverse.reshape(-1), minlength=len(kinds)),
        }
    )
    at = inverse.reshape(-1)
    return Exposure(code[at], least[at] * weekly, table.sort_values("rows", ascending=False, kind="stable", ignore_index=True))


def _told(kind: Floats) -> str:
    return ", ".join(f"{made:.3g} {name}" for made, name in zip(kind, CHANNELS, strict=True) if made > 0) or "none"


def _alike(plan: Floats, k: int, arms: ArmCatalogue) -> str:
    same = (plan == plan[k]).all(axis=1)
    return ", ".join(name for j, name in enumerate(arms.names) if same[j] and j != k)
