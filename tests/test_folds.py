"""Time folds: the past teaches, the future judges, and no outcome window spans both."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.errors import InvalidInput
from lighttouch.training.rows.folds import fold_digest, look_at, time_folds

DAY = pd.Timedelta(days=1)


def instants(days):
    return pd.Series(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(days, unit="D"))


def test_the_latest_quarter_is_judged_on_and_a_horizon_before_it_is_left_out():
    days = np.random.default_rng(0).permutation(200)
    folds = time_folds(instants(days), horizon_days=14)
    assert set(days[folds.test]) == set(range(150, 200))
    assert set(days[folds.fit]) == set(range(136))
    assert folds.test_start == instants([150])[0]
    assert folds.fit_end == instants([136])[0]


@settings(max_examples=50, deadline=None)
@given(
    days=st.lists(st.integers(0, 400), min_size=30, max_size=120),
    horizon=st.integers(1, 60),
    share=st.floats(0.1, 0.5),
)
def test_every_outcome_of_the_fit_fold_is_complete_before_the_first_row_that_is_judged(days, horizon, share):
    as_of = instants([*days, 0, 400])
    try:
        folds = time_folds(as_of, horizon, share)
    except InvalidInput:
        return
    assert folds.fit.any()
    assert folds.test.any()
    assert not (folds.fit & folds.test).any()
    assert as_of[folds.fit].max() + horizon * DAY < as_of[folds.test].min()
    assert folds.test.sum() >= np.floor(share * len(as_of))


def test_rows_of_one_instant_are_never_split():
    folds = time_folds(instants(np.repeat([0, 30, 60, 90], 10)), horizon_days=14, test_share=0.2)
    assert folds.test.tolist() == [False] * 30 + [True] * 10


def test_whoever_judges_on_a_part_of_the_gates_fold_has_looked_at_it():
    as_of = instants(range(200))
    rows = pd.DataFrame({"decision_id": np.arange(200), "as_of": as_of, "arm": "none"})
    gate = fold_digest(rows[time_folds(as_of, 14).test])
    for share in (0.1, 0.25, 0.5):
        assert look_at(rows, time_folds(as_of, 14, share).judged) == gate
    assert not look_at(rows, time_folds(as_of, 14, select_share=0.2).judged)
    # Late enough, a select fold is the gate's as well.
    assert look_at(rows, time_folds(as_of, 14, 0.05, select_share=0.2).judged) == gate


@pytest.mark.parametrize("days", [[0] * 50, list(range(14)), [0, 5, 9, 9, 9, 9, 9, 9]])
def test_too_short_a_span_is_refused_with_what_is_needed(days):
    expected = (
        r"expected decisions before and after a cut in time, found 2026-01-01.*At least three times the horizon of 14 days"
    )
    with pytest.raises(InvalidInput, match=expected):
        time_folds(instants(days), horizon_days=14)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 3.0])
def test_a_share_that_leaves_a_fold_empty_is_refused(share):
    with pytest.raises(InvalidInput, match="test_share: expected between 0 and 1"):
        time_folds(instants(range(200)), horizon_days=14, test_share=share)
