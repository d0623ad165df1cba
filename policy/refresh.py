"""Endpoints that reach nobody: a task to find a better one, instead of writing on into the void or falling silent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import ArmCatalogue
from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import CHANNELS, DELIVERED_OUTCOMES, FAILED_OUTCOMES
from .settings import PolicySettings

ENDED, WRONG_PARTY, FAILING, UNVERIFIED = "ended", "wrong_party", "failing", "unverified"
# Under these the channel is not used until somebody has looked after it; an unverified endpoint may still be the right one.
DEAD: Final = (ENDED, WRONG_PARTY, FAILING)
DEAD_ENDPOINT: Final = "endpoint.dead"
COLUMNS: Final = ("borrower_id", "channel", "cause", "since", "task")
TASK: Final = "refresh_contact_point"


def refresh_tasks(book: Book, borrower_ids: Sequence[str], as_of: datetime, settings: PolicySettings) -> pd.DataFrame:
    """Return the channels on which a borrower can no longer be reached, or may not be the one who is reached.

    A channel of which the book never had an endpoint is not listed: nothing is known to be wrong with it.

    Parameters
    ----------
    borrower_ids : sequence of str
    as_of : datetime
        Aware; only what was known before it counts.

    Returns
    -------
    DataFrame
        borrower_id, channel, cause (ended: no endpoint is valid any more; wrong_party: somebody else answered last; failing:
        so many failures in a row; unverified: nobody ever verified it), since (UTC), task; by borrower and channel.
    """
    instant = ibis.literal(naive_utc(as_of), type="timestamp")
    points = _endpoints(book, instant)
    points = points[points["borrower_id"].isin(list(borrower_ids)) & points["channel"].isin(settings.refresh.channels)]
    found = points.merge(_failures(book, instant, points), on=["borrower_id", "channel"], how="left")
    ended = found["live"] == 0
    wrong = found["wrong_last"].fillna(0).astype(bool)
    failing = found["failed"].fillna(0) >= settings.refresh.failures
    unverified = found["verified_at"].isna()
    found["cause"] = np.select([ended, wrong, failing, unverified], [ENDED, WRONG_PARTY, FAILING, UNVERIFIED], "")
    since = np.select([ended, wrong | failing], [found["ended_at"], found["failed_at"]], found["added_at"])
    found["since"] = pd.to_datetime(pd.Series(since, index=found.index), utc=True)
    found["task"] = TASK
    kept = found[found["cause"] != ""].sort_values(["borrower_id", "channel"], ignore_index=True)
    return kept[list(COLUMNS)]


def dead_channels(tasks: pd.DataFrame, borrower_ids: Sequence[str]) -> NDArray[np.bool_]:
    """Return on which channels contact would reach nobody, of shape (n, channels), in the order of `CHANNELS`."""
    dead = np.zeros((len(borrower_ids), len(CHANNELS)), dtype=bool)
    rows = tasks[tasks["cause"].isin(DEAD)]
    at = pd.Index(list(borrower_ids)).get_indexer(pd.Index(rows["borrower_id"]))
    channel = pd.Index(CHANNELS).get_indexer(pd.Index(rows["channel"]))
    dead[at[at >= 0], channel[at >= 0]] = True
    return dead


def dead_arms(dead: NDArray[np.bool_], arms: ArmCatalogue) -> NDArray[np.bool_]:
    """Return which arms use a dead channel, of shape (n, K)."""
    uses = np.nan_to_num(arms.dose_matrix) > 0
    return np.asarray(dead.astype(np.int64) @ uses.T.astype(np.int64) > 0)


def _endpoints(book: Book, instant: Any) -> pd.DataFrame:
    """Return what is known of each borrower's endpoints on each channel."""
    listed = book.table("contact_points")
    seen = listed.filter(listed.valid_from < instant)
    over = (seen.valid_to < instant).fill_null(False)  # noqa: FBT003  ibis's own signature
    seen = seen.mutate(live=~over, verified=(seen.verified_at < instant).ifelse(seen.verified_at, None))
    sums = seen.group_by(["borrower_id", "channel"]).agg(
        live=seen.live.cast("int32").sum(),
        verified_at=seen.verified.max(where=seen.live),
        added_at=seen.valid_from.max(where=seen.live),
        ended_at=seen.valid_to.max(where=~seen.live),
    )
    instants = dict.fromkeys(("verified_at", "added_at", "ended_at"), "datetime64[us]")
    frame: pd.DataFrame = sums.to_pandas().astype({"borrower_id": "str", "channel": "str", **instants})
    return frame


def _failures(book: Book, instant: Any, points: pd.DataFrame) -> pd.DataFrame:
    """Return failures in a row on each channel, later than the last success and than the endpoint itself."""
    contacts = book.table("contacts")
    told = contacts.filter(
        (contacts.known_at < instant)
        & (contacts.direction == "out")
        & contacts.outcome.isin([*FAILED_OUTCOMES, *DELIVERED_OUTCOMES])
    )
    frame = told.select("borrower_id", "channel", "at", "outcome").to_pandas()
    frame = frame.astype({"borrower_id": "str", "channel": "str", "outcome": "str", "at": "datetime64[us]"})
    joined = frame.merge(points, on=["borrower_id", "channel"])
    fresh = joined[["added_at", "verified_at"]].max(axis=1)
    joined = joined[fresh.isna() | (joined["at"] > fresh)]
    good = joined[joined["outcome"].isin(DELIVERED_OUTCOMES)].groupby(["borrower_id", "channel"])["at"].max()
    keys = pd.MultiIndex.from_frame(joined[["borrower_id", "channel"]])
    last_good = pd.Series(good.reindex(keys).to_numpy(), index=joined.index)
    failed = joined[joined["outcome"].isin(FAILED_OUTCOMES) & (last_good.isna() | (joined["at"] > last_good))]
    failed = failed.sort_values("at", kind="stable").assign(wrong=lambda t: t["outcome"] == "answered_wrong_party")
    each = failed.groupby(["borrower_id", "channel"], as_index=False)
    return pd.DataFrame(each.agg(failed=("at", "size"), failed_at=("at", "max"), wrong_last=("wrong", "last")))
