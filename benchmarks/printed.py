"""What every benchmark does with its table: print it, and keep the same text where that is asked for."""

from pathlib import Path


def hand_out(text: str, out: Path | None) -> None:
    """Print a table; write it to a file too where one is named."""
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
