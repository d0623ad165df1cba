"""Whatever is broken in a book, every row that was read is either kept or quarantined, once."""

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from lighttouch.data.settings import BookSettings, QualitySettings
from lighttouch.data.stores import check_source
from small_book import at, rows_of_tables
from test_quality import write

LENIENT = BookSettings(quality=QualitySettings(max_bad_share=1.0))
TABLES = rows_of_tables()
CELLS = [(table, name) for table, rows in TABLES.items() for name in rows[0]]
WRONG = {
    "principal": [None, Decimal("-1.00"), Decimal("0.00")],
    "amount": [None, Decimal("-1.00"), Decimal("0.00")],
    "birth_year": [None, -5],
    "due_on": [None],
    "explore": [None],
    "loan_ids": [None, []],
    "propensities": [None, [], [("none", 0.5)], [("none", float("nan")), ("sms-weekly", 1.0)], [("x", None)]],
}
INSTANTS = [None, at(-500), at(0), at(500)]
TEXTS = [None, "", "B0", "L0", "smss", "B99", 'it\'s; -- "quoted"', "短信"]


def wrong_values(table, name):
    if table == "contacts" and name == "principal":
        return TEXTS
    if name in WRONG:
        return WRONG[name]
    return INSTANTS if name.endswith(("_at", "_from", "_to", "_until")) or name in ("at", "until", "as_of") else TEXTS


@st.composite
def corrupted_books(draw):
    rows = rows_of_tables()
    for table, name in draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=12)):
        row = draw(st.integers(0, len(rows[table]) - 1))
        rows[table][row][name] = draw(st.sampled_from(wrong_values(table, name)))
    for table in draw(st.lists(st.sampled_from(list(rows)), max_size=3)):
        rows[table].append(dict(draw(st.sampled_from(rows[table]))))
    return rows


@settings(max_examples=15, deadline=None, derandomize=True)
@given(corrupted_books())
def test_kept_and_quarantined_rows_are_the_rows_that_were_written(rows):
    with tempfile.TemporaryDirectory() as folder:
        book, report = check_source(write(Path(folder), rows), LENIENT)
        with book:
            kept = {name: book.table(name).count().to_pyarrow().as_py() for name in rows}
        for name, written in rows.items():
            taken = report.quarantine[report.quarantine["table"] == name]["row"].tolist()
            assert kept[name] + len(taken) == len(written)
            assert len(set(taken)) == len(taken)
            assert set(taken) <= set(range(1, len(written) + 1))
        assert all(report.quarantine["reason"].str.len() > 0)
