"""One test, every store: the same tables through Parquet, CSV, DuckDB and PostgreSQL give equal books."""

import pytest
from lighttouch.data.book import Book, book_digest
from lighttouch.data.contracts import CONTRACTS
from lighttouch.data.sources_postgres import write_postgres
from lighttouch.data.stores import open_book
from lighttouch.data.writing import write_tables
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
