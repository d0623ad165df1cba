"""Instants: aware at the edge, UTC inside, naive ones refused by name."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lighttouch.data.clock import as_utc, local_date, naive_utc, parse_instant
from lighttouch.data.errors import InvalidInput

NAIVE = datetime(2026, 11, 20, 22)  # noqa: DTZ001  naive on purpose


def test_an_instant_without_zone_is_refused_with_an_example():
    expected = "as_of: expected an instant with a time zone, found 2026-11-20T22:00:00 without one. Write 2026-11-20T22:00Z."
    with pytest.raises(InvalidInput, match=expected):
        parse_instant("2026-11-20T22:00")
    with pytest.raises(InvalidInput, match=r"with a time zone"):
        naive_utc(NAIVE)


def test_text_that_is_no_instant_is_refused():
    with pytest.raises(InvalidInput, match=r"--until: expected an ISO 8601 instant, found 'tomorrow'"):
        parse_instant("tomorrow", where="--until")


@pytest.mark.parametrize("text", ["2026-11-20T22:00Z", "2026-11-21T06:00+08:00", "2026-11-20 22:00:00+00:00"])
def test_one_instant_in_many_spellings(text):
    assert parse_instant(text) == datetime(2026, 11, 20, 22, tzinfo=UTC)
    assert parse_instant(text).tzinfo is UTC
    assert naive_utc(parse_instant(text)) == NAIVE


@given(st.datetimes(timezones=st.timezones()))
def test_to_utc_and_back_is_the_same_instant(instant):
    try:
        utc = as_utc(instant)
    except OverflowError:
        return
    assert utc.utcoffset() == timedelta(0)
    assert utc.timestamp() == pytest.approx(instant.timestamp(), abs=1e-3)


def test_the_local_day_is_the_day_on_the_wall():
    instant = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    assert local_date(instant, "Asia/Shanghai") == date(2026, 11, 21)
    assert local_date(instant, "America/New_York") == date(2026, 11, 20)
    # Twice the same wall time on the night the clocks go back: both are the same day.
    for fold in (0, 1):
        assert local_date(
            datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=ZoneInfo("America/New_York")), "America/New_York"
        ) == date(2026, 11, 1)


def test_an_unknown_zone_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"expected an IANA zone such as Asia/Shanghai, found 'Asia/Peking'"):
        local_date(datetime(2026, 11, 20, tzinfo=UTC), "Asia/Peking")
