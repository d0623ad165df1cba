"""Writing a night's results: the recommendation table, who was left out, and the rows for the decision log."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..data.errors import Fault, InvalidInput
from ..data.files import ensure_writable, replacing
from .night import Night


def sibling(out: Path, word: str) -> Path:
    """Return the name of a file that lies beside the recommendations.

    Examples
    --------
    >>> sibling(Path("var/recs.parquet"), "excluded").name
    'recs.excluded.parquet'
    """
    return out.with_name(f"{out.stem}.{word}{out.suffix}")


def write_night(night: Night, out: Path) -> None:
    """Write all three tables, or leave what was there.

    The recommendations come last: where they are new, the others are.

    Parameters
    ----------
    out : Path
        Parquet, or CSV by its ending.

    Raises
    ------
    InvalidInput
        Where a file cannot be written; none is then.
    """
    beside = {word: sibling(out, word) for word in ("decisions", "excluded")}
    _refuse_folders([out, *beside.values()])
    excluded = pa.Table.from_pandas(night.excluded, preserve_index=False)
    with (
        replacing(out) as recommendations,
        replacing(beside["decisions"]) as decisions,
        replacing(beside["excluded"]) as left_out,
    ):
        _write(night.recommendations, recommendations)
        _write(night.decisions, decisions)
        _write(excluded, left_out)


def check_output(out: Path) -> None:
    """Refuse an output that cannot be written, before the night is decided.

    Raises
    ------
    InvalidInput
        Where the ending is neither .parquet nor .csv, or the place cannot be written.
    """
    if out.suffix not in {".parquet", ".csv"}:
        raise InvalidInput([Fault(str(out), "a file that ends in .parquet or .csv", repr(out.suffix), "Name it so.")])
    _refuse_folders([out, sibling(out, "decisions"), sibling(out, "excluded")])
    ensure_writable(out)


def _refuse_folders(targets: list[Path]) -> None:
    """Refuse folders in the files' places before anything is replaced: a file cannot take a folder's place."""
    faults = [
        Fault(str(target), "a place that can be written", "a folder", "Choose another path; nothing was written.")
        for target in targets
        if target.is_dir()
    ]
    if faults:
        raise InvalidInput(faults)


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(_flat(table), path)
    else:
        pq.write_table(table, path, compression="zstd")


def _flat(table: pa.Table) -> pa.Table:
    """Join lists and maps to text: CSV has no nested values."""
    for i, field in enumerate(table.schema):
        if pa.types.is_list(field.type) or pa.types.is_map(field.type):
            texts = ["; ".join(map(_text, values or [])) for values in table.column(i).to_pylist()]
            table = table.set_column(i, field.name, pa.array(texts, pa.string()))
    return table


def _text(item: object) -> str:
    return f"{item[0]}: {item[1]}" if isinstance(item, tuple) else str(item)
