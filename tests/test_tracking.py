"""Runs and models in MLflow: what is kept, who becomes champion, and that what comes back scores as what went in."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.serving.recommender import Recommender
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.registry.tracker import RunRecord, Standing, candidate_of
from lighttouch.training.registry.tracking import MlflowTracker
from lighttouch.training.response import ResponseModel
from lighttouch.training.runs.account import account_of
from lighttouch.training.runs.record import record_of
from trained import QUICK

NAME = "contact-response"


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    room = tmp_path_factory.mktemp("mlflow")
    return MlflowTracker(f"sqlite:///{room / 'new' / 'mlflow.db'}", room / "files")


@pytest.fixture(scope="module")
def record(trained):
    return record_of(trained.run, trained.folder, QUICK, account_of(trained.run, trained.settings))


@pytest.fixture(scope="module")
def kept(tracker, record):
    """A run, registered for the first time, and what the store then says of it."""
    run = tracker.log(record)
    return run, tracker.register(run, NAME)


@pytest.fixture(scope="module")
def champion(kept, tracker):
    """The first version as champion."""
    tracker.settle(tracker.standing(NAME).promoted("1"))


@pytest.fixture(scope="module")
def client(tracker):
    return mlflow.MlflowClient(tracker.uri, tracker.uri)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A model with a category of text, one of numbers, and a number; its folder, and rows to score."""
    rng = np.random.default_rng(0)
    n = 800
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "city": pd.Categorical(rng.choice(["Rome", "Oslo", "Bonn"], n)),
            "product": pd.Categorical(rng.choice([1, 2, 7], n)),
        }
    )
    arms = ArmCatalogue.from_names(["none", "letter"], baseline="none")
    arm = rng.choice(arms.names, n)
    chance = 0.2 + 0.4 * (X["city"] == "Oslo") * (arm == "letter") + 0.2 * (X["product"] == 7)
    model = ResponseModel(arms, boosting=Boosting(rounds=20, pairs=1, rate=0.2), n_threads=1)
    model.fit(X, (rng.random(n) < chance).astype(int), arm=arm, propensity=0.5)
    folder = tmp_path_factory.mktemp("mixed") / "model"
    return ModelBundle(model, None, 0).save(folder), folder, X.head(50)


def test_a_run_keeps_parameters_metrics_and_digests(kept, client, record, trained):
    data = client.get_run(kept[0].run_id).data
    assert data.params == record.parameters
    assert data.params["boosting.rounds"] == "30"
    assert data.params["data_digest"] == trained.run.bundle.facts["data_digest"]
    assert data.metrics == pytest.approx(record.metrics)
    learnt = trained.run.verdict.values.set_index("policy").loc["learnt"]
    assert data.metrics["learnt/value"] == pytest.approx(learnt["value"])
    gain = trained.run.verdict.gains.set_index("over").loc["logged policy"]
    assert data.metrics["gain over logged policy/value_low"] == pytest.approx(gain["value_low"])
    assert data.tags["model_version"] == trained.run.bundle.version
    assert data.tags["lightgbm"]


def test_a_run_keeps_its_pictures_and_tables(kept, client, tmp_path, record):
    names = {file.path for file in client.list_artifacts(kept[0].run_id)}
    assert {"report.html", "values.csv", "gains.csv"} <= names
    page = client.download_artifacts(kept[0].run_id, "report.html", str(tmp_path))
    assert Path(page).read_text(encoding="utf-8") == record.pages["report.html"]


def test_the_signature_names_every_feature_and_every_arm(kept, trained):
    model = mlflow.models.get_model_info(kept[0].model_uri)
    inputs, outputs = model.signature.inputs, model.signature.outputs
    assert inputs.input_names() == list(trained.run.fit.features.columns)
    assert {str(kind) for kind in inputs.input_types()} == {"DataType.double"}
    assert outputs.input_names() == trained.run.bundle.arms.names


def test_every_new_version_is_challenger_and_none_becomes_champion_by_being_registered(kept, tracker, client, record):
    assert (kept[1].version, kept[1].aliases) == ("1", ("challenger",))
    # A name of its own: other tests make a champion of the shared one, in whatever order they come.
    name = "never-promoted"
    assert tracker.register(kept[0], name).aliases == ("challenger",)
    second = tracker.register(tracker.log(replace(record, name="second")), name)
    assert (second.version, second.aliases) == ("2", ("challenger",))
    assert set(client.get_registered_model(name).aliases) == {"challenger"}
    assert tracker.standing(name) == Standing(name, None, "2")


def fail_once(monkeypatch, tracker, call, passed):
    """Let a call of the store pass so many times, then fail once, then pass again."""
    client = tracker._client()
    real, calls = getattr(type(client), call), []

    def flaky(self, *given, **named):
        calls.append(call)
        if len(calls) == passed + 1:
            raise OSError("database is locked")
        return real(self, *given, **named)

    monkeypatch.setattr(type(client), call, flaky)


WRITES = [("set_registered_model_tag", 0), ("set_registered_model_tag", 1), ("set_registered_model_alias", 0)]


@pytest.mark.parametrize(("call", "passed"), WRITES)
def test_a_promotion_or_rollback_that_failed_half_way_can_be_given_again(kept, tracker, monkeypatch, call, passed):
    name = f"half-way-{call.rsplit('_', maxsplit=1)[-1]}-{passed}"
    for _ in range(4):
        tracker.register(kept[0], name)

    def given_again(change, before, after):
        fail_once(monkeypatch, tracker, call, passed)
        with pytest.raises(InvalidInput, match="database is locked"):
            tracker.settle(change(tracker.standing(name)))
        assert tracker.standing(name).champion == before
        tracker.settle(change(tracker.standing(name)))
        assert tracker.standing(name) == Standing(name, after[0], "4", *after[1:])

    tracker.settle(tracker.standing(name).promoted("1"))
    given_again(lambda now: now.promoted("2"), "1", ("2", ("1",)))
    given_again(lambda now: now.promoted("3"), "2", ("3", ("1", "2")))
    given_again(lambda now: now.rolled_back(), "3", ("2", ("1",), ("3",)))
    given_again(lambda now: now.promoted("4"), "2", ("4", ("1", "2"), ("3",)))
    given_again(lambda now: now.rolled_back(), "4", ("2", ("1",), ("3", "4")))
    given_again(lambda now: now.rolled_back(), "2", ("1", (), ("3", "4", "2")))


def test_each_write_of_a_change_of_champion_is_one_that_the_test_above_lets_fail(kept, tracker, monkeypatch):
    tracker.register(kept[0], "every-write")
    client, written = tracker._client(), []
    for call in ("set_registered_model_tag", "set_registered_model_alias"):
        real = getattr(type(client), call)
        monkeypatch.setattr(
            type(client), call, lambda self, *given, _real=real, _call=call: written.append(_call) or _real(self, *given)
        )
    tracker.settle(tracker.standing("every-write").promoted("1"))
    assert written == [call for call, _ in WRITES]


def test_a_store_whose_experiment_was_deleted_is_refused_before_anything_is_computed(tmp_path):
    own = MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    own.reach()
    own._client().delete_experiment(own._client().get_experiment_by_name(own.experiment).experiment_id)
    with pytest.raises(InvalidInput, match=r"expected an active one, found deleted\. Restore it"):
        own.reach()


def test_champions_and_those_before_them_are_kept_in_the_store(kept, tracker, client, record):
    name = "line-of-champions"
    for _ in range(3):
        tracker.register(kept[0], name)
    for version in ("1", "2", "3"):
        tracker.settle(tracker.standing(name).promoted(version))
    assert tracker.standing(name) == Standing(name, "3", "3", ("1", "2"))
    assert str(client.get_model_version_by_alias(name, "champion").version) == "3"
    tracker.settle(tracker.standing(name).rolled_back())
    assert tracker.standing(name) == Standing(name, "2", "3", ("1",), ("3",))
    assert str(client.get_model_version_by_alias(name, "champion").version) == "2"
    tracker.settle(tracker.standing(name).rolled_back())
    with pytest.raises(InvalidInput, match="a champion and one before it, found version 1, and none before it"):
        tracker.standing(name).rolled_back()
    with pytest.raises(InvalidInput, match="expected a registered model"):
        tracker.standing("nobody")


def test_looks_at_a_final_fold_are_counted_by_model_and_settings_even_of_deleted_runs(tracker):
    for fold, model in (("f1", "b"), ("f2", "c"), ("f1", "a"), ("f1", "b"), ("f1", "c")):
        tracker.log(RunRecord("a look", tags={"final_fold": fold, "model_version": model, "settings_version": "s"}))
    tracker.log(RunRecord("no look", tags={"model_version": "d"}))
    tracker.log(RunRecord("a look", tags={"final_fold": "f1", "model_version": "a", "settings_version": "t"}))
    seen = ("b under s", "a under s", "c under s", "a under t")
    assert tracker.looks("f1") == seen
    assert tracker.looks("f2") == ("c under s",)
    assert tracker.looks("f3") == ()
    for run in tracker._client().search_runs(["1"], "tags.final_fold = 'f1'"):
        tracker._client().delete_run(run.info.run_id)
    assert tracker.looks("f1") == seen


def test_a_training_run_counts_as_a_look_at_the_fold_that_it_was_judged_on(kept, tracker, trained):
    assert tracker.looks(trained.run.final_fold) == (candidate_of(trained.run.bundle.version, trained.settings.version),)


@pytest.mark.parametrize("address", ["models:/contact-response@champion", "models:/contact-response/1", "the run"])
def test_a_model_from_the_registry_scores_as_the_one_that_was_trained(kept, champion, tracker, trained, address):
    bundle = ModelBundle.load(tracker.folder(kept[0].model_uri if address == "the run" else address))
    features = trained.run.test.features
    assert bundle.version == trained.run.bundle.version
    assert np.array_equal(bundle.response.predict_by_arm(features), trained.run.bundle.response.predict_by_arm(features))
    assert bundle.harm == trained.run.bundle.harm


def test_a_recommender_takes_a_model_by_its_address(kept, champion, tracker, trained):
    found = Recommender.load(f"models:/{NAME}@champion", tracker=tracker)
    assert found.bundle.version == trained.run.bundle.version
    with pytest.raises(
        InvalidInput, match=r"models:/contact-response@champion: expected a tracker to look it up in, found none"
    ):
        Recommender.load(f"models:/{NAME}@champion")


@pytest.mark.parametrize(
    "address", ["models:/nobody@champion", "models:/contact-response@nobody", "models:/contact-response/99"]
)
def test_an_unknown_model_is_refused_with_the_store_that_was_asked(kept, tracker, address):
    with pytest.raises(InvalidInput, match="expected a registered model") as error:
        tracker.folder(address)
    assert address in str(error.value)
    assert f"Stores known here: {tracker.uri}" in str(error.value)


def test_mlflows_own_interface_gives_the_same_probabilities(kept, champion, tracker, trained):
    features = trained.run.test.features
    found = mlflow.pyfunc.load_model(f"models:/{NAME}@champion").predict(features)
    assert list(found.columns) == trained.run.bundle.arms.names
    assert np.array_equal(found.to_numpy(), trained.run.bundle.response.predict_by_arm(features))


def test_mlflows_own_interface_takes_categories_as_text(tracker, mixed):
    bundle, folder, X = mixed
    assert bundle.inputs == {"age": "double", "city": "string", "product": "string"}
    run = tracker.log(RunRecord("mixed", folder, bundle.inputs, tuple(bundle.arms.names)))
    scorer = mlflow.pyfunc.load_model(run.model_uri)
    expected = bundle.response.predict_by_arm(X)
    texts = X.assign(city=X["city"].astype(str), product=X["product"].astype(str))
    assert np.array_equal(scorer.predict(texts).to_numpy(), expected)
    assert len(np.unique(expected.round(9), axis=0)) > 10
    # A level that the fit has not seen is missing, as it is for the model itself.
    strange = texts.assign(city="Paris")
    unseen = bundle.response.predict_by_arm(X.assign(city=pd.Categorical(["Paris"] * len(X))))
    assert np.array_equal(scorer.predict(strange).to_numpy(), unseen)


def test_mlflows_own_interface_refuses_a_table_without_a_feature(kept, champion, tracker, trained):
    scorer = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"missing inputs.*days_past_due"):
        scorer.predict(trained.run.test.features.drop(columns="days_past_due"))


def test_two_stores_in_one_process_do_not_mix(kept, champion, tracker, record, tmp_path):
    other = MlflowTracker(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "files")
    with pytest.raises(InvalidInput, match="expected a registered model"):
        other.folder(f"models:/{NAME}@champion")
    assert tracker.folder(f"models:/{NAME}@champion").is_dir()


def test_only_the_tracking_file_needs_mlflow(trained):
    script = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from lighttouch.serving.recommender import Recommender\n"
        f"print(Recommender.load({str(trained.folder)!r}).bundle.version)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == trained.run.bundle.version
