"""Families of history: their parts sum to the prediction, to the bit of rounding, and the right family gets the credit."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.training.model import learn_effects
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.model.shap_families import CALIBRATION, EVERYONE, OTHER, contributions, family_of, family_table
from lighttouch.training.response import ResponseModel

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
FAMILIES = {"income": "ability", "debt": "ability", "calls_answered": "habit", "city": "stage"}


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    n = 4_000
    X = pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "debt": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "calls_answered": rng.normal(size=n),
            "city": pd.Categorical(rng.choice(["Oslo", "Rome", "Bonn"], n)),
            "unknown": rng.normal(size=n),
        }
    )
    code = rng.integers(0, 3, n)
    # Income decides who pays; a habit of answering decides whom a call moves.
    logit = -0.3 + 1.2 * X["income"] + np.where(code == 2, 0.4 + 1.2 * X["calls_answered"], 0.0)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return X, y.to_numpy(), code


@pytest.fixture(scope="module")
def model(log):
    X, y, code = log
    arm = np.array(ARMS.names, dtype=object)[code]
    return ResponseModel(ARMS, boosting=Boosting(rounds=40, rate=0.1, pairs=2), n_threads=1).fit(X, y, arm, 1 / 3)


def logit(p):
    return np.log(p) - np.log1p(-p)


def test_parts_sum_to_the_log_odds_of_the_prediction_and_of_the_contrast(model, log):
    X, _, code = log
    rows = np.arange(len(X))
    found = contributions(model.artefact, X, code, families=FAMILIES)
    predicted = logit(model.predict_by_arm(X))
    assert np.abs(found.response.sum(axis=1) - predicted[rows, code]).max() < 1e-10
    assert np.abs(found.contrast.sum(axis=1) - (predicted[rows, code] - predicted[:, 0])).max() < 1e-10
    against_call = contributions(model.artefact, X, code, reference=2, families=FAMILIES)
    assert np.abs(against_call.contrast.sum(axis=1) - (predicted[rows, code] - predicted[:, 2])).max() < 1e-10


def test_parts_sum_as_well_where_covariates_were_rotated(log, monkeypatch):
    # Room for three directions beside the constant and the outlook of each arm: seven columns are more.
    monkeypatch.setattr(learn_effects, "MOST_COEFFICIENTS", 21)
    X, y, code = log
    arm = np.array(ARMS.names, dtype=object)[code]
    fitted = ResponseModel(ARMS, boosting=Boosting(rounds=5, rate=0.1, pairs=1), n_threads=1).fit(X, y, arm, 1 / 3)
    assert fitted.artefact.covariates.rotation.shape[1] == 3
    assert np.isfinite(fitted.artefact.outlook.scale).all()
    found = contributions(fitted.artefact, X, code, families=FAMILIES)
    predicted = logit(fitted.predict_by_arm(X))
    assert np.abs(found.response.sum(axis=1) - predicted[np.arange(len(X)), code]).max() < 1e-10
    assert np.abs(found.contrast.sum(axis=1) - (predicted[np.arange(len(X)), code] - predicted[:, 0])).max() < 1e-10


def test_the_family_that_decides_who_pays_and_the_one_that_decides_whom_a_call_moves_are_told_apart(model, log):
    X = log[0]
    table = family_table(contributions(model.artefact, X, np.full(len(X), 2), families=FAMILIES)).set_index("family")
    families = ["ability", "habit", "stage", OTHER]
    assert table.loc[families, "response"].idxmax() == "ability"
    assert table.loc[families, "contrast"].idxmax() == "habit"
    assert table.loc["habit", "contrast"] > 3 * table.loc[["ability", "stage", OTHER], "contrast"].max()
    assert table.index[-2:].tolist() == [EVERYONE, CALIBRATION]


def test_no_contact_held_against_itself_is_moved_by_nothing(model, log):
    X = log[0]
    found = contributions(model.artefact, X, np.zeros(len(X), dtype=int), families=FAMILIES)
    assert (found.contrast == 0).all(axis=None)


def test_every_feature_of_the_catalogue_has_a_family():
    families = family_of()
    assert len(set(families.values())) == 8
    assert families["days_past_due"] == "stage"
