"""The duties that packs name, as a receipt tells them."""

from datetime import date

from lighttouch.policy.law.compose import Actor
from lighttouch.policy.law.duties import Duty, Records, duties_of
from lighttouch.policy.law.pack import RulePack


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


def test_duties_are_told_with_their_clause_and_how_long_records_are_kept():
    assert duties_of([ABROAD, HOME], "CN") == [
        Duty("cn.0", ("explain_on_request", "human_decision_on_request"), Records(3, what="impact_assessment"), "a law 7"),
        Duty("cn.1", ("include_opt_out",), None, "a law 7"),
        Duty("cn.2", (), Records(5, since="debt_closed", legal_years=2), "a law 7"),
    ]


def test_duties_of_another_place_channel_or_day_are_left_out():
    assert [duty.rule for duty in duties_of([ABROAD, HOME], "KE")] == ["ke.0"]
    assert [duty.rule for duty in duties_of([HOME], "CN", ["call"], on=date(2026, 11, 21))] == ["cn.0"]
    assert [duty.rule for duty in duties_of([HOME], "CN", ["call", "sms"], on=date(2026, 11, 21))] == ["cn.0", "cn.1"]
    assert [duty.rule for duty in duties_of([HOME], "CN", on=date(2027, 1, 1))] == ["cn.0", "cn.1", "cn.2"]


def test_a_plan_without_contact_has_the_duties_that_hold_on_every_channel():
    assert [duty.rule for duty in duties_of([HOME], "CN", [], on=date(2027, 1, 1))] == ["cn.0", "cn.2"]


def test_a_plan_has_the_duties_of_contacts_with_the_borrower():
    others = pack_of(
        "CN",
        {"do": ["no_hint_of_debt"], "match": {"party": ["household"]}},
        {"do": ["answer_letters"], "match": {"direction": "in"}},
        {"do": ["record_calls"], "match": {"direction": "out", "party": ["borrower", "guarantor"]}},
    )
    assert [duty.rule for duty in duties_of([others], "CN", ["call"])] == ["cn.2"]
    assert [duty.rule for duty in duties_of([others], "CN")] == ["cn.0", "cn.2"]


def test_duties_of_another_role_or_a_draft_bind_only_whom_they_may_concern():
    agencies = pack_of("CN", {"do": ["record_calls"]}, applies={"actor_role": ["third_party_collector"]})
    draft = pack_of("CN", {"do": ["record_calls"], "authority": "draft"})
    assert [len(duties_of([agencies], "CN", actor=Actor(role))) for role in ("", "creditor")] == [1, 0]
    assert [len(duties_of([draft], "CN", actor=Actor(drafts=drafts))) for drafts in (False, True)] == [0, 1]
