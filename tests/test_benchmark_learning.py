"""What the contest of learners rests on: who is judged, what a share is, and that a fit which takes too long is ended."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from contest import jobs
from contest.cells import Cells
from contest.judge import Bench, calibration, choose, constant, contrast_error
from contest.stage import Stage, check
from contest.table import RULES, lower_bound, report, share
from contest.worlds import Draw, deal, hold_out, split
from lighttouch.data.arms import Arm, ArmCatalogue

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)])


def test_an_archive_holds_all_results_and_takes_the_place_of_none(tmp_path):
    here, there = Cells(tmp_path / "here"), Cells(tmp_path / "there")
    cell = {"world": "flat", "n": 5, "seed": 1, "learner": "plain LightGBM", "failure": ""}
    here.keep(cell)
    here.keep_tuning("plain LightGBM", 5, [{"config": {}, "failure": ""}])
    here.pack(tmp_path / "archive.jsonl")
    there.keep(cell | {"seed": 2})
    there.unpack(tmp_path / "archive.jsonl")
    assert [one["seed"] for one in there.all()] == [1, 2]
    assert there.tuning("plain LightGBM", 5) == here.tuning("plain LightGBM", 5)
    there.keep(cell | {"failure": "of today"})
    there.unpack(tmp_path / "archive.jsonl")
    assert there.find("flat", 5, 1, "plain LightGBM")["failure"] == "of today"
    there.unpack(tmp_path / "no archive")


def decisions(borrowers=30_000, each=3):
    n = borrowers * each
    zeros = np.zeros((n, 2))
    arrays = {"group": np.repeat(np.arange(borrowers), each), "y": np.zeros(n), "lawful": np.ones((n, 2), bool), "e": zeros}
    return Draw(arrays, (), ARMS, "")


def test_no_borrower_is_both_learnt_from_and_judged_on():
    world = decisions()
    fit, test = split(world, 20_000, seed=3)
    assert not set(world["group"][fit]) & set(world["group"][test])
    assert len(fit) == 20_000
    assert len(test) == 40_000


def test_more_rows_to_learn_from_hold_the_fewer_and_leave_the_judged_alone():
    world = decisions()
    few, judged = split(world, 10_000, seed=3)
    more, same = split(world, 30_000, seed=3)
    assert np.array_equal(more[:10_000], few)
    assert np.array_equal(judged, same)


def test_too_few_rows_are_said_and_not_made_up_for():
    with pytest.raises(SystemExit, match="draw more borrowers"):
        split(decisions(), 60_000, seed=3)


def test_the_held_out_quarter_keeps_borrowers_whole():
    group = np.repeat(np.arange(1_000), 4)
    held = hold_out(group, seed=1)
    assert (held.reshape(1_000, 4) == held.reshape(1_000, 4)[:, :1]).all()
    assert 0.2 < held.mean() < 0.3


def test_folds_keep_borrowers_whole_and_are_of_a_size():
    group = np.repeat(np.arange(1_000), 4)
    fold = deal(group, seed=1, folds=3)
    assert (fold.reshape(1_000, 4) == fold.reshape(1_000, 4)[:, :1]).all()
    assert np.bincount(fold).tolist() == [1_336, 1_332, 1_332]


def test_the_check_judges_policy_and_constant_on_folds_that_neither_was_chosen_on(monkeypatch):
    rng, n = np.random.default_rng(5), 6_000
    code, good = rng.integers(0, 2, n), rng.random(n) < 0.5
    # Texts help one half by 0.3 and harm the other by 0.2: for everyone they are better by 0.05, for whom they help by 0.15.
    response = np.column_stack([np.full(n, 0.4), np.where(good, 0.7, 0.2)])
    arrays = {
        "X": good[:, None].astype(float), "y": (rng.random(n) < response[np.arange(n), code]).astype(int),
        "harm": np.zeros(n), "code": code, "e": np.full((n, 2), 0.5), "lawful": np.ones((n, 2), bool), "response": response,
        "group": np.arange(n) // 2, "overdue": np.full(n, 100.0), "recoverable": np.full(n, 100.0),
    }  # fmt: skip
    rows = Draw(arrays, ("good",), ARMS, "")
    stage = Stage("made", n, 1, Bench(rows, np.zeros(n, bool), response), rows, {})
    seen = []

    def learnt(self, learner, config, where):
        parts = [rows.take(np.flatnonzero(self.fold == k)) for k in range(3)]
        seen.append(learner)
        return [jobs.Fitted({"contrast": part["response"] - 0.4}) for part in parts]

    monkeypatch.setattr(Stage, "fit_folds", learnt)
    found = check({"learner": "ours", "config": {}, "response": {"own": 1.0}, "money": {}}, stage, None)
    assert seen == ["ours"]
    error = (found["response"]["gain"] - found["response"]["low"]) / 1.6449
    # Over texts for everyone, which are better than none in each part.
    assert found["response"]["gain"] == pytest.approx(0.15 - 0.05, abs=3.5 * error)
    assert 0.001 < error < 0.02
    assert found["response"]["own"] == 1.0
    assert found["response"]["supported"]
    assert found["money"]["gain"] > 5


def test_a_failure_in_a_fold_is_that_of_the_learner(monkeypatch):
    folds = [jobs.Fitted({}), jobs.Fitted({}, failure=jobs.DID_NOT_FINISH), jobs.Fitted({})]
    monkeypatch.setattr(Stage, "fit_folds", lambda *_: folds)
    stage = Stage("made", 1, 1, None, None, {})
    assert check({"learner": "ours", "config": {}, "failure": ""}, stage, None)["failure"] == jobs.DID_NOT_FINISH


def test_the_choice_is_lawful_and_supported_and_none_where_nothing_is():
    worth = np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9]])
    lawful = np.array([[True, True], [True, False], [True, True]])
    supported = np.array([[True, True], [True, True], [False, False]])
    assert choose(worth, lawful, supported).tolist() == [1, 0, 0]
    assert constant(Draw({"lawful": lawful, "y": np.zeros(3)}, (), ARMS, ""), 1).tolist() == [1, 0, 1]


def cell(own, *, gain=1.0, error=0.1, oracle=0.5):
    of = {
        "oracle": oracle,
        "best_constant": 0.4,
        "own": own,
        "chosen_constant_value": 0.39,
        "gain": gain,
        "low": gain - 1.6449 * error,
        "supported": True,
    }
    return {"response": of}


def test_a_share_is_of_the_oracles_gain_over_the_best_constant_arm():
    assert share(cell(0.45), "response") == pytest.approx(0.5)
    assert share(cell(0.35), "response") == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("gain", "kept"),
    [(0.2, {"fallback", "raw", "likely", "sure"}), (0.01, {"fallback", "raw", "likely"}), (-0.09, {"fallback", "raw"}),
     (-0.11, {"raw"})],
)  # fmt: skip
def test_a_fallback_gives_the_constant_that_the_log_chose(gain, kept):
    for rule in RULES:
        assert share(cell(0.48, gain=gain), "response", rule) == pytest.approx(0.8 if rule in kept else -0.1), rule


def test_without_support_only_the_raw_policy_leaves_the_constant():
    unsupported = cell(0.48)
    unsupported["response"]["supported"] = False
    assert [share(unsupported, "response", rule) for rule in RULES] == pytest.approx([-0.1, 0.8, -0.1, -0.1])


def test_where_an_oracle_gains_nothing_there_is_no_share():
    assert np.isnan(share(cell(0.4, oracle=0.4001), "response"))


def test_the_lower_bound_is_below_the_truth_in_nineteen_of_twenty_samples():
    rng = np.random.default_rng(0)
    below = np.mean([lower_bound(rng.normal(1.0, 2.0, 5).tolist()) < 1.0 for _ in range(4_000)])
    assert below == pytest.approx(0.95, abs=0.015)
    assert np.isnan(lower_bound([1.0]))


def test_errors_are_those_of_lawful_arms_alone():
    truth = np.array([[0.2, 0.5], [0.2, 0.4]])
    lawful = np.array([[True, True], [True, False]])
    predicted = np.array([[0.3, 0.5], [0.3, 0.9]])
    assert contrast_error(predicted, truth, lawful) == pytest.approx(0.1)
    rows = np.tile(np.linspace(0.1, 0.9, 50)[:, None], (1, 2))
    assert calibration(rows + 0.05, rows, np.ones((50, 2), bool)) == pytest.approx((0.05, 0.05))
    # Right on average, wrong in every fifth but the middle one.
    squeezed = 0.5 + 0.5 * (rows - 0.5)
    whole, fifths = calibration(squeezed, rows, np.ones((50, 2), bool))
    assert whole == pytest.approx(0.0, abs=1e-12)
    assert fifths > 0.05


def test_a_fit_that_takes_too_long_did_not_finish(tmp_path):
    where = jobs.Where(Path(sys.executable), limit=1.0)
    assert jobs._run([sys.executable, "-c", "while True: pass"], where, tmp_path / "log") == jobs.DID_NOT_FINISH


def test_a_fit_that_breaks_says_why(tmp_path):
    where = jobs.Where(Path(sys.executable), limit=30.0)
    found = jobs._run([sys.executable, "-c", "raise ValueError('no such arm')"], where, tmp_path / "log")
    assert found == "failed: ValueError: no such arm"


def test_a_missing_environment_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(SystemExit, match="make peers"):
        jobs.Where(tmp_path / "python").python("EconML DRLearner")


def test_what_was_not_run_is_listed_as_missed():
    text = report([], ["confounded"], 50_000, 200_000)
    assert "confounded: nothing has been run" in text
