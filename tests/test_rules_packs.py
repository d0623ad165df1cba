"""Packs are read whole or refused with all their faults."""

from pathlib import Path

import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.law.examples import run_examples
from lighttouch.policy.rules import RulePack, load_packs, rules_version

BAD = Path(__file__).parent / "fixtures" / "rulepacks" / "bad"
SAYS = {
    "window_across_midnight": "a window inside one day, not '22:00-06:00'",
    "weekday_missing": "every weekday, an empty list where closed; sun missing",
    "windows_overlap": "windows of 'mon-sun' that do not overlap",
    "holiday_without_calendar": "expected a holiday calendar in the header, found none",
    "source_missing": "source: expected a value, found none",
    "source_from_memory_above_policy": "A rule from memory cannot bind as law",
    "source_ref_unknown": "expected one of law, found 'lore'",
    "rule_type_unknown": "expected one of hours, cap, cooldown, stop, consent, party, honour, duty, found 'curfew'",
    "field_unknown": "mood: expected a known key, found 'mood'",
    "status_unknown": "not bad_mood",
    "channel_unknown": "'pigeon'",
    "window_of_two_kinds": "exactly one of rolling_days, rolling_hours, calendar",
    "ends_before_it_begins": "a last day that is not before the first",
    "id_twice": "expected each id once, found 2 times",
    "schema_unknown": "expected contact-rules/1, found 'contact-rules/9'",
    "no_rules": "A pack without rules allows everything.",
    "selector_unknown": "expected 'creditor', 'third_party_collector', 'debt_buyer' or 'assignee'",
    "supersedes_below_law": "a policy or a draft can only tighten",
    "supersedes_without_clause": "the clause that pre-empts",
    "event_unknown": "'full_moon'",
    "party_unknown": "'borower'",
    "two_buckets": "one of debt and endpoint in `per`: write two rules",
    "exclusion_says_nothing": "at least one of outcome, party, purpose",
    "jurisdiction_unknown": "a code such as CN, US-MA, US-NY-NYC, EU, or ZZ for everywhere",
    "stop_allows_collection": "a stop that allows collection stops nothing",
    "span_of_two_kinds": "exactly one of days, hours, business_days, months",
    "zone_unknown": "intersect, deny, or a list of IANA zones",
}


@pytest.mark.parametrize("fault", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_a_bad_pack_is_refused_by_its_fault(fault):
    with pytest.raises(InvalidInput) as refused:
        RulePack.load(BAD / f"{fault}.yaml")
    assert SAYS[fault] in str(refused.value)


def test_every_described_fault_has_its_fixture():
    assert set(SAYS) == {path.stem for path in BAD.glob("*.yaml")}


def test_all_faults_of_all_packs_come_at_once():
    with pytest.raises(InvalidInput) as refused:
        load_packs([BAD / "window_across_midnight.yaml", BAD / "channel_unknown.yaml", "atlantis"])
    text = str(refused.value)
    assert "3 faults" in text
    assert all(part in text for part in ("22:00-06:00", "pigeon", "atlantis"))


def test_one_pack_with_many_faults_names_each():
    raw = {"schema": "x", "pack": {"id": "p"}, "rules": [{"id": "p.1", "type": "cap"}, {"id": "p.2", "type": "curfew"}]}
    with pytest.raises(InvalidInput) as refused:
        RulePack.from_dict(raw)
    places = [fault.where for fault in refused.value.faults]
    assert {"pack.schema", "pack.pack.version", "pack.pack.jurisdiction", "pack.rules.p.2.type"} <= set(places)
    assert {"pack.rules.p.1.max", "pack.rules.p.1.window", "pack.rules.p.1.source"} <= set(places)


@pytest.mark.parametrize("name", ["house", "house-strict"])
def test_every_rule_of_a_shipped_pack_does_what_its_examples_say(name):
    pack = RulePack.load(name)
    assert run_examples(pack) == []


def test_an_example_that_comes_out_otherwise_is_a_fault():
    pack = RulePack.load("house")
    hours = pack.rules[0].model_copy(update={"tests": ({"at": "2026-11-20 08:59", "channel": "sms", "expect": "allow"},)})
    faults = run_examples(RulePack(pack.header, pack.sources, (hours, *pack.rules[1:])))
    assert [fault.found for fault in faults] == ["deny"]


def test_the_version_changes_with_a_rule_and_not_with_its_examples():
    pack = RulePack.load("house")
    cap = next(rule for rule in pack.rules if rule.id == "house.week")
    others = tuple(rule for rule in pack.rules if rule is not cap)
    tighter = RulePack(pack.header, pack.sources, (cap.model_copy(update={"max": 3}), *others))
    retold = RulePack(pack.header, pack.sources, tuple(rule.model_copy(update={"tests": ()}) for rule in pack.rules))
    assert rules_version([tighter]) != rules_version([pack]) == rules_version([retold])
