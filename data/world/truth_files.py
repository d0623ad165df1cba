"""The truth of a world on disk: one Parquet file and the arms, apart from the event tables."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..arms import ArmCatalogue
from ..errors import Fault, InvalidInput
from .truth import Truth

_BY_ARM = ("response", "harm", "lawful", "propensity")
_BY_DECISION = ("taken", "recoverable", "already_paid")


def write_truth(truth: Truth, folder: Path) -> None:
    """Write the truth into a folder that does not exist yet."""
    folder.mkdir()
    columns = {"decision_id": pa.array(truth.decision_id, pa.string())}
    columns |= {name: pa.array(getattr(truth, name)) for name in _BY_DECISION}
    columns |= {
        f"{name}:{arm}": pa.array(np.ascontiguousarray(getattr(truth, name)[:, k]))
        for name in _BY_ARM
        for k, arm in enumerate(truth.arms.names)
    }
    pq.write_table(pa.table(columns), folder / "truth.parquet")
    (folder / "arms.json").write_text(json.dumps(truth.arms.to_dict(), indent=2) + "\n", encoding="utf-8")


def read_truth(folder: Path) -> Truth:
    """Read what `write_truth` wrote.

    Raises
    ------
    InvalidInput
        Where there is none.
    """
    if not (folder / "truth.parquet").is_file():
        raise InvalidInput([Fault(str(folder), "the truth of a world", "none", "Give the folder of a simulated world.")])
    arms = ArmCatalogue.from_dict(json.loads((folder / "arms.json").read_text(encoding="utf-8")))
    content = pq.read_table(folder / "truth.parquet")

    def column(name: str) -> np.ndarray:
        return np.asarray(content[name].to_numpy())

    by_arm = {name: np.column_stack([column(f"{name}:{arm}") for arm in arms.names]) for name in _BY_ARM}
    return Truth(decision_id=column("decision_id"), arms=arms, **by_arm, **{name: column(name) for name in _BY_DECISION})
