"""`policy_value` keeps its interface, agrees with arithmetic, and refuses what a log cannot carry."""

import re

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.training.evaluation import METHODS, policy_value, policy_values

ARMS = ["none", "sms", "call"]


def log(n=600, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    return {
        "arm": np.array(ARMS)[codes],
        "reward": rng.normal(codes, 1.0),
        "propensity": 1 / 3,
        "arms": ARMS,
        "outcome": np.tile([0.1, 0.9, 2.2], (n, 1)),
    }


def test_snips_of_a_constant_policy_is_the_arms_mean():
    data = log()
    for name in ARMS:
        found = policy_value(np.full(600, name), method="snips", **data)
        assert abs(found.estimate - data["reward"][data["arm"] == name].mean()) < 1e-12
        assert found.ess == pytest.approx((data["arm"] == name).sum())


def test_each_method_is_its_formula():
    data = log()
    policy = np.random.default_rng(1).dirichlet([1, 1, 1], 600)
    taken = np.array([ARMS.index(name) for name in data["arm"]])
    rows = np.arange(600)
    w, r, Q = policy[rows, taken] * 3, data["reward"], data["outcome"]
    direct = (policy * Q).sum(axis=1)
    expected = {
        "ips": (w * r).mean(),
        "snips": (w * r).sum() / w.sum(),
        "dm": direct.mean(),
        "dr": (direct + w * (r - Q[rows, taken])).mean(),
    }
    for method in METHODS:
        found = policy_value(policy, method=method, **data)
        assert found.estimate == pytest.approx(expected[method], abs=1e-12)
        assert found.low < found.estimate < found.high
        assert (found.ess, found.max_weight) == (pytest.approx(w.sum() ** 2 / (w @ w)), pytest.approx(w.max()))
        assert (found.n, found.method) == (600, method)


def test_several_policies_at_once_are_each_what_it_is_alone():
    data, none = log(), np.full(600, "none")
    policies = [np.full(600, "sms"), np.random.default_rng(1).dirichlet([1, 1, 1], 600)]
    for method in METHODS:
        together = policy_values(policies, versus=none, method=method, confidence=0.8, **data)
        assert together == [policy_value(one, versus=none, method=method, confidence=0.8, **data) for one in policies]
        assert together[0] != together[1]


def test_several_policies_are_told_apart_where_they_are_wrong():
    wrong = [np.full(600, "sms"), np.full(600, "letter"), np.ones((600, 3))]
    with pytest.raises(InvalidInput) as told:
        policy_values(wrong, confidence=2, **log())
    assert [fault.where for fault in told.value.faults] == ["confidence", "policies[1]", "policies[2]"]


def test_every_form_of_policy_propensity_and_arms_means_the_same():
    data = log()
    hard = np.full(600, "sms")
    soft = np.tile([0.0, 1.0, 0.0], (600, 1))
    catalogue = ArmCatalogue([Arm("none"), Arm("sms", sms=1), Arm("call", call=1)])
    forms = [1 / 3, np.full(600, 1 / 3), np.full((600, 3), 1 / 3), dict.fromkeys(ARMS, 1 / 3)]
    found = [
        policy_value(policy, **(data | {"propensity": form, "arms": arms}))
        for policy in (hard, soft, hard.tolist())
        for form in forms
        for arms in (ARMS, catalogue)
    ]
    assert len({(round(v.estimate, 12), round(v.se, 12), v.supported) for v in found}) == 1


def test_columns_of_a_table_go_by_the_arms_names():
    data, turned = log(), ["call", "none", "sms"]
    policy = pd.DataFrame(np.random.default_rng(1).dirichlet([1, 1, 1], 600), columns=ARMS)
    outcome, none = pd.DataFrame(data["outcome"], columns=ARMS), pd.DataFrame(np.tile([1.0, 0, 0], (600, 1)), columns=ARMS)
    odds = pd.DataFrame(np.full((600, 3), 1 / 3), columns=ARMS)
    expected = policy_value(policy.to_numpy(), versus=none.to_numpy(), **data)
    changed = data | {"outcome": outcome[turned], "propensity": odds[turned]}
    assert policy_value(policy[turned], versus=none[turned], **changed) == expected
    assert policy_value(policy.set_axis(range(3), axis=1), versus=none, **data) == expected
    with pytest.raises(InvalidInput) as caught:
        policy_value(
            policy.rename(columns={"sms": "fax"}), versus=none[["none", "sms"]], **data | {"outcome": outcome.add_prefix("E_")}
        )
    assert [fault.where for fault in caught.value.faults] == ["outcome", "versus", "policy"]
    assert "a column for each of none, sms, call, found the columns none, fax, call" in str(caught.value)
    with pytest.raises(InvalidInput, match=r"found the columns arm\. Pass the column itself: table\['arm'\]"):
        policy_value(pd.DataFrame({"arm": data["arm"]}), **data)
    with pytest.raises(InvalidInput, match="outcome: expected numbers, found values such as 'B1'"):
        policy_value(policy, **data | {"outcome": [["B1", 1.0, 1.0]] * 600})


def events_log(happened, price=0.0, n=3_000):
    """Return a log of two arms in which so many events came to each, and what its contact costs."""
    arm = np.resize(["none", "call"], n)
    reward = np.zeros(n)
    for name, count in happened.items():
        reward[np.flatnonzero(arm == name)[:count]] = 1.0
    return {
        "arm": arm,
        "reward": reward * 80 - price * (arm == "call"),
        "propensity": 0.5,
        "arms": ["none", "call"],
        "method": "snips",
    }


@pytest.mark.parametrize("price", [0.0, 5.0])
def test_next_to_no_event_carries_nothing_however_many_rows(price):
    none, call = ["none"] * 3_000, ["call"] * 3_000
    for count in (0, 2):
        found = policy_value(call, **events_log({"none": 300, "call": count}, price))
        assert not found.supported
        assert f"tell as much as {count} under the policy's arms (at least 3 are needed). Log more exploration" in found.reason
    for events in ({"none": 300, "call": 3}, {"none": 300, "call": 1_500 - 3}):
        assert policy_value(call, **events_log(events, price)).supported
    silent = policy_value(call, **events_log({"none": 1, "call": 1}, price))
    assert "Wait for more outcomes to mature" in silent.reason
    # A difference stands on what came where the policies differ: nobody paying unaided is no want of events.
    assert policy_value(call, versus=none, **events_log({"none": 0, "call": 300}, price)).supported
    apart = policy_value(call, versus=none, **events_log({"none": 1, "call": 1}, price))
    assert "tell as much as 2 where the policies differ" in apart.reason
    assert policy_value(call, versus=call, **events_log({"none": 0, "call": 0}, price)).supported


@pytest.mark.parametrize("odds", [0.03, 0.06, 0.09])
def test_three_events_are_three_for_every_weight_and_those_of_one_borrower_are_one(odds):
    arm = np.where(np.arange(10_000) < 10_000 * odds, "call", "none")
    reward = np.where(np.isin(np.arange(10_000), [0, 1, 2]) | ((arm == "none") & (np.arange(10_000) % 2 == 0)), 1.0, 0.0)
    log = {
        "arm": arm,
        "reward": reward,
        "propensity": {"call": odds, "none": 1 - odds},
        "arms": ["none", "call"],
        "method": "snips",
    }
    assert policy_value(["call"] * 10_000, **log).supported
    together = np.where(np.arange(10_000) < 3, 0, np.arange(10_000))
    assert "as much as 1 under" in policy_value(["call"] * 10_000, groups=together, **log).reason


def test_the_difference_to_oneself_is_nothing_and_to_another_is_paired():
    data = log()
    policy, other = np.full(600, "call"), np.where(np.arange(600) % 10 < 9, "call", "sms")
    for method in METHODS:
        same = policy_value(policy, versus=policy, method=method, **data)
        assert (same.estimate, same.se) == (0.0, 0.0)
        apart = policy_value(policy, versus=other, method=method, **data)
        single = [policy_value(side, method=method, **data) for side in (policy, other)]
        assert apart.estimate == pytest.approx(single[0].estimate - single[1].estimate, abs=1e-12)
        if method != "dm":
            assert apart.se < 0.7 * np.hypot(single[0].se, single[1].se)


def test_rows_repeated_within_clusters_do_not_count_as_new_evidence():
    data = log(300)
    tripled = {key: np.repeat(value, 3, axis=0) if isinstance(value, np.ndarray) else value for key, value in data.items()}
    policy = np.full(300, "sms")
    once = policy_value(policy, **data)
    naive = policy_value(np.repeat(policy, 3), **tripled)
    clustered = policy_value(np.repeat(policy, 3), groups=np.repeat(np.arange(300), 3), **tripled)
    assert clustered.se == pytest.approx(once.se, rel=1e-9)
    assert naive.se == pytest.approx(once.se / np.sqrt(3), rel=0.01)


def test_money_scales_the_estimate_and_its_error():
    data = log()
    small = policy_value(np.full(600, "sms"), **data)
    large = policy_value(np.full(600, "sms"), **(data | {"reward": data["reward"] * 100, "outcome": data["outcome"] * 100}))
    assert (large.estimate, large.se) == (pytest.approx(100 * small.estimate), pytest.approx(100 * small.se))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arm": np.where(np.arange(600) < 3, "none", "sms"), "propensity": np.where(np.arange(600) < 3, 0.001, 0.999)},
         "sample size is 3.0 of 600 rows (at least 50 are needed)"),
        ({"propensity": np.where(np.arange(600) == 5, 1e-5, 1 / 3), "arm": np.full(600, "none")}, "weight 1e+05 carries"),
        ({"propensity": np.full(600, 0.9)}, "mean weight is 0."),
        ({"arm": np.where(np.arange(600) % 2, "sms", "call"), "propensity": 0.5}, "100.0% of the policy's decisions"),
        ({"propensity": np.where(np.array(ARMS)[None] == log()["arm"][:, None], 1.0, 0.0)}, "'none' where the log never did"),
        ({"groups": np.arange(600) % 4}, "there are 4 clusters (at least 10 are needed)"),
    ],
)  # fmt: skip
def test_a_log_that_cannot_carry_the_policy_is_named_and_a_remedy_given(change, words):
    found = policy_value(np.full(600, "none"), **(log() | change))
    assert not found.supported
    assert words in found.reason
    # Odds that are not those of the draw ask for the right odds; anything else for another log or policy.
    right = "State the probabilities with which the arms were drawn."
    more = "Log more exploration of those arms, or choose a policy nearer to the logged one."
    assert found.reason.endswith(right if words.startswith("mean weight") else more)


def test_what_the_log_never_gave_is_said_once_and_a_small_share_is_not_told_as_none():
    data = log() | {"arm": np.where(np.arange(600) % 2, "sms", "call"), "propensity": 0.5}
    never = policy_value(np.full(600, "none"), **data).reason
    assert "standard errors from 1" not in never
    rarely = np.tile([1e-5, 1.0 - 1e-5, 0.0], (600, 1))
    assert "less than 0.1% of the policy's decisions give 'none'" in policy_value(rarely, **data).reason


def test_one_borrower_who_carries_most_of_the_rows_is_not_many():
    data = log(n=790)
    groups = np.r_[np.repeat(np.arange(39), 10), np.full(400, 39)]
    told = policy_value(np.full(790, "sms"), groups=groups, **data).reason
    assert re.search(r"40 clusters tell as much as \d\.\d of equal weight \(at least 10 are needed\)", told)
    even = policy_value(np.full(790, "sms"), groups=np.arange(790) % 40, **data)
    assert even.supported


@pytest.mark.parametrize("stated", [0.3333, 0.33, np.full((600, 3), 0.3333)])
def test_odds_that_a_log_has_rounded_fit_it(stated):
    even = np.full((600, 3), 1 / 3)
    assert policy_value(even, **(log() | {"propensity": stated})).supported
    halved = policy_value(even, **(log() | {"propensity": np.full(600, 1 / 6)}))
    assert "mean weight is 2.000, over 100 standard errors from 1: the propensities do not fit the log" in halved.reason
    assert halved.reason.endswith("State the probabilities with which the arms were drawn.")


def test_what_may_be_a_propensity_may_be_a_policy():
    rng = np.random.default_rng(0)
    rounded = rng.dirichlet(np.ones(3), 600).round(5)
    found = policy_value(rounded, **(log() | {"propensity": rounded, "outcome": np.ones((600, 3))}), method="dm")
    assert found.estimate == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(InvalidInput, match="1 rows that do not"):
        policy_value(np.vstack([rounded[1:], [[0.5, 0.5, 0.5]]]), **log())


def test_a_policy_that_the_log_carries_is_supported_without_a_reason():
    found = policy_value(np.full(600, "none"), **log())
    assert (found.supported, found.reason) == (True, "")


def test_the_difference_is_supported_only_if_both_policies_are():
    data = log() | {"arm": np.array(["none", "sms"])[np.arange(600) % 2], "propensity": 0.5}
    assert policy_value(np.full(600, "none"), **data).supported
    assert not policy_value(np.full(600, "none"), versus=np.full(600, "call"), **data).supported


def test_all_faults_come_at_once():
    with pytest.raises(InvalidInput) as caught:
        policy_value(np.full((600, 3), 0.5), confidence=95, **(log() | {"reward": [1.0], "outcome": None, "propensity": None}))
    for part in ("5 faults", "reward: expected 600", "outcome: expected E[reward", "propensity", "policy", "confidence"):
        assert part in str(caught.value)


def test_propensities_are_checked_beside_other_faults():
    with pytest.raises(InvalidInput) as caught:
        policy_value(np.full(600, "none"), **(log() | {"propensity": np.zeros(600), "reward": [1.0], "outcome": None}))
    assert [fault.where for fault in caught.value.faults] == ["propensity of the taken arm", "reward", "outcome"]
    with pytest.raises(InvalidInput) as caught:
        policy_value(np.full(600, "none"), **(log() | {"arm": np.full(600, "fax"), "propensity": np.zeros(600)}))
    assert [fault.where for fault in caught.value.faults] == ["arm", "propensity of the taken arm"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"policy": np.full(600, "fax")}, "policy: expected one of none, sms, call, found 'fax'"),
        ({"policy": np.ones((600, 2)) / 2}, r"probabilities of shape \(600, 3\), found shape \(600, 2\)"),
        ({"arm": np.full(600, "fax")}, "arm: expected one of"),
        ({"outcome": np.ones((600, 2))}, "outcome"),
        ({"outcome": np.full((600, 3), np.nan)}, "missing or infinite"),
        ({"reward": np.full(600, np.nan)}, "600 missing or infinite. Leave out rows whose outcome is not known yet"),
        ({"arms": ["none", "none", "call"]}, r"arms: expected names, each once, found \['none', 'none', 'call'\]"),
        ({"arms": []}, r"arms: expected names, each once, found \[\]"),
        ({"method": "magic"}, "one of dr, ips, snips, dm"),
        ({"propensity": np.zeros(600)}, "above 0 and at most 1"),
        ({"arm": [], "policy": [], "reward": [], "outcome": np.empty((0, 3))}, "at least one row"),
    ],
)
def test_bad_input_is_refused_with_its_reason(change, words):
    with pytest.raises(InvalidInput, match=words):
        policy_value(**({"policy": np.full(600, "none")} | log() | change))
