"""What the rules need to know of borrowers as of an instant: place, past contacts, stops, opt-outs, consents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import CHANNELS, OUTCOMES
from .rule_model import ALL_CHANNELS_OUT, Match
from .status import known_status, open_status, opted_out
from .zones import Micros, to_micros

# Instants that stand for "never happened" and "for good"; far enough apart to add days to either.
NEVER: Final = -(1 << 60)
FOREVER: Final = 1 << 60


@dataclass(frozen=True)
class Contacts:
    """Past contacts of many borrowers, by borrower and then the latest first.

    Parameters
    ----------
    owner : ndarray of shape (m,)
        Position of the borrower.
    at : ndarray of shape (m,)
        UTC microseconds.
    channel, outcome : ndarray of shape (m,)
        Codes into `CHANNELS` and `OUTCOMES`.
    outbound : ndarray of shape (m,)
        Whether the lender began it.
    party : ndarray of shape (m,)
        Who was spoken to.
    """

    owner: Micros
    at: Micros
    channel: NDArray[np.int64]
    outcome: NDArray[np.int64]
    outbound: NDArray[np.bool_]
    party: NDArray[np.object_]

    def select(self, match: Match, outcomes: Sequence[str] | None) -> NDArray[np.bool_]:
        """Tell which contacts a rule counts, of shape (m,)."""
        chosen = np.isin(self.channel, [CHANNELS.index(channel) for channel in match.channels])
        if match.direction != "any":
            chosen &= self.outbound == (match.direction == "out")
        if match.party is not None:
            chosen &= np.isin(self.party.astype(str), list(match.party))
        if outcomes is not None:
            chosen &= np.isin(self.outcome, [OUTCOMES.index(outcome) for outcome in outcomes])
        return chosen

    def latest(self, chosen: NDArray[np.bool_], n: int, depth: int) -> Micros:
        """Return each borrower's latest chosen contacts, of shape (n, depth), the latest first; NEVER where there are fewer."""
        owner, at = self.owner[chosen], self.at[chosen]
        rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
        found = np.full((n, depth), NEVER, dtype=np.int64)
        kept = rank < depth
        found[owner[kept], rank[kept]] = at[kept]
        return found


@dataclass(frozen=True)
class Facts:
    """What the rules need to know of n borrowers as of one instant.

    Parameters
    ----------
    borrower_id : ndarray of shape (n,)
    as_of : int
        UTC microseconds.
    known : ndarray of shape (n,)
        Whether the book has the borrower at all.
    timezone, jurisdiction : ndarray of shape (n,)
        Text; empty where not known.
    contacts : Contacts
    refused : ndarray of shape (n, channels)
        Opted out of the channel.
    stops : dict
        Status to an array of shape (n,): the last instant at which it holds, NEVER where it is not open.
    consents : DataFrame
        owner, channel, kind, given (UTC microseconds); those neither revoked nor unknown.
    """

    borrower_id: NDArray[np.object_]
    as_of: int
    known: NDArray[np.bool_]
    timezone: NDArray[np.object_]
    jurisdiction: NDArray[np.object_]
    contacts: Contacts
    refused: NDArray[np.bool_]
    stops: dict[str, Micros]
    consents: pd.DataFrame

    def __len__(self) -> int:
        return len(self.borrower_id)


def known_borrowers(book: Book, as_of: datetime) -> NDArray[np.object_]:
    """Return the borrowers that the book knew before an instant, sorted."""
    table = book.table("borrowers")
    expression = table.filter(table.valid_from < _literal(as_of)).select("borrower_id").distinct().order_by("borrower_id")
    return np.asarray(expression.to_pyarrow()["borrower_id"].to_pylist(), dtype=object)


def read_facts(book: Book, as_of: datetime, borrower_ids: Sequence[str] | None, reach_days: int) -> Facts:
    """Read what the rules need from a book.

    Parameters
    ----------
    as_of : datetime
        Aware; only what was known before it is read.
    borrower_ids : sequence of str of shape (n,), optional
        Whom to read, in this order; everybody known, sorted, where left out.
    reach_days : int
        Days back that any rule looks at past contacts.
    """
    names = known_borrowers(book, as_of) if borrower_ids is None else np.asarray(list(borrower_ids), dtype=object)
    index = pd.Index(names, dtype="str")
    places = _places(book, as_of, index)
    status = known_status(book, as_of)
    status = status[status["borrower_id"].isin(index)]
    refused = np.zeros((len(names), len(CHANNELS)), dtype=bool)
    out = opted_out(status)
    refused[index.get_indexer(pd.Index(out["borrower_id"])), [CHANNELS.index(channel) for channel in out["channel"]]] = True
    return Facts(
        borrower_id=names,
        as_of=to_micros(as_of),
        known=places["jurisdiction"].notna().to_numpy(dtype=bool),
        timezone=places["timezone"].fillna("").to_numpy(dtype=object),
        jurisdiction=places["jurisdiction"].fillna("").to_numpy(dtype=object),
        contacts=_contacts(book, as_of, names, reach_days),
        refused=refused,
        stops=_stops(open_status(status, as_of), refused, index),
        consents=_consents(book, as_of, index),
    )


def _literal(as_of: datetime) -> ibis.Value:
    return ibis.literal(naive_utc(as_of), type="timestamp")


def _places(book: Book, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    table = book.table("borrowers")
    valid = table.filter(table.valid_from < _literal(as_of))
    latest = ibis.row_number().over(group_by=valid.borrower_id, order_by=valid.valid_from.desc())
    rows = valid.mutate(place=latest).filter(lambda t: t.place == 0).select("borrower_id", "timezone", "jurisdiction")
    frame: pd.DataFrame = rows.to_pandas().astype("str").set_index("borrower_id").reindex(index)
    return frame


def _contacts(book: Book, as_of: datetime, names: NDArray[np.object_], reach_days: int) -> Contacts:
    """Read recent contacts; two days are added because local days reach beyond UTC ones."""
    since = naive_utc(as_of) - pd.Timedelta(days=reach_days + 2)
    owners = pa.table({"owner_id": pa.array(names, pa.string()), "owner": np.arange(len(names))})
    table = book.table("contacts")
    recent = table.filter((table.known_at < _literal(as_of)) & (table.at >= ibis.literal(since, type="timestamp")))
    with book.points(owners) as lent:
        joined = recent.join(lent, recent.borrower_id == lent.owner_id)
        rows = joined.select("owner", "at", "channel", "outcome", "direction", "party").to_pyarrow()
    owner = rows["owner"].to_numpy().astype(np.int64)
    at = rows["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.lexsort((-at, owner))
    return Contacts(
        owner[order],
        at[order],
        _codes(rows["channel"], CHANNELS)[order],
        _codes(rows["outcome"], OUTCOMES)[order],
        np.asarray(_codes(rows["direction"], ("in", "out")) == 1)[order],
        np.asarray(rows["party"].to_numpy(), dtype=object)[order],
    )


def _codes(column: pa.ChunkedArray, words: Sequence[str]) -> NDArray[np.int64]:
    encoded = column.combine_chunks().dictionary_encode()
    positions = np.array([words.index(word) for word in encoded.dictionary.to_pylist()], dtype=np.int64)
    return positions[encoded.indices.to_numpy()] if len(encoded) else np.empty(0, dtype=np.int64)


def _stops(status: pd.DataFrame, refused: NDArray[np.bool_], index: pd.Index) -> dict[str, Micros]:
    stops: dict[str, Micros] = {}
    for kind, rows in status.groupby("kind"):
        until = rows["until"].to_numpy(dtype="datetime64[us]")
        last = np.where(np.isnat(until), FOREVER, until.astype(np.int64))
        held = np.full(len(index), NEVER, dtype=np.int64)
        np.maximum.at(held, index.get_indexer(pd.Index(rows["borrower_id"])), last)
        stops[str(kind)] = held
    stops[ALL_CHANNELS_OUT] = np.where(refused.all(axis=1), FOREVER, NEVER)
    return stops


def _consents(book: Book, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    table, instant = book.table("consents"), _literal(as_of)
    valid = table.filter(
        (table.known_at < instant) & (table.given_at < instant)
        & (table.revoked_at.isnull() | (table.revoked_at >= instant))  # noqa: PD003  ibis's own word
    )  # fmt: skip
    rows = valid.select("borrower_id", "channel", "kind", "given_at").to_pandas()
    owner = index.get_indexer(pd.Index(rows["borrower_id"], dtype="str"))
    given = rows["given_at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    frame = pd.DataFrame(
        {
            "owner": owner,
            "channel": rows["channel"].astype("str").to_numpy(),
            "kind": rows["kind"].astype("str").to_numpy(),
            "given": given,
        }
    )
    return frame[frame["owner"] >= 0].reset_index(drop=True)
