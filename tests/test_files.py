"""Writing is never half done: the target is the old content or the new, whatever happens."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.data.files import digest, ensure_writable, replacing


class StoppedHalfWayError(Exception):
    pass


def write_half(target):
    with replacing(target) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise StoppedHalfWayError


def test_a_file_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old", encoding="utf-8")
    with replacing(target) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_exception_leaves_the_old_target_and_nothing_else(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(StoppedHalfWayError):
        write_half(target)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_exception_leaves_no_target_where_there_was_none(tmp_path):
    with pytest.raises(StoppedHalfWayError):
        write_half(tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_a_full_one(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old.txt").write_text("old", encoding="utf-8")
    with replacing(target) as temporary:
        temporary.mkdir()
        (temporary / "new.txt").write_text("new", encoding="utf-8")
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    assert list(tmp_path.iterdir()) == [target]


def test_missing_parent_folders_are_made(tmp_path):
    with replacing(tmp_path / "a" / "b" / "out.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
    assert (tmp_path / "a" / "b" / "out.txt").exists()


def test_a_parent_that_is_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with (
        pytest.raises(InvalidInput, match=r"file/out.txt: expected a place that can be written, found .*Choose another path"),
        replacing(tmp_path / "file" / "out.txt"),
    ):
        pytest.fail("the block must not run")


def test_a_file_is_not_put_over_a_folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "kept.txt").write_text("old", encoding="utf-8")
    with (
        pytest.raises(InvalidInput, match=r"expected a place that can be written"),
        replacing(tmp_path / "model") as temporary,
    ):
        temporary.write_text("a file", encoding="utf-8")
    assert (tmp_path / "model" / "kept.txt").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_when_the_new_folder_cannot_take_its_place_the_old_one_comes_back(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old.txt").write_text("old", encoding="utf-8")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InvalidInput, match=r"No space left"), replacing(target) as temporary:
        temporary.mkdir()
    assert (target / "old.txt").exists()


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_target(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"No such file"), replacing(target):
        pass
    assert target.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_half_way_leaves_the_old_target_whole(tmp_path, kind):
    target = tmp_path / "out"
    inner = target / "part" if kind == "folder" else target
    inner.parent.mkdir(exist_ok=True)
    inner.write_text("old", encoding="utf-8")
    script = (
        "import os, signal, sys\n"
        "from lighttouch.data.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    part = temporary / 'part' if sys.argv[2] == 'folder' else temporary\n"
        "    part.parent.mkdir(exist_ok=True)\n"
        "    part.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, target, kind], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert inner.read_text(encoding="utf-8") == "old"


def test_what_is_made_can_be_read_by_the_group_as_usual(tmp_path):
    with replacing(tmp_path / "out.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
    plain = tmp_path / "plain.txt"
    plain.write_text("new", encoding="utf-8")
    assert (tmp_path / "out.txt").stat().st_mode == plain.stat().st_mode


def test_the_digest_is_the_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "large"
    content = b"light touch" * 200_000
    path.write_bytes(content)
    assert digest(path) == hashlib.sha256(content).hexdigest()
    assert isinstance(path, Path)


def test_trying_whether_a_place_can_be_written_makes_nothing(tmp_path):
    ensure_writable(tmp_path / "new" / "deep" / "model")
    ensure_writable(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for wrong in (tmp_path / "file" / "model", tmp_path / "new" / ("x" * 300) / "model"):
        with pytest.raises(InvalidInput, match=r"model: expected a place that can be written"):
            ensure_writable(wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
