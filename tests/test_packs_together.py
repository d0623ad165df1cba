"""Packs compose by intersection: one more never allows more, whatever it is and whoever is asked about."""

from itertools import pairwise

import pytest
from lighttouch.data.settings import parse_model
from lighttouch.policy import rule_examples
from lighttouch.policy.pack_selection import PackSelection, shipped_packs
from lighttouch.policy.rule_check import check_contact
from lighttouch.policy.rules import RulePack

HOUSE = RulePack.load("house")


def asked(pack):
    """The people and instants of a pack's examples, as the examples' runner reads them."""
    for rule in pack.rules:
        for content in rule.tests:
            example = parse_model(rule_examples.Example, content, rule.id)
            at = rule_examples._instant(example.at, example.zone)
            yield rule_examples._facts(example, at), example.channel, at


@pytest.mark.parametrize("name", shipped_packs())
def test_a_pack_beside_the_house_only_tightens(name):
    pack = RulePack.load(name)
    for facts, channel, at in asked(pack):
        alone, house, both = (check_contact(packs, facts, channel, at) for packs in ([pack], [HOUSE], [HOUSE, pack]))
        assert both.allowed == (alone.allowed and house.allowed)
        assert {r.rule_id for r in both.reasons} == {r.rule_id for r in (*alone.reasons, *house.reasons)}


@pytest.mark.parametrize("jurisdiction", ["US-MA", "US-NYC", "US-DC", "IT", "BR-SP", "ID"])
def test_each_smaller_place_only_tightens_what_the_larger_allows(jurisdiction):
    packs = PackSelection.from_names(["auto"]).packs_for(jurisdiction)
    stages = [packs[: size + 1] for size in range(len(packs))]
    for facts, channel, at in (one for pack in packs for one in asked(pack)):
        for wide, narrow in pairwise(stages):
            before, after = check_contact(wide, facts, channel, at), check_contact(narrow, facts, channel, at)
            assert before.allowed or not after.allowed
            assert {r.rule_id for r in before.reasons} <= {r.rule_id for r in after.reasons}


def test_the_order_of_packs_changes_nothing():
    packs = PackSelection.from_names(["auto"]).packs_for("US-MA")
    for facts, channel, at in asked(RulePack.load("us-ma")):
        forth, back = check_contact(packs, facts, channel, at), check_contact(packs[::-1], facts, channel, at)
        assert {r.rule_id for r in forth.reasons} == {r.rule_id for r in back.reasons}
        assert forth.next_possible_at == back.next_possible_at
