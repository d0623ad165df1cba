"""Bad input at the command line: what was expected, what was found, where, what to do; and nothing half-written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import AS_OF, refused, run

pytestmark = pytest.mark.usefixtures("quick")


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


def test_an_unknown_borrower_is_refused(shop):
    assert "expected borrower 'B-nobody', found no such borrower" in refused(
        "explain", shop.room / "recs.parquet", "--borrower", "B-nobody"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--table", "x.csv"], "--table needs --arm and --outcome"),
        (["train"], "Name the event tables, or one flat table with --table"),
        (["features"], "Name the tables, --as-of and --out, or ask for --list"),
        (["recommend", "book"], "Missing option"),
        (["train", "book", "--table", "x.csv"], "Name either the event tables or --table, not both"),
        (
            ["train", "--table", "x.csv", "--arm", "a", "--outcome", "b", "--settings", "s.yaml", "--select", 0.2],
            "--select, --settings would be ignored: a flat table has no settings",
        ),
        (
            [
                "train",
                "book",
                "--arm",
                "a",
                "--outcome",
                "b",
                "--propensity",
                0.5,
                "--group",
                "g",
                "--baseline",
                "none",
                "--drop",
                "d",
            ],
            "--arm, --baseline, --drop, --group, --outcome, --propensity would be ignored: only --table has columns to name",
        ),
        (
            ["train", "--like", "0" * 32, "--table", "x.csv", "--arm", "a", "--drop", "d", "--seed", 3, "--select", 0.1],
            "beside it only the tables and --save, not --arm, --drop, --seed, --select.",
        ),
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


def test_faults_of_every_section_of_a_settings_file_come_at_once(book, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "arms: {none: {}, sms-weekly: {smss: 1}, call-weekly: {call: -1}}\nmargn: 1.0\nharm_price: -3\n"
        "ledger: {booking_zon: UTC}\nquality: {max_bad_share: 3}\ngate: {level: 0.9, harm_limt: 0.1}\n",
        encoding="utf-8",
    )
    message = refused("train", book, "--settings", tmp_path / "bad.yaml", "--save", tmp_path / "model")
    assert "8 faults" in message
    for word in (
        "arm 'sms-weekly': expected a channel out of",
        "arm 'call-weekly', channel 'call': expected a finite number",
        "bad.yaml: margn: expected a known key, found 'margn'. Did you mean 'margin'? Known keys:",
        "bad.yaml: harm_price: expected greater than or equal to 0, found -3.",
        "ledger.booking_zon: expected a known key, found 'booking_zon'. Did you mean 'booking_zone'? Known keys: ",
        "quality.max_bad_share: expected less than or equal to 1, found 3.",
        "gate.level: expected less than 0.5, found 0.9.",
        "gate.harm_limt: expected a known key",
    ):
        assert word in message
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_pack_that_is_not_there_is_refused_before_anything_is_trained(book, tmp_path):
    (tmp_path / "pack.yaml").write_text("packs: [hause]\n", encoding="utf-8")
    message = refused("train", book, "--settings", tmp_path / "pack.yaml", "--save", tmp_path / "model")
    assert "found 'hause'" in message
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["a/b", "a:b", " "])
def test_a_name_that_no_registry_takes_is_refused_before_anything_is_trained(name, book, tmp_path):
    message = refused("train", book, "--register", name, "--save", tmp_path / "model")
    assert f"the model's name: expected a word without '/', ':' and '@', found {name!r}" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "rollback", "promote"])
def test_a_run_or_a_name_that_the_registry_does_not_know_is_refused(command, book, tmp_path):
    more = {
        "train": [book, "--like", "0" * 32, "--save", tmp_path / "model"],
        "rollback": ["--name", "nobody"],
        "promote": [book, "--name", "nobody"],
    }
    message = refused(command, *more[command])
    assert "not found" in message
    assert "Stores known here: sqlite:///" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "evaluate", "rollback"])
def test_a_tracking_store_that_is_damaged_is_told_before_anything_is_computed(command, shop, tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTTOUCH_VAR", str(tmp_path))
    (tmp_path / "mlflow.db").write_text("no database", encoding="utf-8")
    where = {"train": [shop.book, "--save", tmp_path / "model"], "evaluate": [shop.book, "--model", shop.model], "rollback": []}
    message = refused(command, *where[command])
    assert "the tracking store sqlite:///" in message
    assert "expected an MLflow store that answers, found (sqlite3.DatabaseError) file is not a database" in message
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_seed_below_zero_is_refused(book):
    said = run("train", book, "--seed", -1)
    assert said.code == 2
    assert "Invalid value for '--seed'" in said.err


def test_a_file_that_is_no_recommendation_table_is_refused(book, tmp_path):
    (tmp_path / "text.parquet").write_text("no Parquet", encoding="utf-8")
    for file, found in (
        (tmp_path / "nothing.parquet", "no such file"),
        (tmp_path / "text.parquet", "a file that is not Parquet"),
        (book / "loans.parquet", "a table without decision_id, as_of, commit_until, windows"),
    ):
        message = refused("recheck", file, book, "--at", "2026-11-23T02:00Z")
        assert f"expected a recommendation table as Parquet, found {found}." in message
        if file.parent == tmp_path:
            assert found in refused("explain", file, "--borrower", "B1", "--lang", "zh")


def test_a_card_of_another_kind_beside_the_recommendations_is_refused(shop, book, tmp_path):
    shutil.copy(shop.room / "recs.parquet", tmp_path / "recs.parquet")
    (tmp_path / "recs.run.json").write_text("{", encoding="utf-8")
    message = refused("recheck", tmp_path / "recs.parquet", book, "--at", "2026-11-23T02:00Z")
    assert "recs.run.json: expected the card of a night's run" in message


def test_an_impossible_plan_is_refused_with_all_its_faults(book):
    message = refused("plan-experiment", book, "--explore", "2", "--power", 3, "--effect", -1)
    assert "3 faults" in message
    assert "exploration share: expected between 0 and 1, found 2." in message
    assert "exploration shares: expected at least one" in refused("plan-experiment", book, "--explore", "")
    message = refused("plan-experiment", book, "--explore", "0.1,abc,0.2,x", "--power", 2, "--effect", -3)
    assert "4 faults" in message
    for word in (
        "--explore: expected shares by comma, such as 0.05,0.1, found 'abc'",
        "found 'x'",
        "power: ",
        "effect: expected above 0",
    ):
        assert word in message
    # Words that are no shares do not ring a second time as no share at all.
    assert "faults" not in refused("plan-experiment", book, "--explore", "abc")


def test_an_audit_does_not_replace_a_folder_of_other_files(book, model, tmp_path):
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    message = refused("audit", book, "--model", model, "--out", tmp_path)
    assert "expected a new folder or one with an audit only, found letter.txt" in message
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("command", ["audit", "features"])
def test_an_instant_without_a_zone_is_told_before_the_book_is_read(command, book, model, tmp_path):
    more = ["--model", model] if command == "audit" else []
    said = run(command, book, "--as-of", "2026-11-01T22:00", "--out", tmp_path / "out", *more)
    assert said.code == 1
    assert "found 2026-11-01T22:00:00 without one" in " ".join(said.err.split())
    assert "checking" not in said.out


def test_an_as_of_before_the_first_posting_is_refused(book, model, tmp_path):
    message = refused("recommend", book, "--as-of", "2020-01-01T22:00Z", "--model", model, "--out", tmp_path / "r.parquet")
    assert "StaleLedger: The ledger of the whole book has no posting before as_of" in message
