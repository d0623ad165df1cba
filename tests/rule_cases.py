"""Random histories for the tests of the contact rules, and the books they make."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
from hypothesis import strategies as st
from lighttouch.data.book import Book

AS_OF = datetime(2026, 3, 26, 22, tzinfo=UTC)  # three days before Europe sets its clocks forward
HALF_HOUR = timedelta(minutes=30)
USED = ["sms", "call", "email"]
OUTCOMES = {"sms": ["sent", "delivered"], "email": ["sent", "read"], "call": ["no_answer", "conversation", "not_connected"]}
PLACES = [
    ("Europe/London", "GB"), ("America/New_York", "US-MA"), ("America/New_York", "US"), ("Asia/Shanghai", "CN"),
    ("Pacific/Chatham", "ZZ"), ("", "GB"), ("", "CN"), ("", "ZZ"), ("Europe/Rome", "IT"),
]  # fmt: skip
LOANS = ["l1", "l2"]
HOURS = ["mon-fri 18:00-21:00", "22:00-06:00", "thu 00:00-24:00, sun 10:00-11:30", "at night"]
PLAIN_KINDS = ["dispute", "promise", "moratorium", "resolved", "promise_kept", "opt_out", "opt_in", "complaint"]
RARE_KINDS = [
    "attorney", "cease", "quiet_hours", "quiet_place", "quiet_endpoint", "verification_sent", "attorney_unresponsive",
    "written_notice_sent", "employer_prohibits", "closed", "hospitalised",
]  # fmt: skip


def instants(first_day, last_day):
    steps = st.integers(first_day * 48, last_day * 48)
    return steps.map(lambda k: AS_OF + k * HALF_HOUR)


def rarely(strategy):
    """None two times out of three."""
    return st.one_of(st.none(), st.none(), strategy)


@st.composite
def contacts(draw):
    channel = draw(st.sampled_from(USED))
    at = draw(instants(-9, 0))
    endpoint = draw(st.sampled_from([(None, None), ("e1", "personal"), ("e2", "workplace"), ("e3", None)]))
    return {
        "channel": channel,
        "outcome": draw(st.sampled_from(OUTCOMES[channel])),
        "direction": draw(st.sampled_from(["out", "out", "out", "in"])),
        "party": draw(st.sampled_from(["borrower", "borrower", "spouse"])),
        "purpose": draw(st.sampled_from(["collection", "collection", "required_by_law"])),
        "endpoint_id": endpoint[0],
        "endpoint_kind": endpoint[1],
        "actor": draw(st.sampled_from([None, "agency 1", "agency 2"])),
        "principal": draw(st.sampled_from([None, "bank", "other bank"])),
        "loan_ids": draw(st.sampled_from([None, ["l1"], ["l2"], ["l1", "l2"], ["gone"]])),
        "at": at,
        "known_at": at + draw(st.sampled_from([timedelta(0), timedelta(hours=5)])),
    }


def detail_of(kind, draw):
    if kind == "quiet_hours":
        return draw(st.sampled_from(HOURS))
    if kind == "quiet_place":
        return draw(st.sampled_from(["workplace", "personal", None]))
    if kind == "quiet_endpoint":
        return draw(st.sampled_from(["e1", "e2"]))
    if kind in ("resolved", "opt_in"):
        return draw(rarely(st.sampled_from(["attorney", "moratorium", "cease", "workplace", HOURS[0]])))
    return None


@st.composite
def events(draw):
    at = draw(instants(-9, 0))
    until = draw(st.one_of(st.none(), instants(-4, 4)))
    kind = draw(st.sampled_from([*PLAIN_KINDS, *RARE_KINDS]))
    return {
        "kind": kind,
        "channel": draw(st.sampled_from([None, "sms", "call"])),
        "loan_id": draw(st.sampled_from([None, *LOANS])),
        "detail": detail_of(kind, draw),
        "at": at,
        "until": until if until is None or until >= at else None,
        "known_at": at + draw(st.sampled_from([timedelta(0), timedelta(days=1)])),
    }


@st.composite
def consents(draw):
    given_at = draw(instants(-9, 0))
    kinds = ["direct_prior", "direct_prior", "other", "excess_contact", "number_reassign_check", "express_hours"]
    return {
        "channel": draw(st.sampled_from(USED)),
        "kind": draw(st.sampled_from([*kinds, *(f"agreed_hours {hours}" for hours in HOURS[:2])])),
        "given_at": given_at,
        "revoked_at": draw(st.one_of(st.none(), instants(-3, 3))),
        "known_at": given_at,
    }


@st.composite
def holdings(draw):
    """Loans, endpoints and where the borrower was until a day or two ago."""
    products = st.sampled_from(["credit_card", "mortgage", "cash"])
    due = st.sampled_from([None, 6, 14, 40])
    held = [
        {"loan_id": name, "product": draw(products), "due": draw(due)}
        for name in draw(st.sampled_from([[], LOANS[:1], LOANS]))
    ]  # fmt: skip
    points = draw(st.lists(st.sampled_from([("e1", "personal"), ("e2", "workplace"), ("e4", "home")]), unique=True, max_size=3))
    old = draw(rarely(st.tuples(st.sampled_from(PLACES), st.integers(1, 95))))
    return {
        "loans": [
            {**loan, "due_on": None if loan["due"] is None else AS_OF.date() - timedelta(days=loan["due"])} for loan in held
        ],
        "points": [{"channel": draw(st.sampled_from(USED)), "endpoint_id": e, "kind": kind} for e, kind in points],
        "former": []
        if old is None
        else [{"zone": old[0][0], "jurisdiction": old[0][1], "left_at": AS_OF - old[1] * HALF_HOUR}],
    }


@st.composite
def people(draw, quiet=False, richly=True):
    zone, jurisdiction = draw(st.sampled_from(PLACES))
    return {
        "zone": zone,
        "jurisdiction": jurisdiction,
        "contacts": draw(st.lists(contacts(), max_size=6)),
        "events": [] if quiet else draw(st.lists(events(), max_size=4)),
        "consents": draw(st.lists(consents(), max_size=3)),
        **(draw(holdings()) if richly else {}),
    }


def book_of(persons):
    """Return a book whose borrowers b0, b1, ... are the given people."""
    begin = AS_OF - timedelta(days=400)
    rows = {
        name: [] for name in ("borrowers", "contacts", "status_events", "consents", "loans", "instalments", "contact_points")
    }
    for number, person in enumerate(persons):
        name = f"b{number}"
        moves = person.get("former", [])
        for old in moves:
            rows["borrowers"].append(
                {"borrower_id": name, "valid_from": begin, "timezone": old["zone"] or None, "jurisdiction": old["jurisdiction"]}
            )
        since = moves[0]["left_at"] if moves else begin
        rows["borrowers"].append(
            {"borrower_id": name, "valid_from": since, "timezone": person["zone"] or None,
             "jurisdiction": person["jurisdiction"]}
        )  # fmt: skip
        for k, row in enumerate(person["contacts"]):
            named = [f"{name}-{loan}" for loan in row.get("loan_ids") or []] or None
            rows["contacts"].append({"borrower_id": name, "contact_id": f"{name}-{k}", **row, "loan_ids": named})
        for row in person["events"]:
            loan = row.get("loan_id")
            rows["status_events"].append({"borrower_id": name, **row, "loan_id": None if loan is None else f"{name}-{loan}"})
        rows["consents"] += [
            {"borrower_id": name, "consent_id": f"{name}-{k}", **row} for k, row in enumerate(person["consents"])
        ]
        rows["contact_points"] += [{"borrower_id": name, "valid_from": begin, **point} for point in person.get("points", [])]
        _add_loans(rows, name, person.get("loans", []), begin)
    return Book.from_arrow({table: pa.Table.from_pylist(content) for table, content in rows.items() if content})


def _add_loans(rows, name, loans, begin):
    for loan in loans:
        own = f"{name}-{loan['loan_id']}"
        rows["loans"].append(
            {"loan_id": own, "borrower_id": name, "product": loan["product"], "principal": Decimal(1000), "currency": "EUR",
             "opened_at": begin}
        )  # fmt: skip
        if loan["due_on"] is not None:
            rows["instalments"].append({"loan_id": own, "due_on": loan["due_on"], "amount": Decimal(100), "known_at": begin})
