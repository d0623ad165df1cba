"""An independent reading of a world's event tables: who owed what when, and who repaid. Written from the contract alone."""

import numpy as np
import pandas as pd

DAY = 86_400_000_000


def us(column):
    """Return instants as whole microseconds."""
    return column.to_pandas().dt.as_unit("us").astype("int64").to_numpy()


def cents(column):
    """Return money as whole cents."""
    return np.array([int(value.scaleb(2)) for value in column.to_pylist()], dtype=np.int64)


class Running:
    """Running sums by borrower over time: `at(borrower, instant)` sums what happened up to the instant, inclusive."""

    def __init__(self, borrower, when, amount):
        self.first = int(when.min()) if len(when) else 0
        self.width = (int(when.max()) if len(when) else 0) - self.first + 2
        assert self.width * (int(borrower.max(initial=0)) + 1) < 1 << 63
        order = np.lexsort((when, borrower))
        self.key = borrower[order] * self.width + (when[order] - self.first)
        self.total = np.concatenate([[0], np.cumsum(amount[order])])

    def at(self, borrower, when):
        since = np.clip(when - self.first, -1, self.width - 1)
        upto = np.searchsorted(self.key, borrower * self.width + since, side="right")
        before = np.searchsorted(self.key, borrower * self.width, side="left")
        return self.total[np.maximum(upto, before)] - self.total[before]


class Oracle:
    """Answers questions about a world's tables."""

    def __init__(self, tables):
        self.tables = tables
        ids = tables["borrowers"]["borrower_id"].to_pylist()
        self.code = {name: i for i, name in enumerate(ids)}
        loan_owner = dict(zip(tables["loans"]["loan_id"].to_pylist(), tables["loans"]["borrower_id"].to_pylist(), strict=True))
        owner = lambda name: np.array([self.code[loan_owner[x]] for x in tables[name]["loan_id"].to_pylist()])  # noqa: E731
        due = tables["instalments"]["due_on"].to_pandas()
        due_us = pd.to_datetime(due).dt.as_unit("us").astype("int64").to_numpy()
        # Overdue from the day after the due day on.
        self.due = Running(owner("instalments"), due_us + DAY, cents(tables["instalments"]["amount"]))
        payments = tables["payments"]
        sign = np.where(np.isin(payments["kind"].to_pylist(), ["payment", "waiver"]), 1, -1)
        amount = sign * cents(payments["amount"])
        self.paid = Running(owner("payments"), us(payments["paid_at"]), amount)
        self.posted = Running(owner("payments"), us(payments["posted_at"]), amount)
        decisions = tables["decisions"]
        self.borrower = self.codes(decisions["borrower_id"])
        self.as_of = us(decisions["as_of"])
        self.arm = np.array(decisions["arm"].to_pylist())
        self.row = {name: i for i, name in enumerate(decisions["decision_id"].to_pylist())}

    def codes(self, column):
        return np.array([self.code[x] for x in column.to_pylist()], dtype=np.int64)

    def due_at(self, borrower, when):
        """Fallen due by the local day of an instant (booking zone UTC), cents."""
        return self.due.at(borrower, when // DAY * DAY)

    def overdue_posted(self, borrower, when):
        return self.due_at(borrower, when) - self.posted.at(borrower, when - 1)

    def outcomes(self, horizon=14):
        """Return (overdue at as_of, repaid within the horizon) by net payments and the truly overdue amount."""
        owed = self.due_at(self.borrower, self.as_of) - self.paid.at(self.borrower, self.as_of)
        recovered = self.paid.at(self.borrower, self.as_of + horizon * DAY) - self.paid.at(self.borrower, self.as_of)
        return owed, recovered >= owed

    def harmed(self, horizon=14):
        """Return whether a complaint or opt-out came within the horizon."""
        events = self.tables["status_events"]
        bad = np.isin(events["kind"].to_pylist(), ["complaint", "opt_out"])
        count = Running(self.codes(events["borrower_id"])[bad], us(events["at"])[bad], np.ones(int(bad.sum()), dtype=np.int64))
        return count.at(self.borrower, self.as_of + horizon * DAY) > count.at(self.borrower, self.as_of)

    def mature(self, days=20):
        return self.as_of + days * DAY <= int(self.as_of.max()) + DAY
