"""The main job on random worlds, checked by an independent reading of the raw tables and the house rules."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import DamagedFile, InvalidInput, StaleLedger, UnattributedRows
from lighttouch.data.stores import open_book, write_tables
from lighttouch.data.worlds import simulate
from lighttouch.policy.rules import load_packs
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.decisions import Brain
from lighttouch.serving.night import run_night
from lighttouch.serving.recommendation import COLUMNS
from lighttouch.serving.recommender import Recommender
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.model.sealed import sealed, unsealed
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.runs.run import TrainOptions, train_book
from night_checker import Checker

END = datetime(2026, 11, 20, 22, tzinfo=UTC)
QUICK = TrainOptions(boosting=Boosting(pairs=2, rounds=30), threads=1)


TROUBLES = [
    "promise",
    "dispute",
    "hardship",
    "attorney",
    "deceased",
    "complaint",
    "moratorium",
    "resolved",
    "opt_out",
    "opt_in",
]


@pytest.fixture(scope="module")
def worlds():
    drawn = {n: simulate(n, borrowers=700, days=400, seed=seed) for seed, n in enumerate(["confounded", "randomised"], 7)}
    return {name: with_troubles(world, np.random.default_rng(0)) for name, world in drawn.items()}


def with_troubles(world, rng):
    """Open, close and time out many more statuses than a world has, so that every guard has someone to hold back."""
    people = np.array(world.tables["borrowers"]["borrower_id"].to_pylist(), dtype=object)
    n = 2 * len(people)
    at = [END - timedelta(days=float(days)) for days in rng.uniform(0.01, 90, n)]
    kinds = rng.choice(TROUBLES, n)
    lasts = rng.uniform(1, 40, n)
    ends = [
        a + timedelta(days=float(d)) if k in {"promise", "moratorium"} else None
        for a, d, k in zip(at, lasts, kinds, strict=True)
    ]
    channels = [rng.choice(["sms", "call", "email"]) if kind.startswith("opt") else None for kind in kinds]
    schema = world.tables["status_events"].schema
    columns = {"borrower_id": rng.choice(people, n), "loan_id": [None] * n, "kind": kinds, "channel": channels}
    columns |= {"at": at, "until": ends, "known_at": at}
    more = pa.table(
        {name: pa.array(columns.get(name, [None] * n), schema.field(name).type) for name in schema.names}, schema=schema
    )
    return replace(world, tables=world.tables | {"status_events": pa.concat_tables([world.tables["status_events"], more])})


@pytest.fixture(scope="module")
def model(worlds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "bundle"
    run = train_book(Book.from_arrow(worlds["randomised"].tables), default_arms(), PolicySettings(), folder, QUICK)
    return run, folder


@pytest.fixture(scope="module")
def night(worlds, model):
    return Recommender.load(model[1]).night(Book.from_arrow(worlds["confounded"].tables), END)


@pytest.mark.parametrize("name", ["confounded", "randomised"])
@pytest.mark.parametrize("back", [0, 3, 17, 60])
def test_nobody_not_overdue_stopped_or_unlawful_is_in_any_output(worlds, model, name, back):
    as_of = END - timedelta(days=back)
    night = Recommender.load(model[1]).night(Book.from_arrow(worlds[name].tables), as_of)
    checker = Checker(worlds[name].tables, as_of)
    rows = night.recommendations.to_pylist()
    found = {row["borrower_id"]: faults for row in rows if (faults := checker.faults(row))}
    assert rows
    assert found == {}
    assert any(row["windows"] for row in rows)


def test_everyone_is_either_recommended_for_or_left_out_with_a_reason(worlds, night):
    recommended = set(night.recommendations["borrower_id"].to_pylist())
    left_out = set(night.excluded["borrower_id"])
    assert recommended | left_out == set(worlds["confounded"].tables["borrowers"]["borrower_id"].to_pylist())
    assert not recommended & left_out
    assert night.excluded["reason"].str.len().gt(0).all()


def test_everyone_overdue_without_a_stop_is_recommended_for(worlds, night):
    checker = Checker(worlds["confounded"].tables, END)
    wanted = {b for b in checker.overdue if not checker.faults({"borrower_id": b, "windows": []})}
    hard = {b for b in wanted if "hardship" in checker.open_kinds(b)}
    refused = {b for b in wanted if checker.closed_channels(b, {"sms"}) and checker.closed_channels(b, {"letter"})}
    assert wanted - hard - refused == set(night.recommendations["borrower_id"].to_pylist()) - hard - refused


def test_the_table_has_the_columns_of_the_design_in_their_order(night):
    assert tuple(night.recommendations.column_names) == COLUMNS


def test_a_plan_has_as_many_windows_as_its_arm_says(night):
    rows = night.recommendations.to_pandas().query("not standing")
    expected = np.ceil(14 / rows["interval_days"].fillna(np.inf) - 1e-9).astype(int)
    assert (rows["windows"].str.len().to_numpy() == expected.to_numpy()).all()


def test_standing_decisions_are_returned_as_they_were_taken(worlds, night):
    rows = night.recommendations.to_pandas().query("standing").set_index("decision_id")
    log = worlds["confounded"].tables["decisions"].to_pandas().set_index("decision_id").loc[rows.index]
    assert len(rows) > 20
    for name in ("borrower_id", "as_of", "commit_until", "arm", "explore", "model_version", "policy_version", "rules_version"):
        assert (rows[name] == log[name]).all(), name
    logged = [dict(odds)[arm] for odds, arm in zip(log["propensities"], log["arm"], strict=True)]
    assert rows["propensity"].tolist() == logged
    assert rows["commit_until"].gt(END).all()


def test_a_second_night_keeps_the_decisions_of_the_first(worlds, model, night):
    tables = dict(worlds["confounded"].tables)
    log = tables["decisions"]
    tables["decisions"] = pa.concat_tables([log, night.decisions.select(log.column_names).cast(log.schema)])
    later = END + timedelta(hours=1)
    again = Recommender.load(model[1]).night(Book.from_arrow(tables), later).recommendations.to_pandas()
    first = night.recommendations.to_pandas()
    both = again.merge(first, on="borrower_id", suffixes=("", "_before"))
    assert again["standing"].all()
    assert (both["decision_id"] == both["decision_id_before"]).all()
    assert (both["arm"] == both["arm_before"]).all()


def test_the_same_night_gives_the_same_bytes(worlds, model, night):
    again = Recommender.load(model[1]).night(Book.from_arrow(worlds["confounded"].tables), END)
    assert again.recommendations.equals(night.recommendations)
    assert again.decisions.equals(night.decisions)


def test_the_stop_switch_makes_every_decision_no_contact(worlds, model):
    halted = Recommender.load(model[1], PolicySettings(halted=True)).night(Book.from_arrow(worlds["confounded"].tables), END)
    rows = halted.recommendations.to_pandas()
    assert len(rows)
    assert rows["arm"].eq("none").all()
    assert rows["windows"].str.len().eq(0).all()
    assert rows["reasons"].map(list).map(lambda reasons: reasons == ["halted"]).all()


def test_the_stop_switch_holds_for_ready_features_too(model):
    run, folder = model
    everything = np.ones((len(run.test), 10), dtype=bool)
    money = run.test.rows["recoverable"].to_numpy()
    rows = Recommender.load(folder, PolicySettings(halted=True)).decide(run.test.features, lawful=everything, recoverable=money)
    assert rows["arm"].eq("none").all()
    assert rows["reasons"].map(lambda reasons: reasons == ["halted"]).all()


def test_a_halted_night_commits_to_nothing_so_that_the_next_one_decides(worlds, model):
    book = Book.from_arrow(worlds["confounded"].tables)
    assert Recommender.load(model[1], PolicySettings(halted=True)).night(book, END).decisions.num_rows == 0


@pytest.mark.parametrize(
    ("table", "line", "rule"),
    [
        ("status_events", "B00000012 ,,deceased,,2026-11-01T10:00:00Z,,2026-11-01T10:00:00Z,", "no_such_borrower"),
        ("status_events", "B00000012,,deceased,,2026-11-01T10:00:00Z,,2026-11-01T10:00:00Z,a note,x", "malformed_line"),
        ("payments", "P1,L1,payment,2026-11-01T10:00:00Z,2026-11-01T10:00:00Z,10.00,a note,x", "malformed_line"),
    ],
)
def test_a_quarantined_stop_or_payment_that_may_be_anybodys_stops_the_night(worlds, model, tmp_path, table, line, rule):
    write_tables(worlds["confounded"].tables, tmp_path / "book", format="csv")
    file = tmp_path / "book" / f"{table}.csv"
    file.write_text(file.read_text() + line + "\n")
    with open_book(tmp_path / "book") as book:
        with pytest.raises(
            UnattributedRows, match=rf"1 quarantined rows may concern any borrower.*{table}: row \d+ of .*{rule}"
        ):
            Recommender.load(model[1]).night(book, END)
        accepted = PolicySettings.from_dict({"guards": {"accept_unattributed": True}})
        assert Recommender.load(model[1], accepted).night(book, END).recommendations.num_rows


def test_an_as_of_beyond_the_ledgers_limit_is_refused(worlds, model):
    with pytest.raises(StaleLedger, match=r"The ledger of the whole book is 10\.\d days old at as_of, the limit is 3\.0 days"):
        Recommender.load(model[1]).recommend(Book.from_arrow(worlds["confounded"].tables), END + timedelta(days=10))


def test_a_naive_as_of_is_refused(worlds, model):
    with pytest.raises(
        InvalidInput, match="as_of: expected an instant with a time zone, found 2026-11-20T22:00:00 without one"
    ):
        Recommender.load(model[1]).recommend(Book.from_arrow(worlds["confounded"].tables), "2026-11-20T22:00")


def test_a_model_with_other_features_is_refused_with_the_difference(worlds, model):
    run, _ = model
    fit = run.fit
    features = fit.features.rename(columns={"days_past_due": "dpd"})
    other = ModelBundle(type(run.bundle.response)(fit.arms, boosting=QUICK.boosting), run.bundle.harm, 14, {}, "other")
    other.response.fit(features, fit.rows["repaid"], arm=fit.rows["arm"], propensity=fit.propensity)
    book = Book.from_arrow(worlds["confounded"].tables)
    with pytest.raises(InvalidInput, match=r"(?s)- dpd \(missing\).*\+ days_past_due \(not seen at fit\)"):
        run_night(book, END, Brain(other, PolicySettings(), load_packs(["house"]), fit.arms))


@pytest.mark.parametrize("name", ["bundle.json", "response/model.json"])
def test_a_changed_byte_of_a_saved_model_is_refused_and_named(model, tmp_path, name):
    saved = model[0].bundle.save(tmp_path / "copy")
    assert saved.version == model[0].bundle.version
    file = tmp_path / "copy" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedFile, match=name.replace(".", r"\.")):
        ModelBundle.load(tmp_path / "copy")


def test_a_response_that_was_sealed_elsewhere_is_refused(model, tmp_path):
    model[0].bundle.save(tmp_path / "copy")
    file = tmp_path / "copy" / "response" / "model.json"
    content = unsealed(file)
    content.pop("seal", None)
    file.write_text(sealed(content | {"of": "another run"}), encoding="utf-8", newline="\n")
    with pytest.raises(DamagedFile, match=r"model\.json"):
        ModelBundle.load(tmp_path / "copy")


def test_a_missing_file_of_a_saved_model_is_named(model, tmp_path):
    model[0].bundle.save(tmp_path / "copy")
    trees = min((tmp_path / "copy" / "response").glob("*.txt"))
    trees.unlink()
    with pytest.raises(DamagedFile, match=trees.name):
        ModelBundle.load(tmp_path / "copy")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"expected a saved model with bundle\.json"):
        Recommender.load(tmp_path)


def test_a_model_of_another_horizon_is_refused(model):
    settings = PolicySettings.from_dict({"outcome": {"horizon_days": 30}})
    with pytest.raises(InvalidInput, match="expected 14 days, as the model, found 30 days in the settings"):
        Recommender.load(model[1], settings)


def test_a_loaded_model_scores_as_the_fitted_one(model):
    run, folder = model
    loaded = ModelBundle.load(folder)
    assert (loaded.response.predict_by_arm(run.test.features) == run.bundle.response.predict_by_arm(run.test.features)).all()
    assert json.loads((folder / "bundle.json").read_text())["facts"]["best_constant"] == run.best_constant


def test_decide_refuses_without_lawful_arms_and_recoverable_amounts(model):
    recommender = Recommender.load(model[1])
    with pytest.raises(InvalidInput, match=r"(?s)2 faults.*lawful: expected an array.*recoverable: expected an array"):
        recommender.decide(model[0].test.features)


def test_decide_never_gives_an_arm_that_is_not_lawful(model):
    run, folder = model
    lawful = np.random.default_rng(0).random((len(run.test), 10)) < 0.4
    lawful[:, 0] = True
    money = run.test.rows["recoverable"].to_numpy()
    chosen = Recommender.load(folder).decide(run.test.features, lawful=lawful, recoverable=money)
    codes = default_arms().encode(chosen["arm"])
    assert lawful[np.arange(len(codes)), codes].all()
    pd.testing.assert_index_equal(chosen.index, run.test.features.index)
