"""Instants: aware at every edge, naive UTC inside a book. No module reads the time of day: every instant is handed in."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import Fault, InvalidInput


def as_utc(instant: datetime, where: str = "as_of") -> datetime:
    """Return an aware instant in UTC; refuse a naive one.

    Examples
    --------
    >>> as_utc(datetime(2026, 11, 20, 22, tzinfo=ZoneInfo("Asia/Shanghai"))).isoformat()
    '2026-11-20T14:00:00+00:00'
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        fault = Fault(where, "an instant with a time zone", f"{instant.isoformat()} without one", "Write 2026-11-20T22:00Z.")
        raise InvalidInput([fault])
    return instant.astimezone(UTC)


def parse_instant(text: str | datetime, where: str = "as_of") -> datetime:
    """Read an ISO 8601 instant with a zone.

    Parameters
    ----------
    text : str or datetime
        For example ``2026-11-20T22:00Z``.
    where : str, optional
        Named in the error.

    Returns
    -------
    datetime
        Aware, in UTC.

    Raises
    ------
    InvalidInput
        Where the text is no instant, or has no zone.

    Examples
    --------
    >>> parse_instant("2026-11-20T22:00Z").isoformat()
    '2026-11-20T22:00:00+00:00'
    """
    if isinstance(text, datetime):
        return as_utc(text, where)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput([Fault(where, "an ISO 8601 instant", repr(text), "Write 2026-11-20T22:00Z.")]) from None
    return as_utc(instant, where)


def naive_utc(instant: datetime) -> datetime:
    """Return the instant as the book stores it: UTC wall time without a zone."""
    return as_utc(instant).replace(tzinfo=None)


def local_date(instant: datetime, zone: str) -> date:
    """Return the calendar day of an instant in an IANA zone.

    Raises
    ------
    InvalidInput
        Where the instant has no zone, or the zone is unknown.

    Examples
    --------
    >>> local_date(datetime(2026, 11, 20, 22, tzinfo=UTC), "Asia/Shanghai")
    datetime.date(2026, 11, 21)
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # ValueError: a path that leads out of the zones; OSError: a name that is a folder, such as "Asia".
        fault = Fault("time zone", "an IANA zone such as Asia/Shanghai", repr(zone), "Check its spelling.")
        raise InvalidInput([fault]) from None
    return as_utc(instant).astimezone(place).date()
