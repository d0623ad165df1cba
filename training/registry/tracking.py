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
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from sqlalchemy.exc import SQLAlchemyError

from ...data.errors import Fault, InvalidInput
from ...data.files import ensure_writable
from ..columns import NUMBER
from .bundle import ModelBundle
from .tracker import (
    CHALLENGER,
    CHAMPION,
    FOLD_TAG,
    MODEL_TAG,
    SETTINGS_TAG,
    LoggedRun,
    Registered,
    RunRecord,
    Standing,
    candidate_of,
)

_MODEL = "model"
# Tags of a registered model: versions by comma.
_FORMER, _WITHDRAWN = "former_champions", "withdrawn_champions"
# A tracker's limit for a tag's text, at which the oldest versions are dropped.
_LONGEST_TAG = 4_000


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
            database = Path(uri.removeprefix("sqlite:///"))
            ensure_writable(database)
            # SQLite makes the file, not its folder.
            database.parent.mkdir(parents=True, exist_ok=True)

    def reach(self) -> None:
        """Refuse a store that does not answer, before hours are spent on what shall be kept there."""
        with self._store():
            self._experiment_id()

    def log(self, record: RunRecord) -> LoggedRun:
        """Keep a run: parameters, metrics, digests, pages, and the model with its signature where it has one."""
        with self._store(), mlflow.start_run(experiment_id=self._experiment_id(), run_name=record.name) as run:
            mlflow.log_params(record.parameters)
            mlflow.log_metrics(record.metrics)
            mlflow.set_tags(record.tags)
            for name, content in record.pages.items():
                mlflow.log_text(content, name)
            if record.model is None:
                return LoggedRun(run.info.run_id, "")
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
        """Register a run's model under a name as challenger; it is the gate that makes a champion."""
        with self._store():
            client = self._client()
            version = str(mlflow.register_model(run.model_uri, name).version)
            client.set_registered_model_alias(name, CHALLENGER, version)
            return Registered(name, version, (CHALLENGER,))

    def standing(self, name: str) -> Standing:
        """Return which versions of a name are champion and challenger, and who was champion before."""
        with self._store():
            client = self._client()
            try:
                known = client.get_registered_model(name)
            except MlflowException as error:
                raise self._unknown(name, error) from None
            aliases = {alias: str(version) for alias, version in dict(known.aliases).items()}
            former, withdrawn = (_versions(known.tags.get(tag, "")) for tag in (_FORMER, _WITHDRAWN))
            champion = aliases.get(CHAMPION)
            # What was stopped half way left the champion itself as the last one before it.
            while former and former[-1] == champion:
                former = former[:-1]
            return Standing(name, champion, aliases.get(CHALLENGER), former, withdrawn)

    def settle(self, standing: Standing) -> None:
        """Point the `champion` alias as the standing says, and keep who was champion before."""
        if standing.champion is None:
            raise InvalidInput([Fault(f"model '{standing.name}'", "a version to be champion", "none", "")])
        with self._store():
            client = self._client()
            # The alias last: killed before it, nothing has moved, all that a rollback goes back through is still there, and
            # the same command can be given again. What of the line it leaves too long, `standing` cuts.
            longest = max(self.standing(standing.name).former, standing.former, key=len)
            for tag, versions in ((_WITHDRAWN, standing.withdrawn), (_FORMER, longest)):
                client.set_registered_model_tag(standing.name, tag, _text(versions))
            client.set_registered_model_alias(standing.name, CHAMPION, standing.champion)

    def looks(self, fold: str) -> tuple[str, ...]:
        """Return the candidates that were judged on a final fold, each once, by their first look, deleted runs included."""
        with self._store():
            client = self._client()
            known = client.get_experiment_by_name(self.experiment)
            if known is None:
                return ()
            chosen, found, token = f"tags.{FOLD_TAG} = '{fold}'", [], None
            while True:
                page = client.search_runs(
                    [known.experiment_id], chosen, ViewType.ALL, order_by=["attributes.start_time ASC"], page_token=token
                )
                found += [
                    candidate_of(run.data.tags.get(MODEL_TAG, run.info.run_id), run.data.tags.get(SETTINGS_TAG, ""))
                    for run in page
                ]
                token = page.token
                if not token:
                    return tuple(dict.fromkeys(found))

    def folder(self, uri: str) -> Path:
        """Return the saved model's folder behind a model's address."""
        with self._store():
            self._client()
            try:
                place = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
            except MlflowException as error:
                raise self._unknown(uri, error) from None
        flavor = mlflow.models.Model.load(str(place)).flavors["python_function"]
        return place / str(flavor["data"])

    def page(self, run_id: str, name: str) -> str:
        """Return one of a run's pages."""
        with self._store():
            self._client()
            try:
                return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))
            except (MlflowException, OSError) as error:
                remedy = (
                    f"Stores known here: {self.uri}. `mlflow ui` lists its runs: those of `lighttouch train` keep {name}, "
                    "those of other commands do not, and those of an older version may not: train once more."
                )
                raise InvalidInput([Fault(f"run '{run_id}'", f"a run that kept {name}", _first_line(error), remedy)]) from None

    @contextmanager
    def _store(self) -> Iterator[None]:
        """Tell a store that cannot be reached or read in a message; notices of MLflow's own are hushed."""
        try:
            with _quiet():
                yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            remedy = "Check MLFLOW_TRACKING_URI and LIGHTTOUCH_VAR, or move a damaged file aside."
            fault = Fault(f"the tracking store {self.uri}", "an MLflow store that answers", _first_line(error), remedy)
            raise InvalidInput([fault]) from None

    def _unknown(self, what: str, error: MlflowException) -> InvalidInput:
        remedy = (
            f"Stores known here: {self.uri}. Train and register first (a champion is made by `lighttouch promote`), or name a "
            f"folder."
        )
        return InvalidInput([Fault(what, "a registered model", _first_line(error), remedy)])

    def _client(self) -> Any:
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        return mlflow.MlflowClient()

    def _experiment_id(self) -> str:
        client = self._client()
        known = client.get_experiment_by_name(self.experiment)
        if known is not None and known.lifecycle_stage != "active":
            remedy = f"Restore it: mlflow experiments restore --experiment-id {known.experiment_id}."
            raise InvalidInput([Fault(f"experiment '{self.experiment}'", "an active one", known.lifecycle_stage, remedy)])
        if known is not None:
            return str(known.experiment_id)
        place = self.artifacts.absolute().as_uri() if self.uri.startswith("sqlite:///") else None
        return str(client.create_experiment(self.experiment, artifact_location=place))


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def _versions(text: str) -> tuple[str, ...]:
    return tuple(version for version in text.split(",") if version)


def _text(versions: tuple[str, ...]) -> str:
    text = ",".join(versions)
    return text if len(text) <= _LONGEST_TAG else text[-_LONGEST_TAG:].split(",", 1)[1]


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
