"""The tracker on MLflow; the only file that imports it."""

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

# Set before the import: a bank's machine has no internet, and nobody asked for the library's own usage reports.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from ..data.errors import Fault, InvalidInput
from .bundle import ModelBundle
from .inputs import NUMBER
from .tracker import CHALLENGER, CHAMPION, LoggedRun, Registered, RunRecord

_MODEL = "model"


class MlflowTracker:
    """Runs and models in an MLflow store.

    Parameters
    ----------
    uri : str
        Tracking and registry store, such as ``sqlite:///var/mlflow.db``; a server's address works as well.
    artifacts : Path
        Folder for the files of new experiments, where the store is a database on this machine.
    experiment : str
    """

    def __init__(self, uri: str, artifacts: Path, experiment: str = "lighttouch") -> None:
        self.uri, self.artifacts, self.experiment = uri, artifacts, experiment
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep a run: parameters, metrics, digests, pages, and the model with its signature."""
        with _quiet(), mlflow.start_run(experiment_id=self._experiment_id(), run_name=record.name) as run:
            mlflow.log_params(record.parameters)
            mlflow.log_metrics(record.metrics)
            mlflow.set_tags(record.tags)
            for name, content in record.pages.items():
                mlflow.log_text(content, name)
            info = mlflow.pyfunc.log_model(
                name=_MODEL,
                loader_module=__name__,
                data_path=str(record.model),
                signature=_signature(record),
                # The package that scores it is named by the run's tags; a registry address is not the model's business.
                pip_requirements=["lighttouch"],
            )
            return LoggedRun(run.info.run_id, info.model_uri)

    def register(self, run: LoggedRun, name: str) -> Registered:
        """Register a run's model under a name as challenger; as champion too where there is none yet."""
        with _quiet():
            client = self._client()
            version = str(mlflow.register_model(run.model_uri, name).version)
            taken = dict(client.get_registered_model(name).aliases)
            aliases = (CHALLENGER,) if CHAMPION in taken else (CHALLENGER, CHAMPION)
            for alias in aliases:
                client.set_registered_model_alias(name, alias, version)
            return Registered(name, version, aliases)

    def folder(self, uri: str) -> Path:
        """Return the saved model's folder behind a model's address."""
        with _quiet():
            self._client()
            try:
                place = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
            except MlflowException as error:
                remedy = f"Stores known here: {self.uri}. Train and register first, or name a folder."
                raise InvalidInput([Fault(uri, "a registered model", str(error).splitlines()[0], remedy)]) from None
        flavor = mlflow.models.Model.load(str(place)).flavors["python_function"]
        return place / str(flavor["data"])

    def _client(self) -> Any:
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        return mlflow.MlflowClient()

    def _experiment_id(self) -> str:
        client = self._client()
        known = client.get_experiment_by_name(self.experiment)
        if known is not None:
            return str(known.experiment_id)
        place = self.artifacts.absolute().as_uri() if self.uri.startswith("sqlite:///") else None
        return str(client.create_experiment(self.experiment, artifact_location=place))


class _Scorer:
    """What `mlflow.pyfunc.load_model` hands out: features in, a probability per arm out."""

    def __init__(self, bundle: ModelBundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the response under each arm, a column per arm."""
        del params  # part of MLflow's interface; this model has none
        probabilities = self.bundle.response.predict_by_arm(_typed(model_input, self.bundle))
        return pd.DataFrame(probabilities, columns=self.bundle.arms.names, index=model_input.index)


def _typed(table: pd.DataFrame, bundle: ModelBundle) -> pd.DataFrame:
    """Return the table with the categories that a signature can only carry as strings."""
    columns = bundle.response.artefact.columns
    levels = {name: own for name, kind, own in zip(columns.names, columns.kinds, columns.levels, strict=True) if kind != NUMBER}
    texts = {name: {str(level): level for level in own} for name, own in levels.items() if name in table}
    return table.assign(
        **{name: pd.Categorical(table[name].map(known), categories=levels[name]) for name, known in texts.items()}
    )


def _load_pyfunc(data_path: str) -> _Scorer:
    """Load the model for MLflow's generic interface."""
    return _Scorer(ModelBundle.load(data_path))


def _signature(record: RunRecord) -> ModelSignature:
    # Doubles throughout: nullable integers silently drop a signature (mlflow#25593), and missing values are numbers here.
    inputs = [ColSpec(kind, name) for name, kind in record.inputs.items()]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("double", name) for name in record.outputs]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hush notices of MLflow's own that do not concern a user of this package."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    # Registering prints its progress to the error stream; what fails is raised.
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
