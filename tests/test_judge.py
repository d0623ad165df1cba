"""Choosing and judging: the arm that the design's precedence gives, and values that agree with the world's truth."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.value import arm_value, contact_cost
from lighttouch.training.deciding.decide import Circumstances, decide
from lighttouch.training.evaluation import policy_value
from lighttouch.training.evaluation.logged import rewards
from lighttouch.training.judging.judge import LEARNT, LOGGED, best_constant_arm, judge
from lighttouch.training.runs.run import fit_bundle, fixed_rules, judge_again, train_book
from scipy.stats import norm
from trained import QUICK

ARMS = default_arms()
Z95 = 1.96
# Of a normal law, as many as an expectation needs.
QUANTILES = norm.ppf((np.arange(4_000) + 0.5) / 4_000)


@pytest.fixture(scope="module")
def verdict(trained):
    return trained.run.verdict


@pytest.fixture(scope="module")
def true_odds(trained):
    """True response and harm of the judged decisions, of shape (n, K) each."""
    truth = trained.world.truth
    own = pd.Index(truth.decision_id).get_indexer(pd.Index(trained.run.test.rows["decision_id"]))
    return truth.response[own], truth.harm[own]


def test_the_logged_policy_is_worth_what_it_brought(trained, verdict):
    happened = rewards(trained.run.test, trained.settings)
    row = verdict.values.set_index("policy").loc[LOGGED]
    for unit, reward in (("value", happened.value), ("repaid", happened.repaid)):
        se = (row[f"{unit}_high"] - row[f"{unit}_low"]) / (2 * Z95)
        assert abs(row[unit] - reward.mean()) < 2 * se, unit
    test = trained.run.test
    shared = {"arm": test.rows["arm"], "propensity": test.propensity, "arms": ARMS}
    snips = policy_value(test.propensity, reward=happened.value, method="snips", **shared)
    assert snips.estimate == pytest.approx(happened.value.mean(), rel=1e-9)


def test_values_of_all_policies_agree_with_the_truth_of_the_world(trained, verdict, true_odds):
    response, harm = true_odds
    recoverable = trained.run.test.rows["recoverable"].to_numpy()
    worth = {"value": arm_value(response, recoverable, harm, ARMS, trained.settings), "repaid": response}
    assert len(verdict.values) == 5
    for row in verdict.values.to_dict("records"):
        for unit, by_arm in worth.items():
            truth = (verdict.policies[row["policy"]] * by_arm).sum(axis=1).mean()
            se = (row[f"{unit}_high"] - row[f"{unit}_low"]) / (2 * Z95)
            assert abs(row[unit] - truth) < 3.5 * se, (row["policy"], unit)


def test_a_gain_is_the_difference_of_two_values_with_an_interval_of_its_own(verdict):
    values, gains = verdict.values.set_index("policy"), verdict.gains.set_index("over")
    assert set(gains.index) == set(values.index) - {LEARNT}
    for name, row in gains.iterrows():
        for unit in ("value", "repaid"):
            assert row[unit] == pytest.approx(values.loc[LEARNT, unit] - values.loc[name, unit])
            assert row[f"{unit}_low"] < row[unit] < row[f"{unit}_high"]


def test_values_lean_on_what_the_model_expects_of_the_judged_decisions(trained, verdict):
    test, bundle = trained.run.test, trained.run.bundle
    response = bundle.response.predict_by_arm(test.features)
    money = test.rows["recoverable"].to_numpy()
    expected = {
        "value": arm_value(response, money, bundle.harm_by_arm(test.features), ARMS, trained.settings),
        "repaid": response,
    }
    happened = rewards(test, trained.settings)
    row = verdict.values.set_index("policy").loc["everyone: none"]
    for unit, outcome in expected.items():
        found = policy_value(
            np.full(len(test), "none"), arm=test.rows["arm"], reward=getattr(happened, unit), propensity=test.propensity,
            arms=ARMS, outcome=outcome, groups=test.rows["borrower_id"], method="dr",
        )  # fmt: skip
        assert (row[unit], row[f"{unit}_low"]) == (pytest.approx(found.estimate), pytest.approx(found.low))


def test_a_policy_against_itself_gains_nothing(trained):
    run = trained.run
    chosen = run.verdict.decided.arm
    names = np.array(ARMS.names)[chosen]
    happened = rewards(run.test, trained.settings)
    none = policy_value(
        names, arm=run.test.rows["arm"], reward=happened.value, propensity=run.test.propensity, arms=ARMS,
        outcome=run.verdict.decided.value, versus=np.eye(10)[chosen],
    )  # fmt: skip
    assert (none.estimate, none.low, none.high) == (0.0, 0.0, 0.0)


def test_a_fixed_arm_is_projected_onto_what_was_lawful_and_the_projection_is_reported(trained):
    test = trained.run.test
    odds = test.propensity.copy()
    sms = ARMS.index("sms-every-3-days")
    free = (test.rows["arm"] != "sms-every-3-days").to_numpy() & (np.arange(len(test)) % 3 == 0)
    odds[free, sms] = 0.0
    unlawful = replace(test, propensity=odds / odds.sum(axis=1, keepdims=True), lawful=odds > 0)
    free = ~unlawful.lawful[:, sms]
    assert free.mean() > 0.2
    found = judge(trained.run.bundle, unlawful, fixed_rules(ARMS, "sms-every-3-days"), trained.settings)
    projected = found.values.set_index("policy")["projected"]
    given = found.policies["fixed: sms-every-3-days"]
    assert projected["fixed: sms-every-3-days"] == pytest.approx(free.mean())
    assert projected[[LEARNT, LOGGED, "everyone: none"]].tolist() == [0.0, 0.0, 0.0]
    assert (given[free, ARMS.index(ARMS.fallback)] == 1).all()
    assert (given[~free, sms] == 1).all()
    assert given.sum() == len(test)
    assert not found.policies[LEARNT][~unlawful.lawful].any()


def test_contacts_per_week_are_those_of_the_arms_given(verdict, trained):
    row = verdict.values.set_index("policy")["contacts_per_week"]
    assert row["everyone: none"] == 0.0
    lawful = trained.run.test.lawful[:, ARMS.index("sms-every-3-days")]
    assert row["fixed: sms-every-3-days"] == pytest.approx(7 / 3 * lawful.mean())
    assert row[LOGGED] == pytest.approx((trained.run.test.propensity * ARMS.intensity).sum(axis=1).mean())


def test_the_best_constant_arm_is_found_where_one_arm_is_best_by_far(trained):
    fit = trained.run.fit
    rows = fit.rows.copy()
    rng = np.random.default_rng(0)
    better = (rows["arm"] == "email-weekly").to_numpy()
    rows["repaid"] = (rng.random(len(rows)) < np.where(better, 0.9, 0.2)).astype(float)
    rows["harm"] = 0.0
    changed = replace(fit, rows=rows)
    bundle = fit_bundle(changed, trained.settings, QUICK)
    assert best_constant_arm(bundle, changed, trained.settings) == "email-weekly"
    decided = decide(bundle, fit.features, fit.lawful, rows["recoverable"].to_numpy(), trained.settings)
    assert (decided.arm == ARMS.index("email-weekly")).mean() > 0.95


@pytest.mark.parametrize(("share", "price", "least"), [(0.01, 0.01, 0), (0.05, 0.0, 1), (0.03, 0.02, 1)])
def test_the_arm_chosen_is_the_lightest_that_loses_little_or_is_best_at_the_price_of_contact(trained, share, price, least):
    test, response = trained.run.test, trained.run.bundle.response
    settings = trained.settings.model_copy(update={"dose_margin_share": share, "dose_price_share": price})
    recoverable = test.rows["recoverable"].to_numpy()
    decided = decide(trained.run.bundle, test.features, test.lawful, recoverable, settings)
    burden = contact_cost(ARMS, settings) + trained.run.bundle.harm_by_arm(test.features) * settings.harm_price
    weight = sorted(range(10), key=lambda k: (ARMS.intensity[k], contact_cost(ARMS, settings)[k], k))
    lighter = 0
    for i in np.linspace(0, len(test) - 1, 40).astype(int):
        one = test.features.iloc[[i]]
        p, supported = response.predict_by_arm(one)[0], response.support_by_arm(one)[0]
        cost = burden[i]
        value = p * recoverable[i] - cost
        allowed = [k for k in range(10) if test.lawful[i, k] and supported[k]]
        worth = value.copy()
        if (best_for_all := ARMS.index(trained.run.best_constant)) in allowed:
            gap, doubtful, _ = response.contrast_by_arm(one, trained.run.best_constant, 0.2)
            worth -= (gap - doubtful)[0] * recoverable[i]
            assert worth[best_for_all] == value[best_for_all]
        best = max(allowed, key=lambda k: worth[k])
        gap, low, _ = (part[0] for part in response.contrast_by_arm(one, ARMS.names[best], 0.9))
        # Of the loss, as uncertain as it is, what lies above 0 counts.
        loss = {
            k: np.maximum(-(gap[k] + (gap[k] - low[k]) / norm.ppf(0.95) * QUANTILES) * recoverable[i] + cost[k] - cost[best], 0)
            for k in allowed
        }
        margin = share * recoverable[i]
        near = [k for k in allowed if worth[k] >= worth[best] - margin]
        thrifty = max(near, key=lambda k: worth[k] - price * recoverable[i] * ARMS.intensity[k])
        little = {k for k in allowed if loss[k].mean() < margin} | {thrifty, best}
        expected = next(k for k in weight if k in little)
        assert (decided.best[i], decided.arm[i]) == (best, expected)
        assert decided.value[i] == pytest.approx(value)
        lighter += expected != best
    assert lighter >= least


def test_a_larger_margin_never_means_more_contact(trained):
    test = trained.run.test
    recoverable = test.rows["recoverable"].to_numpy()
    light = [
        ARMS.intensity[
            decide(
                trained.run.bundle, test.features, test.lawful, recoverable, PolicySettings(dose_margin_share=share)
            ).arm
        ]
        for share in (0.0, 0.05, 1.0)
    ]  # fmt: skip
    assert (light[0] >= light[1]).all()
    assert (light[1] >= light[2]).all()
    assert light[0].mean() > light[2].mean()


def test_where_nothing_is_owed_nobody_is_contacted(trained):
    test = trained.run.test
    decided = decide(trained.run.bundle, test.features, test.lawful, np.zeros(len(test)), trained.settings)
    assert (decided.arm == 0).all()


def test_a_saved_model_is_judged_again_on_what_it_has_not_seen(trained):
    with Book.from_arrow(trained.world.tables) as book:
        again = judge_again(book, trained.run.bundle, trained.settings).verdict
    pd.testing.assert_frame_equal(again.values, trained.run.verdict.values)
    pd.testing.assert_frame_equal(again.gains, trained.run.verdict.gains)


def test_months_of_decisions_are_not_priced_as_one_night(trained):
    test = trained.run.test
    free = judge(trained.run.bundle, test, {}, PolicySettings())
    wanted = Counter()
    for k in free.decided.arm.tolist():
        wanted.update({str(channel): dose for channel, dose in list(test.arms)[k].doses.items()})
    (channel, most), *_ = wanted.most_common(1)
    # A week has room for a quarter of what months of nights want: in one night that closes the channel to most.
    short = PolicySettings.from_dict({"capacity": {"channels": {channel: most / 4}}})
    around = Circumstances(test.history())
    one_night = decide(trained.run.bundle, test.features, test.lawful, test.rows["overdue"].to_numpy(), short, around)
    assert (one_night.arm != free.decided.arm).any()
    held = judge(trained.run.bundle, test, {}, short)
    assert (held.decided.arm == free.decided.arm).all()
    assert free.notices == ()
    assert held.notices == (f"judged as if nothing were short: what {channel} cost is known by night only",)


def test_a_model_that_has_seen_everything_is_not_judged_on_it(trained):
    seen = trained.run.bundle.with_facts(
        {**trained.run.bundle.facts, "last_as_of": trained.run.test.rows["as_of"].max().isoformat()}
    )
    with Book.from_arrow(trained.world.tables) as book, pytest.raises(InvalidInput, match="which the model has not seen"):
        judge_again(book, seen, trained.settings)


def test_the_house_rule_is_a_rival_only_where_it_is_an_arm():
    assert list(fixed_rules(ARMS, "sms-weekly")) == [
        "fixed: sms-every-3-days", "everyone: none", "best constant arm: sms-weekly",
    ]  # fmt: skip
    few = type(ARMS)([arm for arm in ARMS if arm.name in {"none", "sms-weekly"}])
    assert list(fixed_rules(few, "none")) == ["everyone: none", "best constant arm: none"]


def test_a_run_says_what_it_learnt_from(trained):
    facts, run = trained.run.bundle.facts, trained.run
    assert (facts["rows"], facts["borrowers"]) == (str(len(run.fit)), str(run.fit.rows["borrower_id"].nunique()))
    assert facts["last_as_of"] == run.fit.rows["as_of"].max().isoformat()
    assert facts["best_constant"] == run.best_constant
    assert facts["settings_version"] == trained.settings.version
    assert run.fit.rows["as_of"].max() + pd.Timedelta(days=14) < run.test.rows["as_of"].min()


def test_the_same_book_and_seed_give_the_same_model(trained, tmp_path):
    with Book.from_arrow(trained.world.tables) as book:
        again = train_book(book, ARMS, trained.settings, tmp_path / "again", QUICK)
    assert again.bundle.version == trained.run.bundle.version
