"""Random histories and packs for the tests of the contact rules, and the books they make."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from hypothesis import strategies as st
from lighttouch.data.book import Book

AS_OF = datetime(2026, 3, 26, 22, tzinfo=UTC)  # three days before Europe sets its clocks forward
HALF_HOUR = timedelta(minutes=30)
USED = ["sms", "call", "email"]
OUTCOMES = {"sms": ["sent", "delivered"], "email": ["sent", "read"], "call": ["no_answer", "conversation"]}
ZONES = ["Europe/London", "America/New_York", "Asia/Shanghai", "Pacific/Chatham"]


def instants(first_day, last_day):
    steps = st.integers(first_day * 48, last_day * 48)
    return steps.map(lambda k: AS_OF + k * HALF_HOUR)


@st.composite
def contacts(draw):
    channel = draw(st.sampled_from(USED))
    at = draw(instants(-9, 0))
    return {
        "channel": channel,
        "outcome": draw(st.sampled_from(OUTCOMES[channel])),
        "direction": draw(st.sampled_from(["out", "out", "out", "in"])),
        "party": draw(st.sampled_from(["borrower", "borrower", "spouse"])),
        "at": at,
        "known_at": at + draw(st.sampled_from([timedelta(0), timedelta(hours=5)])),
    }


@st.composite
def events(draw):
    at = draw(instants(-9, 0))
    until = draw(st.one_of(st.none(), instants(-4, 4)))
    kinds = ["dispute", "promise", "moratorium", "resolved", "promise_kept", "opt_out", "opt_in", "complaint"]
    return {
        "kind": draw(st.sampled_from(kinds)),
        "channel": draw(st.sampled_from([None, "sms", "call"])),
        "loan_id": draw(st.sampled_from([None, "l1", "l2"])),
        "at": at,
        "until": until if until is None or until >= at else None,
        "known_at": at + draw(st.sampled_from([timedelta(0), timedelta(days=1)])),
    }


@st.composite
def consents(draw):
    given_at = draw(instants(-9, 0))
    return {
        "channel": draw(st.sampled_from(USED)),
        "kind": draw(st.sampled_from(["direct_prior", "other"])),
        "given_at": given_at,
        "revoked_at": draw(st.one_of(st.none(), instants(-3, 3))),
        "known_at": given_at,
    }


@st.composite
def people(draw, quiet=False):
    return {
        "zone": draw(st.sampled_from([*ZONES, ""])),
        "jurisdiction": draw(st.sampled_from(["GB", "CN", "ZZ"])),
        "contacts": draw(st.lists(contacts(), max_size=6)),
        "events": [] if quiet else draw(st.lists(events(), max_size=3)),
        "consents": draw(st.lists(consents(), max_size=2)),
    }


def matches():
    return st.fixed_dictionaries(
        {"direction": st.sampled_from(["out", "any"])},
        optional={
            "channels": st.lists(st.sampled_from(USED), min_size=1, unique=True),
            "party": st.just(["borrower"]),
        },
    )


def effective():
    return st.sampled_from(
        [{"from": date(2020, 1, 1)}, {"from": date(2026, 3, 28)}, {"from": date(2020, 1, 1), "to": date(2026, 3, 28)}]
    )


def windows():
    return st.one_of(
        st.integers(1, 5).map(lambda days: {"rolling_days": days}),
        st.integers(3, 60).map(lambda hours: {"rolling_hours": hours}),
        st.sampled_from([{"calendar": "day"}, {"calendar": "week", "week_start": "sat"}, {"calendar": "month"}]),
    )


def rule_bodies():
    week = ["10:00-12:00", "09:00-18:00", "13:30-24:00"]
    hours = st.builds(
        lambda wd, sa, hol: {
            "type": "hours", "allow": {"mon-fri": [wd], "sat-sun": sa, **({} if hol is None else {"holiday": hol})}
        },
        st.sampled_from(week), st.sampled_from([[], ["09:00-11:00"]]), st.sampled_from([None, [], ["12:00-14:00"]]),
    )  # fmt: skip
    cap = st.fixed_dictionaries(
        {"type": st.just("cap"), "max": st.integers(0, 3), "window": windows()},
        optional={
            "count": st.just({"outcomes": ["conversation", "delivered"]}), "measure": st.just("distinct_channels")
        },
    )  # fmt: skip
    cooldown = st.builds(
        lambda after, span: {"type": "cooldown", "after": after, "for": span},
        st.sampled_from([{"direction": "out"}, {"outcome": "conversation"}, {"channels": ["sms"], "direction": "any"}]),
        st.sampled_from([{"hours": 30}, {"days": 2}, {"days": 1, "first_day": "next"}]),
    )
    stop = st.just({"type": "stop", "when_any": ["dispute", "moratorium", "opt_out_all"]})
    need = st.sampled_from([{"kind": "direct_prior"}, {"kind": "direct_prior", "max_age_days": 8}])
    consent = need.map(lambda one: {"type": "consent", "need": {"any_of": [one]}, "match": {"channels": ["email"]}})
    return st.one_of(hours, cap, cap, cooldown, stop, consent)


@st.composite
def packs(draw, name="p"):
    rules = []
    for number, body in enumerate(draw(st.lists(rule_bodies(), min_size=1, max_size=4))):
        frame = {"id": f"{name}.{number}", "effect": "prohibit", "authority": "policy", "source": {"title": "a test"}}
        match = {} if "match" in body else {"match": draw(matches())}
        rules.append({**frame, "effective": draw(effective()), **match, **body})
    clock = {"unknown": draw(st.sampled_from(["deny", ["Europe/London", "America/New_York"]]))}
    header = {"id": name, "version": "1", "jurisdiction": "ZZ", "clock": clock}
    return {"schema": "contact-rules/1", "pack": {**header, "holidays": {"unknown": "national"}}, "rules": rules}


def book_of(persons):
    """Return a book whose borrowers b0, b1, ... are the given people."""
    rows = {"borrowers": [], "contacts": [], "status_events": [], "consents": []}
    for number, person in enumerate(persons):
        name = f"b{number}"
        rows["borrowers"].append(
            {"borrower_id": name, "valid_from": AS_OF - timedelta(days=400), "timezone": person["zone"] or None,
             "jurisdiction": person["jurisdiction"]}
        )  # fmt: skip
        for table, key in (("contacts", "contacts"), ("status_events", "events"), ("consents", "consents")):
            for k, row in enumerate(person[key]):
                own = {"contacts": "contact_id", "consents": "consent_id"}.get(table)
                rows[table].append({"borrower_id": name, **({own: f"{name}-{k}"} if own else {}), **row})
    return Book.from_arrow({table: pa.Table.from_pylist(content) for table, content in rows.items() if content})
