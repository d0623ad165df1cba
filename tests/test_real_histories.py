"""Two public credit histories, mapped to the tables: published figures come back, and what was not yet known is not seen."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import superlender_nigeria as lender
import uci_credit_card as cards
from lighttouch.data.book import Book
from lighttouch.features.catalogue import FEATURE_NAMES
from lighttouch.features.ledger import position
from lighttouch.features.points import decision_points
from real_data import needs_real_data, real
from real_histories import checked_book, cross_validated, delong, history, instants, money
from sklearn.metrics import roc_auc_score

BOOK_WIDE = ["ledger_lag_days"]


@pytest.fixture(scope="module")
def raw():
    return lender.read_raw(real("superlender_nigeria"))


@pytest.fixture(scope="module")
def two_clocks(raw):
    return _lender(raw, lender.LAGOS)


@pytest.fixture(scope="module")
def one_clock(raw):
    return _lender(raw, "UTC")


def _lender(raw, clock):
    tables = lender.map_tables(raw, clock)
    book, report = checked_book(tables)
    return SimpleNamespace(tables=tables, report=report, features=lender.features_of(raw, book, clock))


@pytest.fixture(scope="module")
def clients():
    raw = cards.read_raw(real("uci_credit_card"))
    book, report = checked_book(cards.map_tables(raw))
    return SimpleNamespace(raw=raw, book=book, report=report, points=cards.points_of(raw))


def _features(raw, tables, clock):
    with Book.from_arrow(tables) as book:
        return lender.features_of(raw, book, clock)


def _as_of(raw, table):
    """Return the as_of of the customer that each row's loan belongs to."""
    owners = raw.earlier.set_index("systemloanid")["customerid"]
    starts = raw.target.set_index("customerid")["creationdate"]
    return instants(table["loan_id"].to_pandas().map(owners).map(starts), "UTC")


def _too_late(raw, table, known):
    """Return which rows of a table were known at or after the as_of of their customer."""
    return pc.greater_equal(table[known], _as_of(raw, table)).to_numpy()


def _assert_same(found, expected):
    # How fresh the whole ledger is depends on other customers' payments, and these were known at a later as_of.
    pd.testing.assert_frame_equal(found.drop(columns=BOOK_WIDE), expected.drop(columns=BOOK_WIDE), check_exact=True)


@needs_real_data
def test_the_gate_takes_each_customer_that_is_listed_twice_once_and_says_so(raw, two_clocks):
    twice = raw.people.loc[raw.people["customerid"].duplicated(), "customerid"]
    taken = two_clocks.report.quarantine
    assert (taken["table"].unique().tolist(), taken["rule"].unique().tolist()) == (["borrowers"], ["duplicate"])
    assert len(taken) == 12
    assert set(two_clocks.report.doubtful_borrowers) == set(twice)
    assert all(table.kept == table.read for table in two_clocks.report.tables if table.table != "borrowers")


@needs_real_data
def test_every_naira_that_was_due_is_mapped_and_paid(raw, two_clocks):
    tables, owed = two_clocks.tables, raw.earlier.set_index("systemloanid")["totaldue"]
    for name in ("instalments", "payments"):
        sums = tables[name].to_pandas().astype({"amount": float}).groupby("loan_id")["amount"].sum()
        np.testing.assert_allclose(sums.sort_index(), owed.sort_index(), atol=0.005)


@needs_real_data
def test_read_on_one_clock_the_published_share_of_rows_is_later_than_as_of(raw):
    late = lender.late_rows(raw, "UTC").mean() * 100
    assert late.round(1).to_dict() == lender.PUBLISHED_LATE


@needs_real_data
def test_settlements_are_written_in_lagos_time_and_none_is_later_than_as_of(raw):
    gap = raw.earlier["approveddate"] - raw.earlier["creationdate"]
    assert gap.min() > pd.Timedelta(hours=1)
    loans = pd.concat([raw.earlier, raw.target]).sort_values(["customerid", "loannumber"])
    minutes = (loans.groupby("customerid")["creationdate"].shift(-1) - loans["closeddate"]).dt.total_seconds() / 60
    # People borrow again at once after they repaid; on one clock that seems to lie up to an hour before, never a little more.
    assert minutes.between(-60, -50).sum() > 1500
    assert minutes.between(-180, -60, inclusive="left").sum() == 0
    late = lender.late_rows(raw, lender.LAGOS).sum()
    assert (late["closeddate"], late["firstrepaiddate"]) == (0, 0)


@needs_real_data
def test_the_published_table_comes_back_from_our_feature(raw, two_clocks):
    found = lender.bad_by_lateness(two_clocks.features[lender.LATENESS], raw.bad)
    assert found["bad_percent"].round(1).tolist() == list(lender.PUBLISHED_BAD)
    assert found["customers"].sum() == raw.earlier["customerid"].nunique()


@needs_real_data
def test_on_one_clock_the_feature_is_the_mean_over_loans_first_repaid_before_as_of(raw, one_clock):
    seen = raw.earlier[~lender.late_rows(raw, "UTC")["firstrepaiddate"]]
    expected = (seen["firstrepaiddate"].dt.normalize() - seen["firstduedate"]).dt.days.groupby(seen["customerid"]).mean()
    found = one_clock.features[lender.LATENESS].dropna()
    assert len(found) < raw.earlier["customerid"].nunique()
    np.testing.assert_allclose(found.sort_index(), expected.sort_index(), rtol=1e-12)
    assert set(found.index) == set(expected.index)


@needs_real_data
@pytest.mark.parametrize("change", ["removed", "altered"])
def test_payments_and_closures_known_later_change_no_feature(raw, one_clock, change):
    tables = dict(one_clock.tables)
    paid_late = _too_late(raw, tables["payments"], "posted_at")
    closed_late = _too_late(raw, tables["status_events"], "known_at")
    assert closed_late.sum() == 756
    assert paid_late.sum() >= 664
    for name, late in (("payments", paid_late), ("status_events", closed_late)):
        tables[name] = tables[name].filter(pa.array(~late)) if change == "removed" else _altered(tables[name], late)
    _assert_same(_features(raw, tables, "UTC"), one_clock.features)


@needs_real_data
def test_the_same_change_to_rows_known_earlier_is_seen(raw, one_clock):
    early = ~_too_late(raw, one_clock.tables["payments"], "posted_at")
    tables = one_clock.tables | {"payments": one_clock.tables["payments"].filter(pa.array(~early))}
    with pytest.raises(AssertionError):
        _assert_same(_features(raw, tables, "UTC"), one_clock.features)


def _altered(table, late):
    late = pa.array(late)
    for name in set(table.column_names) & {"at", "known_at", "paid_at", "posted_at"}:
        table = _replaced(table, name, pc.if_else(late, pc.add(table[name], pa.scalar(timedelta(days=10))), table[name]))
    if "amount" in table.column_names:
        table = _replaced(table, "amount", pc.if_else(late, money([7.5])[0], table["amount"]))
    kind = "reversal" if "amount" in table.column_names else "written_off"
    return _replaced(table, "kind", pc.if_else(late, kind, table["kind"]))


def _replaced(table, name, column):
    if name not in table.column_names:
        return table.append_column(name, column)
    return table.set_column(table.column_names.index(name), name, column)


@needs_real_data
def test_what_becomes_of_loans_that_fall_due_later_changes_no_feature(raw, two_clocks):
    tables = dict(two_clocks.tables)
    due_later = raw.earlier.loc[lender.late_rows(raw, lender.LAGOS)["firstduedate"], "systemloanid"]
    assert len(due_later) == 1569
    # From as_of on, each of them is put off by a month, and what was paid in time is taken back.
    dues = tables["instalments"]
    moved, as_of = _of(dues, due_later), _as_of(raw, dues)
    after = _replaced(dues, "known_at", as_of).filter(moved)
    after = _replaced(after, "due_on", pc.add(after["due_on"], pa.scalar(timedelta(days=30))).cast(pa.date32()))
    before = _replaced(dues, "superseded_at", pc.if_else(moved, as_of, pa.scalar(None, as_of.type)))
    tables["instalments"] = pa.concat_tables([before, after], promote_options="default")
    back = _replaced(tables["payments"], "posted_at", _as_of(raw, tables["payments"]))
    back = back.filter(_of(back, due_later))
    back = _replaced(back, "payment_id", pc.binary_join_element_wise(back["payment_id"], "back", "-"))
    back = _replaced(back, "kind", pa.array(["reversal"] * back.num_rows))
    tables["payments"] = pa.concat_tables([tables["payments"], back])
    _assert_same(_features(raw, tables, lender.LAGOS), two_clocks.features)


def _of(table, loans):
    return pa.array(table["loan_id"].to_pandas().isin(loans).to_numpy())


@needs_real_data
def test_history_says_more_of_the_next_loan_than_its_own_columns(raw, two_clocks):
    ours = cross_validated(two_clocks.features.loc[raw.bad.index], raw.bad)
    own = cross_validated(raw.target.set_index("customerid")[lender.RAW_COLUMNS], raw.bad)
    assert ours.auc - own.auc > 2 * (ours.se + own.se)


@needs_real_data
def test_the_ledger_gives_the_bank_s_own_status_back_for_every_client(clients):
    with clients.book.points(clients.points) as points:
        owed = position(clients.book, points, cards.LEDGER).order_by("point_id").to_pyarrow().to_pandas()
    behind = clients.raw["X6"].clip(lower=0).to_numpy()
    first = np.datetime64("2005-10") - behind.astype("timedelta64[M]")
    due = first.astype("datetime64[D]") + np.timedelta64(14, "D")
    expected = np.where(behind > 0, (np.datetime64("2005-10-01") - due).astype(int), 0)
    np.testing.assert_array_equal(owed["days_past_due"], expected)
    bill = clients.raw["X12"].to_numpy()
    in_debt = bill > 2000
    np.testing.assert_allclose(owed["balance"].astype(float)[in_debt], bill[in_debt], atol=0.05)


@needs_real_data
def test_the_features_of_card_histories_reach_the_usual_area_under_the_curve(clients):
    features = history(clients.book, clients.points, cards.LEDGER)
    assert list(features.columns) == list(FEATURE_NAMES)
    assert cross_validated(features.loc[clients.raw["ID"]], clients.raw["Y"]).auc >= cards.REACHED_AUC


@needs_real_data
def test_no_row_of_the_card_tables_is_quarantined(clients):
    assert clients.report.quarantine.empty
    assert {table.table: table.kept for table in clients.report.tables}["borrowers"] == 30_000


def test_the_standard_error_of_the_area_is_that_of_redraws():
    rng = np.random.default_rng(5)
    y = (rng.random(400) < 0.3).astype(float)
    score = np.round(y + rng.normal(0, 1.3, 400), 1)
    auc, se = delong(y, score)
    assert auc == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    rows = rng.integers(0, 400, (600, 400))
    assert se == pytest.approx(np.std([roc_auc_score(y[i], score[i]) for i in rows]), rel=0.12)


def test_money_is_exact_to_the_cent():
    assert [str(value) for value in money([0.29, 1.005e6, 3.0]).to_pylist()] == ["0.29", "1005000.00", "3.00"]


def test_a_card_two_months_behind_after_a_late_payment_has_two_dues_open():
    # April to July paid on time, nothing in August, nothing in September.
    row = {"ID": "c", "X1": 50_000, "X3": 2, "X5": 30, "Y": 1}
    row |= dict(zip(cards.STATUS, [0, 0, 0, 0, 1, 2], strict=True)) | dict(zip(cards.BILLS, [4000] * 6, strict=True))
    row |= dict(zip(cards.PAID, [500, 400, 300, 200, 0, 0], strict=True))
    raw = pd.DataFrame([row])
    assert cards.minimum_instalments(raw)[0].tolist() == [0] * 7 + [500, 400, 300, 200, 200, 200]
    book = Book.from_arrow(cards.map_tables(raw))
    with book.points(decision_points(["c"], cards.AS_OF, cards.LEDGER)) as points:
        owed = position(book, points, cards.LEDGER).to_pyarrow().to_pandas().iloc[0]
    assert (float(owed["overdue_amount"]), float(owed["balance"]), owed["days_past_due"]) == (400.0, 4000.0, 47)
