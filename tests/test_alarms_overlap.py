"""Do the alarms on overlap, unlogged arms and thin support ring where the truth says so, and only there?"""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from alarm_cases import bank, fitted, hillstrom, karlan, tanf, world_table
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import NeverLogged, NoOverlap
from lighttouch.training.alarms.overlap import deciding_column, never_logged, no_overlap
from lighttouch.training.alarms.ring import Alarm, LoggedRows, raise_refusals
from lighttouch.training.alarms.thin_support import thin_support
from lighttouch.training.response import ResponseModel
from real_data import needs_real_data, real
from sklearn.metrics import roc_auc_score


def rule(n=2_000, exceptions=0.0, seed=0):
    """Days past due decide the arm, but for a share of rows; `noise` is no reason."""
    rng = np.random.default_rng(seed)
    days, noise = rng.integers(1, 60, n), rng.normal(size=n)
    code = np.digitize(days, [10, 30])
    open_to_chance = rng.random(n) < exceptions
    code = np.where(open_to_chance, rng.integers(0, 3, n), code)
    names = np.array(["none", "sms", "call"], dtype=object)
    y = (rng.random(n) < 0.3).astype(int)
    return pd.DataFrame({"noise": noise, "days_past_due": days}), y, names[code]


def test_a_rule_in_the_log_refuses_and_names_its_column():
    table = world_table("no-overlap")
    rows = LoggedRows.of_table(table)
    alarm = no_overlap(rows, table.propensity)
    assert alarm.severity == "refuse"
    assert "'days_past_due' decides the arm: a stump on it explains " in alarm.reason
    assert alarm.figures["explained by it"] > 0.95
    assert alarm.figures["rows decided"] == 1.0
    with pytest.raises(NoOverlap, match="cannot be compared") as caught:
        raise_refusals([alarm])
    assert caught.value.ess == 0
    assert set(caught.value.arms) == set(table.rows["arm"])


def test_small_odds_that_were_stated_for_every_arm_are_a_draw_as_long_as_there_are_rows():
    rng, odds = np.random.default_rng(0), {"none": 0.004, "sms": 0.992, "call": 0.004}
    arms = ArmCatalogue.from_names(list(odds), baseline="none")
    for n, severity in ((40_000, "ok"), (4_000, "refuse")):
        arm = rng.choice(list(odds), n, p=list(odds.values()))
        rows = LoggedRows.of(pd.DataFrame({"x": rng.normal(size=n)}), np.arange(n) % 2, arm=arm, arms=arms, propensity=odds)
        alarm = no_overlap(rows, np.tile(list(odds.values()), (n, 1)))
        assert alarm.severity == severity
    # Noise does not decide what is almost always the same.
    assert "No column decides the arm by itself: 99% of the rows have the same one." in alarm.reason
    assert "deciding column" not in alarm.figures


def test_a_draw_with_unequal_odds_is_silent():
    table = world_table("confounded")
    assert no_overlap(LoggedRows.of_table(table), table.propensity).severity == "ok"


def test_a_rule_that_nobody_logged_is_found_from_the_covariates():
    model, rows = fitted(*rule(), "none")
    alarm = no_overlap(rows, rows.chances(model))
    assert alarm.severity == "refuse"
    assert "'days_past_due' decides the arm" in alarm.reason
    assert alarm.figures["explained by it"] == pytest.approx(1.0, abs=0.01)


def test_a_rule_with_enough_exceptions_is_silent():
    model, rows = fitted(*rule(exceptions=0.5), "none")
    assert no_overlap(rows, rows.chances(model)).severity == "ok"


def test_a_taken_propensity_of_one_everywhere_is_a_rule():
    X, y, arm = rule()
    model, rows = fitted(X, y, arm, "none", propensity=np.ones(len(y)))
    assert no_overlap(rows, rows.chances(model)).severity == "refuse"


def test_rows_whom_the_law_leaves_one_arm_are_no_rule():
    X, y, arm = rule()
    arms = ArmCatalogue.from_names(["none", "sms", "call"], baseline="none")
    forced = np.arange(len(y)) % 4 > 0
    e = np.where(forced[:, None], np.eye(3)[arms.encode(arm)], 1 / 3)
    rows = LoggedRows.of(X, y, arm=arm, arms=arms, propensity=e)
    assert no_overlap(rows, e).severity == "refuse"
    lawful = np.where(forced[:, None], e > 0, True)
    assert no_overlap(dataclasses.replace(rows, lawful=lawful), e).severity == "ok"


def test_one_arm_by_rule_refuses_that_arm_alone():
    rng = np.random.default_rng(0)
    old = np.arange(1_000) < 200
    names = np.array(["none", "sms", "visit"], dtype=object)
    code = np.where(old, 2, rng.integers(0, 2, 1_000))
    e = np.where(old[:, None], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0])
    arms = ArmCatalogue.from_names(names.tolist(), baseline="none")
    rows = LoggedRows.of(pd.DataFrame({"old": old * 1}), np.arange(1_000) % 2, arm=names[code], arms=arms, propensity=e)
    alarm = no_overlap(rows, e)
    assert (alarm.severity, alarm.arms) == ("refuse", ("visit",))
    # A refusal of one arm leaves the others comparable: nothing is raised.
    raise_refusals([alarm])


def visited(share, n, seed=0):
    """Borrowers late for long are visited, by rule or by chance; whom else gets a text is drawn. Nothing is stated."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 10)), columns=[f"v{j}" for j in range(10)]).assign(days=rng.integers(1, 100, n))
    late = (X["days"] > 85) & (rng.random(n) < share)
    arm = np.array(["none", "sms", "visit"], dtype=object)[np.where(late, 2, rng.random(n) < 0.5)]
    arms = ArmCatalogue.from_names(["none", "sms", "visit"], baseline="none")
    y = (rng.random(n) < 0.4).astype(int)
    return X, y, arm, arms


@pytest.mark.parametrize("n", [600, 2_000])
def test_one_arm_by_a_rule_that_nobody_logged_is_refused_though_estimates_fall_short_of_one(n):
    X, y, arm, arms = visited(1.0, n)
    rows = LoggedRows.of(X, y, arm=arm, arms=arms)
    e = rows.chances(ResponseModel(arms, n_threads=1).fit(X, y, arm=arm))
    assert (e[arm == "visit", 2] < 0.99).any()
    alarm = no_overlap(rows, e)
    assert (alarm.severity, alarm.arms) == ("refuse", ("visit",))


def test_a_rare_arm_that_was_left_to_chance_is_open_however_well_covariates_tell_it():
    X, y, arm, arms = visited(0.8, 2_000)
    rows = LoggedRows.of(X, y, arm=arm, arms=arms)
    alarm = no_overlap(rows, rows.chances(ResponseModel(arms, n_threads=1).fit(X, y, arm=arm)))
    assert alarm.severity == "ok"
    assert roc_auc_score(arm == "visit", X["days"] > 85) > 0.98


def test_a_taken_arm_stated_as_certain_is_closed_to_chance():
    X, y, arm, arms = visited(1.0, 600)
    taken = np.where(arm == "visit", 1.0, 0.5)
    rows = LoggedRows.of(X, y, arm=arm, arms=arms, propensity=taken)
    e = np.full((len(X), 3), 1 / 3)
    assert no_overlap(rows, e).arms == ("visit",)


def test_in_a_log_of_one_arm_no_column_is_named_as_its_cause():
    rng = np.random.default_rng(0)
    X, arms = pd.DataFrame({"x": rng.normal(size=600)}), ArmCatalogue.from_names(["none", "sms"], baseline="none")
    rows = LoggedRows.of(X, np.arange(600) % 2, arm=np.full(600, "sms"), arms=arms)
    alarm = no_overlap(rows, np.tile([0.0, 1.0], (600, 1)))
    assert alarm.severity == "refuse"
    assert "No column decides the arm by itself: 100% of the rows have the same one." in alarm.reason


def test_an_arm_that_was_never_given_is_refused_with_what_to_do():
    X, y, arm = rule(exceptions=1.0)
    arms = ArmCatalogue([Arm("none"), Arm("sms", sms=1), Arm("call", call=1), Arm("visit", visit=1)])
    kept = arm != "none"
    rows = LoggedRows.of(X[kept], y[kept], arm=arm[kept], arms=arms, propensity={"sms": 0.5, "call": 0.5})
    alarm = never_logged(rows)
    assert (alarm.severity, alarm.arms) == ("refuse", ("none", "visit"))
    assert "no uplift over no contact can be known" in alarm.reason
    assert "plan-experiment" in alarm.reason
    assert isinstance(alarm.refusal, NeverLogged)
    assert alarm.refusal.arm == "none"


def test_the_deciding_column_is_told_on_rows_that_the_stump_has_not_seen():
    X, y, arm = rule()
    arms = ArmCatalogue.from_names(["none", "sms", "call"], baseline="none")
    rng = np.random.default_rng(0)
    X = X.assign(row=rng.permutation(len(X)), missing=np.nan)
    rows = LoggedRows.of(X, y, arm=arm, arms=arms)
    assert deciding_column(rows)[0] == "days_past_due"
    by_chance = LoggedRows.of(X[["row", "noise"]], y, arm=arm, arms=arms)
    assert deciding_column(by_chance)[1] < 0.6


@pytest.mark.parametrize("case", [tanf, *(pytest.param(one, marks=needs_real_data) for one in (hillstrom, karlan, bank))])
def test_real_sets_with_overlap_are_silent(case):
    model, rows = case()
    e = rows.chances(model)
    assert [alarm.severity for alarm in (no_overlap(rows, e), never_logged(rows), thin_support(rows, e))] == ["ok"] * 3


def test_letters_of_which_nobody_went_without_one_say_nothing_of_no_letter():
    """The same experiment had the office written to everybody, and had it run out of one letter after twenty-five."""
    _, rows = tanf()
    frame = rows.X.assign(y=rows.y, arm=np.array(rows.arms.names)[rows.codes], household=rows.groups)
    written = frame[frame["arm"] != rows.arms.baseline]
    X = written.drop(columns=["y", "arm", "household"])
    kept = LoggedRows.of(X, written["y"], arm=written["arm"], arms=rows.arms, propensity=0.5, groups=written["household"])
    alarm = never_logged(kept)
    assert (alarm.severity, alarm.arms) == ("refuse", (rows.arms.baseline,))
    letter = written["arm"].iloc[0]
    few = frame[(frame["arm"] != letter) | ((frame["arm"] == letter).cumsum() <= 25)]
    X, odds = few.drop(columns=["y", "arm", "household"]), few["arm"].value_counts(normalize=True).to_dict()
    short = LoggedRows.of(X, few["y"], arm=few["arm"], arms=rows.arms, propensity=odds, groups=few["household"])
    alarm = thin_support(short, np.tile([odds[name] for name in rows.arms.names], (len(few), 1)))
    assert (alarm.severity, alarm.arms) == ("warn", (letter,))


@needs_real_data
def test_a_real_lenders_tier_decided_by_the_sum_due_is_refused_and_by_the_loan_number_is_not():
    """SuperLender (Data Science Nigeria, 2018): the size of the loan follows the sum due, and the loan number only in part."""
    table = pd.read_csv(real("superlender_nigeria/trainperf.csv.gz"))
    table = table[table["loanamount"].isin([10_000, 20_000, 30_000, 40_000])]
    arm, y = table["loanamount"].astype(int).astype(str), (table["good_bad_flag"] == "Good").astype(int)
    model, rows = fitted(table[["loannumber", "totaldue"]], y, arm, "10000")
    alarm = no_overlap(rows, rows.chances(model))
    assert alarm.severity == "refuse"
    assert "'totaldue' decides the arm" in alarm.reason
    model, rows = fitted(table[["loannumber", "termdays"]], y, arm, "10000")
    assert no_overlap(rows, rows.chances(model)).severity == "ok"


def test_an_alarm_reads_as_one_line():
    alarm = Alarm("thin support", "warn", "Expected more.")
    assert (str(alarm), alarm.rings) == ("warn: thin support: Expected more.", True)
