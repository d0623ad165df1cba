"""Capacity in a decision: what has no room even for exploration is closed for the night, and the night goes on."""

from datetime import UTC, datetime

import numpy as np
import pytest
from lighttouch.policy.allocation_capacity import capacity_usage
from lighttouch.policy.exploration import Draws
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.deciding.decide import Circumstances, decide, decide_by_house


@pytest.fixture(scope="module")
def tonight(trained):
    rows = trained.run.test.rows
    draws = Draws.of([f"b{i}" for i in range(len(rows))], datetime(2026, 11, 20, 22, tzinfo=UTC), PolicySettings().exploration)
    return trained.run.test, rows["overdue"].to_numpy(dtype=np.float64), Circumstances(draws=draws)


@pytest.mark.parametrize("limit", [0.0, 1.0])
@pytest.mark.parametrize("house", [False, True])
def test_arms_without_room_for_their_floor_are_closed_before_the_draw(trained, tonight, limit, house):
    test, overdue, around = tonight
    settings = PolicySettings.from_dict({"capacity": {"channels": {"call": limit}}})
    chooser = test.arms if house else trained.run.bundle
    decided = (decide_by_house if house else decide)(chooser, test.features, test.lawful, overdue, settings, around)
    calls = capacity_usage(test.arms, settings)[0][:, 0] > 0
    assert calls.any()
    assert (decided.propensity[:, calls] == 0).all()
    assert not calls[decided.arm].any()
    assert decided.propensity.sum(axis=1) == pytest.approx(1)
    # Whatever else was lawful keeps its floor, and what was closed says why.
    others = test.lawful & ~calls & decided.lawful
    assert (decided.propensity[others] >= settings.exploration.floor * 0.99).all()
    told = decided.restrained_by[test.lawful & calls]
    assert set(told[told != None]) >= {"capacity.call"}  # noqa: E711  element by element
    assert decided.prices["call"] >= 0


def test_room_enough_closes_nothing(trained, tonight):
    test, overdue, around = tonight
    plenty = PolicySettings.from_dict({"capacity": {"channels": {"call": 1e6}}})
    free = decide(trained.run.bundle, test.features, test.lawful, overdue, PolicySettings(), around)
    decided = decide(trained.run.bundle, test.features, test.lawful, overdue, plenty, around)
    assert (decided.arm == free.arm).all()
    assert (decided.propensity == free.propensity).all()
    assert decided.prices == {"call": 0.0}
