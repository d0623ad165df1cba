"""What is open about a borrower as of an instant: stops, opt-outs, promises, complaints."""

from datetime import datetime
from typing import Any

import ibis
import pandas as pd

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import CHANNELS, LOAN_ENDING_KINDS

_CLEARING = ("resolved", "opt_in", "promise_kept", "promise_broken")
_PASSING = (*_CLEARING, "opt_out", "bureau_reported", "override", "offer_accepted", *LOAN_ENDING_KINDS)


def known_status(book: Book, as_of: datetime) -> pd.DataFrame:
    """Return the status events known before an instant.

    Returns
    -------
    DataFrame
        borrower_id, loan_id, kind, channel, at, until, known_at (UTC without a zone), in no particular order.
    """
    events = book.table("status_events")
    return _frame(events.filter(events.known_at < ibis.literal(naive_utc(as_of), type="timestamp")))


def open_status(events: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Keep the events that still hold: neither run out nor ended by a later one.

    A `resolved` ends what was opened before it for the borrower, or for its loan where it names one; a kept or broken
    promise ends promises in the same way. An event of the same instant ends nothing: in doubt a stop stands.

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
    opened = events[~events["kind"].isin(_PASSING)]
    opened = opened[opened["until"].isna() | (opened["until"] >= pd.Timestamp(naive_utc(as_of)))]
    ended = _ended(opened, events[events["kind"] == "resolved"])
    settled = _ended(opened, events[events["kind"].isin(("promise_kept", "promise_broken"))]) & (opened["kind"] == "promise")
    return opened[~(ended | settled)]


def _ended(opened: pd.DataFrame, clearing: pd.DataFrame) -> pd.Series:
    whole = clearing[clearing["loan_id"].isna()].groupby("borrower_id")["at"].max()
    single = clearing[clearing["loan_id"].notna()].groupby(["borrower_id", "loan_id"])["at"].max()
    by_person = pd.Series(whole.reindex(opened["borrower_id"]).to_numpy(), index=opened.index)
    keys = pd.MultiIndex.from_frame(opened[["borrower_id", "loan_id"]])
    by_loan = pd.Series(single.reindex(keys).to_numpy(), index=opened.index)
    return (by_person > opened["at"]) | (by_loan > opened["at"])


def opted_out(events: pd.DataFrame) -> pd.DataFrame:
    """Return the channels that borrowers have refused and not opened again.

    Returns
    -------
    DataFrame
        borrower_id, channel; a row per closed channel. An opt-out without a channel closes every channel.
    """
    refusals, openings = (_latest_by_channel(events[events["kind"] == kind]) for kind in ("opt_out", "opt_in"))
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
    text = dict.fromkeys(("borrower_id", "loan_id", "kind", "channel"), "str")
    instants = dict.fromkeys(("at", "until", "known_at"), "datetime64[us]")
    return frame.astype({**text, **instants})
