"""Landmarks: where nobody logged decisions, contacts of the first days against what came after them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput, NoDecisionLog
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.data.world.catalogue import find_spec
from lighttouch.data.world.truth import true_odds
from lighttouch.data.worlds import simulate
from lighttouch.features.build import build_features
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.features.points import decision_points
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.alarms.ring import raise_refusals
from lighttouch.training.gate.hold import hold, open_trial
from lighttouch.training.gate.settings import GateSettings
from lighttouch.training.judging.judge import LOGGED
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.rows.exposure import nearest_arms, received_contacts
from lighttouch.training.rows.landmark import LandmarkOptions, landmark_alarm, landmark_table, treatment_table
from lighttouch.training.rows.outcomes import outcomes
from lighttouch.training.runs.run import TrainOptions, judge_again, train_book

ARMS, SETTINGS, DAYS = default_arms(), PolicySettings(), 3
FEW_TREES = TrainOptions(boosting=Boosting(rounds=20, pairs=2), threads=1)


@pytest.fixture(scope="module")
def world():
    return simulate("stop-on-success", borrowers=800, days=300, seed=3)


@pytest.fixture(scope="module")
def table(world):
    with Book.from_arrow(world.tables) as book:
        return landmark_table(book, ARMS, SETTINGS)


def nights(world):
    """Return borrower and instant of every decision that the world took and nobody logged, with its position."""
    found = world.snapshot
    as_of = pd.Timestamp(world.end) - pd.to_timedelta(world.setting.calendar.days - found.day, unit="D")
    return pd.DataFrame({"borrower_id": [f"B{p:08d}" for p in found.person], "as_of": as_of, "place": np.arange(len(found))})


def counted(*contacts):
    counts = np.zeros((len(contacts), len(CHANNELS)))
    for row, made in zip(counts, contacts, strict=True):
        for channel, count in made.items():
            row[CHANNELS.index(channel)] = count
    return counts


def paid_later(world, days):
    """Return, for every arm, the true share of those unpaid after some days who pay by the horizon's end."""
    setting = world.setting
    early_spec = replace(setting.spec, horizon_days=days)
    early, _ = true_odds(replace(setting, spec=early_spec, plan=setting.plan[:, : days + 1]), world.snapshot)
    whole, _ = true_odds(setting, world.snapshot)
    owed = ~world.truth.already_paid
    return (whole - early)[owed].sum(axis=0) / (1 - early)[owed].sum(axis=0)


def paid_early(world, table):
    """Return the rows whose borrower paid anything towards what was due within the days of exposure."""
    short = SETTINGS.outcome.model_copy(update={"horizon_days": DAYS})
    rows = table.rows
    with Book.from_arrow(world.tables) as book:
        points = decision_points(rows["borrower_id"].to_numpy(), pd.DatetimeIndex(rows["as_of"]), SETTINGS.ledger)
        return rows[(outcomes(book, points, short, SETTINGS.ledger)["recovered"] > 0).to_numpy()]


def test_nobody_who_paid_within_the_exposure_is_kept_in_full_or_in_part(world, table):
    # Contact stops on any payment; one made in the first days would count as an outcome of the days after them.
    assert len(table) > 500
    assert paid_early(world, table).empty


def contrast(table):
    """Return the response of those contacted less that of the others, and its standard error."""
    touched, y = (table.rows["arm"] != "none").to_numpy(), table.rows["repaid"].to_numpy()
    parts = [y[touched], y[~touched]]
    return parts[0].mean() - parts[1].mean(), np.sqrt(sum(part.var() / len(part) for part in parts))


def slope_of_counts(world):
    """Return what each contact within the horizon goes with, in share repaid, with its standard error: the naive reading."""
    taken = nights(world)
    points = decision_points(taken["borrower_id"].to_numpy(), pd.DatetimeIndex(taken["as_of"]), SETTINGS.ledger)
    with Book.from_arrow(world.tables) as book:
        made = received_contacts(book, points, SETTINGS.outcome.horizon_days).sum(axis=1)
        happened = outcomes(book, points, SETTINGS.outcome, SETTINGS.ledger)
    known = (happened["mature"] & happened["truly_overdue"]).to_numpy()
    x, y = made[known] - made[known].mean(), happened["repaid"].to_numpy()[known]
    slope = x @ y / (x @ x)
    return slope, np.sqrt(((y - y.mean() - slope * x) ** 2 * x**2).sum()) / (x @ x)


def test_counting_contacts_is_wrong_in_sign_and_landmarks_agree_with_the_truth(world, table):
    names, shares = world.truth.arms.names, np.bincount(world.snapshot.arm, minlength=len(ARMS))[1:]
    true = {arm: world.truth.value(np.full(len(world.truth), arm)) for arm in names}
    whole = np.average([true[arm] for arm in names[1:]], weights=shares) - true["none"]
    later = paid_later(world, DAYS)
    late = np.average(later[1:], weights=shares) - later[0]
    assert whole > late > 0
    slope, error = slope_of_counts(world)
    assert slope + 5 * error < -0.05
    found, se = contrast(table)
    assert found > 0
    assert abs(found - late) < 1.96 * se
    assert abs(found - whole) < 1.96 * se


def test_where_contact_does_much_landmarks_surely_have_its_sign_and_counts_the_wrong_one():
    spec = find_spec("stop-on-success")
    strong = replace(spec, repayment=replace(spec.repayment, gain=12.0), friction=replace(spec.friction, temper=0.0))
    world = simulate(strong, borrowers=1_200, days=300, seed=4)
    with Book.from_arrow(world.tables) as book:
        found, se = contrast(landmark_table(book, ARMS, SETTINGS))
    slope, error = slope_of_counts(world)
    assert found - 1.96 * se > 0
    assert slope + 5 * error < 0


def test_landmarks_are_the_nights_on_which_the_world_decided(world, table):
    taken = nights(world)
    met = table.rows.merge(taken, on=["borrower_id", "as_of"], how="left")
    assert met["place"].notna().mean() > 0.95
    horizon = pd.Timedelta(days=14)
    gaps = table.rows.sort_values(["borrower_id", "as_of"]).groupby("borrower_id")["as_of"].diff().dropna()
    assert gaps.min() >= pd.Timedelta(days=1)
    assert (gaps == horizon).any()
    # Of those that were decided upon, the arm is the one given, or one whose first days look the same.
    met = met.dropna(subset=["place"])
    given = np.array(ARMS.names)[world.snapshot.arm[met["place"].to_numpy(dtype=int)]]
    plan = {
        row["arm"]: {row["arm"], *row["alike"].split(", ")} for row in table.mapping.to_dict("records") if row["distance"] == 0
    }
    assert np.mean([arm in plan[read] for arm, read in zip(given, met["arm"], strict=True)]) > 0.97


def test_nobody_who_paid_or_stopped_within_the_days_of_exposure_is_in_the_table(world, table):
    rows = table.rows
    payments = world.tables["payments"].to_pandas().merge(world.tables["loans"].to_pandas()[["loan_id", "borrower_id"]])
    net = payments["amount"].astype(float) * np.where(payments["kind"].isin(["payment", "waiver"]), 1, -1)
    joined = rows.reset_index().merge(payments.assign(net=net), on="borrower_id")
    end = joined["as_of"] + pd.Timedelta(days=DAYS)
    within = joined[(joined["paid_at"] > joined["as_of"]) & (joined["paid_at"] <= end)].groupby("index")["net"].sum()
    assert (within < rows.loc[within.index, "recoverable"] - 0.005).all()
    events = world.tables["status_events"].to_pandas()
    events = events[events["kind"].isin(["promise", "complaint", "opt_out", "dispute", "hardship"])]
    joined = rows.merge(events, on="borrower_id")
    inside = (joined["known_at"] >= joined["as_of"]) & (joined["known_at"] < joined["as_of"] + pd.Timedelta(days=DAYS))
    assert not inside.any()
    promised = joined[(joined["kind"] == "promise") & (joined["known_at"] < joined["as_of"])]
    assert (promised["until"] < promised["as_of"]).all()


def test_every_landmark_is_in_the_table_or_counted_with_its_reason(table):
    told = [notice for notice in table.notices if "landmarks" in notice and notice.endswith("left out")]
    assert not any(line.startswith("0 of") for line in told)
    total = int(told[0].split(" ")[2].replace(",", ""))
    assert table.mapping["rows"].sum() == total
    assert max(int(line.split(" ")[0].replace(",", "")) for line in told) <= total - len(table)
    assert total - len(table) <= sum(int(line.split(" ")[0].replace(",", "")) for line in told)


def test_the_first_notice_names_the_trap(table):
    warning = table.notices[0]
    assert warning.startswith("WARNING: NO DECISION LOG.")
    for word in ("stopping time", "contact ends when people pay", "days 4 to 14", "Nothing is promoted"):
        assert word in warning


def test_features_are_as_of_the_landmark_and_contacts_of_the_exposure_are_not_in_them(world, table):
    some = table.rows.iloc[np.linspace(0, len(table) - 1, 15).astype(int)]
    with Book.from_arrow(world.tables) as book:
        points = decision_points(some["borrower_id"].to_numpy(), pd.DatetimeIndex(some["as_of"]), SETTINGS.ledger)
        alone = build_features(book, points, SETTINGS.ledger)[list(FEATURE_NAMES)]
    pd.testing.assert_frame_equal(table.features.loc[some.index].reset_index(drop=True), alone, check_exact=True)


def test_propensities_are_estimated_near_the_shares_of_a_draw_and_say_so(table):
    assert table.estimated
    assert table.stated is None
    assert table.subset(np.arange(len(table)) < 50).stated is None
    assert np.allclose(table.propensity.sum(axis=1), 1)
    shares = table.rows["arm"].value_counts(normalize=True).reindex(ARMS.names).fillna(0)
    assert np.allclose(table.propensity.mean(axis=0), shares, atol=0.02)


def test_estimates_of_a_part_put_no_mass_on_arms_that_nobody_in_it_was_given(table, small_world):
    code = ARMS.encode(table.rows["arm"])
    common = np.bincount(code).argsort()[-2:]
    part = table.subset(np.isin(code, common))
    others = np.setdiff1d(np.arange(len(ARMS)), common)
    assert (table.propensity[:, others] > 0).any()
    assert (part.propensity[:, others] == 0).all()
    assert np.allclose(part.propensity.sum(axis=1), 1)
    before = table.propensity[np.isin(code, common)][:, common]
    assert np.allclose(part.propensity[:, common[0]] * before[:, 1], part.propensity[:, common[1]] * before[:, 0])
    with Book.from_arrow(small_world.tables) as book:
        logged = treatment_table(book, ARMS, SETTINGS)
    first = np.arange(len(logged)) == 0
    assert np.array_equal(logged.subset(first).propensity, logged.propensity[first])


def test_contacts_become_the_arm_whose_plan_for_these_days_is_nearest():
    counts = counted({}, {"sms": 1}, {"sms": 1, "call": 1}, {"sms": 2}, {"call": 3}, {"visit": 1}, {"call": 2, "sms": 3})
    found = nearest_arms(counts, ARMS, days=7)
    names = [ARMS.names[k] if k >= 0 else "" for k in found.code]
    assert names == ["none", "sms-weekly", "sms-call-weekly", "sms-twice-weekly", "call-twice-weekly", "", ""]
    assert found.distance[:5].tolist() == [0, 0, 0, 0, 1]
    assert found.mapping.set_index("contacts").loc["2 sms", "per_week"] == "2 sms"


def test_who_was_contacted_is_never_called_uncontacted_and_ties_go_to_the_lightest():
    arms = ArmCatalogue([Arm("none"), Arm("sms-daily", sms=7), Arm("sms-weekly", sms=1), Arm("sms-twice", sms=2)])
    found = nearest_arms(counted({"call": 1}, {"sms": 1}), arms, days=3)
    assert found.code.tolist() == [-1, arms.index("sms-weekly")]
    alike = found.mapping.set_index("contacts")["alike"]
    assert alike["1 sms"] == "sms-twice"


def test_contacts_count_as_attempts_from_the_landmark_on_whatever_came_of_them(world):
    contacts = world.tables["contacts"].to_pandas()
    one = contacts[(contacts["direction"] == "out") & contacts["outcome"].isin(["bounced", "no_answer"])].iloc[0]
    moments = pd.DatetimeIndex([one["at"], one["at"] + pd.Timedelta(seconds=1), one["at"] - pd.Timedelta(days=DAYS)])
    with Book.from_arrow(world.tables) as book:
        found = received_contacts(book, decision_points([one["borrower_id"]] * 3, moments, SETTINGS.ledger), DAYS)
    at = CHANNELS.index(one["channel"])
    same = contacts[(contacts["borrower_id"] == one["borrower_id"]) & (contacts["channel"] == one["channel"])]
    for row, start in zip(found, moments, strict=True):
        inside = (same["at"] >= start) & (same["at"] < start + pd.Timedelta(days=DAYS)) & (same["direction"] == "out")
        assert row[at] == inside.sum()
    assert found[0, at] == found[1, at] + 1


def test_a_book_with_a_log_is_read_from_its_log(small_world):
    with Book.from_arrow(small_world.tables) as book:
        logged = treatment_table(book, ARMS, SETTINGS)
    assert not logged.estimated
    assert landmark_alarm(logged) == ()


def test_days_of_exposure_that_leave_no_outcome_are_refused(world):
    with (
        Book.from_arrow(world.tables) as book,
        pytest.raises(InvalidInput, match="from 1 to 13 so that days are left for the outcome"),
    ):
        landmark_table(book, ARMS, SETTINGS, LandmarkOptions(exposure_days=14))


def test_without_contacts_and_without_a_log_there_is_nothing_to_learn_from(world):
    tables = {**world.tables, "contacts": world.tables["contacts"].slice(0, 0)}
    with Book.from_arrow(tables) as book:
        with pytest.raises(InvalidInput, match="table 'decisions'"):
            treatment_table(book, ARMS, SETTINGS)
        with pytest.raises(InvalidInput, match="landmarks with a matured outcome"):
            landmark_table(book, ARMS, SETTINGS)


def test_a_model_of_landmarks_is_trained_with_the_warning_and_the_gate_stays_closed(world, tmp_path):
    with Book.from_arrow(world.tables) as book:
        run = train_book(book, ARMS, SETTINGS, tmp_path / "model", FEW_TREES)
        assert run.fit.notices[0].startswith("WARNING: NO DECISION LOG")
        assert run.alarms[0].name == "no decision log"
        assert any("no decision log" in notice for notice in run.notices)
        assert len(run.compliance) == 0
        # Some arms were given to nobody in the judged fold; the log carries what it did all the same.
        assert run.test.rows["arm"].nunique() < len(ARMS)
        assert run.verdict.values.set_index("policy").loc[LOGGED, "reason"] == ""
        with pytest.raises(NoDecisionLog):
            raise_refusals(run.alarms[:1])
        with pytest.raises(InvalidInput, match="table 'decisions'"):
            open_trial(book, run.bundle, None, SETTINGS, GateSettings())
        accepting = GateSettings(accept_landmarks=True)
        trial = open_trial(book, run.bundle, None, SETTINGS, accepting)
        assert len(judge_again(book, run.bundle, SETTINGS).verdict.values)
    strict, lenient = (hold(trial, SETTINGS, gate) for gate in (GateSettings(), accepting))
    assert not strict.passed
    assert any("There was no decision log" in reason for reason in strict.reasons)
    assert not any("There was no decision log" in reason for reason in lenient.reasons)
