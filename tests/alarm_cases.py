"""Logs that the alarms are tried on: simulated books, real sets, and small draws with a known cause."""

import runpy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from lighttouch.data.arms import ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.worlds import WORLDS, simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.alarms.ring import LoggedRows
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from lighttouch.training.rows.table import training_table
from real_data import real

QUICK = Boosting(rounds=30, rate=0.15, leaves=5, pairs=1)


@cache
def world_table(name, borrowers=600, days=220, seed=11):
    """Return the training table of a small simulated book."""
    with Book.from_arrow(simulate(name, borrowers=borrowers, days=days, seed=seed).tables) as book:
        return training_table(book, default_arms(), PolicySettings())


@cache
def realised_counts(borrowers=500, days=200, seed=11):
    """Return features, outcome, contacts sent within the horizon, and borrower of `stop-on-success`, as a naive analyst would.

    The world keeps no log; that it was kept in a twin gives the decision points alone.
    """
    spec = WORLDS["stop-on-success"]
    world = simulate(replace(spec, operations=replace(spec.operations, log_decisions=True)), borrowers, days, seed=seed)
    with Book.from_arrow(world.tables) as book:
        table = training_table(book, default_arms(), PolicySettings())
    sent = world.tables["contacts"].to_pandas().query("direction == 'out'")[["borrower_id", "at"]]
    start = table.rows[["borrower_id", "as_of"]].reset_index(names="row")
    pairs = start.merge(sent, on="borrower_id", how="left")
    within = (pairs["at"] > pairs["as_of"]) & (pairs["at"] <= pairs["as_of"] + pd.Timedelta(days=14))
    number = within.groupby(pairs["row"]).sum().to_numpy()
    return table.features, table.rows["repaid"], number, table.rows["borrower_id"]


def fitted(X, y, arm, baseline, propensity=None, groups=None):
    """Return a quick model and the rows it was fitted on."""
    X = X.assign(**{name: X[name].astype("category") for name in X.columns[X.dtypes == "str"]})
    arms = ArmCatalogue.from_names(sorted(set(map(str, arm))), baseline=baseline)
    arm = np.asarray(arm, dtype=object)
    model = ResponseModel(arms, boosting=QUICK, propensity_boosting=QUICK, n_threads=1)
    model.fit(X, y, arm=arm, propensity=propensity, groups=groups)
    return model, LoggedRows.of(X, y, arm=arm, arms=arms, propensity=propensity, groups=groups)


def bank(file="bank-full", top=8, propensity=None, rows=20_000):
    """Telemarketing (Moro, Cortez, Rita 2014, CC BY 4.0): the number of calls as the arm; `duration` comes later."""
    table = pd.read_csv(real(f"uci_bank_marketing/{file}.csv.gz"), sep=";").sample(rows, random_state=0, ignore_index=True)
    calls = np.minimum(table["campaign"], top).astype("str").replace(str(top), f"{top}+")
    shares = calls.value_counts(normalize=True).to_dict() if propensity == "shares" else propensity
    X = table.drop(columns=["y", "duration", "campaign"])
    return fitted(X, (table["y"] == "yes").astype(int), calls, "1", shares)


def tanf(propensity=1 / 3):
    """TANF recertification letters (The Lab @ DC, CC0 1.0), randomised."""
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "tanf_letters" / "learn.py"))
    table = example["letters"]()
    X = table.drop(columns=["household", "condition", "processed"])
    return fitted(X, table["processed"], table["condition"], "No_Letter", propensity, table["household"])


def hillstrom(propensity=1 / 3):
    """E-mail challenge (Hillstrom 2008), randomised."""
    table = pd.read_csv(real("hillstrom/hillstrom.csv.gz"), nrows=20_000)
    X = table.drop(columns=["segment", "visit", "conversion", "spend"])
    return fitted(X, table["visit"], table["segment"], "No E-Mail", propensity)


def karlan(propensity=None, *, turned=False):
    """Match ratios of a mailing (Karlan, List 2007, CC0 1.0), a randomised dose; `turned` makes more look harmful."""
    table = pd.read_csv(real("karlan_list_charity/charitable.csv.gz"))
    ratio = np.select([table["treatment"] == 0, table["treat_ratio2"] == 1, table["treat_ratio3"] == 1], [0, 2, 3], 1)
    names = ["hpa", "ltmedmra", "freq", "years", "mrm2", "dormant", "female", "couple", "state50one", "nonlit", "cases"]
    arm = (3 - ratio if turned else ratio).astype(str)
    return fitted(table[names].replace(-999, np.nan), table["out_gavedum"].astype(int), arm, "0", propensity)


KARLAN_SHARES = {"0": 1 / 3, "1": 2 / 9, "2": 2 / 9, "3": 2 / 9}
