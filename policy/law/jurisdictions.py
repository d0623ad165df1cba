"""Which places lie in which: a city in a state, a state in a country, a country in the European Union."""

from typing import Final

EVERYWHERE: Final = "ZZ"
EUROPEAN_UNION: Final = "EU"
# The 27 members of 2026.
_MEMBERS: Final = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
))  # fmt: skip
# Other spellings in use: the city by its country, and the Union's own codes for two countries.
_SPELLINGS: Final = {"US-NYC": "US-NY-NYC", "UK": "GB", "EL": "GR"}


def lineage(jurisdiction: str | None) -> tuple[str, ...]:
    """Return a place and the places around it, the smallest first; nothing where the place is not known.

    Examples
    --------
    >>> lineage("US-MA"), lineage("US-NYC")
    (('US-MA', 'US'), ('US-NY-NYC', 'US-NY', 'US'))
    >>> lineage("IT"), lineage(None), lineage("ZZ")
    (('IT', 'EU'), (), ())
    """
    code = (jurisdiction or "").strip().upper()
    if not code or code == EVERYWHERE:
        return ()
    head, dash, rest = _SPELLINGS.get(code, code).partition("-")
    parts = f"{_SPELLINGS.get(head, head)}{dash}{rest}".split("-")
    around = tuple("-".join(parts[:size]) for size in range(len(parts), 0, -1))
    return (*around, EUROPEAN_UNION) if parts[0] in _MEMBERS else around


def covers(own: str, jurisdiction: str | None) -> bool:
    """Tell whether a pack of one place may hold for a borrower of another.

    It holds in its own place and in every part of it. It also holds where the borrower's place is only known as a larger
    one, of which the pack's is a part: a borrower in `CA` may live in Ontario.

    Examples
    --------
    >>> covers("US", "US-MA"), covers("US-MA", "US"), covers("US-MA", "US-NY"), covers("EU", "IT"), covers("ZZ", None)
    (True, True, False, True, True)
    """
    if own == EVERYWHERE:
        return True
    borrower = lineage(jurisdiction)
    pack = lineage(own)
    return bool(borrower and pack) and (pack[0] in borrower or borrower[0] in pack)
