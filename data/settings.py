"""Settings files: YAML sections read into frozen models; unknown keys are errors, all faults at once."""

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
        Sums up to this, in account currency, are not overdue.
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
        raise InvalidInput([Fault(str(path), "valid YAML", " ".join(str(error).split()), "")]) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidInput([Fault(str(path), "a mapping of sections", type(content).__name__, "")])
    return content


def parse_model(model: type[Model], content: Any, where: str) -> Model:
    """Validate plain values into a settings model, all faults at once.

    Raises
    ------
    InvalidInput
        Keyed by field.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [
            Fault(
                ".".join([where, *map(str, problem["loc"])]),
                problem["msg"][:1].lower() + problem["msg"][1:],
                repr(problem["input"]),
                f"Known keys: {', '.join(model.model_fields)}." if problem["type"] == "extra_forbidden" else "",
            )
            for problem in error.errors()
        ]
        raise InvalidInput(faults) from None
