"""Writing a night's results: recommendations, who was left out, rows for the decision log, tasks, reminders, the run's card."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..data.errors import Fault, InvalidInput
from ..data.files import ensure_writable, replacing
from .night import Night

# Tables beside the recommendations.
BESIDE: Final = ("decisions", "excluded", "refresh", "pre_due")
_INSTANT = pa.timestamp("us", tz="UTC")
REFRESH: Final = pa.schema(
    [("borrower_id", pa.string()), ("channel", pa.string()), ("cause", pa.string()), ("since", _INSTANT), ("task", pa.string())]
)
PRE_DUE: Final = pa.schema(
    [
        ("borrower_id", pa.string()), ("as_of", _INSTANT), ("regime", pa.string()), ("channel", pa.string()),
        ("due_on", pa.date32()), ("amount", pa.decimal128(18, 2)), ("currency", pa.string()),
        ("contact_from", pa.string()), ("contact_to", pa.string()), ("template", pa.string()),
    ]
)  # fmt: skip


def sibling(out: Path, word: str) -> Path:
    """Return the name of a file that lies beside the recommendations.

    Examples
    --------
    >>> sibling(Path("var/recs.parquet"), "excluded").name
    'recs.excluded.parquet'
    """
    return out.with_name(f"{out.stem}.{word}{out.suffix}")


def write_night(night: Night, out: Path) -> None:
    """Write every table of the night and the card of its run, or leave what was there.

    The recommendations come last: where they are new, the others are. Empty tables are written too, so that nothing of an
    earlier night stays beside them.

    Parameters
    ----------
    out : Path
        Parquet, or CSV by its ending.

    Raises
    ------
    InvalidInput
        Where a file cannot be written; none is then.
    """
    tables = {
        "decisions": night.decisions,
        "excluded": pa.Table.from_pandas(night.excluded, preserve_index=False),
        "refresh": _beside(night.refresh, REFRESH),
        "pre_due": _beside(night.pre_due, PRE_DUE),
    }
    _refuse_folders(_targets(out))
    with ExitStack() as stack:
        # The last entered is the first renamed.
        places = {target: stack.enter_context(replacing(target)) for target in _targets(out)}
        _write(night.recommendations, places[out])
        for word, table in tables.items():
            _write(table, places[sibling(out, word)])
        card = json.dumps(night.facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        places[run_card(out)].write_text(card, encoding="utf-8", newline="\n")


def run_card(out: Path) -> Path:
    """Return the name of the file that says what a night was made with.

    Examples
    --------
    >>> run_card(Path("var/recs.csv")).name
    'recs.run.json'
    """
    return out.with_name(f"{out.stem}.run.json")


def _targets(out: Path) -> list[Path]:
    return [out, *(sibling(out, word) for word in BESIDE), run_card(out)]


def _beside(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return a table in its types, the same whether it has rows or none."""
    columns = {}
    for one in schema:
        values = frame[one.name]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            # pyarrow reads zoned pandas columns in a way that pandas 3.1 has deprecated.
            values = values.dt.tz_convert(None)
        naive = pa.timestamp("us") if pa.types.is_timestamp(one.type) else one.type
        columns[one.name] = pa.array(values.to_numpy(dtype=object), naive, from_pandas=True).cast(one.type)
    return pa.table(columns, schema=schema)


def check_output(out: Path) -> None:
    """Refuse an output that cannot be written, before the night is decided.

    Raises
    ------
    InvalidInput
        Where the ending is neither .parquet nor .csv, or the place cannot be written.
    """
    if out.suffix not in {".parquet", ".csv"}:
        raise InvalidInput([Fault(str(out), "a file that ends in .parquet or .csv", repr(out.suffix), "Name it so.")])
    _refuse_folders(_targets(out))
    ensure_writable(out)


def check_recommendations(path: Path, columns: Sequence[str] = ()) -> None:
    """Refuse a file that is no recommendation table of a night.

    Parameters
    ----------
    path : Path
    columns : sequence of str, optional
        That must be there.

    Raises
    ------
    InvalidInput
        Where there is no such file, it is not Parquet, or columns are missing.
    """
    found = ""
    try:
        have = set(pq.read_schema(path).names)
        missing = [name for name in columns if name not in have]
        found = f"a table without {', '.join(missing)}" if missing else ""
    except FileNotFoundError:
        found = "no such file"
    except (OSError, ValueError):
        found = "a file that is not Parquet"
    if found:
        remedy = "Name a file that `lighttouch recommend --out NAME.parquet` wrote; CSV has lost what is needed here."
        raise InvalidInput([Fault(str(path), "a recommendation table as Parquet", found, remedy)])


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
