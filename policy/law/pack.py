"""A rule pack: read from YAML, refused with all its faults at once, never partly enforced."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

import yaml

from ...data.errors import Fault, InvalidInput
from ...data.settings import load_yaml, parse_model
from .header import Header, SourceEntry
from .hours import HOLIDAY
from .model import Rule
from .types import RULE_TYPES, HoursRule

SCHEMA: Final = "contact-rules/1"
_DIGEST_LENGTH: Final = 12


@dataclass(frozen=True)
class RulePack:
    """The contact rules of one jurisdiction or house.

    Parameters
    ----------
    header : Header
    sources : mapping
        Documents by key.
    rules : tuple of Rule
    """

    header: Header
    sources: Mapping[str, SourceEntry]
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Read a pack by the name it ships under, or from a file.

        Raises
        ------
        InvalidInput
            Every fault of the pack at once.

        Examples
        --------
        >>> RulePack.load("house").id
        'house'
        """
        text = str(name_or_path)
        if not text.endswith((".yaml", ".yml")):
            shipped = files(f"{__package__}.packs") / f"{text}.yaml"
            if not shipped.is_file():
                raise InvalidInput([_unknown_pack(text)])
            return cls.from_dict(yaml.safe_load(shipped.read_text(encoding="utf-8")), where=text)
        return cls.from_dict(load_yaml(text), where=text)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], where: str = "pack") -> Self:
        """Check plain values into a pack, all faults at once."""
        faults: list[Fault] = []
        if content.get("schema") != SCHEMA:
            faults.append(Fault(f"{where}.schema", SCHEMA, repr(content.get("schema")), "Is this a rule pack?"))
        faults += [
            Fault(f"{where}.{key}", "schema, pack, sources, rules", "a key beside them", "Remove it.")
            for key in content
            if key not in ("schema", "pack", "sources", "rules")
        ]
        header = _gather(faults, Header, content.get("pack"), f"{where}.pack")
        sources = {
            key: _gather(faults, SourceEntry, entry, f"{where}.sources.{key}")
            for key, entry in (content.get("sources") or {}).items()
        }
        rules = _read_rules(faults, content.get("rules"), where)
        faults += _rule_faults(rules, header, sources, where)
        if faults or header is None:
            raise InvalidInput(faults)
        return cls(header, {key: entry for key, entry in sources.items() if entry is not None}, tuple(rules))

    @property
    def id(self) -> str:
        """The pack's identifier."""
        return self.header.id

    @cached_property
    def version(self) -> str:
        """Identifier, stated version and digest of the content: two packs with one version say the same."""
        content = [
            self.header.model_dump(mode="json"),
            {key: entry.model_dump(mode="json") for key, entry in self.sources.items()},
            [rule.model_dump(mode="json", by_alias=True, exclude={"tests", "note"}) for rule in self.rules],
        ]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.id}@{self.header.version}+{hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_LENGTH]}"

    def blocks(self, rule: Rule) -> bool:
        """Tell whether breaking the rule forbids the contact, rather than being told of."""
        return rule.type != "duty" and getattr(self.header.block_at, rule.effect) == "block"

    def citation(self, rule: Rule) -> str:
        """Return where a rule is written, for a person."""
        entry = self.sources.get(rule.source.ref or "")
        title = entry.title if entry is not None else rule.source.title or ""
        return f"{title} {rule.source.section}" if rule.source.section else title


def _gather(faults: list[Fault], model: type[Any], content: Any, where: str) -> Any:
    """Parse one part of the pack; its faults join the others instead of hiding them."""
    try:
        return parse_model(model, content, where)
    except InvalidInput as error:
        faults.extend(error.faults)
        return None


def _read_rules(faults: list[Fault], content: Any, where: str) -> list[Rule]:
    if not isinstance(content, list) or not content:
        faults.append(Fault(f"{where}.rules", "a list of rules", repr(content), "A pack without rules allows everything."))
        return []
    read = []
    for position, raw in enumerate(content):
        at = f"{where}.rules.{raw.get('id', position) if isinstance(raw, dict) else position}"
        if not isinstance(raw, dict):
            faults.append(Fault(at, "a mapping", repr(raw), ""))
        elif raw.get("type") not in RULE_TYPES:
            faults.append(Fault(f"{at}.type", f"one of {', '.join(RULE_TYPES)}", repr(raw.get("type")), ""))
        else:
            rule = _gather(faults, RULE_TYPES[raw["type"]], raw, at)
            read += [] if rule is None else [rule]
    return read


def _rule_faults(rules: list[Rule], header: Header | None, sources: Mapping[str, Any], where: str) -> list[Fault]:
    """Check what a single rule cannot see: unique names, known sources, what the header leaves open."""
    ids = [rule.id for rule in rules]
    faults = [
        Fault(f"{where}.rules.{name}", "each id once", f"{ids.count(name)} times", "Rename one.")
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]
    for rule in rules:
        at = f"{where}.rules.{rule.id}"
        ref = rule.source.ref
        if ref is not None and ref not in sources:
            faults.append(Fault(f"{at}.source.ref", f"one of {', '.join(sources) or 'no sources'}", repr(ref), ""))
        entry = sources.get(ref) if ref is not None else None
        confidence = rule.source.confidence or (entry.confidence if entry is not None else None)
        if rule.authority != "policy" and confidence in (None, "memory", "policy"):
            remedy = "A rule from memory cannot bind as law: cite it, or make it `authority: policy`."
            faults.append(Fault(f"{at}.source.confidence", "a source that was read", repr(confidence), remedy))
        if isinstance(rule, HoursRule) and HOLIDAY in rule.allow and header is not None and header.holidays is None:
            faults.append(Fault(f"{at}.allow.holiday", "a holiday calendar in the header", "none", "Set `pack.holidays`."))
    return faults


def _unknown_pack(name: str) -> Fault:
    shipped = sorted(
        entry.name.removesuffix(".yaml") for entry in files(f"{__package__}.packs").iterdir() if entry.name.endswith(".yaml")
    )
    return Fault("packs", f"one of {', '.join(shipped)}, or a path that ends in .yaml", repr(name), "")
