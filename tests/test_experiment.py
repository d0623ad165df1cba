"""Planning an experiment: what it promises, held against redraws of worlds whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.cli_gate import show_plan
from lighttouch.training.evaluation import policy_value
from lighttouch.training.gate import experiment_log
from lighttouch.training.gate.experiment import Design, Question, plan, shrunken
from lighttouch.training.gate.experiment_log import Plan, PlanOptions, plan_experiment
from lighttouch.training.gate.settings import GateSettings
from lighttouch.training.rows.table import training_table

ARMS = default_arms()
GATE = GateSettings()


@pytest.fixture(scope="module")
def known(small_world):
    """A world's decisions with the true response of every arm; its policy in force gives everybody the house rule.

    Contact is let do a sixth more than it does there, so that a thousand decisions tell it, and redraws are quick.
    """
    truth = small_world.truth
    fine = ~truth.already_paid
    response, lawful = truth.response[fine].copy(), truth.lawful[fine].copy()
    response[:, 1:] = np.minimum(response[:, 1:] + 0.16, 0.99)
    lawful[:, 0] = True
    n, K = response.shape
    rule = np.zeros((n, K))
    rule[np.arange(n), np.where(lawful[:, ARMS.index("sms-every-3-days")], ARMS.index("sms-every-3-days"), 0)] = 1.0
    none = np.zeros((n, K))
    none[:, 0] = 1.0
    return Question(rule, none, rule, lawful, response, response * (1 - response), np.arange(n))


def redraw(question, share, rows, rng):
    """Draw decisions at random, arms by the exploring log, outcomes by the truth; return the estimated difference."""
    i = rng.integers(0, len(question.target), rows)
    e = replace(question, current=question.current[i], lawful=question.lawful[i]).propensities(share)
    code = (e.cumsum(axis=1) > rng.random(rows)[:, None]).argmax(axis=1)
    outcome = (rng.random(rows) < question.expected[i, code]).astype(float)
    return policy_value(
        question.target[i], versus=question.rival[i], arm=np.array(ARMS.names)[code], reward=outcome, propensity=e,
        arms=ARMS, outcome=question.expected[i], confidence=0.95,
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_at_the_proposed_size_the_gate_passes_about_as_often_as_was_promised(known, share):
    design = Design(effect=known.gain, per_week=100.0, power=0.8)
    rows = round(design.rows(known.spread(share)))
    rng = np.random.default_rng(5)
    passed = np.mean([redraw(known, share, rows, rng).low > 0 for _ in range(300)])
    assert known.gain > 0.02
    assert abs(passed - 0.8) < 3 * np.sqrt(0.8 * 0.2 / 300)


def test_decisions_of_a_borrower_who_gains_more_each_time_do_not_count_as_strangers(known):
    # Ten decisions each, of borrowers who owe different amounts for good. With two arms the draw adds little to that.
    times, rng = 10, np.random.default_rng(3)
    two = known.lawful & np.isin(np.arange(len(ARMS)), [0, ARMS.index("sms-every-3-days")])
    who = np.repeat(np.arange(len(known.target)), times)
    owed = rng.lognormal(0.0, 0.5, len(known.target))[who]
    many = Question(
        known.target[who], known.rival[who], known.current[who], two[who], owed[:, None] * known.expected[who],
        owed[:, None] ** 2 * known.variance[who], who,
    )  # fmt: skip
    e = many.propensities(1.0)
    code = (e.cumsum(axis=1) > rng.random(len(who))[:, None]).argmax(axis=1)
    paid = owed * (rng.random(len(who)) < known.expected[who, code])
    found = policy_value(
        many.target, versus=many.rival, arm=np.array(ARMS.names)[code], reward=paid, propensity=e, arms=ARMS,
        outcome=many.expected, groups=who,
    )  # fmt: skip
    assert many.spread(1.0) > 1.15 * replace(many, groups=np.arange(len(who))).spread(1.0)
    assert found.se**2 * found.n == pytest.approx(many.spread(1.0), rel=0.06)


def test_what_the_log_explores_already_is_told(known):
    assert known.explored == 0.0
    mixed = replace(known, current=known.propensities(0.1))
    assert mixed.explored == pytest.approx(0.1)
    assert mixed.propensities(0.0) == pytest.approx(known.propensities(0.1))


def test_the_spread_is_the_variance_that_the_estimator_itself_reports(known):
    rng = np.random.default_rng(1)
    for share in (0.3, 1.0):
        value = redraw(known, share, 20_000, rng)
        assert value.se**2 * value.n == pytest.approx(known.spread(share), rel=0.1)


def test_power_after_some_weeks_is_that_of_the_fold_that_the_gate_would_judge(known):
    design = Design(effect=known.gain, per_week=60.0, logged=300, lead_weeks=2.0)
    share, weeks = 0.5, 10
    # Eight weeks have matured: 480 new decisions, 780 in all, of which the latest quarter is judged: all explored.
    fold = (300 + 8 * 60) / 4
    rng = np.random.default_rng(2)
    passed = np.mean([redraw(known, share, round(fold), rng).low > 0 for _ in range(300)])
    promised = design.power_after(weeks, known.spread(share), float("inf"))
    assert abs(passed - promised) < 3 * np.sqrt(promised * (1 - promised) / 300) + 0.01


def test_weeks_are_the_first_that_reach_the_power_and_more_exploration_never_takes_longer(known):
    design = Design(effect=known.gain, per_week=400.0, logged=1_000)
    table = plan(known, design, shares=(0.0, 0.05, 0.2, 1.0), weeks=(26,))
    assert table["weeks"].tolist()[0] == float("inf")
    assert (np.diff(table["weeks"][1:]) <= 0).all()
    for row in table[1:].to_dict("records"):
        spread, least = known.spread(row["explore"]), known.supported_rows(row["explore"])
        assert design.power_after(row["weeks"], spread, float("inf"), least) >= 0.8
        assert design.power_after(row["weeks"] - 1, spread, float("inf"), least) < 0.8
        assert row["power_26"] == pytest.approx(design.power_after(26, spread, float("inf"), least))


def test_policies_that_never_differ_have_no_gain_to_show(known):
    row = plan(replace(known, rival=known.target), Design(1.0, 1e6, logged=10**6), shares=(0.5,)).iloc[0]
    assert (row["rows"], row["weeks"], row["power_52"]) == (float("inf"), float("inf"), 0.0)


def test_no_plan_is_smaller_than_what_a_value_needs_to_be_supported(known):
    # Policies that differ for three decisions only: next to no variance, and still every policy needs its own rows.
    rival = known.target.copy()
    rival[:3] = known.rival[:3]
    almost, design = replace(known, rival=rival), Design(1.0, 400.0, lead_weeks=0.0)
    row = plan(almost, design, shares=(0.2,), weeks=(1, 52)).iloc[0]
    assert design.rows(almost.spread(0.2)) < 1
    rng = np.random.default_rng(4)
    ess = [redraw(almost, 0.2, round(row["rows"]), rng).ess for _ in range(20)]
    assert np.mean(ess) == pytest.approx(50, rel=0.1)
    assert row["power_1"] == (1.0 if 400 * design.test_share >= row["rows"] else 0.0)
    assert row["weeks"] == np.ceil(row["rows"] / (400 * design.test_share))
    assert row["power_52"] == pytest.approx(1.0)


def test_rows_without_contact_are_those_that_exploration_gives(known):
    row = plan(known, Design(known.gain, 50.0), shares=(0.3,)).iloc[0]
    given = 0.3 / known.lawful.sum(axis=1) + 0.7 * known.current[:, 0]
    assert row["of_none"] == pytest.approx(row["rows"] * given.mean())


def test_exploring_costs_what_the_even_draw_earns_less_than_the_policy_in_force(known):
    even = known.lawful / known.lawful.sum(axis=1, keepdims=True)
    lost = ((known.current - even) * known.expected).sum(axis=1).mean()
    assert known.price(1.0) == pytest.approx(lost)
    assert known.price(0.1) == pytest.approx(0.1 * lost)
    assert known.price(0.0) == 0.0


def test_impossible_questions_are_refused_with_every_fault():
    with pytest.raises(InvalidInput) as error:
        Design(effect=0.0, per_week=-1.0, power=1.5)
    assert [fault.where for fault in error.value.faults] == ["effect", "per_week", "power"]


def test_a_predicted_gain_is_shrunk_the_more_the_less_its_log_could_tell():
    assert shrunken(2.0, 0.0) == 2.0
    assert shrunken(2.0, 1.0) > shrunken(2.0, 4.0) > shrunken(2.0, 400.0) > 0.0


@pytest.fixture(scope="module")
def book(small_world):
    with Book.from_arrow(small_world.tables) as book:
        yield book


@pytest.fixture(scope="module")
def table(book):
    return training_table(book, ARMS, PolicySettings())


@pytest.fixture
def once(table, monkeypatch):
    """Take the table that was built once."""
    monkeypatch.setattr(experiment_log, "training_table", lambda *_: table)


@pytest.fixture
def logged(table, monkeypatch):
    """Let the log be another one: everybody got the house rule, and no contact was never even named."""

    def only(arm):
        lawful, odds = table.lawful.copy(), np.zeros_like(table.propensity)
        lawful[:, 0] = False
        odds[:, ARMS.index(arm)] = 1.0
        changed = replace(table, rows=table.rows.assign(arm=arm), propensity=odds, lawful=lawful)
        monkeypatch.setattr(experiment_log, "training_table", lambda *_: changed)

    return only


def test_a_log_that_never_left_anybody_alone_is_told_how_many_it_must(book, logged):
    logged("sms-every-3-days")
    found = plan_experiment(book, ARMS, PolicySettings(), GATE)
    assert found.notices == (
        "'none' was never logged: what it does cannot be known from this log, however long it is; only exploration tells",
    )
    rows = found.table.set_index("explore")
    assert np.isinf(rows.loc[0.0, ["rows", "of_none", "weeks"]].to_numpy(dtype=float)).all()
    assert rows.loc[0.0, "power_52"] == 0.0
    assert np.isfinite(rows.loc[0.05, ["rows", "of_none"]].to_numpy(dtype=float)).all()
    # One lawful arm in ten or so is no contact.
    assert 0.05 / 11 < rows.loc[0.05, "of_none"] / rows.loc[0.05, "rows"] < 0.05 / 5


def test_without_a_model_the_question_is_the_rule_against_nothing_and_the_effect_is_the_dose_margin(book, table):
    settings = PolicySettings(dose_margin_share=0.02)
    found = plan_experiment(book, ARMS, settings, GATE)
    assert found.question == "fixed: sms-every-3-days against everyone: none"
    assert found.effect == pytest.approx(0.02 * table.rows["recoverable"].mean())
    span = (table.rows["as_of"].max() - table.rows["as_of"].min()) / pd.Timedelta(weeks=1)
    assert found.design.per_week == pytest.approx(len(table) / span)
    assert (found.design.level, found.design.logged) == (0.025, len(table))


def test_with_a_model_the_question_is_its_policy_against_the_house_rule(book, trained, once):
    found = plan_experiment(book, ARMS, trained.settings, GATE, trained.run.bundle, PlanOptions(shares=(0.0, 1.0)))
    assert found.question == "the model's policy against fixed: sms-every-3-days"
    assert found.effect_from.startswith("the model predicts")
    predicted = float(found.effect_from.split()[3].rstrip(";"))
    assert 0 < found.effect < predicted
    # This log is drawn evenly already: exploring all of it changes nothing.
    assert found.table["rows"].iloc[0] == pytest.approx(found.table["rows"].iloc[1])
    assert plan_experiment(book, ARMS, trained.settings, GATE, options=PlanOptions(effect=7.0)).effect == 7.0


def test_that_no_contact_was_never_logged_is_told_though_neither_policy_asks_for_it(known, table):
    call, sms = (np.eye(len(ARMS))[np.full(len(table), ARMS.index(name))] for name in ("call-weekly", "sms-weekly"))
    question = replace(known, target=call, rival=sms, current=table.propensity, lawful=table.lawful)
    touched = replace(table, rows=table.rows.assign(arm="sms-weekly"))
    told = " ".join(experiment_log.notices(touched, question))
    assert "'none' was never logged: a first champion must gain over it too, which this table leaves out" in told
    same = " ".join(experiment_log.notices(touched, replace(question, rival=call)))
    assert "the two policies never differ on this log" in same


def test_a_model_of_other_arms_and_a_rule_that_is_no_arm_are_refused_together(book, trained):
    few = ArmCatalogue([arm for arm in ARMS if arm.name in {"none", "sms-weekly"}])
    with pytest.raises(InvalidInput) as error:
        plan_experiment(book, few, PolicySettings(), GATE, trained.run.bundle)
    assert [fault.where for fault in error.value.faults] == ["gate.rule", "the model's arms"]


@pytest.mark.parametrize("rows", [1_200.0, float("inf")])
def test_a_plan_is_printed_with_what_is_known_and_what_never_comes(rows, capsys):
    table = pd.DataFrame(
        {"explore": [0.1], "rows": [rows], "of_none": [rows], "weeks": [rows], "price": [0.5], "power_4": [0.25]}
    )
    show_plan(Plan(table, "this against that", 2.0, "as stated", Design(2.0, 100.0), ("none was never given",)))
    said = capsys.readouterr().out
    assert "this against that" in said
    assert "none was never given" in said
    assert ("1,200" in said) == np.isfinite(rows)
    assert ("never  " in said and "no number" in said) == np.isinf(rows)
    assert "25%" in said


@pytest.mark.parametrize(("price", "said"), [(0.5, False), (-0.004, False), (-0.5, True)])
def test_exploring_that_is_expected_to_gain_is_said_to(price, said, capsys):
    table = pd.DataFrame(
        {"explore": [0.1], "rows": [9.0], "of_none": [9.0], "weeks": [9.0], "price": [price], "power_4": [0.25]}
    )
    show_plan(Plan(table, "this against that", 2.0, "as stated", Design(2.0, 100.0), ()))
    assert ("an even draw from the lawful arms is expected to bring more" in capsys.readouterr().out) == said
