"""Exploration: the probability that is logged is the one that was used, it replays, and it stays inside the law."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.exploration import Draws, arm_shares, draw, night_key, uniforms, with_holdout
from lighttouch.policy.holdout import draws, holdout_odds
from lighttouch.policy.sections import ExplorationSettings
from lighttouch.policy.settings import PolicySettings
from scipy.stats import chisquare, kstest
from small_book import arrow, small_tables

NIGHT = datetime(2026, 11, 20, 22, tzinfo=UTC)
SETTINGS = ExplorationSettings(share=0.2, temperature=2.0, floor=0.02)


def situation(n=6, K=5, seed=0):
    rng = np.random.default_rng(seed)
    lawful = rng.random((n, K)) < 0.7
    lawful[:, 0] = True
    rated = rng.random((n, K)) < 0.7
    value = rng.normal(100, 3, (n, K))
    given = np.where(lawful, rng.random((n, K)), -1.0).argmax(axis=1)
    return given, value, lawful, rated


def test_observed_frequencies_match_the_logged_propensities_on_a_hundred_thousand_draws():
    shares = arm_shares(*situation(), SETTINGS)
    people = [f"B{i:06d}" for i in range(100_000)]
    chance = uniforms(people, night_key(NIGHT), "salt")
    for row in shares:
        counts = np.bincount(draw(np.tile(row, (len(people), 1)), chance), minlength=len(row))
        assert counts[row == 0].sum() == 0
        assert chisquare(counts[row > 0], row[row > 0] * len(people)).pvalue > 1e-3


def test_observed_frequencies_match_over_salts_for_one_borrower_and_one_night():
    shares = arm_shares(*situation(n=1), SETTINGS)
    chance = np.array([uniforms(["B1"], night_key(NIGHT), f"salt {i}")[0] for i in range(20_000)])
    counts = np.bincount(draw(np.tile(shares, (len(chance), 1)), chance), minlength=shares.shape[1])
    held = shares[0] > 0
    assert chisquare(counts[held], shares[0][held] * len(chance)).pvalue > 1e-3


def test_draws_are_even_and_independent_across_borrowers_nights_salts_and_streams():
    people = [f"B{i}" for i in range(20_000)]
    tonight = uniforms(people, night_key(NIGHT), "s")
    others = [
        np.roll(tonight, 1),
        uniforms(people, night_key(NIGHT + timedelta(days=1)), "s"),
        uniforms(people, night_key(NIGHT), "t"),
        uniforms(people, night_key(NIGHT), "s", "holdout"),
    ]
    assert kstest(tonight, "uniform").pvalue > 1e-3
    for other in others:
        assert abs(np.corrcoef(tonight, other)[0, 1]) < 4 / np.sqrt(len(people))
        together = np.histogram2d(tonight, other, bins=4, range=[[0, 1], [0, 1]])[0]
        assert chisquare(together.reshape(-1)).pvalue > 1e-3


def test_a_draw_replays_in_any_order_and_any_batch():
    people = [f"B{i}" for i in range(500)]
    whole = dict(zip(people, uniforms(people, night_key(NIGHT), "s"), strict=True))
    shuffled = list(np.random.default_rng(0).permutation(people))
    assert dict(zip(shuffled, uniforms(shuffled, night_key(NIGHT), "s"), strict=True)) == whole
    assert uniforms(["B77"], night_key(NIGHT), "s").tolist() == [whole["B77"]]


def test_a_draw_is_the_digest_that_its_page_says_so_that_anybody_can_recompute_it():
    words = b"3:arm|1:s|32:2026-11-20T22:00:00.000000+00:00|"
    for person in ("B1", "乙"):
        digest = hashlib.blake2b(words + person.encode(), digest_size=8).digest()
        assert uniforms([person], night_key(NIGHT), "s")[0] == (struct.unpack(">Q", digest)[0] // 2**11) / 2**53


def test_the_instant_counts_and_not_the_zone_it_is_written_in():
    shanghai = NIGHT.astimezone(ZoneInfo("Asia/Shanghai"))
    assert night_key(shanghai) == night_key(NIGHT)


def test_different_occasions_never_spell_the_same_bytes():
    assert uniforms(["b"], "1|2", "x")[0] != uniforms(["b"], "2", "x|1")[0]


@pytest.mark.parametrize("seed", range(20))
def test_probabilities_sum_to_one_keep_the_floor_and_leave_the_unlawful_alone(seed):
    given, value, lawful, rated = situation(n=200, K=8, seed=seed)
    shares = arm_shares(given, value, lawful, rated, SETTINGS)
    assert shares.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert (shares[~lawful] == 0).all()
    assert (shares[lawful] >= SETTINGS.floor - 1e-12).all()
    assert lawful[np.arange(200), draw(shares, np.random.default_rng(seed).random(200))].all()


def test_the_parts_of_a_probability_are_floor_softmax_and_the_given_arm():
    value = [[10.0, 12.0, 10.0, 99.0]]
    lawful = np.array([[True, True, True, False]])
    rated = np.array([[True, True, False, True]])
    shares = arm_shares(np.array([0]), value, lawful, rated, SETTINGS)[0]
    soft = np.array([1.0, np.e, 0.0, 0.0]) / (1 + np.e)  # a difference of 2 at a temperature of 2
    chosen = np.array([1.0, 0.0, 0.0, 0.0])
    assert shares == pytest.approx(0.02 * lawful[0] + (1 - 0.06) * (0.8 * chosen + 0.2 * soft))


def test_an_arm_without_support_has_the_floor_and_no_more():
    given, value, lawful, rated = situation(n=300, K=8, seed=3)
    shares = arm_shares(given, value, lawful, rated, SETTINGS)
    thin = lawful & ~rated
    thin[np.arange(300), given] = False
    assert thin.any()
    assert shares[thin] == pytest.approx(SETTINGS.floor)


def test_without_exploration_the_given_arm_is_certain():
    given, value, lawful, rated = situation(n=50)
    shares = arm_shares(given, value, lawful, rated, ExplorationSettings(share=0, floor=0))
    assert (shares == np.eye(5)[given]).all()
    assert (draw(shares, np.random.default_rng(0).random(50)) == given).all()


def test_a_value_far_below_the_others_overflows_nothing():
    shares = arm_shares(np.array([1]), [[-1e9, 1e9]], np.ones((1, 2), bool), np.ones((1, 2), bool), SETTINGS)
    assert shares[0] == pytest.approx([0.02, 0.98])


def test_a_floor_too_high_for_the_number_of_arms_is_refused():
    with pytest.raises(InvalidInput, match=r"exploration\.floor: expected at most 0\.2 for 5 arms, found 0\.25"):
        arm_shares(*situation(), ExplorationSettings(floor=0.25))


def test_a_draw_beyond_a_sum_that_rounding_left_short_falls_on_the_last_arm_with_a_share():
    short = np.array([[0.5, 0.5 - 1e-9, 0.0]])
    assert draw(short, np.array([1 - 2.0**-53])).tolist() == [1]


HELD = PolicySettings.from_dict({"exploration": {"holdout": 0.3, "holdout_days": 91, "salt": "s", "floor": 0.1, "share": 0}})


def test_the_holdout_stays_for_its_epoch_and_is_drawn_anew_with_the_next():
    with Book.from_arrow(small_tables()) as book:
        people = [f"B{i}" for i in range(5000)]
        first, later, next_epoch = (
            draws(book, people, NIGHT + timedelta(days=days), HELD, "none").held_out for days in (0, 20, 100)
        )
    assert (first == later).all()
    assert abs(first.mean() - 0.3) < 0.03
    assert abs((first & next_epoch).mean() - 0.09) < 0.02


def test_odds_of_the_holdout_follow_bayes_rule_from_the_log_alone():
    def row(borrower, days, arm, alone, policy=None):
        return {
            "decision_id": f"{borrower}-{days}", "borrower_id": borrower, "as_of": NIGHT - timedelta(days=days),
            "commit_until": NIGHT, "arm": arm, "propensities": [("none", alone), ("sms-weekly", 1 - alone)], "explore": False,
            "policy_version": policy or HELD.version, "model_version": "m", "rules_version": "r",
        }  # fmt: skip

    log = [row("B0", 28, "none", 0.5), row("B0", 14, "none", 0.8), row("B1", 14, "sms-weekly", 0.5),
           row("B2", 14, "none", 0.5, "another"), row("B3", 200, "none", 0.5)]  # fmt: skip
    with Book.from_arrow(small_tables() | {"decisions": arrow("decisions", log)}) as book:
        odds = holdout_odds(book, ["B0", "B1", "B2", "B3"], NIGHT, HELD, "none")
    assert odds.tolist() == [pytest.approx(0.3 / 0.4), 0.0, pytest.approx(0.3), pytest.approx(0.3)]


def test_with_a_holdout_the_logged_propensity_is_still_that_of_the_decision_given_the_past():
    """Three decisions in a row: among those with the same past, each arm is given as often as its logged propensity says."""
    people = [f"B{i}" for i in range(60_000)]
    member = uniforms(people, "epoch", "s", "holdout") < 0.3
    own = np.array([[0.1, 0.6, 0.3]])
    odds, past = np.full(len(people), 0.3), np.zeros(len(people), dtype=int)
    for step in range(3):
        shares = with_holdout(np.tile(own, (len(people), 1)), odds)
        arm = np.where(member, 0, draw(np.tile(own, (len(people), 1)), uniforms(people, f"night {step}", "s")))
        for history in np.unique(past):
            rows = past == history
            expected = shares[rows][0]
            assert (shares[rows] == expected).all()
            if rows.sum() > 1000:
                counts = np.bincount(arm[rows], minlength=3)
                assert chisquare(counts, expected * rows.sum()).pvalue > 1e-3
        odds = np.where(arm == 0, odds / shares[:, 0], 0.0)
        past = past * 3 + arm


def test_a_night_without_a_holdout_needs_no_log():
    chance = Draws.of(["a", "b"], NIGHT, SETTINGS)
    assert chance.holdout_odds.tolist() == [0, 0]
    assert not chance.held_out.any()
