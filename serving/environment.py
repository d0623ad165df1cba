"""The only file that reads the process environment: where runs are kept."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """What the surroundings say.

    Parameters
    ----------
    room : Path
        Folder for what runs produce.
    tracking_uri : str
        MLflow store.
    """

    room: Path
    tracking_uri: str

    @classmethod
    def read(cls) -> "Environment":
        """Read `LIGHTTOUCH_VAR` (default ``var``) and `MLFLOW_TRACKING_URI` (default a SQLite file in that folder)."""
        room = Path(os.environ.get("LIGHTTOUCH_VAR", "var"))
        return cls(room, os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{room / 'mlflow.db'}")

    @property
    def artifacts(self) -> Path:
        """Folder for the files of MLflow runs."""
        return self.room / "mlartifacts"
