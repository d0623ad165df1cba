"""With `auto` in the settings each borrower has the packs of the own place, in both engines and through a whole night."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.policy.law.check import check_contact, facts_of
from lighttouch.policy.law.engine import TIGHT, Step
from lighttouch.policy.law.selection import select_packs
from lighttouch.policy.rules import Planner, RulePack, lawful_arms, load_packs, rules_version
from lighttouch.policy.settings import LenderSettings, PolicySettings
from lighttouch.policy.zones import MINUTE, from_micros, to_micros

NIGHT = datetime(2026, 11, 17, 18, tzinfo=UTC)
PLACES = {
    "b0": ("CN", "Asia/Shanghai"), "b1": ("US-MA", "America/New_York"), "b2": ("US-NYC", "America/New_York"),
    "b3": (None, "Africa/Lagos"), "b4": ("MY", "Asia/Kuala_Lumpur"), "b5": ("UK", "Europe/London"),
}  # fmt: skip
ARMS = default_arms()
BY_PLACE = load_packs(["house", "auto"])


def book_of(calls=0):
    """Return a book of one borrower per place, each called some times over the last five days."""
    since = NIGHT - timedelta(days=200)
    people = [
        {"borrower_id": name, "valid_from": since, "timezone": zone, "jurisdiction": code}
        for name, (code, zone) in PLACES.items()
    ]
    contacts = [
        {"contact_id": f"{name}-{k}", "borrower_id": name, "channel": "call", "direction": "out", "outcome": "no_answer",
         "at": NIGHT - timedelta(days=1 + 2 * k), "known_at": NIGHT - timedelta(days=1 + 2 * k)}
        for name in PLACES for k in range(calls)
    ]  # fmt: skip
    consents = [
        {"borrower_id": name, "channel": channel, "kind": "direct_prior", "given_at": since, "known_at": since}
        for name in PLACES for channel in CHANNELS
    ]  # fmt: skip
    tables = {"borrowers": pa.Table.from_pylist(people), "consents": pa.Table.from_pylist(consents)}
    return Book.from_arrow(tables | ({"contacts": pa.Table.from_pylist(contacts)} if contacts else {}))


def test_every_borrower_has_the_arms_that_the_packs_of_the_own_place_leave():
    book = book_of(2)
    found = lawful_arms(BY_PLACE, book, NIGHT, ARMS)
    for row, (code, _) in enumerate(PLACES.values()):
        own = lawful_arms(load_packs(select_packs(code)), book, NIGHT, ARMS)
        assert (found.mask[row] == own.mask[row]).all()
        assert (found.removed_by[row] == own.removed_by[row]).all()


def test_the_strict_default_joins_the_house_where_no_number_of_the_own_place_is_known():
    book = book_of()
    house, placed = (lawful_arms(load_packs(names), book, NIGHT, ARMS) for names in (["house"], ["house", "auto"]))
    daily = ARMS.index("call-twice-weekly")
    assert (placed.mask <= house.mask).all()
    assert (placed.mask.sum(axis=1) < house.mask.sum(axis=1)).tolist() == [False, True, True, False, True, False]
    # Without a place the house's own holidays cannot be known, and it closes by itself; in Malaysia the strict default does.
    assert placed.mask[3].sum() == 1
    assert placed.removed_by[4, daily].startswith("gs.")


@pytest.mark.parametrize("role", ["", "creditor"])
def test_the_whole_book_engine_and_the_one_borrower_engine_choose_the_same_packs(role):
    planner = Planner.of(BY_PLACE, book_of(2), NIGHT, settings=PolicySettings(lender=LenderSettings(role=role)))
    end = to_micros(NIGHT + timedelta(days=planner.settings.outcome.horizon_days))
    for at in (NIGHT, NIGHT + timedelta(hours=9), NIGHT + timedelta(days=4, hours=3)):
        for channel in ("sms", "call", "letter"):
            for engine in planner.engines:
                laid = engine.lay([Step(to_micros(at), channel, 0)], TIGHT)
                for row, number in enumerate(engine.rows):
                    told = check_contact(BY_PLACE, facts_of(planner.facts, int(number)), channel, at).next_possible_at
                    until = None if told is None else -(-to_micros(told) // MINUTE) * MINUTE
                    if until is None or until + 60 * MINUTE > end:
                        assert not laid.complete[row]
                    elif laid.complete[row]:
                        # A window must be an hour long, so it may begin later than a contact could be made.
                        assert from_micros(laid.begin[row, 0]) >= from_micros(until)
                        begin = from_micros(int(laid.begin[row, 0]))
                        assert check_contact(BY_PLACE, facts_of(planner.facts, int(number)), channel, begin).allowed


def test_a_pack_that_is_listed_holds_for_all_even_where_a_place_has_its_own():
    book, strict = book_of(), load_packs(["house-strict", "auto"])
    everybody = lawful_arms(strict, book, NIGHT, ARMS).mask
    alone = lawful_arms(load_packs(["house-strict"]), book, NIGHT, ARMS).mask
    assert (everybody <= alone).all()
    assert np.array_equal(everybody[4], alone[4])


def test_packs_by_place_are_named_shortly_and_any_change_of_one_of_them_is_seen():
    name, _, digest = rules_version(BY_PLACE).partition("@")
    assert name == "auto+house"
    assert digest not in {
        rules_version(load_packs(["house"])).partition("@")[2],
        rules_version(tuple(BY_PLACE)[:-1]).partition("@")[2],
    }
    assert all(isinstance(pack, RulePack) for pack in load_packs(["house"]))
