"""Files that carry a digest, so that a changed byte is noticed and the file is named."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.errors import DamagedFile
from ...data.files import digest

SEAL = "seal"


def sealed(content: Mapping[str, Any]) -> str:
    """Return JSON that carries the digest of the rest of itself.

    Examples
    --------
    >>> sorted(json.loads(sealed({"format": 1})))
    ['format', 'seal']
    """
    return _plain({**content, SEAL: sha256(_plain(content).encode()).hexdigest()})


def unsealed(path: Path) -> dict[str, Any]:
    """Read what `sealed` wrote.

    Raises
    ------
    DamagedFile
        Where the file is missing or one of its bytes was changed.
    """
    _require(path)
    text = path.read_bytes()
    try:
        content = dict(json.loads(text))
        del content[SEAL]
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None
    # Written again it must be the same bytes: a changed blank is a change, too.
    if sealed(content).encode() != text:
        raise _damaged(path)
    return content


def checked_text(path: Path, expected: str) -> str:
    """Read a text file of a known digest.

    Raises
    ------
    DamagedFile
        Where the file is missing or one of its bytes was changed.
    """
    _require(path, expected)
    return path.read_text(encoding="utf-8")


def checked_array(path: Path, expected: str) -> NDArray[np.float64]:
    """Read an array of a known digest; what could run code is refused by numpy.

    Raises
    ------
    DamagedFile
        Where the file is missing or one of its bytes was changed.
    """
    _require(path, expected)
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)


def _plain(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _require(path: Path, expected: str | None = None) -> None:
    """Refuse a file that is missing, or whose digest is another than expected."""
    if not path.is_file():
        raise DamagedFile(f"{path}: the file is missing. Restore the folder from its source, or make it again.")
    if expected is not None and digest(path) != expected:
        raise _damaged(path)


def _damaged(path: Path) -> DamagedFile:
    return DamagedFile(
        f"{path}: the content is not what its digest says. Restore the folder from its source, or make it again."
    )
