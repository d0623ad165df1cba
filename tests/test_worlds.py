"""A world as a whole: the same again from the same seed, written and read back, faults named."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.contracts import CONTRACTS
from lighttouch.data.errors import InvalidInput
from lighttouch.data.policies import ConstantPolicy
from lighttouch.data.worlds import WORLDS, World, simulate

SMALL = {"borrowers": 400, "days": 120}


@pytest.fixture(scope="module")
def world():
    return simulate("randomised", seed=7, **SMALL)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(world):
    again, other = simulate("randomised", seed=7, **SMALL), simulate("randomised", seed=8, **SMALL)
    assert again.digest() == world.digest() != other.digest()
    assert all(again.tables[name].equals(world.tables[name]) for name in CONTRACTS)
    assert np.array_equal(again.truth.response, world.truth.response, equal_nan=True)


def test_a_written_world_reads_back_with_its_truth_apart_from_the_tables(world, tmp_path):
    folder = tmp_path / "book"
    world.write(folder)
    assert sorted(path.stem for path in folder.glob("*.parquet")) == sorted(CONTRACTS)
    for name in CONTRACTS:
        assert pq.read_table(folder / f"{name}.parquet").equals(world.tables[name])
    truth = World.read_truth(folder)
    for part in ("decision_id", "response", "harm", "lawful", "propensity", "taken", "recoverable", "already_paid"):
        ours, read = getattr(world.truth, part), getattr(truth, part)
        assert ours.dtype.kind == read.dtype.kind
        assert (ours == read).all() or np.array_equal(ours, read, equal_nan=True)
    assert truth.value(truth.oracle()) == world.truth.value(world.truth.oracle())
    card = json.loads((folder / "truth" / "world.json").read_text())
    assert (card["name"], card["seed"], card["digest"], card["horizon_days"]) == ("randomised", 7, world.digest(), 14)
    world.write(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book"]


def test_a_folder_without_truth_says_so(tmp_path):
    with pytest.raises(InvalidInput, match="the truth of a world"):
        World.read_truth(tmp_path)


def test_the_end_of_the_period_is_the_instant_asked_for():
    end = datetime(2025, 3, 30, 6, 30, tzinfo=UTC)
    world = simulate("randomised", borrowers=300, days=60, end=end)
    assert world.end == end
    as_of = world.tables["decisions"]["as_of"].to_pandas()
    assert as_of.max() < end
    assert set(as_of.dt.strftime("%H:%M")) == {"06:30"}


def test_a_given_policy_and_given_arms_are_used():
    arms = ArmCatalogue([Arm("none"), Arm("letter-fortnightly", letter=0.5), Arm("visit-weekly", visit=1)])
    world = simulate("randomised", arms=arms, policy=ConstantPolicy("visit-weekly"), seed=1, **SMALL)
    given = world.tables["decisions"]["arm"].to_pylist()
    lawful = world.truth.lawful[:, 2]
    assert {arm for arm, ok in zip(given, lawful, strict=True) if ok} == {"visit-weekly"}
    assert world.truth.response.shape == (len(given), 3)
    assert set(
        world.tables["contacts"].filter(world.tables["contacts"]["decision_id"].is_valid())["channel"].unique().to_pylist()
    ) == {"visit"}


def test_progress_is_told_day_by_day():
    told = []
    simulate("randomised", borrowers=50, days=60, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (1, 60)
    assert told[-1] == (60, 60)


def test_a_world_where_contact_changes_nothing_can_be_specified():
    plain = WORLDS["randomised"]
    spec = replace(
        plain,
        name="nothing",
        repayment=replace(plain.repayment, gain=0.0, promise=0.0),
        friction=replace(plain.friction, temper=0.0, harm_rate=0.0),
    )
    truth = simulate(spec, seed=2, **SMALL).truth
    known = ~truth.already_paid
    assert np.allclose(truth.response[known], truth.response[known][:, :1])
    assert (truth.harm[known] == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "randomized"}, "expected one of randomised, confounded"),
        ({"borrowers": 0}, "borrowers: expected 1 or more"),
        ({"days": 20}, "three horizons"),
        ({"end": datetime(2026, 1, 1)}, "with a time zone"),  # noqa: DTZ001  naive on purpose
        ({"arms": ArmCatalogue.from_names(["no", "yes"], baseline="no")}, "a dose"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(InvalidInput, match=message):
        simulate(**{"name": "randomised", **SMALL, **change})


class Reckless:
    name = "reckless"

    def __init__(self, shares):
        self.shares = shares

    def propensities(self, situation):
        return self.shares(situation)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (lambda s: np.ones(s.lawful.shape), "rows that sum to 1"),
        (lambda s: np.ones((1, 2)), "probabilities of shape"),
        (lambda s: np.tile([2.0, -1.0] + [0.0] * (len(s.arms) - 2), (len(s.observed), 1)), "nothing below 0"),
    ],
)
def test_a_policy_that_gives_no_probabilities_is_refused(shares, message):
    with pytest.raises(InvalidInput, match=message):
        simulate("randomised", policy=Reckless(shares), **SMALL)
