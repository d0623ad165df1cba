"""The packs that ship: complete, sourced, free of mirrors, and each rule does what its own examples say."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from lighttouch.policy.law.examples import run_examples
from lighttouch.policy.law.selection import shipped_packs
from lighttouch.policy.rules import RulePack

ROOT = Path(__file__).parents[1]
WANTED = {
    "cn", "us-fed", "us-tcpa", "us-ma", "us-nyc", "us-dc", "us-wa", "us-wv", "in", "gb", "it", "gr", "id", "ph", "vn",
    "th", "kr", "jp", "au", "ca-on", "ca-bc", "ca-ab", "ca-qc", "co", "cl", "pe", "mx", "br-sp", "br-rj", "ru", "za",
    "ke", "eu", "house", "house-strict",
}  # fmt: skip
# Authorities and known publishers of law; an address anywhere else is a third party's copy and stays out.
PUBLISHERS = {
    "www.consumerfinance.gov", "www.govinfo.gov", "law.cornell.edu", "regulations.justia.com", "dfi.wa.gov", "www.atg.wa.gov",
    "rbi.org.in", "www.handbook.fca.org.uk", "handbook.fca.org.uk", "www.legislation.gov.uk", "thuvienphapluat.vn",
    "ontario.ca", "alberta.ca", "consumerprotectionbc.ca", "www.opc.gouv.qc.ca", "www.kremlin.ru", "r09.fssp.gov.ru",
}  # fmt: skip
PACKS = shipped_packs()


@cache
def raw(name):
    return yaml.safe_load((ROOT / "policy" / "law" / "packs" / f"{name}.yaml").read_text(encoding="utf-8"))


def all_rules():
    return [(name, rule) for name in PACKS for rule in raw(name)["rules"]]


def test_every_wanted_place_has_its_pack():
    assert set(PACKS) >= WANTED


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_does_what_its_examples_say(name):
    assert [str(fault) for fault in run_examples(RulePack.load(name))] == []


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_is_named_as_its_file_and_dated(name):
    header = raw(name)["pack"]
    assert header["id"] == name
    assert re.fullmatch(r"20\d\d\.\d\d\.\d\d", header["version"])


def test_no_two_rules_of_any_packs_share_a_name():
    counts = Counter(rule["id"] for _, rule in all_rules())
    assert [name for name, times in counts.items() if times > 1] == []


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_above_policy_names_a_document_that_was_read(name):
    content = raw(name)
    for rule in content["rules"]:
        source = rule["source"]
        entry = content.get("sources", {}).get(source.get("ref"), source)
        assert entry["title"].strip(), rule["id"]
        confidence = source.get("confidence") or entry["confidence"]
        if rule["authority"] != "policy":
            assert confidence in ("official", "verbatim", "secondary", "weak"), rule["id"]


def test_every_address_is_an_authoritys_or_a_known_publishers():
    found = [(name, entry["url"]) for name in PACKS for entry in raw(name).get("sources", {}).values() if "url" in entry]
    assert found
    assert [(name, url) for name, url in found if urlsplit(url).hostname not in PUBLISHERS] == []


def test_no_address_hides_in_the_text_of_a_pack():
    for name in PACKS:
        content = raw(name)
        listed = {entry["url"] for entry in content.get("sources", {}).values() if "url" in entry}
        text = (ROOT / "policy" / "law" / "packs" / f"{name}.yaml").read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[^\s\"',}]+", text)) == listed


def test_every_source_of_a_pack_is_used():
    for name in PACKS:
        content = raw(name)
        assert set(content.get("sources", {})) == {r["source"]["ref"] for r in content["rules"] if "ref" in r["source"]}, name


def test_every_rule_that_can_forbid_shows_both_a_denial_and_a_permission():
    for name, rule in all_rules():
        said = {example["expect"] for example in rule["tests"]}
        if rule["type"] in ("hours", "cap", "cooldown", "stop", "consent"):
            assert said == {"allow", "deny"}, (name, rule["id"])


def test_what_was_read_only_in_weak_or_foreign_copies_says_so():
    for name in PACKS:
        content = raw(name)
        for entry in content.get("sources", {}).values():
            if entry["confidence"] == "secondary" and "url" not in entry:
                explained = entry.get("note") or [r["note"] for r in content["rules"] if "note" in r]
                assert explained, (name, entry["title"])


def test_no_pack_loosens_another():
    assert [rule["id"] for _, rule in all_rules() if rule.get("supersedes")] == []


def test_a_country_without_a_sourced_number_has_no_number():
    unsourced = {"MY", "NG", "DE", "ES", "FR", "SG", "US-NV", "EU", "KE", "BR"}
    for name in PACKS:
        content = raw(name)
        if content["pack"]["jurisdiction"] in unsourced:
            assert {rule["type"] for rule in content["rules"]} <= {"duty", "party", "honour"}, name


def test_the_index_lists_every_pack_and_no_other():
    text = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
    table = text.split("## The packs")[1].split("## No pack")[0]
    listed = [
        name for line in table.splitlines() for name in re.findall(r"`([^`]+)`", line.split("|")[1] if "|" in line else "")
    ]
    assert sorted(listed) == sorted(PACKS)
