"""The ten event tables: their columns, types and allowed values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .vocabulary import CHANNELS, CONTACT_POINT_KINDS, DIRECTIONS, OUTCOMES, PAYMENT_KINDS, STATUS_KINDS


class Kind(StrEnum):
    """Type of a column, by its name in DuckDB.

    Instants are aware in files and stored as UTC wall time without a zone, with microseconds, so that arithmetic on them
    never depends on a session's zone. Money is an exact decimal: sums do not depend on row order.
    """

    TEXT = "VARCHAR"
    INSTANT = "TIMESTAMP"
    DAY = "DATE"
    MONEY = "DECIMAL(18,2)"
    INTEGER = "INTEGER"
    FLAG = "BOOLEAN"
    TEXT_LIST = "VARCHAR[]"
    PROPENSITIES = "MAP(VARCHAR, DOUBLE)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract.

    Parameters
    ----------
    name : str
    kind : Kind
    nullable : bool
        May be null, or absent as a whole.
    allowed : tuple of str
        The closed list of values; empty where any value goes.
    default : str, optional
        The value of rows that have none.
    positive : bool
        Amounts that must lie above zero.
    """

    name: str
    kind: Kind = Kind.TEXT
    nullable: bool = False
    allowed: tuple[str, ...] = ()
    default: str | None = None
    positive: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """One table's contract.

    Parameters
    ----------
    name : str
        The table.
    columns : tuple of Column
    key : tuple of str
        Columns that name a row; duplicates are quarantined. Empty where events may repeat.
    required : bool
        A book without this table is refused; the others may be absent and are then empty.
    absent : str
        What a book without this table means; empty where it is refused.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    required: bool = False
    absent: str = ""

    def column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)


def _text(name: str, *, nullable: bool = False, allowed: tuple[str, ...] = (), default: str | None = None) -> Column:
    return Column(name, Kind.TEXT, nullable or default is not None, allowed, default)


def _instant(name: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.INSTANT, nullable)


_BORROWERS = Contract(
    "borrowers",
    (
        _text("borrower_id"),
        _instant("valid_from"),
        _text("timezone", nullable=True),
        _text("jurisdiction"),
        _text("language", nullable=True),
        Column("birth_year", Kind.INTEGER, nullable=True),
        _text("segment", nullable=True),
    ),
    key=("borrower_id", "valid_from"),
    required=True,
)
_LOANS = Contract(
    "loans",
    (
        _text("loan_id"),
        _text("borrower_id"),
        _text("product"),
        Column("principal", Kind.MONEY, positive=True),
        _text("currency"),
        _instant("opened_at"),
    ),
    key=("loan_id",),
    required=True,
)
_INSTALMENTS = Contract(
    "instalments",
    (
        _text("loan_id"),
        Column("due_on", Kind.DAY),
        Column("amount", Kind.MONEY, positive=True),
        _instant("known_at"),
        _instant("superseded_at", nullable=True),
    ),
    key=("loan_id", "due_on", "known_at"),
    required=True,
)
_PAYMENTS = Contract(
    "payments",
    (
        _text("payment_id"),
        _text("loan_id"),
        _text("kind", allowed=PAYMENT_KINDS, default="payment"),
        _instant("paid_at"),
        _instant("posted_at"),
        Column("amount", Kind.MONEY, positive=True),
    ),
    key=("payment_id",),
    required=True,
)
_CONTACTS = Contract(
    "contacts",
    (
        _text("contact_id"),
        _text("borrower_id"),
        _text("decision_id", nullable=True),
        Column("loan_ids", Kind.TEXT_LIST, nullable=True),
        _text("channel", allowed=CHANNELS),
        _text("direction", allowed=DIRECTIONS),
        _text("party", default="borrower"),
        _text("endpoint_id", nullable=True),
        _text("endpoint_kind", nullable=True, allowed=CONTACT_POINT_KINDS),
        _text("actor", nullable=True),
        _text("principal", nullable=True),
        _text("purpose", default="collection"),
        _text("consent_id", nullable=True),
        _instant("at"),
        _text("outcome", allowed=OUTCOMES),
        _instant("known_at"),
    ),
    key=("contact_id",),
    absent="limits count only contacts that are planned, and neither fatigue nor answers are seen",
)
_CONTACT_POINTS = Contract(
    "contact_points",
    (
        _text("borrower_id"),
        _text("channel", allowed=CHANNELS),
        _text("endpoint_id"),
        _text("kind", allowed=CONTACT_POINT_KINDS),
        _instant("verified_at", nullable=True),
        _instant("valid_from"),
        _instant("valid_to", nullable=True),
    ),
    key=("borrower_id", "channel", "endpoint_id", "valid_from"),
    absent="every channel counts as one that reaches",
)
_CONSENTS = Contract(
    "consents",
    (
        _text("consent_id"),
        _text("borrower_id"),
        _text("channel", allowed=CHANNELS),
        _text("kind"),
        _instant("given_at"),
        _instant("revoked_at", nullable=True),
        _instant("known_at"),
    ),
    key=("consent_id",),
    absent="where a rule asks for a consent, there is none",
)
_STATUS_EVENTS = Contract(
    "status_events",
    (
        _text("borrower_id"),
        _text("loan_id", nullable=True),
        _text("kind", allowed=STATUS_KINDS),
        _text("channel", nullable=True, allowed=CHANNELS),
        _instant("at"),
        _instant("until", nullable=True),
        _instant("known_at"),
        # What a kind needs said, in closed words: the kind that a `resolved` settles, the hours of `quiet_hours`
        # ("mon-fri 18:00-21:00"), the kind of place of `quiet_place`, the endpoint_id of `quiet_endpoint`.
        _text("detail", nullable=True),
    ),
    absent="nobody is left alone for a complaint, opt-out, dispute, promise or hardship, and no harm is seen",
)
_SYSTEM_GAPS = Contract(
    "system_gaps",
    (_text("channel", allowed=CHANNELS), _instant("start_at"), _instant("end_at", nullable=True), _text("cause")),
    key=("channel", "start_at"),
    absent="the silence of an outage counts as the lender's choice",
)
_DECISIONS = Contract(
    "decisions",
    (
        _text("decision_id"),
        _text("borrower_id"),
        _instant("as_of"),
        _instant("commit_until"),
        _text("arm"),
        Column("propensities", Kind.PROPENSITIES),
        Column("explore", Kind.FLAG),
        _text("policy_version"),
        _text("model_version"),
        _text("rules_version"),
    ),
    key=("decision_id",),
    absent="no decision stands, and a model can only read arms off the contacts that were made",
)

CONTRACTS: Final[dict[str, Contract]] = {
    contract.name: contract
    for contract in (
        _BORROWERS, _LOANS, _INSTALMENTS, _PAYMENTS, _CONTACTS, _CONTACT_POINTS, _CONSENTS, _STATUS_EVENTS, _SYSTEM_GAPS,
        _DECISIONS,
    )
}  # fmt: skip
