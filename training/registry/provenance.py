"""What made a model or a verdict, as digests: data, features, rules, settings, code."""

import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

from ...data.book import Book
from ...features.catalogue import FEATURES
from ...policy.rules import load_packs, rules_version
from ...policy.settings import PolicySettings
from .tracker import SETTINGS_TAG

_LIBRARIES = ("lighttouch", "lightgbm", "numpy", "pandas", "duckdb", "ibis-framework", "scikit-learn")
# The repository root is the package: only its layers are code that can change a figure.
_LAYERS = ("data", "features", "policy", "training", "serving")
_SOURCES = (".py", ".yaml")
_DIGEST_LENGTH = 16


def provenance(book: Book, settings: PolicySettings) -> dict[str, str]:
    """Return the digests behind a run on a book, for its tags."""
    return {
        "data_digest": book.digest,
        "features_digest": features_digest(),
        "rules_version": rules_version(load_packs(settings.packs)),
        SETTINGS_TAG: settings.version,
        "code_digest": code_digest(),
    }


def versions() -> dict[str, str]:
    """Return the versions that made a model."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def features_digest() -> str:
    """Return a digest of the feature catalogue: names, units, families and definitions, in order."""
    text = json.dumps([asdict(feature) for feature in FEATURES], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


@cache
def code_digest() -> str:
    """Return a digest of the package's source and rule packs: equal in a checkout, a wheel and a zip of it.

    The version says which release it is; this says whether anybody has changed a line since.
    """
    sha = hashlib.sha256()
    root = resources.files(__name__.split(".", maxsplit=1)[0])
    for layer in _LAYERS:
        for name, content in _sources(root / layer, layer):
            # A checkout may have other line ends than a wheel.
            sha.update(f"{name}\n".encode() + content.replace(b"\r\n", b"\n"))
    return sha.hexdigest()[:_DIGEST_LENGTH]


def _sources(folder: Any, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda one: str(one.name)):
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _sources(entry, name)
        elif entry.name.endswith(_SOURCES):
            yield name, entry.read_bytes()
