"""One borrower's facts out of many."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from ...data.vocabulary import CHANNELS, CONTACT_POINT_KINDS, OUTCOMES
from ..zones import from_micros
from .clock import Place
from .facts import Facts
from .history import FOREVER, UNKNOWN
from .person import BorrowerFacts, Endpoint, GivenConsent, OpenLoan, PastContact, StatusEvent


def facts_of(facts: Facts, position: int) -> BorrowerFacts:
    """Return one borrower's facts out of many."""
    since = int(facts.overdue_since[position])
    return BorrowerFacts(
        place=Place(str(facts.timezone[position]), str(facts.jurisdiction[position])),
        contacts=_contacts(facts, position),
        events=_events(_own(facts.status, position)),
        consents=tuple(
            GivenConsent(channel, kind, from_micros(given), instant_of(revoked))
            for channel, kind, given, revoked in _rows(_own(facts.consents, position), "channel", "kind", "given", "revoked")
        ),
        loans=tuple(OpenLoan(loan, product) for loan, product in _rows(_own(facts.loans, position), "loan_id", "product")),
        endpoints=tuple(Endpoint(*row) for row in _rows(_own(facts.points, position), "channel", "endpoint_id", "kind")),
        former=tuple(Place(*row) for row in _rows(_own(facts.former, position), "timezone", "jurisdiction")),
        overdue_since=date.fromordinal(since) if since > 0 else None,
        first_talk=instant_of(int(facts.first_talk[position])),
        actor=facts.actor,
        as_of=from_micros(facts.as_of),
    )


def _own(frame: pd.DataFrame, position: int) -> pd.DataFrame:
    return frame[frame["owner"] == position]


def _rows(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(zip(*(frame[column] for column in columns), strict=True))


def instant_of(micros: int) -> datetime | None:
    """Return the instant, or None where there is no end to wait for."""
    return None if micros >= FOREVER else from_micros(micros)


def _events(rows: pd.DataFrame) -> tuple[StatusEvent, ...]:
    columns = ("kind", "at", "until", "channel", "loan_id", "detail")
    return tuple(
        StatusEvent(kind, from_micros(at), instant_of(until), channel or None, loan or None, detail or None)
        for kind, at, until, channel, loan, detail in _rows(rows, *columns)
    )


def _contacts(facts: Facts, position: int) -> tuple[PastContact, ...]:
    contacts = facts.contacts
    own = np.flatnonzero(contacts.owner == position)
    (place, loan), at = contacts.loans, contacts.at
    return tuple(
        PastContact(
            from_micros(int(at[i])),
            CHANNELS[contacts.channel[i]],
            OUTCOMES[contacts.outcome[i]],
            "out" if contacts.outbound[i] else "in",
            contacts.party.words[contacts.party.codes[i]],
            contacts.purpose.words[contacts.purpose.codes[i]],
            None if contacts.endpoint[i] == UNKNOWN else str(contacts.endpoint[i]),
            None if contacts.kind[i] == UNKNOWN else CONTACT_POINT_KINDS[contacts.kind[i]],
            # Whose contact it was has been told already: somebody else's counts only where nobody's own is asked for.
            None if contacts.by_actor[i] else f"not {facts.actor.name}",
            None if contacts.by_principal[i] else f"not {facts.actor.principal}",
            tuple(facts.loan_codes[code] for code in loan[place == i]),
        )
        for i in own
    )
