"""The card of a run on one flat table: what validators read is what was, on rows that the model has not seen."""

import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from lighttouch.training.evaluation.held_out import calibration_by_arm
from lighttouch.training.flat.record import flat_record
from lighttouch.training.flat.run import train_flat
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.runs.card_parts import calibration_text

ODDS = {"none": 0.5, "letter": 0.3, "call": 0.2}
STATED = {"column": "odds", "by arm": ODDS, "estimated": None}
SECTIONS = [
    "Intended use", "Data", "Target", "Arms", "Covariates", "Digests", "Training set by arm", "Origin of the propensities",
    "Performance on held-out rows, doubly robust",
    "Qini coefficients: the best other arm, most promising held-out rows first", "Calibration on held-out rows",
    "Support: share of held-out rows with comparable data", "What moves it: mean absolute SHAP in log odds", "Alarms raised",
    "Notices", "What intervals claim", "Limits", "How to reproduce",
]  # fmt: skip


def learnt(form, **changes):
    """Letters are never sent to the old where the odds are estimated; `seen` differs between arms, as if measured after."""
    rng, n = np.random.default_rng(0), 3_000
    age, arm = rng.integers(20, 80, n), rng.choice(list(ODDS), n, p=list(ODDS.values()))
    if form == "estimated":
        arm = np.where((arm == "letter") & (age > 50), "none", arm)
    paid = (rng.random(n) < np.where(arm == "letter", 0.6, 0.3)).astype(int)
    table = pd.DataFrame({"arm": arm, "age": age, "seen": rng.normal(arm == "call", 1, n), "paid": paid})
    table = table.assign(odds=table["arm"].map(ODDS)) if form == "column" else table
    options = {"arm": "arm", "outcome": "paid", "propensity": STATED[form], "drop": [] if form == "by arm" else ["seen"]}
    return train_flat(table, **options | changes, boosting=Boosting(rounds=20, rate=0.2, pairs=1), n_threads=1)


@pytest.fixture(scope="module", params=STATED)
def made(request, tmp_path_factory):
    result = learnt(request.param)
    return request.param, result, flat_record(result, tmp_path_factory.mktemp("flat") / "model", "experiment.csv")


def test_a_card_has_every_section_once_and_in_order(made):
    assert re.findall(r"^## (.*)$", made[2].pages["model_card.md"], re.MULTILINE) == SECTIONS


def test_a_card_says_what_the_run_was(made):
    form, result, record = made
    card = record.pages["model_card.md"]
    origin = {
        "column": "column `odds`",
        "by arm": "none 0.5, letter 0.3, call 0.2",
        "estimated": "estimated from the covariates",
    }
    assert origin[form] in card
    assert f"version {ModelBundle.load(record.model).version}\n" in card
    assert f"{result.fit_rows:,} rows learnt from, {result.holdout_rows:,} drawn by lot" in card
    assert all(record.tags[name] in card for name in ("data_digest", "code_digest", "model_version"))
    for row in result.report.to_dict("records"):
        assert f"| {row['policy']} | {row['value']:,.4g} | {row['se']:,.4g} |" in card
    assert ("Column 'seen' differs between the arms" in card) == (form == "by arm")
    assert ("Left out on request: `seen`" in card) == (form != "by arm")


def test_calibration_is_of_the_held_out_rows_with_the_propensities_of_the_log(made):
    form, result, record = made
    held, arms = result.held_out, list(ODDS)
    table = pd.read_csv(StringIO(record.pages["calibration.csv"]), keep_default_na=False).set_index("arm")
    for name in arms:
        own = held[held["arm"] == name]
        assert table.loc[name, "decisions"] == len(own)
        assert table.loc[name, "observed"] == pytest.approx(own["outcome"].mean())
        assert table.loc[name, "predicted"] == pytest.approx(own["predicted"].mean())
        assert record.metrics[f"held-out calibration of {name}/gap"] == pytest.approx(table.loc[name, "gap"])
    if form != "estimated":
        assert held["propensity"].tolist() == held["arm"].map(ODDS).tolist()
    else:
        young = held[held["arm"] == "none"].index
        assert held.loc[young, "propensity"].between(0, 1).all()
        assert held.loc[young, "propensity"].nunique() > 10


def test_support_says_where_an_arm_was_never_given(made):
    form, result, record = made
    support = result.support.set_index("arm")
    assert support["rows"].sum() == result.fit_rows
    assert support["held_out"].sum() == result.holdout_rows
    if form == "estimated":
        # Letters went to those up to 50: half of all ages.
        assert support.loc["letter", "comparable"] == pytest.approx(0.5, abs=0.1)
        assert support.loc["none", "comparable"] == 1
    else:
        assert (support["comparable"] == 1).all()
    assert record.metrics["supported share/letter"] == support.loc["letter", "comparable"]


@pytest.mark.parametrize("propensity", ["odds", 0.5, {"none": 0.5, "letter": 0.5}])
def test_curves_find_what_treating_the_most_promising_first_brings(propensity):
    rng, n = np.random.default_rng(1), 6_000
    age, noise, arm = rng.integers(20, 80, n), rng.normal(size=n), rng.choice(["none", "letter"], n)
    # Letters help those under 50, half of all, by 0.3.
    paid = rng.random(n) < 0.3 + 0.3 * (arm == "letter") * (age < 50)
    table = pd.DataFrame({"arm": arm, "age": age, "noise": noise, "paid": paid.astype(int), "odds": 0.5})
    drop = [] if propensity == "odds" else ["odds"]
    result = train_flat(
        table, arm="arm", outcome="paid", propensity=propensity, drop=drop, boosting=Boosting(rounds=60, rate=0.1), n_threads=1
    )
    curve = result.curves["paid", "none"]
    assert curve.supported
    assert curve.qini == pytest.approx(0.3 / 8, abs=3.5 * curve.se)
    assert curve.qini > 4 * curve.se
    whole = result.values["always letter"].estimate - result.values["always none"].estimate
    assert curve.points["gain"].iloc[-1] == pytest.approx(whole)
    moved = result.contributions.set_index("family")["contrast"]
    assert moved["age"] > 3 * moved["noise"]


def test_qini_and_contributions_are_kept_with_the_run(made):
    _, result, record = made
    table = pd.read_csv(StringIO(record.pages["qini.csv"]), keep_default_na=False).set_index("versus")
    assert list(table.index) == list(dict.fromkeys(["none", result.best_constant]))
    for reference, row in table.iterrows():
        assert record.metrics[f"qini paid over {reference}/qini"] == pytest.approx(row["qini"])
        assert f"| paid | {reference} | {row['qini']:,.4g} |" in record.pages["model_card.md"]
    points = pd.read_csv(StringIO(record.pages["curves.csv"]), keep_default_na=False)
    assert points.groupby("versus").size().to_dict() == dict.fromkeys(table.index, 21)
    assert record.pages["report.html"].count("Qini curve, paid") == len(table)
    contributions = pd.read_csv(StringIO(record.pages["contributions.csv"])).set_index("family")
    assert set(contributions.index) == {*result.covariates, "everyone", "calibration"}
    assert record.metrics["contribution of age/response"] == pytest.approx(contributions.loc["age", "response"])


def test_gaps_of_calibration_are_clustered_by_group():
    once = pd.DataFrame({"arm": "none", "outcome": [0.0, 1.0, 1.0, 0.0], "predicted": 0.4, "propensity": 0.5})
    rows = pd.concat([once] * 9, ignore_index=True)
    apart, together = (
        calibration_by_arm(rows.assign(group=group), ["none", "letter"]) for group in (np.arange(36), np.arange(36) % 4)
    )
    assert apart["arm"].tolist() == ["none"]
    assert apart.loc[0, "gap"] == together.loc[0, "gap"] == pytest.approx(0.1)
    assert together.loc[0, "high"] - together.loc[0, "low"] > 2.5 * (apart.loc[0, "high"] - apart.loc[0, "low"])


def test_an_arm_that_is_off_is_named_as_a_name():
    gaps = pd.DataFrame({"arm": ["none", "sms"], "gap": [-0.06, 0.01], "low": [-0.11, -0.03], "high": [-0.01, 0.05]})
    assert calibration_text(gaps, 0.95).endswith("1 of 2 arms are off beyond chance at 95%, each by itself: `none`.")
    assert calibration_text(gaps.tail(1), 0.95).endswith("No arm is off beyond chance.")
