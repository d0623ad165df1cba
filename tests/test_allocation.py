"""Allocation under capacity: against brute force and HiGHS, and the properties that any right allocation has."""

from itertools import pairwise, product

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.allocation import allocate, priced
from lighttouch.policy.choice import best_arm
from scipy.sparse import csr_array, eye_array, kron, vstack

INF = float("inf")


def book(seed, n, K=5, R=3, kind="plain", unlawful=0.2):
    """A random book whose resources are short: money values, use in whole units, cents, or with many ties."""
    rng = np.random.default_rng(seed)
    usage = rng.integers(0, 4, (K, R)).astype(float)
    value = rng.normal(1, 3, (n, K)).round(2)
    if kind == "cents":
        usage = (rng.random((K, R)) * 3).round(2)
    if kind == "tied":
        value = rng.integers(-1, 4, (n, K)).astype(float)
    if kind == "dear":
        value = (usage.sum(axis=1) * rng.gamma(3, 1, (n, 1)) + rng.normal(0, 0.3, (n, K))).round(2)
    usage[0] = 0
    value[:, 1:][rng.random((n, K - 1)) < unlawful] = -INF
    return value, usage, np.round(n * rng.uniform(0.2, 0.8, R), 2)


def brute_force(value, usage, capacity):
    """The highest value over all K ** n allocations within capacity."""
    n, K = value.shape
    every = np.array(list(product(range(K), repeat=n)))
    fits = (usage[every].sum(axis=1) <= capacity).all(axis=1)
    return value[np.arange(n), every[fits]].sum(axis=1).max()


def highs(value, usage, capacity):
    """HiGHS's objective of the whole book as a mixed integer program, with its default tolerance."""
    n, K = value.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n * K, n + len(capacity)
    lawful = np.isfinite(value).ravel()
    model.col_cost_ = np.where(lawful, -value.ravel(), 0.0)
    model.col_lower_, model.col_upper_ = np.zeros(n * K), lawful.astype(float)
    ceiling = np.where(np.isfinite(capacity), capacity, highspy.kHighsInf)
    model.row_lower_ = np.r_[np.ones(n), np.full(len(capacity), -highspy.kHighsInf)]
    model.row_upper_ = np.r_[np.ones(n), ceiling]
    one_each = kron(eye_array(n), np.ones((1, K)))
    matrix = vstack([one_each, csr_array(np.tile(usage.T, (1, n)))]).tocsc()
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    model.integrality_ = [highspy.HighsVarType.kInteger] * (n * K)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return -solver.getInfo().objective_function_value


def assert_right(found, value, usage, capacity):
    """What holds for every allocation, whatever the book."""
    n = len(value)
    given_value = value[np.arange(n), found.arm]
    assert np.isfinite(given_value).all()
    assert found.value == pytest.approx(given_value.sum(), rel=1e-12, abs=1e-9)
    assert found.used == pytest.approx(usage[found.arm].sum(axis=0), rel=1e-12, abs=1e-12)
    assert (found.used <= capacity).all()
    assert found.bound >= found.value
    assert (found.prices >= 0).all()
    assert (found.prices[~np.isfinite(capacity)] == 0).all()


@pytest.mark.parametrize("kind", ["plain", "cents", "tied", "dear"])
@pytest.mark.parametrize("seed", range(6))
def test_tiny_books_get_the_best_of_all_allocations(seed, kind):
    value, usage, capacity = book(seed, 6, K=4, R=2, kind=kind)
    found = allocate(value, usage, capacity)
    assert_right(found, value, usage, capacity)
    assert found.value == pytest.approx(brute_force(value, usage, capacity), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("n", "kind"), [(30, "cents"), (200, "plain"), (200, "tied"), (300, "dear"), (1000, "plain")])
def test_small_books_get_what_highs_gets(n, kind):
    value, usage, capacity = book(n, n, kind=kind)
    found = allocate(value, usage, capacity)
    assert_right(found, value, usage, capacity)
    assert found.value >= highs(value, usage, capacity) * (1 - 1e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 40),
    R=st.integers(1, 4),
    kind=st.sampled_from(["plain", "cents", "tied", "dear"]),
)
def test_no_book_breaks_feasibility_or_weak_duality(seed, n, R, kind):
    value, usage, capacity = book(seed, n, K=4, R=R, kind=kind)
    rng = np.random.default_rng(seed)
    capacity = np.where(rng.random(R) < 0.2, INF, np.where(rng.random(R) < 0.2, 0.0, capacity))
    assert_right(allocate(value, usage, capacity), value, usage, capacity)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_book_is_within_a_ten_thousandth_of_its_bound(dtype):
    value, usage, capacity = book(3, 100_000)
    value = value.astype(dtype)
    found = allocate(value, usage, capacity)
    assert_right(found, value.astype(np.float64), usage, capacity)
    assert 0 <= found.gap < 1e-4
    assert found.gap == pytest.approx((found.bound - found.value) / abs(found.bound))


@pytest.mark.parametrize("kind", ["plain", "tied", "dear"])
def test_the_bound_is_the_dual_at_the_prices(kind):
    value, usage, capacity = book(5, 2_000, kind=kind)
    found = allocate(value, usage, capacity)
    dual = priced(value, usage, found.prices).max(axis=1).sum() + capacity @ found.prices
    assert found.bound == pytest.approx(dual, rel=1e-12)


def test_what_has_a_price_is_used_up_and_whoever_loses_nothing_by_the_prices_keeps_the_best_arm():
    value, usage, capacity = book(8, 50_000)
    found = allocate(value, usage, capacity)
    short = found.prices > 0
    assert short.any()
    assert (capacity - found.used)[short] == pytest.approx(0, abs=1e-3 * capacity.max())
    net = priced(value, usage, found.prices)
    regret = net.max(axis=1) - net[np.arange(len(net)), found.arm]
    assert (regret > 0.02).mean() < 0.001
    assert regret.sum() + found.prices @ (capacity - found.used) == pytest.approx(found.bound - found.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_more_capacity_never_lowers_the_value(seed):
    value, usage, capacity = book(seed, 60)
    worth = [allocate(value, usage, capacity * more).value for more in (0.5, 1.0, 1.5, 4.0)]
    assert all(less <= more + 1e-9 for less, more in pairwise(worth))


@pytest.mark.parametrize("power", [-10, 12])
def test_the_units_of_money_and_of_resources_do_not_matter(power):
    value, usage, capacity = book(11, 2_000)
    factor = 2.0**power
    plain = allocate(value, usage, capacity)
    money = allocate(value * factor, usage, capacity)
    units = allocate(value, usage * factor, capacity * factor)
    assert money.value == pytest.approx(plain.value * factor, rel=1e-5)
    assert units.value == pytest.approx(plain.value, rel=1e-5)
    assert money.prices == pytest.approx(plain.prices * factor, rel=1e-4)
    assert units.prices == pytest.approx(plain.prices / factor, rel=1e-4)


def test_without_a_limit_everybody_gets_the_best_arm_and_nothing_has_a_price():
    value, usage, _ = book(2, 3_000)
    for capacity in (np.full(3, INF), np.full(3, 1e9)):
        found = allocate(value, usage, capacity)
        assert (found.arm == best_arm(value, np.isfinite(value), np.arange(5))).all()
        assert (found.prices == 0).all()
        assert found.gap == 0
    assert (allocate(value, np.zeros((5, 0)), []).arm == found.arm).all()


def test_without_any_capacity_nobody_gets_an_arm_that_uses_it_and_its_price_keeps_everybody_out():
    value, usage, capacity = book(4, 2_000)
    capacity[1] = 0.0
    found = allocate(value, usage, capacity)
    assert (usage[found.arm, 1] == 0).all()
    chosen = priced(value, usage, found.prices).argmax(axis=1)
    assert (usage[chosen, 1] == 0).all()


def test_among_equals_the_lightest_arm_is_given():
    value, usage = np.full((4, 3), 2.0), np.zeros((3, 1))
    assert (allocate(value, usage, [5.0]).arm == 0).all()
    assert (allocate(value, usage, [5.0], rank=[2, 1, 0]).arm == 2).all()


def test_the_result_depends_neither_on_threads_nor_on_the_layout_of_the_values():
    value, usage, capacity = book(6, 300_000, K=4, R=2)
    one, two = (allocate(value, usage, capacity, threads=threads) for threads in (1, 2))
    turned = allocate(np.asfortranarray(value), usage, capacity)
    assert (one.arm == two.arm).all()
    assert (one.arm == turned.arm).all()
    assert (one.prices == two.prices).all()
    assert one.value == two.value
    assert one.gap < 1e-4


def test_the_callers_arrays_are_left_alone():
    value, usage, capacity = book(7, 500)
    before = value.copy(), usage.copy(), capacity.copy()
    for given_array in (value, usage, capacity):
        given_array.setflags(write=False)
    allocate(value, usage, capacity)
    for now, then in zip((value, usage, capacity), before, strict=True):
        assert (now == then).all()


def test_an_empty_book_gets_an_empty_allocation():
    found = allocate(np.empty((0, 2)), [[0.0], [1.0]], [3.0])
    assert found.arm.shape == (0,)
    assert (found.value, found.bound, found.gap, found.used.tolist()) == (0.0, 0.0, 0.0, [0.0])


def test_every_fault_is_told_at_once():
    value = np.array([[0.0, np.nan], [-INF, INF]])
    with pytest.raises(InvalidInput) as caught:
        allocate(value, [[1.0], [-1.0]], [-2.0], rank=[0])
    told = str(caught.value)
    assert len(caught.value.faults) == 6
    for word in ("1 missing", "1 infinite", "1 of -inf", "usage", "capacity", "rank"):
        assert word in told, word
    with pytest.raises(InvalidInput, match="first arm"):
        allocate([[0.0, 1.0]], [[0.5], [1.0]], [2.0])
    with pytest.raises(InvalidInput, match=r"shape \(n, K\)"):
        allocate([0.0, 1.0], [[0.0], [1.0]], [2.0])
    with pytest.raises(InvalidInput, match=r"shape \(R,\)"):
        allocate([[0.0, 1.0]], [[0.0], [1.0]], [2.0, 3.0])
