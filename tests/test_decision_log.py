"""What training takes from a decision log: commitments that were in force, and as long as their outcome."""

import numpy as np
import pandas as pd
import pytest
from hand_book import book, borrower, day, decision, due, loan, paid, status
from lighttouch.data.arms import default_arms
from lighttouch.data.errors import InvalidInput
from lighttouch.data.settings import OutcomeSettings
from lighttouch.policy.commitments import last_commitments, standing_decisions
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.rows.table import training_table

ARMS, SETTINGS = default_arms(), PolicySettings()
HORIZON = 14


def table_of(names, decisions, payments=(), settings=SETTINGS, **more):
    """Return the training table of people who owe 100.00 since the first of March; the ledger reaches to day 60."""
    everyone = [*names, "late"]
    with book(
        borrowers=[borrower(name) for name in everyone],
        loans=[loan(name) for name in everyone],
        instalments=[due(name, 0) for name in names],
        payments=[*payments, paid("late", 60, "1.00")],
        decisions=decisions,
        **more,
    ) as own:
        return training_table(own, ARMS, settings)


def simulated(nightly, n=300):
    """Return names, decisions and payments where a text every three days truly triples the chance of a day."""
    rng, decisions, payments = np.random.default_rng(1), [], []
    for name in (f"b{i:03d}" for i in range(n)):
        arm = "none"
        for night in range(1, 29):
            if nightly or night in (1, 15):
                arm = ("none", "sms-every-3-days")[rng.integers(2)]
                decisions.append(decision(name, night, arm, until=night + 1 if nightly else None))
            if rng.random() < (0.02 if arm == "none" else 0.06):
                payments.append(paid(name, night + 1))
                break
    return [f"b{i:03d}" for i in range(n)], decisions, payments


def test_a_log_of_commitments_shows_what_its_arms_do():
    names, decisions, payments = simulated(nightly=False)
    share = table_of(names, decisions, payments).rows.groupby("arm")["repaid"].mean()
    assert abs(share["none"] - (1 - 0.98**14)) < 0.1
    assert abs(share["sms-every-3-days"] - (1 - 0.94**14)) < 0.1


def test_a_log_of_every_night_is_refused_and_the_horizon_that_fits_is_named():
    names, decisions, payments = simulated(nightly=True)
    expected = (
        r"table 'decisions': expected commitments of 14 days, .* found [\d,]+ of [\d,]+ that end earlier "
        r"\(half of them after 1 days or less\).* `outcome: \{horizon_days: 1\}`"
    )
    with pytest.raises(InvalidInput, match=expected):
        table_of(names, decisions, payments)
    daily = PolicySettings(outcome=OutcomeSettings(horizon_days=1))
    assert len(table_of(names, decisions, payments, daily)) > 0.9 * len(decisions)


def test_a_newer_decision_ends_a_commitment_whatever_its_own_end_says():
    names = [f"b{i}" for i in range(30)]
    weekly = [decision(name, night) for name in names for night in (1, 8, 15)]
    with pytest.raises(InvalidInput, match=r"60 of 90 that end earlier \(half of them after 7 days or less\)"):
        table_of(names, weekly)


@pytest.mark.parametrize("why", ["payment", "complaint", "hours"])
def test_commitments_that_a_payment_or_an_event_ended_and_nights_that_run_early_are_no_fault(why):
    names = [f"b{i}" for i in range(30)]
    if why == "hours":
        first = [decision(name, 1, until=15) for name in names]
        again = [decision(name, 15) | {"as_of": day(15, 20)} for name in names]
        assert len(table_of(names, [*first, *again])) == 60
        return
    twice = [decision(name, night) for name in names for night in (1, 8)]
    payments = [paid(name, 5, "10.00") for name in names] if why == "payment" else []
    events = [status(name, "complaint", 5) for name in names] if why == "complaint" else []
    assert len(table_of(names, twice, payments, status_events=events)) == 60


def test_few_that_nothing_explains_are_kept():
    names = [f"b{i}" for i in range(40)]
    decisions = [*(decision(name, 1) for name in names), decision("b0", 8), decision("b1", 8)]
    assert len(table_of(names, decisions)) == 42


def test_of_two_decisions_of_one_instant_the_one_that_nights_see_is_the_row():
    both = [decision("a", 1, "none", decision_id="D1"), decision("a", 1, decision_id="D2"), decision("a", 15, decision_id="D3")]
    found = table_of(["a"], both)
    assert found.rows["decision_id"].tolist() == ["D2", "D3"]
    assert found.rows["last_arm"].isna().tolist() == [True, False]
    assert found.notices[0] == "1 of 3 decisions replaced by another of the same instant are left out"
    with book(borrowers=[borrower("a")], loans=[loan("a")], instalments=[due("a", 0)], decisions=both) as own:
        assert standing_decisions(own, day(2, 22))["decision_id"].tolist() == ["D2"]
        seen = last_commitments(own, pd.Series(["a"]), day(15, 22), ARMS, SETTINGS)
    assert ARMS.names[seen.last[0]] == found.rows["last_arm"].iloc[1] == "sms-every-3-days"


def test_who_owes_nothing_is_left_out_for_the_reason_that_holds():
    names = ["owes", "sold", "early", "paid"]
    decisions = [decision("owes", 1), decision("sold", 1), decision("early", -5), decision("paid", 1)]
    found = table_of(
        names, decisions, [paid("paid", -1, posted=5)], status_events=[status("sold", "sold", -3, loan_id="Lsold")]
    )  # fmt: skip
    assert found.rows["borrower_id"].tolist() == ["owes"]
    assert set(found.notices) == {
        "1 of 4 decisions whose borrower had no open loan are left out",
        "1 of 4 decisions whose borrower had nothing overdue by the ledger are left out",
        "1 of 4 decisions whose borrower had already paid, booked later are left out",
    }


def test_loans_sold_or_recalled_within_the_horizon_count_as_not_repaid_and_are_told():
    names = ["sold", "recalled", "paid", "later", "kept"]
    events = [status("sold", "sold", 5, loan_id="Lsold"), status("recalled", "recalled", 5), status("later", "sold", 20),
              status("paid", "sold", 9), status("kept", "sold", 5, loan_id="Lother")]  # fmt: skip
    found = table_of(names, [decision(name, 1) for name in names], [paid("paid", 3)], status_events=events)
    assert found.rows.set_index("borrower_id")["repaid"].to_dict() == dict.fromkeys(names, 0.0) | {"paid": 1.0}
    told = "2 of 5 decisions count as not repaid, and their loan was sold or recalled within the horizon"
    assert found.notices == (told,)
