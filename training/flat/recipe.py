"""The recipe of a flat run: one table and what was said of its columns make the model again."""

import dataclasses
import json
from typing import Any, Self

import pandas as pd

from ...data.errors import Fault, InvalidInput
from ..model.boosting import Boosting
from ..registry.provenance import code_digest, versions
from ..runs.recipe import changes_since, read_recipe, refuse_other_model
from .run import FlatResult, table_digest

_FORMAT = "lighttouch-table-run/1"


@dataclasses.dataclass(frozen=True)
class FlatRecipe:
    """What made a model of one flat table.

    Parameters
    ----------
    source : str
        Where the table was.
    options : dict
        What `train_flat` was given beside it: columns and their roles, propensity, share held out, boosting, seed.
    model_version : str
        Digest of the saved model: equal versions are equal bytes.
    origin : dict
        Digests of data and code.
    versions : dict
        Of the libraries.
    """

    source: str
    options: dict[str, Any]
    model_version: str
    origin: dict[str, str]
    versions: dict[str, str]

    @classmethod
    def of(cls, result: FlatResult, model_version: str, source: str) -> Self:
        """Take down what made a result, whose model was saved under a version."""
        return cls(source, result.options, model_version, flat_origin(result), versions())

    def to_json(self) -> str:
        """Return the text that `from_json` reads back."""
        options = self.options | {"boosting": self.options["boosting"].to_dict()}
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)} | {"options": options}
        return json.dumps({"format": _FORMAT, **content}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a kept recipe.

        Raises
        ------
        InvalidInput
            Where it is none of a flat run, or of another format.
        """
        content = read_recipe(text, _FORMAT, [field.name for field in dataclasses.fields(cls)])
        options = content["options"]
        read = {"drop": tuple(options["drop"]), "boosting": Boosting(**options["boosting"])}
        return cls(**content | {"options": options | read})

    @staticmethod
    def wrote(text: str) -> bool:
        """Whether a kept recipe is that of a flat run."""
        return f'"format": "{_FORMAT}"' in text

    def check(self, table: pd.DataFrame) -> None:
        """Refuse a table other than the run's, before anything is learnt from it.

        Raises
        ------
        InvalidInput
            Where its digest differs.
        """
        kept, found = self.origin["data_digest"], table_digest(table)
        if found != kept:
            remedy = f"Name the table as it was then with --table; the run read it from {self.source}."
            raise InvalidInput([Fault("the table", f"that of the run, digest {kept}", f"digest {found}", remedy)])

    def changes(self) -> tuple[str, ...]:
        """Say what is other here than where the run was made: code, and versions of libraries."""
        return changes_since(self.origin, self.versions)

    def compare(self, model_version: str) -> None:
        """Refuse a model that is another, by the version that it was saved under.

        Raises
        ------
        InvalidInput
            Where a byte of the saved model differs, with what else differs.
        """
        refuse_other_model(self.model_version, model_version, self.changes())


def flat_origin(result: FlatResult) -> dict[str, str]:
    """Return the digests behind a flat run."""
    return {"data_digest": result.data_digest, "code_digest": code_digest()}
