"""What has become known since a plan was laid: newer decisions, clearing events, moves, contacts that were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import ibis
import pandas as pd

from ..data.book import Book
from ..data.clock import as_utc, naive_utc

_UNKNOWN = ""


@dataclass(frozen=True)
class Meanwhile:
    """What some borrowers' tables say by an instant; every frame is indexed by borrower, the contacts by decision.

    Parameters
    ----------
    decisions : DataFrame
        decision_id, as_of.
    news : DataFrame
        kind, known_at of clearing events.
    places : DataFrame
        valid_from, place; in the order of valid_from.
    contacts : DataFrame
        at of outbound contacts.
    """

    decisions: pd.DataFrame
    news: pd.DataFrame
    places: pd.DataFrame
    contacts: pd.DataFrame

    @classmethod
    def read(cls, book: Book, borrower_ids: Sequence[str], until: datetime, clearing: Sequence[str]) -> Self:
        """Read what was known before an instant.

        Parameters
        ----------
        until : datetime
            Aware.
        clearing : sequence of str
            Kinds of events that end a commitment.
        """
        instant = ibis.literal(naive_utc(until), type="timestamp")
        ids = list(borrower_ids)

        def known(table: str, column: str) -> Any:
            rows = book.table(table)
            return rows.filter((rows[column] < instant) & rows.borrower_id.isin(ids))

        decisions = known("decisions", "as_of").select("borrower_id", "decision_id", "as_of").to_pandas()
        news = known("status_events", "known_at").filter(lambda t: t.kind.isin(list(clearing)))
        people = known("borrowers", "valid_from").select("borrower_id", "valid_from", "timezone", "jurisdiction").to_pandas()
        text = people[["timezone", "jurisdiction"]].astype("object").fillna(_UNKNOWN).astype(str)
        people = people.assign(place=text["timezone"] + " " + text["jurisdiction"]).sort_values("valid_from", kind="stable")
        out = known("contacts", "known_at").filter(lambda t: (t.direction == "out") & t.decision_id.notnull())  # noqa: PD004  ibis
        return cls(
            decisions.set_index("borrower_id"),
            news.select("borrower_id", "kind", "known_at").to_pandas().set_index("borrower_id"),
            people.set_index("borrower_id")[["valid_from", "place"]],
            out.select("decision_id", "at").to_pandas().set_index("decision_id"),
        )

    def newer_decision(self, borrower_id: str, decision_id: str, decided_at: datetime) -> bool:
        """Tell whether another decision was taken after this one."""
        own = _own(self.decisions, borrower_id)
        return bool(((own["decision_id"] != decision_id) & (own["as_of"] > _naive(decided_at))).any())

    def cleared_by(self, borrower_id: str, decided_at: datetime) -> list[str]:
        """Return the kinds of events that were not known to the decision and end its commitment."""
        own = _own(self.news, borrower_id)
        return sorted(own.loc[own["known_at"] >= _naive(decided_at), "kind"].astype(str).unique())

    def moved(self, borrower_id: str, laid_at: datetime) -> bool:
        """Tell whether the borrower's zone or jurisdiction is another than the one the window was laid for."""
        own = _own(self.places, borrower_id)
        before = own.loc[own["valid_from"] < _naive(laid_at), "place"]
        return bool(len(before) and len(own) and before.iloc[-1] != own["place"].iloc[-1])

    def made(self, decision_id: str, start: datetime) -> bool:
        """Tell whether the decision's contact was made already: an outbound one from the window's begin on."""
        return bool((_own(self.contacts, decision_id)["at"] >= _naive(start)).any())


def _own(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    found: pd.DataFrame = frame.loc[frame.index == key]
    return found


def _naive(instant: datetime) -> pd.Timestamp:
    return pd.Timestamp(naive_utc(as_utc(instant)))
