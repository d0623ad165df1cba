"""A saved model scores as it did, and refuses to be what it was not."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from lighttouch.data.errors import DamagedFile, InvalidInput
from lighttouch.training.model.artefact import load_artefact
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from test_response import ARMS, QUICK, draw, quick


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    X, y, arm = draw()
    model = quick().fit(X, y, arm=arm)
    folder = tmp_path_factory.mktemp("models") / "first"
    model.save(folder)
    return model, folder, X


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_loaded_model_scores_bit_for_bit_as_the_saved_one(saved):
    model, folder, X = saved
    loaded = ResponseModel.load(folder)
    for name, arguments in (("predict_by_arm", ()), ("support_by_arm", ()), ("propensity_by_arm", ())):
        assert np.array_equal(getattr(loaded, name)(X, *arguments), getattr(model, name)(X, *arguments))
    for ours, theirs in zip(loaded.interval_by_arm(X), model.interval_by_arm(X), strict=True):
        assert np.array_equal(ours, theirs)
    for ours, theirs in zip(loaded.contrast_by_arm(X, "none"), model.contrast_by_arm(X, "none"), strict=True):
        assert np.array_equal(ours, theirs)
    assert loaded.arms == ARMS
    assert loaded.boosting == QUICK


def test_saving_again_gives_the_same_bytes(saved, tmp_path):
    ResponseModel.load(saved[1]).save(tmp_path / "again")
    assert files(tmp_path / "again") == files(saved[1])


def test_the_same_data_and_state_give_the_same_bytes_on_any_number_of_threads(tmp_path):
    X, y, arm = draw(500)
    short = Boosting(rounds=8, rate=0.2, pairs=1)
    for name, changes in (("one", {}), ("two", {"n_threads": 2}), ("other", {"random_state": 1})):
        quick(**({"boosting": short, "propensity_boosting": short} | changes)).fit(X, y, arm=arm).save(tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert files(tmp_path / "one") != files(tmp_path / "other")


def test_the_folder_holds_text_json_and_a_plain_array_alone(saved):
    found = files(saved[1])
    boosters = {*(f"response-{i}.txt" for i in range(4)), "propensity-0.txt", "propensity-1.txt"}
    assert set(found) == {"model.json", "covariance.npy", *boosters}
    assert found["covariance.npy"].startswith(b"\x93NUMPY")
    assert all(content.startswith(b"tree\n") for name, content in found.items() if name.endswith(".txt"))
    assert set(json.loads(found["model.json"])["digests"]) == set(found) - {"model.json"}


@pytest.mark.parametrize("name", ["model.json", "response-0.txt", "response-3.txt", "propensity-1.txt", "covariance.npy"])
def test_a_changed_byte_is_refused_and_the_file_is_named(saved, tmp_path, name):
    rng = np.random.default_rng(0)
    whole = (saved[1] / name).read_bytes()
    for position in [0, len(whole) - 1, *rng.integers(0, len(whole), 10)]:
        shutil.copytree(saved[1], tmp_path / "copy", dirs_exist_ok=True)
        changed = bytearray(whole)
        changed[position] ^= 1
        (tmp_path / "copy" / name).write_bytes(changed)
        with pytest.raises(DamagedFile, match=name):
            load_artefact(tmp_path / "copy")


def test_a_blank_more_in_the_json_is_a_change_too(saved, tmp_path):
    shutil.copytree(saved[1], tmp_path / "copy")
    path = tmp_path / "copy" / "model.json"
    path.write_text(path.read_text().replace('"format"', ' "format"'))
    with pytest.raises(DamagedFile, match=r"model\.json"):
        load_artefact(tmp_path / "copy")


@pytest.mark.parametrize("name", ["model.json", "response-1.txt"])
def test_a_missing_file_is_named(saved, tmp_path, name):
    shutil.copytree(saved[1], tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(DamagedFile, match=f"{name}: the file is missing"):
        load_artefact(tmp_path / "copy")


def test_a_folder_that_is_not_there_is_an_invalid_input(tmp_path):
    with pytest.raises(InvalidInput, match="no folder"):
        ResponseModel.load(tmp_path / "nowhere")


def test_a_save_that_fails_leaves_the_old_model(saved, tmp_path, monkeypatch):
    model, folder, _ = saved
    shutil.copytree(folder, tmp_path / "model")
    monkeypatch.setattr("lighttouch.training.model.artefact.sealed", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(tmp_path / "model")
    assert files(tmp_path / "model") == files(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_scorer_loads_without_the_learner_or_the_tracker(saved):
    code = (
        "import sys; from lighttouch.training.model.artefact import load_artefact; load_artefact(sys.argv[1]);"
        "fits = {'lighttouch.training.' + name for name in ('response', 'model.boosting', 'model.propensity')};"
        "sys.exit(', '.join((fits | {'mlflow'}) & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(saved[1])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
