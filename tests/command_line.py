"""The command line run in this process, and what its tests share: a book, a model, a night, made by commands."""

import shutil
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from lighttouch.serving import cli_model
from lighttouch.serving.cli import main
from lighttouch.training.flat.run import train_flat
from trained import QUICK

AS_OF = "2026-11-20T22:00Z"
WIDTH = 120


@dataclass
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run(*arguments):
    """Run the command line in this process; anything but a told error comes up and fails the test."""
    out, err, code = StringIO(), StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["lighttouch", *map(str, arguments)]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def refused(*arguments):
    """Run a command that must end with a message; return the message on one line."""
    said = run(*arguments)
    assert said.code == 1
    assert "Traceback" not in said.err
    return " ".join(said.err.split())


def too_wide(said, room):
    """Return lines that a log file of the stated width does not hold; paths of a temporary folder are not the package's own."""
    return [line for line in said.out.splitlines() if len(line.rstrip()) > WIDTH and str(room.parent) not in line]


@dataclass(frozen=True)
class Shop:
    """What commands made, and what they said."""

    room: Path
    book: Path
    model: Path
    simulated: Said
    learnt: Said
    night: Said


@contextmanager
def quickly(room):
    """Grow few trees, and keep what runs produce in a room of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LIGHTTOUCH_VAR", str(room / "var"))
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        patched.setattr(cli_model, "TrainOptions", partial(cli_model.TrainOptions, boosting=QUICK.boosting, threads=1))
        patched.setattr(cli_model, "train_flat", partial(train_flat, boosting=QUICK.boosting, n_threads=1))
        yield


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    room = tmp_path_factory.mktemp("shop")
    with quickly(room):
        simulated = run("simulate", "--world", "confounded", "--borrowers", 600, "--days", 300, "--out", room / "book")
        learnt = run("train", room / "book", "--save", room / "model", "--register", "contact-response")
        night = run("recommend", room / "book", "--as-of", AS_OF, "--model", room / "model", "--out", room / "recs.parquet")
    for said in (simulated, learnt, night):
        assert said.code == 0, said.err
    return Shop(room, room / "book", room / "model", simulated, learnt, night)


@pytest.fixture
def book(shop):
    return shop.book


@pytest.fixture
def model(shop):
    return shop.model


@pytest.fixture
def quick(shop):
    with quickly(shop.room):
        yield


@pytest.fixture(scope="session")
def experiment(shop):
    rng = np.random.default_rng(0)
    n = 1_500
    arm = rng.choice(["none", "letter"], n)
    table = pd.DataFrame({"arm": arm, "age": rng.normal(40, 9, n).round(1), "city": rng.choice(["Rome", "Oslo"], n)})
    table["paid"] = (rng.random(n) < np.where(arm == "letter", 0.6, 0.3)).astype(int)
    table.to_csv(shop.room / "experiment.csv", index=False)
    return shop.room / "experiment.csv"


@pytest.fixture
def broken(shop, tmp_path):
    """Return a function that copies the book and changes one table."""

    def change(table, edit):
        copy = tmp_path / "broken"
        shutil.copytree(shop.book, copy)
        path = copy / f"{table}.parquet"
        pq.write_table(edit(pq.read_table(path)), path)
        return copy

    return change
