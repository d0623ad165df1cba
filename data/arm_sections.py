"""The `arms` and `arm_options` sections of a settings file, checked for their form."""

from pathlib import Path
from typing import Any, Final

from .errors import Fault, InvalidInput
from .settings import load_yaml

_OPTIONS: Final = ("fallback", "retired")


def read_arm_sections(path: str | Path) -> dict[str, Any]:
    """Return what `ArmCatalogue.from_dict` reads.

    Parameters
    ----------
    path : str or Path
        A YAML file with `arms`, a mapping from arm name to its doses, in order; and, perhaps, `arm_options`.

    Raises
    ------
    InvalidInput
        Where a section is not in its form; all faults at once.
    """
    content = load_yaml(path)
    section, options = content.get("arms") or {}, content.get("arm_options") or {}
    faults = [*_arm_faults(section), *_option_faults(options)]
    if faults:
        raise InvalidInput(faults)
    return {"arms": [{"name": str(name), **(doses or {})} for name, doses in section.items()], **options}


def _arm_faults(section: Any) -> list[Fault]:
    if not isinstance(section, dict):
        return [Fault("arms", "a mapping from arm name to doses", repr(section), "Write `sms-weekly: {sms: 1}` under `arms`.")]
    return [
        Fault(f"arm '{name}'", "a mapping from channel to contacts per week", repr(doses), "Write `{sms: 1}`.")
        for name, doses in section.items()
        if doses is not None and not isinstance(doses, dict)
    ]


def _option_faults(options: Any) -> list[Fault]:
    if not isinstance(options, dict):
        return [Fault("arm_options", "a mapping", repr(options), "")]
    faults = [Fault("arm_options", f"one of {', '.join(_OPTIONS)}", repr(key), "") for key in options if key not in _OPTIONS]
    retired = options.get("retired") or []
    if not isinstance(retired, list) or not all(isinstance(arm, dict) and "name" in arm for arm in retired):
        remedy = "Write `- {name: visit-weekly, visit: 1}`."
        faults.append(Fault("arm_options.retired", "a list of arms, each with its name", repr(retired), remedy))
    return faults
