"""Nights with exploration: logged with exact propensities, replayed to the bit, within capacity, and fit to be learnt from."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.worlds import simulate
from lighttouch.policy.choice import lightness
from lighttouch.policy.exploration import arm_shares
from lighttouch.policy.house import house_choice, house_value
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.recommender import Recommender
from lighttouch.training.runs.run import train_book
from trained import QUICK

FIRST = PolicySettings.from_dict({"exploration": {"first_share": 0.5, "salt": "x"}})


@pytest.fixture(scope="module")
def first_night(small_world):
    with Book.from_arrow(small_world.tables | {"decisions": small_world.tables["decisions"].slice(0, 0)}) as book:
        yield Recommender.without_model(FIRST).night(book, small_world.end)


def log_of(night):
    rows = night.decisions.to_pandas()
    rows["propensities"] = [dict(one) for one in rows["propensities"]]
    return rows


def test_a_first_night_without_model_or_log_gives_the_house_policy_and_explores(first_night):
    recs, log = first_night.recommendations.to_pandas(), log_of(first_night)
    assert len(log) > 50
    assert log["model_version"].eq("house-policy").all()
    assert 0.3 < recs["explore"].mean() < 0.6
    usual = recs[recs["reasons"].map(lambda told: told[0] == "house_policy")]
    assert usual["arm"].eq("sms-every-3-days").all()
    assert recs["response"].isna().all()
    assert recs.loc[recs["channel"].notna(), "template"].notna().all()


def test_the_log_of_a_first_night_states_exact_propensities_over_the_lawful_arms(first_night):
    recs, log = first_night.recommendations.to_pandas(), log_of(first_night)
    for row, given in zip(log.to_dict("records"), recs.to_dict("records"), strict=True):
        odds = row["propensities"]
        assert sum(odds.values()) == pytest.approx(1.0)
        assert set(odds) == set(given["lawful_arms"])
        assert min(odds.values()) >= FIRST.exploration.floor - 1e-12
        assert given["propensity"] == odds[row["arm"]]
        assert row["explore"] == (given["reasons"][0] == "explored")


def test_observed_arms_of_many_nights_match_their_logged_propensities(small_world):
    """Other salts, the same night: over all borrowers, arms are given as often as the log says, by a chi-square on the sums."""
    names = default_arms().names
    given, expected, variance = np.zeros(10), np.zeros(10), np.zeros(10)
    tables = small_world.tables | {"decisions": small_world.tables["decisions"].slice(0, 0)}
    with Book.from_arrow(tables) as book:
        for salt in range(4):
            settings = PolicySettings.from_dict({"exploration": {"first_share": 0.8, "salt": f"s{salt}"}})
            log = log_of(Recommender.without_model(settings).night(book, small_world.end))
            odds = np.array([[one.get(name, 0.0) for name in names] for one in log["propensities"]])
            given += log["arm"].value_counts().reindex(names).fillna(0).to_numpy()
            expected += odds.sum(axis=0)
            variance += (odds * (1 - odds)).sum(axis=0)
    assert (np.abs(given - expected) < 4 * np.sqrt(variance) + 1e-9).all()


def test_a_night_with_a_model_explores_and_replays_to_the_bit(trained, small_world):
    with Book.from_arrow(small_world.tables) as book:
        first, again = (Recommender.load(trained.folder).night(book, small_world.end) for _ in range(2))
    assert first.recommendations.equals(again.recommendations)
    assert first.decisions.equals(again.decisions)
    rows = log_of(first)
    floor = PolicySettings().exploration.floor
    assert all(min(odds.values()) >= floor - 1e-12 for odds in rows["propensities"])
    assert all(sum(odds.values()) == pytest.approx(1.0) for odds in rows["propensities"])
    assert rows["explore"].any()
    assert not rows["explore"].all()


def test_a_borrower_draws_the_same_whoever_else_is_in_the_book(trained, small_world):
    kept = pd.Series(small_world.tables["borrowers"]["borrower_id"].to_pylist()).iloc[::2]
    half = dict(small_world.tables)
    half["borrowers"] = half["borrowers"].filter(np.isin(half["borrowers"]["borrower_id"].to_numpy(zero_copy_only=False), kept))
    half["loans"] = half["loans"].filter(np.isin(half["loans"]["borrower_id"].to_numpy(zero_copy_only=False), kept))
    with Book.from_arrow(small_world.tables) as book:
        whole = log_of(Recommender.load(trained.folder).night(book, small_world.end)).set_index("borrower_id")
    with Book.from_arrow(half) as book:
        part = log_of(Recommender.load(trained.folder).night(book, small_world.end)).set_index("borrower_id")
    both = part.index.intersection(whole.index)
    assert len(both) > 5
    assert part.loc[both, "arm"].equals(whole.loc[both, "arm"])
    assert part.loc[both, "propensities"].tolist() == whole.loc[both, "propensities"].tolist()


def test_a_halted_night_gives_no_contact_with_certainty(trained, small_world):
    halted = Recommender.load(trained.folder, PolicySettings(halted=True))
    with Book.from_arrow(small_world.tables) as book:
        recs = halted.night(book, small_world.end).recommendations.to_pandas()
    assert recs["arm"].eq("none").all()
    assert recs["propensity"].eq(1.0).all()
    assert not recs["explore"].any()


@pytest.mark.parametrize("model", [True, False])
def test_capacity_holds_and_its_price_is_on_the_card_of_the_run(trained, small_world, model):
    limit = {"capacity": {"channels": {"sms": 40}, "headroom": 0.0}, "exploration": {"floor": 0.002, "share": 0.0}}
    tables = small_world.tables | {"decisions": small_world.tables["decisions"].slice(0, 0)}
    settings = PolicySettings.from_dict(limit)
    deciding = Recommender.load(trained.folder, settings) if model else Recommender.without_model(settings)
    with Book.from_arrow(tables) as book:
        night = deciding.night(book, small_world.end)
        free = (Recommender.load(trained.folder) if model else Recommender.without_model()).night(book, small_world.end)
    weekly = {arm.name: arm.sms if arm.name != "sms-every-3-days" else 2.5 for arm in default_arms()}
    used = night.recommendations.to_pandas()["arm"].map(weekly).sum()
    assert used <= 40 < free.recommendations.to_pandas()["arm"].map(weekly).sum()
    assert night.facts["prices"]["sms"] > 0
    assert free.facts["prices"] == {}


@dataclass(frozen=True)
class FirstPolicy:
    """The first night's own probabilities, night after night."""

    settings: PolicySettings = FIRST
    name: str = "house-policy"
    seen: list[int] = field(default_factory=list)

    def propensities(self, situation):
        arms, lawful = situation.arms, situation.lawful
        value = house_value(arms, self.settings, situation.observed["overdue_amount"])
        choice = house_choice(lawful, value, arms, self.settings, lightness(arms, self.settings))
        self.seen.append(len(lawful))
        exploration = self.settings.exploration
        return arm_shares(choice.arm, np.zeros(lawful.shape), lawful, lawful, exploration, exploration.first_share)


def test_what_the_first_policy_logged_can_be_learnt_from_and_judged(tmp_path):
    world = simulate("randomised", borrowers=900, days=300, seed=3, policy=FirstPolicy())
    with Book.from_arrow(world.tables) as book:
        run = train_book(book, default_arms(), PolicySettings(), tmp_path / "model", QUICK)
        values = run.verdict.values.set_index("policy")
        assert values["supported"].all(), values["reason"].to_dict()
        night = Recommender.load(tmp_path / "model").night(book, world.end)
    assert night.decisions.num_rows
    assert run.bundle.response.support_by_arm(run.test.features).all(axis=1).mean() > 0.9
