"""The quality gate: what was read, kept and quarantined, and whether that is good enough to go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from .errors import LightTouchError, TooManyBadRows
from .settings import QualitySettings

_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class TableQuality:
    """One table's rows.

    Parameters
    ----------
    table : str
    read, kept : int
        Rows.
    by_rule : dict
        Rule to quarantined rows, the most frequent first.
    """

    table: str
    read: int
    kept: int
    by_rule: dict[str, int]

    @property
    def quarantined(self) -> int:
        """Rows taken out."""
        return sum(self.by_rule.values())

    @property
    def bad_share(self) -> float:
        """Share of the rows read that were taken out, in [0, 1]."""
        return self.quarantined / max(self.read, 1)


class LostRowsError(LightTouchError):
    """Rows were read that are neither kept nor quarantined."""

    def __init__(self, quality: TableQuality) -> None:
        super().__init__(
            f"Table '{quality.table}': {quality.read:,} rows read, {quality.kept:,} kept, {quality.quarantined:,} quarantined: "
            "these must add up."
        )


@dataclass(frozen=True)
class QualityReport:
    """What happened to every row of a source.

    Parameters
    ----------
    source : str
        Where the tables came from.
    tables : tuple of TableQuality
        One per table of the contracts that the source has.
    notices : tuple of str
        Defaults set, columns ignored, values rounded.
    quarantine : DataFrame
        A row per quarantined row: table, rule, reason, source (file or table), row (position, from 1), key, borrower_id.
    """

    source: str
    tables: tuple[TableQuality, ...]
    notices: tuple[str, ...]
    quarantine: pd.DataFrame

    @property
    def doubtful_borrowers(self) -> tuple[str, ...]:
        """Borrowers with a quarantined row: a payment, a stop or a contact of theirs may not be known."""
        return tuple(sorted(self.quarantine["borrower_id"].dropna().unique()))

    def unattributed(self, borrowers: set[str]) -> tuple[str, ...]:
        """Return quarantined rows that may say "stop" or "paid" of a borrower nobody can name.

        A stop whose borrower is not among those known may be mistyped; a broken line of payments has no loan at all. (A
        payment for a loan that is not in the book is another's: it is not among these.)

        Parameters
        ----------
        borrowers : set of str
            Known to the book.
        """
        rows = self.quarantine
        nameless = ~rows["borrower_id"].isin(borrowers)
        stops = (rows["table"] == "status_events") & nameless
        broken = (rows["table"] == "payments") & nameless & (rows["rule"] == "malformed_line")
        found = rows[stops | broken]
        return tuple(
            f"{table}: row {row} of {source} ({rule})"
            for table, row, source, rule in zip(found["table"], found["row"], found["source"], found["rule"], strict=True)
        )

    def to_text(self) -> str:
        """Return the report for a person."""
        lines = [f"Source: {self.source}", "", f"{'table':<16}{'read':>12}{'kept':>12}{'quarantined':>13}  rules broken"]
        for quality in self.tables:
            rules = ", ".join(f"{rule} {rows:,}" for rule, rows in quality.by_rule.items())
            counts = f"{quality.table:<16}{quality.read:>12,}{quality.kept:>12,}{quality.quarantined:>13,}"
            lines.append(f"{counts}  {rules}".rstrip())
        for quality in self.tables:
            for rule in quality.by_rule:
                lines += ["", f"{quality.table}, {rule}:", *self._examples(quality.table, rule)]
        if self.notices:
            lines += ["", "Notices:", *(f"  {notice}" for notice in self.notices)]
        return "\n".join(lines)

    def require(self, settings: QualitySettings) -> None:
        """Refuse a source with too large a share of bad rows in any table.

        Raises
        ------
        TooManyBadRows
            Naming the worst table, its rules with examples, and the other tables above the limit.
        """
        over = [quality for quality in self.tables if quality.bad_share > settings.max_bad_share]
        if not over:
            return
        worst = max(over, key=lambda quality: quality.bad_share)
        details = self._details(worst)
        for quality in over:
            if quality is not worst:
                share = f"{quality.quarantined:,} of {quality.read:,} rows"
                details += f"; also table '{quality.table}', {share}: {self._details(quality)}"
        raise TooManyBadRows(worst.table, worst.quarantined, worst.read, settings.max_bad_share, details, self)

    def _details(self, quality: TableQuality) -> str:
        return "; ".join(
            f"{rule} {rows:,} ({self._examples(quality.table, rule)[0].strip()})" for rule, rows in quality.by_rule.items()
        )

    def _examples(self, table: str, rule: str) -> list[str]:
        found = self.quarantine[(self.quarantine["table"] == table) & (self.quarantine["rule"] == rule)]
        shown = found.head(_EXAMPLES)
        lines = [
            f"  row {row} of {source}: {reason}"
            for row, source, reason in zip(shown["row"], shown["source"], shown["reason"], strict=True)
        ]
        return lines if len(found) <= _EXAMPLES else [*lines, f"  and {len(found) - _EXAMPLES:,} more"]


def table_quality(table: str, read: int, kept: int, quarantine: pd.DataFrame) -> TableQuality:
    """Count one table's quarantined rows by rule.

    Raises
    ------
    LostRowsError
        Where rows are neither kept nor quarantined; that would be a fault of this package.
    """
    by_rule = quarantine.loc[quarantine["table"] == table, "rule"].value_counts(sort=True)
    quality = TableQuality(table, read, kept, {str(rule): int(rows) for rule, rows in by_rule.items()})
    if quality.kept + quality.quarantined != quality.read:
        raise LostRowsError(quality)
    return quality


def join_notices(notices: Sequence[str]) -> tuple[str, ...]:
    """Return notices once each, in order; the parts of one table repeat each other."""
    return tuple(dict.fromkeys(notices))
