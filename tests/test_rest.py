"""What is left of a plan that stands: nothing twice, and no burst after an outage."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.features.points import tonight
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.rest import lay_rest
from lighttouch.policy.rules import UNKNOWN_BORROWER, Planner, load_packs
from lighttouch.policy.settings import PolicySettings

BEGUN = datetime(2026, 11, 2, 22, tzinfo=UTC)  # a Monday night
DAY = timedelta(days=1)
ARMS = default_arms()
HOUSE = load_packs(["house"])


def contact(decision, at, **changes):
    row = {"contact_id": f"{decision}-{at:%d%H}", "borrower_id": "b0", "decision_id": decision, "channel": "sms",
           "direction": "out", "at": at, "outcome": "delivered", "known_at": at}  # fmt: skip
    return {**row, **changes}


def book_of(contacts=(), borrowers=("b0",)):
    known = [{"borrower_id": who, "valid_from": BEGUN - 300 * DAY, "timezone": "Europe/London", "jurisdiction": "GB"}
             for who in borrowers]  # fmt: skip
    tables = {"borrowers": pa.Table.from_pylist(known)}
    return Book.from_arrow({**tables, "contacts": pa.Table.from_pylist(list(contacts))} if contacts else tables)


def rest_of(arm, after, contacts=(), arms=ARMS, who="b0"):
    """Return what is left of b0's plan some days after it was begun: local starts by day, and what blocked it."""
    as_of = BEGUN + after * DAY
    decisions = log_of(["D1"], [who], [BEGUN], [arm])
    with book_of(contacts) as book:
        planner = Planner.of(HOUSE, book, as_of, [who], PolicySettings())
        return lay_rest(planner, arms, book, decisions)


def log_of(decisions, borrowers, begun, arms):
    starts = pd.Series([one.replace(tzinfo=None) for one in begun])
    return pd.DataFrame(
        {"decision_id": decisions, "borrower_id": borrowers, "as_of": starts, "commit_until": starts + 14 * DAY, "arm": arms}
    )


def test_no_window_of_a_standing_plan_opens_after_its_commitment_has_ended():
    for after in range(14):
        for arm in ("sms-weekly", "sms-every-3-days", "call-twice-weekly"):
            starts = rest_of(arm, after).windows["start"]
            assert (starts < BEGUN + 14 * DAY).all(), (arm, after)


def days_of(calendar):
    return [text[5:10] for text in calendar.windows["start_local"]]


def test_at_its_beginning_everything_of_a_plan_is_left():
    with book_of() as book:
        planner = Planner.of(HOUSE, book, BEGUN, ["b0"], PolicySettings())
        whole = lay_calendar(planner, ARMS, np.array([ARMS.index("sms-weekly")]))
    left = rest_of("sms-weekly", 0)
    assert days_of(left) == days_of(whole) == ["11-03", "11-10"]


def test_a_contact_that_was_made_is_not_made_again():
    made = contact("D1", BEGUN + 0.5 * DAY)
    assert days_of(rest_of("sms-weekly", 1, [made])) == ["11-10"]


def test_a_contact_that_was_not_made_in_time_is_still_made_before_its_successor_is_due():
    # Its successor waits for a week of its own: two in four days would be more than a week's plan.
    assert days_of(rest_of("sms-weekly", 3)) == ["11-06", "11-13"]


def test_after_an_outage_there_is_no_burst():
    # Five messages in fourteen days; for eight days none went out. Those overtaken by their successors are gone for good.
    left = rest_of("sms-every-3-days", 8)
    assert days_of(left) == ["11-11", "11-16"]  # the fourteenth and fifteenth are no working days
    assert (left.windows["start"].diff().dropna() >= pd.Timedelta(days=2.5)).all()


@pytest.mark.parametrize("arm", ["sms-weekly", "sms-every-3-days", "call-weekly", "call-twice-weekly"])
def test_what_is_laid_night_by_night_after_an_outage_is_never_more_than_a_normal_week(arm):
    """Each night lays the rest anew; each morning's contact is made, from the sixth day on."""
    made, interval = [], ARMS[arm].interval_days
    for after in range(6, 14):
        left = rest_of(arm, after, made).windows
        today = left[left["start"] < BEGUN + (after + 1) * DAY]
        channel = ARMS[arm].channels[0]
        made += [contact("D1", one.to_pydatetime(), channel=channel) for one in today["start"]]
    days = [one["at"].date() for one in made]
    assert days
    normal = int(np.ceil(7 / interval - 1e-9))
    assert max(sum(0 <= (day - other).days < 7 for day in days) for other in days) <= normal


def test_nothing_is_left_once_every_contact_was_made():
    made = [contact("D1", BEGUN + days * DAY) for days in (0.5, 7.5)]
    left = rest_of("sms-weekly", 8, made)
    assert left.windows.empty
    assert left.blocked_by.tolist() == [None]


@pytest.mark.parametrize(
    "changes",
    [{"decision_id": "D0"}, {"decision_id": None}, {"direction": "in"}, {"known_at": BEGUN + 2 * DAY}],
    ids=["of another decision", "of no decision", "inbound", "not known yet"],
)
def test_only_outbound_contacts_of_the_decision_that_are_known_count_as_made(changes):
    other = contact("D1", BEGUN + 0.5 * DAY, **changes)
    assert len(rest_of("sms-weekly", 1, [other]).windows) == 2


def test_an_arm_that_was_retired_since_may_stand():
    arms = ArmCatalogue([Arm("none"), Arm("call-weekly", call=1)], retired=[Arm("letter-weekly", letter=1)])
    left = rest_of("letter-weekly", 3, arms=arms)
    assert left.windows["channel"].tolist() == ["letter", "letter"]


def test_a_plan_without_contact_leaves_nothing():
    left = rest_of("none", 3)
    assert left.windows.empty
    assert left.blocked_by.tolist() == [None]


def test_nobody_unknown_to_the_book_is_contacted():
    left = rest_of("sms-weekly", 1, who="stranger")
    assert left.windows.empty
    assert left.blocked_by.tolist() == [UNKNOWN_BORROWER]


def test_each_borrower_keeps_the_rest_of_their_own_plan():
    names = ["b0", "b1", "b2"]
    begun = [BEGUN, BEGUN - 5 * DAY, BEGUN]
    log = log_of(["D0", "D1", "D2"], names, begun, ["sms-weekly", "call-weekly", "sms-weekly"])
    made = [contact("D2", BEGUN + 0.5 * DAY, borrower_id="b2")]
    with book_of(made, names) as book:
        planner = Planner.of(HOUSE, book, BEGUN + DAY, names, PolicySettings())
        windows = lay_rest(planner, ARMS, book, log).windows
    found = {who: [text[5:10] for text in own["start_local"]] for who, own in windows.groupby("borrower_id")}
    # b1's first call should have come five nights before; the second falls due on the fourth and waits for its week.
    assert found == {"b0": ["11-04", "11-10"], "b1": ["11-04", "11-11"], "b2": ["11-10"]}
    assert windows.set_index("borrower_id").loc["b1", "channel"].unique().tolist() == ["call"]


def test_tonight_everybody_is_looked_at_whom_the_book_knew_before():
    rows = [
        {"borrower_id": who, "valid_from": BEGUN + days * DAY, "jurisdiction": "GB"}
        for who, days in [("b2", -1), ("b0", -9), ("b0", -2), ("b1", 0), ("b3", 1)]
    ]
    loan = {
        "loan_id": "l9",
        "borrower_id": "b9",
        "product": "card",
        "principal": 1,
        "currency": "GBP",
        "opened_at": BEGUN - DAY,
    }
    tables = {"borrowers": pa.Table.from_pylist(rows), "loans": pa.Table.from_pylist([loan])}
    with Book.from_arrow(tables) as book:
        points = tonight(book, BEGUN, PolicySettings().ledger)
    # b1 became known at this very instant; b9 has a loan and no row, so that it can be left out with its reason.
    assert points["borrower_id"].to_pylist() == ["b0", "b2", "b9"]
    assert set(points["as_of"].to_pylist()) == {BEGUN.replace(tzinfo=None)}
