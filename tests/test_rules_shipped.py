"""The packs that ship, in random combinations: whole-book engine, one-borrower engine and independent checker agree."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.settings import OutcomeSettings
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.law.check import check_contact, facts_of
from lighttouch.policy.law.engine import TIGHT, Step
from lighttouch.policy.law.selection import shipped_packs
from lighttouch.policy.rules import Planner, RulePack
from lighttouch.policy.settings import CalendarSettings, LenderSettings, PolicySettings
from lighttouch.policy.zones import MINUTE, from_micros, to_micros
from rule_cases import book_of
from rule_oracle import denials
from rule_oracle_known import Known
from rule_random import ZONES, Persons
from test_rules_oracle import named

# Around changes of the clock, public holidays, first days of packs, and new year in China.
NIGHTS = [
    datetime(*day, 22, tzinfo=UTC) for day in ((2026, 3, 26), (2026, 8, 28), (2026, 11, 20), (2026, 12, 23), (2027, 2, 4))
]
LENDERS = [{}, {"role": "creditor", "actor": "bank", "principal": "bank"},
           {"role": "third_party_collector", "actor": "agency 1", "principal": "bank", "drafts": True}]  # fmt: skip
DAYS = 5
FINE = PolicySettings(outcome=OutcomeSettings(horizon_days=DAYS), calendar=CalendarSettings(min_window_minutes=1))
ARMS = ArmCatalogue(
    [Arm("none"), Arm("sms-3-days", sms=7 / 3), Arm("call-weekly", call=1), Arm("mix", email=1, app_push=1, letter=1)]
)
MOMENT, ASKED = timedelta(microseconds=1), 4


@cache
def raw_pack(name):
    return yaml.safe_load((files("lighttouch.policy.law.packs") / f"{name}.yaml").read_text("utf-8"))


@cache
def loaded_pack(name):
    return RulePack.from_dict(raw_pack(name))


class Case:
    """Some shipped packs, a lender, and persons with whom the packs' rules have to do.

    Parameters
    ----------
    seed : int
    some : tuple of str
        Packs that are among them.
    """

    def __init__(self, seed, some):
        self.rng = random.Random(seed)  # noqa: S311  draws of a test
        self.names = sorted({*some, *self.rng.choice([["house"], ["house-strict"], []])})
        self.raw = [raw_pack(name) for name in self.names]
        self.as_of, lender = self.rng.choice(NIGHTS), self.rng.choice(LENDERS)
        self.persons = Persons(self.rng, self.as_of, self.raw).of_all()
        self.settings = FINE.model_copy(update={"lender": LenderSettings(**lender)})
        self.planner = Planner.of(
            [loaded_pack(n) for n in self.names], book_of(self.persons), self.as_of, settings=self.settings
        )
        actor = {"name" if key == "actor" else key: value for key, value in lender.items()}
        self.known = [Known(person, self.as_of, actor) for person in self.persons]
        order = [int(name[1:]) for name in self.planner.facts.borrower_id]
        self.facts = {number: facts_of(self.planner.facts, row) for row, number in enumerate(order)}
        self.order = order

    def moment(self, person):
        """Return an instant soon after as_of, or of the next two days and then more often than not by day, and a channel."""
        at = self.as_of + timedelta(minutes=self.rng.randint(0, self.rng.choice([6, 48]) * 60))
        if self.rng.random() < 0.4:
            noon = at.astimezone(ZoneInfo(person["zone"] or "UTC")).replace(hour=self.rng.randint(9, 18))
            at = max(noon.astimezone(UTC), self.as_of)
        return at, self.rng.choice(person["channels"] if self.rng.random() < 0.7 else CHANNELS)


def compare_one_and_checker(case, seen):
    """Compare the rules that deny a contact, by the one-borrower engine and by the checker."""
    for number, known in enumerate(case.known):
        for _ in range(ASKED):
            at, channel = case.moment(case.persons[number])
            ruling = check_contact(case.planner.packs, case.facts[number], channel, at)
            theirs = denials(case.raw, known, channel, at, case.as_of)
            seen["denied" if theirs else "allowed"] += 1
            seen.update(theirs)
            assert named(case.planner.packs, ruling) == theirs, (case.names, case.persons[number], channel, at)


def compare_whole_book_and_one(case, seen):
    """Compare the first instant at which each borrower may be contacted."""
    end = case.as_of + timedelta(days=DAYS)
    for engine in case.planner.engines:
        at, channel = case.moment(case.persons[case.order[int(engine.rows[0])]])
        laid = engine.lay([Step(to_micros(at), channel, 0)], TIGHT)
        for row, place in enumerate(engine.rows):
            number = case.order[int(place)]
            expected = check_contact(case.planner.packs, case.facts[number], channel, at).next_possible_at
            if expected is not None:  # windows are told to the minute
                expected = from_micros(-(-to_micros(expected) // MINUTE) * MINUTE)
            within = expected is not None and expected + timedelta(minutes=1) <= end
            found = from_micros(laid.begin[row, 0]) if laid.complete[row] else None
            seen["laid" if within else "not laid"] += 1
            assert found == (expected if within else None), (case.names, case.persons[number], channel, at)


def check_plans(case, seen):
    """Check every window of a plan for each borrower at both its ends, and that only lawful arms have plans."""
    mask = case.planner.lawful(ARMS).mask
    chosen = np.array([case.rng.randrange(len(ARMS)) for _ in case.order])
    windows = lay_calendar(case.planner, ARMS, chosen).windows
    for row, number in enumerate(case.order):
        own = windows[windows["borrower_id"] == f"b{number}"]
        assert bool(len(own)) == bool(mask[row, chosen[row]] and chosen[row])
        made = []
        for channel, start, end in zip(own["channel"], own["start"], own["end"], strict=True):
            begin, last = start.to_pydatetime(), end.to_pydatetime() - MOMENT
            for at in (begin, last):
                broken = denials(case.raw, case.known[number], channel, at, case.as_of, made)
                assert broken == set(), (case.names, case.persons[number], channel, at)
            made.append((channel, last))
            seen["planned"] += 1


def groups(seed, size):
    """Split the shipped packs at random: every one of them is in some group."""
    names = list(shipped_packs())
    random.Random(seed).shuffle(names)  # noqa: S311  draws of a test
    return [tuple(names[k : k + size]) for k in range(0, len(names), size)]


@pytest.mark.parametrize("seed", [1])
def test_engines_and_checker_agree_under_random_combinations_of_every_shipped_pack(seed):
    seen = Counter()
    for k, some in enumerate(groups(seed, 8)):
        case = Case(100 * seed + k, some)
        compare_one_and_checker(case, seen)
        compare_whole_book_and_one(case, seen)
        check_plans(case, seen)
    # Neither side says the same to everybody, and plenty of rules of every type have spoken.
    assert min(seen[word] for word in ("denied", "allowed", "laid", "not laid", "planned")) > 20, seen
    kinds = {rule["id"]: rule["type"] for name in shipped_packs() for rule in raw_pack(name)["rules"]}
    assert {kinds[word] for word in seen if word in kinds} == {"hours", "cap", "cooldown", "stop", "consent", "party"}


def test_every_place_of_a_shipped_pack_is_somewhere():
    assert {raw_pack(name)["pack"]["jurisdiction"] for name in shipped_packs()} <= set(ZONES)
