"""Writing that is never half done: a temporary name beside the target, then a rename."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import Fault, InvalidInput

_CHUNK_BYTES = 1 << 20


@contextmanager
def replacing(target: str | Path) -> Iterator[Path]:
    """Lend a temporary path that becomes the target when the block ends well, and disappears when it does not.

    Parameters
    ----------
    target : str or Path
        A file or a folder; its parent folder is made where it is missing. The block decides which by what it creates.

    Yields
    ------
    Path
        Beside the target, on the same file system.

    Raises
    ------
    InvalidInput
        Where the target cannot be written; nothing of it is left behind.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workroom = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        yield workroom / target.name
        _rename(workroom / target.name, target)
    except OSError as error:
        # Of the block's own errors only those of writing here are ours to tell, such as a full disk.
        if error.filename is None or Path(error.filename).is_relative_to(workroom):
            raise _unwritable(target, error) from None
        raise
    finally:
        shutil.rmtree(workroom, ignore_errors=True)


def ensure_writable(target: str | Path) -> None:
    """Refuse a target that cannot be written, before hours are spent on what shall be written there.

    Raises
    ------
    InvalidInput
        As `replacing` would; nothing is left behind, no parent folder either.
    """
    target = Path(target)
    try:
        # Folders that are missing are tried inside a temporary one: a run that is refused later must not have made them.
        there = next(folder for folder in target.absolute().parents if folder.exists())
        room = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=there))
        try:
            (room / target.absolute().relative_to(there)).mkdir(parents=True)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        raise _unwritable(target, error) from None


def _rename(made: Path, target: Path) -> None:
    aside = made.parent / f"{made.name}.replaced"
    try:
        if target.is_dir() and made.is_dir():
            # A folder cannot be renamed over a full one: the old one steps aside inside the temporary folder. Between the two
            # renames the target is absent, never half of one; a kill there leaves the old one in the temporary folder.
            target.rename(aside)
        os.replace(made, target)  # noqa: PTH105  replace, with its guarantee, is what is meant
    except OSError as error:
        if aside.exists():
            aside.rename(target)
        raise _unwritable(target, error) from None


def _unwritable(target: Path, error: OSError) -> InvalidInput:
    reason = error.strerror or str(error)
    return InvalidInput(
        [Fault(str(target), "a place that can be written", reason, "Choose another path; nothing was written.")]
    )


def digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    sha = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha.update(chunk)
    return sha.hexdigest()
