"""The model card, and a run made again from its record: what validators read is what was, to the byte."""

import json
import re
from dataclasses import replace

import pytest
from fake_tracker import FakeTracker
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.serving import cli_model
from lighttouch.serving.settings import Settings
from lighttouch.training.alarm import Alarm
from lighttouch.training.alarms.kept import ALARM_FACT, alarms_to_fact
from lighttouch.training.gate.hold import closed
from lighttouch.training.registry.tracker import RunRecord
from lighttouch.training.runs.account import account_of
from lighttouch.training.runs.model_card import gate_card, model_card
from lighttouch.training.runs.recipe import RECIPE_PAGE, Recipe
from lighttouch.training.runs.record import record_of
from lighttouch.training.runs.run import train_book
from trained import QUICK

SECTIONS = (
    "Intended use", "Data", "Target", "Arms", "Digests", "Training set by arm", "Performance", "Calibration", "Doses",
    "Support", "What moves it", "Alarms raised", "Gate", "What intervals claim", "Limits", "How to reproduce",

)  # fmt: skip


@pytest.fixture(scope="module")
def account(trained):
    return account_of(trained.run, trained.settings)


@pytest.fixture(scope="module")
def card(trained, account):
    return model_card(trained.run, account)


@pytest.fixture(scope="module")
def recipe(trained):
    return Recipe.of(trained.run, QUICK, "book", Settings().to_dict())


def test_a_card_has_every_section_once_and_in_order(card):
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert len(titles) == len(SECTIONS)
    assert all(title.startswith(section) for title, section in zip(titles, SECTIONS, strict=True))


def test_a_card_says_what_the_run_was(card, trained, account):
    run = trained.run
    assert run.bundle.version in card
    assert run.bundle.facts["first_as_of"] in card
    assert all(digest in card for digest in run.origin.values())
    assert all(f"`{name}`" in card for name in run.bundle.arms.names)
    for name, count in zip(run.bundle.arms.names, run.bundle.response.artefact.support.counts, strict=True):
        assert f"| {name} | {count} |" in card
    for row in account.calibration.to_dict("records"):
        assert f"| {row['arm']} | {row['decisions']} | {row['predicted']:,.4g} | {row['observed']:,.4g} |" in card
    for row in run.verdict.values.to_dict("records"):
        assert f"| {row['policy']} | {row['value']:,.4g} |" in card


def test_a_card_does_not_hide_what_rang(trained, account):
    alarm = Alarm("no overlap", "refuse", "a rule decided the arm.", arms=("call-weekly",))
    bundle = trained.run.bundle
    loud = replace(trained.run, bundle=bundle.with_facts(bundle.facts | {ALARM_FACT: alarms_to_fact([alarm])}))
    assert "- refuse: no overlap: a rule decided the arm." in model_card(loud, account)
    never_asked = {name: text for name, text in bundle.facts.items() if name != ALARM_FACT}
    assert "The log was never asked." in model_card(replace(trained.run, bundle=bundle.with_facts(never_asked)), account)


def test_the_card_of_the_gate_says_what_the_gate_said(trained):
    shut = gate_card(trained.run.bundle, closed("it is the champion already."), trained.run.origin)
    assert "The gate closed: it does not decide" in shut
    assert "- it is the champion already." in shut


def test_a_card_is_among_the_pages_of_a_run_with_the_tables_behind_it(card, trained, account):
    pages = record_of(trained.run, trained.folder, QUICK, account).pages
    assert pages["model_card.md"] == card
    assert {"qini.csv", "curves.csv", "doses.csv", "calibration.csv", "support.csv", "families.csv"} <= set(pages)


def test_a_recipe_reads_back_as_it_was_written(recipe):
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert again.options == QUICK
    assert Settings.from_dict(again.settings) == Settings()
    assert again.changes() == ()


def test_a_run_made_again_from_its_record_has_the_same_bytes_on_another_number_of_threads(recipe, trained, tmp_path):
    kept = Recipe.from_json(recipe.to_json())
    settings, options = Settings.from_dict(kept.settings), replace(kept.options, threads=2)
    with Book.from_arrow(trained.world.tables) as book:
        kept.check(book)
        run = train_book(book, settings.arms, settings.policy, tmp_path / "again", options)
    kept.compare(run)
    files = {path.relative_to(trained.folder): path.read_bytes() for path in trained.folder.rglob("*") if path.is_file()}
    found = {p.relative_to(tmp_path / "again"): p.read_bytes() for p in (tmp_path / "again").rglob("*") if p.is_file()}
    assert found == files


def test_other_tables_or_another_model_than_the_runs_are_refused(recipe, trained):
    with Book.from_arrow(trained.world.tables) as book, pytest.raises(InvalidInput, match="those of the run"):
        replace(recipe, origin=recipe.origin | {"data_digest": "0" * 16}).check(book)
    with pytest.raises(InvalidInput, match="byte for byte"):
        replace(recipe, model_version="0" * 12).compare(trained.run)


def test_what_changed_since_the_run_is_named(recipe):
    older = replace(recipe, versions=recipe.versions | {"lightgbm": "3.0"}, origin=recipe.origin | {"code_digest": "abc"})
    assert [change.split(":")[0] for change in older.changes()] == ["code_digest", "lightgbm"]


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"format": "lighttouch-run/0"}), "<html>"])
def test_a_page_that_is_no_recipe_is_refused(text):
    with pytest.raises(InvalidInput, match="lighttouch-run/1"):
        Recipe.from_json(text)


def test_settings_of_a_run_read_back_whatever_they_say(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("outcome: {horizon_days: 21}\ngate: {level: 0.1}\n", encoding="utf-8")
    read = Settings.read(file)
    assert Settings.from_dict(json.loads(json.dumps(read.to_dict()))) == read
    assert read.arms.names == default_arms().names


def test_train_like_takes_everything_from_the_run_and_refuses_another_model(recipe, trained, tmp_path, monkeypatch, capsys):
    asked, folder = [], tmp_path / "model"

    def train(*told):
        asked.append(told)
        told[2].mkdir()
        (told[2] / "made").write_text(str(len(asked)))
        return trained.run

    monkeypatch.setattr(cli_model, "train_source", train)
    tracker = FakeTracker([RunRecord("kept", pages={RECIPE_PAGE: recipe.to_json()})])
    cli_model.train_again("0", None, folder, tracker)
    assert [(*one[:2], *one[3:]) for one in asked] == [("book", Settings(), QUICK, recipe)]
    assert f"byte for byte: version {trained.run.bundle.version}" in " ".join(capsys.readouterr().out.split())
    assert len(tracker.runs) == 1
    tracker.runs[0] = RunRecord("kept", pages={RECIPE_PAGE: replace(recipe, model_version="0" * 12).to_json()})
    capsys.readouterr()
    with pytest.raises(InvalidInput, match="byte for byte"):
        cli_model.train_again("0", "elsewhere", folder, tracker)
    # What was in the folder stays: it may be a good model.
    assert (folder / "made").read_text() == "1"
    assert list(tmp_path.iterdir()) == [folder]
    # Another model's verdict would be a look at the final fold that nobody counts.
    assert "value per decision" not in capsys.readouterr().out
    assert asked[1][0] == "elsewhere"
