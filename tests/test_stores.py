"""One test, every store: the same tables through Parquet, CSV, DuckDB and PostgreSQL give equal books."""

import gc
import tempfile

import psycopg
import pytest
from lighttouch.data.book import Book, book_digest
from lighttouch.data.contracts import CONTRACTS
from lighttouch.data.errors import InvalidInput
from lighttouch.data.settings import BookSettings, QualitySettings
from lighttouch.data.stores import check_source, open_book, write_postgres, write_tables
from small_book import small_tables


def stored(store, folder, postgres_url):
    if store == "postgres":
        url = f"{postgres_url}?schema=round_trip"
        write_postgres(small_tables(), url)
        return url
    write_tables(small_tables(), folder / "book", store)
    return folder / "book"


def contents(book):
    return {name: sorted(map(repr, book.table(name).to_pyarrow().to_pylist())) for name in CONTRACTS}


@pytest.mark.parametrize("store", ["parquet", "csv", "duckdb", "postgres"])
def test_every_store_gives_back_the_book_that_was_written(store, tmp_path, request):
    url = request.getfixturevalue("postgres") if store == "postgres" else ""
    truth = Book.from_arrow(small_tables())
    with open_book(stored(store, tmp_path, url)) as book:
        assert contents(book) == contents(truth)
        assert book.doubtful == ()
        assert book.digest == book_digest(truth.connection)
    truth.close()


def columns_in(book, table, *names):
    return [tuple(row[name] for name in names) for row in book.table(table).to_pyarrow().to_pylist()]


def test_a_bank_s_own_postgres_tables_are_read_in_their_types(postgres):
    url = f"{postgres}?schema=bank"
    write_postgres(small_tables(), url)
    with psycopg.connect(postgres) as server:
        server.execute("SET search_path = bank")
        listed = "CASE WHEN loan_ids IS NOT NULL THEN '{L1}'::text[] END"
        server.execute(f"ALTER TABLE contacts ALTER loan_ids TYPE text[] USING {listed}")
        server.execute("ALTER TABLE payments RENAME TO all_payments")
        server.execute("CREATE VIEW payments AS SELECT *, 'x'::text AS branch FROM all_payments")
        server.execute("ALTER TABLE loans ALTER principal TYPE double precision")
    with open_book(url) as book:
        assert sorted(map(repr, columns_in(book, "contacts", "contact_id", "loan_ids"))) == [
            "('C0', None)", "('C1', ['L1'])", "('C2', None)", "('C3', ['L1'])",
        ]  # fmt: skip
        assert len(columns_in(book, "payments", "payment_id")) == 4
        assert "payments: columns ignored, no contract knows them: branch" in book.notices
        assert "all_payments: ignored, no contract has this name" in book.notices


def test_faults_of_postgres_tables_come_at_once(postgres):
    url = f"{postgres}?schema=faulty"
    write_postgres(small_tables(), url)
    with psycopg.connect(postgres) as server:
        server.execute("SET search_path = faulty")
        server.execute("ALTER TABLE payments ALTER paid_at TYPE timestamp")
        server.execute("ALTER TABLE borrowers ADD mobile text DEFAULT '13812345678'")
        server.execute("DROP TABLE instalments")
    with pytest.raises(InvalidInput, match=r"^3 faults:") as error:
        open_book(url)
    text = str(error.value)
    assert (
        "column 'paid_at' of table 'payments' (faulty.payments): expected timestamps with a time zone, found timestamp" in text
    )
    assert "column 'mobile' of table 'borrowers'" in text
    assert "- instalments  required" in text


def test_a_bad_row_of_postgres_is_found_by_its_key(postgres):
    url = f"{postgres}?schema=bad_row"
    write_postgres(small_tables(), url)
    with psycopg.connect(postgres) as server:
        server.execute("UPDATE bad_row.payments SET amount = -1 WHERE payment_id = 'P2'")
    book, report = check_source(url, BookSettings(quality=QualitySettings(max_bad_share=1)))
    book.close()
    (entry,) = report.quarantine.to_dict("records")
    assert (entry["rule"], entry["source"], entry["key"]) == ("not_positive", "bad_row.payments", "payment_id=P2")


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """Keep every book in a file, and show the folder in which these files are made."""
    monkeypatch.setattr("lighttouch.data.stores._IN_MEMORY_BYTES", -1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "rooms"))
    (tmp_path / "rooms").mkdir()
    write_tables(small_tables(), tmp_path / "book")
    return tmp_path / "rooms"


def test_a_large_book_lives_in_a_file_that_goes_when_it_is_closed(rooms, tmp_path):
    book = open_book(tmp_path / "book")
    assert len(list(rooms.glob("*/book.duckdb"))) == 1
    assert len(columns_in(book, "payments", "payment_id")) == 4
    book.close()
    assert list(rooms.iterdir()) == []
    book.close()


def test_a_book_that_nobody_closed_goes_with_its_last_reader(rooms, tmp_path):
    payments = open_book(tmp_path / "book").table("payments")
    gc.collect()
    assert payments.to_pyarrow().num_rows == 4
    del payments
    gc.collect()
    assert list(rooms.iterdir()) == []


def test_a_refused_source_leaves_no_file_behind(rooms, tmp_path):
    (tmp_path / "book" / "loans.parquet").unlink()
    with pytest.raises(InvalidInput, match="1 required table missing"):
        open_book(tmp_path / "book")
    assert list(rooms.iterdir()) == []
