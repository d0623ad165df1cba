"""A small simulated book and a quick training run on it, shared by the tests of training and serving."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.worlds import World, simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.runs.run import TrainingRun, TrainOptions, train_book

QUICK = TrainOptions(boosting=Boosting(rounds=30, pairs=2), threads=1)


@dataclass(frozen=True)
class Trained:
    """A run, the folder of its model, and what it was trained on."""

    run: TrainingRun
    folder: Path
    world: World
    settings: PolicySettings


@pytest.fixture(scope="session")
def small_world():
    return simulate("randomised", borrowers=600, days=300, seed=7)


@pytest.fixture(scope="session")
def trained(small_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    settings = PolicySettings()
    with Book.from_arrow(small_world.tables) as book:
        run = train_book(book, default_arms(), settings, folder, QUICK)
    return Trained(run, folder, small_world, settings)
