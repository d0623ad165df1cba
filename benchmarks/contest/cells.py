"""Results that are kept: one file per world, size, draw and learner, and one archive of them all."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contest.budgets import BUDGETS, needs_peers
from contest.jobs import DID_NOT_FINISH, Where


class Cells:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def unpack(self, archive: Path) -> None:
        """Take from an archive what the folder lacks: results of an earlier machine, which need not be computed again."""
        for line in archive.read_text(encoding="utf-8").splitlines() if archive.exists() else ():
            kept = json.loads(line)
            if not (file := self.folder / kept["file"]).exists():
                _write(file, kept["content"])

    def pack(self, archive: Path) -> None:
        """Write all that is kept to an archive, a line per file."""
        files = sorted(self.folder.glob("*.json"))
        lines = [json.dumps({"file": file.name, "content": json.loads(file.read_text(encoding="utf-8"))}) for file in files]
        _replace(archive, "".join(line + "\n" for line in lines))

    def find(self, world: str, n: int, seed: int, learner: str) -> dict[str, Any] | None:
        """Return a result, if there is one."""
        file = self._file(world, n, seed, learner)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def keep(self, cell: dict[str, Any]) -> None:
        """Write a result, in the place of an earlier one."""
        _write(self._file(cell["world"], cell["n"], cell["seed"], cell["learner"]), cell)

    def all(self) -> list[dict[str, Any]]:
        """Return every result."""
        return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.folder.glob("cell-*.json"))]

    def slow(self, learner: str, seconds: float) -> bool:
        """Return whether a learner has taken longer than this to fit, or did not finish."""
        own = [cell for cell in self.all() if cell["learner"] == learner]
        return any(cell["failure"] == DID_NOT_FINISH or cell.get("cpu_seconds", 0) > seconds for cell in own)

    def tuning(self, learner: str, n: int) -> list[dict[str, Any]]:
        """Return the settings tried, with their losses."""
        file = self._tuning(learner, n)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []

    def keep_tuning(self, learner: str, n: int, tried: list[dict[str, Any]]) -> None:
        """Write the settings tried."""
        _write(self._tuning(learner, n), tried)

    def tuned(self, learner: str, n: int, settings: int) -> bool:
        """Return whether the tuning is done: all settings tried, or one did not finish."""
        tried = self.tuning(learner, n)
        return len(tried) == settings or any(one["failure"] == DID_NOT_FINISH for one in tried)

    def _file(self, world: str, n: int, seed: int, learner: str) -> Path:
        return self.folder / f"cell-{world}-{n}-{seed}-{learner.replace(' ', '_')}.json"

    def _tuning(self, learner: str, n: int) -> Path:
        # Other settings to choose from are another tuning.
        digest = hashlib.sha256(json.dumps(BUDGETS[learner], sort_keys=True).encode()).hexdigest()[:8]
        return self.folder / f"tuning-{learner.replace(' ', '_')}-{n}-{digest}.json"


def _write(file: Path, content: Any) -> None:
    _replace(file, json.dumps(content, indent=1) + "\n")


def _replace(file: Path, text: str) -> None:
    # Two runs may share a folder: neither takes the other's half-written file.
    half = file.with_suffix(f".{os.getpid()}.half")
    half.write_text(text, encoding="utf-8")
    half.rename(file)


@cache
def version_of(learner: str, where: Where) -> str:
    """Return the library's version; for ours also a digest of the modules that the response model is made of."""
    if needs_peers(learner):
        library = learner.split(maxsplit=1)[0].lower()
        ask = f"from importlib.metadata import version as v; print('{library}', v('{library}') + ', lightgbm', v('lightgbm'))"
        return subprocess.run([where.python(learner), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    if learner != "ours":
        return f"lightgbm {version('lightgbm')}"
    return f"lighttouch {version('lighttouch')}, code {code_digest()}, lightgbm {version('lightgbm')}"


def code_digest() -> str:
    """Return a digest of the package's training modules that a response model needs."""
    ask = (
        "import sys, lighttouch.training.response; "
        "print(*(module.__file__ for name, module in sys.modules.items() if 'lighttouch.training.' in name))"
    )
    files = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    sha = hashlib.sha256()
    for file in sorted(files, key=lambda name: Path(name).name):
        sha.update(Path(file).read_bytes())
    return sha.hexdigest()[:10]
