"""What ARCHITECTURE.md names is there: every file, folder and module."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("data", "features", "policy", "training", "serving")
# What runs produce; a fresh copy has none.
MADE_BY_RUNS = "var/"


def named_places():
    """Return every path or module in backquotes, with the file or folder that it stands for."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = {}
    for word in dict.fromkeys(re.findall(r"`([^`\s]+)`", text)):
        if ("/" in word and word != MADE_BY_RUNS) or word in LAYERS:
            places[word] = ROOT / word
        elif word.split(".")[0] in LAYERS:
            places[word] = ROOT / f"{word.replace('.', '/')}.py"
    return places


PLACES = named_places()


@pytest.mark.parametrize("word", PLACES)
def test_every_file_and_module_that_the_architecture_names_is_there(word):
    assert PLACES[word].exists(), f"ARCHITECTURE.md names `{word}`, expected {PLACES[word].relative_to(ROOT)}"


def test_every_layer_is_named_by_at_least_one_of_its_files():
    files = [place.relative_to(ROOT).as_posix() for place in PLACES.values() if place.suffix == ".py"]
    assert {file.split("/")[0] for file in files} == set(LAYERS)
    assert len(files) >= 20
