"""Rows of books that a person can check: days are counted from the first of March 2026, midnight in UTC."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from lighttouch.data.book import Book
from small_book import arrow

DAY_ZERO = datetime(2026, 3, 1, tzinfo=UTC)


def day(n, hour=0.0):
    return DAY_ZERO + timedelta(days=n, hours=hour)


def book(**tables):
    """Return a book of these rows; payments and contacts are numbered in order."""
    for name, key in (("payments", "payment_id"), ("contacts", "contact_id")):
        seen = Counter()
        for row in tables.get(name, ()):
            seen[name] += 1
            row.setdefault(key, f"{name}-{seen[name]}")
    return Book.from_arrow({name: arrow(name, rows) for name, rows in tables.items() if rows})


def borrower(name):
    return {"borrower_id": name, "valid_from": day(-200), "jurisdiction": "DE"}


def loan(name, *, loan_id=None, product="card", currency="EUR"):
    return {"loan_id": loan_id or f"L{name}", "borrower_id": name, "product": product, "principal": Decimal(900),
            "currency": currency, "opened_at": day(-100)}  # fmt: skip


def due(name, on, amount="100.00", *, known=-90, superseded=None):
    return {"loan_id": f"L{name}", "due_on": day(on).date(), "amount": Decimal(amount), "known_at": day(known),
            "superseded_at": superseded}  # fmt: skip


def paid(name, at, amount="100.00", *, kind="payment", posted=None):
    """Money at noon of a day, booked an hour later unless said otherwise (in days)."""
    return {"loan_id": f"L{name}", "kind": kind, "paid_at": day(at, 12), "amount": Decimal(amount),
            "posted_at": day(at, 13) if posted is None else day(posted)}  # fmt: skip


def contact(name, at, **other):
    row = {"borrower_id": name, "channel": "sms", "direction": "out", "party": "borrower", "purpose": "collection",
           "at": day(at, 10), "outcome": "delivered", "known_at": day(at, 10)}  # fmt: skip
    return row | other


def status(name, kind, at, *, known=None, loan_id=None):
    return {"borrower_id": name, "kind": kind, "at": day(at), "known_at": day(at if known is None else known),
            "loan_id": loan_id}  # fmt: skip


def decision(
    name, at, arm="sms-every-3-days", *, until=None, decision_id=None, shares=(("none", 0.5), ("sms-every-3-days", 0.5))
):
    """Return a decision of the evening; it stands for fourteen days unless said otherwise."""
    return {"decision_id": decision_id or f"D{name}{at}", "borrower_id": name, "as_of": day(at, 22),
            "commit_until": day(at + 14 if until is None else until, 22), "arm": arm, "propensities": list(shares),
            "explore": True, "policy_version": "p", "model_version": "m", "rules_version": "r"}  # fmt: skip
