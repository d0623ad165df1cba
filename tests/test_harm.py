"""Harm: pooled over arms, told by borrower, weighted for who got what, with a bound; and what it says when events are few."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import DamagedFile
from lighttouch.training.harm import MINIMUM_EVENTS, HarmModel
from lighttouch.training.model.fit_effects import design_effect
from lighttouch.training.registry.bundle import ModelBundle
from scipy.special import expit

ARMS = ArmCatalogue([Arm("none"), Arm("sms", sms=1), Arm("sms-2", sms=2), Arm("sms-4", sms=4)])
BASE, SLOPE, TEMPER = -5.0, 0.5, 0.8


class Log:
    """Logged rows with the true harm of every arm: log odds are linear in intensity, and in a borrower's temper if told so."""

    def __init__(self, n, seed, temper=0.0, touchy=0.0, chances=None, arms=ARMS, base=BASE):
        rng = np.random.default_rng(seed)
        known = rng.uniform(-1.7, 1.7, size=(n, 2))
        hidden = np.where(rng.random(n) < 0.5, touchy, -touchy)
        self.X = pd.DataFrame(known, columns=["temper", "noise"])
        self.odds = np.full((n, len(arms)), 1 / len(arms)) if chances is None else chances(hidden)
        self.codes = (rng.random(n)[:, None] > np.cumsum(self.odds, axis=1)).sum(axis=1)
        self.truth = expit(base + SLOPE * arms.intensity + (temper * known[:, 0] + hidden)[:, None])
        self.harm = (rng.random(n) < self.truth[np.arange(n), self.codes]).astype(float)
        self.groups, self.arms = np.arange(n), arms

    def fit(self, odds=None):
        odds = self.odds if odds is None else odds
        return HarmModel.fit(self.X, self.harm, self.codes, odds, self.groups, self.arms, 1)

    @property
    def by_arm(self):
        return self.truth.mean(axis=0)


def lighter_for_the_touchy(hidden):
    light = np.where(hidden > 0, 0.4, 0.1)
    return np.column_stack([light, light, 0.5 - light, 0.5 - light])


@pytest.fixture(scope="module")
def personal():
    log = Log(40_000, seed=1, temper=TEMPER)
    return log, log.fit()


def test_every_arm_is_told_at_its_true_rate(personal):
    log, model = personal
    assert model.supported
    assert model.events == log.harm.sum() > 400
    predicted = model.predict_by_arm(log.X)
    assert predicted.shape == (40_000, 4)
    assert predicted.mean(axis=0) == pytest.approx(log.by_arm, rel=0.2)
    assert (np.diff(predicted.mean(axis=0)) > 0).all()


def test_borrowers_are_told_apart_as_far_as_their_covariates_tell_them(personal):
    log, model = personal
    predicted = model.predict_by_arm(log.X)
    for k in range(4):
        order = np.argsort(predicted[:, k])
        for part in np.array_split(order, 5):
            assert predicted[part, k].mean() == pytest.approx(log.truth[part, k].mean(), rel=0.35)
    touchy, calm = (log.X["temper"] > 1).to_numpy(), (log.X["temper"] < -1).to_numpy()
    assert predicted[touchy].mean() > 4 * predicted[calm].mean()


def test_rare_and_frequent_arms_are_both_reached_from_the_one_rate_of_all():
    arms, shares = ArmCatalogue([Arm("none"), Arm("sms", sms=1), Arm("call-daily", call=7)]), [0.5, 0.48, 0.02]
    log = Log(40_000, seed=3, chances=lambda hidden: np.tile(shares, (len(hidden), 1)), arms=arms)
    log.truth = np.broadcast_to([0.0, 0.001, 0.6], (40_000, 3))
    log.harm = (np.random.default_rng(4).random(40_000) < log.truth[np.arange(40_000), log.codes]).astype(float)
    predicted = log.fit().predict_by_arm(log.X).mean(axis=0)
    seen = [log.harm[log.codes == k].mean() for k in range(3)]
    assert predicted[0] < 0.0003
    assert predicted[1:] == pytest.approx(seen[1:], rel=0.2)


def test_arms_that_hardly_anyone_got_lean_on_their_neighbours():
    shares = [0.333, 0.333, 0.333, 0.001]
    found = []
    for seed in range(20, 26):
        log = Log(16_000, seed, chances=lambda hidden: np.tile(shares, (len(hidden), 1)))
        found.append(log.fit().predict_by_arm(log.X)[:, 3].mean() / log.by_arm[:3].mean())
    # The heaviest dose, on sixteen rows: most draws hold no event of it, and the curve of its channel still puts it on top.
    assert np.median(found) > 1.1


def test_who_was_given_the_heavy_arms_does_not_decide_what_heaviness_does():
    log = Log(60_000, seed=2, touchy=1.5, chances=lighter_for_the_touchy)
    plain = log.fit(odds=np.full((60_000, 4), 0.25)).predict_by_arm(log.X).mean(axis=0)
    predicted = log.fit().predict_by_arm(log.X).mean(axis=0)
    assert predicted == pytest.approx(log.by_arm, rel=0.25)
    assert predicted[3] / predicted[0] > 2 * plain[3] / plain[0]


def test_the_bound_holds_the_truth_of_borrower_and_arm_in_nineteen_of_twenty():
    held = []
    for seed in range(100, 116):
        log = Log(2_000, seed, temper=TEMPER, base=-4.0)
        model, some = log.fit(), slice(0, 300)
        upper, estimate = model.upper_by_arm(log.X[some]), model.predict_by_arm(log.X[some])
        assert (upper > estimate).all()
        held.append((log.truth[some] <= upper).mean(axis=0))
    # Borrowers of one draw share their fate: over 16 draws the mean of an arm is known to about 0.04.
    assert np.mean(held) == pytest.approx(0.95, abs=0.05)
    assert (np.mean(held, axis=0) > 0.83).all()


def test_a_row_told_twice_by_one_borrower_counts_once():
    log = Log(12_000, seed=8, temper=TEMPER)
    once = log.fit()
    twice = Log(12_000, seed=8, temper=TEMPER)
    twice.X = pd.concat([log.X, log.X], ignore_index=True)
    for name in ("harm", "codes", "odds", "groups"):
        setattr(twice, name, np.concatenate([getattr(log, name)] * 2))
    assert twice.fit().upper_by_arm(log.X) == pytest.approx(once.upper_by_arm(log.X), rel=0.02)
    twice.groups = np.arange(24_000)
    naive = twice.fit()
    told, fooled = (np.log(model.upper_by_arm(log.X) / model.predict_by_arm(log.X)).mean() for model in (once, naive))
    assert fooled == pytest.approx(told / np.sqrt(2), rel=0.2)


def test_rows_that_share_no_group_have_no_design_effect():
    rng = np.random.default_rng(0)
    scores, groups = rng.normal(size=(500, 3)), rng.permutation(500)
    assert design_effect(scores, groups) == 1.0
    assert design_effect(np.repeat(scores, 4, axis=0), np.repeat(groups, 4)) == pytest.approx(4.0)
    # Rows that undo one another would count for more than their number: never.
    assert design_effect(np.vstack([scores, -scores]), np.tile(groups, 2)) == 1.0


def test_with_few_events_every_arm_has_the_pooled_rate_and_a_bound_above_it():
    log = Log(1_000, seed=3, base=-3.5)
    log.harm[np.flatnonzero(log.harm)[MINIMUM_EVENTS - 1 :]] = 0.0
    model = log.fit()
    assert not model.supported
    assert model.events == log.harm.sum() == MINIMUM_EVENTS - 1
    predicted, upper = model.predict_by_arm(log.X[:3]), model.upper_by_arm(log.X[:3])
    assert predicted.shape == upper.shape == (3, 4)
    assert predicted == pytest.approx(19.5 / 1_001)
    # At the exact bound, 19 events or fewer happen in one of twenty.
    draws = np.random.default_rng(0).binomial(1_000, upper[0, 0], 40_000)
    assert (draws <= 19).mean() == pytest.approx(0.05, abs=0.005)


def test_without_any_event_harm_is_small_but_not_nothing():
    log = Log(2_000, seed=4)
    log.harm[:] = 0.0
    model = log.fit()
    predicted, upper = model.predict_by_arm(log.X[:1]), model.upper_by_arm(log.X[:1])
    assert (predicted > 0).all()
    assert (predicted < 0.001).all()
    # The rule of three.
    assert upper == pytest.approx(3 / 2_000, rel=0.01)


def test_where_everyone_got_the_same_arm_nothing_tells_arms_apart():
    log = Log(5_000, seed=5)
    assert log.harm.sum() > MINIMUM_EVENTS
    log.codes[:] = 2
    model = log.fit()
    assert not model.supported
    assert model.predict_by_arm(log.X[:1]) == pytest.approx(log.harm.mean(), rel=0.05)


def test_one_borrower_alone_has_the_same_bits_as_in_a_book(personal):
    log, model = personal
    for told in (model.predict_by_arm, model.upper_by_arm):
        book = told(log.X[:200])
        assert np.array_equal(np.vstack([told(log.X[i : i + 1]) for i in range(0, 200, 40)]), book[::40])


def test_a_saved_model_tells_the_same_harm_bit_for_bit_and_a_changed_byte_is_named(trained, personal, tmp_path):
    log, model = personal
    bundle = replace(trained.run.bundle, harm=model)
    saved = bundle.save(tmp_path / "model")
    loaded = ModelBundle.load(tmp_path / "model")
    assert loaded.version == saved.version
    assert np.array_equal(loaded.harm.predict_by_arm(log.X[:50]), model.predict_by_arm(log.X[:50]))
    assert np.array_equal(loaded.harm.upper_by_arm(log.X[:50]), model.upper_by_arm(log.X[:50]))
    path = tmp_path / "model" / "harm.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"harm\.npy"):
        ModelBundle.load(tmp_path / "model")


def test_a_pooled_rate_is_saved_without_an_array(trained, tmp_path):
    pooled = HarmModel(3, 1_000, 10)
    replace(trained.run.bundle, harm=pooled).save(tmp_path / "model")
    assert not (tmp_path / "model" / "harm.npy").exists()
    assert ModelBundle.load(tmp_path / "model").harm == pooled


def test_harm_of_a_world_is_predicted_near_its_truth(small_world, trained):
    run = trained.run
    place = {decision: at for at, decision in enumerate(small_world.truth.decision_id)}
    truth = small_world.truth.take([place[decision] for decision in run.test.rows["decision_id"]])
    known = ~truth.already_paid
    assert run.bundle.harm.supported == (run.bundle.harm.events >= MINIMUM_EVENTS)
    told, bound = (fn(run.test.features)[known] for fn in (run.bundle.harm.predict_by_arm, run.bundle.harm.upper_by_arm))
    true = truth.harm[known].mean(axis=0)
    assert (bound.mean(axis=0) > true).all()
    assert told.mean() == pytest.approx(true.mean(), rel=0.5)
