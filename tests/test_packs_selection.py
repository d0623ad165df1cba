"""Which packs hold for whom: the own place and everything around it; the strict default where nothing is sourced."""

import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.law.jurisdictions import covers, lineage
from lighttouch.policy.law.selection import PackSelection, select_packs, sets_numbers, shipped_packs
from lighttouch.policy.rules import RulePack


@pytest.mark.parametrize(
    ("jurisdiction", "packs"),
    [
        ("CN", {"house", "cn"}),
        ("US-MA", {"house", "us-fed", "us-tcpa", "us-ma", "us-ma-household"}),
        ("US-NYC", {"house", "us-fed", "us-tcpa", "us-nyc"}),
        ("US-NY-NYC", {"house", "us-fed", "us-tcpa", "us-nyc"}),
        ("US-TX", {"house", "us-fed", "us-tcpa"}),
        ("US-DC", {"house", "us-fed", "us-tcpa", "us-dc"}),
        ("GB-SCT", {"house", "gb"}),
        ("UK", {"house", "gb"}),
        ("IT", {"house", "it", "eu"}),
        ("EL", {"house", "gr", "eu"}),
        ("BR-SP", {"house", "br", "br-sp"}),
        ("ID", {"house", "id", "id-p2p"}),
        ("CA-ON", {"house", "ca-on"}),
    ],
)
def test_a_borrower_has_the_packs_of_the_own_place_and_of_those_around_it(jurisdiction, packs):
    assert set(select_packs(jurisdiction)) == packs


@pytest.mark.parametrize("jurisdiction", ["MY", "NG", "SG", "CA-NS", "DE", "ES", "KE", "BR-BA", None, "", "ZZ", "Atlantis"])
def test_the_strict_default_holds_where_no_hours_and_no_number_are_sourced(jurisdiction):
    assert {"house", "house-strict"} <= set(select_packs(jurisdiction))


def test_a_borrower_whose_region_is_not_known_has_the_packs_of_every_region():
    assert {"ca-on", "ca-bc", "ca-ab", "ca-qc", "house-strict"} <= set(select_packs("CA"))
    assert {"us-fed", "us-ma", "us-dc", "us-nyc", "us-wa", "us-wv"} <= set(select_packs("US"))
    assert "us-nyc" in select_packs("US-NY")


def test_a_neighbours_pack_never_holds():
    assert not {"us-ma", "us-dc"} & set(select_packs("US-NY"))
    assert select_packs("CO") == ("house", "co")


def test_a_role_leaves_out_the_packs_that_bind_others_and_never_leaves_nothing():
    assert "us-fed" not in select_packs("US-MA", actor_role="creditor")
    assert "us-ma" in select_packs("US-MA", actor_role="creditor")
    assert "us-fed" in select_packs("US-MA", actor_role="third_party_collector")
    assert "house-strict" in select_packs("US-TX", actor_role="creditor")


def test_named_packs_hold_as_named_and_bring_no_fallback():
    assert select_packs("MY", names=("house",)) == ("house",)
    assert select_packs("CN", names=("house-strict", "cn")) == ("house-strict", "cn")
    assert select_packs("MY", names=("house-strict", "auto")) == ("house", "house-strict")


def test_every_pack_of_a_place_is_found_from_its_own_code():
    for name in shipped_packs():
        assert name in select_packs(RulePack.load(name).header.jurisdiction) or name == "house-strict"


def test_as_a_sequence_a_selection_is_all_packs_once():
    selection = PackSelection.from_names(["auto"])
    ids = [pack.id for pack in selection]
    assert sorted(ids) == sorted(shipped_packs())
    assert (len(selection), selection[0].id) == (len(ids), "house")


def test_a_pack_that_is_not_there_is_refused_by_name():
    with pytest.raises(InvalidInput, match="atlantis"):
        PackSelection.from_names(["auto", "atlantis"])


def test_a_draft_or_a_directive_is_no_number_of_a_place():
    india = RulePack.load("in")
    drafts = tuple(rule for rule in india.rules if rule.authority == "draft")
    assert sets_numbers(india)
    assert any(rule.type == "hours" for rule in drafts)
    assert not sets_numbers(RulePack(india.header, india.sources, drafts))
    assert not any(sets_numbers(RulePack.load(name)) for name in ("eu", "ke", "br", "us-tcpa", "house-strict"))


def test_a_pack_of_the_union_covers_its_members_and_no_others():
    assert covers("EU", "DE")
    assert not covers("EU", "GB")
    assert not covers("EU", "NO")
    assert lineage("gr") == ("GR", "EU")
