"""Receipts: everything about a decision in two languages, replayed from the night's files to the same bytes anywhere."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.data.book import Book
from lighttouch.data.errors import InvalidInput
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.policy.law.model import Authority, Confidence
from lighttouch.policy.law.pack import RulePack
from lighttouch.policy.law.selection import shipped_packs
from lighttouch.policy.law.states import DutyRule
from lighttouch.policy.reasons import TEMPLATES, Reason
from lighttouch.policy.restraint import ABILITY, CALM, STEP
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving import receipt_duty_words as duty_words
from lighttouch.serving import receipt_words as words
from lighttouch.serving.output import run_card, write_night
from lighttouch.serving.receipt import receipt, ways
from lighttouch.serving.receipt_text import render
from lighttouch.serving.recommender import Recommender
from status_rows import status_event

PACKS = ("house", "cn")
REACH = {"en": "call 400-000-0000, and say 'person'", "zh": "请致电 400-000-0000"}
SETTINGS = PolicySettings(packs=PACKS, messages={"reach_a_person": REACH})


def decide(trained, out, more=(), settings=SETTINGS):
    """Run the night with some further events, and write it."""
    events = trained.world.tables["status_events"]
    added = pa.Table.from_pylist(list(more), schema=events.schema)
    with Book.from_arrow({**trained.world.tables, "status_events": pa.concat_tables([events, added])}) as book:
        night = Recommender.load(trained.folder, settings).night(book, trained.world.end)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_night(night, out)
    return night


@pytest.fixture(scope="module")
def recs(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("night") / "recs.parquet"
    decide(trained, path)
    return path


@pytest.fixture(scope="module")
def rows(recs):
    return pq.read_table(recs).to_pylist()


@pytest.fixture(scope="module")
def fresh(rows):
    """Borrowers decided tonight who are contacted."""
    return [row["borrower_id"] for row in rows if not row["standing"] and row["channel"]]


@pytest.fixture(scope="module")
def happened(trained, recs, fresh, tmp_path_factory):
    """The night once more, after everything that is said to lower contact has happened to one borrower each."""
    path = tmp_path_factory.mktemp("after") / "recs.parquet"
    evening, until = trained.world.end - timedelta(hours=3), trained.world.end + timedelta(days=3)
    fates = dict(zip(("promise", "hardship", "dispute", "complaint", "opt_out", "calls"), fresh, strict=False))
    events = [status_event(fates[kind], kind, evening) for kind in ("hardship", "dispute", "complaint")]
    events.append(status_event(fates["promise"], "promise", evening, until=until))
    events.append(status_event(fates["calls"], "opt_out", evening, channel="call"))
    (_, *channels) = next(way for way in receipt(recs, fates["opt_out"]).ways if way[0] == "opt_out")
    events += [status_event(fates["opt_out"], "opt_out", evening, channel=one) for one in channels]
    decide(trained, path, events)
    return path, fates, channels


def everybody(recs):
    tables = (recs, recs.with_name("recs.excluded.parquet"))
    return sorted(name for table in tables for name in pq.read_table(table)["borrower_id"].to_pylist())


def all_texts(recs, names):
    return "\n\n".join(render(receipt(recs, name), lang) for name in names for lang in words.LANGS)


def test_a_receipt_says_what_why_and_what_no_contact_would_do_in_both_languages(recs, rows):
    row = next(row for row in rows if not row["standing"] and row["channel"])
    found = receipt(recs, row["borrower_id"])
    for lang in words.LANGS:
        said = render(found, lang)
        assert said.splitlines()[0].count(row["borrower_id"]) == 1
        for told in (
            row["arm"],
            f"{row['response']:.1%}",
            f"{row['response_none']:.1%}",
            f"{row['harm']:.2%}",
            row["decision_id"],
        ):
            assert told in said
        assert f"{100 * row['uplift']:+.1f}" in said
        assert row["next_contact_from"] in said
        assert row["next_contact_to"] in said
        assert words.reason(row["reasons"][0], lang) in said
        assert all(row[name] in said for name in ("model_version", "policy_version", "rules_version"))
        assert REACH[lang] in said
        assert words.TEXTS["automated"][words.LANGS.index(lang)] in said
    assert "第二十四条" in render(found, "zh")


def test_a_rule_that_took_an_arm_away_is_cited_with_its_clause_and_its_arms(happened):
    path, fates, _ = happened
    row = next(row for row in pq.read_table(path).to_pylist() if row["borrower_id"] == fates["calls"])
    removed = dict(code.split(":", 2)[1:] for code in row["reasons"] if code.startswith("arm_removed"))
    found = receipt(path, fates["calls"])
    cited = {one.rule: one for one in found.rules}
    assert set(cited) == set(removed.values())
    assert {arm for one in cited.values() for arm in one.arms} == set(removed)
    named = removed["call-weekly"]
    pack, rule = next((pack, rule) for pack in map(RulePack.load, PACKS) for rule in pack.rules if rule.id == named)
    assert cited[named].clause == pack.citation(rule)
    assert f"{named} (" in render(found)
    assert pack.citation(rule) in render(found, "zh")


def test_duties_are_those_of_the_plans_channels_with_their_clauses(recs, fresh, rows):
    arm = next(row["arm"] for row in rows if row["borrower_id"] == fresh[0])
    found = receipt(recs, fresh[0], "CN")
    assert found.plan.arm == arm
    expected = {
        rule.id
        for pack in map(RulePack.load, PACKS)
        for rule in pack.rules
        if isinstance(rule, DutyRule) and set(rule.match.channels) & set(found.plan.channels) and rule.match.direction != "in"
    }
    assert {one.rule for one in found.duties} == expected
    assert "cn.pipl.24" in expected
    assert "应要求由人工决定" in render(found, "zh")
    assert "cn.pipl.24" not in {one.rule for one in receipt(recs, fresh[0], "JP").duties}


@pytest.mark.parametrize("way", ["promise", "hardship", "dispute", "complaint"])
def test_what_is_said_to_pause_contact_does_pause_it(recs, happened, way):
    path, fates, _ = happened
    assert way in {one[0] for one in receipt(recs, fates[way]).ways}
    assert receipt(path, fates[way]).plan is None


def test_a_refused_channel_is_not_used_from_then_on(happened):
    path, fates, channels = happened
    after = receipt(path, fates["opt_out"]).plan
    assert channels
    assert after is None or not set(after.channels) & set(channels)


def test_ways_follow_the_settings(recs, fresh):
    plan = receipt(recs, fresh[0]).plan
    found = {one[0] for one in ways(plan, PolicySettings(guards={"complaint_quiet_days": 0, "hardship_excluded": False}))}
    assert {"pay", "promise", "dispute", "opt_out"} <= found
    assert not {"complaint", "hardship"} & found


def test_who_is_left_alone_gets_a_receipt_with_every_reason_and_a_person_to_reach(recs):
    row = pq.read_table(recs.with_name("recs.excluded.parquet")).to_pylist()[0]
    found = receipt(recs, row["borrower_id"])
    assert found.plan is None
    for lang in words.LANGS:
        said = render(found, lang)
        assert all(words.reason(code, lang) in said for code in row["detail"].split("; "))
        assert REACH[lang] in said


def test_every_reason_check_duty_and_word_has_both_languages():
    for reason in Reason:
        english, chinese = (words.reason(f"{reason}:a:b", lang) for lang in words.LANGS)
        assert "{" not in english + chinese
        assert any("\u4e00" <= one <= "\u9fff" for one in chinese), reason
        assert TEMPLATES[reason].count("{") == words.REASONS_ZH[reason].count("{")
    packs = [RulePack.load(name) for name in shipped_packs()]
    asked = {word for pack in packs for rule in pack.rules if isinstance(rule, DutyRule) for word in rule.do}
    assert asked == set(duty_words.DUTIES_ZH)
    assert set(CHANNELS) == set(words.CHANNELS_ZH)
    assert set(Authority.__args__) <= set(words.AUTHORITY)
    assert set(Confidence.__args__) <= set(words.CONFIDENCE)
    for checked in (ABILITY, CALM, STEP, "endpoint.dead", "capacity.calls", "unknown_dose", "opt_out", "cn.clock"):
        assert words.check(checked, "zh") != words.check("something else", "zh")


def test_every_text_has_the_same_blanks_in_both_languages():
    tables = (words.TEXTS, words.CHECKS, words.WAYS, words.OFFERS, words.AUTHORITY, words.CONFIDENCE, duty_words.RECORDS)
    for table in tables:
        for key, (english, chinese) in table.items():
            blanks = [{part.split("}")[0] for part in one.split("{")[1:]} for one in (english, chinese)]
            assert blanks[0] == blanks[1], key
            assert english
            assert chinese


def test_no_text_threatens():
    said = json.dumps([words.TEXTS, words.WAYS, words.CHECKS, words.REASONS_ZH, dict(TEMPLATES)], ensure_ascii=False).lower()
    for word in (
        "court",
        "lawsuit",
        "sue ",
        "police",
        "penalt",
        "credit record",
        "起诉",
        "法院",
        "报警",
        "征信",
        "黑名单",
        "处罚",
    ):
        assert word not in said


REPLAY = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from lighttouch.serving.receipt import receipt, ways
from lighttouch.serving.receipt_text import render
from lighttouch.serving.receipt_words import LANGS
out = Path(sys.argv[1])
texts = [render(receipt(out, name), lang) for name in sys.argv[2:] for lang in LANGS]
sys.stdout.buffer.write("\\n\\n".join(texts).encode("utf-8"))
"""


def test_receipts_replay_to_the_same_bytes_in_another_process_zone_and_locale(recs, fresh):
    names = everybody(recs)[::9] + fresh[:2]
    environment = {**os.environ, "TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "99"}
    done = subprocess.run([sys.executable, "-c", REPLAY, recs, *names], capture_output=True, env=environment, check=True)
    assert done.stdout == all_texts(recs, names).encode("utf-8")


def test_a_night_decided_again_gives_the_same_receipts(trained, recs, fresh, tmp_path):
    again = tmp_path / "elsewhere" / "again.parquet"
    decide(trained, again)
    names = everybody(recs)[::9] + fresh[:2]
    assert [receipt(again, name).to_json() for name in names] == [receipt(recs, name).to_json() for name in names]
    assert all_texts(again, names) == all_texts(recs, names)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda card: card["settings"].update(harm_price=1.0), "policy_version"),
        (lambda card: card["settings"].update(packs=["house"]), "rules_version"),
        (lambda card: card.update(rules_version="house@000000000000"), "rules_version"),
        (lambda card: card.update(model_version="another"), "another"),
        (lambda card: card.pop("arms"), "the card of the night's run"),
    ],
)
def test_a_receipt_of_changed_settings_rules_or_model_is_refused(recs, fresh, tmp_path, change, named):
    out = tmp_path / "recs.parquet"
    out.write_bytes(recs.read_bytes())
    card = json.loads(run_card(recs).read_text(encoding="utf-8"))
    change(card)
    run_card(out).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(InvalidInput, match=named):
        receipt(out, fresh[0])
