"""Does the stated truth hold? Replays, event tables and the logged propensities each have their say."""

import numpy as np
import pytest
from lighttouch.data.world import truth as world_truth
from lighttouch.data.world.hazards import day_odds
from lighttouch.data.worlds import replay, simulate
from world_cases import NAMES, ORDINARY, draw, logged
from world_ledger_oracle import Oracle

REPEATS = 200


@pytest.fixture(scope="module", params=NAMES)
def world(request):
    return draw(request.param)


@pytest.fixture(params=ORDINARY)
def ordinary(request):
    return draw(request.param)


@pytest.fixture(scope="module")
def replays(world):
    """Rows of some decisions, and how often each was repaid and harmed under every arm, of shape (m, K)."""
    return live_again(world)


def live_again(world):
    rng = np.random.default_rng(5)
    nights, count = np.unique(world.snapshot.day, return_counts=True)
    chosen = rng.choice(nights[count >= 12], 5, replace=False)
    # The last nights are in: their horizon ends after the tables do, and the truth must hold all the same.
    chosen = np.append(chosen, nights[-1])
    rows = np.flatnonzero(np.isin(world.snapshot.day, chosen) & ~world.truth.already_paid)
    outcomes = [replay(world, rows, arm, REPEATS, rng) for arm in world.truth.arms.names]
    return rows, np.column_stack([o[0] for o in outcomes]), np.column_stack([o[1] for o in outcomes])


def scores(frequency, stated, n=REPEATS):
    return (frequency - stated) / np.sqrt(stated * (1 - stated) / n)


def chi_square_z(z):
    """How many standard errors the mean square of standard scores lies above 1."""
    return ((z**2).mean() - 1) / np.sqrt(2 / z.size)


def pooled_z(frequency, stated, n=REPEATS):
    return (frequency - stated).sum() / np.sqrt(np.maximum((stated * (1 - stated)).sum() / n, 1e-12))


def test_replayed_repayment_is_what_the_truth_states_for_every_arm_and_decision(world, replays):
    rows, repaid, _ = replays
    z = scores(repaid, world.truth.response[rows])
    assert z.size > 600
    assert abs(chi_square_z(z)) < 4
    assert abs(np.abs(z).mean() - np.sqrt(2 / np.pi)) < 4 * np.sqrt((1 - 2 / np.pi) / z.size)
    assert abs(z.mean()) * np.sqrt(z.size) < 4
    for k in range(len(world.truth.arms)):
        assert abs(pooled_z(repaid[:, k], world.truth.response[rows, k])) < 4, world.truth.arms.names[k]


def test_replayed_harm_is_what_the_truth_states_for_every_arm(world, replays):
    rows, _, harmed = replays
    stated = world.truth.harm[rows]
    assert (harmed[:, 0] == 0).all()
    assert (stated[:, 0] == 0).all()
    for k in range(1, len(world.truth.arms)):
        assert abs(pooled_z(harmed[:, k], stated[:, k])) < 4, world.truth.arms.names[k]
    # By fifths of the stated harm: the people differ as stated, not only the arms.
    order = np.argsort(stated[:, 1:], axis=None)
    for part in np.array_split(order, 5):
        assert abs(pooled_z(harmed[:, 1:].ravel()[part], stated[:, 1:].ravel()[part])) < 4


def test_a_truth_that_is_off_by_a_tenth_is_found_out(ordinary, monkeypatch):
    rows, repaid, harmed = live_again(ordinary)

    def off(*args):
        odds = day_odds(*args)
        return type(odds)(odds.harm * 2, odds.leave, odds.promise, odds.pay_calm * 1.1, odds.pay_nudged * 1.1)

    monkeypatch.setattr(world_truth, "day_odds", off)
    response, harm = world_truth.true_odds(ordinary.setting, ordinary.snapshot.take(rows))
    assert abs(scores(repaid, response).mean()) * np.sqrt(repaid.size) > 8
    assert chi_square_z(scores(repaid, response)) > 8
    assert pooled_z(harmed[:, 1:], harm[:, 1:]) < -8


def test_outcomes_read_from_the_event_tables_agree_with_the_truth_of_the_arm_given(world):
    oracle, truth = Oracle(logged(world.name).tables), world.truth
    owed, repaid = oracle.outcomes()
    known = oracle.mature() & ~truth.already_paid
    assert np.array_equal(owed[known], np.round(truth.recoverable[known] * 100).astype(np.int64))
    for outcome, stated in ((repaid, truth.response), (oracle.harmed(), truth.harm)):
        given = stated[np.arange(len(truth)), truth.taken]
        for k in range(len(truth.arms)):
            at = known & (truth.taken == k)
            assert abs(pooled_z(outcome[at], given[at], 1)) < 4, truth.arms.names[k]
        for part in np.array_split(np.flatnonzero(known)[np.argsort(given[known])], 10):
            assert abs(pooled_z(outcome[part], given[part], 1)) < 4


def test_arms_are_drawn_with_the_propensities_that_are_logged(world):
    truth = world.truth
    drawn = np.eye(len(truth.arms))[truth.taken]
    assert np.allclose(truth.propensity.sum(axis=1), 1)
    assert (truth.propensity[~truth.lawful] == 0).all()
    if world.name != "no-overlap":
        assert (truth.propensity[truth.lawful] > 0).all()
    assert truth.lawful[np.arange(len(truth)), truth.taken].all()
    for k in range(len(truth.arms)):
        order = np.argsort(truth.propensity[:, k])
        for part in np.array_split(order, 4):
            assert abs(pooled_z(drawn[part, k], truth.propensity[part, k], 1)) < 4
    written = logged(world.name).tables["decisions"]["propensities"].to_pylist()
    for i in range(0, len(truth), 97):
        expected = [(a, p) for a, p, ok in zip(truth.arms.names, truth.propensity[i], truth.lawful[i], strict=True) if ok]
        assert written[i] == expected


def test_contact_harms_some_and_helps_others_and_heavier_is_not_always_better(ordinary):
    truth = ordinary.truth.take(~ordinary.truth.already_paid)
    none = truth.response[:, 0]
    uplift = truth.response - none[:, None]
    assert 0.35 < none.mean() < 0.50
    best = uplift.max(axis=1)
    assert (best > 0.05).mean() > 0.25
    assert (uplift[:, truth.arms.index("call-twice-weekly")] < -0.01).mean() > 0.1
    assert (uplift.argmax(axis=1) != uplift.mean(axis=0).argmax()).mean() > 0.4
    oracle, constant = truth.value(truth.oracle()), truth.value(truth.constant(truth.best_constant()))
    assert oracle - constant > 0.02


def test_where_hard_cases_get_more_contact_averages_lie_in_sign_and_weights_tell_the_truth():
    world = simulate("confounded", borrowers=3_000, days=400, seed=3)
    oracle, truth = Oracle(world.tables), world.truth
    _, repaid = oracle.outcomes()
    known = oracle.mature() & ~truth.already_paid
    truth, y = truth.take(known), repaid[known].astype(float)
    assert 0.01 < truth.propensity[truth.propensity > 0].min() < 0.02
    taken = truth.propensity[np.arange(len(truth)), truth.taken]
    for arm in ("sms-every-3-days", "sms-call-weekly", "call-twice-weekly"):
        k = truth.arms.index(arm)
        naive = y[truth.taken == k].mean() - y[truth.taken == 0].mean()
        real = truth.response[:, k].mean() - truth.response[:, 0].mean()
        weight = ((truth.taken == k).astype(float) - (truth.taken == 0)) / taken
        se = np.sqrt((weight**2 * y).sum()) / len(y)
        assert naive < -0.08
        assert real > 0.01
        assert abs((weight * y).mean() - real) < 4 * se
        assert abs(naive - real) > 0.1


def test_the_value_of_a_policy_is_the_mean_over_its_arms(ordinary):
    truth = ordinary.truth
    uniform = np.full(truth.response.shape, 1 / len(truth.arms))
    known = ~truth.already_paid
    assert truth.value(uniform) == pytest.approx(truth.response[known].mean())
    arms = truth.constant("call-weekly")
    one_hot = np.eye(len(truth.arms))[truth.arms.encode(arms)]
    assert truth.value(arms) == pytest.approx(truth.value(one_hot))
    assert truth.value(truth.oracle()) >= max(truth.value(truth.constant(arm)) for arm in truth.arms.names)
    money = truth.response * truth.recoverable[:, None] - 5.0 * truth.arms.intensity
    assert truth.value(truth.oracle(money), money) > truth.value(truth.oracle(), money)
    lawful = truth.lawful[np.arange(len(truth)), truth.arms.encode(truth.oracle())]
    assert lawful.all()
