"""What ends a stop (ADR 5): the feature, the guards and the one-borrower engine read the same list of endings."""

from datetime import timedelta

import numpy as np
from feature_histories import NOW, Histories, to_book
from lighttouch.data.settings import LedgerSettings
from lighttouch.data.vocabulary import RESOLVABLE_KINDS, STOP_KINDS, WISH_KINDS
from lighttouch.features.build import build_features
from lighttouch.features.points import decision_points
from lighttouch.policy.law.clock import Place
from lighttouch.policy.law.person import BorrowerFacts, StatusEvent
from lighttouch.policy.status import known_status, open_status

BEGUN = NOW - timedelta(days=9)
LATER = NOW - timedelta(days=2)


def event(kind, at=BEGUN, **more):
    return {"loan_id": None, "kind": kind, "channel": None, "at": at, "until": None, "known_at": at, "detail": None, **more}


def facts_of(events):
    names = ("kind", "at", "until", "channel", "loan_id", "detail")
    return BorrowerFacts(Place("UTC", "CN"), events=tuple(StatusEvent(*map(row.get, names)) for row in events), as_of=NOW)


def stop_is_open(cases):
    """Whether each case's stop is open: by the feature, by the guards, by the one-borrower engine."""
    rows = Histories(np.random.default_rng(0), borrowers=0).rows(0.0)
    rows["status_events"] = [row | {"borrower_id": name} for name, events in cases.items() for row in events]
    with to_book(rows) as book:
        points = decision_points(list(cases), [NOW] * len(cases), LedgerSettings())
        feature = build_features(book, points, LedgerSettings()).set_index("borrower_id")["stop_open"]
        guards = open_status(known_status(book, NOW), NOW)
    guarded = set(guards.loc[guards["kind"].isin(STOP_KINDS), "borrower_id"])
    return {
        name: (feature[name] == 1, name in guarded, any(one.kind in STOP_KINDS for one in facts_of(events).open_events))
        for name, events in cases.items()
    }


def test_no_stop_ends_by_a_word_that_does_not_name_it():
    vague = [event("resolved", LATER), event("resolved", LATER, detail="dispute"), event("opt_in", LATER, channel="sms"),
             event("opt_in", LATER, detail="mon-fri 18:00-21:00"), event("promise_kept", LATER)]  # fmt: skip
    found = stop_is_open({kind: [event(kind), *vague] for kind in STOP_KINDS})
    assert found == dict.fromkeys(STOP_KINDS, (True, True, True))


def test_a_stop_ends_by_a_resolved_that_names_it_and_a_cease_by_the_borrowers_own_word_alone():
    named = stop_is_open({kind: [event(kind), event("resolved", LATER, detail=kind)] for kind in STOP_KINDS})
    taken_back = stop_is_open({kind: [event(kind), event("opt_in", LATER)] for kind in STOP_KINDS})
    assert named == {kind: (kind == "cease",) * 3 for kind in STOP_KINDS}
    assert taken_back == {kind: (kind != "cease",) * 3 for kind in STOP_KINDS}


def test_an_ending_of_another_loan_or_of_no_later_instant_ends_nothing():
    stop, before = event("attorney", loan_id="L2"), BEGUN - timedelta(days=1)
    ways = {"of the person": (LATER, None), "of its loan": (LATER, "L2"), "of another loan": (LATER, "L1"),
            "of the same instant": (BEGUN, None), "of an earlier one": (before, None)}  # fmt: skip
    found = stop_is_open(
        {name: [stop, event("resolved", at, loan_id=loan, detail="attorney")] for name, (at, loan) in ways.items()}
    )
    assert found == {name: (k > 1,) * 3 for k, name in enumerate(ways)}


def test_a_promise_a_dispute_and_a_hardship_end_by_a_word_for_them_and_by_none_for_another():
    kinds = ("promise", "dispute", "hardship")
    cases = {
        f"{kind} {detail} {loan}": [
            event(kind, loan_id="L1"),
            event("resolved", LATER, detail=detail, loan_id=loan),
        ]
        for kind in kinds
        for detail in (None, *kinds, "attorney")
        for loan in (None, "L1", "L2")
    }
    cases |= {f"promise kept {loan}": [event("promise", loan_id="L1"), event("promise_kept", LATER, loan_id=loan)]
              for loan in (None, "L1", "L2")}  # fmt: skip
    rows = Histories(np.random.default_rng(0), borrowers=0).rows(0.0)
    rows["status_events"] = [row | {"borrower_id": name} for name, events in cases.items() for row in events]
    with to_book(rows) as book:
        points = decision_points(list(cases), [NOW] * len(cases), LedgerSettings())
        features = build_features(book, points, LedgerSettings()).set_index("borrower_id")
        guards = open_status(known_status(book, NOW), NOW)
    guarded = set(guards.loc[guards["kind"].isin(kinds), "borrower_id"])
    for name, events in cases.items():
        kind, said, loan = name.split()
        ended = loan != "L2" and said in ("None", kind, "kept")
        assert features.loc[name, f"{kind}_open"] == (not ended), name
        assert (name in guarded) == (not ended), name
        assert any(one.kind == kind for one in facts_of(events).open_events) == (not ended), name


def test_the_feature_says_what_the_guards_say_on_random_histories():
    histories = Histories(np.random.default_rng(11), borrowers=150)
    rows = histories.rows()
    with to_book(rows) as book:
        points = decision_points(histories.borrowers, [NOW] * len(histories.borrowers), LedgerSettings())
        feature = build_features(book, points, LedgerSettings()).set_index("borrower_id")["stop_open"]
        opened = open_status(known_status(book, NOW), NOW)
    stopped = set(opened.loc[opened["kind"].isin(STOP_KINDS), "borrower_id"])
    assert set(feature.index[feature == 1]) == stopped & set(feature.index)
    assert 10 < len(stopped) < 140


def test_the_one_borrower_engine_says_what_the_guards_say_of_every_kind_on_random_histories():
    kinds = {*STOP_KINDS, *RESOLVABLE_KINDS, *WISH_KINDS}
    histories = Histories(np.random.default_rng(12), borrowers=60)
    with to_book(histories.rows(3.0)) as book:
        known = known_status(book, NOW)
        opened = open_status(known, NOW)
    for borrower, own in known.astype(object).where(known.notna(), None).groupby("borrower_id"):
        events = [dict(row) | {name: _aware(row[name]) for name in ("at", "until")} for row in own.to_dict("records")]
        ours = sorted(one.kind for one in facts_of(events).open_events if one.kind in kinds)
        theirs = opened.loc[(opened["borrower_id"] == borrower) & opened["kind"].isin(kinds), "kind"]
        assert ours == sorted(theirs)


def _aware(instant):
    return None if instant is None else instant.tz_localize("UTC").to_pydatetime()
