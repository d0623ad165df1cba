"""What was owed at an instant, on small ledgers whose answer is known by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from feature_histories import to_book
from lighttouch.data.contracts import CONTRACTS
from lighttouch.data.errors import InvalidInput
from lighttouch.data.settings import LedgerSettings
from lighttouch.features.build import build_features
from lighttouch.features.catalogue import FEATURE_NAMES, FEATURES, family_tables
from lighttouch.features.known import known_plan
from lighttouch.features.ledger import newest_posting, position
from lighttouch.features.points import decision_points, tonight


def at(day, hour=0, month=3):
    return datetime(2026, month, day, hour, tzinfo=UTC)


def loan(name, currency="CNY", borrower="b"):
    money = {"principal": Decimal(500), "currency": currency, "opened_at": at(1, month=1)}
    return {"loan_id": name, "borrower_id": borrower, "product": "cash"} | money


def due(name, day, amount, month=3, **state):
    return {"loan_id": name, "due_on": date(2026, month, day), "amount": Decimal(amount), "known_at": at(1, month=1)} | state


def paid(name, when, amount, kind="payment", posted=None):
    times = {"paid_at": when, "posted_at": posted or when}
    return {"payment_id": f"{name}{when}{kind}{amount}", "loan_id": name, "kind": kind, "amount": Decimal(amount)} | times


def ending(kind, when, name=None):
    return {"borrower_id": "b", "loan_id": name, "kind": kind, "at": when, "known_at": when}


def tables(**rows):
    return {name: [] for name in CONTRACTS} | rows


def position_at(rows, as_of, ledger=None):
    ledger = ledger or LedgerSettings()
    with to_book(rows) as book, book.points(decision_points(["b"], as_of, ledger)) as points:
        found = position(book, points, ledger).to_pyarrow().to_pylist()
    assert len(found) == 1
    return found[0]


def owed(rows, as_of, ledger=None):
    found = position_at(rows, as_of, ledger)
    return found["overdue_amount"], found["days_past_due"]


TWO_DUES = tables(loans=[loan("l")], instalments=[due("l", 10, 100), due("l", 20, 100)])


def test_a_due_day_must_have_ended_before_anything_is_overdue():
    assert owed(TWO_DUES, at(10, 23)) == (0, 0)
    assert owed(TWO_DUES, at(11)) == (100, 1)


def test_the_due_day_ends_in_the_booking_zone():
    new_york = LedgerSettings(booking_zone="America/New_York")
    # 8 March 2026 is the day of 23 hours: midnight lies at 05:00 UTC before it and at 04:00 after it.
    rows = tables(loans=[loan("l")], instalments=[due("l", 8, 100)])
    assert owed(rows, datetime(2026, 3, 9, 3, 59, tzinfo=UTC), new_york) == (0, 0)
    assert owed(rows, datetime(2026, 3, 9, 4, 0, tzinfo=UTC), new_york) == (100, 1)
    assert owed(rows, at(8, 16), LedgerSettings(booking_zone="Asia/Shanghai")) == (100, 1)


def test_grace_delays_but_days_past_due_count_from_the_due_day():
    assert owed(TWO_DUES, at(12), LedgerSettings(grace_days=2)) == (0, 0)
    assert owed(TWO_DUES, at(13), LedgerSettings(grace_days=2)) == (100, 3)


def test_payments_settle_the_oldest_due_first_over_the_loans_of_a_currency():
    rows = tables(
        loans=[loan("l"), loan("k")],
        instalments=[due("l", 10, 100), due("k", 5, 60)],
        payments=[paid("l", at(11), 80)],
    )
    found = position_at(rows, at(15))
    assert (found["overdue_amount"], found["oldest_due_on"], found["open_loans"]) == (80, date(2026, 3, 10), 2)


def test_a_payment_counts_once_it_is_posted_and_not_at_the_instant_itself():
    rows = TWO_DUES | {"payments": [paid("l", at(9), 100, posted=at(12))]}
    assert owed(rows, at(12)) == (100, 2)
    assert owed(rows, datetime(2026, 3, 12, microsecond=1, tzinfo=UTC)) == (0, 0)


def test_reversals_and_refunds_raise_the_debt_and_waivers_lower_it():
    acts = [paid("l", at(9), 100), paid("l", at(10), 100, "reversal"), paid("l", at(11), 30, "waiver")]
    assert owed(TWO_DUES | {"payments": acts}, at(12)) == (70, 2)
    assert owed(TWO_DUES | {"payments": [*acts, paid("l", at(11), 5, "refund")]}, at(12)) == (75, 2)


def test_sums_up_to_the_de_minimis_are_not_overdue():
    assert owed(TWO_DUES | {"payments": [paid("l", at(9), 99)]}, at(12)) == (0, 0)
    assert owed(TWO_DUES | {"payments": [paid("l", at(9), "98.99")]}, at(12)) == (Decimal("1.01"), 2)
    # What is left of an old due within the limit does not make the next one older than it is.
    assert owed(TWO_DUES | {"payments": [paid("l", at(9), "99.50")]}, at(25)) == (Decimal("100.50"), 5)


def test_a_superseded_instalment_counts_until_its_replacement_is_known():
    moved = [due("l", 10, 100, superseded_at=at(12)), due("l", 25, 100) | {"known_at": at(12)}]
    rows = tables(loans=[loan("l")], instalments=moved)
    assert owed(rows, at(12)) == (100, 2)
    assert owed(rows, at(13)) == (0, 0)
    assert position_at(rows, at(13))["balance"] == 100


@pytest.mark.parametrize("kind", ["closed", "written_off", "sold", "recalled"])
def test_an_ended_loan_is_not_collected_here(kind):
    rows = TWO_DUES | {"status_events": [ending(kind, at(15), "l")]}
    assert owed(rows, at(15)) == (100, 5)
    found = position_at(rows, at(16))
    assert (found["overdue_amount"], found["open_loans"], found["currency"]) == (0, 0, None)


def test_an_ending_without_a_loan_ends_the_loans_of_that_time_only():
    later = loan("later") | {"opened_at": at(16)}
    rows = TWO_DUES | {"loans": [loan("l"), later], "status_events": [ending("sold", at(15))]}
    assert position_at(rows, at(18))["open_loans"] == 1


def test_of_several_currencies_the_one_longest_past_due_speaks_then_the_first_of_the_alphabet():
    loans = [loan("l", "CNY"), loan("k", "EUR"), loan("j", "AUD")]
    rows = tables(loans=loans, instalments=[due("l", 10, 100), due("k", 5, 60), due("j", 10, 7)])
    assert position_at(rows, at(12))["currency"] == "EUR"
    rows["payments"] = [paid("k", at(6), 60)]
    assert position_at(rows, at(12))["currency"] == "AUD"
    assert position_at(rows, at(12))["overdue_amount"] == 7


def test_the_balance_includes_what_is_not_yet_due_and_is_never_negative():
    assert position_at(TWO_DUES, at(5))["balance"] == 200
    assert position_at(TWO_DUES | {"payments": [paid("l", at(2), 250)]}, at(5))["balance"] == 0


def test_the_newest_posting_is_told_by_product_and_strictly_before_as_of():
    car = loan("k") | {"product": "car"}
    rows = tables(loans=[loan("l"), car], payments=[paid("l", at(9), 1), paid("l", at(12), 1, posted=at(14))])
    with to_book(rows) as book:
        found = newest_posting(book, at(14)).set_index("product")["posted_at"]
    assert found["cash"] == at(9)
    assert found.isna()["car"]


def test_a_borrower_without_any_event_has_a_row_with_counts_of_zero_and_the_rest_missing():
    with to_book(tables()) as book:
        found = build_features(book, decision_points(["nobody"], at(1))).iloc[0]
    assert found["borrower_id"] == "nobody"
    assert found["contact_count_30d"] == found["overdue_amount"] == found["days_past_due"] == 0
    assert found[["days_since_contact", "late_days_mean", "ledger_lag_days", "pay_hour_mode"]].isna().all()


def test_no_points_give_no_rows_but_every_column():
    with to_book(TWO_DUES) as book:
        found = build_features(book, decision_points([], at(1)))
    assert len(found) == 0
    assert found.columns.tolist() == ["point_id", "borrower_id", "as_of", *FEATURE_NAMES]


def test_tonight_lists_every_borrower_that_was_known_in_order():
    people = [
        {"borrower_id": name, "valid_from": at(day), "jurisdiction": "CN"} for name, day in (("c", 1), ("a", 2), ("z", 5))
    ]
    with to_book(tables(borrowers=people, loans=[loan("l", borrower="b")])) as book:
        assert tonight(book, at(5))["borrower_id"].to_pylist() == ["a", "b", "c"]


def test_points_refuse_instants_without_a_zone_and_lengths_that_differ():
    with pytest.raises(InvalidInput, match="instant with a time zone"):
        decision_points(["b"], datetime(2026, 1, 1))  # noqa: DTZ001  what is refused
    with pytest.raises(InvalidInput, match="one for each of 2 borrowers"):
        decision_points(["a", "b"], pa.array([at(1)], pa.timestamp("us", "UTC")))


def test_the_catalogue_is_what_is_built_and_every_name_is_its_own():
    built = [name for table in family_tables(known_plan(LedgerSettings(), 2026).known) for name in table.columns]
    assert sorted(name for name in built if name != "point_id") == sorted(FEATURE_NAMES)
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    assert all(feature.unit and feature.description.endswith(".") for feature in FEATURES)
