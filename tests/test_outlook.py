"""The outlook as a covariate: effects that come and go with how good a borrower is anyway are found among many covariates."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.model import learn_effects, outlook
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.model.outlook import DEGREES, SHARE, Outlook
from lighttouch.training.response import ResponseModel
from scipy.special import expit, logit

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
WIDE = 40


def learnt(seed, n=8_000):
    """A book in which a call moves those in the middle alone, and its truth."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.standard_normal((n, WIDE)), columns=[f"x{j}" for j in range(WIDE)])
    good = 1.5 * X["x0"].to_numpy()
    code = rng.integers(len(ARMS), size=n)
    gain = np.column_stack([np.zeros(n), np.zeros(n), 1.2 * np.exp(-(good**2))])
    truth = expit(good[:, None] + gain)
    y = (rng.random(n) < truth[np.arange(n), code]).astype(float)
    model = ResponseModel(ARMS, random_state=seed, boosting=Boosting(rounds=60, rate=0.1))
    return model.fit(X, y, arm=np.array(ARMS.names, dtype=object)[code], propensity=1 / len(ARMS)), X, gain[:, 2]


def found(seed):
    """How closely the call's predicted effects on log odds follow the true ones."""
    model, X, truth = learnt(seed)
    predicted = logit(model.predict_by_arm(X))
    return float(np.corrcoef(predicted[:, 2] - predicted[:, 0], truth)[0, 1])


def test_effects_on_those_in_the_middle_are_found_and_were_not_without(monkeypatch):
    with_it = [found(seed) for seed in range(3)]
    monkeypatch.setattr(outlook, "SHARE", 1e-9)
    without = [found(seed) for seed in range(3)]
    assert min(with_it) > 0.6
    assert max(without) < 0.3


@pytest.mark.parametrize("most", [9, 12, 21])
def test_however_little_room_there_is_for_covariates_the_outlook_stays(monkeypatch, most):
    # Coefficients of three arms: a constant and the outlook each, and what room is left for directions.
    monkeypatch.setattr(learn_effects, "MOST_COEFFICIENTS", most)
    model, X, _ = learnt(0, n=2_000)
    directions = max(most // 3 - 1 - DEGREES, 0)
    assert model.artefact.covariates.rotation.shape == (WIDE, directions)
    assert model.artefact.effects.mean.shape == (len(ARMS), 1 + directions + DEGREES)
    assert np.isfinite(model.artefact.outlook.scale).all()
    assert np.array_equal(model.predict_by_arm(X.iloc[:1]), model.predict_by_arm(X.iloc[:5])[:1])


def test_its_columns_have_the_share_of_the_prior_that_is_said_whatever_the_levels_shape():
    for level in (np.random.default_rng(0).standard_normal(5_000), np.random.default_rng(1).exponential(size=5_000) ** 3):
        columns = Outlook.learn(level, covariates=50).encode(level)
        assert columns.mean(axis=0) == pytest.approx(np.zeros(DEGREES), abs=1e-9)
        own = columns.var(axis=0).sum()
        assert own / (own + 50) == pytest.approx(SHARE)


@pytest.mark.parametrize(("level", "covariates"), [(np.zeros(100), 5), (np.linspace(0, 1, 100), 0)])
def test_with_nothing_to_tell_apart_it_says_nothing(level, covariates):
    learnt_from = Outlook.learn(level, covariates)
    assert (learnt_from.encode(np.linspace(-3, 3, 7)) == 0).all()
    assert (Outlook.from_dict(learnt_from.to_dict()).encode(level) == 0).all()


def test_it_is_read_back_exactly_and_scores_one_as_many():
    level = np.random.default_rng(2).standard_normal(1_000)
    learnt_from = Outlook.learn(level, covariates=8)
    again = Outlook.from_dict(learnt_from.to_dict())
    beyond = np.concatenate([level, [-9.0, 9.0]])
    whole = learnt_from.encode(beyond)
    assert np.array_equal(again.encode(beyond), whole)
    assert np.array_equal(np.vstack([learnt_from.encode(beyond[[i]]) for i in range(20)]), whole[:20])
