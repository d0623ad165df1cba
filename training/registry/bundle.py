"""What the registry keeps and the scorer loads: response, harm, and what they were made for, with digests."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ...data.files import digest, ensure_writable, replacing
from ..columns import NUMBER
from ..harm import HarmModel
from ..model.artefact import MODEL_FILE
from ..model.sealed import checked_array, checked_text, sealed, unsealed
from ..response import ResponseModel

_FORMAT = "lighttouch-bundle/2"
_CARD = "bundle.json"
_RESPONSE = "response"
_HARM = "harm.npy"
_VERSION_LENGTH = 12


@dataclass(frozen=True)
class ModelBundle:
    """A model that may be registered: everything a decision needs that came from data.

    Parameters
    ----------
    response : ResponseModel
    harm : HarmModel, optional
        None for an experiment without harm outcomes.
    horizon_days : int
        Days over which the outcome was measured.
    facts : dict
        What the training run says of itself: rows, dates, digests.
    """

    response: ResponseModel
    harm: HarmModel | None
    horizon_days: int
    facts: dict[str, str] = field(default_factory=dict)
    version: str = ""

    @property
    def arms(self) -> ArmCatalogue:
        """The arms the model was trained on."""
        return self.response.arms

    @property
    def inputs(self) -> dict[str, str]:
        """What the model takes: name to "double", or "string" for a category."""
        columns = self.response.artefact.columns
        return {name: "double" if kind == NUMBER else "string" for name, kind in zip(columns.names, columns.kinds, strict=True)}

    def harm_by_arm(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return P(harm within the horizon) of shape (n, K), which the value prices; zeros where harm was not measured."""
        return self.harm.predict_by_arm(features) if self.harm else np.zeros((len(features), len(self.arms)))

    def with_facts(self, facts: dict[str, str]) -> Self:
        """Return the same model with what its run says of itself."""
        return replace(self, facts=facts)

    def save(self, folder: str | Path) -> Self:
        """Write text, arrays and JSON with digests, all or nothing; return the bundle with its version.

        Parameters
        ----------
        folder : str or Path
            Replaced as a whole where it holds a model; refused where it holds anything else.
        """
        check_folder(Path(folder))
        with replacing(folder) as place:
            place.mkdir()
            self.response.save(place / _RESPONSE)
            told = self.harm.effects if self.harm else None
            if told is not None:
                np.save(place / _HARM, told.covariance, allow_pickle=False)
            card = {
                "format": _FORMAT,
                "horizon_days": self.horizon_days,
                "harm": self.harm.to_dict() if self.harm else None,
                "harm_covariance": digest(place / _HARM) if told is not None else None,
                "facts": self.facts,
                # That file holds the digests of its trees: one chain from here to every byte.
                "response": digest(place / _RESPONSE / MODEL_FILE),
            }
            (place / _CARD).write_text(sealed(card), encoding="utf-8", newline="\n")
            version = digest(place / _CARD)[:_VERSION_LENGTH]
        return replace(self, version=version)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a saved bundle; refuse one that was changed.

        Raises
        ------
        InvalidInput
            Where the folder holds no bundle.
        DamagedFile
            Where a file's bytes are not those that were saved; the file is named.
        """
        folder = Path(folder)
        card = _read_card(folder)
        checked_text(folder / _RESPONSE / MODEL_FILE, card["response"])
        covariance = checked_array(folder / _HARM, card["harm_covariance"]) if card["harm_covariance"] else None
        harm = HarmModel.from_dict(card["harm"], covariance) if card["harm"] else None
        response = ResponseModel.load(folder / _RESPONSE)
        return cls(response, harm, int(card["horizon_days"]), dict(card["facts"]), digest(folder / _CARD)[:_VERSION_LENGTH])


def _read_card(folder: Path) -> dict[str, Any]:
    remedy = "Name a folder that `lighttouch train` wrote, or models:/name@alias."
    if not (folder / _CARD).is_file():
        raise InvalidInput([Fault(str(folder), f"a saved model with {_CARD}", "none", remedy)])
    card = unsealed(folder / _CARD)
    if card.get("format") != _FORMAT:
        raise InvalidInput([Fault(str(folder / _CARD), _FORMAT, repr(card.get("format")), remedy)])
    return card


def check_folder(folder: Path) -> None:
    """Refuse a folder for a model before it is trained: a mistyped path must not cost someone's files or an hour.

    Raises
    ------
    InvalidInput
        Where the folder holds anything but a saved model, or cannot be written.
    """
    ensure_writable(folder)
    if folder.exists() and not folder.is_dir():
        raise InvalidInput([Fault(str(folder), "a new folder or a saved model", "a file", "Choose another place.")])
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _CARD).is_file():
        raise InvalidInput([Fault(str(folder), "a new folder or a saved model", "other files", "Choose another folder.")])
