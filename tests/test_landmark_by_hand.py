"""Landmarks of books that a person can check: where spells begin, what counts as contact, who is left out."""

import numpy as np
import pandas as pd
import pytest
from hand_book import book, borrower, contact, day, due, loan, paid, status
from lighttouch.data.arms import default_arms
from lighttouch.data.errors import InvalidInput
from lighttouch.data.settings import LedgerSettings
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.features.points import decision_points
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.rows.exposure import received_contacts
from lighttouch.training.rows.landmark import LandmarkOptions, landmark_table
from lighttouch.training.rows.landmark_points import landmarks

ARMS, SETTINGS = default_arms(), PolicySettings()


def book_of(names, dues=None, payments=(), contacts=(), *, reach=100, **more):
    """Return a book in which everybody owes 100.00 from day 0 on, with a first contact on day -60."""
    everyone = [*names, "late"]
    return book(
        borrowers=[borrower(name) for name in everyone],
        loans=[loan(name) for name in everyone],
        instalments=[due(name, 0) for name in names] if dues is None else dues,
        payments=[*payments, paid("late", reach, "1.00")],
        contacts=[contact("late", -60), *contacts],
        **more,
    )


def nights(own, settings=SETTINGS, **options):
    """Return the nights of each borrower's landmarks, in the booking zone."""
    marks = landmarks(own, settings, LandmarkOptions(**options))
    local = marks["as_of"].dt.tz_convert(settings.ledger.booking_zone).dt.tz_localize(None)
    return local.groupby(marks["borrower_id"]).apply(list).to_dict()


def every_fortnight(first, n):
    return [pd.Timestamp(day(first + 14 * k, 22)).tz_localize(None) for k in range(n)]


def test_a_spell_begins_as_a_due_day_ends_unpaid_and_goes_on_by_the_horizon():
    with book_of(["a"]) as own:
        assert nights(own) == {"a": every_fortnight(1, 7)}
        assert nights(own, most_per_spell=3) == {"a": every_fortnight(1, 3)}


def test_a_payment_that_is_taken_back_begins_a_spell():
    with book_of(["a"], payments=[paid("a", 0), paid("a", 5, kind="reversal")]) as own:
        assert nights(own) == {"a": every_fortnight(5, 6)}


def test_an_instalment_that_is_known_late_begins_a_spell_on_the_night_after():
    with book_of(["a"], dues=[due("a", 0, known=5.5)]) as own:
        assert nights(own) == {"a": every_fortnight(5, 6)}
    # Known after the hour of the night it is news to the next.
    with book_of(["a"], dues=[due("a", 0, known=5 + 23 / 24)]) as own:
        assert nights(own) == {"a": every_fortnight(6, 6)}


def test_a_reversal_within_a_spell_begins_no_other():
    with book_of(["a"], payments=[paid("a", 3, "20.00"), paid("a", 5, "20.00", kind="reversal")]) as own:
        assert nights(own) == {"a": every_fortnight(1, 7)}


def test_a_spell_from_before_the_first_contact_is_met_where_its_horizons_fall_after_it():
    # Overdue since day -75: the fortnights after it are days -61, -47, ...; contacts begin in the morning of day -60.
    with book_of(["a"], dues=[due("a", -76), due("a", -40), due("a", -10)]) as own:
        assert nights(own, most_per_spell=3) == {"a": every_fortnight(-47, 3)}


def test_landmarks_keep_the_hour_of_the_day_where_clocks_change():
    for hour in (0, 22, 23):
        settings = PolicySettings(ledger=LedgerSettings(booking_zone="Europe/Berlin"))
        with book_of(["a"]) as own:
            found = nights(own, settings, hour=hour)["a"]
        # The clocks went forward on the 29th of March.
        assert found[0] < pd.Timestamp("2026-03-29") < found[-1]
        assert {(at.hour, at.minute) for at in found} == {(hour, 0)}


def test_only_contacts_to_the_borrower_for_collection_are_treatment():
    names = ["collection", "notice", "reply", "guarantor", "inbound"]
    contacts = [
        contact("collection", 2),
        contact("notice", 2, purpose="mandatory_notice"),
        contact("reply", 2, purpose="reply_to_borrower"),
        contact("guarantor", 2, party="guarantor"),
        contact("inbound", 2, direction="in"),
    ]
    with book_of(names, contacts=contacts) as own:
        points = decision_points(names, day(1, 22), SETTINGS.ledger)
        counts = received_contacts(own, points, days=3)
    assert counts[:, CHANNELS.index("sms")].tolist() == [1, 0, 0, 0, 0]


def test_who_paid_or_was_ended_within_the_exposure_is_left_out_whatever_became_of_it():
    names = ["kept", "bounced", "netted", "late-complaint", "late-refusal", "told-late", "after"]
    payments = [
        *(paid("bounced", 2, kind=kind, posted=3 + late) for late, kind in enumerate(("payment", "reversal"))),
        paid("netted", -20, "30.00"), paid("netted", 2, "30.00", kind="reversal"), paid("netted", 2, "20.00"),
        paid("after", 6),
    ]  # fmt: skip
    events = [
        status("late-complaint", "complaint", 2, known=6),
        status("late-refusal", "opt_out", 2, known=5),
        # Before the landmark, known within the exposure: contact ended there.
        status("told-late", "dispute", 0, known=3),
        status("after", "complaint", 8),
    ]
    with book_of(names, payments=payments, status_events=events, reach=30) as own:
        table = landmark_table(own, ARMS, SETTINGS, LandmarkOptions(most_per_spell=1))
    rows = table.rows.set_index("borrower_id")
    # The payment that was taken back ended a spell and began another, of which nothing is paid.
    assert sorted(rows.index) == ["after", "bounced", "kept"]
    assert rows.loc["bounced", "as_of"] == day(4, 22)
    assert rows.loc["after", ["repaid", "harm"]].tolist() == [1.0, 1.0]
    told = "\n".join(table.notices)
    assert "2 of 8 landmarks who paid, in full or in part, within the 3 days of exposure are left out" in told
    assert "3 of 8 landmarks whose state was ended by another event within the 3 days are left out" in told


def test_landmarks_of_a_single_borrower_are_refused_with_what_was_left_out():
    with book_of(["a", "b"], payments=[paid("b", 2)], reach=30) as own:
        expected = r"of 2 borrowers or more, found 1 of 2 borrowers who were overdue: 1 of [\d]+ landmarks who paid"
        with pytest.raises(InvalidInput, match=expected):
            landmark_table(own, ARMS, SETTINGS)


def test_a_book_in_which_nobody_was_overdue_is_refused_with_that_reason():
    nobody = r"found 0 of 0 borrowers .* no night on which somebody was overdue"
    with book_of([], dues=[due("late", 90)]) as own, pytest.raises(InvalidInput, match=nobody):
        landmark_table(own, ARMS, SETTINGS)


def test_options_that_no_landmark_can_have_are_told_all_at_once():
    wrong = LandmarkOptions(exposure_days=2.5, hour=24, most_per_spell=0, furthest=np.nan, seed=-1)
    with book_of(["a", "b"]) as own, pytest.raises(InvalidInput, match="5 faults") as caught:
        landmark_table(own, ARMS, SETTINGS, wrong)
    for name in ("exposure_days", "hour", "most_per_spell", "furthest", "seed"):
        assert f"{name}: expected" in str(caught.value)
