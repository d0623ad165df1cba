"""Thirty thousand credit cards as event tables, and what their history says of the next month.

Data: I-Cheng Yeh and Che-hui Lien, "The comparisons of data mining techniques for the predictive accuracy of probability of
default of credit card clients", Expert Systems with Applications 36:2473 (2009); UCI Machine Learning Repository, data set
350, CC BY 4.0. Clients of a bank in Taiwan, April to September 2005; the outcome is a default in October. The file is not
part of this repository. Get it, then ``python examples/uci_credit_card.py --data FOLDER``.

What the columns say, and what is assumed
-----------------------------------------
- X1 is the limit: the principal of one loan per client, in TWD, opened before every month that the file speaks of.
- X18 to X23 are the sums paid in September back to April: one payment each, on the 10th, posted at once. No day is public.
- X6 to X11 are the status in September back to April: k of 1 or more says that payments are k months behind; -2, -1 and 0
  say that they are not. So on the last day of that month the k newest instalments stand unpaid and all older ones are paid.
  Instalments are known on the 1st and fall due on the 15th of each month. Their amounts (a minimum payment) are not public:
  each is what was paid up to the month in which the status says that it was settled, so that "oldest due first" gives the
  bank's own status back. One that is still unpaid in September is a twentieth of the last bill, at least 100. Where the
  status says that something was settled and nothing was paid since, there was nothing to pay: no instalment. This takes all
  six months together, so the tables are good for an as_of after September only.
- X12 to X17 are the bills of September back to April: known on the 28th. What a bill holds beyond the instalments so far
  is owed but not yet due: an instalment at the end of the card's life, superseded by the next bill.
- X5 is the age: the birth year. X3 (education) is the segment. Sex and marriage (X2, X4) are left out: not for this use.
- as_of is the first instant of October 2005 in Taipei: all six months are known, nothing of October is.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from lighttouch.data.settings import LedgerSettings
from lighttouch.features.points import decision_points
from numpy.typing import NDArray
from real_histories import checked_book, cross_validated, days, history, instants, money

TAIPEI = "Asia/Taipei"
LEDGER = LedgerSettings(booking_zone=TAIPEI)
AS_OF = "2005-10-01T00:00+08:00"
REACHED_AUC = 0.77
# April to September 2005, oldest first: the file counts them backwards.
MONTHS = pd.period_range("2005-04", "2005-09", freq="M")
STATUS, BILLS, PAID = ([f"X{i}" for i in numbers] for numbers in (range(11, 5, -1), range(17, 11, -1), range(23, 17, -1)))
RAW_COLUMNS = ["X1", "X5", *STATUS, *BILLS, *PAID]
# The worst status is 8 months: in April that reaches back to September 2004.
_OLDEST = -7
_OPENED = pd.Timestamp("2004-08-01")
_CARD_ENDS = pd.Timestamp("2010-12-31")
_EDUCATION = {1: "graduate", 2: "university", 3: "high-school"}


def read_raw(folder: str | Path) -> pd.DataFrame:
    """Read the file of `folder`."""
    return pd.read_csv(Path(folder) / "UCI_Credit_Card.csv.gz").astype({"ID": str})


def map_tables(raw: pd.DataFrame) -> dict[str, pa.Table]:
    """Map the file to event tables: borrowers, loans, instalments and payments."""
    opened = pd.Series(_OPENED, index=raw.index)
    minimum = minimum_instalments(raw)
    return {
        "borrowers": pa.table(
            {
                "borrower_id": pa.array(raw["ID"], pa.string()),
                "valid_from": instants(opened, TAIPEI),
                "timezone": [TAIPEI] * len(raw),
                "jurisdiction": ["TW"] * len(raw),
                "birth_year": pa.array(MONTHS[-1].year - raw["X5"], pa.int32()),
                "segment": pa.array(raw["X3"].map(_EDUCATION).fillna("other"), pa.string()),
            }
        ),
        "loans": pa.table(
            {
                "loan_id": pa.array(raw["ID"], pa.string()),
                "borrower_id": pa.array(raw["ID"], pa.string()),
                "product": ["credit-card"] * len(raw),
                "principal": money(raw["X1"]),
                "currency": ["TWD"] * len(raw),
                "opened_at": instants(opened, TAIPEI),
            }
        ),
        "instalments": pa.concat_tables([_minimum_rows(raw, minimum), _remainder_rows(raw, minimum)]),
        "payments": _payments(raw),
    }


def minimum_instalments(raw: pd.DataFrame) -> NDArray[np.float64]:
    """Return the amounts that were due in each month, as status and payments together tell.

    The instalment of month j is unpaid at the end of month m where the status of m reaches back to it: m - status < j <= m.
    It was settled in the first month S after the last such one, or in j itself. Laid oldest first, payments then cover the
    instalments up to j when those of S are in and not before: the sum of the dues up to j is the sum paid up to S. Where
    several are settled in one month they share its payment equally.

    Returns
    -------
    ndarray of shape (n, 7 + 6)
        TWD, from September 2004 to September 2005; 0 where nothing was due.
    """
    behind = raw[STATUS].clip(lower=0).to_numpy()
    paid = raw[PAID].to_numpy(dtype=np.float64)
    months = len(MONTHS)
    due_months = np.arange(_OLDEST, months)
    settled = np.where(due_months >= 0, due_months, _OLDEST) + np.zeros((len(raw), 1), dtype=int)
    for month in range(months):
        unpaid = (month - behind[:, [month]] < due_months) & (due_months <= month)
        settled = np.where(unpaid, month + 1, settled)
    total = np.concatenate([np.zeros((len(raw), 1)), paid.cumsum(axis=1)], axis=1)
    amounts = np.zeros(settled.shape)
    reached = np.zeros(len(raw))
    for month in range(months):
        here = settled == month
        count = here.sum(axis=1)
        share = np.where(count > 0, (total[:, month + 1] - reached) / np.maximum(count, 1), 0.0)
        amounts += here * share[:, None]
        reached = np.where(count > 0, total[:, month + 1], reached)
    return _with_unpaid(raw, amounts, settled == months, total[:, -1] - reached)


def _with_unpaid(
    raw: pd.DataFrame, amounts: NDArray[np.float64], unpaid: NDArray[np.bool_], partly: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add the instalments that still stand unpaid; the oldest of them has had what was paid since."""
    least = np.maximum(raw[BILLS[-1]].to_numpy(dtype=np.float64) / 20, 100)
    oldest = unpaid & (unpaid.cumsum(axis=1) == 1)
    return np.rint((amounts + unpaid * least[:, None] + oldest * partly[:, None]) * 100) / 100


def _minimum_rows(raw: pd.DataFrame, minimum: NDArray[np.float64]) -> pa.Table:
    client, month = np.nonzero(minimum > 0)
    due_months = pd.period_range(MONTHS[0] + _OLDEST, MONTHS[-1], freq="M")
    due = pd.Series(due_months[month].to_timestamp())
    return pa.table(
        {
            "loan_id": pa.array(raw["ID"].to_numpy()[client], pa.string()),
            "due_on": days(due + pd.Timedelta(days=14)),
            "amount": money(minimum[client, month]),
            "known_at": instants(due, TAIPEI),
            "superseded_at": pa.nulls(len(client), pa.timestamp("us", "UTC")),
        }
    )


def _remainder_rows(raw: pd.DataFrame, minimum: NDArray[np.float64]) -> pa.Table:
    due = minimum.cumsum(axis=1)[:, -_OLDEST:]
    rest = raw[BILLS].to_numpy() + raw[PAID].to_numpy().cumsum(axis=1) - due
    client, month = np.nonzero(rest > 0)
    billed = pd.Series(MONTHS[month].to_timestamp()) + pd.Timedelta(days=27)
    following = pd.Series((MONTHS + 1)[month].to_timestamp()) + pd.Timedelta(days=27)
    return pa.table(
        {
            "loan_id": pa.array(raw["ID"].to_numpy()[client], pa.string()),
            "due_on": days(pd.Series(_CARD_ENDS, index=billed.index)),
            "amount": money(rest[client, month]),
            "known_at": instants(billed, TAIPEI),
            "superseded_at": instants(following, TAIPEI),
        }
    )


def _payments(raw: pd.DataFrame) -> pa.Table:
    paid = raw[PAID].to_numpy()
    client, month = np.nonzero(paid > 0)
    on_the_tenth = instants(pd.Series(MONTHS[month].to_timestamp()) + pd.Timedelta(days=9, hours=12), TAIPEI)
    loan = raw["ID"].to_numpy()[client]
    return pa.table(
        {
            "payment_id": pa.array(pd.Series(loan) + "-" + MONTHS[month].astype(str), pa.string()),
            "loan_id": pa.array(loan, pa.string()),
            "kind": ["payment"] * len(client),
            "paid_at": on_the_tenth,
            "posted_at": on_the_tenth,
            "amount": money(paid[client, month]),
        }
    )


def points_of(raw: pd.DataFrame) -> pa.Table:
    """Return one decision point per client: the first instant of October 2005."""
    return decision_points(raw["ID"].to_numpy(), AS_OF, LEDGER)


def main() -> None:
    """Print what the mapping gives back of the file, and the areas under the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with UCI_Credit_Card.csv.gz")
    raw = read_raw(parser.parse_args().data)
    book, report = checked_book(map_tables(raw))
    print(report.to_text())
    features = history(book, points_of(raw), LEDGER).loc[raw["ID"]]
    print("\nArea under the ROC curve, LightGBM, 5 folds of clients (reached elsewhere: about 0.78)")
    print(f"  {'raw columns of the file':<38}{cross_validated(raw[RAW_COLUMNS], raw['Y'])}")
    print(f"  {'our history features':<38}{cross_validated(features, raw['Y'])}")


if __name__ == "__main__":
    main()
