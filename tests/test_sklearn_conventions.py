"""The response model among scikit-learn's tools: parameters, clones, cross-validation by borrower."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.training.evaluation import cross_validate
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel, SupportRule
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)])
QUICK = Boosting(rounds=10, rate=0.1, leaves=6, pairs=1)


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    borrower = np.repeat(np.arange(600), 4)
    helped = rng.random(600)[borrower]
    arm = rng.choice(ARMS.names, 2_400)
    X = pd.DataFrame({"helped": helped, "age": rng.normal(size=2_400)})
    y = (rng.random(2_400) < 0.3 + np.where(arm == "sms-weekly", 0.6 * helped - 0.15, 0)).astype(int)
    return {"X": X, "y": y, "arm": arm, "propensity": 0.5, "groups": borrower}


def model(**params):
    return ResponseModel(ARMS, **{"boosting": QUICK, "n_threads": 1} | params)


def test_parameters_are_read_and_set_by_name_nested_ones_too():
    made = model(random_state=3)
    assert made.get_params(deep=False)["boosting"] is QUICK
    assert made.get_params()["boosting__leaves"] == 6
    assert made.set_params(random_state=4, boosting__leaves=5, support__least_rows=9) is made
    assert (made.random_state, made.boosting, made.support) == (4, Boosting(10, 0.1, 5, None, 1), SupportRule(9))
    # The shared default of the class is as it was.
    assert QUICK.leaves == 6


def test_a_parameter_that_is_not_known_is_refused_and_the_known_ones_are_named():
    with pytest.raises(InvalidInput, match=r"boosting__leafs(.|\n)*depth(.|\n)*boosting__leaves|boosting__leaves(.|\n)*depth"):
        model().set_params(boosting__leafs=3, depth=2)


def test_a_parameter_out_of_range_is_refused_before_any_fit():
    with pytest.raises(InvalidInput, match="leaves"):
        model().set_params(boosting__leaves=1)
    with pytest.raises(InvalidInput, match="rate"):
        Boosting(rate=0)


def test_a_clone_has_the_parameters_and_nothing_of_the_fit(log):
    fitted = model(random_state=2).fit(**log)
    twin = clone(fitted)
    assert twin is not fitted
    assert not hasattr(twin, "artefact")
    assert twin.get_params(deep=True).keys() == fitted.get_params(deep=True).keys()
    assert twin.arms.names == ARMS.names
    assert np.array_equal(twin.fit(**log).predict_by_arm(log["X"]), fitted.predict_by_arm(log["X"]))


def test_candidates_of_a_grid_are_clones_with_their_own_parameters():
    base = model()
    candidates = [clone(base).set_params(**params) for params in ParameterGrid({"boosting__leaves": [3, 5]})]
    assert [one.boosting.leaves for one in candidates] == [3, 5]
    assert base.boosting.leaves == 6


@pytest.mark.parametrize("threads", [2])
def test_the_same_log_makes_the_same_bytes_whatever_the_threads(log, tmp_path, threads):
    for name, n_threads in (("one", 1), ("again", 1), ("more", threads)):
        model(n_threads=n_threads).fit(**log | {"propensity": None}).save(tmp_path / name)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert any(name.startswith("propensity") for name in kept)
    for name in ("again", "more"):
        assert {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} == kept


def test_cross_validation_scores_each_fold_by_a_model_that_never_saw_its_borrowers(log):
    base = model()
    found = cross_validate(base, **log, folds=3)
    assert not hasattr(base, "artefact")
    assert set(found.scores) == {"test_log_loss", "test_value", "test_gain"}
    assert {scores.shape for scores in found.scores.values()} == {(3,)}
    assert found.predicted.shape == (2_400, 2)
    assert found.value.supported
    # The best policy texts those with helped > 1/4: it gains E[0.6 h - 0.15; h > 1/4] = 0.16875 over none.
    assert found.gain.low < 0.169
    assert found.gain.low > 0
    assert found.gain.estimate == pytest.approx(found.scores["test_gain"].mean(), abs=0.01)
    y, taken = log["y"], found.predicted[np.arange(2_400), (log["arm"] == "sms-weekly").astype(int)]
    assert found.scores["test_log_loss"].mean() == pytest.approx(
        -np.mean(y * np.log(taken) + (1 - y) * np.log(1 - taken)), abs=0.005
    )
    again = cross_validate(base, **log, folds=np.int64(3))
    assert np.array_equal(again.predicted, found.predicted)


def test_cross_validation_values_the_policy_that_the_package_would_give(log, monkeypatch):
    """Where the doubt about leaving it is complete, each fold gets the arm that was best for everyone on the others."""

    def complete(model, X, rated, anchor):
        return np.where(np.array(model.arms.names) == anchor, 0.0, 1.0) * np.ones(rated.shape)

    monkeypatch.setattr("lighttouch.training.evaluation.steadfast.doubt", complete)
    found = cross_validate(model(), **log, folds=3)
    assert set(found.policy) == {"sms-weekly"}
    assert (found.predicted[:, 0] > found.predicted[:, 1]).any()


def test_no_borrower_helps_to_predict_itself():
    # Outcomes are a coin per borrower, told by an identifying covariate: only a leak could predict them.
    rng = np.random.default_rng(3)
    borrower = np.repeat(np.arange(200), 10)
    y = rng.integers(0, 2, 200)[borrower]
    X = pd.DataFrame({"face": rng.normal(size=200)[borrower]})
    arm = rng.choice(ARMS.names, 2_000)
    boosting = Boosting(rounds=60, rate=0.2, leaves=31, min_leaf=5, pairs=1)
    apart = cross_validate(model(boosting=boosting), X, y, arm=arm, propensity=0.5, groups=borrower, folds=2)
    leaky = cross_validate(model(boosting=boosting), X, y, arm=arm, propensity=0.5, folds=2)
    assert apart.scores["test_log_loss"].mean() > 0.68
    assert leaky.scores["test_log_loss"].mean() < 0.5


def test_a_table_without_names_and_a_state_that_is_none_are_told_together(log):
    with pytest.raises(InvalidInput) as told:
        cross_validate(model(random_state=None), **log | {"X": log["X"].to_numpy()})
    assert [fault.where for fault in told.value.faults] == ["random_state", "X"]
    with pytest.raises(InvalidInput, match="X: expected a DataFrame with a column per covariate, found NoneType"):
        cross_validate(model(), **log | {"X": None})


def test_everything_wrong_with_a_cross_validation_is_said_at_once(log):
    with pytest.raises(InvalidInput) as told:
        cross_validate(model(), log["X"], log["y"] + 5, arm=np.full(2_400, "fax"), propensity=None, folds=1)
    for word in ("fax", "folds", "propensity", "only 0 and 1"):
        assert word in str(told.value)
