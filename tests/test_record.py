"""What a run says of itself: figures, versions, and a page of pictures that needs no network."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.training.flat.record import flat_record
from lighttouch.training.flat.run import train_flat
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.pictures.page import calibration_picture, dose_picture, page, share_picture, value_picture
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.runs.account import account_of
from lighttouch.training.runs.record import frame_metrics, metric_name, parameters_of, record_of
from lighttouch.training.runs.run import TrainOptions
from trained import QUICK

ARMS = default_arms()


@pytest.fixture(scope="module")
def record(trained):
    return record_of(trained.run, trained.folder, QUICK, account_of(trained.run, trained.settings))


@pytest.fixture(scope="module")
def experiment():
    rng = np.random.default_rng(0)
    n = 1_200
    arm = rng.choice(["none", "letter"], n)
    table = pd.DataFrame({"arm": arm, "age": rng.normal(40, 9, n), "city": rng.choice(["Rome", "Oslo"], n)})
    return table.assign(paid=(rng.random(n) < np.where(arm == "letter", 0.6, 0.2)).astype(int))


def test_every_figure_of_the_verdict_is_a_metric(record, trained):
    verdict = trained.run.verdict
    for row in verdict.values.to_dict("records"):
        for figure in ("value", "value_low", "value_high", "repaid", "contacts_per_week", "ess"):
            assert record.metrics[metric_name(row["policy"], figure)] == row[figure]
    for row in verdict.gains.to_dict("records"):
        assert record.metrics[metric_name(f"gain over {row['over']}", "value_low")] == row["value_low"]
    assert record.metrics["rows"] == len(trained.run.fit)
    assert np.isfinite(list(record.metrics.values())).all()


def test_calibration_of_the_fit_and_of_held_out_decisions_go_by_two_names(record, trained):
    arm, error = next(iter(trained.run.bundle.response.diagnostics.calibration_error.items()))
    held_out = account_of(trained.run, trained.settings).calibration.set_index("arm")["error"]
    assert record.metrics[f"out-of-fold calibration_error/{arm}"] == error
    assert record.metrics[f"held-out calibration of {arm}/error"] == held_out[arm]
    assert not [name for name in record.metrics if name.startswith(("calibration_error", "calibration of"))]


def test_names_of_metrics_are_such_as_a_tracker_takes(record):
    assert all(re.fullmatch(r"[\w\-. /]+", name) for name in record.metrics)
    assert "fixed_ sms-every-3-days/value" in record.metrics


def test_a_figure_that_could_not_be_computed_is_left_out():
    frame = pd.DataFrame({"policy": ["a", "b"], "value": [1.0, np.nan], "ess": [np.inf, 3.0]})
    assert frame_metrics(frame, "policy", ("value", "ess", "absent")) == {"a/value": 1.0, "b/ess": 3.0}


def test_arms_whose_names_a_tracker_takes_for_one_keep_their_own_metrics():
    names = ["sms+call", "sms_call", "sms/call", "x" * 300, "x" * 299 + "y"]
    found = frame_metrics(pd.DataFrame({"policy": names, "value": [0.1, 0.2, 0.3, 0.4, 0.5]}), "policy", ("value",))
    assert sorted(found.values()) == [0.1, 0.2, 0.3, 0.4, 0.5]
    # The name that needs no change keeps it.
    assert found["sms_call/value"] == 0.2
    assert max(map(len, found)) <= 250


def test_a_run_says_which_settings_data_and_versions_made_it(record, trained):
    assert record.parameters["boosting.rounds"] == "30"
    assert record.parameters["seed"] == "0"
    assert record.parameters["settings_version"] == trained.settings.version
    assert record.tags["model_version"] == trained.run.bundle.version
    assert {"python", "lighttouch", "lightgbm", "numpy", "pandas", "duckdb"} <= set(record.tags)
    assert record.outputs == tuple(ARMS.names)
    assert list(record.inputs) == list(trained.run.fit.features.columns)
    assert set(record.inputs.values()) == {"double"}


def test_options_are_flattened_by_dotted_names():
    flat = parameters_of(TrainOptions(seed=3, boosting=Boosting(leaves=9)))
    assert (flat["seed"], flat["boosting.leaves"], flat["test_share"]) == ("3", "9", "0.25")


def test_the_tables_of_a_run_read_back_as_they_were(record, trained, tmp_path):
    (tmp_path / "values.csv").write_text(record.pages["values.csv"], encoding="utf-8")
    found = pd.read_csv(tmp_path / "values.csv", keep_default_na=False)
    expected = trained.run.verdict.values
    assert list(found.columns) == list(expected.columns)
    assert np.allclose(found["value"], expected["value"])


def test_the_report_is_one_page_that_asks_nothing_of_a_network(record):
    report = record.pages["report.html"]
    assert report.startswith("<!doctype html>")
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=", report)
    assert report.count("Plotly.newPlot(") >= 4
    for title in (
        "Value of each policy",
        "Mean response by dose",
        "Calibration by arm",
        "Share of decisions by arm",
        "Value curve",
        "Qini curve",
        "Response by dose and channel",
        "Support map",
        "SHAP by family",
    ):
        assert title in report
    assert len(report) < 10_000_000


def test_the_same_run_writes_the_same_page(record, trained):
    again = record_of(trained.run, trained.folder, QUICK, account_of(trained.run, trained.settings))
    assert again.pages == record.pages
    assert again.metrics == record.metrics


def test_the_library_is_in_a_page_once_however_many_pictures_there_are():
    one = value_picture(pd.DataFrame({"policy": ["a"], "estimate": [1.0], "low": [0.5], "high": [2.0], "supported": [True]}))
    assert len(page("t", [one, one, one])) < len(page("t", [one])) + 100_000


def test_an_interval_is_drawn_from_its_low_to_its_high_end():
    figure = value_picture(pd.DataFrame({"policy": ["a"], "estimate": [1.0], "low": [0.4], "high": [3.0], "supported": [True]}))
    bar = figure.data[0].error_x
    assert (list(bar.array), list(bar.arrayminus)) == ([2.0], [0.6])


def test_calibration_shows_the_observed_share_by_tenth_of_the_prediction_and_leaves_thin_arms_out():
    rng = np.random.default_rng(0)
    predicted = rng.random(5_000)
    outcome = (rng.random(5_000) < predicted).astype(float)
    arm = np.where(np.arange(5_000) < 9, 3, 1)
    figure = calibration_picture(predicted, outcome, arm, ARMS)
    assert [trace.name for trace in figure.data] == ["perfect", ARMS.names[1]]
    points = figure.data[1]
    assert len(points.x) == 10
    assert np.abs(np.array(points.x) - np.array(points.y)).max() < 0.08
    assert points.x == pytest.approx(np.arange(0.05, 1, 0.1), abs=0.02)


def test_every_line_of_the_dose_picture_starts_at_no_contact_and_goes_by_dose():
    means = np.linspace(0.1, 0.9, 10)
    figure = dose_picture(np.tile(means, (4, 1)), ARMS)
    lines = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert set(lines) == {"app_push", "email", "sms", "voicebot", "call"}
    assert lines["sms"][0] == pytest.approx([0, 1, 2, 7 / 3])
    assert lines["sms"][1] == pytest.approx(
        means[[0, *(ARMS.index(f"sms-{name}") for name in ("weekly", "twice-weekly", "every-3-days"))]]
    )
    # A plan of two channels is on no channel's line.
    assert means[ARMS.index("sms-call-weekly")] not in lines["call"][1]


def test_shares_are_drawn_for_every_policy():
    figure = share_picture(pd.DataFrame({"arm": ["a", "b"], "given": [0.2, 0.8], "learnt": [1.0, 0.0]}))
    assert {trace.name: list(trace.y) for trace in figure.data} == {"given": [0.2, 0.8], "learnt": [1.0, 0.0]}


def test_an_experiment_is_recorded_with_its_values_and_a_model_that_loads(experiment, tmp_path):
    options = {"arm": "arm", "outcome": "paid", "propensity": 0.5, "boosting": Boosting(rounds=10, pairs=1), "n_threads": 1}
    result = train_flat(experiment, **options)
    record = flat_record(result, tmp_path / "model", "experiment.csv")
    assert record.parameters["option.propensity"] == "0.5"
    assert record.tags["code_digest"]
    assert record.tags["data_digest"] == train_flat(experiment, **options).data_digest
    assert record.tags["data_digest"] != train_flat(experiment.assign(age=experiment["age"] + 1), **options).data_digest
    assert len(json.loads(record.pages["alarms.json"])) == len([alarm for alarm in result.alarms if alarm.rings])
    values = result.report.set_index("policy")
    assert record.metrics["always letter/value"] == values.loc["always letter", "value"]
    assert record.metrics["claimed"] == result.claimed
    assert record.parameters["best_constant"] == "letter"
    assert record.inputs == {"age": "double", "city": "string"}
    assert "Value of each policy" in record.pages["report.html"]
    loaded = ModelBundle.load(tmp_path / "model")
    assert loaded.version == record.tags["model_version"]
    X = experiment[["age"]].assign(city=experiment["city"].astype("category"))
    assert np.array_equal(loaded.response.predict_by_arm(X), result.model.predict_by_arm(X))
    assert (loaded.harm_by_arm(X) == 0).all()
