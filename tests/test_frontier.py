"""The frontier: policies that cannot be bettered at their number of contacts, and bands that hold the truth."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.allocation import allocate
from lighttouch.policy.choice import best_arm, lightness
from lighttouch.policy.dose import planned_counts
from lighttouch.policy.frontier import Prospects, contact_prices, frontier
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.judging.frontier import SWEPT, UNITS, frontier_table
from lighttouch.training.judging.judge import LEARNT, LOGGED
from lighttouch.training.pictures.frontier import frontier_pictures
from lighttouch.training.pictures.page import page

ARMS = ArmCatalogue(
    [Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-daily", sms=7), Arm("call-weekly", call=1), Arm("call-twice", call=2)]
)
SETTINGS = PolicySettings()
CONTACTS = planned_counts(ARMS, SETTINGS.outcome.horizon_days).sum(axis=1)


@pytest.fixture(scope="module")
def prospects():
    rng = np.random.default_rng(0)
    n, K = 4_000, len(ARMS)
    response = np.clip(rng.beta(2, 4, (n, 1)) + rng.normal(0.02, 0.04, (n, K)) + 0.004 * CONTACTS, 0, 1)
    harm = 0.001 + 0.0005 * CONTACTS + np.zeros((n, K))
    return Prospects(response, harm, rng.gamma(2, 100, n), rng.random((n, K)) < 0.8)


@pytest.fixture(scope="module")
def swept(prospects):
    return frontier(prospects, ARMS, SETTINGS, 11)


def test_the_frontier_runs_from_nobody_to_the_best_arm_for_everybody(prospects, swept):
    value = prospects.value(ARMS, SETTINGS)
    assert swept[0].contacts_per_week == 0
    assert (swept[0].arm == 0).all()
    assert (swept[-1].arm == best_arm(value, np.isfinite(value), lightness(ARMS, SETTINGS))).all()
    assert swept[-1].price == 0


def test_contacts_and_value_rise_along_the_frontier_and_prices_fall(swept):
    assert len(swept) == 11
    for name, sign in (("contacts_per_week", 1), ("value", 1), ("price", -1)):
        steps = np.diff([sign * getattr(point, name) for point in swept])
        assert (steps > 0).all(), name
    spread = np.diff([point.contacts_per_week for point in swept])
    assert spread.max() < 1.2 * spread.mean()


def test_no_allocation_of_as_many_contacts_is_worth_more(prospects, swept):
    value = prospects.value(ARMS, SETTINGS)
    for point in swept[1:-1:3]:
        best = allocate(value, CONTACTS[:, None], [CONTACTS[point.arm].sum()])
        assert point.value == pytest.approx(best.bound / len(value), rel=1e-9)


def test_arms_that_are_not_open_are_never_given(prospects, swept):
    rows = np.arange(len(prospects.recoverable))
    for point in swept:
        assert (prospects.open_arms[rows, point.arm] | (point.arm == 0)).all()


def test_the_figures_of_a_point_are_means_over_its_arms(prospects, swept):
    point, rows = swept[5], np.arange(len(prospects.recoverable))
    picked = prospects.response[rows, point.arm]
    assert point.repaid == pytest.approx(picked.mean())
    assert point.recovered == pytest.approx((picked * prospects.recoverable).mean())
    assert point.harm == pytest.approx(prospects.harm[rows, point.arm].mean())
    assert point.contacts_per_week == pytest.approx(ARMS.intensity[point.arm].mean())


def test_where_contact_gains_nothing_the_frontier_is_one_point():
    n, K = 50, len(ARMS)
    idle = Prospects(np.full((n, K), 0.5), np.zeros((n, K)), np.full(n, 100.0), np.ones((n, K), dtype=bool))
    assert [point.contacts_per_week for point in frontier(idle, ARMS, SETTINGS, 5)] == [0.0]


def test_fewer_than_two_points_are_refused(prospects):
    with pytest.raises(InvalidInput, match="2 or more"):
        contact_prices(prospects.value(ARMS, SETTINGS), CONTACTS, 1)


@pytest.fixture(scope="module")
def table(trained):
    return frontier_table(trained.run.bundle, trained.run.test, trained.settings, points=5)


def test_bands_from_the_log_agree_with_the_truth_of_the_world(trained, table):
    truth, test = trained.world.truth, trained.run.test
    own = pd.Index(truth.decision_id).get_indexer(pd.Index(test.rows["decision_id"]))
    response, harm = truth.response[own], truth.harm[own]
    none = table[table["policy"] == SWEPT].iloc[0]
    assert none["contacts_per_week"] == 0
    recoverable = test.rows["recoverable"].to_numpy()
    true = {
        "repaid": response[:, 0].mean(),
        "harm": harm[:, 0].mean(),
        "recovered": (response[:, 0] * recoverable).mean(),
    }
    for unit, expected in true.items():
        # Twice the band: one draw of a world against a 95% interval.
        reach = none[f"{unit}_high"] - none[f"{unit}_low"]
        assert abs(none[unit] - expected) < reach, unit


def test_the_logged_policy_is_valued_at_what_happened(trained, table):
    logged = table.set_index("policy").loc[LOGGED]
    rows = trained.run.test.rows
    assert logged["repaid"] == pytest.approx(rows["repaid"].mean(), abs=0.02)
    assert logged["contacts_per_week"] == pytest.approx((trained.run.test.propensity @ trained.run.test.arms.intensity).mean())
    assert LEARNT in set(table["policy"])


def test_a_rare_event_that_nobody_had_still_has_a_band(table):
    swept = table[table["policy"] == SWEPT]
    assert (table["harm_low"] >= 0).all()
    assert (table["harm"] >= 0).all()
    # The rule of three, two-sided: 0 of n leaves at least 3.6 / n open.
    assert (swept["harm_high"] >= 3.6 / swept["ess"].clip(lower=4) * 0.95).all()
    for unit in UNITS:
        assert (table[f"{unit}_low"] <= table[f"{unit}_high"]).all()


def test_the_page_holds_its_pictures_and_needs_no_network(table):
    html = page("What each contact buys", frontier_pictures(table))
    assert html.count('id="figure-') == 3
    assert "cdn.plot.ly" not in html.split("<script", maxsplit=1)[0]
    assert 'src="http' not in html


def test_the_command_prints_the_table_and_writes_it_beside_the_page(trained, tmp_path, monkeypatch, capsys):
    from lighttouch.data.stores import write_tables
    from lighttouch.serving.cli_frontier import frontier as command

    monkeypatch.chdir(tmp_path)
    write_tables(trained.world.tables, tmp_path / "book")
    command(str(tmp_path / "book"), str(trained.folder), tmp_path / "out" / "f", None, 3)
    told = capsys.readouterr().out
    assert "recovery against contacts against complaints" in told
    written = pd.read_csv(tmp_path / "out" / "f.csv")
    assert set(written["policy"]) == {SWEPT, LEARNT, LOGGED}
    assert (tmp_path / "out" / "f.html").stat().st_size > 1_000_000
