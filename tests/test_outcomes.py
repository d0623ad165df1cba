"""What happened after a decision: hand-made books that a person can check, simulated ones checked by an oracle."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.book import Book
from lighttouch.data.settings import LedgerSettings, OutcomeSettings
from lighttouch.data.worlds import simulate
from lighttouch.features.points import decision_points
from lighttouch.training.rows.outcomes import maturity, outcomes
from world_ledger_oracle import Oracle

AS_OF = datetime(2026, 6, 10, 22, tzinfo=UTC)
DAY = timedelta(days=1)
LEDGER, OUTCOME = LedgerSettings(), OutcomeSettings()
US = timedelta(microseconds=1)


def loan(loan_id, borrower="b0", currency="GBP"):
    return {"loan_id": loan_id, "borrower_id": borrower, "product": "card", "principal": Decimal("900.00"),
            "currency": currency, "opened_at": AS_OF - 100 * DAY}  # fmt: skip


def due(loan_id="l0", amount="100.00", on=date(2026, 6, 1), known=AS_OF - 100 * DAY, superseded=None):
    return {"loan_id": loan_id, "due_on": on, "amount": Decimal(amount), "known_at": known, "superseded_at": superseded}


def paid(amount, after, *, loan_id="l0", kind="payment", posted_after=None):
    """Money received some days after as_of, booked at once unless said otherwise."""
    at = AS_OF + (after if isinstance(after, timedelta) else after * DAY)
    posted = at if posted_after is None else AS_OF + posted_after * DAY
    return {"payment_id": f"{loan_id}-{kind}-{after}-{amount}", "loan_id": loan_id, "kind": kind, "paid_at": at,
            "posted_at": posted, "amount": Decimal(amount)}  # fmt: skip


def status(kind, after, *, loan_id=None, known_after=None):
    at = AS_OF + after * DAY
    return {"borrower_id": "b0", "loan_id": loan_id, "kind": kind, "channel": None, "at": at, "until": None,
            "known_at": at if known_after is None else AS_OF + known_after * DAY}  # fmt: skip


# Somebody else's payment, long after: the ledger reaches so far that every row is mature.
LATE = paid("1.00", 40, loan_id="l-other")


def outcome_of(*payments, loans=None, dues=None, events=(), outcome=OUTCOME, ledger=LEDGER, late=LATE):
    """Return the one row of borrower b0, who owes 100.00 since the first of June unless said otherwise."""
    rows = {
        "borrowers": [{"borrower_id": "b0", "valid_from": AS_OF - 200 * DAY, "jurisdiction": "GB"}],
        "loans": [*(loans or [loan("l0")]), loan("l-other", "b-other")],
        "instalments": dues or [due()],
        "payments": [*payments, *([late] if late else [])],
        "status_events": list(events),
    }
    with Book.from_arrow({name: pa.Table.from_pylist(content) for name, content in rows.items() if content}) as book:
        return outcomes(book, decision_points(["b0"], AS_OF, ledger), outcome, ledger).iloc[0]


def money(row):
    return row["recoverable"], row["recovered"], row["repaid"]


def test_who_pays_nothing_has_not_repaid():
    row = outcome_of()
    assert money(row) == (100.0, 0.0, 0.0)
    assert row["truly_overdue"]
    assert row["mature"]


def test_who_pays_what_was_overdue_within_the_horizon_has_repaid():
    assert money(outcome_of(paid("100.00", 5))) == (100.0, 100.0, 1.0)


def test_money_paid_at_the_very_instant_of_the_decision_came_before_it():
    row = outcome_of(paid("100.00", 0))
    assert money(row)[:2] == (0.0, 0.0)
    assert not row["truly_overdue"]
    assert money(outcome_of(paid("100.00", US))) == (100.0, 100.0, 1.0)


def test_money_paid_at_the_very_end_of_the_horizon_counts_and_a_microsecond_later_it_does_not():
    assert money(outcome_of(paid("100.00", 14))) == (100.0, 100.0, 1.0)
    assert money(outcome_of(paid("100.00", 14 * DAY + US))) == (100.0, 0.0, 0.0)


def test_a_payment_booked_long_after_the_horizon_counts_by_the_day_it_was_made():
    assert money(outcome_of(paid("100.00", 13, posted_after=30))) == (100.0, 100.0, 1.0)


def test_who_had_paid_before_the_decision_and_was_booked_later_was_not_truly_overdue():
    row = outcome_of(paid("100.00", -1, posted_after=2))
    assert money(row)[:2] == (0.0, 0.0)
    assert not row["truly_overdue"]


def test_a_part_paid_before_and_booked_later_lowers_what_was_truly_owed():
    assert money(outcome_of(paid("40.00", -1, posted_after=2), paid("60.00", 3))) == (60.0, 60.0, 1.0)


@pytest.mark.parametrize("kind", ["reversal", "refund"])
def test_what_bounces_within_the_horizon_was_not_paid(kind):
    assert money(outcome_of(paid("100.00", 3), paid("100.00", 5, kind=kind))) == (100.0, 0.0, 0.0)


def test_what_bounces_after_the_horizon_was_paid_within_it():
    assert money(outcome_of(paid("100.00", 3), paid("100.00", 15, kind="reversal"))) == (100.0, 100.0, 1.0)


def test_the_bounce_of_an_earlier_payment_does_not_make_recovered_money_negative():
    row = outcome_of(paid("30.00", -5), paid("30.00", 2, kind="reversal"))
    assert money(row) == (70.0, 0.0, 0.0)


def test_a_waiver_settles_as_money_does():
    assert money(outcome_of(paid("60.00", 3), paid("40.00", 4, kind="waiver"))) == (100.0, 100.0, 1.0)


def test_more_than_was_owed_is_recovered_only_up_to_what_was_owed():
    assert money(outcome_of(paid("250.00", 3))) == (100.0, 100.0, 1.0)


def test_a_share_of_the_debt_is_enough_where_the_settings_say_so():
    part = paid("80.00", 3)
    assert money(outcome_of(part)) == (100.0, 80.0, 0.0)
    assert money(outcome_of(part, outcome=OutcomeSettings(repaid_share=0.8))) == (100.0, 80.0, 1.0)
    assert money(outcome_of(part, outcome=OutcomeSettings(repaid_share=0.81))) == (100.0, 80.0, 0.0)


def test_one_cent_short_is_not_repaid():
    assert money(outcome_of(paid("99.99", 3))) == (100.0, 99.99, 0.0)


def test_dues_that_fall_within_the_horizon_are_not_part_of_the_debt():
    both = [due(), due(on=date(2026, 6, 15))]
    assert money(outcome_of(paid("100.00", 6), dues=both)) == (100.0, 100.0, 1.0)


def test_a_due_day_that_ends_only_after_the_decision_is_not_overdue():
    last = [due(), due(on=date(2026, 6, 10), amount="50.00")]
    assert money(outcome_of(dues=last))[0] == 100.0
    # In Shanghai the tenth of June ended six hours before this as_of of 22:00 UTC.
    assert money(outcome_of(dues=last, ledger=LedgerSettings(booking_zone="Asia/Shanghai")))[0] == 150.0


def test_a_due_that_was_withdrawn_before_the_decision_is_not_owed():
    withdrawn = [due(), due(amount="70.00", on=date(2026, 5, 1), superseded=AS_OF - DAY)]
    assert money(outcome_of(dues=withdrawn))[0] == 100.0


def test_a_sold_loan_is_neither_owed_nor_repaid_here():
    two = [loan("l0"), loan("l1")]
    dues = [due(), due("l1", "70.00")]
    events = [status("sold", -2, loan_id="l1")]
    row = outcome_of(paid("70.00", 3, loan_id="l1"), loans=two, dues=dues, events=events)
    assert money(row) == (100.0, 0.0, 0.0)


def test_a_sale_that_nobody_knew_of_yet_changes_nothing():
    events = [status("sold", -2, loan_id="l0", known_after=1)]
    assert money(outcome_of(paid("100.00", 3), events=events)) == (100.0, 100.0, 1.0)


def test_payments_on_any_loan_of_the_person_settle_the_oldest_due_first():
    two, dues = [loan("l0"), loan("l1")], [due(), due("l1", "100.00", on=date(2026, 7, 1))]
    # The loan that the money was paid into is not the one in arrears; the person's debt is one.
    assert money(outcome_of(paid("100.00", 3, loan_id="l1"), loans=two, dues=dues)) == (100.0, 100.0, 1.0)


def test_two_overdue_loans_of_a_person_are_one_debt():
    two, dues = [loan("l0"), loan("l1")], [due(), due("l1", "70.00", on=date(2026, 5, 1))]
    assert money(outcome_of(paid("100.00", 3), loans=two, dues=dues)) == (170.0, 100.0, 0.0)
    both = [paid("100.00", 3), paid("70.00", 4, loan_id="l1")]
    assert money(outcome_of(*both, loans=two, dues=dues)) == (170.0, 170.0, 1.0)


def test_of_two_currencies_the_one_longest_overdue_speaks_and_the_other_pays_nothing_of_it():
    two = [loan("l0"), loan("l1", currency="EUR")]
    dues = [due(), due("l1", "70.00", on=date(2026, 5, 1))]
    row = outcome_of(paid("100.00", 3), loans=two, dues=dues)
    assert (row["currency"], *money(row)) == ("EUR", 70.0, 0.0, 0.0)
    row = outcome_of(paid("70.00", 3, loan_id="l1"), loans=two, dues=dues)
    assert (row["currency"], *money(row)) == ("EUR", 70.0, 70.0, 1.0)


def test_before_it_is_mature_a_row_is_neither_yes_nor_no():
    # Everything is booked at once, so the ledger has to reach to the end of the horizon, no further.
    ripe = outcome_of(paid("100.00", 5), late=paid("1.00", 14, loan_id="l-other"))
    assert (ripe["mature"], ripe["repaid"], ripe["harm"]) == (True, 1.0, 0.0)
    young = outcome_of(paid("100.00", 5), late=paid("1.00", 14 * DAY - US, loan_id="l-other"))
    assert not young["mature"]
    assert np.isnan(young["repaid"])
    assert np.isnan(young["harm"])
    assert money(young)[:2] == (100.0, 100.0)


def outcome_where_feeds_end(card, other, owed_on):
    """Return the row of somebody who owes on loans of some products; each product's feed ends after so many days."""
    ends = {"card": card, "loan": other}
    owners = {f"l-{name}": name for name in ends} | {"l0": owed_on[0], "l1": owed_on[-1]}
    loans = [loan(name, "b0" if name in ("l0", "l1") else "b-other") | {"product": own} for name, own in owners.items()]
    payments = [paid("1.00", end, loan_id=f"l-{name}") for name, end in ends.items()]
    return outcome_of(*payments, loans=loans, dues=[due(), due("l1", on=date(2026, 7, 1))], late=None)


def test_where_the_feed_of_a_product_has_stopped_its_borrowers_are_neither_yes_nor_no():
    assert outcome_where_feeds_end(40, 40, ["card"])["repaid"] == 0.0
    row = outcome_where_feeds_end(10, 40, ["card"])
    assert not row["mature"]
    assert np.isnan(row["repaid"])
    assert outcome_where_feeds_end(10, 40, ["loan"])["repaid"] == 0.0
    # Nothing had fallen due on the loan whose feed has stopped.
    assert outcome_where_feeds_end(10, 40, ["loan", "card"])["repaid"] == 0.0


def test_a_product_on_which_nothing_was_ever_posted_has_no_proof():
    loans, payments = [loan("l0"), loan("l1", "b1") | {"product": "loan"}], [paid("1.00", 40, loan_id="l1")]
    assert not outcome_of(*payments, loans=loans, late=None)["mature"]


def test_nothing_is_mature_in_a_book_without_payments():
    row = outcome_of(late=None)
    assert not row["mature"]
    assert np.isnan(row["repaid"])


def test_the_posting_lag_is_the_99th_percentile_of_days_from_payment_to_booking():
    lags = [*[0.5] * 50, *[1.0] * 48, 6.0, 6.0]
    rows = [paid("1.00", -20 + i * timedelta(minutes=1) / DAY, posted_after=-20 + i * timedelta(minutes=1) / DAY + lag)
            for i, lag in enumerate(lags)]  # fmt: skip
    with Book.from_arrow({"payments": pa.Table.from_pylist(rows)}) as book:
        found = maturity(book)
    assert found.posting_lag_days == pytest.approx(6.0, abs=1e-4)
    assert found.known_until == max(row["posted_at"] for row in rows).replace(tzinfo=None)
    assert found.last_mature(14) == found.known_until - timedelta(days=14 + found.posting_lag_days)


def harm_by_day(*events):
    """Return harm of decisions taken 3, 14 and 15 days before the events' first day, on it, and a day after it."""
    with Book.from_arrow({"payments": pa.Table.from_pylist([LATE]), "status_events": pa.Table.from_pylist(events)}) as book:
        nights = [AS_OF - days * DAY for days in (3, 14, 15, 0, -1)]
        return outcomes(book, decision_points(["b0"] * 5, nights), OUTCOME, LEDGER)["harm"].tolist()


@pytest.mark.parametrize("kind", ["complaint", "opt_out"])
def test_a_complaint_or_refusal_after_the_decision_and_within_the_horizon_is_harm(kind):
    assert harm_by_day(status(kind, 0)) == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_other_events_are_no_harm_and_two_complaints_are_one_row():
    assert harm_by_day(status("promise", 0), status("dispute", 0)) == [0.0] * 5
    assert harm_by_day(status("complaint", 0), status("complaint", 2), status("opt_out", 3)) == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_somebody_without_a_loan_has_nothing_to_recover():
    with Book.from_arrow({"payments": pa.Table.from_pylist([LATE])}) as book:
        row = outcomes(book, decision_points(["nobody"], AS_OF), OUTCOME, LEDGER).iloc[0]
    assert pd.isna(row["currency"])
    assert row["recoverable"] == 0.0
    assert not row["truly_overdue"]


@pytest.fixture(scope="module", params=[("randomised", 3), ("confounded", 4)], ids=lambda pair: pair[0])
def world(request):
    name, seed = request.param
    return simulate(name, borrowers=600, days=300, seed=seed)


@pytest.fixture(scope="module")
def read(world):
    log = world.tables["decisions"]
    with Book.from_arrow(world.tables) as book:
        points = decision_points(log["borrower_id"].to_pylist(), log["as_of"], LEDGER)
        return outcomes(book, points, OUTCOME, LEDGER)


def test_debts_and_outcomes_of_a_simulated_book_are_those_of_an_independent_reading(world, read):
    oracle = Oracle(world.tables)
    owed, repaid = oracle.outcomes()
    sure = read["mature"].to_numpy() & read["truly_overdue"].to_numpy()
    assert sure.sum() > 1_000
    assert np.array_equal(np.round(read["recoverable"].to_numpy() * 100), np.maximum(owed, 0))
    assert np.array_equal(read["repaid"].to_numpy()[sure], repaid[sure])
    assert np.array_equal(read["harm"].to_numpy()[read["mature"]], oracle.harmed()[read["mature"]])


def test_debts_of_a_simulated_book_are_those_of_its_truth(world, read):
    assert np.allclose(read["recoverable"], world.truth.recoverable, atol=0.005)
    assert np.array_equal(~read["truly_overdue"].to_numpy(), world.truth.already_paid)


def test_outcomes_of_a_simulated_book_come_as_often_as_its_truth_says(world, read):
    truth = world.truth
    sure = (read["mature"] & read["truly_overdue"]).to_numpy()
    taken = np.arange(len(truth)), truth.taken
    for name, stated in (("repaid", truth.response[taken]), ("harm", truth.harm[taken])):
        expected, found = stated[sure], read[name].to_numpy()[sure]
        assert abs(found.sum() - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum()), name
