"""The command line: the main job from one command to the next."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import AS_OF, refused, run, too_wide
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.serving.recommendation import COLUMNS

pytestmark = pytest.mark.usefixtures("quick")


def test_simulate_names_its_tables_and_what_comes_next(shop):
    assert "lighttouch check" in shop.simulated.out
    for name in ("borrowers", "payments", "decisions"):
        rows = pq.read_table(shop.book / f"{name}.parquet").num_rows
        assert re.search(rf"{name}\s+{rows:,}\b", shop.simulated.out)


def test_check_finds_nothing_wrong_with_a_simulated_book(book):
    said = run("check", book)
    assert said.code == 0
    assert re.search(r"payments\s+([\d,]+)\s+\1\s+0\s*\n", said.out)


def test_training_prints_what_the_policy_is_worth_and_where_to_look(shop, model):
    assert "gain of the learnt policy over" in shop.learnt.out
    for word in ("fixed: sms-every-3-days", "logged policy", "everyone: none", "mlflow ui --backend-store-uri sqlite:///"):
        assert word in shop.learnt.out
    assert "models:/contact-response@challenger (version 1)" in shop.learnt.out
    assert (model / "bundle.json").is_file()


def test_simulating_training_and_a_night_print_nothing_wider_than_a_log_file(shop):
    assert [too_wide(said, shop.room) for said in (shop.simulated, shop.learnt, shop.night)] == [[], [], []]


def test_a_model_is_judged_again_with_the_same_figures(shop, book, model):
    said = run("evaluate", book, "--model", model)
    assert said.code == 0, said.err
    row = re.compile(r"^fixed: sms-every-3-days.*$", re.MULTILINE)
    assert row.findall(said.out) == row.findall(shop.learnt.out)


def test_recommend_writes_the_table_of_the_design_and_who_was_left_out(shop, book):
    recs, left_out = (pd.read_parquet(shop.room / name) for name in ("recs.parquet", "recs.excluded.parquet"))
    assert tuple(recs.columns) == COLUMNS
    assert set(recs["borrower_id"]) | set(left_out["borrower_id"]) == set(
        pq.read_table(book / "borrowers.parquet")["borrower_id"].to_pylist()
    )
    assert f"{len(left_out):,} borrowers left out" in shop.night.out
    fresh = pd.read_parquet(shop.room / "recs.decisions.parquet")
    assert set(fresh["decision_id"]) == set(recs.loc[~recs["standing"], "decision_id"])


def test_the_challenger_of_the_registry_recommends_the_same_in_csv(shop, book):
    address = "models:/contact-response@challenger"
    said = run("recommend", book, "--as-of", AS_OF, "--model", address, "--out", shop.room / "recs.csv")
    assert said.code == 0, said.err
    ours, theirs = pd.read_csv(shop.room / "recs.csv"), pd.read_parquet(shop.room / "recs.parquet")
    for name in ("decision_id", "borrower_id", "arm", "standing"):
        assert ours[name].tolist() == theirs[name].tolist()
    assert np.allclose(ours["value"], theirs["value"], equal_nan=True)


def test_a_dry_run_decides_and_writes_nothing(shop, book, model, tmp_path):
    said = run("recommend", book, "--as-of", AS_OF, "--model", model, "--out", tmp_path / "recs.parquet", "--dry-run")
    assert said.code == 0
    assert "nothing was written" in said.out
    assert list(tmp_path.iterdir()) == []
    assert re.search(r"[\d,]+ decisions, [\d,]+ standing", said.out).group() in shop.night.out


def test_explain_tells_one_borrower(shop):
    recs = pd.read_parquet(shop.room / "recs.parquet")
    borrower = recs.loc[~recs["standing"], "borrower_id"].iloc[0]
    said = run("explain", shop.room / "recs.parquet", "--borrower", borrower)
    assert said.code == 0
    assert said.out.startswith(f"Borrower {borrower}, as of 2026-11-20 22:00 UTC: ")


def test_features_are_listed_and_written(book, tmp_path):
    listed = run("features", "--list")
    assert listed.code == 0
    assert all(name in listed.out for name in FEATURE_NAMES)
    said = run("features", book, "--as-of", AS_OF, "--out", tmp_path / "features.parquet")
    assert said.code == 0, said.err
    table = pd.read_parquet(tmp_path / "features.parquet")
    assert list(table.columns[-len(FEATURE_NAMES) :]) == list(FEATURE_NAMES)
    assert len(table) == 600


def test_one_flat_table_is_enough_to_learn_from(experiment, tmp_path):
    said = run(
        "train", "--table", experiment, "--arm", "arm", "--outcome", "paid", "--propensity", 0.5, "--save", tmp_path / "m"
    )
    assert said.code == 0, said.err
    assert "best constant arm on the fit part: letter" in said.out
    for policy in ("always none", "always letter", "learnt policy", "learnt policy minus always none"):
        assert policy in said.out
    assert (tmp_path / "m" / "bundle.json").is_file()
    assert "run: " in said.out


def test_odds_may_be_stated_by_arm(experiment, tmp_path):
    table = ["train", "--table", experiment, "--arm", "arm", "--outcome", "paid"]
    one = run(*table, "--propensity", 0.5, "--save", tmp_path / "one")
    each = run(*table, "--propensity", "none=0.5, letter=0.5", "--save", tmp_path / "each")
    assert each.code == 0, each.err
    learnt = next(line for line in each.out.splitlines() if line.startswith("learnt policy "))
    assert learnt in one.out
    uneven = run(*table, "--propensity", "none=0.75,letter=0.25", "--save", tmp_path / "uneven")
    assert learnt not in uneven.out


def test_a_settings_file_is_used_and_its_unknown_keys_are_refused(book, model, tmp_path):
    (tmp_path / "policy.yaml").write_text("halted: true\n", encoding="utf-8")
    night = ["recommend", book, "--as-of", AS_OF, "--model", model, "--out", tmp_path / "recs.parquet"]
    assert run(*night, "--settings", tmp_path / "policy.yaml").code == 0
    assert set(pd.read_parquet(tmp_path / "recs.parquet")["arm"]) == {"none"}
    (tmp_path / "policy.yaml").write_text("margine: 0.5\nharm_price: -1\n", encoding="utf-8")
    message = refused(*night, "--settings", tmp_path / "policy.yaml")
    assert "2 faults" in message
    assert "margine" in message
    assert "harm_price" in message


@pytest.mark.parametrize("command", ["evaluate", "recommend"])
def test_settings_of_another_horizon_than_the_models_are_refused(command, book, model, tmp_path):
    (tmp_path / "long.yaml").write_text("outcome: {horizon_days: 30}\n", encoding="utf-8")
    more = ["--as-of", AS_OF, "--out", tmp_path / "r.parquet"] if command == "recommend" else []
    message = refused(command, book, "--model", model, "--settings", tmp_path / "long.yaml", *more)
    assert "outcome.horizon_days: expected 14 days, as the model, found 30 days in the settings" in message


def test_a_night_on_which_nobody_is_overdue_gives_empty_tables(broken, model, tmp_path):
    source = broken("instalments", lambda t: t.set_column(1, "due_on", pa.array([date(2027, 1, 1)] * len(t))).slice(0, 400))
    for suffix in ("parquet", "csv"):
        out = tmp_path / f"recs.{suffix}"
        said = run("recommend", source, "--as-of", AS_OF, "--model", model, "--out", out, "--settings", lenient(tmp_path))
        assert said.code == 0, said.err
        assert "0 decisions, 0 standing, 600 borrowers left out" in said.out
    assert pq.read_table(tmp_path / "recs.parquet").num_rows == 0
    assert pq.read_table(tmp_path / "recs.excluded.parquet").num_rows == 600


def lenient(folder):
    """Moving every due day to one makes duplicates: this settings file lets them be set aside."""
    path = folder / "lenient.yaml"
    path.write_text("quality: {max_bad_share: 1.0}\n", encoding="utf-8")
    return path
