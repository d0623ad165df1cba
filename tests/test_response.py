"""The response model keeps its interface: shapes, bounds, columns, conventions."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel, SupportRule
from sklearn.base import clone

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
QUICK = Boosting(rounds=30, rate=0.2, pairs=2)


def draw(n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "balance": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(5, 1, n)),
            "city": pd.Categorical(rng.choice(["Rome", "Oslo", "Bonn"], n)),
            "owner": rng.random(n) < 0.4,
            "dues": pd.array(rng.integers(0, 9, n), dtype="Int64"),
        }
    )
    X.loc[rng.random(n) < 0.05, "dues"] = pd.NA
    arm = np.array(ARMS.names)[rng.integers(0, 3, n)]
    p = 1 / (1 + np.exp(1.0 - 0.02 * (X["age"] - 45) - 0.8 * (arm == "sms-weekly") - 0.4 * X["owner"]))
    return X, (rng.random(n) < p).astype(int), arm


def quick(**changes):
    return ResponseModel(ARMS, **({"boosting": QUICK, "propensity_boosting": QUICK, "n_threads": 1} | changes))


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def model(data):
    return quick().fit(data[0], data[1], arm=data[2])


def test_every_answer_has_a_row_per_borrower_and_a_column_per_arm_and_stays_in_its_bounds(model, data):
    X = data[0].head(50)
    P = model.predict_by_arm(X)
    low, high = model.interval_by_arm(X, confidence=0.9)
    gap, gap_low, gap_high = model.contrast_by_arm(X, "none")
    assert {a.shape for a in (P, low, high, gap, gap_low, gap_high, model.support_by_arm(X))} == {(50, 3)}
    assert ((low > 0) & (low < P) & (high > P) & (high < 1)).all()
    assert ((gap_low <= gap) & (gap <= gap_high) & (gap_low >= -1) & (gap_high <= 1)).all()
    np.testing.assert_allclose(gap, P - P[:, [0]], atol=1e-15)
    assert (gap[:, 0] == 0).all()
    assert (gap_low[:, 0] == 0).all()
    assert model.support_by_arm(X).dtype == bool


def test_a_wider_confidence_gives_a_wider_interval(model, data):
    narrow, wide = (np.subtract(*model.interval_by_arm(data[0].head(20), c)[::-1]) for c in (0.5, 0.99))
    assert (wide > narrow).all()
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        model.interval_by_arm(data[0].head(2), 95)


def test_one_borrower_alone_scores_bit_for_bit_as_in_a_batch(model, data):
    X = data[0].head(300)
    batch = [model.predict_by_arm(X), *model.interval_by_arm(X), *model.contrast_by_arm(X, "none"), model.propensity_by_arm(X)]
    for i in (0, 7, 299):
        row = X.iloc[[i]]
        alone = [model.predict_by_arm(row), *model.interval_by_arm(row), *model.contrast_by_arm(row, "none")]
        alone.append(model.propensity_by_arm(row))
        assert all(np.array_equal(one[0], many[i]) for one, many in zip(alone, batch, strict=True))


def test_chunks_of_borrowers_score_as_the_whole(model, data, monkeypatch):
    def scores():
        return [model.predict_by_arm(data[0]), *model.interval_by_arm(data[0]), *model.contrast_by_arm(data[0], "none")]

    whole = scores()
    monkeypatch.setattr("lighttouch.training.model.scorer.CHUNK_ROWS", 17)
    assert all(np.array_equal(part, one) for part, one in zip(scores(), whole, strict=True))


def test_the_order_of_columns_and_the_form_of_values_do_not_matter(model, data):
    X = data[0].head(40)
    plain = X[X.columns[::-1]].astype({"city": "str", "owner": "float64", "age": "float32"})
    plain["dues"] = plain["dues"].astype("Float64")
    assert np.array_equal(model.predict_by_arm(plain), model.predict_by_arm(X))


def test_a_level_that_was_not_seen_counts_as_missing(model, data):
    X = data[0].head(10)
    unseen, missing = X.assign(city=["Lima"] * 10), X.assign(city=[None] * 10)
    assert np.array_equal(model.predict_by_arm(unseen), model.predict_by_arm(missing))
    assert np.isnan(model.artefact.columns.encode(unseen)[:, 2]).all()
    assert not np.array_equal(model.predict_by_arm(missing), model.predict_by_arm(X.assign(city="Rome")))


def test_a_reordered_category_means_the_same(model, data):
    X = data[0].head(40)
    turned = X.assign(city=X["city"].cat.reorder_categories(["Rome", "Bonn", "Oslo"]))
    assert np.array_equal(model.predict_by_arm(turned), model.predict_by_arm(X))


def test_different_columns_are_refused_and_the_difference_is_shown(model, data):
    X = data[0].head(3).drop(columns="age").assign(income=1.0, balance=["a", "b", "c"])
    with pytest.raises(InvalidInput) as caught:
        model.predict_by_arm(X)
    message = str(caught.value)
    assert "- age (missing)" in message
    assert "+ income (not seen at fit)" in message
    assert "~ balance: number at fit, str now" in message


def test_the_callers_tables_are_left_as_they_were(data):
    X, y, arm = draw(400, seed=3)
    before = X.copy(deep=True), y.copy(), arm.copy()
    quick().fit(X, y, arm=arm).predict_by_arm(X)
    pd.testing.assert_frame_equal(X, before[0])
    assert np.array_equal(y, before[1])
    assert np.array_equal(arm, before[2])


def test_all_faults_of_a_fit_come_at_once():
    X, y, arm = draw(500)
    X = X.assign(name=[f"n{i}" for i in range(500)], seen=pd.Timestamp("2026-01-01"))
    arm = np.where(arm == "none", "nothing", arm)
    with pytest.raises(InvalidInput) as caught:
        quick().fit(X, np.where(y == 1, 2, 0), arm=arm, propensity=np.full(500, 1.5), groups=[1, 2])
    message = str(caught.value)
    for part in (
        "6 faults",
        "column 'name'",
        "column 'seen'",
        "only 0 and 1, found 2",
        "'nothing'",
        "500 rows outside",
        "groups: e",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": [0.0, np.nan] * 250}, "rows that are not mature"),
        ({"y": ["0.3"] * 498 + ["n/a?", "yes"]}, "y: expected 0 and 1, found values such as 'n/a\\?', 'yes'. Write 1 for yes"),
        ({"y": None}, r"y: expected 500 values, one a row, found shape \(0,\)"),
        ({"y": np.zeros((500, 1))}, r"y: expected 500 values, one a row, found shape \(500, 1\)"),
        ({"groups": np.zeros(500)}, "groups: expected at least 10 groups .*, found 1. Group by something finer"),
        ({"groups": np.arange(500) % 9}, "groups: expected at least 10 groups .*, found 9"),
        ({"groups": "person"}, r"groups: expected 500 values, one a row, found shape \(\).* table\['borrower'\]"),
        ({"propensity": "p"}, r"propensity: expected a number, .*, found 'p'. Pass the column itself: table\['p'\]"),
        ({"propensity": ["0.5"] * 499 + ["half"]}, "propensity: expected a number, .*, found values such as 'half'"),
        ({"propensity": dict.fromkeys(ARMS.names, "third")}, "propensity: .*found values such as 'third'"),
        ({"propensity": np.nan}, "propensity: expected above 0 and at most 1, found nan for none, nan for sms-weekly"),
        ({"sample_weight": ["1"] * 499 + ["heavy"]}, "sample_weight: expected numbers, found values such as 'heavy'"),
        ({"X": None}, "X: expected a DataFrame with a column per covariate, found NoneType"),
        (
            {"X": pd.DataFrame({"ratio": [np.inf, np.nan] * 250})},
            "column 'ratio' of X: expected finite numbers or missing, found 250",
        ),
        ({"y": [0] * 495 + [1] * 5}, "at least 20 zeros and 20 ones, found 495 zeros and 5 ones"),
        ({"propensity": 0.2}, "sum to 1, found 0.6 over 3 arms"),
        ({"propensity": {"none": 0.5, "sms-weekly": 0.5}}, "none for call-weekly"),
        ({"propensity": np.zeros(500)}, "above 0 and at most 1"),
        ({"propensity": np.full((500, 2), 0.5)}, r"\(500,\) of the taken arm or \(500, 3\) of every arm"),
        ({"propensity": np.full((500, 3), 0.5)}, "rows that sum to 1"),
        ({"propensity": np.tile([0.6, 0.6, -0.2], (500, 1))}, "no chance below 0, found 500 rows with less, such as -0.2"),
        ({"sample_weight": np.full(500, -1.0)}, "0 or more"),
        ({"X": pd.DataFrame(index=range(500))}, "at least one column"),
        (
            {"y": [0] * 250 + [1] * 250, "sample_weight": [1.0] * 260 + [0.0] * 240},
            "at least 20 zeros and 20 ones, found 250 zeros and 10 ones of a weight above 0",
        ),
        (
            {"propensity": pd.DataFrame(1 / 3, index=range(500), columns=["none", "sms", "call-weekly"])},
            "a column for each of none, sms-weekly, call-weekly, found the columns none, sms, call-weekly",
        ),
        (
            {"X": pd.DataFrame({"age": pd.cut(np.arange(500), 4)})},
            r"column 'age' of X: .*, found category of interval.*rename_categories\(str\)",
        ),
    ],
)
def test_bad_input_is_refused_with_its_reason(change, words):
    X, y, arm = draw(500)
    with pytest.raises(InvalidInput, match=words):
        quick().fit(**({"X": X, "y": y, "arm": arm} | change))


def test_parameters_that_fit_cannot_use_are_told_with_the_data():
    X, y, arm = draw(500)
    with pytest.raises(InvalidInput) as caught:
        quick(random_state=None, n_threads=-1).fit(X, y * 2, arm=arm)
    assert [fault.where for fault in caught.value.faults] == ["random_state", "n_threads", "y"]
    for state in (-1, 2**32, True, 0.5):
        with pytest.raises(
            InvalidInput, match=rf"random_state: expected a whole number from 0 to 4,294,967,295, found {state}\."
        ):
            quick(random_state=state).fit(X, y, arm=arm)
    with pytest.raises(InvalidInput, match=r"n_threads: expected a whole number of 0 or more, found -1\. 0 takes all cores"):
        quick(n_threads=-1).fit(X, y, arm=arm)
    with pytest.raises(InvalidInput) as caught:
        quick(boosting=None, support=None).fit(X, y, arm=arm)
    assert [fault.where for fault in caught.value.faults] == ["boosting", "support"]
    with pytest.raises(InvalidInput, match=r"2 faults(.|\n)*support\.least_rows(.|\n)*support\.floor"):
        SupportRule(-5, 2.0)


def test_propensities_by_column_go_by_the_arms_names(data):
    X, y, arm = draw(800)
    odds = pd.DataFrame({"none": 0.2, "sms-weekly": 0.5, "call-weekly": 0.3}, index=range(800))
    odds += np.linspace(-0.05, 0.05, 800)[:, None] * np.array([1, -1, 0])
    first, second, bare = (
        quick().fit(X, y, arm=arm, propensity=given).predict_by_arm(X)
        for given in (odds, odds[["call-weekly", "none", "sms-weekly"]], odds.to_numpy())
    )
    assert np.array_equal(first, second)
    assert np.array_equal(first, bare)


@pytest.mark.parametrize("propensity", [None, 1 / 3])
def test_rows_that_weigh_nothing_are_as_if_they_had_not_been_given_but_for_their_prediction(data, propensity):
    X, y, arm = data
    weight = np.where((arm == "call-weekly") & (X["age"] > 30), 0.0, 1.0)
    kept, groups = weight > 0, np.arange(len(arm)) // 2
    rule = SupportRule(least_rows=50)
    with_all = quick(support=rule).fit(X, y, arm=arm, propensity=propensity, groups=groups, sample_weight=weight)
    alone = quick(support=rule).fit(
        X[kept], y[kept], arm=arm[kept], propensity=propensity, groups=groups[kept], sample_weight=weight[kept]
    )
    assert np.array_equal(with_all.predict_by_arm(X), alone.predict_by_arm(X))
    assert np.array_equal(with_all.support_by_arm(X), alone.support_by_arm(X))
    assert with_all.diagnostics == alone.diagnostics
    assert np.array_equal(with_all.out_of_fold[kept], alone.out_of_fold)
    assert np.array_equal(with_all.out_of_fold[~kept], alone.predict_by_arm(X[~kept]))
    if propensity is None:
        assert np.array_equal(with_all.propensity_out_of_fold[kept], alone.propensity_out_of_fold)
        assert with_all.propensity_out_of_fold.shape == (len(arm), 3)


def test_a_state_of_numpys_own_type_is_saved_and_read_back(data, tmp_path):
    X, y, arm = data
    rule = SupportRule(np.int64(50), np.float32(0.01))
    quick(random_state=np.int64(3), support=rule).fit(X, y, arm=arm).save(tmp_path / "model")
    assert ResponseModel.load(tmp_path / "model").random_state == 3


def test_booleans_of_any_kind_are_numbers(data):
    X, y, arm = data
    owner = X["owner"].astype("boolean").where(np.arange(len(X)) % 7 > 0)
    first, second = (
        quick().fit(X.assign(owner=owner.astype(kind)), y, arm=arm).predict_by_arm(X.head(50))
        for kind in ("boolean", pd.ArrowDtype(pa.bool_()))
    )
    assert np.array_equal(first, second)


def test_a_fault_is_told_once():
    X, y, arm = draw(500)
    with pytest.raises(InvalidInput) as caught:
        quick().fit(X, y, arm=arm, sample_weight=["heavy"] * 500)
    assert len(caught.value.faults) == 1


def test_propensities_are_checked_beside_other_faults():
    X, y, arm = draw(500)
    with pytest.raises(InvalidInput) as caught:
        quick().fit(X, y * 2, arm=arm, propensity=np.zeros(500))
    assert [fault.where for fault in caught.value.faults] == ["y", "propensity of the taken arm"]


def test_arms_that_are_no_catalogue_are_refused_with_the_table():
    with pytest.raises(InvalidInput) as caught:
        ResponseModel(["none", "sms-weekly"]).fit(None, [0, 1], arm=["none", "sms-weekly"])
    assert [fault.where for fault in caught.value.faults] == ["X", "arms"]
    assert "arms: expected an ArmCatalogue, found list. Build it: ArmCatalogue([" in str(caught.value)


def test_a_model_without_a_fit_says_so():
    with pytest.raises(InvalidInput, match="Call fit"):
        quick().predict_by_arm(pd.DataFrame({"a": [1.0]}))


def test_parameters_follow_scikit_learn(model):
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "artefact")
    assert fresh.set_params(boosting__rounds=7, random_state=3).get_params()["boosting__rounds"] == 7
    assert model.boosting.rounds == QUICK.rounds
    with pytest.raises(InvalidInput, match="known parameter"):
        fresh.set_params(trees=3)
    with pytest.raises(InvalidInput, match=r"boosting\.rounds"):
        fresh.set_params(boosting__rounds=0)


def test_groups_are_never_split_between_fitting_and_scoring():
    """A column that names the group would predict the outcome out of fold, were the group split."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(300), 10)
    luck = rng.random(300) < 0.5
    X = pd.DataFrame({"group": group.astype(float), "noise": rng.normal(size=3000)})
    arm = np.array(ARMS.names)[rng.integers(0, 3, 3000)]
    y = luck[group].astype(int)
    deep = Boosting(rounds=60, rate=0.3, leaves=63, min_leaf=3, pairs=1)
    split, kept = (
        quick(boosting=deep).fit(X, y, arm=arm, propensity=1 / 3, groups=groups).diagnostics.auc for groups in (None, group)
    )
    assert min(split.values()) > 0.9
    assert max(kept.values()) < 0.7


def test_an_arm_with_few_rows_has_no_support(data):
    X, y, arm = data
    few = np.where((arm == "call-weekly") & (np.arange(len(arm)) > 200), "none", arm)
    fitted = quick(support=SupportRule(least_rows=100)).fit(X, y, arm=few, propensity=None)
    assert not fitted.support_by_arm(X)[:, 2].any()
    assert fitted.support_by_arm(X)[:, 0].all()


def test_diagnostics_describe_the_fit(model, data):
    _, y, arm = data
    found = model.diagnostics
    assert found.rows == 2_000
    assert found.counts == {name: int((arm == name).sum()) for name in ARMS.names}
    assert found.base_rate["none"] == pytest.approx(y[arm == "none"].mean())
    assert model.out_of_fold.shape == (2_000, 3)
    assert all(0.5 < value < 0.8 for value in found.auc.values())
