"""The quality gate: every kind of bad row is taken out with rule, reason and position; too many stop the run."""

import re
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import TooManyBadRows
from lighttouch.data.settings import BookSettings, QualitySettings
from lighttouch.data.stores import check_source, open_book
from small_book import arrow, at, rows_of_tables

LENIENT = BookSettings(quality=QualitySettings(max_bad_share=1.0))


def write(folder, rows):
    folder.mkdir(exist_ok=True)
    for table, listed in rows.items():
        pq.write_table(arrow(table, listed), folder / f"{table}.parquet")
    return folder


def quarantined(folder, rows, arms=None):
    """Return the quarantined rows as (table, rule, row, reason)."""
    book, report = check_source(write(folder, rows), LENIENT, arms)
    book.close()
    frame = report.quarantine
    return list(zip(frame["table"], frame["rule"], frame["row"], frame["reason"], strict=True))


def changed(table, row, **values):
    rows = rows_of_tables()
    rows[table][row] |= values
    return rows


SINGLE_FAULTS = {
    "a null in a required column": ("contacts", {"channel": None}, "missing_value", "channel: expected a value, found none"),
    "an empty text in a required column": ("contacts", {"channel": ""}, "missing_value", "channel: expected a value"),
    "an unknown channel": ("contacts", {"channel": "smss"}, "unknown_channel", "one of sms, .*found 'smss'.*mean 'sms'"),
    "an unknown channel far from all": ("contacts", {"channel": "pigeon"}, "unknown_channel", "found 'pigeon'$"),
    "an unknown outcome": ("contacts", {"outcome": "Delivered"}, "unknown_outcome", "did you mean 'delivered'"),
    "a negative amount": ("payments", {"amount": Decimal("-5.00")}, "not_positive", "amount above zero, found -5.00"),
    "an amount of zero": ("payments", {"amount": Decimal("0.00")}, "not_positive", "found 0.00"),
    "a payment before its loan": ("payments", {"paid_at": at(0)}, "paid_before_opening", "loan's opening 2026"),
    "a payment of no loan": ("payments", {"loan_id": "L99"}, "no_such_loan", "a loan of the book, found 'L99', which"),
    "an instalment of no loan": ("instalments", {"loan_id": "L99"}, "no_such_loan", "'L99'"),
    "a contact of nobody": ("contacts", {"borrower_id": "B99"}, "no_such_borrower", "'B99', which is not there"),
    "a payment posted before it was paid": ("payments", {"posted_at": at(29)}, "posted_before_paid", "posted_at: expected"),
    "a contact known before it was": ("contacts", {"known_at": at(39)}, "known_before_it_happened", "known"),
    "an instalment superseded too early": ("instalments", {"superseded_at": at(0)}, "ends_before_it_begins", "superseded"),
    "a contact point that ends too early": ("contact_points", {"valid_to": at(-1)}, "ends_before_it_begins", "valid_to"),
    "a consent revoked too early": ("consents", {"revoked_at": at(-1)}, "ends_before_it_begins", "revoked_at"),
    "a gap that ends too early": ("system_gaps", {"end_at": at(9)}, "ends_before_it_begins", "end_at"),
    "a commitment without length": ("decisions", {"commit_until": at(39)}, "ends_before_it_begins", "expected after"),
    "propensities above one": (
        "decisions", {"propensities": [("none", 0.9), ("sms-weekly", 0.2)]}, "propensities_do_not_sum_to_one", "sum of 1.1",
    ),
    "a negative propensity": (
        "decisions", {"propensities": [("none", -0.2), ("sms-weekly", 1.2)]}, "propensities_do_not_sum_to_one", "sum to 1",
    ),
    "no propensities at all": ("decisions", {"propensities": []}, "propensities_do_not_sum_to_one", "found a sum of 0"),
    "propensities without the arm": ("decisions", {"propensities": [("none", 1.0)]}, "arm_without_propensity", "sms-weekly"),
    "a currency that is none": ("loans", {"currency": "yuan"}, "unknown_currency", "such as CNY, found 'yuan'"),
    "a phone number as an id": ("contacts", {"endpoint_id": "+86 13812345678"}, "personal_value", "an e-mail address"),
}  # fmt: skip


def without_twins(table, row, case):
    """Give a copied row a key of its own, so that the fault under test is its only one."""
    own = {
        "payments": {"payment_id": f"case {case}"},
        "contacts": {"contact_id": f"case {case}"},
        "consents": {"consent_id": f"case {case}"},
        "decisions": {"decision_id": f"case {case}"},
        "loans": {"loan_id": f"case {case}"},
        "instalments": {"due_on": date(2027, 1, 1 + case)},
        "contact_points": {"valid_from": at(1, case)},
        "system_gaps": {"start_at": at(10, case + 1)},
    }
    return row | own[table]


@pytest.fixture(scope="module")
def all_faults(tmp_path_factory):
    """Return the quarantine of one book in which each case has broken a row of its own, and which row that was."""
    rows, positions = rows_of_tables(), {}
    for case, (name, (table, values, _, _)) in enumerate(SINGLE_FAULTS.items()):
        rows[table].append(without_twins(table, rows_of_tables()[table][0], case) | values)
        positions[name] = (table, len(rows[table]))
    return quarantined(tmp_path_factory.mktemp("faults") / "book", rows), positions


@pytest.mark.parametrize("name", SINGLE_FAULTS)
def test_a_bad_row_is_quarantined_with_rule_reason_and_position(name, all_faults):
    found, positions = all_faults
    _, _, rule, reason = SINGLE_FAULTS[name]
    (entry,) = [entry for entry in found if (entry[0], entry[2]) == positions[name]]
    assert entry[1] == rule
    assert re.search(reason, entry[3]), entry[3]


def test_of_the_broken_book_every_good_row_is_kept(all_faults):
    assert len(all_faults[0]) == len(SINGLE_FAULTS)


def test_a_clean_book_quarantines_nothing_and_says_so(tmp_path):
    book, report = check_source(write(tmp_path / "book", rows_of_tables()))
    assert len(report.quarantine) == 0
    assert {table.table: (table.read, table.kept) for table in report.tables} == {
        name: (len(rows), len(rows)) for name, rows in rows_of_tables().items()
    }
    assert report.doubtful_borrowers == ()
    assert "payments" in report.to_text()
    book.close()


def test_the_value_of_a_phone_number_is_not_repeated(tmp_path):
    (entry,) = quarantined(tmp_path / "book", changed("contacts", 0, endpoint_id="13812345678"))
    assert "138" not in entry[3]


def test_of_duplicate_ids_the_first_by_position_stays(tmp_path):
    rows = rows_of_tables()
    rows["payments"].append(rows["payments"][1] | {"amount": Decimal("99.00")})
    book, report = check_source(write(tmp_path / "book", rows), LENIENT)
    (entry,) = report.quarantine.to_dict("records")
    assert (entry["rule"], entry["row"], entry["key"]) == ("duplicate", 5, "payment_id=P1")
    assert entry["reason"] == "payment_id: expected once, came first in row 2 of payments.parquet"
    payments = book.table("payments").to_pyarrow().to_pylist()
    assert [row["amount"] for row in payments if row["payment_id"] == "P1"] == [Decimal("50.05")]
    book.close()


def test_rows_follow_what_they_refer_to_into_quarantine(tmp_path):
    found = quarantined(tmp_path / "book", changed("borrowers", 3, jurisdiction=None))
    assert {(table, rule) for table, rule, _, _ in found} == {
        ("borrowers", "missing_value"),
        ("loans", "refers_to_quarantined"),
        ("instalments", "refers_to_quarantined"),
        ("payments", "refers_to_quarantined"),
        ("contacts", "refers_to_quarantined"),
    }


def test_a_stop_that_names_an_unknown_loan_is_kept(tmp_path):
    rows = changed("status_events", 0, loan_id="L99")
    book, report = check_source(write(tmp_path / "book", rows))
    assert book.table("status_events").count().to_pyarrow().as_py() == 2
    assert any("status_events: 1 rows name a loan_id that is not in loans; they are kept" in notice for notice in book.notices)
    assert len(report.quarantine) == 0
    book.close()


def test_borrowers_with_a_quarantined_row_are_named(tmp_path):
    with open_book(write(tmp_path / "book", changed("payments", 2, amount=Decimal("-1.00"))), LENIENT) as book:
        assert book.doubtful == ("B2",)


def test_an_unknown_timezone_counts_as_not_known(tmp_path):
    rows = changed("borrowers", 0, timezone="Asia/Peking")
    with open_book(write(tmp_path / "book", rows)) as book:
        zones = {row["borrower_id"]: row["timezone"] for row in book.table("borrowers").to_pyarrow().to_pylist()}
        assert zones == {"B0": None, "B1": None, "B2": "Asia/Shanghai", "B3": None}
        assert "borrowers: 1 rows have the unknown timezone 'Asia/Peking'; it counts as not known" in book.notices


def test_an_arm_that_the_catalogue_lacks_is_named(tmp_path):
    arms = ArmCatalogue([Arm("none"), Arm("sms-every-3-days", sms=7 / 3)])
    found = quarantined(tmp_path / "book", rows_of_tables(), arms)
    assert [entry[1] for entry in found] == ["unknown_arm", "unknown_arm"]
    assert found[0][3] == "arm: expected arms of the catalogue, found sms-weekly; the catalogue has none, sms-every-3-days"


def test_a_retired_arm_stays_readable(tmp_path):
    arms = ArmCatalogue([Arm("none")], retired=[Arm("sms-weekly", sms=1)])
    assert quarantined(tmp_path / "book", rows_of_tables(), arms) == []


def test_a_row_with_several_faults_is_counted_once_and_tells_all(tmp_path):
    (entry,) = quarantined(tmp_path / "book", changed("payments", 0, kind="gift", amount=Decimal("-1.00")))
    assert entry[1] == "unknown_kind"
    assert "found 'gift'" in entry[3]
    assert "found -1.00" in entry[3]


def test_too_many_bad_rows_stop_the_run_with_counts_and_an_example_by_rule(tmp_path):
    folder = write(tmp_path / "book", changed("contacts", 1, channel="smss"))
    settings = BookSettings(quality=QualitySettings(max_bad_share=0.2))
    expected = (
        r"Table 'contacts': 1 of 4 rows break the contract \(25.0%, limit 20.0%\): unknown_channel 1 "
        r"\(row 2 of contacts.parquet: channel: expected one of .*, found 'smss'; did you mean 'sms'\?\)"
    )
    with pytest.raises(TooManyBadRows, match=expected) as refusal:
        open_book(folder, settings)
    assert len(refusal.value.report.quarantine) == 1


def test_a_share_of_bad_rows_at_the_limit_goes_on(tmp_path):
    folder = write(tmp_path / "book", changed("contacts", 1, channel="smss"))
    with open_book(folder, BookSettings(quality=QualitySettings(max_bad_share=0.25))) as book:
        assert book.table("contacts").count().to_pyarrow().as_py() == 3
        assert "contacts: 1 of 4 rows quarantined" in book.notices


def test_every_table_above_the_limit_is_named(tmp_path):
    rows = changed("contacts", 1, channel="smss")
    rows["payments"][0]["amount"] = Decimal("-1.00")
    rows["payments"][1]["amount"] = Decimal("-1.00")
    with pytest.raises(TooManyBadRows, match=r"(?s)Table 'payments': 2 of 4.*also table 'contacts', 1 of 4"):
        open_book(write(tmp_path / "book", rows))


def test_cents_cut_off_are_noted(tmp_path):
    folder = write(tmp_path / "book", rows_of_tables())
    payments = pq.read_table(folder / "payments.parquet")
    position = payments.column_names.index("amount")
    pq.write_table(payments.set_column(position, "amount", pa.array([0.1 + 0.2, 1.005, 2.0, 3.5])), folder / "payments.parquet")
    with open_book(folder) as book:
        assert "payments: amount was rounded to two decimals in 1 rows" in book.notices
