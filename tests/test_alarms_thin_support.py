"""Are arms named that hardly anybody was given in some part of the book, and only those?"""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import ArmCatalogue
from lighttouch.training.alarms.ring import LoggedRows
from lighttouch.training.alarms.thin_support import thin_support
from lighttouch.training.evaluation.weights import effective_number
from lighttouch.training.runs.account import support_table


def test_thin_cells_are_named_by_arm_and_segment_and_unlawful_ones_are_not():
    n = 1_200
    segment = pd.Series(np.repeat(["early", "late"], n // 2), name="stage")
    code = np.arange(n) % 3
    code[segment == "late"] %= 2
    code[-5:] = 2
    names = np.array(["none", "sms", "visit"], dtype=object)
    arms = ArmCatalogue.from_names(names.tolist(), baseline="none")
    X = pd.DataFrame({"x": np.arange(n)})
    rows = LoggedRows.of(X, np.arange(n) % 2, arm=names[code], arms=arms, segment=segment)
    e = np.full((n, 3), 1 / 3)
    alarm = thin_support(rows, e)
    assert (alarm.severity, alarm.arms) == ("warn", ("visit",))
    assert "'visit' in stage late: 5 of 600 rows that could have it (5 effective)" in alarm.reason
    assert len(alarm.table) == 6
    lawful = np.ones((n, 3), dtype=bool)
    lawful[segment == "late", 2] = False
    assert thin_support(dataclasses.replace(rows, lawful=lawful), e).severity == "ok"


def staged(sizes, arms_of=lambda stage: 3, names=("none", "sms", "visit")):
    """An even draw in stages of so many rows, of the first so many arms."""
    stage = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
    code = np.concatenate([np.arange(size) % arms_of(name) for name, size in sizes.items()])
    n = len(code)
    arms = ArmCatalogue.from_names(list(names), baseline="none")
    X, given = pd.DataFrame({"x": np.arange(n)}), np.array(names, dtype=object)[code]
    rows = LoggedRows.of(X, np.arange(n) % 2, arm=given, arms=arms, segment=pd.Series(stage, name="stage"))
    return thin_support(rows, np.full((n, len(names)), 1 / len(names)))


def test_a_stage_with_hardly_anybody_is_told_and_not_judged():
    alarm = staged({"early": 1_200, "late": 8, np.nan: 5})
    assert alarm.severity == "ok"
    assert "Each of 3 cells of arm and stage has 400 rows or more." in alarm.reason
    assert "Not judged, with hardly any rows: stage late (8 rows), missing (5 rows)." in alarm.reason
    assert alarm.table.set_index("segment")["judged"].to_dict() == {"early": True, "late": False, np.nan: False}
    # Two in a hundred are some of the book: nobody knows what the arms do to them.
    some = staged({"early": 1_200, "late": 25})
    assert (some.severity, some.figures["thin cells"]) == ("warn", 3)
    # One in two hundred of a large book are enough for every arm.
    assert staged({"early": 20_000, "late": 100}).table["judged"].all()


def test_in_a_log_of_small_stages_all_are_judged():
    alarm = staged({f"office {at}": 6 for at in range(200)})
    assert (alarm.severity, alarm.figures["thin cells"]) == ("warn", 600)
    assert "Not judged" not in alarm.reason


def test_an_arm_that_nobody_was_given_is_not_told_twice():
    assert staged({"early": 600, "late": 300}, lambda stage: 2).severity == "ok"


def test_a_log_without_segments_is_told_without_one():
    arms = ArmCatalogue.from_names(["none", "sms"], baseline="none")
    arm = np.array(["none"] * 300 + ["sms"] * 20)
    rows = LoggedRows.of(pd.DataFrame({"x": np.arange(320)}), np.arange(320) % 2, arm=arm, arms=arms)
    alarm = thin_support(rows, np.full((320, 2), 0.5))
    assert "found fewer in 1 of 2 cells: 'sms': 20 of 320 rows that could have it (20 effective)." in alarm.reason
    assert "segment" not in alarm.reason


def test_thin_cells_are_told_by_the_bands_of_the_support_map_in_their_order(trained):
    fit = trained.run.fit
    rows = LoggedRows.of_table(fit)
    alarm = thin_support(rows, np.full((len(fit), len(fit.arms)), 0.1))
    shown = support_table(fit.features, np.ones((len(fit), len(fit.arms)), dtype=bool), fit.arms)["days_past_due"].tolist()
    assert [*dict.fromkeys(alarm.table["segment"]), "all"] == shown
    assert len(shown) > 5
    judged = alarm.table[alarm.table["judged"]]
    worst = judged[(judged["rows"] < 30) | (judged["ess"] < 30)].sort_values("could", ascending=False).iloc[0]
    assert f"'{worst['arm']}' in days_past_due {worst['segment']}: {worst['rows']:,} of {worst['could']:,} rows" in alarm.reason


def test_effective_rows_fall_with_unequal_weights_though_the_count_does_not():
    n = 600
    e = np.full((n, 2), 0.5)
    e[::2] = [0.5, 0.5]
    e[1::2] = [0.999, 0.001]
    arms = ArmCatalogue.from_names(["none", "sms"], baseline="none")
    arm = np.where(np.arange(n) % 4 < 2, "none", "sms")
    rows = LoggedRows.of(pd.DataFrame({"x": np.arange(n)}), np.arange(n) % 2, arm=arm, arms=arms, propensity=e)
    table = thin_support(rows, e).table.set_index("arm")
    weight = np.tile([2.0, 1000.0], 150)
    assert table.loc["sms", "rows"] == 300
    assert table.loc["sms", "ess"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert effective_number(weight) == pytest.approx(table.loc["sms", "ess"])
