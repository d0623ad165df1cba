"""Planned against executed contacts: counted against what a world's engine did with its plans."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hand_book import book, borrower, contact, day, decision, due, loan, paid, status
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.vocabulary import CHANNELS, DELIVERED_OUTCOMES
from lighttouch.data.worlds import simulate
from lighttouch.policy.commitments import standing_decisions
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.rows.table import training_table
from lighttouch.training.runs.compliance import COLUMNS, compliance_table, said_of

ARMS, SETTINGS = default_arms(), PolicySettings()


def comply(world, contacts=None, gaps=None):
    tables = dict(world.tables)
    if contacts is not None:
        tables["contacts"] = contacts
    if gaps is not None:
        tables["system_gaps"] = gaps
    with Book.from_arrow(tables) as book:
        table = training_table(book, ARMS, SETTINGS)
        return table, compliance_table(book, table, ARMS, SETTINGS)


@pytest.fixture(scope="module")
def worlds():
    return {name: simulate(name, borrowers=300, days=200, seed=5) for name in ("outage", "stale", "randomised")}


@pytest.fixture(scope="module")
def found(worlds):
    return {name: comply(world) for name, world in worlds.items()}


def test_what_was_made_under_a_decision_is_what_the_contacts_say(worlds, found):
    table, compliance = found["stale"]
    contacts = worlds["stale"].tables["contacts"].to_pandas()
    own = contacts.merge(table.rows[["decision_id", "arm"]], on="decision_id")
    made = own.groupby(["arm", "channel"]).size()
    arrived = own[own["outcome"].isin(DELIVERED_OUTCOMES)].groupby(["arm", "channel"]).size()
    rows = compliance.set_index(["arm", "channel"])
    assert rows["executed"].to_dict() == made.to_dict()
    assert rows["delivered"].to_dict() == arrived.to_dict()


def test_plans_are_those_of_the_arms_over_the_horizon(found):
    table, compliance = found["randomised"]
    given = table.rows["arm"].value_counts()
    each = {"sms-weekly": 2, "sms-twice-weekly": 4, "sms-every-3-days": 5, "call-twice-weekly": 4}
    for arm, count in each.items():
        row = compliance[compliance["arm"] == arm].iloc[0]
        assert row["commitments"] == given[arm]
        assert row["planned"] == count * given[arm]
    assert "none" not in set(compliance["arm"])
    assert (
        compliance["planned"] == compliance["due"] + compliance["stopped_by_payment"] + compliance["stopped_by_event"]
    ).all()


@pytest.mark.parametrize("name", ["outage", "stale", "randomised"])
def test_what_was_due_and_not_in_an_outage_was_made(found, name):
    """The engine makes every contact whose channel works, until it knows of payment or of an event."""
    compliance = found[name][1]
    expected = compliance["due"] - compliance["in_outage"]
    assert (compliance["executed"] - expected).abs().max() <= 2
    assert abs(compliance["executed"].sum() / expected.sum() - 1) < 0.005


def test_an_outage_shows_as_contacts_due_and_not_made_on_its_channels_alone(found):
    compliance = found["outage"][1].groupby("channel")[["due", "executed", "in_outage"]].sum()
    share = compliance["in_outage"] / compliance["due"]
    assert (share[["sms", "email", "app_push"]] > 0.02).all()
    assert share["voicebot"] == 0
    assert share["call"] < 0.02
    assert found["outage"][1]["in_outage"].sum() > 5 * found["randomised"][1]["in_outage"].sum()


def test_in_a_world_of_dead_numbers_contacts_are_made_and_not_delivered(found):
    delivered = {name: compliance["delivered"].sum() / compliance["executed"].sum() for name, (_, compliance) in found.items()}
    made = found["stale"][1]["executed"].sum() / found["stale"][1]["due"].sum()
    assert made > 0.98
    assert delivered["stale"] < 0.5
    assert delivered["randomised"] > 0.7


def test_payment_calls_off_as_many_contacts_as_the_engine_left_undone(worlds, found):
    """Recount from the ledger row by row, with no table of the package's."""
    world, (table, compliance) = worlds["randomised"], found["randomised"]
    payments = world.tables["payments"].to_pandas().merge(world.tables["loans"].to_pandas()[["loan_id", "borrower_id"]])
    sign = np.where(payments["kind"].isin(["payment", "waiver"]), 1.0, -1.0)
    payments = payments.assign(net=payments["amount"].astype(float) * sign).sort_values("posted_at")
    by_borrower = dict(tuple(payments.groupby("borrower_id")))
    stopped = 0
    rows = table.rows[table.rows["arm"] == "sms-every-3-days"]
    for row in rows.itertuples():
        own = by_borrower.get(row.borrower_id, payments.iloc[:0])
        own = own[own["posted_at"] >= row.as_of]
        covered = own[own["net"].cumsum() >= row.overdue - 1.0]
        nights = [row.as_of + pd.Timedelta(days=day) for day in (0, 3, 6, 9, 12)]
        stopped += sum(len(covered) > 0 and covered["posted_at"].iloc[0] <= night for night in nights)
    row = compliance[compliance["arm"] == "sms-every-3-days"].iloc[0]
    assert stopped > 50
    assert abs(stopped - row["stopped_by_payment"] - row["stopped_by_event"]) <= row["stopped_by_event"]


def test_contacts_that_name_no_decision_are_told_by_their_time(worlds, found):
    contacts = worlds["randomised"].tables["contacts"]
    at = contacts.column_names.index("decision_id")
    nameless = contacts.set_column(at, "decision_id", pa.nulls(len(contacts), pa.string()))
    linked, timed = found["randomised"][1], comply(worlds["randomised"], nameless)[1]
    both = linked.merge(timed, on=["arm", "channel"], suffixes=("", "_timed"))
    assert len(both) == len(linked)
    # The contacts of the day on which an event ends a commitment lie after it or before it.
    assert (both["executed"] - both["executed_timed"]).abs().sum() <= 0.01 * both["executed"].sum()


def test_two_records_of_one_outage_are_one(worlds):
    # Seven hours told twice are seven hours, not fourteen; two outages of seven on one day are fourteen.
    world = worlds["randomised"]
    schema, last = world.tables["system_gaps"].schema, pd.Timestamp(world.end).normalize()

    def in_outage(*begins):
        at = [last - pd.Timedelta(days=n, hours=-hour) for n in range(10, 100) for hour in begins]
        gaps = {"channel": ["sms"] * len(at), "start_at": at, "end_at": [one + pd.Timedelta(hours=7) for one in at]}
        return comply(world, gaps=pa.table(gaps | {"cause": ["x"] * len(at)}, schema=schema))[1]["in_outage"].sum()

    assert in_outage(4, 4) == in_outage(4) == 0
    assert in_outage(4, 12) > 0


def test_an_outage_that_nobody_has_ended_lasts_and_a_short_one_costs_no_day(worlds):
    world = worlds["randomised"]
    schema, start = world.tables["system_gaps"].schema, world.end - pd.Timedelta(days=100)
    lasting = pa.table({"channel": ["sms"], "start_at": [start], "end_at": [None], "cause": ["x"]}, schema=schema)
    brief = pa.table(
        {"channel": ["sms"], "start_at": [start], "end_at": [start + pd.Timedelta(hours=3)], "cause": ["x"]}, schema=schema
    )
    share = {}
    for name, gaps in (("lasting", lasting), ("brief", brief)):
        sums = comply(world, gaps=gaps)[1].query("channel == 'sms'")[["in_outage", "due"]].sum()
        share[name] = sums["in_outage"] / sums["due"]
    assert share["lasting"] > 0.3
    assert share["brief"] == 0


def test_rows_come_in_the_order_of_the_catalogue_and_a_sentence_sums_them_up(found):
    compliance = found["outage"][1]
    assert tuple(compliance.columns) == COLUMNS
    pairs = zip(compliance["arm"], compliance["channel"], strict=True)
    place = [(ARMS.names.index(arm), CHANNELS.index(channel)) for arm, channel in pairs]
    assert place == sorted(place)
    text = said_of(compliance)
    assert f"{compliance['executed'].sum():,} contacts made of {compliance['due'].sum():,} due" in text
    assert text.endswith("Effects are of what was assigned")


def test_where_only_no_contact_was_given_nothing_was_due(worlds, found):
    table = found["randomised"][0]
    quiet = table.subset((table.rows["arm"] == "none").to_numpy())
    with Book.from_arrow(worlds["randomised"].tables) as book:
        empty = compliance_table(book, quiet, ARMS, SETTINGS)
    assert len(empty) == 0
    assert said_of(empty) == "compliance: no contact was due"


def comply_by_hand(payments=(), dues=(), contacts=(), events=(), arm="sms-every-3-days"):
    """Return compliance of one commitment of the evening of day 1: texts on days 1, 4, 7, 10 and 13, by the night before."""
    names = ["a", "late"]
    with book(
        borrowers=[borrower(name) for name in names],
        loans=[loan(name) for name in names],
        instalments=[due("a", 0), *dues],
        payments=[*payments, paid("late", 60, "1.00")],
        contacts=list(contacts),
        status_events=list(events),
        decisions=[decision("a", 1, arm)],
    ) as own:
        nights = [day(night, 22) for night in (1, 4, 7, 10, 13)]
        standing = [len(standing_decisions(own, at + timedelta(microseconds=1), SETTINGS)) for at in nights]
        table = training_table(own, ARMS, SETTINGS)
        found = compliance_table(own, table, ARMS, SETTINGS)
    return found, sum(standing)


@pytest.mark.parametrize(
    ("why", "due_contacts"), [("paid", 2), ("owes again", 4), ("bounced", 5), ("complaint", 3), ("nothing", 5)]
)
def test_what_is_due_is_what_standing_decisions_would_still_do(why, due_contacts):
    payments = {"paid": [paid("a", 5)], "owes again": [paid("a", 5)], "bounced": [paid("a", 5), paid("a", 6, kind="reversal")]}
    dues = [due("a", 8)] if why == "owes again" else []
    events = [status("a", "complaint", 9)] if why == "complaint" else []
    found, standing = comply_by_hand(payments.get(why, []), dues, events=events)
    assert found["due"].tolist() == [due_contacts]
    assert standing == due_contacts


def test_what_becomes_known_at_the_instant_of_a_night_comes_too_late_for_it():
    at_night = 7 + 22 / 24
    assert comply_by_hand([paid("a", 5, posted=at_night)])[0]["due"].tolist() == [3]
    assert comply_by_hand(events=[status("a", "complaint", at_night)])[0]["due"].tolist() == [3]


def test_notices_and_what_is_said_to_others_are_not_held_against_a_plan():
    others = [contact("a", 2, channel="letter", purpose="mandatory_notice"), contact("a", 3, channel="call", party="employer")]
    found, _ = comply_by_hand(contacts=[contact("a", 2), *others])
    assert found[["channel", "executed"]].to_numpy().tolist() == [["sms", 1]]


def test_contacts_made_under_no_contact_are_told():
    found, _ = comply_by_hand(contacts=[contact("a", 2)], arm="none")
    assert said_of(found) == "compliance: no contact was due, and 1 were made all the same"
