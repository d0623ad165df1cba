"""Failures that lenders know: writing to who has paid, to who owes nothing, every hour, or to a number that is gone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow.parquet as pq
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import StaleLedger
from lighttouch.policy.refresh import refresh_tasks
from lighttouch.policy.rules import lawful_arms, load_packs
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.output import sibling, write_night
from lighttouch.serving.recommender import Recommender
from small_book import arrow

NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)
CERTAIN = {"exploration": {"first_share": 0.0, "floor": 0.0}}


def ago(days, hours=0):
    return NIGHT - timedelta(days=days, hours=hours)


def loan(borrower, due=date(2026, 11, 8), amount="100.00"):
    owner = {"loan_id": f"L-{borrower}", "borrower_id": borrower, "product": "cash", "principal": Decimal("1000.00"),
             "currency": "CNY", "opened_at": ago(90)}  # fmt: skip
    return owner, {"loan_id": f"L-{borrower}", "due_on": due, "amount": Decimal(amount), "known_at": ago(89)}


def payment(borrower, paid, posted, amount="100.00"):
    return {"payment_id": f"P-{borrower}-{paid}", "loan_id": f"L-{borrower}", "kind": "payment", "paid_at": paid,
            "posted_at": posted, "amount": Decimal(amount)}  # fmt: skip


def contact(borrower, at, channel="sms", outcome="delivered"):
    return {"contact_id": f"C-{borrower}-{at}-{channel}", "borrower_id": borrower, "channel": channel, "direction": "out",
            "party": "borrower", "purpose": "collection", "at": at, "outcome": outcome, "known_at": at}  # fmt: skip


BEGUN, VERIFIED = ago(90), ago(80)


def endpoint(borrower, channel="sms", to=None, verified=VERIFIED, begun=BEGUN):
    return {"borrower_id": borrower, "channel": channel, "endpoint_id": f"E-{borrower}-{channel}-{begun}", "kind": "personal",
            "verified_at": verified, "valid_from": begun, "valid_to": to}  # fmt: skip


# Somebody else pays every day, so that the ledger is fresh.
OTHERS = [payment("other", ago(1), ago(0, 3), "1.00")]
EMPTY = {
    "payments": [payment("x", ago(1), ago(1))], "contacts": [contact("x", ago(1))], "contact_points": [endpoint("x")],
    "status_events": [{"borrower_id": "x", "loan_id": None, "kind": "promise", "channel": None, "at": ago(1), "until": None,
                       "known_at": ago(1)}],
    "consents": [{"consent_id": "K", "borrower_id": "x", "channel": "sms", "kind": "express", "given_at": ago(1),
                  "revoked_at": None, "known_at": ago(1)}],
    "system_gaps": [{"channel": "sms", "start_at": ago(1), "end_at": None, "cause": "x"}],
    "decisions": [{"decision_id": "D", "borrower_id": "x", "as_of": ago(1), "commit_until": ago(0), "arm": "none",
                   "propensities": [("none", 1.0)], "explore": False, "policy_version": "p", "model_version": "m",
                   "rules_version": "r"}],
}  # fmt: skip


def book_of(people, payments=(), **tables):
    loans, dues = zip(*(loan(*one) if isinstance(one, tuple) else loan(one) for one in (*people, "other")), strict=True)
    borrowers = [
        {"borrower_id": one["borrower_id"], "valid_from": ago(100), "timezone": "Asia/Shanghai", "jurisdiction": "CN"}
        for one in loans
    ]
    rows = {"payments": [*payments, *OTHERS]} | tables
    made = {"borrowers": borrowers, "loans": list(loans), "instalments": list(dues)}
    found = {name: arrow(name, found) for name, found in (made | rows).items()}
    blank = {name: arrow(name, found).slice(0, 0) for name, found in EMPTY.items()}
    return Book.from_arrow(blank | found)


def night_of(book, arms=None, as_of=NIGHT, **settings):
    return Recommender.without_model(PolicySettings.from_dict(CERTAIN | settings), arms).night(book, as_of)


def fates(night):
    recs = {row["borrower_id"]: row for row in night.recommendations.to_pylist()}
    return recs, dict(zip(night.excluded["borrower_id"], night.excluded["reason"], strict=True))


def test_who_has_paid_is_never_contacted_although_the_ledger_lags():
    """Paid three days ago, booked today: out. Paid and not booked at all: a ledger that fell silent stops the night."""
    booked = payment("paid", ago(3), ago(0, 1))
    with book_of(["paid", "owes"], [booked]) as book:
        recs, left_out = fates(night_of(book))
    assert recs["owes"]["windows"]
    assert left_out["paid"] == "not_overdue"
    with book_of(["paid", "owes"]) as book, pytest.raises(StaleLedger):
        night_of(book, as_of=NIGHT + timedelta(days=4))


def test_a_payment_that_is_booked_after_the_decision_clears_it_on_the_next_night():
    with book_of(["late"]) as book:
        night = night_of(book)
    log = night.decisions.to_pylist()
    assert {row["borrower_id"] for row in log} == {"late", "other"}
    booked = payment("late", ago(1), NIGHT + timedelta(hours=5))
    decisions = [row | {"propensities": list(row["propensities"])} for row in log]
    with book_of(["late"], [booked], decisions=decisions) as book:
        recs, left_out = fates(night_of(book, as_of=NIGHT + timedelta(days=1)))
    assert "late" not in recs
    assert left_out["late"] == "not_overdue"


@pytest.mark.parametrize("due", [date(2026, 11, 20), date(2026, 11, 21), date(2026, 12, 8)])
def test_who_is_not_overdue_is_never_contacted(due):
    """The due day itself does not count: it has not ended."""
    with book_of([("early", due), ("owes", date(2026, 11, 19))]) as book:
        recs, left_out = fates(night_of(book))
    assert left_out["early"] == "not_overdue"
    assert "owes" in recs


def test_a_due_day_ends_where_the_loan_is_booked():
    with book_of([("early", date(2026, 11, 20))]) as book:
        shanghai, _ = fates(night_of(book, ledger={"booking_zone": "Asia/Shanghai"}))
        utc, _ = fates(night_of(book))
    assert "early" in shanghai
    assert "early" not in utc


HOURLY = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-hourly", sms=168), Arm("sms-twice-daily", sms=14)])


def test_hourly_messages_are_impossible_by_construction():
    """No rule pack, no setting and no draw leaves such an arm: the calendar cannot be laid within the caps."""
    with book_of([f"b{i}" for i in range(40)]) as book:
        for pack in ("house", "house-strict"):
            found = lawful_arms(load_packs([pack]), book, NIGHT, HOURLY)
            assert not found.mask[:, 2:].any()
        wild = {"exploration": {"first_share": 1.0, "floor": 0.2}, "house_arm": "sms-hourly"}
        night = night_of(book, HOURLY, **wild)
    rows = night.recommendations.to_pylist()
    assert {row["arm"] for row in rows} <= {"none", "sms-weekly"}
    assert all(len(row["windows"]) <= 2 for row in rows)
    assert all("sms-hourly" not in dict(one["propensities"]) for one in night.decisions.to_pylist())


def test_a_deleted_number_leads_to_a_task_and_not_to_silence(tmp_path):
    points = [endpoint("gone", to=ago(5)), endpoint("fine"), endpoint("fine", "call")]
    with book_of(["gone", "fine"], contact_points=points) as book:
        night = night_of(book)
    recs, _ = fates(night)
    assert recs["gone"]["arm"] == "none"
    assert "arm_removed:sms-weekly:endpoint.dead" in recs["gone"]["reasons"]
    assert any(arm.startswith("call") for arm in recs["gone"]["lawful_arms"])
    assert recs["fine"]["arm"] == "sms-every-3-days"
    write_night(night, tmp_path / "recs.parquet")
    task, *others = pq.read_table(sibling(tmp_path / "recs.parquet", "refresh")).to_pylist()
    assert not others
    assert (task["borrower_id"], task["channel"], task["cause"], task["since"]) == ("gone", "sms", "ended", ago(5))
    assert task["task"] == "refresh_contact_point"


def test_another_channel_is_used_where_a_number_is_gone():
    arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("email-weekly", email=1)])
    with book_of(["gone"], contact_points=[endpoint("gone", to=ago(5))]) as book:
        recs, _ = fates(night_of(book, arms, house_arm="email-weekly"))
    assert recs["gone"]["arm"] == "email-weekly"


def failing(outcomes, **changes):
    contacts = [contact("b", ago(20 - i), outcome=outcome) for i, outcome in enumerate(outcomes)]
    with book_of(["b"], contacts=contacts or EMPTY["contacts"], contact_points=[endpoint("b", **changes)]) as book:
        tasks = refresh_tasks(book, ["b"], NIGHT, PolicySettings())
    return tasks["cause"].tolist()


@pytest.mark.parametrize(
    ("outcomes", "cause"),
    [
        (["bounced", "bounced"], []),
        (["bounced", "bounced", "not_connected"], ["failing"]),
        (["bounced", "bounced", "delivered", "bounced"], []),
        (["delivered", "answered_wrong_party"], ["wrong_party"]),
        (["answered_wrong_party", "delivered"], []),
    ],
)
def test_failures_in_a_row_or_a_wrong_person_ask_for_a_new_endpoint_instead_of_another_try(outcomes, cause):
    assert failing(outcomes) == cause


def test_failures_before_an_endpoint_was_verified_again_are_not_held_against_it():
    assert failing(["bounced"] * 3, verified=ago(2)) == []
    assert failing(["answered_wrong_party"], begun=ago(2), verified=None) == ["unverified"]


def test_an_unverified_endpoint_is_a_task_and_still_used():
    with book_of(["b"], contact_points=[endpoint("b", verified=None)]) as book:
        night = night_of(book)
    assert night.refresh["cause"].tolist() == ["unverified"]
    assert fates(night)[0]["b"]["arm"] == "sms-every-3-days"


def test_a_standing_plan_stops_writing_to_a_number_that_is_gone():
    with book_of(["b"], contact_points=[endpoint("b")]) as book:
        log = [row | {"propensities": list(row["propensities"])} for row in night_of(book).decisions.to_pylist()]
    later = NIGHT + timedelta(days=1)
    points = [endpoint("b", to=NIGHT + timedelta(hours=6))]
    paid = payment("other", NIGHT, NIGHT + timedelta(hours=2), "1.00")
    with book_of(["b"], [paid], contact_points=points, decisions=log) as book:
        night = night_of(book, as_of=later)
    row = fates(night)[0]["b"]
    assert row["standing"]
    assert row["windows"] == []
    assert row["reasons"][-1] == "arm_removed:sms-every-3-days:endpoint.dead"
    assert night.refresh["borrower_id"].tolist() == ["b"]


REMIND = {"pre_due": {"enabled": True, "days_before": 3}}


def test_reminders_before_the_due_day_are_a_regime_of_their_own():
    with book_of([("soon", date(2026, 11, 23)), ("later", date(2026, 11, 24)), ("owes", date(2026, 11, 8))]) as book:
        night, without = night_of(book, **REMIND), night_of(book)
    assert without.pre_due.empty
    assert night.pre_due["borrower_id"].tolist() == ["soon"]
    row = night.pre_due.iloc[0]
    assert (row["regime"], row["channel"], row["template"], row["due_on"]) == (
        "pre_due", "sms", "reminder-friendly", date(2026, 11, 23),
    )  # fmt: skip
    assert row["contact_from"].startswith("2026-11-21T09:00")
    assert "soon" not in fates(night)[0]
    assert night.decisions.num_rows == without.decisions.num_rows


@pytest.mark.parametrize("kind", ["dispute", "opt_out", "deceased", "promise", "complaint"])
def test_nobody_is_reminded_whom_anything_but_the_date_protects(kind):
    event = {"borrower_id": "soon", "loan_id": None, "kind": kind, "channel": None, "at": ago(5), "until": None,
             "known_at": ago(5)}  # fmt: skip
    with book_of([("soon", date(2026, 11, 23))], status_events=[event]) as book:
        assert night_of(book, **REMIND).pre_due.empty
        assert night_of(book, **REMIND, halted=True).pre_due.empty


def test_the_usual_arms_reach_everyone_whose_endpoints_the_book_does_not_know():
    with book_of(["b"]) as book:
        night = night_of(book, default_arms())
    assert night.refresh.empty
    assert np.all([row["arm"] == "sms-every-3-days" for row in night.recommendations.to_pylist()])
