"""Reading the file of one flat table: Parquet, or CSV as people write it."""

from pathlib import Path

import pandas as pd

from ..data.errors import Fault, InvalidInput

_CSV = (".csv", ".csv.gz")


def read_table(path: Path, arm: str) -> pd.DataFrame:
    """Read a flat table from Parquet or CSV; in CSV an arm may be called None, which elsewhere would be a missing value.

    Parameters
    ----------
    path : Path
    arm : str
        Column of the arm's name.

    Raises
    ------
    InvalidInput
        Where it is no such file, or a CSV file names a column twice.
    """
    if not path.is_file():
        raise InvalidInput([Fault(str(path), "a Parquet or CSV file", "no file", "Check the path.")])
    try:
        if not path.name.lower().endswith(_CSV):
            return pd.read_parquet(path)
        twice, frame = _named_twice(path), pd.read_csv(path, converters={arm: str})
    except (OSError, ValueError, EOFError) as error:
        found = " ".join(str(error).split())[:200]
        remedy = "CSV is read as .csv or .csv.gz, Parquet under any other name: write it again as one of these."
        raise InvalidInput([Fault(str(path), "a Parquet or CSV file", found, remedy)]) from None
    if twice:
        raise InvalidInput(
            [Fault(str(path), "each column once", f"more than once: {', '.join(twice)}", "Rename or drop them.")]
        )
    return frame.assign(**{arm: frame[arm].replace("", None)}) if arm in frame else frame


def _named_twice(path: Path) -> list[str]:
    """Return names that a header has more than once: pandas renames the second, which would be one more covariate."""
    header = pd.read_csv(path, header=None, nrows=1, dtype="str").iloc[0].dropna()
    return [str(name) for name in header[header.duplicated()].unique()]
