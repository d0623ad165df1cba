"""The wheel is complete: its command line runs where the source tree is not."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    room = tmp_path_factory.mktemp("wheel")
    copy = room / "a-clone-of-another-name"
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(room / "dist"), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return next((room / "dist").glob("*.whl"))


def test_the_wheel_holds_every_module_pack_and_the_type_marker_and_nothing_else(wheel):
    inside = {name.removeprefix("lighttouch/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("lighttouch/")}
    layers = ("data", "features", "policy", "training", "serving")
    wanted = {str(path.relative_to(ROOT)) for layer in layers for path in (ROOT / layer).rglob("*.py")}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "policy" / "law" / "packs").glob("*.yaml")}
    assert inside == wanted | {"__init__.py", "__main__.py", "py.typed"}


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A new environment with the wheel and the dependencies, but without the source tree."""
    room = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(room)], check=True)
    python = room / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(room), "platbase": str(room)}))
    # A folder named in a .pth file joins the path, but the .pth files in it are not read: no editable install comes along.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True)
    return room


def test_the_command_line_runs_from_the_wheel_without_the_source_tree(elsewhere, tmp_path):
    def run(*command):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LIGHTTOUCH_VAR": str(tmp_path / "var")}
        result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    script = elsewhere / "bin" / "lighttouch"
    where = run(elsewhere / "bin" / "python", "-c", "import lighttouch, sys; sys.stdout.write(lighttouch.__file__)")
    assert Path(where).is_relative_to(elsewhere)
    run(script, "simulate", "--world", "randomised", "--borrowers", "50", "--days", "90", "--out", "book")
    assert "instalments" in run(script, "check", "book")
