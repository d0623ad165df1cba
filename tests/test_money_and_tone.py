"""What a sum is in account currency; how people in arrears are spoken to, and what they are offered."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.policy.money import account_rates
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.tone import NEEDED, offer, template, tone

CURRENCIES = pd.Series(["CNY", "USD", None, "CNY"])


def test_sums_are_turned_into_account_currency_by_the_stated_rates():
    rates = account_rates(CURRENCIES, PolicySettings(exchange_rates={"CNY": 1.0, "USD": 7.1, "EUR": 8.0}))
    assert rates.tolist() == [1.0, 7.1, 1.0, 1.0]


def test_a_book_of_one_currency_needs_no_rates():
    assert account_rates(pd.Series(["NGN", None, "NGN"]), PolicySettings()).tolist() == [1.0, 1.0, 1.0]
    assert account_rates(pd.Series([None, None], dtype=object), PolicySettings()).tolist() == [1.0, 1.0]
    assert account_rates(pd.Series([], dtype=object), PolicySettings()).tolist() == []


def test_several_currencies_without_rates_are_refused_each_by_name():
    with pytest.raises(InvalidInput, match=r"(?s)2 faults.*currency CNY: expected an exchange rate.*currency USD") as error:
        account_rates(CURRENCIES, PolicySettings())
    assert "Set `exchange_rates: {XXX: account currency per unit}`" in str(error.value)


def test_one_currency_without_its_rate_is_refused_where_others_have_one():
    with pytest.raises(InvalidInput, match="currency USD: expected an exchange rate, found none"):
        account_rates(CURRENCIES, PolicySettings(exchange_rates={"CNY": 1.0}))
    with pytest.raises(InvalidInput, match="currency GBP"):
        account_rates(pd.Series(["GBP"]), PolicySettings(exchange_rates={"CNY": 1.0}))


def person(**changes):
    usual = {
        "days_past_due": 20.0, "on_time_share": 0.5, "promise_broken_count_365d": 1.0, "partial_payment_share_365d": 0.0,
        "overdue_instalment_count": 1.0,
    }  # fmt: skip
    return pd.DataFrame([{**usual, **changes}])


def test_what_tone_and_offer_look_at_are_features():
    assert set(NEEDED) == set(person().columns) <= set(FEATURE_NAMES)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "neutral"),
        ({"days_past_due": 7.0}, "friendly"),
        ({"days_past_due": 8.0}, "neutral"),
        ({"on_time_share": 0.8, "promise_broken_count_365d": 0.0}, "friendly"),
        ({"on_time_share": 0.95}, "neutral"),
        ({"on_time_share": 0.79, "promise_broken_count_365d": 0.0}, "neutral"),
        ({"days_past_due": 31.0, "promise_broken_count_365d": 2.0}, "firm"),
        ({"days_past_due": 30.0, "promise_broken_count_365d": 2.0}, "neutral"),
        ({"days_past_due": 90.0, "promise_broken_count_365d": 1.0}, "neutral"),
        ({"days_past_due": 90.0, "on_time_share": 0.9, "promise_broken_count_365d": 0.0}, "friendly"),
        ({"on_time_share": np.nan, "promise_broken_count_365d": np.nan}, "neutral"),
    ],
)
def test_firmness_needs_a_late_stage_and_broken_promises_and_a_good_history_is_met_kindly(changes, expected):
    assert tone(person(**changes)).tolist() == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"partial_payment_share_365d": 0.25}, "extension"),
        ({"partial_payment_share_365d": 0.24}, None),
        ({"overdue_instalment_count": 3.0}, "instalments"),
        ({"overdue_instalment_count": 2.0}, None),
        ({"overdue_instalment_count": 3.0, "partial_payment_share_365d": 1.0}, "instalments"),
        ({"partial_payment_share_365d": np.nan, "overdue_instalment_count": np.nan}, None),
    ],
)
def test_help_is_offered_where_the_whole_sum_is_out_of_reach(changes, expected):
    assert offer(person(**changes)).tolist() == [expected]


def test_nobody_is_spoken_to_more_firmly_for_paying_better():
    firmness = {"friendly": 0, "neutral": 1, "firm": 2}
    for days in (3.0, 20.0, 60.0):
        for broken in (0.0, 1.0, 3.0):
            tones = [
                firmness[tone(person(days_past_due=days, promise_broken_count_365d=broken, on_time_share=share))[0]]
                for share in np.linspace(0, 1, 11)
            ]
            assert tones == sorted(tones, reverse=True)


LOW = np.array([True])


def test_little_ability_is_never_met_firmly_and_always_with_an_offer():
    late = {"days_past_due": 90.0, "promise_broken_count_365d": 3.0}
    assert tone(person(**late)).tolist() == ["firm"]
    assert tone(person(**late), LOW).tolist() == ["neutral"]
    assert offer(person(), LOW).tolist() == ["hardship_line"]
    assert offer(person(overdue_instalment_count=3.0), LOW).tolist() == ["instalments"]


WARNING = {"id": "w-firm", "kind": "warning", "tone": "firm", "signed_off_by": "legal, 2026-10-01"}
BUILT_IN = [one.model_dump() for one in PolicySettings().messages.templates]


def said(listed=BUILT_IN, **changes):
    settings = PolicySettings.from_dict({"messages": {"templates": listed}})
    return template(person(**changes), settings)[0]


def test_a_message_is_a_reminder_at_first_and_a_dunning_message_after():
    assert said(days_past_due=5.0) == "reminder-friendly"
    assert said(days_past_due=20.0) == "dunning-neutral"


def test_a_warning_needs_a_signed_template_a_late_stage_broken_promises_and_ability():
    late = {"days_past_due": 60.0, "promise_broken_count_365d": 2.0}
    assert said(**late) == "dunning-firm"
    signed = [*BUILT_IN, WARNING]
    assert said(signed, **late) == "w-firm"
    assert said(signed, **late | {"days_past_due": 59.0}) == "dunning-firm"
    assert said(signed, **late | {"promise_broken_count_365d": 1.0}) == "dunning-neutral"
    assert said(signed, **late, hardship_open=1.0) == "dunning-neutral"


def test_a_registry_with_an_unsigned_warning_a_gap_or_a_repetition_is_refused():
    unsigned = [*BUILT_IN, WARNING | {"signed_off_by": ""}]
    with pytest.raises(InvalidInput, match="sign-off on the warning 'w-firm'"):
        said(unsigned)
    with pytest.raises(InvalidInput, match="a template for each of dunning-firm"):
        said(BUILT_IN[:-1])
    with pytest.raises(InvalidInput, match="each template id once, not dunning-firm again"):
        said([*BUILT_IN, BUILT_IN[-1]])
