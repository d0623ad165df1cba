"""Covariates of the linear parts: what is learnt on is what is scored, whatever the threads or the batch."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.training import covariates
from lighttouch.training.covariates import Covariates
from lighttouch.training.inputs import Columns


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
def test_what_is_learnt_on_is_encoded_to_the_same_bits_alone_or_in_a_batch(encoded, most):
    Z, columns = encoded
    learnt, F = Covariates.learn(Z, columns, most)
    assert F.shape == (3_000, learnt.width)
    assert np.array_equal(learnt.encode(Z), F)
    assert np.array_equal(learnt.encode(Z[17:18]), F[17:18])
    again, side_by_side = Covariates.learn(Z, columns, most, threads=2)
    assert np.array_equal(side_by_side, F)
    assert again.to_dict() == learnt.to_dict()
    assert np.array_equal(Covariates.from_dict(learnt.to_dict()).encode(Z), F)


def test_columns_have_mean_0_and_variance_1_and_constants_say_nothing(encoded):
    Z, columns = encoded
    _, F = Covariates.learn(Z, columns, 40)
    told = F[:, F.any(axis=0)][:, 1:]
    assert told.shape[1] == 4 + 3
    assert told[:, [0, 2, 3]].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert told[:, [0, 2, 3]].var(axis=0) == pytest.approx(np.ones(3), abs=1e-9)


def test_a_rank_is_the_middle_of_its_equals(encoded):
    Z, columns = encoded
    learnt, _ = Covariates.learn(Z, columns, 40)
    grid = learnt.grids[2]
    asked = np.zeros((len(grid) + 2, Z.shape[1]))
    asked[:, 2] = [-1.0, *grid, grid[-1] + 1]
    wanted = np.array([0, *(np.arange(len(grid)) + 0.5), len(grid)]) / len(grid)
    assert learnt.encode(asked)[:, 3] == pytest.approx((wanted - learnt.mean[2]) / learnt.scale[2])


def test_quantiles_of_some_rows_are_those_of_all(encoded, monkeypatch):
    Z, columns = encoded
    _, whole = Covariates.learn(Z, columns, 40)
    monkeypatch.setattr(covariates, "GRID_ROWS", 1_000)
    _, some = Covariates.learn(Z, columns, 40)
    apart = np.sqrt(np.square(some - whole).mean(axis=0))
    assert 0 < apart.max() < 0.1
