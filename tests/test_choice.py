"""The value of an arm, and the choice among arms."""

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.choice import Dose, best_arm, choose, lightness
from lighttouch.policy.dose import planned_counts
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.value import arm_burden, arm_value, contact_cost, dose_price, expected_loss

SETTINGS = PolicySettings()
ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
RANK = lightness(ARMS, SETTINGS)
YES = np.ones((1, 3), dtype=bool)


def chosen(value, loss, margin=1.0, lawful=YES, supported=YES, fallback=0, priced=None):
    dose = Dose([loss], [margin], None if priced is None else [priced])
    choice = choose([value], lawful=lawful, supported=supported, dose=dose, rank=RANK, fallback=fallback)
    return ARMS.names[choice.arm[0]], ARMS.names[choice.best[0]], choice.reasons[0]


def test_an_arm_is_worth_its_response_less_contacts_and_harm():
    value = arm_value([[0.5, 0.6, 0.7]], [200.0], [[0.0, 0.01, 0.02]], ARMS, SETTINGS)
    assert value.tolist() == [pytest.approx([100.0, 120 - 2 * 0.05 - 0.25, 140 - 2 * 2.0 - 0.5])]


def test_contacts_over_the_horizon_are_those_that_the_calendar_lays():
    counts = dict(zip(default_arms().names, planned_counts(default_arms(), 14).sum(axis=1), strict=True))
    assert counts["none"] == 0
    assert counts["sms-every-3-days"] == 5
    assert counts["call-twice-weekly"] == counts["sms-call-weekly"] == 4
    assert contact_cost(ARMS, SETTINGS).tolist() == [0.0, 0.1, 4.0]


def test_numbers_that_are_missing_are_refused_together():
    with pytest.raises(InvalidInput) as refused:
        arm_value([[0.5, np.nan, 0.7]], [np.inf], [[0.0, 0.1]], ARMS, SETTINGS)
    assert [fault.where for fault in refused.value.faults] == ["harm", "response", "recoverable"]


def test_an_arm_without_a_known_dose_has_no_cost():
    letters = ArmCatalogue.from_names(["none", "letter"], baseline="none")
    with pytest.raises(InvalidInput, match="arm 'letter': expected a known dose"):
        arm_value([[0.1, 0.2]], [100.0], [[0.0, 0.0]], letters, SETTINGS)


def test_the_best_arm_is_given_where_no_lighter_one_is_close():
    assert chosen([1.0, 5.0, 9.0], [9.0, 5.0, 0.0]) == ("call-weekly", "call-weekly", ("best_value",))


def test_the_lightest_arm_within_the_margin_is_given():
    assert chosen([8.7, 8.5, 9.0], [0.8, 0.9, 0.0]) == ("none", "call-weekly", ("minimum_dose",))
    assert chosen([8.7, 8.5, 9.0], [1.2, 0.9, 0.0]) == ("sms-weekly", "call-weekly", ("minimum_dose",))


def test_a_loss_that_is_not_known_is_not_within_the_margin():
    assert chosen([8.7, 8.5, 9.0], [np.nan, np.inf, 0.0])[0] == "call-weekly"


def test_contacts_that_do_not_bring_their_price_are_not_made_within_the_margin():
    # Whatever is not known of them, these gain 0.6 for a contact each.
    far = [9.0, 9.0, 0.0]
    assert chosen([8.4, 8.0, 9.0], far) == ("call-weekly", "call-weekly", ("best_value",))
    assert chosen([8.4, 8.0, 9.0], far, priced=[8.4, 7.0, 8.0]) == ("none", "call-weekly", ("minimum_dose",))
    assert chosen([8.4, 8.0, 9.0], far, priced=[8.4, 7.5, 8.5])[0] == "call-weekly"
    assert chosen([8.4, 8.0, 9.0], far, margin=0.5, priced=[8.4, 7.0, 8.0])[0] == "call-weekly"
    assert chosen([8.4, 8.7, 9.0], far, margin=0.5, priced=[8.4, 7.7, 7.0])[0] == "sms-weekly"


def test_the_price_of_contacts_brings_no_arm_that_is_lighter_by_margin_alone_back_up():
    assert chosen([8.7, 8.9, 9.0], [0.9, 0.9, 0.0], priced=[8.0, 8.4, 8.2])[0] == "none"


def test_the_price_of_contacts_brings_back_no_arm_that_law_or_support_takes():
    lawful, priced = np.array([[False, True, True]]), [8.4, 7.0, 8.0]
    assert chosen([8.4, 8.0, 9.0], [9.0, 9.0, 0.0], lawful=lawful, priced=priced)[0] == "call-weekly"
    assert chosen([8.4, 8.0, 9.0], [9.0, 9.0, 0.0], supported=lawful, priced=priced)[0] == "call-weekly"
    nothing = np.zeros((1, 3), dtype=bool)
    assert chosen([8.4, 8.0, 9.0], [0, 0, 0], supported=nothing, priced=priced)[2] == ("no_support", "fallback")


def test_the_price_is_a_share_of_what_is_recoverable_for_each_contact_a_week():
    arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-call-twice", sms=1, call=2)])
    price = dose_price(arms, [100.0, 500.0], PolicySettings(dose_price_share=0.02))
    assert price == pytest.approx(np.array([[0.0, 2.0, 6.0], [0.0, 10.0, 30.0]]))


def test_an_arm_that_is_not_lawful_is_never_given_however_good():
    lawful = np.array([[True, True, False]])
    assert chosen([1.0, 2.0, 1e9], [0.0, 0.0, 0.0], margin=0.0, lawful=lawful)[0] == "sms-weekly"


def test_an_arm_without_support_is_not_given_and_no_contact_is_not_assumed():
    supported = np.array([[False, True, True]])
    assert chosen([9.0, 2.0, 1.0], [0.0, 0.0, 1.0], supported=supported)[0] == "sms-weekly"


def test_where_nothing_is_left_the_fallback_is_given_with_the_reason():
    none = np.zeros((1, 3), dtype=bool)
    assert chosen([9.0, 2.0, 1.0], [0, 0, 0], supported=none, fallback=1)[::2] == ("sms-weekly", ("no_support", "fallback"))
    lawful = np.array([[True, False, True]])
    assert chosen([9.0, 2.0, 1.0], [0, 0, 0], lawful=lawful, supported=none, fallback=1)[::2] == (
        "none", ("no_support", "fallback_not_lawful"),
    )  # fmt: skip


def test_where_only_no_contact_is_lawful_the_reason_says_so():
    lawful = np.array([[True, False, False]])
    assert chosen([1.0, 2.0, 3.0], [0, 0, 0], lawful=lawful)[::2] == ("none", ("no_lawful_contact",))


def test_a_missing_value_of_an_allowed_arm_is_an_error():
    with pytest.raises(InvalidInput, match="1 missing"):
        best_arm([[1.0, np.nan, 2.0]], YES, RANK)
    assert best_arm([[1.0, np.nan, 2.0]], np.array([[True, False, True]]), RANK).tolist() == [2]


def test_among_equals_the_lighter_arm_is_best_and_the_cheaper_of_equal_intensity():
    assert RANK.tolist() == [0, 1, 2]
    assert best_arm([[5.0, 5.0, 5.0]], YES, RANK).tolist() == [0]
    assert best_arm([[4.0, 5.0, 5.0]], YES, RANK).tolist() == [1]


def test_a_sure_loss_is_the_contrast_in_money_and_what_the_arms_cost():
    contrast, sure, burden = [[-0.05, -0.01, 0.0]], np.zeros((1, 3)), arm_burden([[0.0, 0.0, 0.02]], ARMS, SETTINGS)
    loss = expected_loss(contrast, sure, [200.0], burden, np.array([2]))
    assert loss.tolist() == [pytest.approx([10 - 4.0 - 0.5, 0.0, 0.0])]  # the second saves more than it loses
    assert np.isinf(expected_loss([[np.nan, 0.0, 0.0]], sure, [200.0], burden, np.array([2]))[0, 0])


def test_an_unsure_loss_is_the_mean_of_what_may_be_lost():
    rng = np.random.default_rng(0)
    contrast, deviation = np.array([[-0.03, 0.02, 0.0]]), np.array([[0.02, 0.04, 0.0]])
    burden = arm_burden([[0.0, 0.01, 0.02]], ARMS, SETTINGS) + np.array([[0.0, 1.5, 0.5]])
    loss = expected_loss(contrast, deviation, [200.0], burden, np.array([2]))
    drawn = contrast + deviation * rng.normal(size=(400_000, 1))
    lost = np.maximum(-drawn * 200.0 + burden - burden[:, 2:], 0.0)
    assert loss[0] == pytest.approx(lost.mean(axis=0), abs=0.02)


def test_less_data_never_means_less_contact():
    deviation = np.linspace(0.0, 0.2, 50)[:, None] * np.array([1.0, 1.0, 0.0])
    contrast = np.tile([-0.01, 0.004, 0.0], (50, 1))
    loss = expected_loss(contrast, deviation, np.full(50, 200.0), np.zeros((50, 3)), np.full(50, 2))
    assert (np.diff(loss[:, :2], axis=0) >= 0).all()
    assert loss[-1, 0] > loss[0, 0] + 5


def test_a_real_effect_of_two_points_is_kept_by_the_margin_and_lost_by_overlapping_intervals():
    """The same 400 experiments, two rules: the joint contrast keeps the effect, single intervals give it away."""
    rng = np.random.default_rng(0)
    runs, shared, own, effect, base = 400, 0.03, 0.004, 0.02, 0.30
    common = rng.normal(0, shared, runs)  # what both arms' estimates have in common cancels in their difference
    p = base + common[:, None] + np.array([0.0, effect]) + rng.normal(0, own / np.sqrt(2), (runs, 2))
    z = 1.645
    arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)])
    recoverable, harm = np.full(runs, 1000.0), np.zeros((runs, 2))
    value = arm_value(p, recoverable, harm, arms, SETTINGS)
    rank, everyone = lightness(arms, SETTINGS), np.ones((runs, 2), dtype=bool)
    best = best_arm(value, everyone, rank)
    rows = np.arange(runs)
    deviation = own * (np.arange(2) != best[:, None])
    loss = expected_loss(p - p[rows, best][:, None], deviation, recoverable, arm_burden(harm, arms, SETTINGS), best)
    choice = choose(value, lawful=everyone, supported=everyone, dose=Dose(loss, 0.01 * recoverable), rank=rank)
    kept = (choice.arm == 1).mean()
    width = z * np.hypot(shared, own)
    overlapping = (p[:, 0] + width >= p[:, 1] - width).mean()
    assert kept > 0.9
    assert overlapping == 1.0
