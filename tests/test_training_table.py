"""The training table: a row per commitment, with what was known then, what was given, and what came of it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from lighttouch.data.arms import ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.features.build import build_features
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.features.points import decision_points
from lighttouch.policy.commitments import last_commitments
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.evaluation.logged import rewards
from lighttouch.training.rows.table import training_table

SETTINGS = PolicySettings()


def with_log(world, log):
    return Book.from_arrow({**world.tables, "decisions": log})


def retire(*names):
    arms = default_arms()
    return ArmCatalogue([arm for arm in arms if arm.name not in names], retired=[arm for arm in arms if arm.name in names])


@pytest.fixture(scope="module")
def table(small_world):
    with Book.from_arrow(small_world.tables) as book:
        return training_table(book, default_arms(), SETTINGS)


@pytest.fixture(scope="module")
def short(small_world):
    """Every twentieth decision."""
    log = small_world.tables["decisions"]
    return log.take(np.arange(0, len(log), 20))


def test_rows_are_the_logged_decisions_in_order_of_time(table, small_world):
    log = small_world.tables["decisions"].to_pandas().set_index("decision_id")
    rows = table.rows
    assert len(rows) == len(table) > 1_500
    assert rows[["as_of", "decision_id"]].apply(tuple, axis="columns").is_monotonic_increasing
    own = log.loc[rows["decision_id"]]
    for name in ("borrower_id", "as_of", "arm"):
        assert (rows[name].to_numpy() == own[name].to_numpy()).all(), name


def test_propensities_are_the_true_ones_of_the_log(table, small_world):
    truth = small_world.truth
    own = pd.Index(truth.decision_id).get_indexer(pd.Index(table.rows["decision_id"]))
    assert np.array_equal(table.propensity, truth.propensity[own])
    assert np.array_equal(table.lawful, truth.lawful[own])
    assert np.allclose(table.propensity.sum(axis=1), 1.0)
    assert (~table.lawful).any()


def test_features_are_those_of_the_borrower_at_that_instant_alone(table, small_world):
    assert list(table.features.columns) == list(FEATURE_NAMES)
    some = np.linspace(0, len(table) - 1, 25).astype(int)
    rows = table.rows.iloc[some]
    with Book.from_arrow(small_world.tables) as book:
        points = decision_points(rows["borrower_id"].to_numpy(), rows["as_of"], SETTINGS.ledger)
        alone = build_features(book, points, SETTINGS.ledger)[list(FEATURE_NAMES)]
    pd.testing.assert_frame_equal(table.features.iloc[some].reset_index(drop=True), alone, check_exact=True)


def test_who_had_already_paid_and_what_is_not_mature_is_left_out_and_counted(table, small_world):
    truth, log = small_world.truth, small_world.tables["decisions"].to_pandas()
    paid = set(truth.decision_id[truth.already_paid])
    assert paid
    assert not paid & set(table.rows["decision_id"])
    assert (table.rows["recoverable"] > 0).all()
    assert table.rows[["repaid", "harm"]].isin([0.0, 1.0]).all(axis=None)
    # No arm is retired, and nothing is said of none.
    young, early = (int(notice.split(" ")[0].replace(",", "")) for notice in table.notices)
    assert young + early + len(table) == len(log)
    assert table.rows["as_of"].max() < small_world.end - pd.Timedelta(days=14)
    assert "not mature yet (14 days and the posting lag)" in table.notices[0]
    assert "already paid, booked later" in table.notices[1]


def test_the_reward_is_money_recovered_less_contacts_and_harm(table):
    found, rows = rewards(table, SETTINGS), table.rows
    # Planned contacts over fourteen days, at 0.05 a message and 2.00 a call.
    cost = {"none": 0.0, "sms-weekly": 0.10, "sms-every-3-days": 0.25, "sms-call-weekly": 4.10, "call-twice-weekly": 8.0}
    known = rows["arm"].isin(cost).to_numpy()
    expected = rows["repaid"] * rows["recoverable"] - rows["arm"].map(cost) - 25.0 * rows["harm"]
    assert np.allclose(found.value[known], expected[known])
    assert np.array_equal(found.repaid, rows["repaid"])
    assert np.array_equal(found.harm, rows["harm"])
    assert rows["harm"][known].sum() > 0


def test_rows_come_in_order_of_time_whatever_decisions_are_called(small_world, short):
    names = pa.array([f"D{i:06d}" for i in range(len(short), 0, -1)])
    with with_log(small_world, short.set_column(0, "decision_id", names)) as book:
        rows = training_table(book, default_arms(), SETTINGS).rows
    assert rows["as_of"].is_monotonic_increasing
    assert rows["decision_id"].iloc[0] > rows["decision_id"].iloc[-1]


def test_money_is_in_account_currency(small_world, short):
    with with_log(small_world, short) as book:
        plain = training_table(book, default_arms(), SETTINGS)
        dear = training_table(book, default_arms(), PolicySettings(exchange_rates={"CNY": 0.14}))
    for name in ("recoverable", "recovered"):
        assert np.allclose(dear.rows[name], 0.14 * plain.rows[name])


def test_rows_of_a_retired_arm_are_left_out_with_a_notice(small_world, short):
    gone = pc.sum(pc.equal(short["arm"], "call-twice-weekly")).as_py()
    assert gone
    with with_log(small_world, short) as book:
        table = training_table(book, retire("call-twice-weekly"), SETTINGS)
    assert "call-twice-weekly" not in set(table.rows["arm"])
    assert f"{gone} of {len(short)} decisions of arms that are retired are left out" in table.notices


def test_where_an_arm_is_retired_the_propensities_are_those_among_the_arms_that_are_left(small_world, short):
    names = retire("call-twice-weekly").names
    with with_log(small_world, short) as book:
        whole = training_table(book, default_arms(), SETTINGS)
        table = training_table(book, retire("call-twice-weekly"), SETTINGS)
    own = pd.Index(whole.rows["decision_id"]).get_indexer(pd.Index(table.rows["decision_id"]))
    logged = whole.propensity[own][:, [whole.arms.index(name) for name in names]]
    assert np.allclose(table.propensity, logged / logged.sum(axis=1, keepdims=True))
    assert np.allclose(table.propensity.sum(axis=1), 1.0)


def test_an_unknown_arm_is_refused_and_the_nearest_is_named(small_world, short):
    wrong = pc.replace_substring(short["arm"], "call-weekly", "call-weekley")
    log = short.set_column(short.column_names.index("arm"), "arm", wrong)
    expected = r"(?s)2 faults.*arm in table 'decisions': .* found 'call-weekley'\. Did you mean 'call-weekly'\?"
    with with_log(small_world, log) as book, pytest.raises(InvalidInput, match=expected):
        training_table(book, default_arms(), SETTINGS)


def test_a_book_without_a_log_is_refused_with_what_to_do(small_world):
    log = small_world.tables["decisions"].slice(0, 0)
    expected = r"table 'decisions': expected decisions with their propensities, found an empty table\. .* start with the house"
    with with_log(small_world, log) as book, pytest.raises(InvalidInput, match=expected):
        training_table(book, default_arms(), SETTINGS)


def test_a_log_of_which_nothing_is_mature_is_refused_with_the_counts(small_world):
    log = small_world.tables["decisions"]
    late = log.filter(pc.greater(log["as_of"], pa.scalar(small_world.end - pd.Timedelta(days=10), log["as_of"].type)))
    expected = rf"expected decisions with a matured outcome, found {len(late)} of {len(late)} decisions whose outcome is not"
    with with_log(small_world, late) as book, pytest.raises(InvalidInput, match=expected):
        training_table(book, default_arms(), SETTINGS)


def test_the_last_arm_is_the_one_that_a_night_at_that_instant_would_see(table, small_world):
    rows = table.rows.iloc[:: len(table.rows) // 12]
    with Book.from_arrow(small_world.tables) as book:
        for at, one in rows.iterrows():
            seen = last_commitments(book, pd.Series([one["borrower_id"]]), one["as_of"], table.arms, SETTINGS)
            assert table.history().last[at] == seen.last[0]
            assert np.array_equal(table.history().intensity[at], seen.intensity[0], equal_nan=True)
    assert 0.2 < rows["last_arm"].notna().mean() < 1


def test_a_subset_keeps_rows_features_and_propensities_together(table):
    mask = np.random.default_rng(0).random(len(table)) < 0.3
    part = table.subset(mask)
    assert len(part) == mask.sum()
    assert (part.rows["decision_id"].to_numpy() == table.rows["decision_id"].to_numpy()[mask]).all()
    assert np.array_equal(part.propensity, table.propensity[mask])
    assert np.array_equal(part.features.to_numpy(), table.features.to_numpy()[mask], equal_nan=True)
