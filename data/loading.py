"""Reading a source into a book's database: one pass a table that converts, judges and numbers every row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .arms import ArmCatalogue
from .columns import naive_fault
from .contracts import Contract, Kind
from .conversions import Conversion, convert
from .errors import Fault
from .quality_rules import RowRule, raw_name, row_rules
from .settings import SourceSettings
from .sources import Part, literal, quoted

# How many rows are looked at before anything is read, so that all faults of all tables come at once.
PROBE_ROWS: Final = 10_000
# Columns that stand beside a table's own while it is judged.
HIDDEN: Final = ("__source", "__row", "__rule", "__reason", "__naive", "__rounded")
_REJECTED: Final = "reject_errors"


@dataclass
class Loader:
    """Reads parts of a source into tables with hidden columns for their quality.

    Parameters
    ----------
    connection : DuckDB connection
        The book's database.
    settings : SourceSettings
    arms : ArmCatalogue, optional
        The arms that decisions may name.
    """

    connection: Any
    settings: SourceSettings
    arms: ArmCatalogue | None = None
    notices: list[str] = field(default_factory=list)
    rows_read: dict[str, int] = field(default_factory=dict)

    def probe(self, contract: Contract, part: Part, *, readable: bool) -> tuple[int, list[Fault]]:
        """Look at the first rows of a part.

        Parameters
        ----------
        contract : Contract
        part : Part
        readable : bool
            False where the types are wrong already; then the rows are counted alone.

        Returns
        -------
        int
            Rows seen, up to `PROBE_ROWS`.
        list of Fault
            Timestamps without a zone.
        """
        flags = _flags([conversion.naive for conversion in self._conversions(contract, part)]) if readable else "0"
        head = f"(SELECT * FROM {part.relation} LIMIT {PROBE_ROWS})"  # noqa: S608  relations are quoted
        self._forget_rejected(part)
        rows, naive = self.connection.execute(f"SELECT count(*), bit_or({flags}) FROM {head}").fetchall()[0]  # noqa: S608
        rejected = self._rejected_rows(part)
        return rows + len(rejected), self._naive_faults(contract, part.label, naive or 0)

    def load(self, contract: Contract, parts: Sequence[Part]) -> list[Fault]:
        """Create a contract's table from its parts; an absent one is empty.

        Returns
        -------
        list of Fault
            Timestamps without a zone that the probe had not come to.
        """
        table = quoted(contract.name)
        columns = ", ".join(f"{quoted(column.name)} {column.kind.value}" for column in contract.columns)
        hidden = (
            '"__source" VARCHAR, "__row" BIGINT, "__rule" VARCHAR, "__reason" VARCHAR, "__naive" INTEGER, "__rounded" INTEGER'
        )
        self.connection.execute(f"CREATE TABLE {table} ({columns}, {hidden})")
        rejected = 0
        for part in parts:
            self._forget_rejected(part)
            self.connection.execute(f"INSERT INTO {table} {self._judged(contract, part)}")
            rejected += self._quarantine_rejected(part)
        (rows,) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]  # noqa: S608
        self.rows_read[contract.name] = rows + rejected
        self._note_rounding(contract)
        found = self.connection.execute(
            f'SELECT "__source", bit_or("__naive") FROM {table} GROUP BY ALL HAVING bit_or("__naive") > 0 ORDER BY ALL'  # noqa: S608
        ).fetchall()
        return [fault for label, naive in found for fault in self._naive_faults(contract, label, naive)]

    def finish(self, contract: Contract) -> None:
        """Take the hidden columns away."""
        for name in HIDDEN:
            self.connection.execute(f"ALTER TABLE {quoted(contract.name)} DROP COLUMN {quoted(name)}")

    def _conversions(self, contract: Contract, part: Part) -> list[Conversion]:
        defaults = self.settings.defaults.get(contract.name, {})
        zone = self.settings.timezone
        return [convert(part, column, zone, defaults.get(column.name)) for column in contract.columns]

    def _judged(self, contract: Contract, part: Part) -> str:
        """Return SQL that reads a part once: values in their types, the first broken rule, all reasons, the position."""
        conversions = self._conversions(contract, part)
        names = [column.name for column in contract.columns]
        read = [
            f"{conversion.value} AS {quoted(name)}, {conversion.raw} AS {raw_name(name)}"
            for name, conversion in zip(names, conversions, strict=True)
        ]
        naive = _flags([conversion.naive for conversion in conversions])
        rounded = _flags([conversion.rounded for conversion in conversions])
        rules = row_rules(contract, self.arms)
        values = ", ".join(quoted(name) for name in names)
        return f"""
            SELECT {values}, {literal(part.label)}, "__row", {_first_rule(rules)}, {_all_reasons(rules)}, "__naive", "__rounded"
            FROM (
                SELECT *, {" OR ".join(rule.broken for rule in rules)} AS "__bad"
                FROM (
                    SELECT {", ".join(read)}, {naive} AS "__naive", {rounded} AS "__rounded", {part.row} AS "__row"
                    FROM {part.relation}
                )
            )
        """  # noqa: S608  names are quoted, values are literals

    def _naive_faults(self, contract: Contract, label: str, naive: int) -> list[Fault]:
        return [
            naive_fault(contract.name, column.name, "timestamps without one", label)
            for position, column in enumerate(contract.columns)
            if naive >> position & 1
        ]

    def _note_rounding(self, contract: Contract) -> None:
        money = [(i, column.name) for i, column in enumerate(contract.columns) if column.kind is Kind.MONEY]
        for position, name in money:
            (rows,) = self.connection.execute(
                f'SELECT count(*) FROM {quoted(contract.name)} WHERE "__rounded" >> {position} & 1 = 1'  # noqa: S608
            ).fetchall()[0]
            if rows:
                self.notices.append(f"{contract.name}: {name} was rounded to two decimals in {rows:,} rows")

    def _rejected_rows(self, part: Part) -> list[tuple[int, str]]:
        if not part.text:
            return []
        made = self.connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [_REJECTED]).fetchall()
        if not made:
            return []
        kinds = "lower(string_agg(DISTINCT error_type::VARCHAR, ', '))"
        found = f"SELECT line - 1, {kinds} FROM {_REJECTED} GROUP BY line ORDER BY 1"  # noqa: S608
        return list(self.connection.execute(found).fetchall())

    def _forget_rejected(self, part: Part) -> None:
        if part.text:
            self.connection.execute(f"DROP TABLE IF EXISTS {_REJECTED}; DROP TABLE IF EXISTS reject_scans")

    def _quarantine_rejected(self, part: Part) -> int:
        """Quarantine the lines of a CSV file that could not be split into columns, and count them into later positions."""
        rejected = self._rejected_rows(part)
        for row, problem in rejected:
            self.connection.execute(
                'INSERT INTO "__quarantine" ("table", "rule", "reason", "source", "row") VALUES (?, ?, ?, ?, ?)',
                [part.table, "malformed_line", f"expected a line with the header's columns, found: {problem}", part.label, row],
            )
        # A reader that skips line r numbers what follows one too low; from the first skipped line on, each adds one.
        for row, _ in rejected:
            self.connection.execute(
                f'UPDATE {quoted(part.table)} SET "__row" = "__row" + 1 WHERE "__source" = ? AND "__row" >= ?',  # noqa: S608
                [part.label, row],
            )
        return len(rejected)


def _flags(conditions: Sequence[str]) -> str:
    """Return SQL of an integer whose bit i says that condition i holds; an empty condition never does."""
    bits = [f"CASE WHEN {condition} THEN {1 << i} ELSE 0 END" for i, condition in enumerate(conditions) if condition]
    return " + ".join(bits) or "0"


def _first_rule(rules: Sequence[RowRule]) -> str:
    cases = " ".join(f"WHEN {rule.broken} THEN {literal(rule.name)}" for rule in rules)
    return f'CASE WHEN "__bad" THEN CASE {cases} END END'


def _all_reasons(rules: Sequence[RowRule]) -> str:
    reasons = ", ".join(f"CASE WHEN {rule.broken} THEN {rule.reason} END" for rule in rules)
    # Reasons are costly to write; the outer condition keeps good rows from paying for them.
    return f"CASE WHEN \"__bad\" THEN concat_ws('; ', {reasons}) END"
