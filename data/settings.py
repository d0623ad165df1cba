"""Settings files: YAML sections read into frozen models; unknown keys are errors, all faults at once."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import Fault, InvalidInput

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """Base of every settings section: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerSettings(Section):
    """How the ledger is read.

    Parameters
    ----------
    booking_zone : str
        IANA zone in which a due day ends.
    grace_days : int
        Days after the due day before an amount counts as overdue.
    de_minimis : float
        Sums up to this, in the currency of the loan, are not overdue.
    lag_limit_days : float
        Largest age of the newest posting at as_of.
    """

    booking_zone: str = "UTC"
    grace_days: int = Field(default=0, ge=0)
    de_minimis: float = Field(default=1.0, ge=0)
    lag_limit_days: float = Field(default=3.0, gt=0)


class QualitySettings(Section):
    """When a table is refused as a whole.

    Parameters
    ----------
    max_bad_share : float
        Largest share of quarantined rows in a table before the run stops.
    """

    max_bad_share: float = Field(default=0.01, ge=0, le=1)


class SourceSettings(Section):
    """What a source needs said about it.

    Parameters
    ----------
    timezone : str, optional
        IANA zone of timestamps that carry none; without it they are refused.
    defaults : dict
        Table name to column name to the value of a column that the source lacks.
    """

    timezone: str | None = None
    defaults: dict[str, dict[str, str]] = Field(default_factory=dict)


class BookSettings(Section):
    """How a source becomes a book.

    Parameters
    ----------
    source : SourceSettings
    quality : QualitySettings
    """

    source: SourceSettings = SourceSettings()
    quality: QualitySettings = QualitySettings()

    @classmethod
    def from_yaml(cls, path: str | Path) -> "BookSettings":
        """Read the `source` and `quality` sections of a settings file; other sections are others' business."""
        content = load_yaml(path)
        return parse_model(cls, {name: content[name] for name in cls.model_fields if name in content}, str(path))


class OutcomeSettings(Section):
    """What is measured after a decision.

    Parameters
    ----------
    horizon_days : int
        Days after as_of over which the outcome is measured, and a commitment stands.
    repaid_share : float
        Share of the amount overdue at as_of that payments must cover.
    """

    horizon_days: int = Field(default=14, ge=1)
    repaid_share: float = Field(default=1.0, gt=0, le=1)


def read_section(path: str | Path, section: str, default: Any = None) -> Any:
    """Return one top-level section of a YAML settings file.

    Raises
    ------
    InvalidInput
        Where the file is missing, is not YAML, or is not a mapping.
    """
    return load_yaml(path).get(section, default)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Return a YAML file that is a mapping.

    Raises
    ------
    InvalidInput
        Where the file is missing, is not YAML, or is not a mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput([Fault(str(path), "a YAML file", "no file", "Check the path.")]) from None
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(
            [Fault(str(path), "a YAML file", "something that cannot be read as text", "Check the path.")]
        ) from None
    except yaml.YAMLError as error:
        found = f"what is none: {' '.join(str(error).split())}"
        raise InvalidInput([Fault(str(path), "valid YAML", found, "Mend the line that is named.")]) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        found = f"{type(content).__name__} {str(content)[:40]!r}"
        raise InvalidInput([Fault(str(path), "a mapping of sections", found, "Write lines such as `harm_price: 25`.")])
    return content


def parse_model(model: type[Model], content: Any, where: str, beside: Sequence[str] = ()) -> Model:
    """Validate plain values into a settings model, all faults at once.

    Parameters
    ----------
    where : str
        The file, or the section of it.
    beside : sequence of str, optional
        Keys at the top that others read: they are known, too.

    Raises
    ------
    InvalidInput
        Keyed by field.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InvalidInput([_fault(model, dict(problem), where, beside) for problem in error.errors()]) from None


def _fault(model: type[BaseModel], problem: dict[str, Any], where: str, beside: Sequence[str]) -> Fault:
    """Tell one problem of a validation in this package's words."""
    inside = ".".join(map(str, problem["loc"]))
    place = f"{where}{': ' if where.endswith(('.yaml', '.yml')) else '.'}{inside}" if inside else where
    if problem["type"] == "extra_forbidden":
        key, known = str(problem["loc"][-1]), _known_keys(model, problem["loc"])
        known += beside if len(problem["loc"]) == 1 else []
        close = get_close_matches(key, known, n=1)
        meant = f"Did you mean '{close[0]}'? " if close else ""
        return Fault(place, "a known key", repr(key), f"{meant}Known keys: {', '.join(known)}." if known else "Take it out.")
    if problem["type"] == "missing":
        return Fault(place, "a value", "none", "It has no default: state it.")
    text = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return Fault(place, text[:1].lower() + text[1:], repr(problem["input"]), "")


def _known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that are known where a path ends; none where the way there is not by sections alone."""
    for part in path[:-1]:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
