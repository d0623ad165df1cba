"""Explaining a recommendation: what, why, what was taken away and by whom; and why somebody is left alone."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.serving.explain import explain, explain_file
from lighttouch.serving.output import write_night
from lighttouch.serving.recommender import Recommender
from status_rows import status_event


@pytest.fixture(scope="module")
def fates(trained):
    """Three borrowers of whom something became known this very evening."""
    with Book.from_arrow(trained.world.tables) as book:
        rows = Recommender.load(trained.folder).night(book, trained.world.end).recommendations.to_pylist()
    fresh = [row["borrower_id"] for row in rows if not row["standing"]]
    return dict(zip(("refused calls", "dispute", "promise"), fresh[:3], strict=True))


@pytest.fixture(scope="module")
def night(trained, fates):
    end, events = trained.world.end, trained.world.tables["status_events"]
    evening = end - timedelta(hours=3)
    more = pa.Table.from_pylist(
        [
            status_event(fates["refused calls"], "opt_out", evening, channel="call"),
            status_event(fates["dispute"], "dispute", evening),
            status_event(fates["promise"], "promise", evening, until=end + timedelta(days=3)),
        ],
        schema=events.schema,
    )
    with Book.from_arrow({**trained.world.tables, "status_events": pa.concat_tables([events, more])}) as book:
        return Recommender.load(trained.folder).night(book, end)


@pytest.fixture(scope="module")
def recs(night, tmp_path_factory):
    path = tmp_path_factory.mktemp("night") / "recs.parquet"
    write_night(night, path)
    return path


def one(night, **wanted):
    """Return the first recommendation with these values."""
    rows = night.recommendations.to_pylist()
    return next(row for row in rows if all(test(row[name]) for name, test in wanted.items()))


def test_a_fresh_recommendation_says_what_why_and_what_no_contact_would_do(night, recs):
    chosen = {
        "best_value": "highest expected net recovery",
        "minimum_dose": "lighter than the best, and is expected to lose no more than the margin",
    }
    row = one(night, standing=lambda x: not x, channel=bool, reasons=lambda codes: codes[0] in chosen)
    text = explain_file(recs, row["borrower_id"])
    first, *_ = text.splitlines()
    assert first.startswith(f"Borrower {row['borrower_id']}, as of 2026-11-20 22:00 UTC: {row['arm']}: ")
    assert first.endswith("until 2026-12-04.")
    assert f"{row['response']:.1%} with this arm, {row['response_none']:.1%} without contact" in text
    assert f"({100 * (row['response'] - row['response_none']):+.1f} points)" in text
    assert f"Next contact between {row['next_contact_from']} and {row['next_contact_to']}" in text
    assert f"Tone: {row['tone']}." in text
    assert f"Lawful arms: {', '.join(row['lawful_arms'])}" in text
    for version in ("model_version", "policy_version", "rules_version", "decision_id"):
        assert row[version] in text
    assert chosen[row["reasons"][0]] in text


def test_an_arm_that_was_taken_away_names_the_rule(night, recs, fates):
    row = one(night, borrower_id=lambda name: name == fates["refused calls"])
    text = explain_file(recs, fates["refused calls"])
    removed = dict(code.split(":")[1:] for code in row["reasons"] if code.startswith("arm_removed"))
    assert {"call-weekly", "call-twice-weekly", "sms-call-weekly"} <= set(removed)
    assert "opt_out" in removed["call-weekly"]
    assert f"  - Arm call-weekly was taken away by rule {removed['call-weekly']}." in text
    assert text.index("Why:") < text.index("Not available:") < text.index("Arm call-weekly was taken away")
    assert not set(removed) & set(row["lawful_arms"])
    assert set(removed) | set(row["lawful_arms"]) == set(default_arms().names)


def test_every_code_of_a_night_has_a_sentence(night):
    texts = [explain(row) for row in night.recommendations.to_pylist()]
    assert len(texts) > 30
    assert not any("unknown" in text or "nan" in text.lower().split() for text in texts)


def test_no_contact_is_explained_as_no_contact(night):
    row = one(night, arm=lambda arm: arm == "none")
    text = explain(row)
    assert "no contact (arm none), until" in text
    assert "Next contact" not in text


def test_a_standing_decision_says_until_when_it_stands_and_claims_nothing_that_the_log_does_not_hold(night, recs):
    row = one(night, standing=bool, channel=bool)
    text = explain_file(recs, row["borrower_id"])
    assert f"An earlier decision still stands until {row['commit_until']:%Y-%m-%dT%H:%MZ}." in text
    assert "Expected:" not in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("fate", "sentence"),
    [("dispute", "  - A dispute is open."), ("promise", "  - A promise to pay is open until 2026-11-23")],
)
def test_who_is_left_alone_is_told_why_from_the_file_beside(recs, fates, fate, sentence):
    first, why, *reasons = explain_file(recs, fates[fate]).splitlines()
    assert (first, why) == (f"Borrower {fates[fate]} is left alone tonight.", "Why:")
    assert reasons[0].startswith(sentence)


def test_who_owes_nothing_is_left_alone_for_that(night, recs):
    borrower = night.excluded.loc[night.excluded["reason"] == "not_overdue", "borrower_id"].iloc[0]
    assert "Nothing is proven overdue." in explain_file(recs, borrower)


def test_every_reason_of_somebody_left_alone_is_given(trained, recs, tmp_path):
    rows = pq.read_table(recs.with_name("recs.excluded.parquet")).slice(0, 1).to_pylist()
    both = {**rows[0], "detail": "dispute; promise:2026-12-01T00:00Z; stop:attorney"}
    pq.write_table(pq.read_table(recs), tmp_path / "recs.parquet")
    pq.write_table(pa.Table.from_pylist([both]), tmp_path / "recs.excluded.parquet")
    text = explain_file(tmp_path / "recs.parquet", both["borrower_id"])
    assert [line for line in text.splitlines() if line.startswith("  - ")] == [
        "  - A dispute is open.",
        "  - A promise to pay is open until 2026-12-01T00:00Z.",
        "  - A stop is open (attorney): nobody may be dunned until it is ended or has run out.",
    ]


def test_an_unknown_borrower_is_refused(recs):
    with pytest.raises(InvalidInput, match=r"recs\.excluded\.parquet: expected borrower 'B-nobody', found no such borrower"):
        explain_file(recs, "B-nobody")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "recs.parquet").write_text("borrower_id\nb1\n", encoding="utf-8")
    for path in (tmp_path / "recs.parquet", tmp_path / "none.parquet", tmp_path):
        with pytest.raises(InvalidInput, match=r"expected a recommendation table as Parquet"):
            explain_file(path, "b1")


@pytest.mark.parametrize("name", ["borrowers", "payments"])
def test_a_table_of_something_else_is_refused(trained, tmp_path, name):
    table = trained.world.tables[name]
    pq.write_table(table, tmp_path / "other.parquet")
    borrower = trained.world.tables["borrowers"]["borrower_id"][0].as_py()
    with pytest.raises(InvalidInput, match=r"other\.parquet: expected a recommendation table as Parquet"):
        explain_file(tmp_path / "other.parquet", borrower)


def test_the_interval_of_a_plan_is_that_of_its_arm(night):
    for row in night.recommendations.to_pylist():
        if row["channel"]:
            assert f"one contact every {7 / row['intensity']:.3g} days" in explain(row)
            assert row["commit_until"] - row["as_of"] == timedelta(days=14)
