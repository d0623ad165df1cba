# ruff: noqa: RUF001  Chinese text has Chinese punctuation.
"""What a receipt tells of the effect and of duties: the model's own interval, and what has to be done, clause by clause."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from lighttouch.data.book import Book
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.features.build import build_features
from lighttouch.features.points import decision_points
from lighttouch.policy.law.duties import Duty, Records
from lighttouch.policy.law.pack import RulePack
from lighttouch.policy.law.selection import shipped_packs
from lighttouch.policy.law.states import DutyRule
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving import receipt_duty_words as words
from lighttouch.serving.explain import explain_file
from lighttouch.serving.output import write_night
from lighttouch.serving.receipt import receipt
from lighttouch.serving.receipt_text import render
from lighttouch.serving.receipt_words import LANGS
from lighttouch.serving.recommender import Recommender

SETTINGS = PolicySettings(packs=("house", "cn"), confidence=0.8)


@pytest.fixture(scope="module")
def recs(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("night") / "recs.parquet"
    with Book.from_arrow(trained.world.tables) as book:
        write_night(Recommender.load(trained.folder, SETTINGS).night(book, trained.world.end), path)
    return path


@pytest.fixture(scope="module")
def rows(recs):
    return pq.read_table(recs).to_pylist()


@pytest.fixture(scope="module")
def contacted(rows):
    return next(row for row in rows if not row["standing"] and row["channel"])


@pytest.fixture(scope="module")
def peace(trained, tmp_path_factory):
    """A night on which nobody is contacted."""
    path = tmp_path_factory.mktemp("peace") / "recs.parquet"
    halted = SETTINGS.model_copy(update={"halted": True})
    with Book.from_arrow(trained.world.tables) as book:
        write_night(Recommender.load(trained.folder, halted).night(book, trained.world.end), path)
    return path


def test_the_interval_is_the_models_joint_contrast_of_the_arm_with_no_contact(trained, rows):
    fresh = [row for row in rows if not row["standing"]]
    ids = np.array([row["borrower_id"] for row in fresh], dtype=object)
    with Book.from_arrow(trained.world.tables) as book:
        points = decision_points(ids, trained.world.end, SETTINGS.ledger)
        features = build_features(book, points, SETTINGS.ledger).drop(columns=["point_id", "borrower_id", "as_of"])
    response = Recommender.load(trained.folder, SETTINGS).bundle.response
    middle, low, high = response.contrast_by_arm(features, "none", SETTINGS.confidence)
    given = (np.arange(len(fresh)), [response.arms.index(row["arm"]) for row in fresh])
    for name, expected in (("uplift", middle), ("uplift_low", low), ("uplift_high", high)):
        np.testing.assert_allclose([row[name] for row in fresh], expected[given], rtol=1e-9, atol=1e-12)
    inside = [row["uplift_low"] < row["uplift"] < row["uplift_high"] for row in fresh]
    assert inside == [row["arm"] != "none" for row in fresh]
    assert sum(inside) > 10


def test_a_receipt_tells_the_interval_and_how_sure_it_is_in_both_languages(recs, contacted):
    low, high = (f"{100 * contacted[name]:+.1f}" for name in ("uplift_low", "uplift_high"))
    found = receipt(recs, contacted["borrower_id"])
    assert f"  - what this arm changes: {low} to {high} points (80% interval)" in render(found, "en").splitlines()
    assert f"  - 此方案带来的变化：{low} 至 {high} 个百分点（80% 置信区间）" in render(found, "zh").splitlines()
    assert f"  - what this arm changes: {low} to {high} points (interval)" in explain_file(recs, contacted["borrower_id"])


def test_no_contact_changes_nothing_and_tells_no_interval(peace):
    row = pq.read_table(peace).to_pylist()[0]
    assert row["uplift_low"] == row["uplift"] == row["uplift_high"] == 0.0
    for said in (render(receipt(peace, row["borrower_id"])), explain_file(peace, row["borrower_id"])):
        assert "without contact (+0.0 points)" in said
        assert "interval" not in said


def test_a_decision_of_the_house_policy_or_of_an_earlier_night_claims_no_effect(trained, recs, rows, tmp_path):
    standing = next(row for row in rows if row["standing"] and row["channel"])
    assert standing["uplift_low"] is None
    assert "80%" not in render(receipt(recs, standing["borrower_id"]))
    with Book.from_arrow(trained.world.tables) as book:
        write_night(Recommender.without_model(SETTINGS).night(book, trained.world.end), tmp_path / "recs.parquet")
    house = pq.read_table(tmp_path / "recs.parquet").to_pylist()
    first = next(row for row in house if not row["standing"] and row["channel"])
    assert first["uplift_low"] is None
    assert "80%" not in render(receipt(tmp_path / "recs.parquet", first["borrower_id"]))


def test_every_duty_is_told_with_its_rule_what_has_to_be_done_and_where_it_is_written(recs, contacted):
    found = receipt(recs, contacted["borrower_id"], "CN")
    assert {"house.records", "cn.pipl.24", "cn.pipl.55", "cn.card.records"} <= {duty.rule for duty in found.duties}
    for lang in LANGS:
        lines = render(found, lang).splitlines()
        for duty in found.duties:
            (line,) = [line for line in lines if f"{duty.rule}:" in line.replace("：", ":")]
            assert duty.clause in line
            assert all(words.duty(word, lang) in line for word in duty.do)
    english, chinese = (render(found, lang) for lang in LANGS)
    assert "record calls, records kept for 5 years from the closing of the debt on, by law at least 2 (cn.card.re" in english
    assert "影响评估报告保存 3 年（cn.pipl.55" in chinese


def test_without_contact_only_duties_of_any_channel_are_told_under_their_own_heading(recs, contacted, peace):
    found = receipt(peace, contacted["borrower_id"], "CN")
    rules = {rule.id: rule for name in SETTINGS.packs for rule in RulePack.load(name).rules}
    assert "cn.pipl.24" in {duty.rule for duty in found.duties}
    assert all(rules[duty.rule].match.channels == CHANNELS for duty in found.duties)
    assert "Kept whether or not there is contact:" in render(found, "en").splitlines()
    assert "Kept with every contact:" in render(receipt(recs, contacted["borrower_id"]), "en").splitlines()


def test_what_shipped_packs_say_of_records_has_both_languages():
    retained = [
        rule.retain
        for name in shipped_packs()
        for rule in RulePack.load(name).rules
        if isinstance(rule, DutyRule) and rule.retain is not None
    ]
    said = {word for one in retained for word in (one.what, one.from_, one.recordings_from) if word}
    assert said == set(words.RECORDS) - {""}


def test_the_words_of_a_lenders_own_pack_are_told_as_they_stand_there(recs, contacted):
    found = receipt(recs, contacted["borrower_id"])
    own = Duty("own.1", ("wave_goodbye",), Records(1.5, since="the_last_word", recordings_since="call_date"), "our book 3")
    changed = type(found)(**{**vars(found), "duties": (own,)})
    told = "records kept for 1.5 years from the last word on, recordings from the day of the call on"
    assert f"  - wave goodbye, {told} (own.1: our book 3)" in render(changed, "en").splitlines()
    assert "wave goodbye、记录保存 1.5 年（自the last word起），录音自通话之日起（own.1：our book 3）" in render(changed, "zh")
