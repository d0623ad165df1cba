"""Commands after training: a run made again, the gate, the way back, what contacts buy, who gets them, what would decide."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from command_line import AS_OF, refused, run, too_wide
from lighttouch.data.errors import Fault, InvalidInput
from lighttouch.serving.environment import Environment
from lighttouch.training.gate import hold as gate_module
from lighttouch.training.gate.checks import Check
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.registry.tracker import FOLD_TAG, MODEL_TAG, SETTINGS_TAG
from lighttouch.training.registry.tracking import MlflowTracker
from mlflow import MlflowClient

pytestmark = pytest.mark.usefixtures("quick")
SENDING = "2026-11-23T02:00Z"


def run_id(said):
    return re.search(r"^run: (\w+)", said.out, re.MULTILINE).group(1)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def the_gate_says_yes(monkeypatch):
    """Let the gate's one question be passed; fold, attempts and registry are the real ones."""
    real = gate_module.hold

    def hold(*arguments):
        return replace(real(*arguments), checks=(Check("a question", 0.0, 0.0, "the answer.", passed=True),))

    monkeypatch.setattr("lighttouch.training.promotion.hold", hold)


def test_a_run_made_again_is_the_same_model_byte_for_byte(shop, tmp_path):
    said = run("train", "--like", run_id(shop.learnt), "--save", tmp_path / "again")
    assert said.code == 0, said.err
    assert "the same model, byte for byte" in said.out
    assert files(tmp_path / "again") == files(shop.model)


def test_a_run_is_not_made_again_on_other_tables(shop, broken, tmp_path):
    source = broken("payments", lambda table: table.slice(0, table.num_rows - 1))
    message = refused("train", source, "--like", run_id(shop.learnt), "--save", tmp_path / "again")
    assert "the event tables: expected those of the run, digest" in message
    assert not (tmp_path / "again").exists()


def test_promote_ends_with_status_1_and_every_reason_where_the_gate_is_closed(shop):
    said = run("promote", shop.book)
    assert said.code == 1
    assert said.err == ""
    assert "The gate is closed" in said.out
    assert len(re.findall(r"^  - ", said.out, re.MULTILINE)) >= 2
    assert "champion of contact-response: none, as before" in said.out
    assert too_wide(said, shop.room) == []


def test_rollback_goes_back_to_the_champion_before_and_then_says_that_there_is_none(shop, the_gate_says_yes, tmp_path):
    versions = []
    for seed in (1, 2):
        learnt = run("train", shop.book, "--seed", seed, "--save", tmp_path / "model", "--register", "two")
        assert learnt.code == 0, learnt.err
        versions.append(ModelBundle.load(tmp_path / "model").version)
        said = run("promote", shop.book, "--name", "two")
        assert said.code == 0, said.err
    assert "champion of two: version 1 -> version 2" in said.out
    assert version_that_decides(shop, "two", tmp_path) == versions[1] != versions[0]
    back = run("rollback", "--name", "two")
    assert back.code == 0
    assert "champion of two: version 2 -> version 1" in back.out
    assert version_that_decides(shop, "two", tmp_path) == versions[0]
    assert "expected a champion and one before it, found version 1" in refused("rollback", "--name", "two")


def version_that_decides(shop, name, folder):
    said = run(
        "recommend", shop.book, "--as-of", AS_OF, "--model", f"models:/{name}@champion", "--out", folder / "recs.parquet"
    )
    assert said.code == 0, said.err
    return json.loads((folder / "recs.run.json").read_text(encoding="utf-8"))["model_version"]


def test_the_frontier_is_printed_and_written(shop, tmp_path):
    said = run("frontier", shop.book, "--model", shop.model, "--points", 3, "--out", tmp_path / "bought")
    assert said.code == 0, said.err
    assert "recovery against contacts against complaints" in said.out
    assert too_wide(said, shop.room) == []
    table = pd.read_csv(tmp_path / "bought.csv")
    assert (table["policy"] == "frontier").sum() == 3
    assert (tmp_path / "bought.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_audit_is_printed_within_the_width_and_written(shop, tmp_path):
    said = run("audit", shop.book, "--model", shop.model, "--by", "region", "--out", tmp_path / "audit")
    assert said.code == 0, said.err
    assert too_wide(said, shop.room) == []
    for word in ("contacts_recommended", "harm_added_log", "house.opt_out", "by region"):
        assert word in said.out
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {"audit.json", "groups.csv", "overrides.csv", "rules.csv"}


SHOWN = {
    "train": ("cli_model.show_run", ["--seed", 7]),
    "evaluate": ("cli_model.show_verdict", []),
    "frontier": ("cli_frontier._tell", ["--points", 2]),
    "audit": ("cli_audit.show_audit", ["--by", "region"]),
}


@pytest.mark.parametrize("command", SHOWN)
def test_what_shows_the_final_fold_is_kept_as_a_look_before_anything_is_shown(shop, tmp_path, monkeypatch, command):
    class InTheMiddle(Exception):
        pass

    def stop(*_):
        raise InTheMiddle

    show, more = SHOWN[command]
    monkeypatch.setattr(f"lighttouch.serving.{show}", stop)
    asked = [*more, *(["--save", tmp_path / "model"] if command == "train" else ["--model", shop.model])]
    asked += ["--out", tmp_path / "out"] if command in {"frontier", "audit"} else []
    client, known = MlflowClient(Environment.read().tracking_uri), run_id(shop.learnt)
    with pytest.raises(InTheMiddle):
        run(command, shop.book, *asked)
    experiment = client.get_run(known).info.experiment_id
    (last,) = client.search_runs([experiment], order_by=["attributes.start_time DESC"], max_results=1)
    tags = last.data.tags
    assert last.info.run_name.startswith("book-" if command == "train" else f"{command}-")
    assert tags[FOLD_TAG] == client.get_run(known).data.tags[FOLD_TAG]
    judged = ModelBundle.load(tmp_path / "model" if command == "train" else shop.model)
    assert tags[MODEL_TAG] == judged.version
    assert tags[SETTINGS_TAG] == client.get_run(known).data.tags[SETTINGS_TAG]


@pytest.mark.parametrize("command", ["frontier", "audit"])
def test_a_look_that_cannot_be_kept_leaves_nothing_to_look_at(shop, tmp_path, monkeypatch, command):
    def full(*_):
        raise InvalidInput([Fault("the store", "room", "none", "")])

    monkeypatch.setattr(MlflowTracker, "log", full)
    _, more = SHOWN[command]
    said = run(command, shop.book, "--model", shop.model, "--out", tmp_path / "out", *more)
    assert said.code == 1
    assert "the store: expected room" in said.err
    assert "from the log" not in said.out
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_is_planned_for_a_model_and_without_one(shop):
    for more, question in (["--model", shop.model], "the model's policy against"), ([], "against everyone: none"):
        said = run("plan-experiment", shop.book, "--explore", "0.1,0.5", *more)
        assert said.code == 0, said.err
        assert question in said.out
        assert re.findall(r"^ +(10|50)% ", said.out, re.MULTILINE) == ["10", "50"]
        assert too_wide(said, shop.room) == []


def test_at_the_moment_of_sending_every_open_window_is_answered(shop):
    said = run("recheck", shop.room / "recs.parquet", shop.book, "--at", SENDING)
    assert said.code == 0, said.err
    asked = int(re.search(r"asking about (\d+) windows", said.out).group(1))
    assert asked > 0
    assert len(re.findall(r"^\w+ B\d+ \w+: ", said.out, re.MULTILINE)) == asked


def test_a_receipt_is_given_in_chinese(shop):
    borrower = pd.read_parquet(shop.room / "recs.parquet")["borrower_id"].iloc[0]
    said = run("explain", shop.room / "recs.parquet", "--borrower", borrower, "--lang", "zh")
    assert said.code == 0, said.err
    assert said.out.startswith(f"借款人 {borrower}")
