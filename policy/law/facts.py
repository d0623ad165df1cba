"""What the rules need to know of borrowers as of an instant: place, past contacts, stops, wishes, consents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.book import Book
from ...data.clock import naive_utc
from ...data.settings import LedgerSettings
from ...data.vocabulary import CHANNELS
from ..status import known_status, open_status, opted_out
from ..zones import Micros, to_micros
from .compose import Actor
from .groups import TraitColumns, traits_of
from .history import FOREVER, NEVER, Contacts
from .reading import (
    Needs,
    micros_of,
    read_consents,
    read_contacts,
    read_first_talk,
    read_loans,
    read_overdue,
    read_places,
    read_points,
)
from .traits import Traits

__all__ = ["FOREVER", "NEVER", "Contacts", "Facts", "known_borrowers", "read_facts"]


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
    status : DataFrame
        Every known status event: owner, kind, loan_id, channel, at, until, detail; `open` says whether it still holds.
    consents : DataFrame
        owner, channel, kind, given, revoked (UTC microseconds, FOREVER where it stands).
    loans, points : DataFrame
        Open loans and live endpoints, where a rule asks for them.
    debts : DataFrame
        owner and key of the open loans, as `contacts` codes them.
    overdue_since : ndarray of shape (n,)
        Ordinal of the day on which the oldest open due fell; 0 where nothing is known to be overdue.
    first_talk : ndarray of shape (n,)
        UTC microseconds; FOREVER where nobody was ever spoken with.
    actor : Actor
        Who makes the contacts.
    group, traits : ndarray of shape (n,), list of Traits
        What decides which rules and hours hold, by code; -1 for who is not known.
    """

    borrower_id: NDArray[np.object_]
    as_of: int
    known: NDArray[np.bool_]
    timezone: NDArray[np.object_]
    jurisdiction: NDArray[np.object_]
    contacts: Contacts
    refused: NDArray[np.bool_]
    status: pd.DataFrame
    consents: pd.DataFrame
    loans: pd.DataFrame
    points: pd.DataFrame
    debts: pd.DataFrame
    former: pd.DataFrame
    overdue_since: Micros
    first_talk: Micros
    actor: Actor
    group: Micros
    traits: list[Traits]
    loan_codes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.borrower_id)

    @cached_property
    def standing_consents(self) -> pd.DataFrame:
        """Consents that are not revoked."""
        return self.consents[self.consents["revoked"] >= FOREVER]


def known_borrowers(book: Book, as_of: datetime) -> NDArray[np.object_]:
    """Return the borrowers that the book knew before an instant, sorted."""
    table = book.table("borrowers")
    instant = ibis.literal(naive_utc(as_of), type="timestamp")
    expression = table.filter(table.valid_from < instant).select("borrower_id").distinct().order_by("borrower_id")
    return np.asarray(expression.to_pyarrow()["borrower_id"].to_pylist(), dtype=object)


def read_facts(
    book: Book,
    as_of: datetime,
    borrower_ids: Sequence[str] | None,
    needs: Needs,
    actor: Actor | None = None,
    ledger: LedgerSettings | None = None,
) -> Facts:
    """Read what the rules need from a book.

    Parameters
    ----------
    as_of : datetime
        Aware; only what was known before it is read.
    borrower_ids : sequence of str of shape (n,), optional
        Whom to read, in this order; everybody known, sorted, where left out.
    needs : Needs
        What the packs ask for.
    actor : Actor, optional
        Who makes the contacts; not known by default.
    ledger : LedgerSettings, optional
    """
    names = known_borrowers(book, as_of) if borrower_ids is None else np.asarray(list(borrower_ids), dtype=object)
    index = pd.Index(names, dtype="str")
    now, former = read_places(book, as_of, index, needs.reach_days)
    status = known_status(book, as_of)
    status = status[index.get_indexer(pd.Index(status["borrower_id"])) >= 0].reset_index(drop=True)
    contacts, loan_codes = read_contacts(book, as_of, names, actor or Actor(), needs)
    loans = read_loans(book, as_of, index) if needs.debts or needs.products else _none("owner", "loan_id", "product")
    held = _status(status, as_of, index)
    wishes = held["open"] & held["kind"].isin(("quiet_place", "quiet_endpoint"))
    points = (
        read_points(book, as_of, index) if needs.endpoints or wishes.any() else _none("owner", "channel", "endpoint_id", "kind")
    )
    consents = read_consents(book, as_of, index)
    overdue = read_overdue(book, as_of, names, ledger or LedgerSettings()) if needs.overdue else np.zeros(len(names), np.int64)
    known = now["jurisdiction"].notna().to_numpy(dtype=bool)
    columns = TraitColumns(
        known, now.fillna("").reset_index(drop=True), former, loans if needs.products else loans.iloc[:0], points,
        held[held["open"]], consents[consents["revoked"] >= FOREVER], overdue,
    )  # fmt: skip
    group, traits = traits_of(columns, needs, to_micros(as_of))
    return Facts(
        borrower_id=names,
        as_of=to_micros(as_of),
        known=known,
        timezone=now["timezone"].fillna("").to_numpy(dtype=object),
        jurisdiction=now["jurisdiction"].fillna("").to_numpy(dtype=object),
        contacts=contacts,
        refused=_refused(status, index),
        status=held,
        consents=consents,
        loans=loans,
        points=points,
        debts=_debts(loans, loan_codes),
        former=former,
        overdue_since=overdue,
        first_talk=read_first_talk(book, as_of, index) if needs.first_talk else np.full(len(names), FOREVER, dtype=np.int64),
        actor=actor or Actor(),
        group=group,
        traits=traits,
        loan_codes=loan_codes,
    )


def _none(*columns: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="int64" if name == "owner" else "str") for name in columns})


def _refused(status: pd.DataFrame, index: pd.Index) -> NDArray[np.bool_]:
    refused = np.zeros((len(index), len(CHANNELS)), dtype=bool)
    out = opted_out(status)
    refused[index.get_indexer(pd.Index(out["borrower_id"])), [CHANNELS.index(channel) for channel in out["channel"]]] = True
    return refused


def _status(status: pd.DataFrame, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    standing = open_status(status, as_of).index
    return pd.DataFrame(
        {
            "owner": index.get_indexer(pd.Index(status["borrower_id"])),
            "kind": status["kind"],
            "loan_id": status["loan_id"].fillna(""),
            "channel": status["channel"].fillna(""),
            "at": micros_of(status["at"], NEVER),
            "until": micros_of(status["until"], FOREVER),
            "detail": status["detail"].fillna(""),
            "open": status.index.isin(standing),
        }
    )


def _debts(loans: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    """Return owner and key of open loans; loans that no contact mentions have keys of their own."""
    named = pd.Index(codes, dtype="str")
    key = named.get_indexer(pd.Index(loans["loan_id"], dtype="str"))
    fresh = np.flatnonzero(key < 0)
    key[fresh] = len(codes) + np.arange(len(fresh))
    return pd.DataFrame({"owner": loans["owner"].to_numpy(dtype=np.int64), "key": key.astype(np.int64)})
