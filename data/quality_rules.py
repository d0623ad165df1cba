"""What makes a row bad by itself: SQL conditions and reasons for every column and table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .arms import ArmCatalogue
from .contracts import Column, Contract, Kind
from .sources import literal, quoted

# Probabilities are written with six decimals at least; more than this is not rounding.
PROPENSITY_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class RowRule:
    """A condition under which a row is quarantined.

    Parameters
    ----------
    name : str
        Stable code, as counted in the report.
    broken : str
        SQL that is true where the row breaks the rule.
    reason : str
        SQL of a text for a person: expected, found.
    """

    name: str
    broken: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Order:
    """Two instants of which the second may not come first."""

    name: str
    table: str
    earlier: str
    later: str
    strict: bool = False


_ORDERS: Final = (
    _Order("posted_before_paid", "payments", "paid_at", "posted_at"),
    _Order("known_before_it_happened", "contacts", "at", "known_at"),
    _Order("known_before_it_happened", "status_events", "at", "known_at"),
    _Order("known_before_it_happened", "consents", "given_at", "known_at"),
    _Order("ends_before_it_begins", "instalments", "known_at", "superseded_at"),
    _Order("ends_before_it_begins", "contact_points", "valid_from", "valid_to"),
    _Order("ends_before_it_begins", "consents", "given_at", "revoked_at"),
    _Order("ends_before_it_begins", "status_events", "at", "until"),
    _Order("ends_before_it_begins", "system_gaps", "start_at", "end_at"),
    _Order("ends_before_it_begins", "decisions", "as_of", "commit_until", strict=True),
)


def raw_name(column: str) -> str:
    """Return under which SQL name a source's own value stands beside the converted one."""
    return quoted(f"raw {column}")


def row_rules(contract: Contract, arms: ArmCatalogue | None) -> list[RowRule]:
    """Return the rules of one table, in the order in which the first broken one names the row's fault.

    Parameters
    ----------
    contract : Contract
    arms : ArmCatalogue, optional
        Arms that the decisions may name, retired ones included.
    """
    rules = [rule for column in contract.columns for rule in _column_rules(column)]
    rules += [_order_rule(order) for order in _ORDERS if order.table == contract.name]
    if contract.name == "loans":
        rules.append(_currency_rule())
    if contract.name in ("contacts", "contact_points"):
        rules.append(_endpoint_rule())
    if contract.name == "decisions":
        rules += _decision_rules(arms)
    return rules


def _column_rules(column: Column) -> Iterator[RowRule]:
    value, raw, name = quoted(column.name), raw_name(column.name), column.name
    if column.kind is not Kind.TEXT:
        finite = f" OR NOT isfinite({value})" if column.kind in (Kind.INSTANT, Kind.DAY) else ""
        reason = f"concat('{name}: expected {column.kind.value}, found ''', left(CAST({raw} AS VARCHAR), 60), '''')"
        yield RowRule("unreadable_value", f"({raw} IS NOT NULL AND ({value} IS NULL{finite}))", reason)
    if not column.nullable:
        yield RowRule("missing_value", f"({raw} IS NULL AND {value} IS NULL)", f"'{name}: expected a value, found none'")
    if column.allowed:
        yield _allowed_rule(column)
    if column.positive:
        reason = f"concat('{name}: expected an amount above zero, found ', {value})"
        yield RowRule("not_positive", f"({value} <= 0)", reason)


def _allowed_rule(column: Column) -> RowRule:
    value = quoted(column.name)
    listed = ", ".join(map(literal, column.allowed))
    likeness = f"jaro_winkler_similarity(lower({value}), word)"
    nearest = f"list_sort(list_transform([{listed}], lambda word: {{'d': -{likeness}, 'word': word}}))[1]"
    hint = f"CASE WHEN {nearest}.d < -0.8 THEN concat('; did you mean ''', {nearest}.word, '''?') END"
    words = ", ".join(column.allowed)
    reason = f"concat('{column.name}: expected one of {words}, found ''', left({value}, 60), '''', {hint})"
    return RowRule(f"unknown_{column.name}", f"({value} NOT IN ({listed}))", reason)


def _order_rule(order: _Order) -> RowRule:
    earlier, later = quoted(order.earlier), quoted(order.later)
    sign, words = ("<=", "after") if order.strict else ("<", "at or after")
    reason = f"concat('{order.later}: expected {words} {order.earlier} ', {earlier}, ' UTC, found ', {later}, ' UTC')"
    return RowRule(order.name, f"({later} {sign} {earlier})", reason)


def _currency_rule() -> RowRule:
    reason = "concat('currency: expected an ISO 4217 code such as CNY, found ''', left(\"currency\", 60), '''')"
    return RowRule("unknown_currency", "(NOT regexp_full_match(\"currency\", '[A-Z]{3}'))", reason)


def _endpoint_rule() -> RowRule:
    # The value itself is not repeated: it is what should not be here.
    pattern = r".*@.*|\+[0-9 ]{8,17}|1[3-9][0-9]{9}"
    reason = "'endpoint_id: expected an id, found what looks like an e-mail address or a phone number'"
    return RowRule("personal_value", f"regexp_full_match(\"endpoint_id\", '{pattern}')", reason)


def _decision_rules(arms: ArmCatalogue | None) -> Iterator[RowRule]:
    total = 'list_sum(map_values("propensities"))'
    smallest = 'list_min(map_values("propensities"))'
    # Written so that a sum that is null (an empty map) or NaN is broken too.
    sums = f"(abs({total} - 1) <= {PROPENSITY_TOLERANCE} AND {smallest} >= 0)"
    yield RowRule(
        "propensities_do_not_sum_to_one",
        f'("propensities" IS NOT NULL AND NOT COALESCE({sums}, false))',
        f"concat('propensities: expected probabilities that sum to 1, found a sum of ', COALESCE({total}, 0))",
    )
    yield RowRule(
        "arm_without_propensity",
        '("propensities" IS NOT NULL AND COALESCE("propensities"["arm"], 0) <= 0)',
        "concat('propensities: expected a probability above 0 of the arm ''', \"arm\", ''', found none')",
    )
    if arms is not None:
        yield _arm_rule([*arms.names, *(arm.name for arm in arms.retired)])


def _arm_rule(names: Sequence[str]) -> RowRule:
    listed = ", ".join(map(literal, names))
    words = literal("; the catalogue has " + ", ".join(names))
    named = 'list_distinct(list_prepend("arm", map_keys("propensities")))'
    strange = f"list_filter({named}, lambda word: word NOT IN ({listed}))"
    broken = f'("arm" NOT IN ({listed}) OR NOT list_has_all([{listed}], map_keys("propensities")))'
    reason = f"concat('arm: expected arms of the catalogue, found ', array_to_string({strange}, ', '), {words})"
    return RowRule("unknown_arm", broken, reason)
