"""Reading from a book what the rules need: contacts, consents, places, loans, endpoints. Only what was known before as_of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ...data.book import Book
from ...data.clock import naive_utc
from ...data.settings import LedgerSettings
from ...data.vocabulary import CHANNELS, CONTACT_POINT_KINDS, OUTCOMES
from ...features.ledger import loans_with_end, position
from ...features.points import decision_points
from ..zones import Micros
from .compose import Actor
from .history import FOREVER, UNKNOWN, Coded, Contacts


@dataclass(frozen=True)
class Needs:
    """What the packs in force ask of the book beside the plain history.

    Parameters
    ----------
    reach_days : int
        Days back that any rule looks at past contacts.
    debts, products, endpoints, overdue, first_talk : bool
        Whether a rule counts by debt, selects by product, asks for the kind of endpoint, for days overdue, for the first talk.
    lifting : frozenset of str
        Kinds of consents that lift hours.
    overdue_days : int
        Days overdue of which hours depend, the most; -1 where none do.
    """

    reach_days: int
    debts: bool = False
    products: bool = False
    endpoints: bool = False
    overdue: bool = False
    first_talk: bool = False
    lifting: frozenset[str] = frozenset()
    overdue_days: int = -1


def instant_of(as_of: datetime) -> ibis.Value:
    """Return as_of for comparison with a book's instants."""
    return ibis.literal(naive_utc(as_of), type="timestamp")


def micros_of(column: pd.Series, missing: int) -> Micros:
    """Return instants as UTC microseconds."""
    values = column.to_numpy(dtype="datetime64[us]")
    return np.asarray(np.where(np.isnat(values), missing, values.astype(np.int64)), dtype=np.int64)


def read_contacts(
    book: Book, as_of: datetime, names: NDArray[np.object_], actor: Actor, needs: Needs
) -> tuple[Contacts, list[str]]:
    """Read recent contacts, and the loans that they mention; two days are added because local days reach beyond UTC ones."""
    since = naive_utc(as_of) - pd.Timedelta(days=needs.reach_days + 2)
    owners = pa.table({"owner_id": pa.array(names, pa.string()), "owner": np.arange(len(names))})
    table = book.table("contacts")
    recent = table.filter((table.known_at < instant_of(as_of)) & (table.at >= ibis.literal(since, type="timestamp")))
    with book.points(owners) as lent:
        joined = recent.join(lent, recent.borrower_id == lent.owner_id)
        rows = joined.select(
            "owner", "at", "channel", "outcome", "direction", "party", "purpose", "endpoint_id", "endpoint_kind", "actor",
            "principal", *(["loan_ids"] if needs.debts else []),
        ).to_pyarrow()  # fmt: skip
    owner = rows["owner"].to_numpy().astype(np.int64)
    at = rows["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.lexsort((-at, owner))
    words = {name: _coded(rows[name], order) for name in ("party", "purpose", "endpoint_id", "actor", "principal")}
    loans, codes = _mentioned(rows.column("loan_ids"), order) if needs.debts else ((np.empty(0, np.int64),) * 2, [])
    found = Contacts(
        owner=owner[order],
        at=at[order],
        channel=_codes(rows["channel"], CHANNELS, order),
        outcome=_codes(rows["outcome"], OUTCOMES, order),
        kind=_codes(rows["endpoint_kind"], CONTACT_POINT_KINDS, order),
        endpoint=words["endpoint_id"].codes,
        outbound=np.asarray(_codes(rows["direction"], ("in", "out"), order) == 1),
        by_actor=_ours(words["actor"], actor.name),
        by_principal=_ours(words["principal"], actor.principal),
        party=words["party"],
        purpose=words["purpose"],
        loans=loans,
    )
    return found, codes


def _ours(column: Coded, own: str) -> NDArray[np.bool_]:
    """Tell which contacts count as one's own: what does not say whose it is may be anybody's."""
    return np.asarray((column.codes == UNKNOWN) | column.among([own]), dtype=bool) if own else np.ones(len(column.codes), bool)


def _coded(column: pa.ChunkedArray, order: Micros) -> Coded:
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(codes[order], tuple(encoded.dictionary.to_pylist()))


def _codes(column: pa.ChunkedArray, words: Sequence[str], order: Micros) -> NDArray[np.int64]:
    coded = _coded(column, order)
    positions = np.array([*(words.index(word) for word in coded.words), UNKNOWN], dtype=np.int64)
    return positions[coded.codes]


def _mentioned(column: pa.ChunkedArray, order: Micros) -> tuple[tuple[Micros, Micros], list[str]]:
    """Return pairs of a contact's position, after ordering, and the code of a loan it mentions; and the loans."""
    lists = column.combine_chunks()
    loans = lists.flatten().dictionary_encode()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    parents = pa.compute.list_parent_indices(lists).to_numpy().astype(np.int64)
    codes = loans.indices.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    known = codes != UNKNOWN
    return (place[parents[known]], codes[known]), loans.dictionary.to_pylist()


def read_consents(book: Book, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    """Return owner, channel, kind, given and revoked (UTC microseconds; FOREVER where it stands) of the known consents."""
    table, instant = book.table("consents"), instant_of(as_of)
    rows = table.filter((table.known_at < instant) & (table.given_at < instant))
    rows = rows.select("borrower_id", "channel", "kind", "given_at", "revoked_at").to_pandas()
    frame = pd.DataFrame(
        {
            "owner": index.get_indexer(pd.Index(rows["borrower_id"], dtype="str")),
            "channel": rows["channel"].astype("str").to_numpy(),
            "kind": rows["kind"].astype("str").to_numpy(),
            "given": micros_of(rows["given_at"], FOREVER),
            "revoked": micros_of(rows["revoked_at"], FOREVER),
        }
    )
    # What is to be revoked later is not revoked yet.
    last = np.datetime64(naive_utc(as_of), "us").astype(np.int64)
    frame["revoked"] = frame["revoked"].where(frame["revoked"] < last, FOREVER)
    return frame[frame["owner"] >= 0].reset_index(drop=True)


def read_places(book: Book, as_of: datetime, index: pd.Index, reach_days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return where borrowers are, and where else they were within the reach of past contacts.

    Returns
    -------
    now : DataFrame
        timezone and jurisdiction by borrower, in the order of the index; missing where not known.
    former : DataFrame
        owner, timezone, jurisdiction; one row per place that is not the present one.
    """
    table = book.table("borrowers")
    valid = table.filter(table.valid_from < instant_of(as_of))
    rows = valid.select("borrower_id", "timezone", "jurisdiction", "valid_from").to_pandas()
    rows = rows.astype({"borrower_id": "str", "timezone": "str", "jurisdiction": "str", "valid_from": "datetime64[us]"})
    rows = rows[index.get_indexer(pd.Index(rows["borrower_id"])) >= 0].sort_values(
        ["borrower_id", "valid_from"], ignore_index=True
    )
    left_at = rows.groupby("borrower_id")["valid_from"].shift(-1)
    now = rows[left_at.isna()].set_index("borrower_id")[["timezone", "jurisdiction"]].reindex(index)
    since = pd.Timestamp(naive_utc(as_of)) - pd.Timedelta(days=reach_days + 2)
    before = rows[left_at >= since].fillna({"timezone": ""})
    former = before.assign(owner=index.get_indexer(pd.Index(before["borrower_id"])))[["owner", "timezone", "jurisdiction"]]
    here = now.fillna("").iloc[former["owner"]].reset_index(drop=True)
    former = former.reset_index(drop=True)
    moved = (former["timezone"] != here["timezone"]) | (former["jurisdiction"] != here["jurisdiction"])
    return now, former[moved].drop_duplicates(ignore_index=True)


def read_loans(book: Book, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    """Return owner, loan_id and product of the loans that are open."""
    loans, instant = loans_with_end(book), instant_of(as_of)
    held = loans.filter((loans.opened_at < instant) & (loans.ended_known_at.isnull() | (loans.ended_known_at >= instant)))  # noqa: PD003
    rows = held.select("borrower_id", "loan_id", "product").to_pandas().astype("str")
    rows["owner"] = index.get_indexer(pd.Index(rows["borrower_id"]))
    found: pd.DataFrame = rows.loc[rows["owner"] >= 0, ["owner", "loan_id", "product"]].reset_index(drop=True)
    return found


def read_points(book: Book, as_of: datetime, index: pd.Index) -> pd.DataFrame:
    """Return owner, channel, endpoint_id and kind of the endpoints in use."""
    table, instant = book.table("contact_points"), instant_of(as_of)
    live = table.filter((table.valid_from < instant) & (table.valid_to.isnull() | (table.valid_to >= instant)))  # noqa: PD003
    rows = live.select("borrower_id", "channel", "endpoint_id", "kind").to_pandas().astype("str")
    rows["owner"] = index.get_indexer(pd.Index(rows["borrower_id"]))
    found: pd.DataFrame = rows.loc[rows["owner"] >= 0, ["owner", "channel", "endpoint_id", "kind"]].reset_index(drop=True)
    return found


def read_overdue(book: Book, as_of: datetime, names: NDArray[np.object_], ledger: LedgerSettings) -> Micros:
    """Return the day, as an ordinal, on which each borrower's oldest overdue due fell; 0 where none is known."""
    points = decision_points(names, as_of, ledger)
    with book.points(points) as lent:
        rows = position(book, lent, ledger).select("point_id", "oldest_due_on").to_pandas()
    oldest = pd.to_datetime(rows.set_index("point_id")["oldest_due_on"]).reindex(np.arange(len(names)))
    days = oldest.to_numpy(dtype="datetime64[D]")
    return np.asarray(np.where(np.isnat(days), 0, days.astype(np.int64) + _EPOCH_ORDINAL), dtype=np.int64)


def read_first_talk(book: Book, as_of: datetime, index: pd.Index) -> Micros:
    """Return when each borrower was first spoken with, UTC microseconds; FOREVER where never."""
    table = book.table("contacts")
    talks = table.filter((table.known_at < instant_of(as_of)) & (table.outcome == "conversation") & (table.party == "borrower"))
    rows = talks.group_by("borrower_id").agg(first=talks.at.min()).to_pandas()
    found = pd.Series(micros_of(rows["first"], FOREVER), index=rows["borrower_id"].astype("str"))
    return np.asarray(found.reindex(index).fillna(FOREVER).to_numpy(dtype=np.int64), dtype=np.int64)


_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
