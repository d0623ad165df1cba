"""Opening hours as packs write them: weekdays, ranges of them and holidays, with wall-clock windows."""

from itertools import pairwise
from typing import Any, Final

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY: Final = "holiday"
MINUTES_PER_DAY: Final = 1440


def parse_week(allow: dict[Any, Any]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the windows of every weekday, and of holidays where they have their own, in minutes after midnight.

    Raises
    ------
    ValueError
        Where a day is missing or given twice, a window is none, overlaps another or crosses midnight.

    Examples
    --------
    >>> parse_week({"mon-fri": ["09:00-19:00"], "sat-sun": []})["fri"]
    ((540, 1140),)
    """
    days: dict[str, tuple[tuple[int, int], ...]] = {}
    for key, texts in allow.items():
        windows = _parse_windows(str(key), texts)
        for day in _days_of(str(key)):
            if day in days:
                raise ValueError(f"each day once, not '{day}' twice")
            days[day] = windows
    if missing := [day for day in WEEKDAYS if day not in days]:
        raise ValueError(f"every weekday, an empty list where closed; {', '.join(missing)} missing")
    return days


def _days_of(key: str) -> list[str]:
    first, _, last = key.partition("-")
    if key == HOLIDAY:
        return [HOLIDAY]
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        raise ValueError(f"a weekday, a range such as mon-fri, or holiday, not '{key}'")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < begin:
        raise ValueError(f"a range that runs forward from mon to sun, not '{key}'")
    return list(WEEKDAYS[begin : end + 1])


def _parse_windows(key: str, texts: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(texts, list):
        raise ValueError(f"a list of windows for '{key}'")  # noqa: TRY004  pydantic collects ValueErrors
    windows = sorted(_parse_window(str(text)) for text in texts)
    if any(later[0] < earlier[1] for earlier, later in pairwise(windows)):
        raise ValueError(f"windows of '{key}' that do not overlap")
    return tuple(windows)


def _parse_window(text: str) -> tuple[int, int]:
    try:
        begin, end = (_minutes(part) for part in text.split("-"))
    except ValueError:
        raise ValueError(f"a window such as 09:00-19:00, not '{text}'") from None
    if not begin < end:
        raise ValueError(f"a window inside one day, not '{text}'; write one that crosses midnight as two")
    return begin, end


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if not (0 <= hours <= 24 and 0 <= minutes < 60 and hours * 60 + minutes <= MINUTES_PER_DAY):
        raise ValueError(text)
    return hours * 60 + minutes
