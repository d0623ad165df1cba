"""Public holidays of a jurisdiction by local day, from the `holidays` package."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final

import holidays

UNKNOWN_NATIONAL: Final = "national"
UNKNOWN_ANY: Final = "treat_as_holiday_if_any"


@lru_cache(maxsize=1)
def _supported() -> dict[str, list[str]]:
    return {code: list(parts) for code, parts in holidays.list_supported_countries(include_aliases=True).items()}


def is_calendar(code: str) -> bool:
    """Tell whether a country or region code has a calendar.

    Examples
    --------
    >>> is_calendar("CN"), is_calendar("US-MA"), is_calendar("ZZ")
    (True, True, False)
    """
    country, _, part = code.partition("-")
    return country in _supported() and (not part or part in _supported()[country])


@lru_cache(maxsize=4096)
def _days_off(country: str, part: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=part, years=year))


def is_holiday(code: str, day: date, unknown: str) -> bool | None:
    """Tell whether a day is a public holiday.

    Parameters
    ----------
    code : str
        ISO 3166-1 or 3166-2, such as CN or US-MA.
    day : date
        The local day.
    unknown : str
        What a country's calendar without a known region means: `national` counts the country's holidays,
        `treat_as_holiday_if_any` those of any of its regions, `deny` leaves it unknown.

    Returns
    -------
    bool or None
        None where it is not known.
    """
    country, _, part = code.partition("-")
    if country not in _supported():
        return None
    parts = _supported()[country]
    if part in parts:
        return day in _days_off(country, part, day.year)
    if not parts or unknown == UNKNOWN_NATIONAL:
        return day in _days_off(country, None, day.year)
    return _anywhere(country, parts, day) if unknown == UNKNOWN_ANY else None


def _anywhere(country: str, parts: Iterable[str], day: date) -> bool:
    return any(day in _days_off(country, part, day.year) for part in (None, *parts))
