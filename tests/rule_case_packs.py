"""Random rule packs for the tests of the contact rules: every type, every field that the engines enforce."""

from datetime import date

from hypothesis import strategies as st
from rule_cases import USED

TALKS = ["conversation", "delivered"]
BUCKETS = [["borrower"], ["person"], ["creditor"], ["debt"], ["endpoint"], ["person", "debt"]]


def matches():
    return st.fixed_dictionaries(
        {"direction": st.sampled_from(["out", "any"])},
        optional={
            "channels": st.lists(st.sampled_from(USED), min_size=1, unique=True),
            "party": st.just(["borrower"]),
            "endpoint": st.sampled_from(["personal", "workplace", "other", ["home"]]),
            "purpose": st.sampled_from([["collection"], ["collection", "required_by_law"]]),
            "product": st.sampled_from([["credit_card"], ["consumer_credit"], ["mortgage"]]),
        },
    )


def effective():
    return st.sampled_from(
        [{"from": date(2020, 1, 1)}, {"from": date(2026, 3, 28)}, {"from": date(2020, 1, 1), "to": date(2026, 3, 28)}]
    )


def windows():
    return st.one_of(
        st.integers(1, 5).map(lambda days: {"rolling_days": days}),
        st.integers(3, 60).map(lambda hours: {"rolling_hours": hours}),
        st.sampled_from([{"calendar": "day"}, {"calendar": "week", "week_start": "sat"}, {"calendar": "month"}]),
    )


def exclusions():
    one = st.sampled_from(
        [{"outcome": "not_connected"}, {"excess_consent": {"days": 3}}, {"party": ["spouse"]}, {"purpose": "required_by_law"},
         {"excess_consent": {"days": 5, "first_day": "next"}}, {"channels": ["email"], "direction": "in"}]
    )  # fmt: skip
    return st.lists(one, min_size=1, max_size=2).filter(lambda xs: sum("excess_consent" in x for x in xs) < 2)


def pace():
    return {
        "per": st.sampled_from(BUCKETS),
        "across": st.sampled_from(["actor", "principal", "all"]),
        "exclude": exclusions(),
    }


def hours():
    week = ["10:00-12:00", "09:00-18:00", "13:30-24:00"]
    lift = st.sampled_from([[{"days_past_due_gt": 15}], [{"consent": "express_hours"}], [{"days_past_due_gt": 8}]])
    made = st.builds(
        lambda wd, sa, hol: {"mon-fri": [wd], "sat-sun": sa, **({} if hol is None else {"holiday": hol})},
        st.sampled_from(week), st.sampled_from([[], ["09:00-11:00"]]), st.sampled_from([None, [], ["12:00-14:00"]]),
    )  # fmt: skip
    return st.fixed_dictionaries(
        {"type": st.just("hours"), "allow": made}, optional={"agreed_override": st.just(True), "override_when": lift}
    )


def caps():
    events = ["first_conversation", "dispute", "hospitalised"]
    plain = st.fixed_dictionaries(
        {"type": st.just("cap"), "max": st.sampled_from([0, 1, 1, 2, 2, 3]), "window": windows()},
        optional={"count": st.just({"outcomes": TALKS}), "active_after": st.sampled_from(events), **pace()},
    )
    channels = st.fixed_dictionaries(
        {"type": st.just("cap"), "max": st.integers(1, 2), "window": windows(), "measure": st.just("distinct_channels")},
        optional={"per": st.sampled_from(BUCKETS[:3]), "across": st.sampled_from(["actor", "all"])},
    )
    return st.one_of(plain, plain, channels)


def pauses():
    after = st.sampled_from(
        [{"direction": "out"}, {"outcome": "conversation"}, {"channels": ["sms"], "direction": "any"},
         {"event": "written_notice_sent"}, {"event": "due_date"}, {"event": "first_conversation"}, {"event": "hospitalised"}]
    )  # fmt: skip
    span = st.sampled_from(
        [{"hours": 30}, {"days": 2}, {"days": 1, "first_day": "next"}, {"business_days": 2}, {"months": 1},
         {"business_days": 1, "first_day": "next"}]
    )  # fmt: skip
    both = st.fixed_dictionaries({"type": st.just("cooldown"), "after": after, "for": span}, optional=pace())
    return both.filter(lambda r: not (r["after"].get("event") == "due_date" and "hours" in r["for"]))


def stops():
    kinds = st.sampled_from(
        [["dispute", "moratorium", "opt_out_all"], ["written_cease_or_refusal", "attorney"], ["hospitalised", "dispute_open"]]
    )
    return st.fixed_dictionaries(
        {"type": st.just("stop"), "when_any": kinds},
        optional={
            "scope": st.sampled_from(["debt", "borrower"]),
            "until": st.just("verification_sent"),
            "unless": st.just(["attorney_unresponsive"]),
            "for": st.sampled_from([{"days": 6}, {"hours": 50}, {"months": 1}, {"business_days": 4}]),
        },
    )


def consented():
    need = st.sampled_from(
        [{"kind": "direct_prior"}, {"kind": "direct_prior", "max_age_days": 8}, {"kind": "other", "per": "debt"},
         {"kind": "direct_prior", "max_age_days": 2, "or_number_reassign_check_days": 7}]
    )  # fmt: skip
    needs = st.lists(need, min_size=1, max_size=2)
    return needs.map(lambda some: {"type": "consent", "need": {"any_of": some}, "match": {"channels": ["email"]}})


def parties():
    return st.sampled_from(
        [{"type": "party", "allow": ["borrower", "spouse"], "forbid_when": "hospitalised"},
         {"type": "party", "match": {"endpoint": "workplace"}, "forbid_when": "employer_prohibits"},
         {"type": "party", "match": {"endpoint": "workplace"}, "forbid_when": "always"},
         {"type": "honour", "what": ["channels", "times", "places"], "act_within": {"business_days": 10}},
         {"type": "duty", "do": ["record_calls"]}]
    )  # fmt: skip


def rule_bodies():
    return st.one_of(hours(), caps(), caps(), caps(), pauses(), pauses(), stops(), consented(), parties())


@st.composite
def packs(draw, name="p"):
    rules = []
    for number, body in enumerate(draw(st.lists(rule_bodies(), min_size=1, max_size=4))):
        frame = {"id": f"{name}.{number}", "effect": draw(st.sampled_from(["prohibit", "prohibit", "presume", "discourage"])),
                 "authority": draw(st.sampled_from(["statute", "statute", "policy", "draft"])),
                 "source": {"title": "a test", "section": "1", "confidence": "official"}}  # fmt: skip
        match = {} if "match" in body else {"match": draw(matches())}
        rules.append({**frame, "effective": draw(effective()), **match, **body})
    if len(rules) > 1 and rules[1]["authority"] == "statute" and draw(st.booleans()):
        rules[1]["supersedes"] = [rules[0]["id"]]
    return {"schema": "contact-rules/1", "pack": draw(headers(name)), "rules": rules}


@st.composite
def headers(draw, name):
    clock = {"unknown": draw(st.sampled_from(["deny", "intersect", ["Europe/London", "America/New_York"]]))}
    if draw(st.integers(0, 5)) == 0:
        clock["basis"] = "fixed:America/New_York"
    if draw(st.booleans()):
        clock["end_buffer_minutes"] = 15
    applies = draw(st.sampled_from([{}, {}, {"actor_role": ["creditor"]}, {"product": ["credit_card"]}]))
    calendar = draw(st.sampled_from([{"unknown": "national"}, {"unknown": "deny"}, {"calendar": "CN", "unknown": "national"}]))
    return {
        "id": name, "version": "1", "clock": clock, "applies": applies, "holidays": calendar,
        "jurisdiction": draw(st.sampled_from(["ZZ", "ZZ", "ZZ", "GB", "US", "US-MA", "EU"])),
        "block_at": draw(st.sampled_from([{}, {"discourage": "warn"}, {"presume": "warn"}])),
    }  # fmt: skip


ACTORS = st.sampled_from(
    [{}, {"role": "creditor", "name": "agency 1", "principal": "bank"},
     {"role": "third_party_collector", "name": "agency 2", "principal": "bank", "drafts": True}]
)  # fmt: skip
