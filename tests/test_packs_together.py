"""Packs compose by intersection: one more never allows more, whatever it is and whoever is asked about."""

from itertools import pairwise

import pytest
from lighttouch.data.settings import parse_model
from lighttouch.policy.law import examples as rule_examples
from lighttouch.policy.law.check import About, check_contact
from lighttouch.policy.law.selection import PackSelection, shipped_packs
from lighttouch.policy.rules import RulePack

HOUSE = RulePack.load("house")


def asked(pack):
    """The people and instants of a pack's examples, as the examples' runner reads them."""
    for rule in pack.rules:
        for content in rule.tests:
            one = parse_model(rule_examples.Example, content, rule.id)
            about = About(one.purpose, one.party, one.endpoint_id, one.endpoint, one.debts)
            yield rule_examples._facts(one), one.channel, rule_examples._instant(one.at, one.zone), about


def named(ruling, *packs):
    """The rules that forbid; a wish is told once, by the first rule that honours it, so those are left out."""
    honours = {rule.id for pack in packs for rule in pack.rules if rule.type == "honour"}
    return {reason.rule_id for reason in ruling.reasons} - honours


@pytest.mark.parametrize("name", shipped_packs())
def test_a_pack_beside_the_house_only_tightens(name):
    pack = RulePack.load(name)
    for case in asked(pack):
        alone, house, both = (check_contact(packs, *case) for packs in ([pack], [HOUSE], [HOUSE, pack]))
        assert both.allowed == (alone.allowed and house.allowed)
        assert named(both, HOUSE, pack) == named(alone, pack) | named(house, HOUSE)


@pytest.mark.parametrize("jurisdiction", ["US-MA", "US-NYC", "US-DC", "IT", "BR-SP", "ID"])
def test_each_smaller_place_only_tightens_what_the_larger_allows(jurisdiction):
    packs = PackSelection.from_names(["auto"]).packs_for(jurisdiction)
    stages = [packs[: size + 1] for size in range(len(packs))]
    for case in (one for pack in packs for one in asked(pack)):
        for wide, narrow in pairwise(stages):
            before, after = check_contact(wide, *case), check_contact(narrow, *case)
            assert before.allowed or not after.allowed
            assert named(before, *narrow) <= named(after, *narrow)


def test_the_order_of_packs_changes_nothing():
    packs = PackSelection.from_names(["auto"]).packs_for("US-MA")
    for case in asked(RulePack.load("us-ma")):
        forth, back = check_contact(packs, *case), check_contact(packs[::-1], *case)
        assert named(forth, *packs) == named(back, *packs)
        assert forth.next_possible_at == back.next_possible_at
