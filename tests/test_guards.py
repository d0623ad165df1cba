"""Who is left alone, and why: guards, standing decisions, and four failures from practice."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.book import Book
from lighttouch.data.errors import StaleLedger
from lighttouch.data.vocabulary import CHANNELS, STOP_KINDS
from lighttouch.features.ledger import position
from lighttouch.features.points import decision_points
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.commitments import standing_decisions
from lighttouch.policy.guards import check_ledger, guard
from lighttouch.policy.reasons import Reason, sentence
from lighttouch.policy.rules import Planner, lawful, load_packs
from lighttouch.policy.settings import GuardSettings, PolicySettings

AS_OF = datetime(2026, 11, 20, 22, tzinfo=UTC)
SETTINGS = PolicySettings()
DAY = timedelta(days=1)


def status(borrower, kind, *, days_ago=5.0, loan=None, channel=None, until=None, known_days_ago=None):
    at = AS_OF - days_ago * DAY
    known = at if known_days_ago is None else AS_OF - known_days_ago * DAY
    return {
        "borrower_id": borrower,
        "loan_id": loan,
        "kind": kind,
        "channel": channel,
        "at": at,
        "until": until,
        "known_at": known,
    }


def paid(loan, amount, *, days_ago, posted_days_ago=None):
    posted = AS_OF - (days_ago if posted_days_ago is None else posted_days_ago) * DAY
    return {"payment_id": f"{loan}-{days_ago}", "loan_id": loan, "kind": "payment", "paid_at": AS_OF - days_ago * DAY,
            "posted_at": posted, "amount": Decimal(amount)}  # fmt: skip


def book_of(n=2, *, events=(), payments=(), products=None, decisions=None, known=None):
    """A book of n borrowers b0, b1, ... each 100.00 overdue for ten days; a last borrower of each product just paid."""
    names = [f"b{i}" for i in range(n)]
    products = products or ["card"] * n
    fresh = sorted(set(products))
    people = [*names, *(f"payer-{product}" for product in fresh)]
    loans = [
        {"loan_id": f"l-{who}", "borrower_id": who, "product": product, "principal": Decimal("1000.00"), "currency": "GBP",
         "opened_at": AS_OF - 200 * DAY}
        for who, product in zip(people, [*products, *fresh], strict=True)
    ]  # fmt: skip
    due = {"due_on": date(2026, 11, 10), "amount": Decimal("100.00"), "known_at": AS_OF - 200 * DAY}
    dues = [{"loan_id": one["loan_id"], **due} for one in loans]
    own = [paid(f"l-payer-{product}", "100.00", days_ago=0.5) for product in fresh if product != "forgotten"]
    rows = {
        "borrowers": [{"borrower_id": who, "valid_from": AS_OF - 300 * DAY, "timezone": "Europe/London", "jurisdiction": "GB"}
                      for who in (known or people)],
        "loans": loans,
        "instalments": dues,
        "payments": [*own, *payments],
        "status_events": list(events),
    }  # fmt: skip
    tables = {name: pa.Table.from_pylist(content) for name, content in rows.items() if content}
    return Book.from_arrow(tables if decisions is None else {**tables, "decisions": decisions})


def guarded(book, names=("b0", "b1"), settings=SETTINGS):
    points = decision_points(list(names), AS_OF)
    with book.points(points) as lent:
        owed = position(book, lent, settings.ledger).to_pandas()
    return guard(book, points, owed, AS_OF, settings).set_index("borrower_id")["code"].to_dict()


def test_who_is_overdue_and_under_no_reason_is_not_excluded():
    assert guarded(book_of()) == {}


def test_a_borrower_who_is_not_overdue_is_never_contacted():
    book = book_of(payments=[paid("l-b0", "100.00", days_ago=1)])
    assert guarded(book) == {"b0": "not_overdue"}


def test_a_borrower_without_a_position_has_no_proof_of_being_overdue():
    points = decision_points(["b0", "b1"], AS_OF)
    nothing = pd.DataFrame({"point_id": [1], "overdue_amount": [Decimal("100.00")], "days_past_due": [10]})
    found = guard(book_of(), points, nothing, AS_OF, SETTINGS)
    assert found[["borrower_id", "reason"]].to_numpy().tolist() == [["b0", "not_overdue"]]


def test_who_has_paid_is_left_alone_where_the_ledger_lags():
    late = paid("l-b0", "100.00", days_ago=2, posted_days_ago=-1)  # paid two days ago, booked tomorrow
    book = book_of(payments=[late], products=["forgotten", "card"])
    assert guarded(book) == {"b0": "stale_ledger:forgotten"}


def test_nobody_is_decided_on_where_the_whole_ledger_is_too_old():
    book = book_of(products=["forgotten", "forgotten"], payments=[paid("l-b1", "1.00", days_ago=5)])
    with pytest.raises(StaleLedger, match=r"5\.0 days old at as_of, the limit is 3\.0 days"):
        check_ledger(book, AS_OF, SETTINGS)
    check_ledger(book_of(), AS_OF, SETTINGS)


def test_a_ledger_without_any_posting_proves_nothing():
    with pytest.raises(StaleLedger):
        check_ledger(book_of(products=["forgotten", "forgotten"]), AS_OF, SETTINGS)


def test_hourly_messages_are_impossible_under_the_house_pack():
    arms = ArmCatalogue([Arm("none"), Arm("hourly", sms=24 * 7), Arm("twice-daily", sms=14), Arm("daily", sms=7)])
    mask = lawful(load_packs(["house"]), book_of(), AS_OF, arms, ["b0", "b1"])
    assert mask.tolist() == [[True, False, False, False]] * 2


@pytest.mark.parametrize("kind", STOP_KINDS)
def test_every_stop_excludes_and_names_itself(kind):
    assert guarded(book_of(events=[status("b0", kind)])) == {"b0": f"stop:{kind}"}


@pytest.mark.parametrize("kind", ["dispute", "hardship"])
def test_dispute_and_hardship_exclude(kind):
    assert guarded(book_of(events=[status("b0", kind)])) == {"b0": kind}


def test_a_resolved_stop_no_longer_excludes_but_only_on_its_own_loan():
    book = book_of(3, events=[
        status("b0", "dispute"), status("b0", "resolved", days_ago=3),
        status("b1", "dispute", loan="l-b1"), status("b1", "resolved", days_ago=3, loan="another"),
        status("b2", "dispute"), status("b2", "resolved", days_ago=6),
    ])  # fmt: skip
    assert guarded(book, ("b0", "b1", "b2")) == {"b1": "dispute", "b2": "dispute"}


def test_an_event_known_at_as_of_or_later_is_not_seen():
    assert guarded(book_of(events=[status("b0", "dispute", known_days_ago=0)])) == {}


def test_a_promise_quiets_until_its_day_and_a_broken_one_does_not():
    soon, over = AS_OF + 3 * DAY, AS_OF - DAY
    book = book_of(3, events=[
        status("b0", "promise", until=soon), status("b1", "promise", until=soon),
        status("b1", "promise_broken", days_ago=1), status("b2", "promise", until=over),
    ])  # fmt: skip
    assert guarded(book, ("b0", "b1", "b2")) == {"b0": "promise:2026-11-23"}


def test_a_complaint_quiets_for_the_days_that_settings_say():
    book = book_of(events=[status("b0", "complaint", days_ago=29), status("b1", "complaint", days_ago=31)])
    assert guarded(book) == {"b0": "complaint:30"}
    longer = PolicySettings(guards=GuardSettings(complaint_quiet_days=40))
    assert set(guarded(book, settings=longer)) == {"b0", "b1"}


def test_an_opt_out_excludes_only_where_every_channel_is_closed():
    each = [status("b1", "opt_out", channel=channel) for channel in CHANNELS]
    book = book_of(3, events=[status("b0", "opt_out"), *each, status("b1", "opt_in", channel="sms", days_ago=1),
                              status("b2", "opt_out", channel="sms")])  # fmt: skip
    assert guarded(book, ("b0", "b1", "b2")) == {"b0": "opt_out"}


def test_a_sold_loan_is_not_collected():
    assert guarded(book_of(events=[status("b0", "sold", loan="l-b0")])) == {"b0": "no_open_loan"}


def test_an_unknown_borrower_is_excluded():
    assert guarded(book_of(known=["b1"])) == {"b0": "unknown_borrower"}


def test_the_stop_switch_excludes_everyone():
    assert guarded(book_of(), settings=PolicySettings(halted=True)) == {"b0": "halted", "b1": "halted"}


def test_the_first_reason_is_by_precedence_and_all_are_listed():
    points = decision_points(["b0"], AS_OF)
    nothing = pd.DataFrame({"point_id": [], "overdue_amount": [], "days_past_due": []})
    events = [status("b0", "hardship"), status("b0", "attorney"), status("b0", "dispute")]
    found = guard(book_of(events=events), points, nothing, AS_OF, SETTINGS)
    assert found["reason"].tolist() == ["stop"]
    assert found["detail"].tolist() == ["stop:attorney; dispute; not_overdue; hardship"]


def test_every_reason_has_a_sentence():
    assert all(sentence(str(reason)) for reason in Reason)
    assert sentence("promise:2026-11-23") == "A promise to pay is open until 2026-11-23."


def decision(borrower, *, days_ago, arm="sms-weekly", days=14):
    at = AS_OF - days_ago * DAY
    return {"decision_id": f"{borrower}-{days_ago}", "borrower_id": borrower, "as_of": at, "commit_until": at + days * DAY,
            "arm": arm, "propensities": [("none", 0.5), (arm, 0.5)], "explore": True, "policy_version": "p",
            "model_version": "m", "rules_version": "r"}  # fmt: skip


def standing(events=(), payments=(), rows=None):
    rows = rows or [decision("b0", days_ago=3), decision("b1", days_ago=15)]
    kinds = pa.map_(pa.string(), pa.float64())
    columns = {name: pa.array([row[name] for row in rows], kinds if name == "propensities" else None) for name in rows[0]}
    book = book_of(events=events, payments=payments, decisions=pa.table(columns))
    return standing_decisions(book, AS_OF)["decision_id"].tolist()


def test_a_decision_stands_until_its_commitment_ends():
    assert standing() == ["b0-3"]


def test_a_newer_decision_takes_the_place_of_an_older_one():
    assert standing(rows=[decision("b0", days_ago=9), decision("b0", days_ago=2), decision("b1", days_ago=13.5)]) == [
        "b0-2", "b1-13.5",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["complaint", "promise", "dispute", "hardship", "opt_out", "attorney", "closed", "override"])
def test_a_clearing_event_since_the_decision_ends_the_commitment(kind):
    assert standing(events=[status("b0", kind, days_ago=1)]) == []


def test_an_event_that_the_decision_knew_does_not_end_it():
    assert standing(events=[status("b0", "complaint", days_ago=4)]) == ["b0-3"]


def test_an_event_that_became_known_after_the_decision_ends_it():
    assert standing(events=[status("b0", "complaint", days_ago=4, known_days_ago=2)]) == []


def test_a_payment_that_settles_what_was_overdue_ends_the_commitment():
    assert standing(payments=[paid("l-b0", "60.00", days_ago=1)]) == ["b0-3"]
    assert standing(payments=[paid("l-b0", "100.00", days_ago=1)]) == []


def test_a_standing_plan_keeps_no_window_for_who_is_stopped():
    book = book_of(events=[status("b0", "attorney")])
    arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)])
    planner = Planner.of(load_packs(["house"]), book, AS_OF, ["b0", "b1"])
    calendar = lay_calendar(planner, arms, np.array([1, 1]))
    assert set(calendar.windows["borrower_id"]) == {"b1"}
    assert calendar.blocked_by.tolist() == ["house.stop", None]
