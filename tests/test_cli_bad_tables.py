"""Bad tables at the command line: what was expected, what was found, where, what to do."""

import gzip
import shutil

import pandas as pd
import pyarrow as pa
import pytest
from command_line import AS_OF, refused, run

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("command", ["check", "train", "recommend", "evaluate", "features"])
def test_a_folder_that_is_not_there_is_refused(command, model, tmp_path):
    out = ["--out", tmp_path / "o.parquet"]
    more = {"recommend": ["--as-of", AS_OF, "--model", model, *out], "evaluate": ["--model", model],
            "features": ["--as-of", AS_OF, *out]}  # fmt: skip
    message = refused(command, tmp_path / "nothing", *more.get(command, []))
    assert "expected a folder of tables" in message
    assert "found no such path" in message


def test_a_file_that_is_not_parquet_is_refused(book, tmp_path):
    shutil.copytree(book, tmp_path / "book")
    (tmp_path / "book" / "loans.parquet").write_text("loan_id\nL1\n", encoding="utf-8")
    assert "file 'loans.parquet': expected a Parquet file" in refused("check", tmp_path / "book")


def test_a_missing_column_is_shown_as_a_difference(broken):
    source = broken("payments", lambda t: t.rename_columns([{"posted_at": "postedat"}.get(n, n) for n in t.column_names]))
    message = refused("train", source)
    assert "- posted_at TIMESTAMP, required" in message
    assert "+ postedat (unknown; did you mean posted_at?)" in message


def test_timestamps_without_a_zone_are_refused(broken):
    source = broken("payments", lambda t: t.set_column(3, "paid_at", t["paid_at"].cast(pa.timestamp("us"))))
    assert "column 'paid_at' of table 'payments'" in (message := refused("check", source))
    assert "expected timestamps with a time zone" in message


def test_an_empty_table_is_refused(broken):
    assert "table 'loans'" in (message := refused("check", broken("loans", lambda t: t.slice(0, 0))))
    assert "expected rows, found none" in message


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("payments", "amount", "-5.00", "not_positive"),
        ("contacts", "channel", "fax", "unknown_channel"),
        ("payments", "payment_id", "P1", "duplicate"),
        ("payments", "paid_at", pd.Timestamp("1999-01-01", tz="UTC"), "paid_before_opening"),
    ],
)
def test_too_many_bad_rows_stop_the_run_and_say_what_is_wrong(broken, table, column, value, said):
    def spoil(t):
        wrong = pa.array([value] * len(t))
        return t.set_column(t.column_names.index(column), column, wrong.cast(t.schema.field(column).type))

    message = refused("train", broken(table, spoil))
    assert f"TooManyBadRows: Table '{table}'" in message
    assert said in message


def test_an_arm_that_the_catalogue_does_not_have_is_refused(book, tmp_path):
    (tmp_path / "few.yaml").write_text("arms: {none: {}, sms-weekly: {sms: 1}}\n", encoding="utf-8")
    message = refused("train", book, "--settings", tmp_path / "few.yaml")
    assert "TooManyBadRows: Table 'decisions'" in message
    assert "unknown_arm" in message
    assert "expected arms of the catalogue" in message


def test_a_few_bad_rows_are_set_aside_and_written_where_asked(broken, tmp_path):
    def spoil(t):
        amounts = t["amount"].to_pylist()
        amounts[7] = -amounts[7]
        return t.set_column(t.column_names.index("amount"), "amount", pa.array(amounts, t.schema.field("amount").type))

    said = run("check", broken("payments", spoil), "--quarantine", tmp_path / "bad.parquet")
    assert said.code == 0
    assert "not_positive" in said.out
    bad = pd.read_parquet(tmp_path / "bad.parquet")
    assert bad[["table", "row", "rule"]].to_numpy().tolist() == [["payments", 8, "not_positive"]]


def test_an_unknown_column_is_refused_and_the_nearest_is_named(experiment):
    message = refused("train", "--table", experiment, "--arm", "arms", "--outcome", "piad", "--propensity", "0.5")
    assert "2 faults" in message
    assert "column 'arms' (arm): expected a column of the table, found no such column. Did you mean 'arm'?" in message
    assert "Did you mean 'paid'?" in message
    assert "Columns: arm, age, city, paid." in message


@pytest.mark.parametrize("name", ["nothing.parquet", "text.parquet", "empty.csv"])
def test_a_flat_table_that_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / "text.parquet").write_text("no Parquet", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    message = refused("train", "--table", tmp_path / name, "--arm", "a", "--outcome", "b")
    assert f"{name}: expected a Parquet or CSV file" in message


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ["--table", "nothing.csv", "--arm", "arm", "--outcome", "paid"],
            "nothing.csv: expected a Parquet or CSV file, found no file",
        ),
        (
            ["--table", "few.csv", "--arm", "arm", "--outcome", "piad"],
            "column 'piad' (outcome): expected a column of the table",
        ),
        (["nothing"], "nothing: expected a folder of tables"),
        (["book", "--settings", "nothing.yaml"], "nothing.yaml"),
    ],
)
def test_a_mistyped_path_or_column_is_told_before_anything_is_opened_or_made(tmp_path, monkeypatch, wrong, told):
    (tmp_path / "few.csv").write_text("arm,paid,age\nnone,1,30\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIGHTTOUCH_VAR", "var")
    assert told in refused("train", *wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    table = tmp_path / "twice.csv"
    table.write_text("arm,score,paid,score,arm\nnone,1,0,2,letter\n", encoding="utf-8")
    message = refused("train", "--table", table, "--arm", "arm", "--outcome", "paid")
    assert "twice.csv: expected each column once, found more than once: score, arm. Rename or drop them." in message


def test_csv_is_known_by_its_ending_in_capitals_too_and_other_kinds_are_told_what_can_be_read(experiment, tmp_path):
    options = ["--arm", "arm", "--outcome", "paid", "--propensity", "0.5", "--save", tmp_path / "model"]
    shutil.copy(experiment, tmp_path / "E.CSV")
    assert run("train", "--table", tmp_path / "E.CSV", *options).code == 0
    for name in ("e.tsv", "e.csv.zip"):
        shutil.copy(experiment, tmp_path / name)
        message = refused("train", "--table", tmp_path / name, *options)
        assert f"{name}: expected a Parquet or CSV file, found " in message
        assert "CSV is read as .csv or .csv.gz, Parquet under any other name" in message
    whole = gzip.compress(experiment.read_bytes())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "cut.csv.gz: expected a Parquet or CSV file" in refused("train", "--table", tmp_path / "cut.csv.gz", *options)


@pytest.mark.parametrize(
    ("changed", "options", "told"),
    [
        ({"tags": [[1, 2]] * 120}, [], "column 'tags': expected one number or text in each row, found lists"),
        ({"branch": "north"}, ["--group", "branch"], "column 'branch' (group): expected at least 20 groups"),
        ({}, ["--group", "arm"], "column 'arm': expected to be one thing, found named as arm and as group"),
        ({}, ["--propensity", "nan"], "propensity: expected above 0 and at most 1, found nan for letter, nan for none"),
        ({}, ["--propensity", "0.3"], "State them by arm: {arm: number}, or arm=number,arm=number on the command line."),
        ({}, ["--baseline", "nobody"], "baseline: expected one of letter, none, found 'nobody'. Name the arm of the table"),
    ],
)
def test_a_flat_table_that_cannot_be_learnt_from_is_refused(tmp_path, changed, options, told):
    table = tmp_path / "experiment.parquet"
    plain = pd.DataFrame({"arm": ["none", "letter"] * 60, "age": range(120), "paid": [0, 0, 1, 1] * 30})
    plain.assign(**changed).to_parquet(table)
    assert told in refused("train", "--table", table, "--arm", "arm", "--outcome", "paid", *options)


def test_faults_of_outcome_and_propensity_come_at_once_and_name_their_columns(shop, tmp_path):
    table = tmp_path / "experiment.csv"
    pd.DataFrame({"arm": ["none", "letter"] * 60, "age": [20, 41, 33] * 40, "paid": "yes", "p": -1.0}).to_csv(
        table, index=False
    )
    message = refused("train", "--table", table, "--arm", "arm", "--outcome", "paid", "--propensity", "p")
    assert "2 faults" in message
    assert "column 'paid' (outcome): expected 0 and 1, found values such as 'yes'. Write 1 for yes" in message
    assert "column 'p' (propensity): expected above 0 and at most 1, found 120 rows outside, such as -1" in message


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("none=half,letter=", "--propensity: expected arm=number,arm=number, found none=half, letter="),
        ("none=0.5,leter=0.5", "propensity: expected a number for every arm in the log, found none for letter"),
        ("none=0.5,letter=0.4", "propensity: expected odds of the arms that sum to 1, found 0.9 over 2 arms"),
    ],
)
def test_odds_by_arm_that_are_none_are_refused(experiment, stated, told):
    table = ["train", "--table", experiment, "--arm", "arm", "--outcome", "paid"]
    assert told in " ".join(refused(*table, "--propensity", stated).split())


def test_tables_that_may_be_absent_are_named_with_what_that_means(book, model, tmp_path):
    for name in ("borrowers", "loans", "instalments", "payments"):
        shutil.copy(book / f"{name}.parquet", tmp_path / f"{name}.parquet")
    said = run("recommend", tmp_path, "--as-of", AS_OF, "--model", model, "--out", tmp_path / "r.parquet", "--dry-run")
    assert said.code == 0, said.err
    told = " ".join(said.out.split())
    assert "contacts: no such table; limits count only contacts that are planned" in told
    assert "status_events: no such table; nobody is left alone for a complaint" in told
    assert "no such table" in run("check", tmp_path).out


def test_a_model_judged_without_a_decision_log_says_so(book, model, tmp_path):
    for path in book.glob("*.parquet"):
        if path.name != "decisions.parquet":
            shutil.copy(path, tmp_path)
    said = run("evaluate", tmp_path, "--model", model)
    assert said.code == 0, said.err
    assert "WARNING: NO DECISION LOG" in said.out
