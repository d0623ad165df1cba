"""After a week of silence nobody gets more than the plan of a normal week, through the nights as they are run."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from math import ceil

import pyarrow as pa
from lighttouch.data.arms import default_arms
from lighttouch.data.book import Book
from lighttouch.data.worlds import simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.serving.recommender import Recommender
from night_checker import parse

DAY = timedelta(days=1)
SILENT, NIGHTS = 7, 7


def last_rows(tables, name, rows):
    schema = tables[name].schema
    columns = {field.name: [row.get(field.name) for row in rows] for field in schema}
    more = pa.table({key: pa.array(values, schema.field(key).type) for key, values in columns.items()}, schema=schema)
    return tables | {name: pa.concat_tables([tables[name], more])}


def sent_by(night, until):
    """Return the contacts whose window opens before the next night, as they would be logged."""
    found = []
    for row in night.recommendations.to_pylist():
        for start, _, channel in map(parse, row["windows"]):
            if start < until:
                at = start + timedelta(minutes=5)
                found.append({"contact_id": f"{row['decision_id']}-{at}", "borrower_id": row["borrower_id"],
                              "decision_id": row["decision_id"], "channel": channel, "direction": "out", "party": "borrower",
                              "purpose": "collection", "at": at, "outcome": "sent", "known_at": at})  # fmt: skip
    return found


def test_after_a_week_of_silence_no_borrower_gets_more_than_the_plan_of_a_normal_week():
    world, arms = simulate("outage", borrowers=120, days=200, seed=3), default_arms()
    certain = PolicySettings.from_dict({"exploration": {"first_share": 0.5, "floor": 0.05}, "ledger": {"lag_limit_days": 60}})
    recommender = Recommender.without_model(certain, arms)
    tables = world.tables | {"decisions": world.tables["decisions"].slice(0, 0)}
    with Book.from_arrow(tables) as book:
        first = recommender.night(book, world.end)
    left_out = first.excluded["reason"].value_counts().to_dict()
    assert first.facts["excluded"] == left_out
    assert first.facts["unplaced"] == {}
    log = [row | {"propensities": list(row["propensities"])} for row in first.decisions.to_pylist()]
    tables = last_rows(tables, "decisions", log)
    # Nothing goes out for a week; then a night lays the rest, each morning it is sent, and the next night lays it anew.
    sent, arm_of = defaultdict(list), {row["borrower_id"]: row["arm"] for row in log}
    for k in range(NIGHTS):
        as_of = world.end + (SILENT + k) * DAY
        with Book.from_arrow(tables) as book:
            night = recommender.night(book, as_of)
        standing = {row["borrower_id"] for row in night.recommendations.to_pylist() if row["standing"]}
        contacts = [one for one in sent_by(night, as_of + DAY) if one["borrower_id"] in standing]
        tables = last_rows(tables, "contacts", contacts)
        for one in contacts:
            sent[one["borrower_id"]].append(one["at"].date())
    assert len(sent) > 10
    assert all(most_in_a_week(days) <= normal_week(arms[arm_of[who]]) for who, days in sent.items())
    assert any(arms[arm_of[who]].intensity > 1 for who in sent)


def normal_week(arm):
    return ceil(7 / arm.interval_days - 1e-9)


def most_in_a_week(days: list[date]) -> int:
    return max(sum(0 <= (day - first).days < 7 for day in days) for first in days)


def test_the_helpers_count_as_one_would_by_hand():
    days = [datetime(2026, 11, day).date() for day in (2, 8, 9)]  # noqa: DTZ001  days
    assert most_in_a_week(days) == 2
    assert [normal_week(default_arms()[name]) for name in ("sms-weekly", "sms-every-3-days")] == [1, 3]
