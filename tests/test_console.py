"""What a person sees: sentences within the width, no sign without a number, a figure with its interval."""

import pandas as pd
from lighttouch.serving.console import band, head, note, show, stage

WIDTH = 120


def test_a_long_sentence_is_wrapped_under_its_beginning_and_no_name_is_broken(capsys):
    path = "/a/folder/of/many/letters/" + "x" * 130
    note(f"  - {'one word and another ' * 9}{path} and the end.")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("  - one word")
    assert all(line.startswith("    ") for line in lines[1:])
    assert path in [line.strip() for line in lines]
    assert all(len(line) <= WIDTH for line in lines if path not in line)


def test_what_rounds_to_nothing_has_no_sign(capsys):
    show(pd.DataFrame({"price": [-0.001, -0.006, 0.0]}), "prices", {"price": "{:,.2f}"})
    show(pd.DataFrame({"share": [-0.0001]}), "shares", {"share": "{:.1%}"})
    words = capsys.readouterr().out.split()
    assert words == ["prices", "price", "0.00", "-0.01", "0.00", "shares", "share", "0.0%"]


def test_a_figure_is_told_with_its_interval():
    found = pd.DataFrame({"value": [1234.5, -0.001], "value_low": [-1.0, float("nan")], "value_high": [2_000.0, 1.0]})
    assert band(found, "value", "{:,.2f}") == ["1,234.50 [-1.00, 2,000.00]", "0.00"]
    carried = pd.Series([False, True])
    assert band(found, "value", "{:,.2f}", carried) == ["1,234.50 (not supported)", "0.00"]


def test_no_name_and_no_figure_of_a_table_is_cut_where_it_is_wider_than_the_screen(capsys):
    show(pd.DataFrame({f"a rather long column {k}": ["some words in a cell"] for k in range(12)}), "wide")
    _, header, row = capsys.readouterr().out.splitlines()
    assert [f"a rather long column {k}" in header for k in range(12)] == [True] * 12
    assert row.count("some words in a cell") == 12


def test_words_in_brackets_are_words(capsys):
    arms = ["call [morning]", "call [evening]", "[/sms] x"]
    show(pd.DataFrame({"arm [name]": arms, "value": [1.0, 2.0, 3.0]}), "arms [of d[1].csv]")
    head("part [two]")
    with stage("reading d[/x]/t[final].csv"):
        pass
    told = capsys.readouterr().out
    for words in ("arm [name]", *arms, "arms [of d[1].csv]", "part [two]", "reading d[/x]/t[final].csv"):
        assert words in told
