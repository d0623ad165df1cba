"""A small book that keeps every contract, as Arrow tables; tests break one thing in a copy."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

START = datetime(2026, 1, 1, 8, 30, 15, 123456, tzinfo=UTC)


def at(days, hours=0):
    return START + timedelta(days=days, hours=hours)


def rows_of_tables():
    """Return table name to a list of rows; every optional column is null somewhere and set somewhere."""
    borrowers = [
        {"borrower_id": f"B{i}", "valid_from": at(0), "timezone": ["Asia/Shanghai", None][i % 2], "jurisdiction": "CN",
         "language": "zh", "birth_year": [1980 + i, None][i % 2], "segment": None}
        for i in range(4)
    ]  # fmt: skip
    loans = [
        {"loan_id": f"L{i}", "borrower_id": f"B{i}", "product": 'cash, "small"', "principal": Decimal("1000.00"),
         "currency": "CNY", "opened_at": at(1)}
        for i in range(4)
    ]  # fmt: skip
    instalments = [
        {"loan_id": f"L{i}", "due_on": date(2026, 2, 1), "amount": Decimal("100.10"), "known_at": at(1),
         "superseded_at": [None, at(20)][i % 2]}
        for i in range(4)
    ]  # fmt: skip
    payments = [
        {"payment_id": f"P{i}", "loan_id": f"L{i}", "kind": ["payment", "reversal"][i % 2], "paid_at": at(30 + i),
         "posted_at": at(31 + i), "amount": Decimal("50.05")}
        for i in range(4)
    ]  # fmt: skip
    contacts = [
        {"contact_id": f"C{i}", "borrower_id": f"B{i}", "decision_id": [None, "D1"][i % 2],
         "loan_ids": [None, [f"L{i}", 'a "b", c']][i % 2], "channel": ["sms", "call"][i % 2], "direction": "out",
         "party": "borrower", "endpoint_id": "E1", "endpoint_kind": "personal", "actor": None, "principal": None,
         "purpose": "collection", "consent_id": None, "at": at(40 + i), "outcome": "delivered", "known_at": at(40 + i, 1)}
        for i in range(4)
    ]  # fmt: skip
    contact_points = [
        {"borrower_id": "B0", "channel": "sms", "endpoint_id": "E1", "kind": "personal", "verified_at": None,
         "valid_from": at(0), "valid_to": at(90)},
    ]  # fmt: skip
    consents = [
        {"consent_id": "K1", "borrower_id": "B0", "channel": "sms", "kind": "express", "given_at": at(0), "revoked_at": None,
         "known_at": at(0)},
    ]  # fmt: skip
    status_events = [
        {"borrower_id": "B1", "loan_id": "L1", "kind": "promise", "channel": None, "at": at(41), "until": at(44),
         "known_at": at(41, 1), "detail": None},
        {"borrower_id": "B2", "loan_id": None, "kind": "opt_out", "channel": "sms", "at": at(42), "until": None,
         "known_at": at(42), "detail": None},
    ]  # fmt: skip
    system_gaps = [{"channel": "sms", "start_at": at(10), "end_at": None, "cause": "vendor"}]
    decisions = [
        {"decision_id": f"D{i}", "borrower_id": f"B{i}", "as_of": at(39), "commit_until": at(53), "arm": "sms-weekly",
         "propensities": [("sms-weekly", 0.1), ("none", 0.9)], "explore": i == 1, "policy_version": "p1",
         "model_version": "m1", "rules_version": "r1"}
        for i in range(2)
    ]  # fmt: skip
    return {
        "borrowers": borrowers, "loans": loans, "instalments": instalments, "payments": payments, "contacts": contacts,
        "contact_points": contact_points, "consents": consents, "status_events": status_events, "system_gaps": system_gaps,
        "decisions": decisions,
    }  # fmt: skip


INSTANTS = {
    "valid_from", "opened_at", "known_at", "superseded_at", "paid_at", "posted_at", "at", "verified_at", "valid_to", "given_at",
    "revoked_at", "until", "start_at", "end_at", "as_of", "commit_until",
}  # fmt: skip
KINDS = {
    "birth_year": pa.int32(),
    "principal": pa.decimal128(18, 2),
    "amount": pa.decimal128(18, 2),
    "due_on": pa.date32(),
    "loan_ids": pa.list_(pa.string()),
    "propensities": pa.map_(pa.string(), pa.float64()),
    "explore": pa.bool_(),
}


def arrow(table, rows):
    """Return rows as an Arrow table in the contract's types."""
    kinds = {**KINDS, **dict.fromkeys(INSTANTS, pa.timestamp("us", "UTC"))}
    if table == "contacts":
        kinds = {**kinds, "principal": pa.string()}
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: pa.array([row.get(name) for row in rows], kinds.get(name, pa.string())) for name in names})


def small_tables():
    """Return table name to Arrow table."""
    return {name: arrow(name, rows) for name, rows in rows_of_tables().items()}
