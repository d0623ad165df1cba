"""A run on one flat table made again from its record: the same table, the same bytes; another table is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import refused, run
from fake_tracker import FakeTracker
from lighttouch.data.errors import Fault, InvalidInput
from lighttouch.serving import cli_model
from lighttouch.training.flat.recipe import FlatRecipe
from lighttouch.training.flat.record import flat_record
from lighttouch.training.flat.run import table_digest, train_flat
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.registry.tracker import RunRecord
from lighttouch.training.runs.recipe import RECIPE_PAGE, Recipe

ODDS = {"none": 0.6, "letter": 0.4}
STATED = {"column": "odds", "number": 0.5, "by arm": ODDS, "estimated": None}


def table_of(form):
    rng = np.random.default_rng(0)
    n = 1_200
    arm = rng.choice(list(ODDS), n, p=list(ODDS.values()) if form in {"by arm", "column"} else None)
    table = pd.DataFrame({"arm": arm, "age": rng.normal(40, 9, n), "city": rng.choice(["Rome", "Oslo"], n), "row": range(n)})
    table["paid"] = (rng.random(n) < np.where(arm == "letter", 0.6, 0.2)).astype(int)
    return table.assign(odds=table["arm"].map(ODDS)) if form == "column" else table


def made(form, folder, seed=3):
    """Train on a table in a file; return the record, and the file."""
    path = folder / "experiment.csv"
    table_of(form).to_csv(path, index=False)
    result = train_flat(
        cli_model.read_table(path, "arm"), arm="arm", outcome="paid", propensity=STATED[form], drop=["row"], seed=seed,
        holdout_share=0.4, boosting=Boosting(rounds=10, leaves=5, pairs=1), n_threads=1,
    )  # fmt: skip
    return flat_record(result, folder / "model", str(path)), path


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", STATED)
def test_a_flat_run_made_again_has_the_same_bytes_however_its_odds_were_stated(form, tmp_path, capsys):
    record, _ = made(form, tmp_path)
    tracker = FakeTracker([record])
    cli_model.train_again("0", None, tmp_path / "again", tracker)
    assert content(tmp_path / "again") == content(tmp_path / "model")
    assert f"byte for byte: version {record.tags['model_version']}" in " ".join(capsys.readouterr().out.split())
    assert len(tracker.runs) == 1


def test_a_recipe_of_a_flat_run_names_all_that_made_it_and_reads_back_as_it_was_written(tmp_path):
    record, path = made("by arm", tmp_path)
    page = record.pages[RECIPE_PAGE]
    recipe = FlatRecipe.from_json(page)
    assert recipe.to_json() == page
    assert recipe.source == str(path)
    assert recipe.options == {
        "arm": "arm", "outcome": "paid", "propensity": ODDS, "group": None, "baseline": None, "drop": ("row",),
        "holdout_share": 0.4, "seed": 3, "confidence": 0.95, "boosting": Boosting(rounds=10, leaves=5, pairs=1),
    }  # fmt: skip
    assert recipe.changes() == ()
    assert record.tags["data_digest"] == recipe.origin["data_digest"]


def test_a_table_that_was_moved_is_named_and_one_that_was_changed_is_refused(tmp_path):
    record, path = made("number", tmp_path)
    tracker = FakeTracker([record])
    moved = tmp_path / "elsewhere.csv"
    shutil.move(path, moved)
    with pytest.raises(InvalidInput, match=r"experiment\.csv: expected a Parquet or CSV file, found no file"):
        cli_model.train_again("0", None, tmp_path / "again", tracker)
    cli_model.train_again("0", None, tmp_path / "again", tracker, moved)
    assert content(tmp_path / "again") == content(tmp_path / "model")
    table = pd.read_csv(moved, keep_default_na=False)
    table.assign(age=table["age"].where(table["row"] != 7, 41.0)).to_csv(moved, index=False)
    with pytest.raises(InvalidInput, match=r"the table: expected that of the run, digest \w+, found digest .*experiment\.csv"):
        cli_model.train_again("0", None, tmp_path / "changed", tracker, moved)
    assert not (tmp_path / "changed").exists()


def test_a_model_that_came_out_other_than_the_runs_is_refused(tmp_path):
    record, _ = made("number", tmp_path)
    page = record.pages[RECIPE_PAGE]
    other = json.dumps(json.loads(page) | {"model_version": "0" * 12})
    with pytest.raises(InvalidInput, match=r"expected version 0{12}, byte for byte"):
        cli_model.train_again("0", None, tmp_path / "again", FakeTracker([RunRecord("kept", pages={RECIPE_PAGE: other})]))


def test_tables_of_the_other_kind_than_the_runs_are_refused(tmp_path):
    record, path = made("number", tmp_path)
    with pytest.raises(InvalidInput, match="expected tables for a run on one flat table, found a book"):
        cli_model.train_again("0", "a book", tmp_path / "again", FakeTracker([record]))
    of_a_book = Recipe("book", {}, cli_model.TrainOptions(), "0" * 12, {"data_digest": ""}, {}).to_json()
    with pytest.raises(InvalidInput, match=r"expected tables for a run on event tables, found .*experiment\.csv"):
        cli_model.train_again("0", None, tmp_path, FakeTracker([RunRecord("kept", pages={RECIPE_PAGE: of_a_book})]), path)


@pytest.mark.usefixtures("quick")
def test_the_command_makes_a_flat_run_again_and_refuses_another_table(experiment, tmp_path):
    columns = ["--arm", "arm", "--outcome", "paid", "--propensity", "none=0.5,letter=0.5", "--seed", 1]
    learnt = run("train", "--table", experiment, *columns, "--save", tmp_path / "model")
    assert learnt.code == 0, learnt.err
    (kept,) = (line.split()[1] for line in learnt.out.splitlines() if line.startswith("run: "))
    said = run("train", "--like", kept, "--save", tmp_path / "again")
    assert said.code == 0, said.err
    assert "the same model, byte for byte" in said.out
    assert content(tmp_path / "again") == content(tmp_path / "model")
    other = tmp_path / "other.csv"
    other.write_text("".join(Path(experiment).read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert "expected that of the run, digest" in refused("train", "--like", kept, "--table", other, "--save", tmp_path / "no")


def test_a_model_that_is_another_leaves_the_folder_as_it_was(tmp_path):
    record, _ = made("number", tmp_path)
    folder = record.model
    before = content(folder)
    page = json.loads(record.pages[RECIPE_PAGE])
    page["options"]["seed"] = 4
    tracker = FakeTracker([RunRecord("kept", pages={RECIPE_PAGE: json.dumps(page)})])
    with pytest.raises(InvalidInput, match="byte for byte"):
        cli_model.train_again("0", None, folder, tracker)
    assert content(folder) == before


def test_a_recipe_that_lacks_a_part_is_told(tmp_path):
    record, _ = made("number", tmp_path)
    page = json.loads(record.pages[RECIPE_PAGE])
    del page["origin"]
    with pytest.raises(InvalidInput, match=r"expected the keys source, options, .*It was changed by hand"):
        FlatRecipe.from_json(json.dumps(page, indent=2))


def test_names_of_columns_tell_tables_apart():
    values = np.ones((3, 2))
    first, second = (pd.DataFrame(values, columns=names) for names in (["a b", "c"], ["a", "b c"]))
    assert table_digest(first) != table_digest(second)


def test_a_run_that_cannot_be_kept_leaves_the_model_of_the_last_one(experiment, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    named = ("--table", experiment, "--arm", "arm", "--outcome", "paid", "--propensity", "0.5", "--save", folder)
    run("train", *named)
    before = content(folder)

    def full(*_):
        raise InvalidInput([Fault("the store", "room", "none", "")])

    monkeypatch.setattr(cli_model, "keep", full)
    assert "the store: expected room" in refused("train", *named, "--seed", 5)
    assert content(folder) == before
    monkeypatch.undo()
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    assert "expected a new folder or a saved model, found a file" in refused("train", *named[:-1], file)
    assert file.read_text() == "mine"
