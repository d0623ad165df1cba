"""The duties that packs name, as a receipt tells them."""

from datetime import date

from lighttouch.policy.rule_compose import Actor
from lighttouch.policy.rule_duties import duties_of
from lighttouch.policy.rule_pack import RulePack


def pack_of(jurisdiction, *bodies, **header):
    rules = [
        {"id": f"{jurisdiction.lower()}.{k}", "type": "duty", "effect": "prohibit", "authority": "statute",
         "effective": {"from": date(2020, 1, 1)}, "source": {"title": "a law", "section": "7", "confidence": "official"},
         **body}
        for k, body in enumerate(bodies)
    ]  # fmt: skip
    head = {"id": jurisdiction.lower(), "version": "1", "jurisdiction": jurisdiction, **header}
    return RulePack.from_dict({"schema": "contact-rules/1", "pack": head, "rules": rules})


ABROAD = pack_of("KE", {"do": ["record_calls"]})
HOME = pack_of(
    "CN",
    {"do": ["explain_on_request", "human_decision_on_request"], "retain": {"years": 3, "what": "impact_assessment"}},
    {"do": ["include_opt_out"], "match": {"channels": ["sms"]}},
    {"retain": {"years": 5, "from": "debt_closed", "legal_minimum_years": 2}, "effective": {"from": date(2027, 1, 1)}},
)


def test_duties_are_told_in_words_with_their_clause_and_how_long_records_are_kept():
    assert duties_of([ABROAD, HOME], "CN") == [
        ("cn.0", "explain on request, human decision on request (a law 7)", "impact assessment: 3 years"),
        ("cn.1", "include opt out (a law 7)", None),
        ("cn.2", "keep records (a law 7)", "5 years from debt closed (by law at least 2)"),
    ]


def test_duties_of_another_place_channel_or_day_are_left_out():
    assert [duty.rule_id for duty in duties_of([ABROAD, HOME], "KE")] == ["ke.0"]
    assert [duty.rule_id for duty in duties_of([HOME], "CN", "call", on=date(2026, 11, 21))] == ["cn.0"]
    assert [duty.rule_id for duty in duties_of([HOME], "CN", on=date(2027, 1, 1))] == ["cn.0", "cn.1", "cn.2"]


def test_duties_of_another_role_or_a_draft_bind_only_whom_they_may_concern():
    agencies = pack_of("CN", {"do": ["record_calls"]}, applies={"actor_role": ["third_party_collector"]})
    draft = pack_of("CN", {"do": ["record_calls"], "authority": "draft"})
    assert [len(duties_of([agencies], "CN", actor=Actor(role))) for role in ("", "creditor")] == [1, 0]
    assert [len(duties_of([draft], "CN", actor=Actor(drafts=drafts))) for drafts in (False, True)] == [0, 1]
