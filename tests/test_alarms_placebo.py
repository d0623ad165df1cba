"""Does the past give a false log away, and does a true log pass?"""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from alarm_cases import KARLAN_SHARES, bank, hillstrom, karlan, tanf, world_table
from lighttouch.data.arms import ArmCatalogue
from lighttouch.data.errors import PlaceboMoved
from lighttouch.training.alarms.placebo import OUTLOOK, joint_p, placebo
from lighttouch.training.alarms.ring import AlarmOptions, LoggedRows, raise_refusals, training_alarms
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from lighttouch.training.statistics.many_tests import holm
from real_data import needs_real_data

ARMS = ArmCatalogue.from_names(["none", "sms", "call"], baseline="none")


def drawn(rng, n=600, *, chosen=0.0):
    """Three decisions a borrower, true logged odds that follow a covariate; `chosen` lets the past shift them unlogged."""
    person = np.repeat(np.arange(n // 3), 3)
    kind, past = rng.normal(size=n), rng.normal(size=n // 3)[person] + rng.standard_t(2, size=n)
    score = np.column_stack([np.zeros(n), kind, -kind])
    e = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    real = e * np.exp(np.outer(np.tanh(past), chosen * np.arange(3)))
    real /= real.sum(axis=1, keepdims=True)
    code = (rng.random(n)[:, None] > real.cumsum(axis=1)).sum(axis=1)
    X, names = pd.DataFrame({"kind": kind}), np.array(ARMS.names, dtype=object)
    frame = pd.DataFrame({"past": past, "past_too": past**2, "chance": rng.normal(size=n)})
    rows = LoggedRows.of(X, np.arange(n) % 2, arm=names[code], arms=ARMS, propensity=e, groups=person, past=frame)
    return rows, e


def test_a_true_log_rings_as_often_as_its_level_says():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(200):
        rows, e = drawn(rng)
        found = placebo(rows, e, np.full(e.shape, 0.5))
        p.append(found.figures["least p, corrected"])
        assert found.severity == "ok"
    # Corrected for four columns, of which the constant outlook can never ring: at most its level, and not a tenth of it.
    for level in (0.05, 0.2):
        assert 0.3 * level < np.mean(np.array(p) < level) < level + 2.5 * np.sqrt(level / 200)


def test_a_choice_by_the_past_rings_names_the_column_and_refuses():
    rows, e = drawn(np.random.default_rng(1), n=1_500, chosen=0.5)
    alarm = placebo(rows, e, np.full(e.shape, 0.5))
    assert alarm.severity == "refuse"
    assert alarm.figures["column"] == "past"
    row = alarm.table.set_index("column").loc["past"]
    assert (row["arm"] == "call" and row["under_it"] > row["expected"]) or (
        row["arm"] == "none" and row["under_it"] < row["expected"]
    )
    with pytest.raises(PlaceboMoved, match="somebody who knows the borrowers chose") as caught:
        raise_refusals([alarm])
    assert caught.value.columns[0] == "past"
    assert "chance" not in caught.value.columns


def test_an_arm_that_was_closed_to_some_is_no_ground_to_refuse_a_true_log():
    # A call needs a number: an exact draw, of which the log states the taken arm's odds alone.
    rng = np.random.default_rng(4)
    z = rng.normal(size=3_000)
    e = np.where((z > 0)[:, None], np.full(3, 1 / 3), np.array([0.5, 0.5, 0.0]))
    code = (rng.random(3_000)[:, None] > e.cumsum(axis=1)).sum(axis=1)
    log = {"arm": np.array(ARMS.names, dtype=object)[code], "arms": ARMS, "past": pd.DataFrame({"z": z})}
    X, y, even = pd.DataFrame({"kind": rng.normal(size=3_000)}), np.arange(3_000) % 2, np.full(e.shape, 0.5)
    every = placebo(LoggedRows.of(X, y, propensity=e, **log), e, even)
    assert every.severity == "ok"
    alone = LoggedRows.of(X, y, propensity=e[np.arange(3_000), code], **log)
    # An estimate that does not know who had a number leaves the alarm to warn, one that does leaves nothing to tell.
    blind = placebo(alone, np.tile(e.mean(axis=0), (3_000, 1)), even)
    assert blind.severity == "warn"
    assert "Or an arm was closed to some: state the probability of every arm" in blind.reason
    assert placebo(alone, e, even).severity == "ok"


def test_the_log_of_the_taken_arm_alone_is_enough_to_warn():
    for chosen, severity in ((0.0, "ok"), (0.6, "warn")):
        rows, e = drawn(np.random.default_rng(2), n=1_800, chosen=chosen)
        taken = e[np.arange(len(e)), rows.codes]
        alone = LoggedRows.of(
            rows.X,
            rows.y,
            arm=np.array(ARMS.names)[rows.codes],
            arms=ARMS,
            propensity=taken,
            groups=rows.groups,
            past=rows.past,
        )
        assert placebo(alone, e, np.full(e.shape, 0.5)).severity == severity


def test_too_few_groups_are_told_and_not_called_agreement():
    rows, e = drawn(np.random.default_rng(3), n=1_800, chosen=0.6)
    few = replace(rows, groups=np.arange(1_800) % 8)
    found = placebo(few, e, np.full(e.shape, 0.5))
    assert found.reason.startswith("Nothing was tested: 8 groups are too few")
    assert placebo(rows, e, np.full(e.shape, 0.5)).severity == "refuse"


def test_the_hidden_world_is_found_out_by_the_past_and_named():
    table = world_table("hidden")
    alarm = placebo(LoggedRows.of_table(table), table.propensity, np.full(table.propensity.shape, 0.5))
    assert alarm.severity == "refuse"
    assert "days_past_due" in alarm.refusal.columns
    line = alarm.table.set_index("column").loc["days_past_due"]
    # Its page says: those who get heavy arms are overdue for less long.
    heavy = table.arms.intensity[table.arms.index(line["arm"])] >= 2
    assert (line["under_it"] < line["expected"]) == heavy


def test_a_world_with_a_true_log_is_silent_though_hard_cases_get_more():
    table = world_table("confounded")
    model = ResponseModel(table.arms, boosting=Boosting(rounds=20, pairs=1), n_threads=1)
    arm, groups = table.rows["arm"].to_numpy(), table.rows["borrower_id"]
    model.fit(table.features, table.rows["repaid"], arm=arm, propensity=table.propensity, groups=groups)
    rows = LoggedRows.of_table(table)
    alarms = training_alarms(model, rows, AlarmOptions(benchmark_features=0))
    assert OUTLOOK in set(next(alarm for alarm in alarms if alarm.name == "placebo outcomes").table["column"])
    assert [alarm.name for alarm in alarms if alarm.severity == "refuse"] == []
    assert [alarm.severity for alarm in alarms] == sorted((a.severity for a in alarms), key=["refuse", "warn", "ok"].index)


def test_a_run_on_a_randomised_book_carries_its_alarms_and_none_refuses(trained):
    names = [alarm.name for alarm in trained.run.alarms]
    assert len(names) == len(set(names)) == 7
    assert [alarm.name for alarm in trained.run.alarms if alarm.severity == "refuse"] == []


def test_confounding_that_is_not_logged_is_told_as_a_false_statement():
    table = world_table("confounded")
    rows = LoggedRows.of_table(table)
    shares = {name: float((table.rows["arm"] == name).mean()) for name in table.arms.names}
    stated = LoggedRows.of(
        table.features, table.rows["repaid"], arm=table.rows["arm"].to_numpy(), arms=table.arms, propensity=shares,
        groups=rows.groups, past=rows.past,
    )  # fmt: skip
    e = np.tile(list(shares.values()), (len(rows), 1))
    alarm = placebo(stated, e, np.full(e.shape, 0.5))
    assert alarm.severity == "refuse"
    assert "days_past_due" in alarm.refusal.columns


@pytest.mark.parametrize("case", [
    tanf, *(pytest.param(one, marks=needs_real_data) for one in (hillstrom, lambda: karlan(KARLAN_SHARES))),
])  # fmt: skip
def test_real_randomised_sets_are_silent(case):
    model, rows = case()
    past = rows.X.select_dtypes("number")
    rows = LoggedRows.of(
        rows.X, rows.y, arm=np.array(rows.arms.names)[rows.codes], arms=rows.arms,
        propensity=dict(zip(rows.arms.names, rows.stated.constant, strict=True)), groups=rows.groups, past=past,
    )  # fmt: skip
    alarm = placebo(rows, rows.chances(model), model.out_of_fold)
    assert alarm.severity == "ok"
    assert alarm.figures["columns"] == past.shape[1] + 1


@needs_real_data
def test_a_real_campaign_stated_as_a_draw_rings():
    model, rows = bank(propensity="shares")
    alarm = placebo(rows, rows.chances(model), model.out_of_fold)
    assert alarm.severity == "refuse"
    assert alarm.refusal.columns == (OUTLOOK,)


def test_columns_that_the_estimate_has_seen_are_not_tested_and_others_warn():
    rows, e = drawn(np.random.default_rng(3), n=1_500, chosen=0.6)
    arm = np.array(ARMS.names)[rows.codes]
    seen = LoggedRows.of(rows.X, rows.y, arm=arm, arms=ARMS, past=rows.X)
    assert placebo(seen, e, np.full(e.shape, 0.5)).reason == "Nothing was tested: no column of the past was named."
    unseen = LoggedRows.of(rows.X, rows.y, arm=arm, arms=ARMS, groups=rows.groups, past=rows.past)
    alarm = placebo(unseen, e, np.full(e.shape, 0.5))
    assert (alarm.severity, alarm.refusal) == ("warn", None)
    assert "add what the choice went by" in alarm.reason


def test_repeated_decisions_of_one_borrower_do_not_count_as_many():
    rng = np.random.default_rng(4)
    term = rng.normal(size=(200, 1))
    alone = joint_p(term, np.arange(200))
    assert joint_p(np.repeat(term, 50, axis=0), np.repeat(np.arange(200), 50)) == pytest.approx(alone)


def test_holm_agrees_with_its_definition():
    p = np.array([0.04, 0.01, 0.03, 0.2])
    assert holm(p) == pytest.approx([0.09, 0.04, 0.09, 0.2])


def test_a_column_that_only_one_arm_leaves_behind_rings_by_who_has_a_value():
    rows, e = drawn(np.random.default_rng(0), 3_000)
    called = rows.codes == ARMS.index("call")
    minutes = np.where(called & (np.arange(len(e)) % 2 == 0), np.random.default_rng(1).exponential(5, len(e)), np.nan)
    told = placebo(replace(rows, past=pd.DataFrame({"minutes": minutes})), e, np.full(e.shape, 0.5))
    assert told.rings
    assert re.search(r"the share with a value of 'minutes' is 0 under '(none|sms)', expected 0\.1", told.reason)
    assert "Or a column was measured after the arm: drop it." in told.reason
    quiet = np.where(np.random.default_rng(2).random(len(e)) < 0.5, np.random.default_rng(3).normal(size=len(e)), np.nan)
    assert not placebo(replace(rows, past=pd.DataFrame({"quiet": quiet})), e, np.full(e.shape, 0.5)).rings


def test_a_copy_of_the_arm_is_named_with_the_arm():
    rows, e = drawn(np.random.default_rng(0), 3_000)
    told = placebo(replace(rows, past=pd.DataFrame({"code": rows.codes.astype(float)})), e, np.full(e.shape, 0.5))
    assert told.rings
    assert "nan" not in told.reason
    assert "'code' averages 0 under 'none'" in told.reason
