"""Sources that break their contracts are refused, with every fault in one message."""

import gzip
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lighttouch.data.errors import InvalidInput, TooManyBadRows
from lighttouch.data.settings import BookSettings, QualitySettings, SourceSettings
from lighttouch.data.stores import check_source, open_book, write_tables
from small_book import small_tables

LENIENT = BookSettings(quality=QualitySettings(max_bad_share=1.0))


@pytest.fixture
def folder(tmp_path):
    write_tables(small_tables(), tmp_path / "book")
    return tmp_path / "book"


@pytest.fixture
def csv_folder(tmp_path):
    write_tables(small_tables(), tmp_path / "book", "csv")
    return tmp_path / "book"


def rewrite(path, change):
    pq.write_table(change(pq.read_table(path)), path)


def renamed(old, new):
    return lambda table: table.rename_columns([new if name == old else name for name in table.column_names])


def naive(name):
    def change(table):
        position = table.column_names.index(name)
        return table.set_column(position, name, table[name].cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")))

    return change


def replace_text(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_missing_column_is_shown_as_a_diff(folder):
    rewrite(folder / "payments.parquet", renamed("posted_at", "postedat"))
    expected = (
        r"(?s)table 'payments' \(payments.parquet\): expected the contract's 6 columns, found 1 required column missing\. .*"
        r"- posted_at  TIMESTAMP, required\n  \+ postedat  \(unknown; did you mean posted_at\?\)"
    )
    with pytest.raises(InvalidInput, match=expected):
        open_book(folder)


def test_naive_timestamps_are_refused_with_the_setting_that_helps(folder):
    rewrite(folder / "decisions.parquet", naive("as_of"))
    expected = (
        r"column 'as_of' of table 'decisions' \(decisions.parquet\): expected timestamps with a time zone, found TIMESTAMP "
        r"without one. Set `timezone: Asia/Shanghai`"
    )
    with pytest.raises(InvalidInput, match=expected):
        open_book(folder)


def test_naive_timestamps_are_read_in_the_zone_that_is_set(folder):
    rewrite(folder / "decisions.parquet", naive("as_of"))
    aware = pq.read_table(folder / "decisions.parquet")["as_of"][0].as_py()
    with open_book(folder, BookSettings(source=SourceSettings(timezone="Asia/Shanghai"))) as book:
        decision = book.table("decisions").to_pyarrow().to_pylist()[0]
    assert (aware - decision["as_of"]).total_seconds() == 8 * 3600


def test_text_timestamps_without_offset_are_refused(csv_folder):
    replace_text(csv_folder / "payments.csv", "Z,", ",")
    with pytest.raises(
        InvalidInput, match=r"column 'paid_at' of table 'payments' \(payments.csv\).*found timestamps without one"
    ):
        open_book(csv_folder)


def test_text_timestamps_without_offset_beyond_the_first_rows_are_refused(csv_folder, monkeypatch):
    monkeypatch.setattr("lighttouch.data.loading.PROBE_ROWS", 1)
    path = csv_folder / "payments.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace("Z,", ",")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"column 'posted_at' of table 'payments'"):
        open_book(csv_folder)


def test_offsets_in_text_are_read_as_written(csv_folder):
    path = csv_folder / "system_gaps.csv"
    path.write_text(
        "channel,start_at,cause\nsms,2026-01-11 16:30:00+08,vendor\ncall,2026-01-11T08:30Z,vendor\n", encoding="utf-8"
    )
    with open_book(csv_folder) as book:
        gaps = book.table("system_gaps").to_pyarrow().to_pylist()
    assert [gap["start_at"].isoformat() for gap in gaps] == ["2026-01-11T08:30:00"] * 2


def test_a_file_that_is_not_parquet_is_named(folder):
    (folder / "loans.parquet").write_text("loan_id\n" + "L1\n" * 100, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"file 'loans.parquet': expected a Parquet file, found .*magic bytes"):
        open_book(folder)


def test_an_empty_required_table_is_refused(folder):
    rewrite(folder / "loans.parquet", lambda table: table.slice(0, 0))
    with pytest.raises(InvalidInput, match=r"table 'loans' \(.*\): expected rows, found none"):
        open_book(folder)


def test_an_empty_optional_table_is_welcome(folder):
    rewrite(folder / "contacts.parquet", lambda table: table.slice(0, 0))
    with open_book(folder) as book:
        assert book.table("contacts").count().to_pyarrow().as_py() == 0


def test_a_missing_table_is_shown_as_a_diff(folder):
    (folder / "loans.parquet").rename(folder / "loan.parquet")
    with pytest.raises(
        InvalidInput, match=r"(?s)1 required table missing.*- loans  required\n  \+ loan.parquet  \(unknown; did you mean"
    ):
        open_book(folder)


def test_a_column_of_a_wrong_type_is_refused(folder):
    rewrite(folder / "loans.parquet", lambda t: t.set_column(0, "loan_id", pa.array([1.0, 2.0, 3.0, 4.0])))
    with pytest.raises(
        InvalidInput, match=r"column 'loan_id' of table 'loans' .*: expected text or whole numbers, found DOUBLE"
    ):
        open_book(folder)


@pytest.mark.parametrize(("name", "reason"), [("Mobile_No", "a phone number"), ("姓名", "a person's name")])
def test_personal_columns_are_refused_with_their_reason(folder, name, reason):
    rewrite(folder / "borrowers.parquet", lambda t: t.append_column(name, pa.array(["x"] * len(t))))
    expected = (
        f"column '{name}' of table 'borrowers' .* a column that looks like {reason}. Leave the column out .*data minimisation"
    )
    with pytest.raises(InvalidInput, match=expected):
        open_book(folder)


def test_other_unknown_columns_are_ignored_with_a_notice(folder):
    rewrite(folder / "borrowers.parquet", lambda t: t.append_column("segment_name", pa.array(["x"] * len(t))))
    with open_book(folder) as book:
        assert "borrowers: columns ignored, no contract knows them: segment_name" in book.notices


def test_all_faults_come_at_once(folder):
    rewrite(folder / "payments.parquet", renamed("posted_at", "postedat"))
    rewrite(folder / "decisions.parquet", naive("as_of"))
    rewrite(folder / "borrowers.parquet", lambda t: t.append_column("phone", pa.array(["x"] * len(t))))
    rewrite(folder / "contacts.parquet", lambda t: t.set_column(0, "contact_id", pa.array([1.5] * len(t))))
    (folder / "loans.parquet").write_text("no Parquet", encoding="utf-8")
    (folder / "instalments.parquet").unlink()
    with pytest.raises(InvalidInput, match=r"^6 faults:") as error:
        open_book(folder)
    for expected in ("posted_at", "as_of", "phone", "contact_id", "not-parquet", "instalments"):
        assert expected.replace("not-parquet", "a Parquet file") in str(error.value)


def test_a_default_fills_a_missing_column_and_says_so(folder):
    rewrite(folder / "contacts.parquet", lambda t: t.drop_columns(["direction"]))
    with pytest.raises(InvalidInput, match=r"- direction  VARCHAR, required"):
        open_book(folder)
    settings = BookSettings(source=SourceSettings(defaults={"contacts": {"direction": "out"}}))
    with open_book(folder, settings) as book:
        assert set(book.table("contacts").to_pyarrow()["direction"].to_pylist()) == {"out"}
        assert any("no column direction; every row is given 'out'" in notice for notice in book.notices)


def test_settings_beside_the_tables_are_read(folder):
    rewrite(folder / "contacts.parquet", lambda t: t.drop_columns(["direction"]))
    (folder / "source.yaml").write_text("defaults: {contacts: {direction: in}}\n", encoding="utf-8")
    with open_book(folder) as book:
        assert set(book.table("contacts").to_pyarrow()["direction"].to_pylist()) == {"in"}


def test_defaults_and_zones_that_cannot_be_are_refused(folder):
    settings = SourceSettings(
        timezone="Asia/Peking", defaults={"contact": {}, "contacts": {"chanel": "sms", "direction": "up"}}
    )
    with pytest.raises(InvalidInput, match=r"^4 faults:") as error:
        open_book(folder, BookSettings(source=settings))
    assert "'Asia/Peking'" in str(error.value)
    assert "Did you mean 'channel'?" in str(error.value)


def test_a_value_that_cannot_be_read_is_quarantined_as_text(csv_folder):
    replace_text(csv_folder / "payments.csv", "P2,L2,payment", "P2,L2,payment".replace("payment", "waiver"))
    path = csv_folder / "instalments.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("2026-02-01", "01.02.2026", 1), encoding="utf-8")
    book, report = check_source(csv_folder, LENIENT)
    book.close()
    assert report.quarantine[["rule", "row", "reason"]].to_dict("records") == [
        {"rule": "unreadable_value", "row": 1, "reason": "due_on: expected DATE, found '01.02.2026'"}
    ]


def test_broken_lines_of_a_csv_are_quarantined_and_later_positions_hold(csv_folder):
    path = csv_folder / "payments.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1:1] = ["P7,L1", "P8,L1,payment,1,2,3,4,5"]
    lines[-1] = lines[-1].replace("50.05", "-1")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    book, report = check_source(csv_folder, LENIENT)
    book.close()
    found = report.quarantine
    assert list(zip(found["rule"], found["row"], strict=True)) == [
        ("malformed_line", 1), ("malformed_line", 2), ("not_positive", 6),
    ]  # fmt: skip
    assert {table.table: table.read for table in report.tables}["payments"] == 6


def test_text_in_another_encoding_is_refused(csv_folder):
    path = csv_folder / "borrowers.csv"
    path.write_bytes(path.read_text(encoding="utf-8").replace("zh", "中文").encode("gb18030"))  # as exported by old systems
    with pytest.raises(TooManyBadRows, match=r"malformed_line 4 .*invalid encoding"):
        open_book(csv_folder)


def test_compressed_text_and_folders_of_parts_are_read(csv_folder):
    text = (csv_folder / "contacts.csv").read_bytes()
    (csv_folder / "contacts.csv.gz").write_bytes(gzip.compress(text))
    (csv_folder / "contacts.csv").unlink()
    header, *lines = (csv_folder / "payments.csv").read_text(encoding="utf-8").splitlines()
    (csv_folder / "payments.csv").unlink()
    (csv_folder / "payments").mkdir()
    for i, line in enumerate(lines):
        (csv_folder / "payments" / f"part-{i}.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    (csv_folder / "payments" / "part-4.csv").write_text(f"{header}\n{lines[0]}\n", encoding="utf-8")
    book, report = check_source(csv_folder, LENIENT)
    with book:
        assert book.table("contacts").count().to_pyarrow().as_py() == 4
        assert book.table("payments").count().to_pyarrow().as_py() == 4
    (entry,) = report.quarantine.to_dict("records")
    assert (entry["source"], entry["row"], entry["rule"]) == ("payments/part-4.csv", 1, "duplicate")
    assert entry["reason"].endswith("came first in row 1 of payments/part-0.csv")


def test_a_table_in_two_places_is_refused(folder):
    (folder / "loans.csv").write_text("loan_id\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"table 'loans': expected one file or one folder, found loans.csv, loans.parquet"):
        open_book(folder)


def test_a_path_that_leads_nowhere_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"expected a folder of tables, .* found no such path"):
        open_book(tmp_path / "nothing")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "book.duckdb").write_text("a text " * 1000, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"expected a DuckDB database that can be read"):
        open_book(tmp_path / "book.duckdb")


def test_a_duckdb_file_with_views_and_strange_tables_is_read(folder, tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table in ("borrowers", "loans", "instalments", "payments"):
            connection.execute(f"CREATE TABLE all_{table} AS FROM '{folder / table}.parquet'")
            connection.execute(f"CREATE VIEW {table} AS FROM all_{table}")
    with open_book(path) as book:
        assert book.table("payments").count().to_pyarrow().as_py() == 4
        assert "all_loans: ignored, no contract has this name" in book.notices


def test_a_server_that_does_not_answer_is_named_without_the_password():
    with pytest.raises(InvalidInput, match=r"postgresql://127.0.0.1/bank: expected a PostgreSQL server that answers") as error:
        open_book("postgresql://collector:secret@127.0.0.1:1/bank?connect_timeout=2")
    assert "secret" not in str(error.value)


def test_a_missing_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInput, match=r'found none installed. Install it with: pip install "lighttouch\[postgres\]"'):
        open_book("postgresql://127.0.0.1/bank")
