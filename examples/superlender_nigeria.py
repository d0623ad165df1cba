"""A Nigerian digital lender's public loans as event tables, and what their history says of the next loan.

Data: SuperLender loan default prediction challenge, Data Science Nigeria on Zindi (2018): `trainprevloans` (18,183 earlier
loans), `trainperf` (4,368 next loans with their outcome, the *target* loans), `traindemographics`. Competition data: not
part of this repository. Get the files, then ``python examples/superlender_nigeria.py --data FOLDER``.

What the columns say, and what is assumed
-----------------------------------------
- Two clocks. `creationdate` is in UTC, the other instants are in Lagos (UTC+1). `approveddate` is never less than 3,602
  seconds later than `creationdate`; and people who repay and borrow again at once seem to borrow up to 60 minutes *before*
  they repaid, 1,879 of them by 50 to 60 minutes, none by 60 to 180. Read on one clock, 4.2% of the earlier loans close and
  3.7% are first repaid after the next loan's `creationdate`; read on two clocks, none. Both readings are offered here.
- `loanamount` is the principal, `totaldue` the principal and the interest. 15 and 30 days are paid at once, 60 and 90 days
  in steps of 30 (`firstduedate` lies 30 to 35 days after the start for these): `totaldue` is split in equal parts, the
  first due on `firstduedate`, which is known from the start.
- `closeddate` is the end of the loan: paid in full. Within an hour of `firstrepaiddate`, all was paid at once. Otherwise the
  first payment is the first instalment (half of it where there is only one: the sum is not public), the rest comes at the end.
- Payments are posted at once: no posting date is public.
- The target loan starts at as_of; nothing that is known of it can be a feature. Its due day is not in the file.
- Demographics carry no date: taken as known since the customer's first loan (for the 1,065 listed without a loan here: since
  the first loan of all). `employment_status_clients` is the segment. 12 customers are listed twice, word for word.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from lighttouch.data.book import Book
from lighttouch.data.settings import LedgerSettings
from lighttouch.features.points import decision_points
from real_histories import checked_book, cross_validated, days, history, instants, money

LAGOS = "Africa/Lagos"
# The feature that the published table is about, its bins, and the share of bad outcomes in each, in percent.
LATENESS = "first_payment_late_days_mean"
BINS = (-200, -5, -1, 0, 2, 5, 10, 500)
PUBLISHED_BAD = (13.7, 16.5, 21.9, 28.5, 42.0, 51.8, 61.6)
# Shares of earlier loans that close, are first repaid and fall due after the target's creationdate, in percent.
PUBLISHED_LATE = {"closeddate": 4.2, "firstrepaiddate": 3.7, "firstduedate": 8.7}
RAW_COLUMNS = ["loannumber", "loanamount", "totaldue", "termdays"]
_AT_ONCE = pd.Timedelta(hours=1)
_STEP = 30


@dataclass(frozen=True)
class Raw:
    """The lender's files as they are.

    Parameters
    ----------
    earlier : DataFrame
        `trainprevloans`: one row per earlier loan.
    target : DataFrame
        `trainperf`: one row per customer, the next loan and how it went.
    people : DataFrame
        `traindemographics`, duplicated customers included.
    """

    earlier: pd.DataFrame
    target: pd.DataFrame
    people: pd.DataFrame

    @property
    def bad(self) -> pd.Series:
        """1 where the target loan went bad, by customer."""
        return self.target.set_index("customerid")["good_bad_flag"].eq("Bad").astype(int)


def read_raw(folder: str | Path) -> Raw:
    """Read the three files of `folder`."""
    folder = Path(folder)
    moments = ["approveddate", "creationdate"]
    later = [*moments, "closeddate", "firstduedate", "firstrepaiddate"]
    return Raw(
        pd.read_csv(folder / "trainprevloans.csv.gz", parse_dates=later, dtype={"systemloanid": str}),
        pd.read_csv(folder / "trainperf.csv.gz", parse_dates=moments, dtype={"systemloanid": str}),
        pd.read_csv(folder / "traindemographics.csv.gz", dtype={"birthyear": "Int32"}),
    )


def late_rows(raw: Raw, clock: str = LAGOS) -> pd.DataFrame:
    """Tell which earlier loans close, are first repaid and fall due at or after the target's creationdate.

    Parameters
    ----------
    raw : Raw
    clock : str, optional
        Zone of every instant but `creationdate`, which is in UTC.

    Returns
    -------
    DataFrame
        One bool column for each of the three dates, in the order of the earlier loans.
    """
    starts = raw.earlier["customerid"].map(raw.target.set_index("customerid")["creationdate"]).dt.tz_localize("UTC")
    return pd.DataFrame({name: raw.earlier[name].dt.tz_localize(clock) >= starts for name in PUBLISHED_LATE})


def map_tables(raw: Raw, clock: str = LAGOS) -> dict[str, pa.Table]:
    """Map the files to event tables.

    Parameters
    ----------
    raw : Raw
    clock : str, optional
        Zone of the instants other than `creationdate`: Lagos by the evidence above, UTC if the files are read on one clock.

    Returns
    -------
    dict
        borrowers, loans, instalments, payments and status_events; the other tables have no counterpart.
    """
    return {
        "borrowers": _borrowers(raw),
        "loans": _loans(raw),
        "instalments": _instalments(raw.earlier),
        "payments": _payments(raw.earlier, clock),
        "status_events": _closures(raw.earlier, clock),
    }


def features_of(raw: Raw, book: Book, clock: str = LAGOS) -> pd.DataFrame:
    """Return the features of every customer as of the moment the target loan was created, indexed by customer."""
    # A due day ends where the lender's clock says so.
    ledger = LedgerSettings(booking_zone=clock)
    started = pd.DatetimeIndex(raw.target["creationdate"].dt.tz_localize("UTC"))
    return history(book, decision_points(raw.target["customerid"].to_numpy(), started, ledger), ledger)


def bad_by_lateness(lateness: pd.Series, bad: pd.Series) -> pd.DataFrame:
    """Return customers and share of bad outcomes (percent) by bin of their mean earlier days past due."""
    known = lateness.dropna()
    bins = pd.cut(known, list(BINS))
    table = bad.reindex(known.index).groupby(bins, observed=False).agg(["size", "mean"])
    return pd.DataFrame({"customers": table["size"], "bad_percent": table["mean"] * 100})


def _borrowers(raw: Raw) -> pa.Table:
    loans = pd.concat([raw.earlier, raw.target])
    first = loans.groupby("customerid")["creationdate"].min()
    unlisted = pd.DataFrame({"customerid": first.index.difference(raw.people["customerid"])})
    # A customer listed twice stays twice: taking one of them out is the quality gate's to do, and to report.
    everyone = pd.concat([raw.people, unlisted], ignore_index=True)
    since = everyone["customerid"].map(first).fillna(first.min()) - pd.Timedelta(microseconds=1)
    return pa.table(
        {
            "borrower_id": pa.array(everyone["customerid"], pa.string()),
            "valid_from": instants(since, "UTC"),
            "timezone": [LAGOS] * len(everyone),
            "jurisdiction": ["NG"] * len(everyone),
            "birth_year": pa.array(everyone["birthyear"], pa.int32(), from_pandas=True),
            "segment": pa.array(everyone["employment_status_clients"], pa.string(), from_pandas=True),
        }
    )


def _loans(raw: Raw) -> pa.Table:
    loans = pd.concat([raw.earlier, raw.target], ignore_index=True)
    return pa.table(
        {
            "loan_id": pa.array(loans["systemloanid"], pa.string()),
            "borrower_id": pa.array(loans["customerid"], pa.string()),
            "product": ["cash-loan"] * len(loans),
            "principal": money(loans["loanamount"]),
            "currency": ["NGN"] * len(loans),
            "opened_at": instants(loans["creationdate"], "UTC"),
        }
    )


def _parts(earlier: pd.DataFrame) -> pd.Series:
    return (earlier["termdays"] // _STEP).clip(lower=1)


def _instalments(earlier: pd.DataFrame) -> pa.Table:
    parts = _parts(earlier)
    rows = earlier.loc[earlier.index.repeat(parts)]
    step = rows.groupby(level=0).cumcount()
    count = parts.loc[rows.index]
    cents = np.rint(rows["totaldue"] * 100).astype(np.int64)
    # The last part takes the cents that an even split leaves over.
    part = cents // count + np.where(step == count - 1, cents % count, 0)
    return pa.table(
        {
            "loan_id": pa.array(rows["systemloanid"], pa.string()),
            "due_on": days(rows["firstduedate"] + pd.to_timedelta(step * _STEP, unit="D")),
            "amount": money(part / 100),
            "known_at": instants(rows["creationdate"], "UTC"),
        }
    )


def _payments(earlier: pd.DataFrame, clock: str) -> pa.Table:
    parts = _parts(earlier)
    at_once = earlier["closeddate"] - earlier["firstrepaiddate"] <= _AT_ONCE
    share = np.where(at_once, 1.0, np.where(parts > 1, 1 / parts, 0.5))
    first = (earlier["totaldue"] * share).round(2)
    rest = earlier["totaldue"] - first
    opening = pd.DataFrame({"loan_id": earlier["systemloanid"], "at": earlier["firstrepaiddate"], "amount": first})
    closing = pd.DataFrame({"loan_id": earlier["systemloanid"], "at": earlier["closeddate"], "amount": rest})[~at_once]
    rows = pd.concat([opening.assign(tag="first"), closing.assign(tag="rest")], ignore_index=True)
    paid_at = instants(rows["at"], clock)
    return pa.table(
        {
            "payment_id": pa.array(rows["loan_id"] + "-" + rows["tag"], pa.string()),
            "loan_id": pa.array(rows["loan_id"], pa.string()),
            "kind": ["payment"] * len(rows),
            "paid_at": paid_at,
            "posted_at": paid_at,
            "amount": money(rows["amount"]),
        }
    )


def _closures(earlier: pd.DataFrame, clock: str) -> pa.Table:
    closed_at = instants(earlier["closeddate"], clock)
    return pa.table(
        {
            "borrower_id": pa.array(earlier["customerid"], pa.string()),
            "loan_id": pa.array(earlier["systemloanid"], pa.string()),
            "kind": ["closed"] * len(earlier),
            "at": closed_at,
            "known_at": closed_at,
        }
    )


def main() -> None:
    """Print how late rows are cut, the published table and the areas under the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with trainprevloans.csv.gz and its siblings")
    raw = read_raw(parser.parse_args().data)
    late = pd.DataFrame({"published": PUBLISHED_LATE})
    lateness = pd.DataFrame(index=raw.bad.index)
    scores = {"raw columns of the target loan": cross_validated(raw.target.set_index("customerid")[RAW_COLUMNS], raw.bad)}
    for words, clock in (("one clock", "UTC"), ("two clocks", LAGOS)):
        book, report = checked_book(map_tables(raw, clock))
        features = features_of(raw, book, clock)
        late[words] = late_rows(raw, clock).mean() * 100
        lateness[words] = features[LATENESS]
        scores[f"our history features, {words}"] = cross_validated(features.loc[raw.bad.index], raw.bad)
    print(report.to_text())
    print("\nEarlier loans whose date lies at or after the target's creationdate, percent")
    print(late.round(1).to_string())
    print("\nBad outcomes by mean earlier days past due, percent (customers)")
    table = pd.DataFrame({"published": PUBLISHED_BAD})
    for words in lateness:
        found = bad_by_lateness(lateness[words], raw.bad)
        table.index = found.index.rename(None)
        table[words] = found["bad_percent"].map("{:.1f}".format) + found["customers"].map(" ({:,})".format)
    print(table.to_string())
    print("\nArea under the ROC curve, LightGBM, 5 folds of customers")
    for words, score in scores.items():
        print(f"  {words:<38}{score}")


if __name__ == "__main__":
    main()
