"""The tracker port: what a run says of itself, and where that is kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class RunRecord:
    """What a training run says of itself; the tracker only forwards it.

    Parameters
    ----------
    name : str
        Of the run.
    parameters, tags : dict
        Settings of the run; digests and versions.
    metrics : dict
        Name to figure.
    pages : dict
        File name to content: HTML pictures, text tables, JSON.
    model : Path
        Folder of the saved model.
    inputs : dict of str to str
        What the model takes: name to "double" or "string" (a category).
    outputs : tuple of str
        Names of the numbers that it gives.
    """

    name: str
    model: Path
    inputs: dict[str, str]
    outputs: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoggedRun:
    """Where a run was kept.

    Parameters
    ----------
    run_id, model_uri : str
        As the tracker names them.
    """

    run_id: str
    model_uri: str


@dataclass(frozen=True)
class Registered:
    """A model in the registry.

    Parameters
    ----------
    name, version : str
    aliases : tuple of str
        That were pointed at it.
    """

    name: str
    version: str
    aliases: tuple[str, ...]


class Tracker(Protocol):
    """Keeps runs and models."""

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep a run with its model."""
        ...

    def register(self, run: LoggedRun, name: str) -> Registered:
        """Register a run's model under a name as challenger; as champion too where there is none yet."""
        ...

    def folder(self, uri: str) -> Path:
        """Return the saved model's folder behind `models:/name@alias`, `models:/name/version` or `runs:/id/model`."""
        ...
