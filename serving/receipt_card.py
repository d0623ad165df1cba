"""The card of a night's run, read back: settings, arms and rule packs that are provably those of the night."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from ..policy.law.pack import RulePack
from ..policy.rules import load_packs, rules_version
from ..policy.settings import PolicySettings, settings_digest
from .output import run_card
from .recommendation import Versions


@dataclass(frozen=True)
class NightCard:
    """What a night was made with, from the card of its run; refused where its digests do not fit its content."""

    settings: PolicySettings
    arms: ArmCatalogue
    packs: Sequence[RulePack]
    versions: Versions
    as_of: str
    data: str

    @classmethod
    def read(cls, recommendations: Path) -> "NightCard":
        """Read the card beside a recommendation table.

        Raises
        ------
        InvalidInput
            Where there is none, or settings or rules are no longer those of the night.
        """
        path = run_card(recommendations)
        try:
            card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            settings = PolicySettings.from_dict(card["settings"])
            arms = ArmCatalogue.from_dict(card["arms"])
            found = Versions(card["model_version"], card["policy_version"], card["rules_version"])
            as_of, data = str(card["as_of"]), str(card["data_digest"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Keep the files of a night together; `lighttouch recommend` writes the card beside the table."
            raise InvalidInput([Fault(str(path), "the card of the night's run", type(error).__name__, remedy)]) from None
        packs = load_packs(settings.packs)
        now = {
            "policy_version": (found.policy, settings_digest(card["settings"])),
            "rules_version": (found.rules, rules_version(packs)),
        }
        faults = [
            Fault(f"{path.name}.{name}", told, actual, "A receipt replays only with the settings and rule packs of its night.")
            for name, (told, actual) in now.items()
            if told != actual
        ]
        if faults:
            raise InvalidInput(faults)
        return cls(settings, arms, packs, found, as_of, data)
