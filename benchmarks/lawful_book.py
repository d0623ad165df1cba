"""Random persons, as the independent checker reads them, and a large book, for the benchmark of the rules."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lighttouch.data.book import Book

AS_OF = datetime(2026, 11, 20, 22, tzinfo=UTC)
MASK_PACKS = ["house", "us-fed", "us-tcpa", "us-ma", "us-nyc", "us-dc", "us-wa", "us-wv"]
PLACES = [
    ("America/New_York", "US-NY"),
    ("America/New_York", "US-MA"),
    ("America/Los_Angeles", "US-WA"),
    ("America/Chicago", "US-TX"),
    ("America/Los_Angeles", "US-CA"),
    ("America/New_York", "US-DC"),
    ("America/New_York", "US-WV"),
    ("America/New_York", "US-NY-NYC"),
    ("", "US"),
]
_WORLD = [
    *PLACES,
    ("Asia/Shanghai", "CN"),
    ("", "CN"),
    ("Europe/London", "GB"),
    ("Europe/Rome", "IT"),
    ("Asia/Kolkata", "IN"),
    ("America/Toronto", "CA-ON"),
    ("Asia/Tokyo", "JP"),
    ("Asia/Seoul", "KR"),
    ("America/Bogota", "CO"),
    ("America/Santiago", "CL"),
    ("", "RU"),
    ("Asia/Manila", "PH"),
    ("Europe/Athens", "GR"),
    ("", "ID"),
]
_OUTCOMES = {
    "sms": ["sent", "delivered"],
    "email": ["sent", "read", "bounced"],
    "app_push": ["delivered"],
    "call": ["no_answer", "conversation", "not_connected", "busy"],
}
_STATES = [
    "dispute", "promise", "complaint", "resolved", "attorney", "cease", "opt_out", "opt_in", "hospitalised", "promise_kept",
    "written_notice_sent", "written_notice_sent", "verification_sent",
]  # fmt: skip
_WISHES = ["quiet_hours", "quiet_place"]
_AGREED = "agreed_hours mon-fri 21:00-22:00"
_HOURS = ["mon-fri 12:00-14:00", "18:00-21:00", "sat-sun 00:00-24:00"]
_DAY = 86_400_000_000


def random_kind(rng: random.Random) -> dict:
    """Return what decides which rules and hours hold: the engines are built once for all persons of a kind."""
    zone, jurisdiction = rng.choice(_WORLD)
    old = rng.choice(_WORLD) if rng.random() < 0.2 else None
    left = AS_OF - timedelta(hours=rng.randint(1, 48))
    kinds = ["personal", "personal", "home", "workplace"]
    return {
        "zone": zone,
        "jurisdiction": jurisdiction,
        "former": [{"zone": old[0], "jurisdiction": old[1], "left_at": left}] if old else [],
        "events": [_event(rng, rng.choice(_WISHES))] if rng.random() < 0.3 else [],
        "consents": [_consent(rng, rng.choice(["sms", "call"]), _AGREED)] if rng.random() < 0.2 else [],
        "loans": [
            {"loan_id": name, "product": rng.choice(["credit_card", "mortgage", "cash"]), "due_on": _due(rng)}
            for name in ("l1", "l2")[: rng.choice([0, 1, 1, 2])]
        ],
        "points": [
            {"channel": channel, "endpoint_id": f"{channel}-{k}", "kind": rng.choice(kinds)}
            for channel in ("sms", "call", "email")
            for k in range(rng.choice([0, 1, 1, 2]))
        ],
    }


def random_person(rng: random.Random, kind: dict) -> dict:
    """Return one person's raw rows: a history of their own, of a kind that others share."""
    consents = [_consent(rng, channel) for channel in ("sms", "email", "call", "app_push") if rng.random() < 0.7]
    return {
        **kind,
        "contacts": [_contact(rng) for _ in range(min(12, int(rng.expovariate(1 / 3))))],
        "events": [*kind["events"], *(_event(rng, rng.choice(_STATES)) for _ in range(rng.choice([0, 0, 0, 1, 1, 2])))],
        "consents": [*kind["consents"], *consents],
    }


def _due(rng: random.Random) -> object:
    return AS_OF.date() - timedelta(days=rng.choice([6, 14, 40])) if rng.random() < 0.9 else None


def _contact(rng: random.Random) -> dict:
    channel = rng.choice(list(_OUTCOMES))
    at = AS_OF - timedelta(minutes=rng.randint(1, 31 * 24 * 60))
    return {
        "channel": channel,
        "outcome": rng.choice(_OUTCOMES[channel]),
        "direction": rng.choices(["out", "in"], [9, 1])[0],
        "party": rng.choices(["borrower", "spouse"], [9, 1])[0],
        "purpose": rng.choices(["collection", "required_by_law"], [9, 1])[0],
        "endpoint_id": rng.choice([None, f"{channel}-0", f"{channel}-1"]),
        "endpoint_kind": rng.choice([None, "personal", "workplace"]),
        "actor": rng.choice([None, "bank", "agency 1", "agency 2"]),
        "principal": rng.choice([None, "bank", "other bank"]),
        "loan_ids": rng.choice([None, ["l1"], ["l2"], ["l1", "l2"], ["gone"]]),
        "at": at,
        "known_at": at + timedelta(hours=rng.choice([0, 0, 5])),
    }


def _event(rng: random.Random, kind: str) -> dict:
    at = AS_OF - timedelta(minutes=rng.randint(1, 40 * 24 * 60))
    details = {"quiet_hours": _HOURS, "quiet_place": ["workplace", "home"], "resolved": [None, "attorney"]}
    return {
        "kind": kind,
        "channel": rng.choice([None, "sms", "call"]),
        "loan_id": rng.choice([None, None, "l1"]),
        "detail": rng.choice(details.get(kind, [None])),
        "at": at,
        "until": at + timedelta(days=rng.randint(1, 60)) if rng.random() < 0.5 else None,
        "known_at": at,
    }


def _consent(rng: random.Random, channel: str, kind: str | None = None) -> dict:
    given = AS_OF - timedelta(minutes=rng.randint(1, 100 * 24 * 60))
    named = kind or rng.choice(["direct_prior"] * 6 + ["excess_contact"])
    revoked = given + timedelta(days=rng.randint(1, 200)) if rng.random() < 0.1 else None
    return {"channel": channel, "kind": named, "given_at": given, "revoked_at": revoked, "known_at": given}


def large_book(n: int, per: int, seed: int = 0) -> Book:
    """Return a book of n borrowers with `per` contacts each on average over 60 days, a tenth of them with a state."""
    rng = np.random.default_rng(seed)
    now = int(AS_OF.timestamp() * 1e6)
    names = pc.cast(pa.array(np.arange(n) + 10_000_000), pa.string())

    def instants(ages: np.ndarray) -> pa.Array:
        return pa.array(now - (ages * _DAY).astype(np.int64)).cast(pa.timestamp("us", "UTC"))

    def words(some: list[str | None], m: int, p: list[float] | None = None) -> pa.Array:
        return pa.array(some, pa.string()).take(pa.array(rng.choice(len(some), m, p=p)))

    def owners(m: int) -> pa.Array:
        return names.take(pa.array(rng.integers(0, n, m)))

    place, m, k = pa.array(rng.integers(0, len(PLACES), n)), n * per, n // 10
    at, spoken = instants(rng.random(m) * 60), rng.random(m) < 0.4
    outcome = pa.array(np.where(spoken, rng.integers(0, 4, m), rng.integers(4, 6, m)))
    channel = pa.array(np.where(spoken, 0, rng.choice([1, 1, 2, 3], m)))
    kind = words(["opt_out", "dispute", "promise", "quiet_hours", "complaint"], k)
    return Book.from_arrow(
        {
            "borrowers": pa.table(
                {
                    "borrower_id": names,
                    "valid_from": instants(np.full(n, 400)),
                    "timezone": pa.array([zone or None for zone, _ in PLACES]).take(place),
                    "jurisdiction": pa.array([code for _, code in PLACES]).take(place),
                }
            ),
            "contacts": pa.table(
                {
                    "contact_id": pc.cast(pa.array(np.arange(m)), pa.string()),
                    "borrower_id": owners(m),
                    "channel": pa.array(["call", "sms", "email", "app_push"]).take(channel),
                    "direction": words(["out", "in"], m, [0.95, 0.05]),
                    "at": at,
                    "known_at": at,
                    "outcome": pa.array([*_OUTCOMES["call"], "sent", "delivered"]).take(outcome),
                }
            ),
            "status_events": pa.table(
                {
                    "borrower_id": owners(k),
                    "kind": kind,
                    "channel": words(["sms", "call"], k),
                    "at": instants(rng.random(k) * 60),
                    "known_at": instants(np.full(k, 1)),
                    "detail": pc.if_else(pc.equal(kind, "quiet_hours"), words([*_HOURS], k), None),
                }
            ),
            "consents": pa.table(
                {
                    "consent_id": pc.cast(pa.array(np.arange(n)), pa.string()),
                    "borrower_id": names,
                    "channel": words(["sms", "email"], n),
                    "kind": words(["direct_prior"], n),
                    "given_at": instants(rng.random(n) * 300),
                    "known_at": instants(np.full(n, 1)),
                }
            ),
            "contact_points": pa.table(
                {
                    "borrower_id": pa.concat_arrays([names, names]),
                    "channel": words(["sms", "call"], 2 * n),
                    "endpoint_id": pc.cast(pa.array(np.arange(2 * n)), pa.string()),
                    "kind": words(["personal", "home", "workplace"], 2 * n, [0.8, 0.15, 0.05]),
                    "valid_from": instants(np.full(2 * n, 400)),
                }
            ),
        }
    )
