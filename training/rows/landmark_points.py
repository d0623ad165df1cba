"""Where nobody logged decisions, the nights on which one could have been taken: each spell's first, and every horizon on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.book import Book
from ...data.settings import LedgerSettings
from ...data.vocabulary import CHANNELS, STOP_KINDS
from ...features.ledger import position
from ...features.points import decision_points
from ...policy.settings import PolicySettings
from ...policy.status import open_status, opted_out
from .outcomes import maturity

_HELD_BACK = (*STOP_KINDS, "complaint", "dispute", "promise", "hardship")
_STATUS = ("loan_id", "kind", "channel", "at", "until", "known_at", "detail")
_DAY = pd.Timedelta(days=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LandmarkOptions:
    """How a treatment is built from contacts that were made.

    Parameters
    ----------
    exposure_days : int
        Days after the landmark whose contacts are the treatment; those who pay in them are left out.
    hour : int
        Hour of the day, in the booking zone, at which landmarks lie: when the nightly run would decide.
    most_per_spell : int
        Landmarks in one spell overdue.
    furthest : float
        Contacts, within the days of exposure, beyond which no arm is near to what was received.
    seed : int
        Of the propensities' cross-fitting.
    """

    exposure_days: int = 3
    hour: int = 22
    most_per_spell: int = 10
    furthest: float = 1.0
    seed: int = 0


def landmarks(book: Book, settings: PolicySettings, options: LandmarkOptions) -> pd.DataFrame:
    """Return who was overdue when, once per horizon, from the first contact of the book to the last mature outcome.

    Returns
    -------
    DataFrame
        borrower_id, as_of (aware, UTC), in order of time and borrower.
    """
    horizon, ledger = settings.outcome.horizon_days, settings.ledger
    first = book.table("contacts").filter(lambda t: t.direction == "out")["at"].min().to_pandas()
    last = pd.Timestamp(maturity(book).last_mature(horizon), tz="UTC")
    if pd.isna(first):
        return _no_marks()
    first = pd.Timestamp(first, tz="UTC")
    starts = _spells(book, ledger, options.hour)
    starts = starts[starts["as_of"] <= last].reset_index(drop=True)
    starts["next"] = starts.groupby("borrower_id")["as_of"].shift(-1).fillna(last + _DAY)
    # A spell that began before the first contact is met as many horizons later as it takes.
    starts["skipped"] = np.maximum(np.ceil((first - starts["as_of"]).dt.total_seconds() / 86_400 / horizon), 0)
    steps = pd.DataFrame({"step": np.arange(options.most_per_spell)})
    marks = starts.merge(steps, how="cross")
    days = (marks["skipped"] + marks["step"]) * horizon
    marks["as_of"] = marks["as_of"].where(days == 0, _days_later(marks["as_of"], days, ledger.booking_zone))
    marks = marks[(marks["as_of"] >= first) & (marks["as_of"] < marks["next"]) & (marks["as_of"] <= last)]
    marks = marks.drop_duplicates(["borrower_id", "as_of"]).reset_index(drop=True)
    marks = marks.loc[(_position(book, marks, ledger)["days_past_due"] > 0).to_numpy(), ["borrower_id", "as_of"]]
    ordered: pd.DataFrame = marks.sort_values(["as_of", "borrower_id"], ignore_index=True)
    return ordered


def _spells(book: Book, ledger: LedgerSettings, hour: int) -> pd.DataFrame:
    """Return the first night of every spell overdue: borrower_id, as_of (aware), in this order.

    Somebody falls overdue as a due day ends; or later, where a payment is taken back or an instalment becomes known only after
    its day.
    """
    found = _due_days(book, ledger, hour)
    stood = _position(book, found, ledger)
    # A spell begins where the oldest unpaid due day is the one that has just ended.
    begins = ((stood["days_past_due"] > 0) & (pd.to_datetime(stood["oldest_due_on"]) == found["due_on"])).to_numpy()
    late = _nights_after(_late_news(book), ledger.booking_zone, hour)
    before = late.assign(as_of=_days_later(late["as_of"], -1, ledger.booking_zone))
    tonight, eve = (_position(book, marks, ledger)["days_past_due"].to_numpy() > 0 for marks in (late, before))
    both = pd.concat([found.loc[begins, ["borrower_id", "as_of"]], late[tonight & ~eve]])
    starts: pd.DataFrame = both.drop_duplicates().sort_values(["borrower_id", "as_of"], ignore_index=True)
    return starts


def _late_news(book: Book) -> pd.DataFrame:
    """Return when a borrower's debt grew without a due day ending: borrower_id and the instant (naive UTC)."""
    loans = book.table("loans").select("loan_id", "borrower_id")
    payments, dues = book.table("payments"), book.table("instalments")
    undone = payments.filter(payments.kind.isin(["reversal", "refund"])).select("loan_id", news_at="posted_at")
    told = dues.filter(dues.known_at.cast("date") >= dues.due_on).select("loan_id", news_at="known_at")
    found: pd.DataFrame = undone.union(told).join(loans, "loan_id").select("borrower_id", "news_at").distinct().to_pandas()
    return found


def _nights_after(news: pd.DataFrame, zone: str, hour: int) -> pd.DataFrame:
    """Return the night after each instant, at the hour in the zone: borrower_id, as_of (aware)."""
    local = pd.to_datetime(news["news_at"]).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    night = local.dt.normalize() + pd.Timedelta(hours=hour)
    # What becomes known at the very hour is news to the next night.
    night = night.where(local < night, night + _DAY)
    return pd.DataFrame({"borrower_id": news["borrower_id"], "as_of": _aware(night, zone)}).drop_duplicates(ignore_index=True)


def _days_later(as_of: pd.Series, days: Any, zone: str) -> pd.Series:
    """Return the nights so many days later, at the same hour of the zone."""
    local = as_of.dt.tz_convert(zone).dt.tz_localize(None)
    return _aware(local + pd.to_timedelta(days, unit="D"), zone)


def _aware(local: pd.Series, zone: str) -> pd.Series:
    # In the hour that comes twice the first is meant, and one that never comes is the next.
    aware = local.dt.tz_localize(zone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_forward")
    instants: pd.Series = aware.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    return instants


def _no_marks() -> pd.DataFrame:
    return pd.DataFrame({"borrower_id": pd.Series(dtype="str"), "as_of": pd.Series(dtype="datetime64[us, UTC]")})


def _due_days(book: Book, ledger: LedgerSettings, hour: int) -> pd.DataFrame:
    """Return every due day of every borrower, and the night of the day on which it can first be overdue."""
    dues, loans = book.table("instalments"), book.table("loans")
    found = dues.join(loans, "loan_id").select("borrower_id", "due_on").distinct().to_pandas()
    due_on = pd.to_datetime(found["due_on"])
    local = due_on + pd.Timedelta(days=ledger.grace_days + 1, hours=hour)
    days: pd.DataFrame = found.assign(due_on=due_on, as_of=_aware(local, ledger.booking_zone))
    return days


def _position(book: Book, marks: pd.DataFrame, ledger: LedgerSettings) -> pd.DataFrame:
    points = decision_points(marks["borrower_id"].to_numpy(), pd.DatetimeIndex(marks["as_of"]), ledger)
    with book.points(points) as lent:
        stood: pd.DataFrame = position(book, lent, ledger).to_pandas()
    return stood.sort_values("point_id", ignore_index=True)


def held_back(book: Book, points: Any) -> pd.DataFrame:
    """Return the open status events at each point that forbid or end contact, refused channels apart.

    Parameters
    ----------
    points : Table
        As from `decision_points`.

    Returns
    -------
    DataFrame
        Events with the point's number as text in `borrower_id`, as `policy.status` reads them.
    """
    events = book.table("status_events")
    with book.points(points) as lent:
        joined = lent.join(events, "borrower_id")
        known = joined.filter(
            (joined.known_at < joined.as_of) & (joined.until.isnull() | (joined.until >= joined.as_of))  # noqa: PD003
        )
        frame: pd.DataFrame = known.select(*_STATUS, borrower_id=known.point_id.cast("string")).to_pandas()
    text = dict.fromkeys(("borrower_id", "loan_id", "kind", "channel", "detail"), "str")
    return frame.astype({**text, **dict.fromkeys(("at", "until", "known_at"), "datetime64[us]")})


def open_arms(book: Book, points: Any, arms: ArmCatalogue) -> NDArray[np.bool_]:
    """Return which arms a borrower could have been given at each point, of shape (n, K): no arm at all under a stop.

    Stops, complaints, disputes, promises and hardship leave nothing, since nobody decides then; a refused channel takes the
    arms that use it.
    """
    events = held_back(book, points)
    opened = open_status(events, _EVER)
    stopped = np.zeros(points.num_rows, dtype=bool)
    stopped[opened.loc[opened["kind"].isin(_HELD_BACK), "borrower_id"].astype(np.int64)] = True
    closed = np.zeros((points.num_rows, len(CHANNELS)))
    refused = opted_out(events)
    place = {channel: c for c, channel in enumerate(CHANNELS)}
    closed[refused["borrower_id"].astype(np.int64), refused["channel"].map(place).astype(np.int64)] = 1.0
    uses = (np.nan_to_num(arms.dose_matrix) > 0).astype(float)
    lawful: NDArray[np.bool_] = ~(closed @ uses.T > 0) & ~stopped[:, None]
    return lawful
