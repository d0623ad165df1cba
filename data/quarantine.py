"""Taking bad rows out of the tables: by their own fault, as duplicates, or because of what they refer to."""

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

import pandas as pd

from .contracts import CONTRACTS, Contract
from .sources import literal, quoted


@dataclass(frozen=True, slots=True)
class _Reference:
    """A column that must name a row of another table."""

    table: str
    column: str
    parent: str


# In this order: a loan without its borrower leaves first, then what refers to the loan.
_REFERENCES: Final = (
    _Reference("loans", "borrower_id", "borrowers"),
    _Reference("instalments", "loan_id", "loans"),
    _Reference("payments", "loan_id", "loans"),
    _Reference("contacts", "borrower_id", "borrowers"),
    _Reference("contact_points", "borrower_id", "borrowers"),
    _Reference("consents", "borrower_id", "borrowers"),
    _Reference("status_events", "borrower_id", "borrowers"),
    _Reference("decisions", "borrower_id", "borrowers"),
)
# Optional references do not take a row out: an opt-out that names an unknown loan is still the borrower's opt-out, and a
# contact counts against the caps whether or not its decision was logged.
_LOOSE_REFERENCES: Final = (
    _Reference("status_events", "loan_id", "loans"),
    _Reference("contacts", "decision_id", "decisions"),
)
_COLUMNS: Final = ("table", "rule", "reason", "source", "row", "key", "borrower_id")


@dataclass(frozen=True)
class Quarantine:
    """The rows taken out, with why and from where.

    Parameters
    ----------
    connection : DuckDB connection
        The book's database, with the tables as the loader left them.
    """

    connection: Any

    def open(self) -> None:
        """Make the table of quarantined rows."""
        self.connection.execute(
            'CREATE TEMP TABLE "__quarantine" ("table" VARCHAR, "rule" VARCHAR, "reason" VARCHAR, "source" VARCHAR, '
            '"row" BIGINT, "key" VARCHAR, "borrower_id" VARCHAR, "loan_id" VARCHAR)'
        )

    def take_bad_rows(self, contract: Contract) -> None:
        """Take out the rows that the loader judged bad by themselves."""
        doomed = f'SELECT rowid AS id, "__rule" AS rule, "__reason" AS reason FROM {quoted(contract.name)}'  # noqa: S608
        self._take(contract, f'{doomed} WHERE "__rule" IS NOT NULL')

    def take_duplicates(self, contract: Contract) -> None:
        """Take out rows whose key came before; the first by position stays."""
        if not contract.key:
            return
        key = ", ".join(map(quoted, contract.key))
        expected = literal(", ".join(contract.key) + ": expected once, came first in row ")
        reason = f"concat({expected}, first_row, ' of ', first_source)"
        self._take(
            contract,
            f"""
            SELECT id, 'duplicate' AS rule, {reason} AS reason
            FROM (
                SELECT rowid AS id, row_number() OVER w AS n,
                    first_value("__row") OVER w AS first_row, first_value("__source") OVER w AS first_source
                FROM {quoted(contract.name)}
                WHERE ({key}) IN (SELECT ({key}) FROM {quoted(contract.name)} GROUP BY {key} HAVING count(*) > 1)
                WINDOW w AS (PARTITION BY {key} ORDER BY "__source", "__row")
            )
            WHERE n > 1
            """,  # noqa: S608  names are quoted
        )

    def take_orphans(self) -> None:
        """Take out rows that refer to nothing, or to a row that was itself taken out; then payments before their loan."""
        for reference in _REFERENCES:
            column, parent = quoted(reference.column), quoted(reference.parent)
            gone = f'SELECT {column} FROM "__quarantine" WHERE "table" = {literal(reference.parent)}'  # noqa: S608
            thing = reference.parent.removesuffix("s")
            reason = f"""concat('{reference.column}: expected a {thing} of the book, found ''', {column},
                CASE WHEN gone THEN ''', which is quarantined' ELSE ''', which is not there' END)"""
            self._take(
                CONTRACTS[reference.table],
                f"""
                SELECT id, CASE WHEN gone THEN 'refers_to_quarantined' ELSE 'no_such_{thing}' END AS rule, {reason} AS reason
                FROM (
                    SELECT rowid AS id, {column}, {column} IN ({gone} AND {column} IS NOT NULL) AS gone
                    FROM {quoted(reference.table)}
                    WHERE {column} NOT IN (SELECT {column} FROM {parent})
                )
                """,  # noqa: S608  names are quoted
            )
        self._take(
            CONTRACTS["payments"],
            """
            SELECT payments.rowid AS id, 'paid_before_opening' AS rule,
                concat('paid_at: expected at or after the loan''s opening ', opened_at, ' UTC, found ', paid_at, ' UTC')
                    AS reason
            FROM payments JOIN loans USING (loan_id) WHERE paid_at < opened_at
            """,
        )

    def loose_references(self) -> list[str]:
        """Return notices on optional references that lead nowhere; their rows are kept."""
        notices = []
        for reference in _LOOSE_REFERENCES:
            column, parent = quoted(reference.column), quoted(reference.parent)
            (rows,) = self.connection.execute(
                f"SELECT count({column}) FROM {quoted(reference.table)} WHERE {column} NOT IN (SELECT {column} FROM {parent})"  # noqa: S608
            ).fetchall()[0]
            (parents,) = self.connection.execute(f"SELECT count(*) FROM {parent}").fetchall()[0]  # noqa: S608
            if rows and parents:
                strange = f"{rows:,} rows name a {reference.column} that is not in {reference.parent}"
                notices.append(f"{reference.table}: {strange}; they are kept")
        return notices

    def blank_unknown_zones(self) -> list[str]:
        """Turn zones that no calendar knows into unknown ones, with a notice: the borrower stays, and rules fail closed."""
        found = self.connection.execute("SELECT timezone, count(*) FROM borrowers GROUP BY 1 ORDER BY 1").fetchall()
        known = available_timezones()
        unknown = {zone: rows for zone, rows in found if zone is not None and zone not in known}
        for zone in unknown:
            self.connection.execute("UPDATE borrowers SET timezone = NULL WHERE timezone = ?", [zone])
        return [
            f"borrowers: {rows:,} rows have the unknown timezone '{zone}'; it counts as not known"
            for zone, rows in unknown.items()
        ]

    def close(self) -> pd.DataFrame:
        """Return the quarantined rows and drop their table.

        Returns
        -------
        DataFrame
            table, rule, reason, source (file or table), row (from 1), key, borrower_id; in the order of the contracts.
        """
        # A payment names only its loan; whose it is stands in the loan, quarantined or not.
        self.connection.execute(
            """
            UPDATE "__quarantine" AS q SET borrower_id = owner.borrower_id
            FROM (
                SELECT loan_id, any_value(borrower_id) AS borrower_id
                FROM (SELECT loan_id, borrower_id FROM loans
                      UNION ALL SELECT loan_id, borrower_id FROM "__quarantine" WHERE "table" = 'loans')
                GROUP BY loan_id
            ) AS owner
            WHERE q.borrower_id IS NULL AND q.loan_id = owner.loan_id
            """
        )
        order = f'list_position([{", ".join(map(literal, CONTRACTS))}], "table"), "source", "row"'
        columns = ", ".join(map(quoted, _COLUMNS))
        rows = self.connection.execute(f'SELECT {columns} FROM "__quarantine" ORDER BY {order}').fetchall()  # noqa: S608
        frame = pd.DataFrame.from_records(rows, columns=list(_COLUMNS))
        frame = frame.astype({name: "int64" if name == "row" else "str" for name in _COLUMNS})
        self.connection.execute('DROP TABLE "__quarantine"')
        return frame

    def _take(self, contract: Contract, doomed: str) -> None:
        """Move rows from a table into quarantine.

        Parameters
        ----------
        contract : Contract
        doomed : str
            SQL of id (the row's rowid), rule and reason.
        """
        # One transaction: between two, the database may renumber the rows.
        self.connection.execute("BEGIN")
        self.connection.execute(f'CREATE OR REPLACE TEMP TABLE "__doomed" AS {doomed}')
        ((rows,),) = self.connection.execute('SELECT count(*) FROM "__doomed"').fetchall()
        if rows:
            self._move(contract)
        self.connection.execute("COMMIT")

    def _move(self, contract: Contract) -> None:
        table = quoted(contract.name)
        names = [column.name for column in contract.columns]
        ids = [quoted(name) if name in names else "NULL" for name in ("borrower_id", "loan_id")]
        key = ", ".join(f"{literal(name + '=')} || {quoted(name)}" for name in contract.key or ("borrower_id",))
        self.connection.execute(
            f"""
            INSERT INTO "__quarantine"
            SELECT {literal(contract.name)}, rule, reason, "__source", "__row", concat_ws(', ', {key}), {", ".join(ids)}
            FROM {table} JOIN "__doomed" ON {table}.rowid = "__doomed".id
            """  # noqa: S608  names are quoted
        )
        self.connection.execute(f'DELETE FROM {table} WHERE rowid IN (SELECT id FROM "__doomed")')  # noqa: S608
