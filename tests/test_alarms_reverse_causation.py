"""Does the alarm ring where the outcome ends the dose, and only there?"""

import collections

import numpy as np
import pandas as pd
import pytest
from alarm_cases import KARLAN_SHARES, bank, fitted, hillstrom, karlan, realised_counts, tanf
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.errors import ReverseCausation
from lighttouch.training.alarms.reverse_causation import read_dose, reverse_causation
from lighttouch.training.alarms.ring import raise_refusals
from real_data import needs_real_data
from scipy.special import expit
from scipy.stats import binom

STEPS = np.arange(1, 6)
FALLING = {str(k): p for k, p in zip(STEPS, 0.4 ** np.arange(5) / (0.4 ** np.arange(5)).sum(), strict=True)}
EVEN = {str(k): 0.2 for k in STEPS}


def asked(model, rows):
    return reverse_causation(rows, rows.chances(model), model.out_of_fold)


def people(rng, n):
    X = rng.normal(size=(n, 4))
    return pd.DataFrame(X, columns=list("abcd")), 0.8 * X[:, 0] + 0.5 * X[:, 1]


def drawn(seed, shares, effect, n=3_000):
    """A number drawn by chance, with an effect per step on the log odds of paying."""
    rng = np.random.default_rng(seed)
    X, good = people(rng, n)
    number = rng.choice(STEPS, n, p=list(shares.values()))
    return X, (rng.random(n) < expit(-0.5 + good + effect * (number - 1))).astype(int), number.astype(str)


def attempts(seed, n=3_000):
    """Up to five attempts, each the likelier to succeed the better the borrower; they end on success, or are given up."""
    rng = np.random.default_rng(seed)
    X, good = people(rng, n)
    number, paid, going = np.zeros(n, dtype=int), np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    for step in STEPS:
        number[going] = step
        success = going & (rng.random(n) < expit(-1.8 + good))
        paid |= success
        going &= ~success & (rng.random(n) > 0.15)
    return X, paid.astype(int), number.astype(str)


def planned(seed, sign, n=3_000):
    """Harder cases are given more, by their covariates and some chance; a contact helps (+1) or harms (-1)."""
    rng = np.random.default_rng(seed)
    X, good = people(rng, n)
    number = 1 + rng.binomial(4, expit(-good))
    return X, (rng.random(n) < expit(good + sign * 0.15 * (number - 3))).astype(int), number.astype(str)


@needs_real_data
@pytest.mark.parametrize(("file", "top", "propensity"), [
    ("bank-full", 8, None), ("bank-full", 4, None), ("bank-full", 8, "shares"), ("bank-additional-full", 8, None),
])  # fmt: skip
def test_it_rings_on_the_number_of_calls_of_a_real_campaign(file, top, propensity):
    alarm = asked(*bank(file, top, propensity))
    assert alarm.severity == "refuse"
    with pytest.raises(ReverseCausation, match="stops on success makes a low number the mark of success, not its cause"):
        raise_refusals([alarm])
    table = alarm.table.set_index("number")
    # The published naive curve: 14.6% at one call, 4.9% at eight or more (12.9% and less in the second file).
    assert table["response"].iloc[0] > 0.12
    assert table["response"].iloc[-1] < (0.05 if top == 8 else 0.09)


@needs_real_data
@pytest.mark.parametrize("file", ["bank-full", "bank-additional-full"])
def test_a_real_campaign_never_passes_however_its_counts_are_merged(file):
    assert {asked(*bank(file, top)).severity for top in (3, 5)} <= {"refuse", "warn"}


def test_it_rings_on_the_contacts_sent_in_a_world_that_stops_on_success():
    X, y, number, person = realised_counts()
    some = number > 0
    counts = np.minimum(number[some], 4).astype(str)
    # Every arm helps in this world; the naive reading has the response fall with contact.
    assert y[number == 1].mean() > 0.6
    assert y[number >= 4].mean() < 0.2
    alarm = asked(*fitted(X[some], y[some], counts, "1", groups=person[some]))
    assert alarm.severity == "refuse"
    assert 0.5 < alarm.figures["ratio to the outcome's effect"] < 3


@pytest.mark.parametrize("case", [
    tanf,
    lambda: tanf(None),
    *(pytest.param(one, marks=needs_real_data) for one in (
        hillstrom, lambda: hillstrom(None), karlan, lambda: karlan(KARLAN_SHARES), lambda: karlan(turned=True),
    )),
])  # fmt: skip
def test_it_is_silent_on_randomised_experiments(case):
    assert asked(*case()).severity == "ok"


def test_it_finds_attempts_that_end_on_success_stated_or_not():
    for seed in range(4):
        X, y, number = attempts(seed)
        shares = pd.Series(number).value_counts(normalize=True).to_dict()
        assert asked(*fitted(X, y, number, "1")).severity == "refuse"
        assert asked(*fitted(X, y, number, "1", shares)).severity == "refuse"


@pytest.mark.parametrize(("shares", "effect"), [(FALLING, -0.3), (EVEN, -0.3), (FALLING, 0.0), (FALLING, 0.3)])
def test_a_number_drawn_by_chance_is_let_through_however_it_harms(shares, effect):
    for stated in (shares, None):
        found = collections.Counter(asked(*fitted(*drawn(seed, shares, effect), "1", stated)).severity for seed in range(4))
        assert found["refuse"] == 0
        assert stated is None or found == {"ok": 4}


def test_a_harmful_number_drawn_by_chance_is_set_free_by_the_outlook():
    alarm = asked(*fitted(*drawn(0, FALLING, -0.4, n=20_000), "1"))
    assert alarm.figures["z of the outcome among alike"] < -5
    assert alarm.figures["trails off like attempts"] == "True"
    assert alarm.severity == "ok"
    assert "looks drawn" in alarm.reason


def test_plans_by_case_that_help_are_silent_and_never_refused_where_they_harm():
    for seed in range(4):
        assert asked(*fitted(*planned(seed, 1), "1")).severity == "ok"
        assert asked(*fitted(*planned(seed, -1), "1")).severity in {"ok", "warn"}


def test_the_true_odds_of_the_taken_arm_alone_end_the_question_too():
    for seed in range(3):
        X, y, number = planned(seed, -1)
        good = 0.8 * X["a"] + 0.5 * X["b"]
        taken = binom.pmf(number.astype(int) - 1, 4, expit(-good))
        assert asked(*fitted(X, y, number, "1")).severity in {"ok", "warn"}
        alarm = asked(*fitted(X, y, number, "1", taken))
        assert alarm.severity == "ok"
        assert alarm.reason.startswith("The stated propensities agree with the log")


def test_a_statement_that_the_log_contradicts_does_not_silence_it():
    X, y, number = attempts(1)
    alarm = asked(*fitted(X, y, number, "1", dict.fromkeys(map(str, STEPS), 0.2)))
    assert alarm.severity == "refuse"
    # Of the taken arm alone: what has nothing to do with the log, and shares that hide the outlook in what was counted.
    shares = pd.Series(number).map(pd.Series(number).value_counts(normalize=True)).to_numpy()
    for taken in (np.random.default_rng(0).uniform(0.1, 0.9, len(y)), shares):
        assert asked(*fitted(X, y, number, "1", taken)).severity == "refuse"


def test_an_outcome_that_falls_is_not_said_not_to_fall():
    X, y, number = drawn(3, EVEN, -0.5, n=700)
    alarm = asked(*fitted(X, y, number, "1"))
    assert alarm.severity == "ok"
    assert alarm.figures["z of the outcome among alike"] < -3.1
    assert "the outcome falls with the number" in alarm.reason.lower()


@pytest.mark.parametrize(("names", "expected"), [
    (["1", "2", "8+"], [1, 2, 8]),
    (["none", "1 call", "2-3 calls"], [0, 1, 2]),
    (["No_Letter", "Open_Appt", "Specific_Appt"], None),
    (["1", "2"], None),
    (["1", "2+"], [1, 2]),
    (["1 call", "2 or more"], [1, 2]),
    (["<2", "2-4", "5+"], [1.5, 2, 5]),
    (["holdout", "1 call", "2 calls"], [0, 1, 2]),
    (["0.2", "0.5", "1"], [0.2, 0.5, 1]),
    (["a1", "b1", "c2"], None),
])  # fmt: skip
def test_arms_are_read_as_numbers_only_where_each_has_its_own(names, expected):
    dose = read_dose(ArmCatalogue.from_names(names, baseline=names[0]))
    assert (None if dose is None else dose.level.tolist()) == expected


def test_a_plan_says_what_the_number_in_a_name_means():
    every = [Arm(f"sms-every-{days}-days", sms=7 / days) for days in (3, 7, 14)]
    dose = read_dose(ArmCatalogue([Arm("none"), *every]))
    assert not dose.counted
    assert dose.level.tolist() == pytest.approx([0, 7 / 3, 1, 0.5])
    sent = read_dose(ArmCatalogue([Arm("none"), *(Arm(f"{k} sent", sms=float(k)) for k in (1, 2, 3))]))
    assert sent.counted


def test_decimals_are_no_counts():
    assert not read_dose(ArmCatalogue.from_names(["0.2", "0.5", "1"], baseline="0.2")).counted


def test_planned_contacts_per_week_are_an_order_but_no_count():
    dose = read_dose(default_arms())
    assert not dose.counted
    assert dose.level.tolist() == default_arms().intensity.tolist()
