"""What is open about a borrower as of an instant: stops, opt-outs, promises, complaints."""

from datetime import datetime
from typing import Any

import ibis
import pandas as pd

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.endings import ENDINGS, PASSING_KINDS, Ending
from ..data.vocabulary import CHANNELS

# The column of what is open that a clearing event's `detail` repeats.
_REPEATED = {"kind": "kind", "same": "detail"}


def known_status(book: Book, as_of: datetime) -> pd.DataFrame:
    """Return the status events known before an instant.

    Returns
    -------
    DataFrame
        borrower_id, loan_id, kind, channel, at, until, known_at (UTC without a zone), detail, in no particular order.
    """
    events = book.table("status_events")
    return _frame(events.filter(events.known_at < ibis.literal(naive_utc(as_of), type="timestamp")))


def open_status(events: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Keep the events that still hold: neither run out nor ended by a later one.

    A `resolved` ends what a lender can settle itself (complaint, dispute, hardship, promise), opened before it for the
    borrower, or for its loan where it names one; whatever else it is to end it has to name in `detail`. A kept or broken
    promise ends promises. A refusal (`cease`, quiet hours, places, endpoints) ends by `opt_in` alone: one without a channel
    and without a detail, or, for the wishes alone, one that repeats the wish's `detail`. An event of the same instant ends
    nothing: in doubt a stop stands.

    Parameters
    ----------
    events : DataFrame
        From `known_status`.
    as_of : datetime
        Aware.

    Returns
    -------
    DataFrame
        The open events, columns as given.
    """
    opened = events[~events["kind"].isin(PASSING_KINDS)]
    opened = opened[opened["until"].isna() | (opened["until"] >= pd.Timestamp(naive_utc(as_of)))]
    ended = pd.Series(data=False, index=opened.index)
    for ending in ENDINGS:
        by_later = ended_by(opened, _clearing(events, ending), _REPEATED.get(ending.detail))
        ended |= by_later & opened["kind"].isin(ending.ends)
    return opened[~ended]


def _clearing(events: pd.DataFrame, ending: Ending) -> pd.DataFrame:
    """Return the events that may end others in one of the ways."""
    rows = events[events["kind"].isin(ending.by)]
    if ending.general:
        rows = rows[rows["channel"].isna()]
    if ending.detail != "any":
        rows = rows[rows["detail"].isna() == (ending.detail == "none")]
    return rows


def ended_by(opened: pd.DataFrame, clearing: pd.DataFrame, key: str | None = None) -> pd.Series:
    """Tell which events a later one ends: of the same borrower, and loan where it names one.

    Parameters
    ----------
    opened, clearing : DataFrame
        Columns as from `known_status`.
    key : str, optional
        The column of `opened` that the clearing event's `detail` must repeat.
    """
    same = ["borrower_id"] if key is None else ["borrower_id", "detail"]
    own = ["borrower_id"] if key is None else ["borrower_id", key]
    whole = clearing[clearing["loan_id"].isna()].groupby(same)["at"].max()
    single = clearing[clearing["loan_id"].notna()].groupby([*same, "loan_id"])["at"].max()
    by_person = _looked_up(whole, opened, own)
    by_loan = _looked_up(single, opened, [*own, "loan_id"])
    return (by_person > opened["at"]) | (by_loan > opened["at"])


def _looked_up(latest: pd.Series, opened: pd.DataFrame, keys: list[str]) -> pd.Series:
    index = pd.MultiIndex.from_frame(opened[keys]) if len(keys) > 1 else opened[keys[0]]
    return pd.Series(latest.reindex(index).to_numpy(), index=opened.index)


def opted_out(events: pd.DataFrame) -> pd.DataFrame:
    """Return the channels that borrowers have refused and not opened again.

    Returns
    -------
    DataFrame
        borrower_id, channel; a row per closed channel. An opt-out without a channel closes every channel.
    """
    # An `opt_in` with a detail takes back a wish about hours, places or endpoints, not the channels.
    openings = _latest_by_channel(events[(events["kind"] == "opt_in") & events["detail"].isna()])
    refusals = _latest_by_channel(events[events["kind"] == "opt_out"])
    both = refusals.merge(openings, on=["borrower_id", "channel"], how="left", suffixes=("", "_opened"))
    # In doubt, at the same instant, the refusal stands.
    standing = both[both["at_opened"].isna() | (both["at_opened"] <= both["at"])]
    return standing[["borrower_id", "channel"]].reset_index(drop=True)


def _latest_by_channel(events: pd.DataFrame) -> pd.DataFrame:
    named = events.loc[events["channel"].notna(), ["borrower_id", "channel", "at"]]
    general = events.loc[events["channel"].isna(), ["borrower_id", "at"]].merge(
        pd.DataFrame({"channel": CHANNELS}), how="cross"
    )
    together = pd.concat([named, general[["borrower_id", "channel", "at"]]], ignore_index=True)
    return together.groupby(["borrower_id", "channel"])["at"].max().reset_index()


def _frame(expression: Any) -> pd.DataFrame:
    frame: pd.DataFrame = expression.to_pandas()
    # A column of nulls alone comes back without a type; comparisons below need their own.
    text = dict.fromkeys(("borrower_id", "loan_id", "kind", "channel", "detail"), "str")
    instants = dict.fromkeys(("at", "until", "known_at"), "datetime64[us]")
    return frame.astype({**text, **instants})
