"""An independent implementation in plain Python agrees with every feature on random histories."""

from datetime import timedelta

import numpy as np
from feature_histories import NOW, Histories, to_book
from feature_oracle import Oracle, oracle_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.settings import LedgerSettings
from lighttouch.features.build import build_features
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.features.points import decision_points

LEDGERS = (
    LedgerSettings(),
    LedgerSettings(booking_zone="America/New_York", grace_days=2),
    LedgerSettings(booking_zone="Asia/Shanghai", de_minimis=0.0),
)


def features_of(rows, points, ledger):
    borrowers, instants = zip(*points, strict=True)
    with to_book(rows) as book:
        return build_features(book, decision_points(list(borrowers), list(instants), ledger), ledger)


def compare(rows, points, ledger):
    found = features_of(rows, points, ledger)
    expected = oracle_rows(rows, points, ledger)
    wrong = []
    for name in FEATURE_NAMES:
        ours, theirs = found[name].to_numpy(), np.array([row[name] for row in expected])
        differing = np.flatnonzero(~np.isclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True))[:3]
        wrong += [f"{name} of {points[i][0]} at {points[i][1]}: {ours[i]!r}, the oracle says {theirs[i]!r}" for i in differing]
    assert not wrong, "\n".join(wrong)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ledger=st.sampled_from(LEDGERS), events=st.sampled_from([0.3, 1.0, 2.0]))
def test_every_feature_agrees_with_plain_python_on_random_histories(seed, ledger, events):
    histories = Histories(np.random.default_rng(seed), borrowers=25)
    instants = [NOW, NOW - timedelta(days=14), NOW - timedelta(days=60), NOW - timedelta(days=500)]
    points = [(borrower, at) for borrower in histories.borrowers for at in instants]
    compare(histories.rows(events), points, ledger)


def test_the_oracle_knows_every_feature_of_the_catalogue_and_no_other():
    rows = Histories(np.random.default_rng(1), borrowers=1).rows()
    assert set(Oracle(rows, LedgerSettings())("B000", NOW)) == set(FEATURE_NAMES)


def test_random_histories_leave_no_feature_constant():
    histories = Histories(np.random.default_rng(2), borrowers=80)
    instants = [NOW - timedelta(days=back) for back in (0, 5, 15, 36, 100, 200)]
    points = [(borrower, at) for borrower in histories.borrowers for at in instants]
    found = features_of(histories.rows(), points, LedgerSettings())
    assert [name for name in FEATURE_NAMES if found[name].nunique() < 2] == []
