"""Random histories over all ten tables: rows as dictionaries, with instants that like to fall on the edges of windows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
from lighttouch.data.book import Book
from lighttouch.data.contracts import CONTRACTS, Kind
from lighttouch.data.vocabulary import CHANNELS, LOAN_ENDING_KINDS, OUTCOMES, PAYMENT_KINDS, STATUS_KINDS, STOP_KINDS

# Soon after New York's change to summer time, so that the last 30 days hold a day of 23 hours.
NOW = datetime(2026, 3, 20, 2, 30, tzinfo=UTC)
KNOWN_TIME = {
    "borrowers": "valid_from", "loans": "opened_at", "instalments": "known_at", "payments": "posted_at", "contacts": "known_at",
    "contact_points": "valid_from", "consents": "known_at", "status_events": "known_at", "system_gaps": "start_at",
    "decisions": "as_of",
}  # fmt: skip
# State that is overwritten later, in rows that were known before.
LATER_STATE = {"contact_points": "valid_to", "instalments": "superseded_at", "consents": "revoked_at", "system_gaps": "end_at"}
_ARROW = {
    Kind.TEXT: pa.string(), Kind.INSTANT: pa.timestamp("us", "UTC"), Kind.DAY: pa.date32(), Kind.MONEY: pa.decimal128(18, 2),
    Kind.INTEGER: pa.int32(), Kind.FLAG: pa.bool_(), Kind.TEXT_LIST: pa.list_(pa.string()),
    Kind.PROPENSITIES: pa.map_(pa.string(), pa.float64()),
}  # fmt: skip
_AMOUNTS = [Decimal(text) for text in ("100.00", "100.00", "50.50", "33.33", "200.00", "0.80", "99.20", "49.50")]
_LAGS = [timedelta(), timedelta(seconds=1), timedelta(hours=5), timedelta(days=1), timedelta(days=4)]
_LIKELY = ("promise", "promise_kept", "promise_broken", "opt_out", "opt_in", "complaint", "dispute", "hardship", "resolved",
           "bureau_reported", *STOP_KINDS[:2])  # fmt: skip
# What clearing events name: kinds that they end, one that they cannot end, and a word that is no kind.
_DETAILS = (None, *STOP_KINDS[:3], "dispute", "mon-fri 18:00-21:00")


class Histories:
    """Draws rows; every identifier is used once, whatever number of times one asks."""

    def __init__(self, rng, borrowers):
        self.rng, self.borrowers, self.serial = rng, [f"B{i:03d}" for i in range(borrowers)], 0

    def id(self, letter):
        self.serial += 1
        return f"{letter}{self.serial:06d}"

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def instant(self):
        """Return an instant of the last 420 days or the next 40; one in four lies on an edge that somebody could get wrong."""
        if self.chance(0.25):
            edge = NOW - timedelta(days=self.pick([0, 0, 0, 7, 14, 30, 60, 90, 365]))
            return edge + timedelta(microseconds=self.pick([-1, 0, 0, 1]))
        return NOW + timedelta(seconds=int(self.rng.integers(-420 * 86400, 40 * 86400)), microseconds=self.pick([0, 0, 123456]))

    def later(self, at, lags=_LAGS):
        """Return when something of an instant became known: soon after, or at the very instant that tests ask for."""
        return NOW if at < NOW and self.chance(0.1) else at + self.pick(lags)

    def rows(self, events=1.0):
        """Return table name to rows; `events` scales the number of events of each borrower."""
        made = {name: [] for name in CONTRACTS}
        for borrower in self.borrowers:
            if self.chance(0.05):
                continue  # a borrower of whom nothing is known at all
            self._person(made, borrower, events)
            for _ in range(int(self.rng.integers(0, 4))):
                self._loan(made, borrower, events)
        for _ in range(int(self.rng.poisson(12 * events))):
            start = self.instant()
            ends = [start + timedelta(hours=hours) for hours in (30, 31, 50, 216)]
            made["system_gaps"].append(
                {"channel": self.pick(["sms", "call", "email"]), "start_at": start, "cause": "vendor",
                 "end_at": None if self.chance(0.1) else self.pick(ends)}
            )  # fmt: skip
        return made

    def _person(self, made, borrower, events):
        for at in {self.instant() for _ in range(int(self.rng.integers(0, 3)))}:
            made["borrowers"].append(
                {"borrower_id": borrower, "valid_from": at, "timezone": self.pick([None, "Asia/Shanghai"]),
                 "jurisdiction": self.pick(["CN", "US-MA", "XX"])}
            )  # fmt: skip
        decisions = [self._decision(borrower) for _ in range(int(self.rng.poisson(3 * events)))]
        made["decisions"] += decisions
        for _ in range(int(self.rng.poisson(14 * events))):
            at = self.instant()
            made["contacts"].append(
                {"contact_id": self.id("C"), "borrower_id": borrower, "channel": self.pick([*CHANNELS, "sms", "call", "call"]),
                 "direction": self.pick(["out", "out", "out", "in"]), "at": at, "known_at": self.later(at),
                 "outcome": self.pick([*OUTCOMES, "conversation", "not_connected"]),
                 "decision_id": self.pick([None, *(row["decision_id"] for row in decisions)])}
            )  # fmt: skip
        for _ in range(int(self.rng.poisson(4 * events))):
            at = self.instant()
            made["contact_points"].append(
                {"borrower_id": borrower, "channel": self.pick(CHANNELS[:7]), "endpoint_id": self.pick(["E1", "E2"]),
                 "kind": "personal", "valid_from": at, "verified_at": self.pick([None, self.instant()]),
                 "valid_to": self.pick([None, at + timedelta(days=20), self.instant()])}
            )  # fmt: skip
        for _ in range(int(self.rng.poisson(2 * events))):
            at = self.instant()
            made["consents"].append(
                {"consent_id": self.id("K"), "borrower_id": borrower, "channel": self.pick(CHANNELS), "kind": "express",
                 "given_at": at, "revoked_at": self.pick([None, self.instant()]), "known_at": self.later(at)}
            )  # fmt: skip
        for _ in range(int(self.rng.poisson(7 * events))):
            made["status_events"].append(self._status(borrower, None, [*STATUS_KINDS, *_LIKELY * 3]))

    def _decision(self, borrower):
        at = self.instant()
        return {
            "decision_id": self.id("D"), "borrower_id": borrower, "as_of": at, "commit_until": at + timedelta(days=14),
            "arm": "none", "propensities": [("none", 1.0)], "explore": False,
            **dict.fromkeys(("policy_version", "model_version", "rules_version"), "v"),
        }  # fmt: skip

    def _status(self, borrower, loan, kinds):
        at = self.instant()
        known = self.later(at, [timedelta(), timedelta(hours=1), timedelta(days=2), timedelta(days=-3)])
        until = self.pick([None, None, at + timedelta(days=5), self.instant()])
        return {
            "borrower_id": borrower, "loan_id": loan, "kind": self.pick(kinds), "channel": self.pick([None, *CHANNELS[:3]]),
            "at": at, "until": until, "known_at": known, "detail": self.pick(_DETAILS),
        }  # fmt: skip

    def _loan(self, made, borrower, events):
        loan, opened = self.id("L"), self.instant() - timedelta(days=self.pick([0, 30, 30]))
        made["loans"].append(
            {"loan_id": loan, "borrower_id": borrower, "product": "cash", "principal": Decimal("300.00"),
             "currency": self.pick(["CNY", "CNY", "CNY", "USD"]), "opened_at": opened}
        )  # fmt: skip
        keys = set()
        for place in range(int(self.rng.integers(0, 7))):
            due_on = (opened + timedelta(days=20 + 20 * place)).date() if self.chance(0.8) else self.instant().date()
            known = opened if self.chance(0.8) else self.instant()
            if (due_on, known) in keys:
                continue
            keys.add((due_on, known))
            later = self.pick([None, None, None, self.instant()])
            made["instalments"].append(
                {"loan_id": loan, "due_on": due_on, "amount": self.pick(_AMOUNTS), "known_at": known, "superseded_at": later}
            )
        for _ in range(int(self.rng.poisson(4 * events))):
            paid = self.instant()
            made["payments"].append(
                {"payment_id": self.id("P"), "loan_id": loan, "kind": self.pick([*PAYMENT_KINDS, *["payment"] * 8]),
                 "paid_at": paid, "posted_at": self.later(paid, [*_LAGS, timedelta(days=-1)]), "amount": self.pick(_AMOUNTS)}
            )  # fmt: skip
        for _ in range(int(self.rng.poisson(0.8 * events))):
            kinds = [*LOAN_ENDING_KINDS, "bureau_reported", "dispute", "promise", "promise_kept", "resolved"]
            made["status_events"].append(self._status(borrower, self.pick([loan, loan, None]), kinds))


def to_arrow(rows):
    """Return the rows as Arrow tables in their contracts' types."""
    tables = {}
    for name, contract in CONTRACTS.items():
        schema = pa.schema([(column.name, _ARROW[column.kind]) for column in contract.columns])
        tables[name] = pa.Table.from_pylist([{key: row.get(key) for key in schema.names} for row in rows[name]], schema)
    return tables


def to_book(rows):
    return Book.from_arrow(to_arrow(rows))
