"""A tracker in memory: what the port promises, without a store."""

from dataclasses import dataclass, field
from pathlib import Path

from lighttouch.data.errors import Fault, InvalidInput
from lighttouch.training.registry.tracker import (
    FOLD_TAG,
    MODEL_TAG,
    SETTINGS_TAG,
    LoggedRun,
    Registered,
    RunRecord,
    Standing,
    candidate_of,
)


@dataclass
class FakeTracker:
    """Runs in a list, models by name and version."""

    runs: list[RunRecord] = field(default_factory=list)
    models: dict[str, list[Path]] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)

    def log(self, record):
        self.runs.append(record)
        return LoggedRun(str(len(self.runs) - 1), "" if record.model is None else f"runs:/{len(self.runs) - 1}/model")

    def register(self, run, name):
        versions = self.models.setdefault(name, [])
        versions.append(self.runs[int(run.run_id)].model)
        before = self.standings.get(name, Standing(name))
        self.standings[name] = Standing(name, before.champion, str(len(versions)), before.former, before.withdrawn)
        return Registered(name, str(len(versions)), ("challenger",))

    def folder(self, uri):
        _, name, version = uri.split("/")
        return self.models[name][int(version) - 1]

    def page(self, run_id, name):
        return self.runs[int(run_id)].pages[name]

    def standing(self, name):
        if name not in self.standings:
            raise InvalidInput([Fault(name, "a registered model", "none", "")])
        return self.standings[name]

    def settle(self, standing):
        self.standings[standing.name] = standing

    def looks(self, fold):
        looked = [run.tags for run in self.runs if run.tags.get(FOLD_TAG) == fold]
        return tuple(dict.fromkeys(candidate_of(tags[MODEL_TAG], tags.get(SETTINGS_TAG, "")) for tags in looked))

    def add(self, folder, name, tags=None):
        """Register a saved model."""
        return self.register(self.log(RunRecord("train", Path(folder), tags=tags or {})), name)
