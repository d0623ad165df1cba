"""Writing a night: all files or none, the same in Parquet and in CSV."""

import csv
import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.serving.night import Night
from lighttouch.serving.output import sibling, write_night
from lighttouch.serving.recommendation import COLUMNS, SCHEMA, Versions, decision_ids, log_rows, to_arrow

NAMES = ["recs.decisions.parquet", "recs.excluded.parquet", "recs.parquet", "recs.pre_due.parquet", "recs.refresh.parquet",
         "recs.run.json"]  # fmt: skip
AS_OF = pd.Timestamp("2026-11-20T22:00Z")


def row(borrower, **changes):
    usual = {
        "decision_id": f"d-{borrower}", "borrower_id": borrower, "as_of": AS_OF, "commit_until": AS_OF + pd.Timedelta(days=14),
        "standing": False, "arm": "sms-weekly", "channel": "sms", "intensity": 1.0, "interval_days": 7.0,
        "next_contact_from": "2026-11-21T09:00+00:00", "next_contact_to": "2026-11-21T17:00+00:00",
        "windows": ["2026-11-21T09:00+00:00/2026-11-21T17:00+00:00 sms", "2026-11-28T09:00+00:00/2026-11-28T17:00+00:00 sms"],
        "response": 1 / 3, "response_none": 0.25, "uplift": 1 / 12, "uplift_low": 1 / 24, "uplift_high": 1 / 8, "harm": 0.001,
        "value": 12.345678901234567,
        "propensity": 1.0, "explore": False, "lawful_arms": ["none", "sms-weekly"], "reasons": ["best_value"],
        "tone": "friendly", "offer": None, "model_version": "m", "policy_version": "p", "rules_version": "r",
        "template": "dunning-friendly", "propensities": [("none", 0.25), ("sms-weekly", 0.75)],
    }  # fmt: skip
    return {**usual, **changes}


@pytest.fixture
def night():
    nothing = {"arm": "none", "channel": None, "intensity": 0.0, "interval_days": np.nan, "next_contact_from": None,
               "next_contact_to": None, "windows": [], "template": None, "propensities": [("none", 1.0), ("sms-weekly", 0.0)],
               "reasons": ["minimum_dose", 'arm_removed:x, "y":house.z'],
               "tone": 'a "quoted", one'}  # fmt: skip
    fresh = pd.DataFrame([row("b2"), row("b1", **nothing)])
    excluded = pd.DataFrame(
        {"borrower_id": ["b3"], "reason": ["dispute"], "code": ["dispute"], "detail": ["dispute; promise:x"]}
    )
    return Night(to_arrow(fresh), excluded, log_rows(fresh))


def files(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_the_table_has_its_columns_and_types_and_comes_by_borrower(night):
    assert night.recommendations.schema.equals(SCHEMA)
    assert tuple(night.recommendations.column_names) == COLUMNS
    assert night.recommendations["borrower_id"].to_pylist() == ["b1", "b2"]


def test_the_log_has_a_decision_as_it_will_be_learnt_from(night):
    rows = {one["borrower_id"]: one for one in night.decisions.to_pylist()}
    assert dict(rows["b1"]["propensities"]) == {"none": 1.0, "sms-weekly": 0.0}
    assert dict(rows["b2"]["propensities"]) == {"none": 0.25, "sms-weekly": 0.75}
    assert rows["b2"]["decision_id"] == "d-b2"


def test_the_same_decision_has_the_same_name_and_any_other_another():
    versions = Versions("m", "p", "r")
    names = decision_ids(["b1", "b2"], AS_OF, versions)
    assert names == decision_ids(["b1", "b2"], AS_OF, versions)
    others = [
        *decision_ids(["b1"], AS_OF + pd.Timedelta(days=1), versions),
        *(decision_ids(["b1"], AS_OF, Versions(*parts))[0] for parts in (("n", "p", "r"), ("m", "q", "r"), ("m", "p", "s"))),
    ]
    assert len({*names, *others}) == 6


def test_all_tables_are_written_side_by_side_and_nothing_else(night, tmp_path):
    write_night(night, tmp_path / "deep" / "recs.parquet")
    assert files(tmp_path / "deep") == NAMES
    assert pq.read_table(tmp_path / "deep" / "recs.parquet").equals(night.recommendations)
    assert pq.read_table(tmp_path / "deep" / "recs.decisions.parquet").equals(night.decisions)
    assert pq.read_table(tmp_path / "deep" / "recs.excluded.parquet").to_pandas().equals(night.excluded)


def test_csv_says_the_same_as_parquet(night, tmp_path):
    write_night(night, tmp_path / "recs.csv")
    for name, table in [("recs.csv", night.recommendations), ("recs.decisions.csv", night.decisions)]:
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert list(found[0]) == table.column_names
        for text, value in zip(found, table.to_pylist(), strict=True):
            for column, expected in value.items():
                assert read_as(text[column], expected) == expected, (name, column)
    excluded = pd.read_csv(tmp_path / "recs.excluded.csv")
    assert excluded.to_dict("records") == night.excluded.to_dict("records")


def read_as(text, like):
    """Read what a CSV file says in the type of the value that it should be."""
    if like is None or isinstance(like, str):
        return text or None
    if isinstance(like, bool | float):
        return float(text) if isinstance(like, float) else {"true": True, "false": False}[text]
    if isinstance(like, list):
        parts = text.split("; ") if text else []
        pairs = [part.rsplit(": ", 1) for part in parts]
        return [(name, float(odds)) for name, odds in pairs] if like and isinstance(like[0], tuple) else parts
    return pd.Timestamp(text).tz_convert("UTC").to_pydatetime()


def test_an_earlier_night_is_replaced_whole(night, tmp_path):
    write_night(night, tmp_path / "recs.parquet")
    later = Night(night.recommendations.slice(0, 1), night.excluded.head(0), night.decisions.slice(0, 1))
    write_night(later, tmp_path / "recs.parquet")
    assert pq.read_table(tmp_path / "recs.parquet").num_rows == 1
    assert pq.read_table(tmp_path / "recs.excluded.parquet").num_rows == 0
    assert files(tmp_path) == NAMES


def test_where_the_parent_is_a_file_nothing_is_written_and_the_place_is_named(night, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"file/recs\.parquet: expected a place that can be written") as error:
        write_night(night, tmp_path / "file" / "recs.parquet")
    assert "nothing was written" in str(error.value)
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("taken", NAMES)
def test_where_a_folder_has_the_name_of_one_file_none_is_written(night, tmp_path, taken):
    (tmp_path / taken / "inside").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="expected a place that can be written"):
        write_night(night, tmp_path / "recs.parquet")
    assert files(tmp_path) == sorted([taken, "inside"])


@pytest.mark.parametrize("broken", [name for name in NAMES if name.endswith(".parquet")])
def test_a_disk_that_is_full_half_way_leaves_the_earlier_night(night, tmp_path, monkeypatch, broken):
    write_night(night, tmp_path / "recs.parquet")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    write_table = pq.write_table

    def fill_up(table, path, **options):
        if Path(path).name == broken:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        write_table(table, path, **options)

    monkeypatch.setattr(pq, "write_table", fill_up)
    other = Night(night.recommendations.slice(0, 1), night.excluded.head(0), night.decisions.slice(0, 1))
    with pytest.raises(InvalidInput, match="expected a place that can be written, found No space left on device"):
        write_night(other, tmp_path / "recs.parquet")
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_a_night_without_anybody_is_empty_tables(tmp_path):
    nobody = pd.DataFrame([row("b1")]).head(0)
    empty = Night(to_arrow(nobody), pd.DataFrame({"borrower_id": pd.Series(dtype="str")}), log_rows(nobody))
    for name in ("recs.parquet", "recs.csv"):
        write_night(empty, tmp_path / name)
    assert pq.read_table(tmp_path / "recs.parquet").schema.equals(SCHEMA)
    assert (tmp_path / "recs.csv").read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",") == list(COLUMNS)


@pytest.mark.parametrize(("out", "expected"), [("a/recs.parquet", "a/recs.excluded.parquet"), ("r.csv", "r.excluded.csv")])
def test_the_other_files_are_named_after_the_first(out, expected):
    assert sibling(Path(out), "excluded") == Path(expected)


def test_a_missing_value_is_missing_in_the_table_and_not_a_word(night):
    rows = {one["borrower_id"]: one for one in night.recommendations.to_pylist()}
    assert rows["b1"]["offer"] is None
    assert rows["b1"]["interval_days"] is None
    assert isinstance(night.recommendations, pa.Table)
