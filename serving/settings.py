"""The settings file: arms, policy, source and gate, each read by its own layer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from ..data.arms import ArmCatalogue, default_arms
from ..data.errors import Fault, InvalidInput
from ..data.settings import BookSettings, read_section
from ..policy.law.selection import AUTOMATIC, PackSelection
from ..policy.settings import PolicySettings
from ..training.gate.settings import GateSettings

SettingsFile = Annotated[Path | None, typer.Option(help="YAML file of arms, costs, rules, ledger; defaults without it.")]


@dataclass(frozen=True)
class Settings:
    """Everything that a settings file says; without a file, the defaults.

    Parameters
    ----------
    arms : ArmCatalogue
    policy : PolicySettings
    book : BookSettings
    gate : GateSettings
    """

    arms: ArmCatalogue = field(default_factory=default_arms)
    policy: PolicySettings = field(default_factory=PolicySettings)
    book: BookSettings = field(default_factory=BookSettings)
    gate: GateSettings = field(default_factory=GateSettings)

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """Read a settings file; a file without an `arms` section keeps the default arms.

        Raises
        ------
        InvalidInput
            Every unknown key and wrong value of every section at once, and every rule pack that is named and not there.
        """
        if path is None:
            return cls()
        has_arms = read_section(path, "arms") is not None
        readers: dict[str, Callable[[Path], Any]] = {
            "arms": ArmCatalogue.from_yaml if has_arms else lambda _: default_arms(),
            "policy": _policy,
            "book": BookSettings.from_yaml,
            "gate": GateSettings.from_yaml,
        }
        parts: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, reader in readers.items():
            try:
                parts[name] = reader(path)
            except InvalidInput as refusal:
                faults += refusal.faults
        if faults:
            raise InvalidInput(faults)
        return cls(**parts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back: what a run keeps of its settings."""
        sections = {name: getattr(self, name).model_dump(mode="json") for name in ("policy", "book", "gate")}
        return {"arms": self.arms.to_dict(), **sections}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(
            ArmCatalogue.from_dict(content["arms"]),
            PolicySettings.model_validate(content["policy"]),
            BookSettings.model_validate(content["book"]),
            GateSettings.model_validate(content["gate"]),
        )


def _policy(path: Path) -> PolicySettings:
    """Read the policy, and the packs that it names: one that is not there would be found out after the training."""
    policy = PolicySettings.from_yaml(path)
    PackSelection.from_names([name for name in policy.packs if name != AUTOMATIC])
    return policy
