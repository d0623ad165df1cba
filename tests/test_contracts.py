"""The contracts hold together: keys exist, references resolve, words come from the vocabulary, nothing is personal."""

import pyarrow as pa
import pytest
from lighttouch.data.book import Book
from lighttouch.data.columns import accepts, closest
from lighttouch.data.contracts import CONTRACTS, Kind
from lighttouch.data.personal import personal_reason
from small_book import rows_of_tables, small_tables


def test_there_are_the_ten_tables_of_the_design():
    assert list(CONTRACTS) == [
        "borrowers", "loans", "instalments", "payments", "contacts", "contact_points", "consents", "status_events",
        "system_gaps", "decisions",
    ]  # fmt: skip


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_keys_name_required_columns(contract):
    assert all(not contract.column(name).nullable for name in contract.key)


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_no_column_of_a_contract_is_personal(contract):
    assert {column.name: personal_reason(column.name) for column in contract.columns} == dict.fromkeys(
        column.name for column in contract.columns
    )


def test_the_small_book_of_the_tests_has_every_column():
    for name, rows in rows_of_tables().items():
        assert set(rows[0]) == {column.name for column in CONTRACTS[name].columns}


def test_a_book_has_every_table_in_its_types_whatever_was_given():
    with Book.from_arrow({"loans": small_tables()["loans"].select(["loan_id", "opened_at"])}) as book:
        kinds = {
            name: dict(book.connection.con.execute(f"SELECT column_name, column_type FROM (DESCRIBE {name})").fetchall())  # noqa: S608
            for name in CONTRACTS
        }
        assert kinds == {
            name: {column.name: column.kind.value for column in contract.columns} for name, contract in CONTRACTS.items()
        }
        loan = book.table("loans").to_pyarrow().to_pylist()[0]
        assert loan["opened_at"].isoformat() == "2026-01-02T08:30:15.123456"
        with pytest.raises(KeyError):
            book.table("people")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_an_instant_is_the_same_in_every_unit_and_zone(zone, unit):
    opened = small_tables()["loans"]["opened_at"].cast(pa.timestamp(unit, zone), safe=False)
    loans = small_tables()["loans"].drop_columns(["opened_at"]).append_column("opened_at", opened)
    with Book.from_arrow({"loans": loans}) as book:
        loan = book.table("loans").to_pyarrow().to_pylist()[0]
    assert loan["opened_at"].isoformat(timespec="seconds") == "2026-01-02T08:30:15"


@pytest.mark.parametrize(
    ("kind", "declared", "answer"),
    [
        (Kind.INSTANT, "TIMESTAMP WITH TIME ZONE", True),
        (Kind.INSTANT, "BIGINT", False),
        (Kind.TEXT, "BIGINT", True),
        (Kind.TEXT, "VARCHAR[]", False),
        (Kind.MONEY, "BOOLEAN", False),
        (Kind.PROPENSITIES, 'STRUCT("none" DOUBLE)', True),
        (Kind.PROPENSITIES, "DOUBLE", False),
        (Kind.DAY, '"NULL"', True),
        (Kind.DAY, "TIMESTAMP WITH TIME ZONE", False),
    ],
)
def test_a_declared_type_is_judged_by_what_it_can_carry(kind, declared, answer):
    assert accepts(kind, declared) is answer


def test_a_misspelt_word_finds_its_neighbour():
    assert closest("BorrowerID", ["loan_id", "borrower_id"]) == "borrower_id"
    assert closest("zzz", ["loan_id", "borrower_id"]) == ""


PERSONAL = [
    "name", "first_name", "FirstName", "customer_name", "CustomerName", "borrowername", "phone", "phone2", "home_phone",
    "phoneNumber", "phone_hash", "mobile_no", "mobileno", "E-Mail", "email_address", "emailaddress", "home address",
    "work_addr", "ID_Card", "IDCardNo", "idnumber", "national_id", "passport_no", "SSN", "bank_account_number", "card_no",
    "contact_list", "call_log", "emergency_contact", "next_of_kin", "gps_lat", "longitude", "lat", "imei", "ip_address",
    "date_of_birth", "dob", "selfie", "wechat_id", "WeChat", "religion", "crawled_score", "xingming", "shoujihao",
    "shen_fen_zheng", "shenfenzheng", "di_zhi", "姓名", "借款人姓名", "手机号", "联系电话", "身份证号码", "家庭住址", "通讯录",
    "紧急联系人", "邮箱", "银行卡号", "手机号码",
]  # fmt: skip
HARMLESS = [
    "segment_name", "product_name", "channel_name", "latest", "flat", "platform", "telemetry", "mobility", "email_verified",
    "has_phone", "phone_count", "address_changes", "race_condition_free_flag", "branch", "score", "id", "updated_at", "shift",
    "tint", "paid", "是否有手机", "联系人次数", "产品", "逾期天数",
    "nameplate", "renamed", "geometric_mean",
    "raw_payload", "faceted", "created",
]  # fmt: skip


@pytest.mark.parametrize("name", PERSONAL)
def test_a_personal_column_is_known_by_its_name(name):
    assert personal_reason(name) is not None


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_column_passes(name):
    assert personal_reason(name) is None
