"""Flat mode: one table in; a model, a policy and its value on unseen rows out."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.training.flat.run import LEARNT, train_flat
from lighttouch.training.model.boosting import Boosting

QUICK = Boosting(rounds=40, rate=0.2, pairs=1)


def experiment(n=3_000, seed=0):
    """Letters help the young, calls help the old; a call is the better arm for everyone."""
    rng = np.random.default_rng(seed)
    young = rng.random(n) < 0.4
    arm = rng.choice(["none", "letter", "call"], n)
    p = 0.2 + 0.4 * (young & (arm == "letter")) + 0.4 * (~young & (arm == "call"))
    return pd.DataFrame(
        {
            "arm": arm,
            "paid": (rng.random(n) < p).astype(int),
            "age": np.where(young, rng.integers(18, 40, n), rng.integers(40, 80, n)),
            "city": rng.choice(["Rome", "Oslo", None], n),
            "person": [f"p{i // 2}" for i in range(n)],
        }
    )


def run(table=None, **changes):
    options = {"arm": "arm", "outcome": "paid", "propensity": 1 / 3, "group": "person", "boosting": QUICK, "n_threads": 1}
    return train_flat(experiment() if table is None else table, **(options | changes))


@pytest.fixture(scope="module")
def result():
    return run()


def test_the_learnt_policy_finds_who_needs_what_and_its_value_covers_the_truth(result):
    value = result.values[LEARNT]
    assert result.best_constant == "call"
    assert value.low < 0.6 < value.high
    assert result.values[f"{LEARNT} minus always call"].low > 0
    assert set(result.policy) == {"call", "letter"}


def test_every_policy_is_valued_on_held_out_rows(result):
    assert list(result.report["policy"]) == [
        "always none", "always call", "always letter", LEARNT, f"{LEARNT} minus always call", f"{LEARNT} minus always none",
    ]  # fmt: skip
    assert result.report["supported"].all()
    assert (result.fit_rows, result.holdout_rows) == (2_100, 900)
    assert {value.n for value in result.values.values()} == {900}


def test_what_was_used_is_reported(result):
    assert result.covariates == ("age", "city")
    assert result.notices == ()
    dropped = run(drop=["city"])
    assert (dropped.covariates, dropped.dropped) == (("age",), ("city",))


def test_people_are_held_out_whole(result):
    table = experiment().assign(person=np.arange(3_000) // 3)
    with pytest.raises(InvalidInput):
        run(table.assign(person=None), group="person")
    held = run(table, group="person").held_out.index
    assert len(held) == 900
    assert not set(table.loc[held, "person"]) & set(table.drop(held)["person"])


def test_arms_that_whole_branches_drew_are_valued_by_branch():
    rng = np.random.default_rng(3)
    branch = np.repeat(np.arange(90), 40)
    drawn, mood = rng.integers(0, 3, 90)[branch], rng.normal(0, 0.3, 90)[branch]
    paid = rng.random(3_600) < np.clip(np.array([0.2, 0.35, 0.5])[drawn] + mood / 5, 0, 1)
    arm = np.array(["none", "letter", "call"])[drawn]
    table = pd.DataFrame({"arm": arm, "paid": paid.astype(float), "mood": mood, "branch": branch})
    found = run(table, group="branch")
    assert found.best_constant == "call"
    # A branch's rows are one draw of its mood: by rows, moods differ between the arms by far.
    assert found.notices == ()


def test_the_same_seed_gives_the_same_report_and_another_seed_another(result):
    pd.testing.assert_frame_equal(run().report, result.report)
    assert not run(seed=1).report.equals(result.report)


@pytest.mark.parametrize("form", ["column", "mapping", "estimated"])
def test_propensities_come_as_a_column_by_arm_or_estimated(result, form):
    table = experiment().assign(p=1 / 3)
    changes = {
        "column": {"table": table, "propensity": "p"},
        "mapping": {"propensity": {"none": 1 / 3, "letter": 1 / 3, "call": 1 / 3}},
        "estimated": {"propensity": None},
    }[form]
    found = run(**changes)
    assert found.covariates == ("age", "city")
    assert found.best_constant == "call"
    assert found.values["always call"].estimate == pytest.approx(result.values["always call"].estimate, abs=0.01)


def test_a_column_measured_after_the_arm_rings(result):
    table = experiment()
    replied = (np.random.default_rng(0).random(len(table)) < np.where(table["arm"] == "none", 0.02, 0.3)).astype(int)
    (notice,) = run(table.assign(replied=replied)).notices
    assert "Column 'replied' differs between the arms" in notice
    assert "drop it" in notice


def test_the_baseline_is_found_by_its_name_or_asked_for():
    renamed = experiment().replace({"arm": {"none": "No E-Mail"}})
    assert run(renamed).model.arms.baseline == "No E-Mail"
    assert any("'No E-Mail' is taken for no treatment" in notice for notice in run(renamed).notices)
    for dose in ("0.5", "0,5", "0-1"):
        with pytest.raises(InvalidInput, match="the arm without treatment"):
            run(experiment().replace({"arm": {"none": dose, "call": "1.0", "letter": "2.0"}}))
    plain = experiment().replace({"arm": {"none": "post"}})
    with pytest.raises(InvalidInput, match=r"the arm without treatment, found the arms call, letter, post"):
        run(plain)
    assert run(plain, baseline="post").model.arms.names[0] == "post"
    with pytest.raises(InvalidInput, match="Did you mean 'post'"):
        run(plain, baseline="pots")
    with pytest.raises(InvalidInput, match=r"baseline: expected one of .*, found 'nobody'\. Name the arm of the table"):
        run(plain, baseline="nobody")


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"arm": "treatment"}, r"column 'treatment' \(arm\): expected a column of the table"),
        ({}, {"drop": ["nothing"]}, r"column 'nothing' \(drop\[0\]\)"),
        ({"row": [f"r{i}" for i in range(3_000)]}, {}, "column 'row': .*3,000 values in 3,000 rows: an identifier.*drop="),
        ({"loan_id": range(3_000)}, {}, "column 'loan_id'.*an identifier"),
        (
            {"income": [*map(str, range(2_998)), "12x", None]},
            {},
            r"column 'income': expected numbers, found text among them, such as '12x'\. Correct these values, or leave",
        ),
        ({"seen": pd.Timestamp("2026-01-01")}, {}, "column 'seen'.*days before the decision"),
        ({"paid": 2}, {}, r"column 'paid' \(outcome\): expected only 0 and 1"),
        ({"arm": None}, {}, "3,000 missing"),
        ({"arm": ["none", "letter"] * 1490 + ["fax"] * 20}, {}, "arm 'fax': expected at least 50 rows, found 20"),
        ({}, {"propensity": 0.6}, "sum to 1"),
        ({}, {"propensity": np.nan}, "propensity: expected above 0 and at most 1, found nan for call, nan for letter"),
        (
            {},
            {"propensity": np.full(3_000, 0.5)},
            "propensity: expected a column's name, .* found ndarray. Put them into a col",
        ),
        ({"paid": "yes"}, {}, r"column 'paid' \(outcome\): expected 0 and 1, found values such as 'yes'. Write 1 for yes"),
        (
            {"p": ["0.3"] * 2_999 + ["n/a?"]},
            {"propensity": "p"},
            r"column 'p' .*: expected numbers, found values such as 'n/a\?'",
        ),
        ({"branch": 1}, {"group": "branch"}, r"column 'branch' \(group\): expected at least 20 groups .*, found 1. Group by"),
        ({"branch": np.arange(3_000) % 19}, {"group": "branch"}, "expected at least 20 groups .*, found 19"),
        ({"branch": None}, {"group": "branch"}, "expected a group for every row, found 3,000 missing. Name a group of its own"),
        ({"arm": "none"}, {}, r"column 'arm' \(arm\): expected at least two arms, found 1. Keep the rows of the arm without"),
        (
            {"tags": [[1, 2]] * 3_000},
            {},
            r"column 'tags': expected one number or text in each row, found lists.* --drop tags \(drop=\['tags'\]\)",
        ),
        ({"arm": [["none"]] * 3_000}, {}, r"column 'arm' \(arm\): expected one number or text in each row, found lists"),
        ({"ratio": [np.inf, 1.0] * 1_500}, {}, "column 'ratio': expected finite numbers or missing, found 1,500 infinite"),
        ({}, {"group": "arm"}, "column 'arm': expected to be one thing, found named as arm and as group. Name another"),
        ({}, {"outcome": "arm", "group": "arm"}, "column 'arm': .*named as arm and as outcome and as group"),
        ({}, {"drop": ["age", "person"]}, "column 'person': .*named as group and as drop"),
        ({}, {"drop": "age"}, r"drop: expected a list of columns, found the text 'age'. Write drop=\['age'\]"),
        ({}, {"arm": None}, "arm: expected the name of a column, found None"),
        ({}, {"group": 0}, "group: expected the name of a column, found 0"),
        ({"p": 0.0}, {"propensity": "p"}, "above 0 and at most 1"),
        ({}, {"holdout_share": 30}, "between 0 and 1"),
        ({}, {"drop": ["age", "city"]}, "at least one covariate"),
    ],
)
def test_bad_input_is_refused_with_its_reason(change, options, words):
    with pytest.raises(InvalidInput, match=words):
        run(experiment().assign(**change), **options)


def test_no_columns_to_leave_out_may_be_said_as_none():
    assert run(drop=None).dropped == ()


@pytest.mark.parametrize("table", [None, {"arm": ["none"]}, np.zeros((3, 3))])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(
        InvalidInput, match=r"the table: expected a DataFrame with a row per decision, found .*pd\.read_parquet"
    ):
        train_flat(table, arm="arm", outcome="paid")


def test_a_fault_of_a_column_rings_once():
    for change in ({"p": "n/a", "paid": 1.0}, {"p": np.nan, "paid": [0, 1] * 1_500}):
        with pytest.raises(InvalidInput) as caught:
            run(experiment().assign(**change), propensity="p")
        assert sum("column 'p'" in str(fault) for fault in caught.value.faults) == 1


def test_a_column_of_lists_may_be_left_out(result):
    tagged = experiment().assign(tags=[[1, 2]] * 3_000)
    found = run(tagged, drop=["tags"])
    pd.testing.assert_frame_equal(found.report, result.report)
    assert run(tagged.assign(tags=[[2, 1]] * 3_000), drop=["tags"]).data_digest != found.data_digest


def test_a_column_that_may_name_people_points_at_the_group():
    table = experiment().assign(client_id=np.arange(3_000) // 4, town=np.arange(3_000) % 40)
    table["person"] = [f"p{i // 3}" for i in range(len(table))]
    first, second = run(table, group=None).notices
    assert first.startswith("Column 'person' has 1,000 values in 3,000 rows: if it names people")
    assert "--group person (group='person')" in first
    assert second.startswith("Column 'client_id' has 750 values")
    assert run(table.drop(columns="client_id"), group="person").notices == ()


def test_an_empty_column_is_noticed():
    (notice,) = run(experiment().assign(income=np.nan)).notices
    assert notice.startswith("Column 'income' is empty")


def test_a_few_words_among_numbers_are_noticed():
    income = [str(i % 200) for i in range(2_990)] + ["12x"] * 10
    (notice,) = run(experiment().assign(income=income)).notices
    assert notice.startswith("Column 'income' holds text among numbers, such as '12x', and is learnt as a category")
    # Codes, and numbers in classes of which the last is open, are categories.
    for codes in (["01", "2A", "2B"], ["0", "1", "2", "3+"]):
        assert run(experiment().assign(code=np.resize(codes, 3_000))).notices == ()


@pytest.mark.parametrize("given", ["category", "number", "missing"])
def test_a_column_filled_in_with_the_outcome_is_noticed(given):
    table = experiment()
    paid = table["paid"] == 1
    forms = {
        "category": np.where(paid, "closed", "open"),
        "number": np.where(paid, 30.0, 0.0) + np.random.default_rng(0).normal(size=3_000),
        "missing": np.where(paid, 7.0, np.nan),
    }
    (notice,) = [one for one in run(table.assign(status=forms[given])).notices if "tells the outcome" in one]
    assert notice.startswith(
        "Column 'status' tells the outcome nearly by itself (AUC 1.000): if it was filled in after the arm"
    )
    # Constant, empty, or many values that say nothing.
    quiet = table.assign(status=1.0, code=np.resize([str(i) + "x" for i in range(900)], 3_000))
    assert not [one for one in run(quiet).notices if "tells the outcome" in one]


def test_numbers_that_came_as_objects_are_numbers(result):
    table = experiment()
    table["age"] = pd.Series([Decimal(int(age)) for age in table["age"]], dtype=object)
    pd.testing.assert_frame_equal(run(table).report, result.report)


def test_an_empty_table_is_refused():
    with pytest.raises(InvalidInput, match="at least one row"):
        run(experiment().head(0))


def test_all_faults_of_a_table_come_at_once():
    with pytest.raises(InvalidInput) as caught:
        run(experiment().assign(paid=2, row=[f"r{i}" for i in range(3_000)], seen=pd.Timestamp("2026-01-01")))
    assert str(caught.value).startswith("3 faults")


def test_the_callers_table_is_left_as_it_was():
    table = experiment()
    before = table.copy(deep=True)
    run(table)
    pd.testing.assert_frame_equal(table, before)


def test_options_that_no_run_can_have_are_told_before_and_with_the_faults_of_the_table():
    with pytest.raises(InvalidInput) as caught:
        run(experiment().assign(paid=2), holdout_share="0.3", seed=None, confidence=95)
    assert {str(fault).split(":")[0] for fault in caught.value.faults} == {
        "holdout_share", "seed", "confidence", "column 'paid' (outcome)",
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="holdout_share: expected at least 10 groups to hold out, and to learn from"):
        run(holdout_share=0.0001)


def test_too_few_events_among_the_rows_to_learn_from_are_told_by_their_column():
    rare = experiment().assign(paid=(np.arange(3_000) % 140 == 0).astype(int), person=np.arange(3_000) // 2)
    with pytest.raises(InvalidInput, match=r"column 'paid' \(outcome\), of the 2,100 rows to learn from: .* and 1\d ones"):
        run(rare)


def test_an_arm_of_a_few_groups_that_were_all_held_out_is_told():
    table = experiment()
    table["branch"] = np.arange(3_000) % 40
    table["arm"] = np.where(table["branch"] == 0, "visit", np.where(table["branch"] % 2, "call", "none"))
    told = []
    for seed in range(12):
        try:
            run(table, group="branch", drop=["person"], propensity=None, seed=seed)
        except InvalidInput as error:
            told.append(str(error))
        if told:
            break
    assert told
    assert told[0].startswith(
        "arm 'visit' of column 'arm', of the 2,100 rows to learn from: expected at least 20 rows, found 0"
    )


def test_numbers_of_other_libraries_are_kept_as_plain_ones():
    found = run(seed=np.int64(1), baseline=np.str_("none"), holdout_share=np.float32(0.25), propensity=np.float64(1 / 3))
    assert json.dumps(found.options | {"boosting": None})


def test_where_no_arm_could_be_judged_the_arm_without_treatment_stands_in(result):
    # Odds of a half for each of three arms are none: every mean weight is two thirds.
    found = run(experiment().assign(p=0.5), propensity="p")
    assert not found.report["supported"].any()
    assert (found.best_constant, found.best_carried) == ("none", False)
    assert result.best_carried
