"""Bad packs: each is refused, and told everything that is wrong with it at once."""

from pathlib import Path

import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.rules import RulePack, load_packs

BAD = Path(__file__).parent / "rulepacks" / "bad"
# Where each fixture's faults lie; a fixture is named by its fault.
FAULTS = {
    "actor_role_unknown": {"pack.applies.actor_role.0"},
    "authority_unknown": {"rules.p.rule.authority"},
    "cap_below_zero": {"rules.p.rule.max"},
    "cap_counts_no_outcome": {"rules.p.rule.count.outcomes"},
    "cap_outcome_unknown": {"rules.p.rule.count.outcomes.0"},
    "cap_per_unknown_bucket": {"rules.p.rule.per.0"},
    "cap_without_window": {"rules.p.rule.window"},
    "clock_basis_unknown": {"pack.clock.basis"},
    "confidence_absent_above_policy": {"rules.p.rule.source.confidence"},
    "consent_to_nothing": {"rules.p.rule.need.any_of"},
    "cooldown_event_unknown": {"rules.p.rule.after.event"},
    "cooldown_without_span": {"rules.p.rule.for"},
    "draft_from_memory": {"rules.p.rule.source.confidence"},
    "duty_of_nothing": {"rules.p.rule"},
    "effect_unknown": {"rules.p.rule.effect"},
    "endpoint_unknown": {"rules.p.rule.match.endpoint.0"},
    "holiday_calendar_unknown": {"pack.holidays.calendar"},
    "honour_of_nothing": {"rules.p.rule.what"},
    "hours_outside_the_day": {"rules.p.rule.allow"},
    "jurisdiction_unknown": {"pack.jurisdiction"},
    "party_discloses_the_debt": {"rules.p.rule.locate_only.disclose_debt"},
    "party_unknown": {"rules.p.rule.allow.1"},
    "policy_supersedes_law": {"rules.p.rule"},
    "product_unknown": {"rules.p.rule.match.product.0"},
    "prohibition_that_only_warns": {"pack.block_at.prohibit"},
    "rule_field_unknown": {"rules.p.rule.except_for"},
    "source_absent_above_policy": {"rules.p.rule.source"},
    "stop_that_allows_collection": {"rules.p.rule"},
    "stop_without_status": {"rules.p.rule"},
    "supersedes_without_clause": {"rules.p.rule"},
    "many_faults_at_once": {
        "extra", "pack.jurisdiction", "pack.applies.actor_role.0", "rules.p.one.effect", "rules.p.one.max",
        "rules.p.one.window", "rules.p.two.allow", "rules.p.three", "rules.p.three.source.ref",
        "rules.p.three.source.confidence", "rules.p.four.type",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_bad_pack_is_refused_with_all_its_faults_at_once(name):
    path = BAD / f"{name}.yaml"
    with pytest.raises(InvalidInput) as refused:
        RulePack.load(path)
    assert {fault.where.removeprefix(f"{path}.") for fault in refused.value.faults} == FAULTS[name]


def test_every_fixture_is_described():
    assert {path.stem for path in BAD.glob("*.yaml")} == set(FAULTS)


def test_the_faults_of_several_packs_come_together():
    names = ["cap_below_zero", "jurisdiction_unknown", "party_discloses_the_debt"]
    with pytest.raises(InvalidInput) as refused:
        load_packs([BAD / f"{name}.yaml" for name in names])
    assert len(refused.value.faults) == 3


def test_a_fault_says_where_what_was_expected_and_what_was_found():
    with pytest.raises(InvalidInput, match=r"p\.rule\.max.*greater than or equal to 0.*-1"):
        RulePack.load(BAD / "cap_below_zero.yaml")
