"""A book of one borrower with past contacts, for the tests of the calendar."""

from datetime import timedelta

import pyarrow as pa
from lighttouch.data.book import Book


def book_for(past, zone, jurisdiction, as_of):
    borrower = {"borrower_id": "b0", "valid_from": as_of - timedelta(days=99), "timezone": zone, "jurisdiction": jurisdiction}
    contacts = [
        {"contact_id": str(k), "borrower_id": "b0", "channel": channel, "direction": "out", "at": at, "known_at": at,
         "outcome": "no_answer" if channel == "call" else "sent"}
        for k, (channel, at) in enumerate(past)
    ]  # fmt: skip
    tables = {"borrowers": pa.Table.from_pylist([borrower])}
    if contacts:
        tables["contacts"] = pa.Table.from_pylist(contacts)
    return Book.from_arrow(tables)
