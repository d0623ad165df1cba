"""The columns of a flat table: which describe a row, which give the arm away, and which are no covariates."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.training.rows.flat_columns import FlatColumns
from lighttouch.training.rows.flat_table import read_flat_table

N = 3_000
RNG = np.random.default_rng(0)
ARM = RNG.choice(["none", "sms", "call"], N)
TABLE = pd.DataFrame({"arm": ARM, "paid": RNG.integers(0, 2, N), "income": RNG.normal(2_000, 500, N)})


def read(propensity=1 / 3, group=None, drop=(), arm="arm", rows=N, **columns):
    table = TABLE.assign(**columns).head(rows)
    return read_flat_table(table, FlatColumns(arm, "paid", propensity, group, drop), None)


def fault(**columns):
    """Return the one fault of a table with such columns."""
    with pytest.raises(InvalidInput) as caught:
        read(**columns)
    (only,) = caught.value.faults
    return str(only)


@pytest.mark.parametrize("form", ["number", "text", "category"])
def test_a_column_that_only_some_arms_leave_behind_is_noticed_by_who_has_a_value(form):
    minutes = RNG.exponential(5, N).round(1)
    values = {"number": minutes, "text": np.where(minutes > 4, "spoke", "no answer"), "category": minutes.astype(int) % 4}[form]
    column = pd.Series(values).where((ARM != "none") & (RNG.random(N) < 0.5))
    if form == "category":
        column = column.astype("category")
    (notice,) = read(call_result=column).notices
    assert notice.startswith("Column 'call_result' differs between the arms although they were drawn at random")
    missing_by_chance = pd.Series(values).where(RNG.random(N) < 0.5)
    assert read(call_result=missing_by_chance).notices == ()


@pytest.mark.parametrize(
    "days",
    [
        pd.Series(pd.date_range("2026-01-01", periods=N, freq="h").date).astype(object),
        pd.Series(pd.date_range("2026-01-01", periods=N, freq="h").strftime("%Y-%m-%d")),
        pd.Series(pd.date_range("2026-01-01", periods=N, freq="h").strftime("%d.%m.%Y %H:%M")),
        pd.Series(pd.date_range("2026-01-01", periods=N, freq="D").to_period()),
        pd.Series(pd.date_range("2026-01-01", periods=N, freq="D")),
        pd.Series([dt.date(2026, 1, 1 + i % 20) for i in range(N)]).astype("category"),
    ],
    ids=["objects", "text", "text with hours", "periods", "instants", "category"],
)
def test_days_are_refused_in_whatever_form_they_come(days):
    told = fault(decided=days)
    assert told.startswith("column 'decided': expected numbers or text, found ")
    assert "Turn it into days before the decision" in told


@pytest.mark.parametrize(
    "name", ["borrower", "BorrowerID", "customerId", "loan_no", "Unnamed: 0", "account number", "case", "id"]
)  # fmt: skip
@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_whole_numbers_that_are_called_a_name_are_identifiers(name, kind):
    numbers = RNG.choice(10**9, N, replace=False).astype(kind)
    assert f"column '{name}': expected a description of the row" in fault(**{name: numbers})
    repeating = read(**{name: (np.arange(N) // 4 * 17).astype(kind)})
    assert any(f"Column '{name}' has 750 values" in notice for notice in repeating.notices)


def test_what_numbers_the_rows_is_an_identifier_whatever_it_is_called():
    assert "an identifier" in fault(position=RNG.permutation(N) + 7)
    assert "an identifier" in fault(position=RNG.permutation(N).astype(float))
    # Numbers with gaps, or that repeat, describe.
    assert read(cents=RNG.choice(10**6, N), days=np.arange(N) // 2).notices == ()
    assert "valid" in read(valid=RNG.normal(size=N), paid_id_card=RNG.integers(0, 2, N)).X


@pytest.mark.parametrize("written", ["{:,.2f}", "EUR {:.0f},50", "{:.0f},5", "{:.1f}%", "€{:,.0f}", "{:.0f} 000"])
def test_numbers_as_people_write_them_are_told_as_such(written):
    every = pd.Series([written.format(1_000 + i) for i in range(N)])
    told = fault(salary=every)
    assert told.startswith("column 'salary': expected numbers, found text, such as ")
    assert "Write plain numbers" in told
    few = pd.Series([written.format(1_000 + 7 * (i % 100)) for i in range(N)])
    (notice,) = read(salary=few).notices
    assert notice.startswith("Column 'salary' holds numbers as text, such as ")


def test_codes_are_no_numbers_as_people_write_them():
    codes = [f"A{i % 30}" for i in range(N)]
    classes = np.resize(["0-10%", "10-20%", "20%+"], N)
    assert read(code=codes, band=classes, town=[f"town {i % 30}" for i in range(N)]).notices == ()


@pytest.mark.parametrize(
    "odd", [pd.cut(TABLE["income"], 5), TABLE["income"].astype(complex)], ids=["intervals", "complex numbers"]
)  # fmt: skip
def test_kinds_that_no_model_learns_from_are_told_with_the_other_faults(odd):
    with pytest.raises(InvalidInput) as caught:
        read(odd=odd, seen=pd.Timestamp("2026-01-01"))
    assert {str(one).split(":")[0] for one in caught.value.faults} == {"column 'odd'", "column 'seen'"}


def test_two_columns_of_one_name_are_refused_though_one_is_a_number():
    table = pd.concat([TABLE, pd.DataFrame({1: np.zeros(N), "1": np.ones(N)})], axis="columns")
    with pytest.raises(InvalidInput, match="each column once, found more than once: 1"):
        read_flat_table(table, FlatColumns("arm", "paid"), None)


def test_an_arm_without_a_name_is_missing():
    arm = np.where(np.arange(N) < 60, "", ARM)
    with pytest.raises(InvalidInput, match=r"column 'arm' \(arm\): expected an arm for every row, found 60 missing"):
        read_flat_table(TABLE.assign(arm=arm), FlatColumns("arm", "paid", 1 / 3), None)


def test_arms_that_are_numbers_are_named_by_numbers_and_others_are_told():
    codes = pd.Series(ARM).map({"none": 0, "sms": 1, "call": 2})
    found = read({0: 1 / 3, 1: 1 / 3, 2: 1 / 3}, code=codes.to_numpy(), arm="code", drop=["arm"])
    assert found.propensity == {"0": 1 / 3, "1": 1 / 3, "2": 1 / 3}
    (notice,) = read({"none": 0.3, "sms": 0.3, "call": 0.4, "cal": 0.1}).notices
    assert notice == "Odds are stated of 'cal', which no row was given: are these arms misspelt?"


def test_rows_that_a_join_has_multiplied_are_noticed():
    thrice = pd.concat([TABLE.head(1_000)] * 3)
    notices = read_flat_table(thrice, FlatColumns("arm", "paid", 1 / 3), None).notices
    assert any(notice.startswith("2,000 of 3,000 rows are equal to another in every column") for notice in notices)


def test_a_heap_of_one_amount_is_no_join():
    n, rng = 4_000, np.random.default_rng(7)
    spent = np.where(rng.random(n) < 0.15, 29.99, np.round(rng.lognormal(5, 1, n), 2))
    shop = pd.DataFrame({"spent": spent, "channel": rng.choice(["web", "phone"], n), "paid": rng.integers(0, 2, n)})
    shop["arm"] = rng.choice(["none", "sms"], n)
    assert shop.duplicated().mean() > 0.1
    assert read_flat_table(shop, FlatColumns("arm", "paid", 1 / 2), None).notices == ()
    assert read().notices == ()
    coarse = TABLE.assign(income=TABLE["income"].round(-3))
    assert read_flat_table(coarse, FlatColumns("arm", "paid", 1 / 3), None).notices == ()


def test_what_is_left_out_is_a_list():
    with pytest.raises(InvalidInput, match="drop: expected a list of columns, found int"):
        read(drop=3)
