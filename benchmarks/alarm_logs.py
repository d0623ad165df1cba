"""Logs whose fault is known, to ask the alarms about: public data sets, and simulated books."""

import runpy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lighttouch.data.arms import ArmCatalogue, default_arms
from lighttouch.data.book import Book
from lighttouch.data.worlds import WORLDS, simulate
from lighttouch.policy.settings import PolicySettings
from lighttouch.training.alarms.ring import Alarm, AlarmOptions, LoggedRows, training_alarms
from lighttouch.training.response import ResponseModel
from lighttouch.training.rows.table import training_table

LETTERS = Path(__file__).parents[1] / "examples" / "tanf_letters" / "learn.py"
# What was measured after Karlan and List's letters, and what was drawn with the arm.
AFTER_THE_LETTERS = ("out_", "treat", "stateresponse")
LARGE, SMALL = (2_000, 365), (600, 220)


@dataclass(frozen=True)
class Case:
    """A log, and the one question of which it is known that its answer must not be "ok".

    Parameters
    ----------
    name : str
    ask : callable
        Returns the log's number of rows and of arms, and every alarm's answer.
    rings : str
        Name of the alarm that must ring; empty where the arms were drawn by chance, and all that is stated is true.
    """

    name: str
    ask: Callable[[], tuple[int, int, tuple[Alarm, ...]]]
    rings: str = ""


def answers(model: ResponseModel, rows: LoggedRows) -> tuple[int, int, tuple[Alarm, ...]]:
    """Return the size of a log and what the alarms say of it."""
    return len(rows), len(rows.arms), training_alarms(model, rows, AlarmOptions(threads=model.n_threads))


def ask_flat(X: pd.DataFrame, y: Any, arm: Any, arms: ArmCatalogue, propensity: Any = None, groups: Any = None) -> Any:
    """Fit as `train --table` does, and ask."""
    X = X.assign(**{name: X[name].astype("category") for name in X.columns[X.dtypes == "str"]}).reset_index(drop=True)
    arm, y = np.asarray(arm, dtype=object), np.asarray(y, dtype=float)
    model = ResponseModel(arms, n_threads=1).fit(X, y, arm=arm, propensity=propensity, groups=groups)
    past = X.select_dtypes("number") if propensity is not None else None
    return answers(model, LoggedRows.of(X, y, arm=arm, arms=arms, propensity=propensity, groups=groups, past=past))


def tanf(*, stated: bool, without: str = "") -> Any:
    """Recertification letters (The Lab @ DC, CC0 1.0), drawn; `without` leaves out who was given that arm."""
    table = runpy.run_path(str(LETTERS))["letters"]()
    arms = ArmCatalogue.from_names(["No_Letter", *sorted(set(table["condition"]) - {"No_Letter"})], baseline="No_Letter")
    table = table[table["condition"] != without]
    odds = 1 / table["condition"].nunique() if stated else None
    X = table.drop(columns=["household", "condition", "processed"])
    return ask_flat(X, table["processed"], table["condition"], arms, odds, table["household"].to_numpy())


def gifts(folder: Path, *, stated: bool) -> Any:
    """Match ratios of a mailing (Karlan, List, AER 97:1774, 2007, CC0 1.0), a dose that was drawn."""
    table = pd.read_csv(folder / "karlan_list_charity" / "charitable.csv.gz")
    ratio = np.where(table["treatment"] == 0, 0, 1 + table["treat_ratio2"] + 2 * table["treat_ratio3"]).astype(str)
    kept = [name for name in table if not name.startswith(AFTER_THE_LETTERS) and not name.endswith("_missing")]
    odds = {"0": 1 / 3, "1": 2 / 9, "2": 2 / 9, "3": 2 / 9} if stated else None
    arms = ArmCatalogue.from_names(["0", "1", "2", "3"], baseline="0")
    return ask_flat(table[kept].replace(-999, np.nan), table["out_gavedum"], ratio, arms, odds)


def emails(folder: Path, *, stated: bool) -> Any:
    """E-mails to customers (Hillstrom 2008), drawn."""
    table = pd.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    X = table.drop(columns=["segment", "visit", "conversion", "spend"])
    arms = ArmCatalogue.from_names(["No E-Mail", "Mens E-Mail", "Womens E-Mail"], baseline="No E-Mail")
    return ask_flat(X, table["visit"], table["segment"], arms, 1 / 3 if stated else None)


def calls(folder: Path, file: str, *, as_a_draw: bool = False) -> Any:
    """Telemarketing (Moro, Cortez, Rita 2014, CC BY 4.0): the number of calls as the arm, which ends when somebody says yes.

    `as_a_draw` states the shares of the numbers as if they had been drawn with these odds.
    """
    table = pd.read_csv(folder / "uci_bank_marketing" / f"{file}.csv.gz", sep=";")
    number = np.minimum(table["campaign"], 8).astype(str).replace("8", "8+")
    arms = ArmCatalogue.from_names(sorted(set(number)), baseline="1")
    shares = number.value_counts(normalize=True).to_dict() if as_a_draw else None
    return ask_flat(table.drop(columns=["y", "duration", "campaign"]), table["y"] == "yes", number, arms, shares)


def loans(folder: Path) -> Any:
    """Sizes of loans (SuperLender, Data Science Nigeria 2018): the sum due decides them."""
    table = pd.read_csv(folder / "superlender_nigeria" / "trainperf.csv.gz")
    table = table[table["loanamount"].isin([10_000, 20_000, 30_000, 40_000])]
    size = table["loanamount"].astype(int).astype(str)
    arms = ArmCatalogue.from_names(sorted(set(size)), baseline="10000")
    return ask_flat(table[["loannumber", "totaldue"]], table["good_bad_flag"] == "Good", size, arms)


def book(name: str, seed: int, size: tuple[int, int]) -> Any:
    """Return what a simulated book's decision log says of itself."""
    borrowers, days = size
    with Book.from_arrow(simulate(name, borrowers=borrowers, days=days, seed=seed).tables) as kept:
        table = training_table(kept, default_arms(), PolicySettings())
    arm = table.rows["arm"].to_numpy()
    model = ResponseModel(table.arms, n_threads=1)
    model.fit(table.features, table.rows["repaid"], arm=arm, propensity=table.stated, groups=table.rows["borrower_id"])
    return answers(model, LoggedRows.of_table(table))


def realised(seed: int, size: tuple[int, int]) -> Any:
    """Take the contacts of `stop-on-success` that were made within the horizon for its arms, as one might who has no log."""
    borrowers, days = size
    spec = WORLDS["stop-on-success"]
    world = simulate(replace(spec, operations=replace(spec.operations, log_decisions=True)), borrowers, days, seed=seed)
    with Book.from_arrow(world.tables) as kept:
        table = training_table(kept, default_arms(), PolicySettings())
    sent = world.tables["contacts"].to_pandas().query("direction == 'out'")[["borrower_id", "at"]]
    pairs = table.rows[["borrower_id", "as_of"]].reset_index(names="row").merge(sent, on="borrower_id", how="left")
    within = (pairs["at"] > pairs["as_of"]) & (pairs["at"] <= pairs["as_of"] + pd.Timedelta(days=14))
    number = within.groupby(pairs["row"]).sum().to_numpy()
    some = number > 0
    arm = np.minimum(number[some], 4).astype(str)
    arms = ArmCatalogue.from_names(["1", "2", "3", "4"], baseline="1")
    return ask_flat(table.features[some], table.rows["repaid"][some], arm, arms, groups=table.rows["borrower_id"][some])


def real_cases(folder: Path | None) -> list[Case]:
    """Return the public sets; without the folder only the one that the project holds."""
    cases = [
        Case("letters, odds stated", lambda: tanf(stated=True)),
        Case("letters, odds estimated", lambda: tanf(stated=False)),
        Case("letters, who got none left out", lambda: tanf(stated=True, without="No_Letter"), "never logged"),
    ]
    if folder is None:
        return cases
    return [
        *cases,
        Case("match ratios of a mailing, odds stated", lambda: gifts(folder, stated=True)),
        Case("match ratios of a mailing, odds estimated", lambda: gifts(folder, stated=False)),
        Case("e-mails to customers, odds stated", lambda: emails(folder, stated=True)),
        Case("e-mails to customers, odds estimated", lambda: emails(folder, stated=False)),
        Case("calls of a bank, 2008 to 2010", lambda: calls(folder, "bank-full"), "reverse causation"),
        Case("calls of a bank, stated as a draw", lambda: calls(folder, "bank-full", as_a_draw=True), "reverse causation"),
        Case("calls of a bank, with the economy's state", lambda: calls(folder, "bank-additional-full"), "reverse causation"),
        Case("sizes of a lender's loans", lambda: loans(folder), "no overlap"),
    ]


WORLD_RINGS = {"randomised": "", "confounded": "", "flat": "", "no-overlap": "no overlap", "hidden": "placebo outcomes"}


def world_cases(seed: int, size: tuple[int, int]) -> list[Case]:
    """Return simulated books: with a true log, and each with one trap."""
    cases = [
        Case(name, lambda name=name: book(name, seed, size), rings)  # type: ignore[misc]
        for name, rings in WORLD_RINGS.items()
    ]
    return [*cases, Case("stop-on-success, contacts as arms", lambda: realised(seed, size), "reverse causation")]
