"""What the README says can be done can be done: its commands exist with their options, its files are there, its code runs."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from lighttouch.data.contracts import CONTRACTS
from lighttouch.serving.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)


def commands(page):
    """Return every `lighttouch ...` of a page, out of its blocks and out of its sentences, without comments."""
    lines = [
        line.split("#")[0] for block in blocks(page, r"(?:sh|bash|console)?") for line in block.replace("\\\n", " ").split("\n")
    ]
    spoken = re.findall(r"`(lighttouch [^`]+)`", re.sub(r"\s*\n\s*", " ", text_of(page)))
    return [shlex.split(line) for line in (*lines, *spoken) if line.strip().startswith("lighttouch ")]


KNOWN = typer.main.get_command(app).commands
SHOWN = [pytest.param(words, id=" ".join(words)[:60]) for page in PAGES for words in commands(page)]


def test_the_readme_shows_the_whole_main_job():
    named = [words[1] for words in commands("README.md")]
    assert {"simulate", "check", "train", "recommend", "explain", "features"} <= set(named)


@pytest.mark.parametrize("words", SHOWN)
def test_every_command_that_is_shown_exists_with_its_options(words):
    assert words[1] in KNOWN
    command = KNOWN[words[1]]
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("-")}
    used = [word.split("=")[0] for word in words[2:] if word.startswith("--")]
    assert set(used) <= options


@pytest.mark.parametrize("words", [words for words in SHOWN if words.values[0][2:]])
def test_every_command_that_is_shown_can_be_read_with_its_values(words):
    """Parse, do not run: a value of the wrong type or a missing one is found, the work is not done."""
    command = KNOWN[words[1]]
    context = command.make_context(words[1], [word for word in words[2:] if word != "..."])
    assert context.params


@pytest.mark.parametrize("block", blocks("README.md", "python"))
def test_the_code_of_the_readme_runs_and_finds_what_it_looks_for(block, capsys):
    names = {}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102  the README's own code
    assert "best arm, over no contact" in capsys.readouterr().out
    # Messages help half of the borrowers by 0.2: 0.1 on average, and that is what the best policy gains too.
    for gain in (names["gain"], names["learnt"]):
        assert gain.supported
        assert gain.low < 0.1 < gain.high
    assert names["P"].shape == (2_000, 3)
    assert (names["low"] < names["P"]).all()
    assert (names["P"] < names["high"]).all()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_points_to_is_there(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page))
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert missing == []


def test_the_tables_that_must_exist_are_those_the_readme_names():
    required = {name for name, contract in CONTRACTS.items() if contract.required}
    sentence = re.search(r"only four must exist \(([^)]*)\)", re.sub(r"\s+", " ", text_of("README.md")))
    assert set(re.findall(r"`(\w+)`", sentence.group(1))) == required
    assert len(CONTRACTS) == 10


def test_the_targets_of_make_that_are_shown_exist():
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    shown = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z]+)", text_of(page), re.MULTILINE)}
    assert {"demo", "test"} <= shown <= targets
