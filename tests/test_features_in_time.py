"""What becomes known at or after as_of changes no feature; a point alone is a point in a batch; runs repeat to the bit."""

from datetime import timedelta

import numpy as np
import pandas as pd
from feature_histories import KNOWN_TIME, LATER_STATE, NOW, Histories, to_arrow, to_book
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.book import Book
from lighttouch.data.settings import LedgerSettings
from lighttouch.features.build import build_features
from lighttouch.features.points import decision_points

LEDGER = LedgerSettings(booking_zone="America/New_York", grace_days=1)


def features_of(rows, points):
    borrowers, instants = zip(*points, strict=True)
    with to_book(rows) as book:
        return build_features(book, decision_points(list(borrowers), list(instants), LEDGER), LEDGER)


def another_future(rows, other, rng):
    """Return the rows with another future: later rows dropped, changed or added, later state set, moved or taken away."""
    changed = {}
    for name, known in KNOWN_TIME.items():
        past = [dict(row) for row in rows[name] if row[known] < NOW]
        future = [dict(row) for row in rows[name] if row[known] >= NOW and rng.random() < 0.5]
        future += [dict(row) for row in other[name] if row[known] >= NOW]
        changed[name] = past + future
        state = LATER_STATE.get(name)
        for row in past if state else []:
            if row[state] is None or row[state] >= NOW:
                row[state] = [None, NOW, NOW + timedelta(days=3)][int(rng.integers(3))]
    for row in changed["contact_points"]:
        if row["verified_at"] is None or row["verified_at"] >= NOW:
            row["verified_at"] = [None, NOW][int(rng.integers(2))]
    for row in changed["status_events"]:
        # The day that a promise names is part of the promise; the end of anything else becomes known when it comes.
        if row["kind"] != "promise" and (row["until"] is None or row["until"] >= NOW):
            row["until"] = [None, NOW, NOW + timedelta(days=3)][int(rng.integers(3))]
    return changed


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), events=st.sampled_from([0.3, 1.0, 3.0]))
def test_an_event_known_at_or_after_as_of_changes_no_feature(seed, events):
    rng = np.random.default_rng(seed)
    histories = Histories(rng, borrowers=30)
    rows, other = histories.rows(events), histories.rows(events)
    points = [(borrower, NOW) for borrower in histories.borrowers]
    pd.testing.assert_frame_equal(
        features_of(rows, points), features_of(another_future(rows, other, rng), points), check_exact=True
    )


def test_the_futures_that_are_compared_do_differ():
    rng = np.random.default_rng(3)
    histories = Histories(rng, borrowers=40)
    rows = histories.rows(3.0)
    changed = another_future(rows, histories.rows(3.0), rng)
    assert [name for name in rows if rows[name] == changed[name]] == []
    points = [(borrower, NOW + timedelta(days=41)) for borrower in histories.borrowers]
    assert not features_of(rows, points).equals(features_of(changed, points))


def test_many_instants_per_borrower_equal_separate_runs_and_points_alone():
    histories = Histories(np.random.default_rng(5), borrowers=12)
    rows = histories.rows(1.5)
    instants = [NOW, NOW - timedelta(days=14), NOW - timedelta(days=30, microseconds=1)]
    points = [(borrower, at) for borrower in histories.borrowers for at in instants]
    together = features_of(rows, points).drop(columns="point_id")
    for place, at in enumerate(instants):
        apart = features_of(rows, [(borrower, at) for borrower in histories.borrowers]).drop(columns="point_id")
        pd.testing.assert_frame_equal(apart, together.iloc[place :: len(instants)].reset_index(drop=True), check_exact=True)
    for place in (0, 7, 20):
        alone = features_of(rows, [points[place]]).drop(columns="point_id")
        pd.testing.assert_frame_equal(alone, together.iloc[[place]].reset_index(drop=True), check_exact=True)


def test_two_runs_are_equal_to_the_bit_whatever_the_order_of_rows_and_points():
    rng = np.random.default_rng(6)
    histories = Histories(rng, borrowers=400)
    tables = to_arrow(histories.rows(2.0))
    points = decision_points(histories.borrowers, NOW, LEDGER)
    shuffled = {name: table.take(rng.permutation(table.num_rows)) for name, table in tables.items()}
    runs = []
    for content, asked in ((tables, points), (shuffled, points.take(rng.permutation(points.num_rows)))):
        with Book.from_arrow(content) as book:
            book.connection.raw_sql("SET threads = 2")
            runs.append(build_features(book, asked, LEDGER))
    first, second = (run.drop(columns=["borrower_id", "as_of"]).to_numpy().tobytes() for run in runs)
    assert first == second
    assert runs[0]["borrower_id"].tolist() == runs[1]["borrower_id"].tolist() == histories.borrowers
