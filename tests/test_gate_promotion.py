"""Promotion and rollback: what moves in the registry, what stays, and what is kept of each verdict."""

from dataclasses import replace

import numpy as np
import pytest
from fake_tracker import FakeTracker
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.training.alarms.kept import ALARM_FACT
from lighttouch.training.gate import hold as gate_module
from lighttouch.training.gate.checks import Check
from lighttouch.training.promotion import Candidates, promote, rollback
from lighttouch.training.registry.provenance import code_digest, features_digest
from lighttouch.training.registry.tracker import FOLD_TAG, MODEL_TAG, Standing
from lighttouch.training.registry.tracking import MlflowTracker

NAME = "contact-response"
ARMS = default_arms()


@pytest.fixture(scope="module")
def book(trained):
    with Book.from_arrow(trained.world.tables) as book:
        yield book


@pytest.fixture(scope="module")
def folders(trained, tmp_path_factory):
    """Four models that differ only in what they say of themselves."""
    room = tmp_path_factory.mktemp("models")
    bundle = trained.run.bundle
    for k in range(4):
        bundle.with_facts({**bundle.facts, ALARM_FACT: "[]", "try": str(k)}).save(room / str(k))
    return [room / str(k) for k in range(4)]


@pytest.fixture
def tracker(folders):
    tracker = FakeTracker()
    tracker.add(folders[0], NAME)
    return tracker


@pytest.fixture
def says(monkeypatch):
    """Let the questions of the gate have a set answer; attempts, fold and registry are the real ones."""

    def answer(*, yes):
        real = gate_module.hold

        def hold(*arguments):
            check = Check("a question", 0.0, 0.0, "the answer.", passed=yes)
            return replace(real(*arguments), checks=(check,))

        monkeypatch.setattr("lighttouch.training.promotion.hold", hold)

    return answer


def promoted(book, tracker, trained):
    return promote(book, Candidates.load(tracker, NAME), tracker, trained.settings)


def test_a_challenger_that_passes_is_champion_and_one_that_does_not_leaves_the_champion(book, tracker, trained, folders, says):
    says(yes=True)
    first = promoted(book, tracker, trained)
    assert (first.before.champion, first.after.champion) == (None, "1")
    tracker.add(folders[1], NAME)
    says(yes=False)
    second = promoted(book, tracker, trained)
    assert not second.verdict.passed
    assert tracker.standing(NAME) == Standing(NAME, "1", "2")


def test_the_gate_itself_keeps_a_model_of_thirty_trees_on_four_hundred_decisions_out(book, tracker, trained):
    found = promoted(book, tracker, trained)
    assert not found.verdict.passed
    assert tracker.standing(NAME).champion is None
    assert len(found.verdict.reasons) >= 2


def test_every_look_at_the_fold_is_an_attempt_and_the_same_candidate_is_one(book, tracker, trained, folders, says):
    says(yes=False)
    found = [promoted(book, tracker, trained).verdict, promoted(book, tracker, trained).verdict]
    for folder in folders[1:3]:
        tracker.add(folder, NAME)
        found.append(promoted(book, tracker, trained).verdict)
    tracker.add(folders[0], NAME)
    found.append(promoted(book, tracker, trained).verdict)
    assert [verdict.attempt for verdict in found] == [1, 1, 2, 3, 1]
    assert len({verdict.fold for verdict in found}) == 1
    assert found[0].table.equals(found[1].table)


def test_a_training_run_that_was_judged_on_the_fold_has_taken_its_place(book, trained, folders, says):
    says(yes=False)
    tracker = FakeTracker()
    tracker.add(folders[3], "another", {FOLD_TAG: trained.run.final_fold, MODEL_TAG: "somebody else's"})
    tracker.add(folders[0], NAME)
    assert promoted(book, tracker, trained).verdict.attempt == 2


def test_a_verdict_is_kept_with_reasons_figures_and_digests(book, tracker, trained):
    found = promoted(book, tracker, trained)
    record = tracker.runs[int(found.run.run_id)]
    assert record.model is None
    assert record.tags["gate"] == "refused"
    assert record.tags[FOLD_TAG] == found.verdict.fold
    assert record.tags[MODEL_TAG] == Candidates.load(tracker, NAME).challenger.version
    assert (record.tags["attempt"], record.tags["challenger_version"], record.tags["champion_version"]) == ("1", "1", "none")
    assert record.tags["features_digest"] == features_digest()
    assert record.tags["code_digest"] == code_digest()
    assert record.tags["settings_version"] == trained.settings.version
    assert record.tags["rules_version"].startswith("house@")
    assert "data_digest" in record.tags
    assert record.pages["reasons.txt"].splitlines() == list(found.verdict.reasons)
    assert record.metrics["gate passed"] == 0.0
    figures = {check.name: check.figure for check in found.verdict.checks}
    assert record.metrics["gate/harm"] == figures["harm"]
    assert np.isfinite(list(record.metrics.values())).all()


def test_what_is_champion_already_or_was_taken_back_is_not_judged_again(book, tracker, trained, folders, says):
    says(yes=True)
    promoted(book, tracker, trained)
    runs = len(tracker.runs)
    assert promoted(book, tracker, trained).verdict.reasons == ("version 1 is the champion already.",)
    tracker.add(folders[0], NAME)
    assert "same model, byte for byte" in promoted(book, tracker, trained).verdict.reasons[0]
    tracker.add(folders[1], NAME)
    assert promoted(book, tracker, trained).after.champion == "3"
    rollback(tracker, NAME)
    assert "has been rolled back by a person" in promoted(book, tracker, trained).verdict.reasons[0]
    # Two models were registered since, one verdict was kept: nothing else looked at the fold.
    assert len(tracker.runs) == runs + 3


def test_rollback_goes_back_champion_by_champion_and_then_says_that_there_is_none():
    tracker = FakeTracker(standings={NAME: Standing(NAME, "5", "6", ("1", "3"))})
    assert [rollback(tracker, NAME)[1].champion for _ in range(2)] == ["3", "1"]
    assert tracker.standing(NAME) == Standing(NAME, "1", "6", (), ("5", "3"))
    with pytest.raises(InvalidInput, match="expected a champion and one before it, found version 1, and none before it"):
        rollback(tracker, NAME)
    with pytest.raises(InvalidInput, match="found no champion"):
        rollback(FakeTracker(standings={NAME: Standing(NAME, None, "1")}), NAME)


def test_without_a_challenger_there_is_nothing_to_promote():
    with pytest.raises(InvalidInput, match="expected a challenger, found none"):
        Candidates.load(FakeTracker(standings={NAME: Standing(NAME)}), NAME)


def test_the_digest_of_the_code_is_that_of_its_lines(monkeypatch):
    sources = [("training/a.py", b"x = 1\n")]
    monkeypatch.setattr("lighttouch.training.registry.provenance._sources", lambda *_: iter(sources))
    one = code_digest.__wrapped__()
    sources[0] = ("training/a.py", b"x = 1\r\n")
    assert code_digest.__wrapped__() == one
    sources[0] = ("training/a.py", b"x = 2\n")
    assert code_digest.__wrapped__() != one


def test_the_gate_works_on_the_real_store(book, trained, folders, tmp_path, says):
    says(yes=True)
    tracker = MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "files")
    fake = FakeTracker()
    for folder in folders[:2]:
        fake.add(folder, NAME)
        record = replace(fake.runs[-1], inputs=trained.run.bundle.inputs, outputs=tuple(ARMS.names))
        tracker.register(tracker.log(record), NAME)
        assert promoted(book, tracker, trained).verdict.attempt == int(tracker.standing(NAME).challenger)
    assert tracker.standing(NAME) == Standing(NAME, "2", "2", ("1",))
    rollback(tracker, NAME)
    assert tracker.standing(NAME) == Standing(NAME, "1", "2", (), ("2",))
