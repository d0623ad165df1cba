"""Tables are written whole or not at all, and never over something else."""

import pytest
from lighttouch.data.errors import InvalidInput
from lighttouch.data.stores import open_book, write_tables
from small_book import small_tables


def test_a_folder_of_tables_is_replaced_as_a_whole(tmp_path):
    write_tables(small_tables(), tmp_path / "book", "csv")
    (tmp_path / "book" / "source.yaml").write_text("timezone: Asia/Shanghai\n", encoding="utf-8")
    write_tables(small_tables(), tmp_path / "book", "parquet")
    assert {path.suffix for path in (tmp_path / "book").iterdir()} == {".parquet"}
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


def test_two_writings_of_the_same_tables_are_the_same_book(tmp_path):
    digests = set()
    for name in ("a", "b"):
        tables = {
            table: rows.take(list(reversed(range(len(rows))))) if name == "b" else rows
            for table, rows in small_tables().items()
        }
        write_tables(tables, tmp_path / name)
        with open_book(tmp_path / name) as book:
            digests.add(book.digest)
    assert len(digests) == 1


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="format: expected one of parquet, csv, duckdb, found 'excel'"):
        write_tables(small_tables(), tmp_path / "book", "excel")


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("here first", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"expected a place that can be written, found .*nothing was written"):
        write_tables(small_tables(), tmp_path / "file" / "book")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_output_folder_with_other_things_in_it_is_not_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"expected a new folder or one with tables only, found thesis.docx"):
        write_tables(small_tables(), tmp_path)
    assert (tmp_path / "thesis.docx").exists()


def test_tables_that_break_their_contract_are_not_written(tmp_path):
    tables = small_tables() | {"loan": small_tables()["loans"]}
    tables["payments"] = tables["payments"].rename_columns(["payment_id", "loan_id", "kind", "paid_at", "postedat", "amount"])
    with pytest.raises(InvalidInput, match=r"(?s)^2 faults:.*did you mean posted_at"):
        write_tables(tables, tmp_path / "book")
    assert not (tmp_path / "book").exists()
