"""A run's recipe: everything needed to make it again, and to tell whether the model came out the same."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, get_type_hints

from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ..registry.provenance import code_digest, versions
from .run import TrainingRun, TrainOptions

RECIPE_PAGE = "run.json"
_FORMAT = "lighttouch-run/1"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What made a model.

    Parameters
    ----------
    source : str
        Where the event tables were; an address without its password.
    settings : dict
        The settings in plain values, as their owner writes and reads them.
    options : TrainOptions
    model_version : str
        Digest of the saved model: equal versions are equal bytes.
    origin : dict
        Digests of data, features, rules, settings and code.
    versions : dict
        Of the libraries.
    """

    source: str
    settings: dict[str, Any]
    options: TrainOptions
    model_version: str
    origin: dict[str, str]
    versions: dict[str, str]

    @classmethod
    def of(cls, run: TrainingRun, options: TrainOptions, source: str, settings: dict[str, Any]) -> Self:
        """Take down what made a run."""
        return cls(source, settings, options, run.bundle.version, run.origin, versions())

    def to_json(self) -> str:
        """Return the text that `from_json` reads back."""
        return json.dumps({"format": _FORMAT, **dataclasses.asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a kept recipe.

        Raises
        ------
        InvalidInput
            Where it is none, or of another format.
        """
        content = read_recipe(text, _FORMAT, [field.name for field in dataclasses.fields(cls)])
        return cls(**content | {"options": _read(TrainOptions, content["options"])})

    def check(self, book: Book) -> None:
        """Refuse a book other than the run's, before anything is trained on it.

        Raises
        ------
        InvalidInput
            Where its digest differs.
        """
        kept = self.origin["data_digest"]
        if book.digest != kept:
            remedy = f"Name the tables as they were then; the run read them from {self.source}."
            raise InvalidInput([Fault("the event tables", f"those of the run, digest {kept}", f"digest {book.digest}", remedy)])

    def changes(self) -> tuple[str, ...]:
        """Say what is other here than where the run was made: code, and versions of libraries."""
        return changes_since(self.origin, self.versions)

    def compare(self, run: TrainingRun) -> None:
        """Refuse a run that made another model.

        Raises
        ------
        InvalidInput
            Where a byte of the saved model differs, with what else differs.
        """
        refuse_other_model(self.model_version, run.bundle.version, self.changes())


def read_recipe(text: str, form: str, keys: Sequence[str]) -> dict[str, Any]:
    """Read the text of a kept recipe, which has exactly these keys beside its format.

    Raises
    ------
    InvalidInput
        Where it is none, or of another format.
    """
    try:
        content = json.loads(text)
    except ValueError:
        content = {}
    if not isinstance(content, dict) or content.pop("format", None) != form:
        raise InvalidInput([Fault(RECIPE_PAGE, form, text[:40], "Name a run of `lighttouch train`.")])
    if set(content) != set(keys):
        found = f"a page with {', '.join(sorted(content)) or 'none'}"
        raise InvalidInput(
            [Fault(RECIPE_PAGE, f"the keys {', '.join(keys)}", found, "It was changed by hand: train once more.")]
        )
    return content


def changes_since(origin: Mapping[str, str], made_with: Mapping[str, str]) -> tuple[str, ...]:
    """Say what is other here than where a run was made: code by its digest, libraries by their versions."""
    now = {"code_digest": code_digest(), **versions()}
    then = {"code_digest": origin.get("code_digest", ""), **made_with}
    return tuple(f"{name}: {then.get(name, 'none')} then, {now[name]} now" for name in now if then.get(name) != now[name])


def refuse_other_model(kept: str, found: str, changes: Sequence[str]) -> None:
    """Refuse a model whose version is not the kept one.

    Raises
    ------
    InvalidInput
        With what else is other here.
    """
    if found != kept:
        remedy = "; ".join(changes) or "Code and libraries are the same: look at the processor."
        raise InvalidInput([Fault("the model", f"version {kept}, byte for byte", f"version {found}", remedy)])


def _read(kind: Any, content: Mapping[str, Any]) -> Any:
    """Rebuild nested frozen options from plain values."""
    kinds = get_type_hints(kind)
    return kind(
        **{
            name: _read(kinds[name], value) if dataclasses.is_dataclass(kinds[name]) else value
            for name, value in content.items()
        }
    )
