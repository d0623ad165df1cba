"""The tracker port: what a run says of itself, and where that is kept."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ...data.errors import Fault, InvalidInput

CHAMPION, CHALLENGER = "champion", "challenger"
# Tags of a run that judged a model on a final fold: which fold, which model, under which settings.
FOLD_TAG, MODEL_TAG, SETTINGS_TAG = "final_fold", "model_version", "settings_version"


def candidate_of(model: str, settings: str) -> str:
    """Return the name of what is judged: under other settings a model decides differently, and is another candidate."""
    return f"{model} under {settings}"


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
    model : Path, optional
        Folder of the saved model; None where the run only judges models that are kept already.
    inputs : dict of str to str
        What the model takes: name to "double" or "string" (a category).
    outputs : tuple of str
        Names of the numbers that it gives.
    """

    name: str
    model: Path | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
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
        As the tracker names them; no address where the run kept no model.
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


@dataclass(frozen=True)
class Standing:
    """What the registry says of a name.

    Parameters
    ----------
    name : str
    champion, challenger : str, optional
        Versions that the aliases point at.
    former : tuple of str
        Champions before the present one, oldest first: what a rollback goes back through.
    withdrawn : tuple of str
        Versions that were champion until a person rolled them back.
    """

    name: str
    champion: str | None = None
    challenger: str | None = None
    former: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()

    def promoted(self, version: str) -> "Standing":
        """Return what holds once a version is champion."""
        former = self.former if self.champion is None else (*self.former, self.champion)
        return replace(self, champion=version, former=former)

    def rolled_back(self) -> "Standing":
        """Return what holds once the last champion is champion again.

        Raises
        ------
        InvalidInput
            Where there was none.
        """
        if self.champion is None or not self.former:
            found = "no champion" if self.champion is None else f"version {self.champion}, and none before it"
            remedy = "Nothing was moved. `lighttouch promote` makes a champion; the first one has nothing to go back to."
            raise InvalidInput([Fault(f"model '{self.name}'", "a champion and one before it", found, remedy)])
        withdrawn = tuple(dict.fromkeys((*self.withdrawn, self.champion)))
        return replace(self, champion=self.former[-1], former=self.former[:-1], withdrawn=withdrawn)


def check_name(name: str) -> None:
    """Refuse a name that no registry takes, before hours are spent on the model.

    Raises
    ------
    InvalidInput
        Where it is empty or reads like an address.

    Examples
    --------
    >>> check_name("contact-response")
    """
    if not name.strip() or set(name) & set("/:@"):
        remedy = "Name it such as contact-response."
        raise InvalidInput([Fault("the model's name", "a word without '/', ':' and '@'", repr(name), remedy)])


class Tracker(Protocol):
    """Keeps runs and models."""

    def reach(self) -> None:
        """Refuse a store that does not answer, before hours are spent on what shall be kept there."""
        ...

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep a run, with its model where it has one."""
        ...

    def register(self, run: LoggedRun, name: str) -> Registered:
        """Register a run's model under a name as challenger; it is the gate that makes a champion."""
        ...

    def folder(self, uri: str) -> Path:
        """Return the saved model's folder behind `models:/name@alias`, `models:/name/version` or `runs:/id/model`."""
        ...

    def page(self, run_id: str, name: str) -> str:
        """Return one of a run's pages."""
        ...

    def standing(self, name: str) -> Standing:
        """Return which versions of a name are champion and challenger, and who was champion before."""
        ...

    def settle(self, standing: Standing) -> None:
        """Point the `champion` alias as the standing says, and keep who was champion before."""
        ...

    def looks(self, fold: str) -> tuple[str, ...]:
        """Return the candidates (`candidate_of`) that were judged on a final fold, each once, by their first look.

        A run says that it looked by its tags `FOLD_TAG`, `MODEL_TAG` and `SETTINGS_TAG`.
        """
        ...
