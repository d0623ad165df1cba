"""Errors that say what was expected, what was found, where, and what to do.

Two families. An *invalid input* lists all faults at once. A *refusal* is a correct answer that is "no": a type with a
reason, so that a caller can act on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class LightTouchError(Exception):
    """Base of every error that Light touch raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input.

    Parameters
    ----------
    where : str
        The place: table, column, row or file.
    expected : str
        What the contract asks for.
    found : str
        What is there.
    remedy : str
        What the reader can do about it.

    Examples
    --------
    >>> print(Fault("column 'as_of' of 'decisions'", "a time zone", "none", "Set `timezone` for this source."))
    column 'as_of' of 'decisions': expected a time zone, found none. Set `timezone` for this source.
    """

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}. {self.remedy}".rstrip()


class InvalidInput(LightTouchError, ValueError):
    """An input breaks its contract; every fault is listed.

    Parameters
    ----------
    faults : sequence of Fault
        At least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("InvalidInput needs at least one fault.")
        self.faults = tuple(faults)
        head = "" if len(self.faults) == 1 else f"{len(self.faults)} faults:\n"
        super().__init__(head + "\n".join(str(fault) for fault in self.faults))


class DamagedFile(LightTouchError):
    """A file's content is not what its recorded digest says."""


class Refusal(LightTouchError):
    """A correct answer that is "no", with its reason.

    Parameters
    ----------
    reason : str
        One sentence for a person.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class StaleLedger(Refusal):
    """The newest posting is older than the limit: who is overdue tonight cannot be known.

    Parameters
    ----------
    lag_days, limit_days : float
        Age of the newest posting at as_of, and what is allowed.
    source : str
        The ledger.
    """

    def __init__(self, lag_days: float, limit_days: float, source: str) -> None:
        self.lag_days, self.limit_days, self.source = lag_days, limit_days, source
        if lag_days == float("inf"):
            super().__init__(
                f"The ledger of {source} has no posting before as_of: who has paid is not known. Load the postings, or choose "
                f"a later as_of."
            )
            return
        super().__init__(
            f"The ledger of {source} is {lag_days:.1f} days old at as_of, the limit is {limit_days:.1f} days: people who have "
            f"paid could be contacted. Load the missing postings, choose an earlier as_of, or raise `ledger.lag_limit_days`."
        )


class UnattributedRows(Refusal):
    """Quarantined rows may say "stop" or "paid" of a borrower that nobody can name.

    Parameters
    ----------
    rows : tuple of str
        Table, position and rule of each.
    """

    def __init__(self, rows: tuple[str, ...]) -> None:
        self.rows = rows
        shown = "; ".join(rows[:5]) + (f"; and {len(rows) - 5:,} more" if len(rows) > 5 else "")
        super().__init__(
            f"{len(rows):,} quarantined rows may concern any borrower, who could have paid or refused: {shown}. Mend them "
            f"(`lighttouch check` names each), or set `guards.accept_unattributed: true` to decide without them."
        )


class TooManyBadRows(Refusal):
    """The share of quarantined rows is above the limit.

    Parameters
    ----------
    table : str
        The table.
    bad, total : int
        Rows refused and rows read.
    limit : float
        Largest share allowed.
    details : str
        What was wrong, by rule.
    report : QualityReport, optional
        What happened to every row of the source.
    """

    def __init__(self, table: str, bad: int, total: int, limit: float, details: str, report: Any = None) -> None:
        self.table, self.bad, self.total, self.limit, self.report = table, bad, total, limit, report
        super().__init__(
            f"Table '{table}': {bad:,} of {total:,} rows break the contract ({bad / max(total, 1):.1%}, limit {limit:.1%}): "
            f"{details}. Mend the source, or raise `quality.max_bad_share`."
        )


class NoOverlap(Refusal):
    """A rule decided the arm: no two borrowers who look alike were given different arms.

    Parameters
    ----------
    arms : tuple of str
        The arms that were never left to chance.
    ess : float
        Rows whose arm was open, as an effective number.
    reason : str
    """

    def __init__(self, arms: tuple[str, ...], ess: float, reason: str) -> None:
        self.arms, self.ess = arms, ess
        super().__init__(reason)


class NeverLogged(Refusal):
    """An arm that the log never gave: what it would have done is not in the data.

    Parameters
    ----------
    arm : str
    reason : str
    """

    def __init__(self, arm: str, reason: str) -> None:
        self.arm = arm
        super().__init__(reason)


class ReverseCausation(Refusal):
    """The number of contacts is decided by the outcome: contact ends when the borrower pays.

    Parameters
    ----------
    strength : float
        Standard errors by which the outcome falls with the number, among borrowers who look alike.
    reason : str
    """

    def __init__(self, strength: float, reason: str) -> None:
        self.strength = strength
        super().__init__(reason)


class PlaceboMoved(Refusal):
    """The arms differ in what was over before they were given: the log's propensities are not those of the draw.

    Parameters
    ----------
    columns : tuple of str
        What differs, the surest first.
    p : float
        Chance of as much under a true log, corrected for the number of columns.
    reason : str
    """

    def __init__(self, columns: tuple[str, ...], p: float, reason: str) -> None:
        self.columns, self.p = columns, p
        super().__init__(reason)


class NoDecisionLog(Refusal):
    """Nobody logged what was decided: the arms are read off contacts that were made, and their propensities are estimated."""


class OutsideTriedDoses(Refusal):
    """A dose was asked for that does not lie between tried doses of its channels."""
