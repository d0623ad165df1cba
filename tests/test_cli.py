"""The command line: the main job from one command to the next, and every bad input as a message instead of a traceback."""

import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.serving import cli_model
from lighttouch.serving.cli import main
from lighttouch.serving.recommendation import COLUMNS
from lighttouch.training.flat import train_flat
from trained import QUICK

AS_OF = "2026-11-20T22:00Z"


@dataclass
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run(*arguments):
    """Run the command line in this process; anything but a told error comes up and fails the test."""
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["lighttouch", *map(str, arguments)]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def refused(*arguments):
    """Run a command that must end with a message; return the message on one line."""
    said = run(*arguments)
    assert said.code == 1
    assert "Traceback" not in said.err
    return " ".join(said.err.split())


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Few trees and a room of its own for what runs produce."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LIGHTTOUCH_VAR", str(tmp_path_factory.mktemp("var")))
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        patched.setattr(cli_model, "TrainOptions", partial(cli_model.TrainOptions, boosting=QUICK.boosting, threads=1))
        patched.setattr(cli_model, "train_flat", partial(train_flat, boosting=QUICK.boosting, n_threads=1))
        yield


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def simulated(room):
    said = run("simulate", "--world", "confounded", "--borrowers", 600, "--days", 300, "--out", room / "book")
    assert said.code == 0, said.err
    return said


@pytest.fixture(scope="module")
def book(simulated, room):
    return room / "book"


@pytest.fixture(scope="module")
def learnt(book, room):
    said = run("train", book, "--save", room / "model", "--register", "contact-response")
    assert said.code == 0, said.err
    return said


@pytest.fixture(scope="module")
def model(learnt, room):
    return room / "model"


@pytest.fixture(scope="module")
def night(book, model, room):
    said = run("recommend", book, "--as-of", AS_OF, "--model", model, "--out", room / "recs.parquet")
    assert said.code == 0, said.err
    return said


@pytest.fixture(scope="module")
def experiment(room):
    rng = np.random.default_rng(0)
    n = 1_500
    arm = rng.choice(["none", "letter"], n)
    table = pd.DataFrame({"arm": arm, "age": rng.normal(40, 9, n).round(1), "city": rng.choice(["Rome", "Oslo"], n)})
    table["paid"] = (rng.random(n) < np.where(arm == "letter", 0.6, 0.3)).astype(int)
    table.to_csv(room / "experiment.csv", index=False)
    return room / "experiment.csv"


@pytest.fixture
def broken(book, tmp_path):
    """Return a function that copies the book and changes one table."""

    def change(table, edit):
        copy = tmp_path / "broken"
        shutil.copytree(book, copy)
        path = copy / f"{table}.parquet"
        pq.write_table(edit(pq.read_table(path)), path)
        return copy

    return change


def test_simulate_names_its_tables_and_what_comes_next(simulated, room):
    assert "lighttouch check" in simulated.out
    for name in ("borrowers", "payments", "decisions"):
        rows = pq.read_table(room / "book" / f"{name}.parquet").num_rows
        assert re.search(rf"{name}\s+{rows:,}\b", simulated.out)


def test_check_finds_nothing_wrong_with_a_simulated_book(book):
    said = run("check", book)
    assert said.code == 0
    assert re.search(r"payments\s+([\d,]+)\s+\1\s+0\s*\n", said.out)


def test_training_prints_what_the_policy_is_worth_and_where_to_look(learnt, model):
    assert "gain of the learnt policy over" in learnt.out
    for word in ("fixed: sms-every-3-days", "logged policy", "everyone: none", "mlflow ui --backend-store-uri sqlite:///"):
        assert word in learnt.out
    assert "models:/contact-response@challenger (version 1)" in learnt.out
    assert (model / "bundle.json").is_file()


def test_a_model_is_judged_again_with_the_same_figures(learnt, book, model):
    said = run("evaluate", book, "--model", model)
    assert said.code == 0, said.err
    row = re.compile(r"^fixed: sms-every-3-days.*$", re.MULTILINE)
    assert row.findall(said.out) == row.findall(learnt.out)


def test_recommend_writes_the_table_of_the_design_and_who_was_left_out(night, room, book):
    recs, left_out = (pd.read_parquet(room / name) for name in ("recs.parquet", "recs.excluded.parquet"))
    assert tuple(recs.columns) == COLUMNS
    assert set(recs["borrower_id"]) | set(left_out["borrower_id"]) == set(
        pq.read_table(book / "borrowers.parquet")["borrower_id"].to_pylist()
    )
    assert f"{len(left_out):,} borrowers left out" in night.out
    fresh = pd.read_parquet(room / "recs.decisions.parquet")
    assert set(fresh["decision_id"]) == set(recs.loc[~recs["standing"], "decision_id"])


def test_the_challenger_of_the_registry_recommends_the_same_in_csv(night, room, book):
    address = "models:/contact-response@challenger"
    said = run("recommend", book, "--as-of", AS_OF, "--model", address, "--out", room / "recs.csv")
    assert said.code == 0, said.err
    ours, theirs = pd.read_csv(room / "recs.csv"), pd.read_parquet(room / "recs.parquet")
    for name in ("decision_id", "borrower_id", "arm", "standing"):
        assert ours[name].tolist() == theirs[name].tolist()
    assert np.allclose(ours["value"], theirs["value"], equal_nan=True)


def test_a_dry_run_decides_and_writes_nothing(book, model, tmp_path, night):
    said = run("recommend", book, "--as-of", AS_OF, "--model", model, "--out", tmp_path / "recs.parquet", "--dry-run")
    assert said.code == 0
    assert "nothing was written" in said.out
    assert list(tmp_path.iterdir()) == []
    assert re.search(r"[\d,]+ decisions, [\d,]+ standing", said.out).group() in night.out


def test_explain_tells_one_borrower(night, room):
    recs = pd.read_parquet(room / "recs.parquet")
    borrower = recs.loc[~recs["standing"], "borrower_id"].iloc[0]
    said = run("explain", room / "recs.parquet", "--borrower", borrower)
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


def test_an_instant_without_a_zone_is_refused(book, model, tmp_path):
    message = refused("recommend", book, "--as-of", "2026-11-20T22:00", "--model", model, "--out", tmp_path / "r.parquet")
    assert (
        "as_of: expected an instant with a time zone, found 2026-11-20T22:00:00 without one. Write 2026-11-20T22:00Z."
        in message
    )
    assert "found 'tonight'" in refused("recommend", book, "--as-of", "tonight", "--model", model, "--out", tmp_path / "r")


def test_an_as_of_beyond_the_ledgers_limit_is_refused(book, model, tmp_path):
    message = refused("recommend", book, "--as-of", "2026-12-20T22:00Z", "--model", model, "--out", tmp_path / "r.parquet")
    assert re.search(r"StaleLedger: The ledger of the whole book is \d+\.\d days old at as_of, the limit is 3\.0 days", message)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_world_is_refused_and_the_known_ones_are_named(tmp_path):
    message = refused("simulate", "--world", "wonderland", "--out", tmp_path / "book")
    assert "world: expected one of randomised, confounded" in message
    assert "found 'wonderland'" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["check", "train", "recommend", "evaluate", "features"])
def test_a_folder_that_is_not_there_is_refused(command, model, tmp_path):
    out = ["--out", tmp_path / "o.parquet"]
    more = {"recommend": ["--as-of", AS_OF, "--model", model, *out], "evaluate": ["--model", model],
            "features": ["--as-of", AS_OF, *out]}  # fmt: skip
    message = refused(command, tmp_path / "nothing", *more.get(command, []))
    assert "expected a folder of tables" in message
    assert "found no such path" in message


def test_a_file_that_is_not_parquet_is_refused(book, tmp_path):
    shutil.copytree(book, tmp_path / "book")
    (tmp_path / "book" / "loans.parquet").write_text("loan_id\nL1\n", encoding="utf-8")
    assert "file 'loans.parquet': expected a Parquet file" in refused("check", tmp_path / "book")


def test_a_missing_column_is_shown_as_a_difference(broken):
    source = broken("payments", lambda t: t.rename_columns([{"posted_at": "postedat"}.get(n, n) for n in t.column_names]))
    message = refused("train", source)
    assert "- posted_at TIMESTAMP, required" in message
    assert "+ postedat (unknown; did you mean posted_at?)" in message


def test_timestamps_without_a_zone_are_refused(broken):
    source = broken("payments", lambda t: t.set_column(3, "paid_at", t["paid_at"].cast(pa.timestamp("us"))))
    assert "column 'paid_at' of table 'payments'" in (message := refused("check", source))
    assert "expected timestamps with a time zone" in message


def test_an_empty_table_is_refused(broken):
    assert "table 'loans'" in (message := refused("check", broken("loans", lambda t: t.slice(0, 0))))
    assert "expected rows, found none" in message


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("payments", "amount", "-5.00", "not_positive"),
        ("contacts", "channel", "fax", "unknown_channel"),
        ("payments", "payment_id", "P1", "duplicate"),
        ("payments", "paid_at", pd.Timestamp("1999-01-01", tz="UTC"), "paid_before_opening"),
    ],
)
def test_too_many_bad_rows_stop_the_run_and_say_what_is_wrong(broken, table, column, value, said):
    def spoil(t):
        wrong = pa.array([value] * len(t))
        return t.set_column(t.column_names.index(column), column, wrong.cast(t.schema.field(column).type))

    message = refused("train", broken(table, spoil))
    assert f"TooManyBadRows: Table '{table}'" in message
    assert said in message


def test_an_arm_that_the_catalogue_does_not_have_is_refused(book, tmp_path):
    (tmp_path / "few.yaml").write_text("arms: {none: {}, sms-weekly: {sms: 1}}\n", encoding="utf-8")
    message = refused("train", book, "--settings", tmp_path / "few.yaml")
    assert "TooManyBadRows: Table 'decisions'" in message
    assert "unknown_arm" in message
    assert "expected arms of the catalogue" in message


def test_a_few_bad_rows_are_set_aside_and_written_where_asked(broken, tmp_path):
    def spoil(t):
        amounts = t["amount"].to_pylist()
        amounts[7] = -amounts[7]
        return t.set_column(t.column_names.index("amount"), "amount", pa.array(amounts, t.schema.field("amount").type))

    said = run("check", broken("payments", spoil), "--quarantine", tmp_path / "bad.parquet")
    assert said.code == 0
    assert "not_positive" in said.out
    bad = pd.read_parquet(tmp_path / "bad.parquet")
    assert bad[["table", "row", "rule"]].to_numpy().tolist() == [["payments", 8, "not_positive"]]


def test_a_damaged_model_is_refused_and_the_file_is_named(book, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    file = tmp_path / "model" / "response" / "model.json"
    file.write_text(file.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
    message = refused("recommend", book, "--as-of", AS_OF, "--model", tmp_path / "model", "--out", tmp_path / "r.parquet")
    assert message.startswith("DamagedFile: ")
    assert "response/model.json" in message


@pytest.mark.parametrize("address", ["models:/nobody@champion", "no-such-folder"])
def test_a_model_that_is_not_there_is_refused(book, address, tmp_path):
    message = refused("recommend", book, "--as-of", AS_OF, "--model", address, "--out", tmp_path / "r.parquet")
    assert address in message
    assert "expected a registered model" in message or "expected a saved model" in message


def test_a_model_of_an_experiment_does_not_decide_on_a_book(experiment, book, tmp_path):
    run("train", "--table", experiment, "--arm", "arm", "--outcome", "paid", "--propensity", 0.5, "--save", tmp_path / "m")
    message = refused("recommend", book, "--as-of", AS_OF, "--model", tmp_path / "m", "--out", tmp_path / "r.parquet")
    assert "InvalidInput" in message
    assert not (tmp_path / "r.parquet").exists()


def test_an_output_that_cannot_be_written_is_refused_and_nothing_is_left(book, model, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    message = refused("recommend", book, "--as-of", AS_OF, "--model", model, "--out", tmp_path / "file" / "recs.parquet")
    assert "recs.parquet: expected a place that can be written" in message
    message = refused("simulate", "--borrowers", 5, "--days", 60, "--out", tmp_path / "file" / "book")
    assert "book: expected a place that can be written" in message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_borrower_is_refused(night, room):
    assert "expected borrower 'B-nobody', found no such borrower" in refused(
        "explain", room / "recs.parquet", "--borrower", "B-nobody"
    )


def test_an_unknown_column_is_refused_and_the_nearest_is_named(experiment):
    message = refused("train", "--table", experiment, "--arm", "arms", "--outcome", "piad", "--propensity", "0.5")
    assert "2 faults" in message
    assert "column 'arms' (arm): expected a column of the table, found no such column. Did you mean 'arm'?" in message
    assert "Did you mean 'paid'?" in message
    assert "Columns: arm, age, city, paid." in message


@pytest.mark.parametrize("name", ["nothing.parquet", "text.parquet", "empty.csv"])
def test_a_flat_table_that_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / "text.parquet").write_text("no Parquet", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    message = refused("train", "--table", tmp_path / name, "--arm", "a", "--outcome", "b")
    assert f"{name}: expected a Parquet or CSV file" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--table", "x.csv"], "--table needs --arm and --outcome"),
        (["train"], "Name the event tables, or one flat table with --table"),
        (["features"], "Name the tables, --as-of and --out, or ask for --list"),
        (["recommend", "book"], "Missing option"),
        (["explian"], "No such command"),
    ],
)
def test_a_command_used_wrongly_says_how_to_use_it(arguments, expected):
    said = run(*arguments)
    assert said.code == 2
    assert expected in " ".join(said.err.split())
    assert "Traceback" not in said.err


def test_an_installed_package_starts_and_tells_errors_without_a_traceback(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "lighttouch", "simulate", "--world", "wonderland", "--out", "book"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stderr.startswith("InvalidInput: world: expected one of randomised, confounded")
    assert "Traceback" not in found.stderr
    assert list(Path(tmp_path).iterdir()) == []
