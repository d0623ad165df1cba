"""Grouping a book's borrowers by their traits: everybody in a group has the same rules and hours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.vocabulary import CHANNELS
from ..zones import DAY, Micros
from .clock import Place
from .reading import Needs
from .traits import (
    ENDPOINT_ORDER,
    NO_ENDPOINT,
    UNKNOWN_ENDPOINT,
    WHOLE_WEEK,
    Traits,
    agreed_hours,
    endpoint_kind,
    parse_hours,
    quiet_until,
)

_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class TraitColumns:
    """What traits are made of.

    Parameters
    ----------
    known : ndarray of shape (n,)
    now : DataFrame of shape (n, 2)
        timezone, jurisdiction.
    former, loans, points, status, consents : DataFrame
        Of some borrowers each, with their position as `owner`; status events that are open, consents that stand.
    overdue_since : ndarray of shape (n,)
    """

    known: NDArray[np.bool_]
    now: pd.DataFrame
    former: pd.DataFrame
    loans: pd.DataFrame
    points: pd.DataFrame
    status: pd.DataFrame
    consents: pd.DataFrame
    overdue_since: Micros


def traits_of(columns: TraitColumns, needs: Needs, as_of: int) -> tuple[Micros, list[Traits]]:
    """Return each borrower's code into a list of traits, -1 for who is not known; and the list."""
    n = len(columns.known)
    zones, zone_names = pd.factorize(columns.now["timezone"])
    places, place_names = pd.factorize(columns.now["jurisdiction"])
    quiet = columns.status[columns.status["kind"] == "quiet_hours"]
    agreed = columns.consents[columns.consents["kind"].str.startswith("agreed_hours")]
    lifting = columns.consents[columns.consents["kind"].isin(needs.lifting)]
    parts: list[tuple[Micros, list[Any]]] = [
        (zones.astype(np.int64), list(zone_names)),
        (places.astype(np.int64), list(place_names)),
        _by_owner(columns.former, n, _former),
        _products(columns.loans, n),
        _endpoints(columns, needs, n),
        _by_owner(quiet, n, _quiet),
        _by_owner(agreed, n, _agreed),
        _by_owner(lifting, n, lambda t: tuple(sorted(set(zip(t["channel"], t["kind"], strict=True))))),
        _overdue(columns.overdue_since, as_of, needs.overdue_days),
    ]  # fmt: skip
    key = np.zeros(n, dtype=np.int64)
    for codes, values in parts:
        _, key = np.unique(key * max(len(values), 1) + codes, return_inverse=True)
    key = key.reshape(-1)
    key[~columns.known] = -1
    kept, first, group = np.unique(key, return_index=True, return_inverse=True)
    traits = [_traits([values[codes[row]] for codes, values in parts]) for row in first[kept >= 0]]
    return np.asarray(group.reshape(-1) - int((kept < 0).any()), dtype=np.int64), traits


def _traits(values: list[Any]) -> Traits:
    zone, jurisdiction, former, products, endpoints, quiet, agreed, lifting, since = values
    return Traits(Place(str(zone), str(jurisdiction)), former, products, endpoints, quiet, agreed, lifting, since)


def _former(rows: pd.DataFrame) -> tuple[Place, ...]:
    found = zip(rows["jurisdiction"], rows["timezone"], strict=True)
    return tuple(Place(zone, jurisdiction) for jurisdiction, zone in sorted(found))


def _quiet(rows: pd.DataFrame) -> Any:
    return quiet_until(
        [(parse_hours(detail, WHOLE_WEEK), int(until)) for detail, until in zip(rows["detail"], rows["until"], strict=True)]
    )


def _agreed(rows: pd.DataFrame) -> Any:
    return tuple(sorted({(channel, agreed_hours(kind)) for channel, kind in zip(rows["channel"], rows["kind"], strict=True)}))


def _by_owner(rows: pd.DataFrame, n: int, read: Callable[[pd.DataFrame], Any]) -> tuple[Micros, list[Any]]:
    """Code a trait that few borrowers have; everybody else has the empty one, whose code is 0."""
    codes, values = np.zeros(n, dtype=np.int64), {(): 0}
    for owner, own in rows.groupby("owner"):
        codes[int(str(owner))] = values.setdefault(read(own), len(values))
    return codes, list(values)


def _products(loans: pd.DataFrame, n: int) -> tuple[Micros, list[Any]]:
    """Code the sets of products by the bits of their words."""
    words = sorted(loans["product"].unique())
    bits = np.zeros((n, len(words)), dtype=bool)
    bits[loans["owner"].to_numpy(dtype=np.int64), pd.Index(words).get_indexer(loans["product"])] = True
    found, codes = np.unique(bits, axis=0, return_inverse=True) if words else (np.zeros((1, 0), bool), np.zeros(n, np.int64))
    return codes.reshape(-1).astype(np.int64), [
        tuple(word for word, held in zip(words, row, strict=True) if held) for row in found
    ]


def _endpoints(columns: TraitColumns, needs: Needs, n: int) -> tuple[Micros, list[Any]]:
    """Code the kind of endpoint that a plan goes to, by channel."""
    wishes = columns.status[columns.status["kind"].isin(("quiet_place", "quiet_endpoint"))]
    if not needs.endpoints and wishes.empty:
        return np.zeros(n, dtype=np.int64), [()]
    points = columns.points.reset_index(drop=True)
    left = points[~_refused(points, wishes)]
    order = pd.Index([*ENDPOINT_ORDER, NO_ENDPOINT, UNKNOWN_ENDPOINT])
    none, unknown = len(ENDPOINT_ORDER), len(ENDPOINT_ORDER) + 1
    kinds = np.full((n, len(CHANNELS)), unknown, dtype=np.int64)
    for channel in CHANNELS:
        column = CHANNELS.index(channel)
        asked = wishes[wishes["channel"].isin(("", channel))]
        kinds[asked["owner"].to_numpy(dtype=np.int64), column] = none
        kinds[points.loc[points["channel"] == channel, "owner"].to_numpy(dtype=np.int64), column] = none
        own = left[left["channel"] == channel]
        np.minimum.at(kinds[:, column], own["owner"].to_numpy(dtype=np.int64), order.get_indexer(pd.Index(own["kind"])))
        if endpoint_kind(channel, [], []) != UNKNOWN_ENDPOINT:
            kinds[:, column] = ENDPOINT_ORDER.index(endpoint_kind(channel, [], []))
    if not needs.endpoints:
        # Nobody asks which kind it is: only that there is none counts.
        kinds[kinds != none] = unknown
    packed = kinds @ (len(order) ** np.arange(len(CHANNELS)))
    _, first, codes = np.unique(packed, return_index=True, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), [tuple(str(order[code]) for code in kinds[row]) for row in first]


def _refused(points: pd.DataFrame, wishes: pd.DataFrame) -> pd.Series:
    """Tell which endpoints their owner has refused, by name or by kind of place, on their channel or on all."""
    refused = pd.Series(data=False, index=points.index)
    rows = points.reset_index(names="row")
    for kind, column in (("quiet_endpoint", "endpoint_id"), ("quiet_place", "kind")):
        own = wishes.loc[wishes["kind"] == kind, ["owner", "channel", "detail"]].rename(columns={"channel": "of"})
        both = rows.merge(own, on="owner")
        # A wish that does not say what it refuses refuses everything.
        hit = both["of"].isin([""]) | (both["of"] == both["channel"])
        named = both["detail"].isin([""]) | (both["detail"] == both[column])
        refused[both.loc[hit & named, "row"].unique()] = True
    return refused


def _overdue(since: Micros, as_of: int, longest: int) -> tuple[Micros, list[Any]]:
    """Code since when dues are overdue; what is overdue for longer than any rule asks is all one."""
    if longest < 0:
        return np.zeros(len(since), dtype=np.int64), [0]
    days = np.where(since > 0, np.maximum(since, as_of // DAY + _EPOCH_ORDINAL - longest - 3), 0)
    values, codes = np.unique(days, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), [int(value) for value in values]
