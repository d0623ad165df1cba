"""Covariates of the linear parts: what is learnt on is what is scored, whatever the threads or the batch."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.training.columns import Columns
from lighttouch.training.model import covariates
from lighttouch.training.model.covariates import Covariates


@pytest.fixture
def encoded():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.lognormal(size=(3_000, 6)), columns=list("abcdef"))
    table.loc[rng.random(3_000) < 0.2, "b"] = np.nan
    table["c"] = table["c"].round()
    table["d"] = 1.0
    table["e"] = np.nan
    table["kind"] = pd.Categorical(rng.choice(["x", "y", "z", None], 3_000))
    columns = Columns.learn(table)
    return columns.encode(table), columns


@pytest.mark.parametrize("most", [40, 4])
def test_what_is_learnt_on_is_encoded_to_the_same_bits_alone_or_in_a_batch(encoded, most, monkeypatch):
    Z, columns = encoded
    learnt = Covariates.learn(Z, columns, most)
    F = learnt.encode(Z)
    assert F.shape == (3_000, learnt.width)
    assert np.array_equal(learnt.encode(Z[17:18]), F[17:18])
    assert Covariates.learn(Z, columns, most, threads=2).to_dict() == learnt.to_dict()
    monkeypatch.setattr(covariates, "ROWS_AT_A_TIME", 700)
    further = np.arange(6_000.0).reshape(3_000, 2)
    assert np.array_equal(learnt.encode(Z, threads=2, beside=further), np.column_stack([F, further]))
    assert learnt.encode(Z[:0], beside=further[:0]).shape == (0, learnt.width + 2)
    assert np.array_equal(Covariates.from_dict(learnt.to_dict()).encode(Z), F)


def test_columns_have_mean_0_and_variance_1_and_constants_say_nothing(encoded):
    Z, columns = encoded
    F = Covariates.learn(Z, columns, 40).encode(Z)
    told = F[:, F.any(axis=0)][:, 1:]
    assert told.shape[1] == 4 + 3
    assert told[:, [0, 2, 3]].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert told[:, [0, 2, 3]].var(axis=0) == pytest.approx(np.ones(3), abs=1e-9)


def test_a_rank_is_the_middle_of_its_equals(encoded):
    Z, columns = encoded
    learnt = Covariates.learn(Z, columns, 40)
    grid = learnt.grids[2]
    asked = np.zeros((len(grid) + 2, Z.shape[1]))
    asked[:, 2] = [-1.0, *grid, grid[-1] + 1]
    wanted = np.array([0, *(np.arange(len(grid)) + 0.5), len(grid)]) / len(grid)
    assert learnt.encode(asked)[:, 3] == pytest.approx((wanted - learnt.mean[2]) / learnt.scale[2])


def test_what_some_rows_teach_is_what_all_do(encoded, monkeypatch):
    Z, columns = encoded
    whole = Covariates.learn(Z, columns, 40).encode(Z)
    monkeypatch.setattr(covariates, "LEARNT_ROWS", 1_000)
    some = Covariates.learn(Z, columns, 40).encode(Z)
    apart = np.sqrt(np.square(some - whole).mean(axis=0))
    assert 0 < apart.max() < 0.1
