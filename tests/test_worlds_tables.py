"""Do a world's tables keep their contracts, and its bank its own rules?"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.book import Book
from lighttouch.data.contracts import CONTRACTS, Kind
from lighttouch.data.worlds import WORLDS, simulate
from world_ledger_oracle import DAY, Oracle, Running, us

ARROW = {
    Kind.TEXT: pa.string(), Kind.INSTANT: pa.timestamp("us", tz="UTC"), Kind.DAY: pa.date32(),
    Kind.MONEY: pa.decimal128(18, 2), Kind.INTEGER: pa.int32(), Kind.FLAG: pa.bool_(),
    Kind.TEXT_LIST: pa.list_(pa.string()), Kind.PROPENSITIES: pa.map_(pa.string(), pa.float64()),
}  # fmt: skip
STOPS = ("promise", "complaint", "opt_out", "dispute", "hardship")


class Watcher:
    """Decides as another policy does and remembers what it was shown."""

    name = "watcher"

    def __init__(self, policy):
        self.policy, self.seen = policy, []

    def propensities(self, situation):
        self.seen.append(situation.observed)
        return self.policy.propensities(situation)


# The worlds whose bank works differently, or books, reports or contacts differently; and an ordinary one.
@pytest.fixture(scope="module", params=["confounded", "outage", "stale", "lagged-ledger", "bureau", "no-overlap", "hidden"])
def watched(request):
    watcher = Watcher(WORLDS[request.param].policy())
    size = {"borrowers": 2_000, "days": 365} if request.param == "confounded" else {"borrowers": 1_200, "days": 300}
    world = simulate(request.param, policy=watcher, seed=4, **size)
    return world, pd.concat(watcher.seen, ignore_index=True)


@pytest.fixture(scope="module")
def world(watched):
    return watched[0]


@pytest.fixture(scope="module")
def oracle(world):
    return Oracle(world.tables)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_table_has_its_columns_types_and_allowed_values(world, name):
    table, contract = world.tables[name], CONTRACTS[name]
    assert table.column_names == [column.name for column in contract.columns]
    assert table.num_rows > 0
    for column in contract.columns:
        values = table[column.name]
        assert values.type == ARROW[column.kind], column.name
        assert column.nullable or values.null_count == 0, column.name
        if column.allowed:
            assert set(values.drop_null().unique().to_pylist()) <= set(column.allowed)
        if column.positive:
            assert min(values.to_pylist()) > 0
    if contract.key:
        keys = table.select(list(contract.key)).to_pandas()
        assert not keys.duplicated().any()


@pytest.mark.parametrize(
    ("name", "column", "target", "key"),
    [
        ("loans", "borrower_id", "borrowers", "borrower_id"),
        ("instalments", "loan_id", "loans", "loan_id"),
        ("payments", "loan_id", "loans", "loan_id"),
        ("contacts", "borrower_id", "borrowers", "borrower_id"),
        ("contacts", "decision_id", "decisions", "decision_id"),
        ("contacts", "endpoint_id", "contact_points", "endpoint_id"),
        ("contact_points", "borrower_id", "borrowers", "borrower_id"),
        ("consents", "borrower_id", "borrowers", "borrower_id"),
        ("status_events", "borrower_id", "borrowers", "borrower_id"),
        ("status_events", "loan_id", "loans", "loan_id"),
        ("decisions", "borrower_id", "borrowers", "borrower_id"),
    ],
)
def test_every_reference_leads_to_a_row(world, name, column, target, key):
    there = set(world.tables[target][key].to_pylist())
    assert set(world.tables[name][column].drop_null().unique().to_pylist()) <= there


def test_the_tables_make_a_book(world):
    book = Book.from_arrow(world.tables)
    for name in CONTRACTS:
        held = book.connection.raw_sql(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608  names are ours
        assert held == world.tables[name].num_rows


def test_nothing_is_known_before_it_happens_or_after_the_end(world):
    end = int(world.end.timestamp() * 1e6)
    payments, contacts, events = (world.tables[name] for name in ("payments", "contacts", "status_events"))
    assert (us(payments["paid_at"]) <= us(payments["posted_at"])).all()
    assert us(payments["posted_at"]).max() < end
    assert us(contacts["known_at"]).max() < end
    assert (us(contacts["at"]) < us(contacts["known_at"])).all()
    assert us(events["known_at"]).max() < end
    assert us(world.tables["loans"]["opened_at"]).max() < end
    opened = dict(zip(world.tables["loans"]["loan_id"].to_pylist(), us(world.tables["loans"]["opened_at"]), strict=True))
    first = payments.to_pandas().groupby("loan_id")["paid_at"].min()
    assert all(int(when.value // 1000) > opened[loan] for loan, when in first.items())


def test_nobody_is_decided_upon_who_is_not_overdue_by_the_booked_ledger(oracle):
    assert (oracle.overdue_posted(oracle.borrower, oracle.as_of) > 100).all()


def test_everybody_overdue_is_decided_upon_unless_something_stands_against_it(world, oracle):
    events = world.tables["status_events"].to_pandas()
    gone = set(events.loc[events["kind"] == "written_off", "borrower_id"])
    silent = set(events.loc[(events["kind"] == "opt_out") & events["channel"].isna(), "borrower_id"])
    everyone = np.arange(len(oracle.code))
    for night in np.unique(oracle.as_of)[60::40]:
        overdue = oracle.overdue_posted(everyone, np.full(len(everyone), night)) > 100
        assert 0.05 < overdue.mean() < 0.4
        decided = set(oracle.borrower[oracle.as_of == night])
        standing = set(oracle.borrower[(oracle.as_of < night) & (oracle.as_of > night - 14 * DAY)])
        known = us(world.tables["status_events"]["known_at"])
        recent = (known < night) & (known > night - 62 * DAY) & events["kind"].isin(STOPS).to_numpy()
        stopped = set(oracle.codes(world.tables["status_events"]["borrower_id"])[recent])
        free = (
            {code for name, code in oracle.code.items() if overdue[code] and name not in gone and name not in silent}
            - standing
            - stopped
        )
        assert free <= decided


def test_no_decision_falls_into_a_standing_commitment_or_an_open_stop(world, oracle):
    order = np.lexsort((oracle.as_of, oracle.borrower))
    first, second = order[:-1], order[1:]
    early = (oracle.borrower[first] == oracle.borrower[second]) & (oracle.as_of[second] < oracle.as_of[first] + 14 * DAY)
    first, second = first[early], second[early]
    assert len(first) > 0
    # Only payment, booked before the second decision, opens the way to one inside the first one's horizon. (What bounces
    # after it was booked had been paid before the first decision, which therefore has no truth.)
    first, second = (at[~world.truth.already_paid[first]] for at in (first, second))
    goal = oracle.due_at(oracle.borrower[first], oracle.as_of[first])
    assert (oracle.posted.at(oracle.borrower[first], oracle.as_of[second]) >= goal).all()
    stops = _stops(world, oracle, STOPS)
    assert (
        stops.at(oracle.borrower[first], oracle.as_of[second]) == stops.at(oracle.borrower[first], oracle.as_of[first])
    ).all()


def test_contact_stops_with_booked_payment_and_with_every_stop(world, oracle):
    contacts = world.tables["contacts"].filter(world.tables["contacts"]["decision_id"].is_valid())
    row = np.array([oracle.row[name] for name in contacts["decision_id"].to_pylist()])
    who, at, as_of = oracle.codes(contacts["borrower_id"]), us(contacts["at"]), oracle.as_of[row]
    assert (who == oracle.borrower[row]).all()
    assert ((at > as_of) & (at < as_of + 14 * DAY)).all()
    # The engine lives by days: what is booked on the day of a contact may be stamped an hour before it, once in a long while.
    last_night = as_of + (at - as_of) // DAY * DAY
    assert (oracle.posted.at(who, last_night) < oracle.due_at(who, as_of)).all()
    assert (oracle.posted.at(who, at) < oracle.due_at(who, as_of)).mean() > 0.9995
    stops = _stops(world, oracle, STOPS)
    assert (stops.at(who, at) == stops.at(who, as_of)).all()


def test_contacts_are_those_that_the_arm_plans_and_fall_into_the_local_working_day(world, oracle):
    contacts = world.tables["contacts"].filter(world.tables["contacts"]["decision_id"].is_valid())
    row = np.array([oracle.row[name] for name in contacts["decision_id"].to_pylist()])
    ahead = (us(contacts["at"]) - oracle.as_of[row]) // DAY + 1
    names = world.truth.arms.names
    channels = contacts["channel"].to_pylist()
    for i in range(0, len(row), 13):
        plan = world.setting.plan[names.index(oracle.arm[row[i]]), ahead[i]]
        assert plan[list(world.truth.arms["none"].doses).index(channels[i])]
    assert set(oracle.arm[row]) == set(names) - {"none"}
    zone = dict(
        zip(
            world.tables["borrowers"]["borrower_id"].to_pylist(), world.tables["borrowers"]["timezone"].to_pylist(), strict=True
        )
    )
    frame = contacts.select(["borrower_id", "at"]).to_pandas()
    for name, part in frame.groupby(frame["borrower_id"].map(zone)):
        hour = part["at"].dt.tz_convert(name).dt.hour
        assert hour.between(9, 17).all(), name


def test_no_contact_goes_out_while_its_channel_is_down(world):
    contacts = world.tables["contacts"].to_pandas()
    gaps = world.tables["system_gaps"].to_pandas()
    assert len(gaps) == len(world.spec.operations.gaps) >= 2
    for gap in gaps.itertuples():
        out = contacts[(contacts["channel"] == gap.channel) & (contacts["direction"] == "out")]
        assert not out["at"].between(gap.start_at, gap.end_at).any()


def test_what_the_policy_sees_can_be_recomputed_from_the_tables_known_before_the_night(watched, oracle):
    world, seen = watched
    assert seen["borrower_id"].tolist() == world.tables["decisions"]["borrower_id"].to_pylist()
    who, night = oracle.borrower, oracle.as_of
    assert (seen["as_of"].astype("int64").to_numpy() == night).all()
    owed = oracle.overdue_posted(who, night)
    assert np.array_equal(np.round(seen["overdue_amount"].to_numpy() * 100).astype(np.int64), owed)
    contacts = world.tables["contacts"]
    out = np.array(contacts["direction"].to_pylist()) == "out"
    sent = Running(oracle.codes(contacts["borrower_id"])[out], us(contacts["at"])[out], np.ones(int(out.sum()), dtype=np.int64))
    assert np.array_equal(seen["contacts_30d"].to_numpy(), sent.at(who, night) - sent.at(who, night - 30 * DAY))
    dpd = seen["days_past_due"].to_numpy()
    # On the oldest uncovered due day the running dues first exceed what is booked.
    booked = oracle.posted.at(who, night - 1)
    assert (oracle.due_at(who, night - (dpd - 1) * DAY) > booked).all()
    assert (oracle.due_at(who, night - dpd * DAY) <= booked).all()
    order = np.lexsort((night, who))
    nth = np.empty(len(who), dtype=np.int64)
    nth[order] = np.arange(len(who)) - np.searchsorted(who[order], who[order])
    assert np.array_equal(seen["earlier_commitments"].to_numpy(), nth)
    again = order[1:][who[order][1:] == who[order][:-1]]
    before = order[:-1][who[order][1:] == who[order][:-1]]
    assert (seen["last_arm"].astype(str).to_numpy()[again] == oracle.arm[before]).all()


def test_the_book_looks_like_a_lenders(watched, oracle):
    world, seen = watched
    if world.name != "confounded":
        return  # The others stray from it on purpose.
    payments = world.tables["payments"]
    kinds = pd.Series(payments["kind"].to_pylist()).value_counts(normalize=True)
    assert 0 < kinds["reversal"] < 0.02
    late = us(payments["posted_at"]) // DAY - us(payments["paid_at"]) // DAY
    assert 0.02 < (us(payments["posted_at"]) - us(payments["paid_at"]) > DAY).mean() < 0.2
    assert late.max() <= 3
    assert {"conversation", "no_answer", "delivered", "bounced", "read"} <= set(
        world.tables["contacts"]["outcome"].unique().to_pylist()
    )
    assert set(STOPS) <= set(world.tables["status_events"]["kind"].unique().to_pylist())
    assert 0 < world.truth.already_paid.mean() < 0.06
    loans = world.tables["loans"].to_pandas()["borrower_id"].value_counts()
    assert 0.3 < (loans == 1).mean() < 0.9
    assert seen["self_cured_share"].notna().mean() > 0.3


def _stops(world, oracle, kinds):
    events = world.tables["status_events"]
    some = np.isin(events["kind"].to_pylist(), kinds)
    return Running(
        oracle.codes(events["borrower_id"])[some], us(events["known_at"])[some], np.ones(int(some.sum()), dtype=np.int64)
    )
