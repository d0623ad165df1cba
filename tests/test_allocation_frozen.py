"""Capacity under exploration: prices frozen before the draw, and what settings say is short."""

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.allocation import priced, remaining, reserve
from lighttouch.policy.allocation_capacity import capacity_usage
from lighttouch.policy.allocation_frozen import CapacityBelowFloor, frozen_prices
from lighttouch.policy.settings import PolicySettings

INF = float("inf")
ARMS = ArmCatalogue(
    [Arm("none"), Arm("sms-every-3-days", sms=7 / 3), Arm("call-weekly", call=1), Arm("both", sms=1, call=1, visit=0.5)]
)


def soft(temperature=3.0, floor=0.01):
    """A softmax with a floor over the lawful arms, as exploration draws from."""

    def probabilities(worth, rows):
        assert worth.shape[0] == len(rows)
        weight = np.exp((worth - worth.max(axis=1, keepdims=True)) / temperature)
        weight /= weight.sum(axis=1, keepdims=True)
        least = floor * np.isfinite(worth)
        return least + (1 - least.sum(axis=1, keepdims=True)) * weight

    return probabilities


@pytest.fixture(scope="module")
def night():
    rng = np.random.default_rng(1)
    n = 3_000
    value = rng.gamma(2, 50, (n, 1)) * rng.normal(0.05, 0.06, (n, 6))
    value[:, 0] = 0
    value[:, 1:][rng.random((n, 5)) < 0.2] = -INF
    usage = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0], [0, 2, 0], [1, 1, 1.0]])
    return value, usage, np.array([0.35 * n, 0.2 * n, INF])


def test_draws_stay_within_capacity_but_for_the_stated_chance(night):
    value, usage, capacity = night
    found = frozen_prices(value, usage, capacity, soft(), chance=0.05)
    odds = soft()(priced(value, usage, found.prices), np.arange(len(value)))
    passed = odds.cumsum(axis=1)
    rng = np.random.default_rng(2)
    drawn = [usage[(rng.random((len(value), 1)) > passed).sum(axis=1).clip(0, 5)].sum(axis=0) for _ in range(400)]
    assert np.mean((np.array(drawn) > capacity).any(axis=1)) <= 0.05
    assert np.mean(drawn, axis=0) == pytest.approx(found.expected, rel=0.01)


def test_frozen_prices_leave_little_unused_and_charge_nothing_for_what_is_free(night):
    value, usage, capacity = night
    found = frozen_prices(value, usage, capacity, soft())
    short = found.prices > 0
    assert short.tolist() == [True, True, False]
    assert (found.needed <= capacity).all()
    assert (found.needed[short] >= 0.99 * capacity[short]).all()
    loose = frozen_prices(value, usage, capacity * 100, soft())
    assert (loose.prices == 0).all()


def test_a_book_larger_than_the_sample_holds_as_a_whole():
    rng = np.random.default_rng(3)
    n = 50_001
    value = np.column_stack([np.zeros(n), rng.normal(1, 3, n)])
    value[::3, 1] += 5  # what every third borrower gains, a sample of every third would not see
    found = frozen_prices(value, [[0.0], [1.0]], [0.3 * n], soft(1.0))
    odds = soft(1.0)(priced(value, [[0.0], [1.0]], found.prices), np.arange(n))
    assert odds[:, 1].sum() == pytest.approx(found.expected[0], rel=1e-9)
    assert 0.29 * n < found.needed[0] <= 0.3 * n


def test_a_floor_that_uses_more_than_there_is_is_refused_by_name(night):
    value, usage, _ = night
    with pytest.raises(CapacityBelowFloor, match="calls"):
        frozen_prices(value, usage, [INF, 20.0, INF], soft(floor=0.05), names=("sms", "calls", "visits"))


def test_a_policy_that_returns_no_probabilities_is_refused(night):
    value, usage, capacity = night
    with pytest.raises(InvalidInput, match="rows sum to 1"):
        frozen_prices(value, usage, capacity, lambda worth, _: np.ones_like(worth))
    with pytest.raises(InvalidInput, match="shape"):
        frozen_prices(value, usage, capacity, lambda worth, _: worth[:, :2])
    with pytest.raises(InvalidInput, match="chance"):
        frozen_prices(value, usage, capacity, soft(), chance=1.0)


def test_an_infinite_price_bars_what_uses_the_resource_and_nothing_else():
    adjusted = priced([[1.0, 2.0, -INF]], [[0.0], [1.0], [0.0]], [INF])
    assert adjusted.tolist() == [[1.0, -INF, -INF]]
    with pytest.raises(InvalidInput, match="0 or more"):
        priced([[0.0, 1.0]], [[0.0], [1.0]], [-1.0])
    with pytest.raises(InvalidInput, match="shapes"):
        priced([[0.0, 1.0]], [[0.0], [1.0]], [1.0, 2.0])


def test_headroom_and_standing_decisions_are_taken_off():
    assert reserve([100.0, INF], 0.1).tolist() == [90.0, INF]
    assert remaining([10.0, 3.0], [[0, 0], [1, 2.0]], [7, 2]).tolist() == [8.0, 0.0]
    with pytest.raises(InvalidInput, match="headroom"):
        reserve([1.0], 1.0)


def test_arms_use_what_their_plan_lays_into_a_week():
    limits = {"channels": {"sms": 5000}, "teams": {"field": {"channels": ["call", "visit"], "contacts_per_week": 80}}}
    settings = PolicySettings.from_dict({"capacity": {**limits, "money_per_week": 900}})
    usage, capacity, names = capacity_usage(ARMS, settings)
    assert names == ("sms", "team field", "money")
    assert capacity.tolist() == [5000.0, 80.0, 900.0]
    # Fourteen days hold five messages of one every three days; "both" has five contacts: two sms, two calls and a visit.
    assert usage[:, 0].tolist() == [0.0, 2.5, 0.0, 1.0]
    assert usage[:, 1].tolist() == [0.0, 0.0, 1.0, 1.5]
    assert usage[:, 2] == pytest.approx([0.0, 0.125, 2.0, (2 * 0.05 + 2 * 2.0 + 30.0) / 2])


def test_by_default_nothing_is_short():
    usage, capacity, names = capacity_usage(ARMS, PolicySettings())
    assert (usage.shape, capacity.shape, names) == ((4, 0), (0,), ())


def test_every_wrong_limit_is_told_at_once():
    wrong = {
        "channels": {"fax": 1},
        "teams": {"a": {"channels": [], "contacts_per_week": -1}},
        "money_per_week": 0,
        "headroom": 1,
        "calls": 3,
    }
    with pytest.raises(InvalidInput) as caught:
        PolicySettings.from_dict({"capacity": wrong})
    assert len(caught.value.faults) == 6
    assert "fax" in str(caught.value)


def test_a_policy_that_leaves_nothing_to_chance_may_use_all_there_is(night):
    value, usage, capacity = night

    def hard(worth, rows):
        return np.eye(6)[worth.argmax(axis=1)]

    capacity = np.array([capacity[0], 0.0, INF])
    found = frozen_prices(value, usage, capacity, hard)
    used = usage[priced(value, usage, found.prices).argmax(axis=1)].sum(axis=0)
    assert (used <= capacity).all()
    assert (found.needed == found.expected).all()
    assert used[0] >= 0.99 * capacity[0]
    assert used[1] == 0
