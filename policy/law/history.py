"""Past contacts of many borrowers as codes, and the buckets in which rules count them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.vocabulary import CHANNELS, CONTACT_POINT_KINDS, OUTCOMES
from ..zones import Micros
from .model import Match
from .pacing import EXCESS_CONSENT, Exclusion

# Instants that stand for "never happened" and "for good"; far enough apart to add days to either.
NEVER: Final = -(1 << 60)
FOREVER: Final = 1 << 60
UNKNOWN: Final = -1


@dataclass(frozen=True)
class Coded:
    """A column of words as codes into a list of them.

    Parameters
    ----------
    codes : ndarray of shape (m,)
    words : tuple of str
    """

    codes: NDArray[np.int64]
    words: tuple[str, ...]

    def among(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """Tell which entries are one of some words."""
        chosen = np.array([word in wanted for word in self.words] or [False], dtype=bool)
        return chosen[self.codes] if len(self.codes) else np.zeros(0, dtype=bool)


@dataclass(frozen=True)
class Contacts:
    """Past contacts of many borrowers, by borrower and then the latest first.

    Parameters
    ----------
    owner : ndarray of shape (m,)
        Position of the borrower.
    at : ndarray of shape (m,)
        UTC microseconds.
    channel, outcome, kind, endpoint : ndarray of shape (m,)
        Codes into `CHANNELS`, `OUTCOMES`, `CONTACT_POINT_KINDS` and of endpoints; -1 where not known.
    outbound, by_actor, by_principal : ndarray of shape (m,)
        Whether the lender began it; whether it counts as the actor's, as the principal's.
    party, purpose : Coded of shape (m,)
    loans : (ndarray, ndarray) of shape (pairs,)
        Position of a contact, and the code of a loan that it mentioned.
    """

    owner: Micros
    at: Micros
    channel: NDArray[np.int64]
    outcome: NDArray[np.int64]
    kind: NDArray[np.int64]
    endpoint: NDArray[np.int64]
    outbound: NDArray[np.bool_]
    by_actor: NDArray[np.bool_]
    by_principal: NDArray[np.bool_]
    party: Coded
    purpose: Coded
    loans: tuple[Micros, Micros]

    def select(self, match: Match, outcomes: Sequence[str] | None) -> NDArray[np.bool_]:
        """Tell which contacts a rule speaks of, of shape (m,); an endpoint of unknown kind is of every kind."""
        chosen = _among(self.channel, [CHANNELS.index(channel) for channel in match.channels], len(CHANNELS))
        if match.direction != "any":
            chosen &= self.outbound == (match.direction == "out")
        if match.party is not None:
            chosen &= self.party.among(match.party)
        if match.purpose is not None:
            chosen &= self.purpose.among(match.purpose)
        if match.endpoints is not None:
            kinds = [UNKNOWN, *(CONTACT_POINT_KINDS.index(kind) for kind in match.endpoints)]
            chosen &= _among(self.kind, kinds, len(CONTACT_POINT_KINDS))
        if outcomes is not None:
            chosen &= _among(self.outcome, [OUTCOMES.index(outcome) for outcome in outcomes], len(OUTCOMES))
        return chosen

    def excluded(self, exclusions: Sequence[Exclusion]) -> NDArray[np.bool_]:
        """Tell which contacts a rule leaves out by what they say of themselves, of shape (m,)."""
        out = np.zeros(len(self.owner), dtype=bool)
        for one in exclusions:
            if one.excess_consent is None:
                match = Match(
                    direction=one.direction or "any", channels=one.channels or CHANNELS, party=one.party, purpose=one.purpose
                )
                out |= self.select(match, one.outcome)
        return out

    def under_consent(self, consents: pd.DataFrame) -> NDArray[np.bool_]:
        """Tell which contacts were made under a consent.

        Parameters
        ----------
        consents : DataFrame
            owner, channel, given, end (UTC microseconds).
        """
        out = np.zeros(len(self.owner), dtype=bool)
        own = np.flatnonzero(np.isin(self.owner, consents["owner"].to_numpy()))
        made = pd.DataFrame({"row": own, "owner": self.owner[own], "channel": self.channel[own], "at": self.at[own]})
        given = consents.assign(channel=[CHANNELS.index(one) for one in consents["channel"]])
        both = made.merge(given, on=["owner", "channel"])
        out[both.loc[(both["given"] <= both["at"]) & (both["at"] < both["end"]), "row"].to_numpy(dtype=np.int64)] = True
        return out

    def latest(self, chosen: NDArray[np.bool_], n: int, depth: int) -> Micros:
        """Return each borrower's latest chosen contacts, of shape (n, depth), the latest first; NEVER where there are fewer."""
        owner, at = self.owner[chosen], self.at[chosen]
        rank = _ranks(owner)
        found = np.full((n, depth), NEVER, dtype=np.int64)
        kept = rank < depth
        found[owner[kept], rank[kept]] = at[kept]
        return found

    def latest_by_endpoint(self, chosen: NDArray[np.bool_], n: int, depth: int) -> Micros:
        """Return the same for the endpoint with the most: which one a plan goes to is not known."""
        rows = np.flatnonzero(chosen)
        named = rows[self.endpoint[rows] != UNKNOWN]
        pairs = pd.DataFrame({"owner": self.owner[named], "key": self.endpoint[named]}).drop_duplicates()
        return self._fullest(rows, (named, self.endpoint[named]), pairs, n, depth)

    def latest_by_debt(self, chosen: NDArray[np.bool_], debts: pd.DataFrame, n: int, depth: int) -> Micros:
        """Return the same for the open debt with the most: a plan speaks of all of them.

        Parameters
        ----------
        debts : DataFrame
            owner, key (the loan's code): the open loans. Without any, every contact counts.
        """
        rows = np.flatnonzero(chosen)
        position, loan = self.loans
        kept = chosen[position]
        return self._fullest(rows, (position[kept], loan[kept]), debts, n, depth)

    def _fullest(self, rows: Micros, named: tuple[Micros, Micros], pairs: pd.DataFrame, n: int, depth: int) -> Micros:
        """Count by key; what names none, or one that is over, counts for each; without keys everything is one bucket."""
        has_keys = np.zeros(n, dtype=bool)
        has_keys[pairs["owner"].to_numpy(dtype=np.int64)] = True
        keyed = has_keys[self.owner[rows]]
        alone = np.zeros(len(self.owner), dtype=bool)
        alone[rows[~keyed]] = True
        found = self.latest(alone, n, depth)
        if not keyed.any():
            return found
        own = pd.DataFrame({"row": named[0], "owner": self.owner[named[0]], "key": named[1]}).drop_duplicates()
        own = own.merge(pairs, on=["owner", "key"], how="left", indicator=True)
        found_open = own["_merge"] == "both"
        names_open = np.zeros(len(self.owner), dtype=bool)
        names_open[own.loc[found_open, "row"].to_numpy(dtype=np.int64)] = True
        # A debt that is over may have been split, merged or given another number: its contacts count for what is left.
        names_open[own.loc[~found_open, "row"].to_numpy(dtype=np.int64)] = False
        loose = rows[keyed & ~names_open[rows]]
        spread = pd.DataFrame({"row": loose, "owner": self.owner[loose]}).merge(pairs, on="owner")
        own = own[found_open.to_numpy() & names_open[own["row"].to_numpy(dtype=np.int64)]]
        row = np.concatenate([spread["row"], own["row"]]).astype(np.int64)
        key = np.concatenate([spread["key"], own["key"]]).astype(np.int64)
        owner, at = self.owner[row], self.at[row]
        order = np.lexsort((-at, key, owner))
        owner, at, key = owner[order], at[order], key[order]
        rank = _ranks(owner, key)
        kept = rank < depth
        # Release grows with the instant, so the fullest bucket at each depth is the one whose contact there is the latest.
        np.maximum.at(found, (owner[kept], rank[kept]), at[kept])
        return found


def _among(codes: NDArray[np.int64], wanted: Sequence[int], words: int) -> NDArray[np.bool_]:
    """Tell which codes are wanted; `UNKNOWN`, being -1, has the last place of the table."""
    table = np.zeros(words + 1, dtype=bool)
    table[list(wanted)] = True
    return table[codes]


def _ranks(*keys: Micros) -> Micros:
    """Return the place of each row within its run of equal keys, from 0."""
    position = np.arange(len(keys[0]))
    first = np.zeros(len(position), dtype=bool)
    for key in keys:
        first[1:] |= key[1:] != key[:-1]
    return np.asarray(position - np.maximum.accumulate(np.where(first, position, 0)), dtype=np.int64)


def excess_consents(consents: pd.DataFrame, last_day_over: Micros) -> pd.DataFrame:
    """Return consents to more contacts with the instants at which they end: run out, or revoked.

    Parameters
    ----------
    consents : DataFrame
        owner, channel, kind, given, revoked (UTC microseconds).
    last_day_over : ndarray of shape (rows of that kind,)
        When each has run out.
    """
    own = consents[consents["kind"] == EXCESS_CONSENT]
    end = np.minimum(last_day_over, own["revoked"].to_numpy(dtype=np.int64))
    return own[["owner", "channel", "given"]].assign(end=end)
