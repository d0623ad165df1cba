"""Guards that fail closed: who is left alone tonight, and why."""

from datetime import datetime
from typing import Final

import ibis
import pandas as pd
import pyarrow as pa

from ..data.book import Book
from ..data.clock import as_utc, naive_utc
from ..data.errors import StaleLedger, UnattributedRows
from ..data.vocabulary import CHANNELS, STOP_KINDS
from ..features.ledger import loans_with_end, newest_posting
from .reasons import Reason, code
from .settings import PolicySettings
from .status import known_status, open_status, opted_out

_SECONDS_PER_DAY: Final = 86_400
# The first of these that holds is the reason; the others are listed beside it.
PRECEDENCE: Final = (
    Reason.HALTED, Reason.UNKNOWN_BORROWER, Reason.DOUBTFUL, Reason.STOP, Reason.OPT_OUT, Reason.COMPLAINT, Reason.DISPUTE,
    Reason.NO_OPEN_LOAN, Reason.STALE_LEDGER, Reason.NOT_OVERDUE, Reason.PROMISE, Reason.HARDSHIP,
)  # fmt: skip
_COLUMNS: Final = ("borrower_id", "reason", "code", "detail")


def guard(book: Book, points: pa.Table, position: pd.DataFrame, as_of: datetime, settings: PolicySettings) -> pd.DataFrame:
    """Return whom to leave alone, and why.

    Only who is proven overdue by a fresh ledger, known to the book without a quarantined row, and under no stop, refusal,
    complaint, dispute, promise or hardship is not in the result.

    Parameters
    ----------
    book : Book
    points : Table
        As from `decision_points`: point_id, borrower_id, ...
    position : DataFrame
        point_id, overdue_amount, days_past_due; a point without a row has no proof of being overdue.
    as_of : datetime
        Aware instant of the decision.
    settings : PolicySettings

    Returns
    -------
    DataFrame
        A row per excluded borrower, in the order of the points: borrower_id, reason (the first by precedence), code (with its
        details), detail (the codes of all reasons, by precedence).
    """
    asked = points.select(["point_id", "borrower_id"]).to_pandas().astype({"borrower_id": "str"})
    borrowers = pd.Index(asked["borrower_id"].unique(), dtype="str")
    status = known_status(book, as_of)
    status = status[status["borrower_id"].isin(borrowers)]
    found = [
        _everyone(borrowers, code(Reason.HALTED)) if settings.halted else _none(),
        _unknown(book, borrowers, as_of),
        _everyone(borrowers[borrowers.isin(book.doubtful)], code(Reason.DOUBTFUL)),
        _by_status(open_status(status, as_of), as_of, settings),
        _refused(opted_out(status)),
        _by_loans(book, borrowers, as_of, settings),
        _not_overdue(asked, position, settings),
    ]
    return _ranked(pd.concat(found, ignore_index=True), borrowers)


def check_ledger(book: Book, as_of: datetime, settings: PolicySettings) -> None:
    """Refuse to decide at all where the newest posting of the whole book is older than the limit.

    Raises
    ------
    StaleLedger
        Also where the book has no posting: nothing then proves that anyone is overdue.
    """
    newest = newest_posting(book, as_of)["posted_at"].max()
    limit = settings.ledger.lag_limit_days
    lag = float("inf") if pd.isna(newest) else (as_utc(as_of) - newest.to_pydatetime()).total_seconds() / _SECONDS_PER_DAY
    if lag > limit:
        raise StaleLedger(lag, limit, "the whole book")


def check_rows(book: Book, settings: PolicySettings) -> None:
    """Refuse to decide at all where a quarantined stop or payment may be anybody's.

    Raises
    ------
    UnattributedRows
        Naming each row.
    """
    if book.unattributed and not settings.guards.accept_unattributed:
        raise UnattributedRows(book.unattributed)


def _none() -> pd.DataFrame:
    return pd.DataFrame({"borrower_id": pd.Series(dtype="str"), "code": pd.Series(dtype="str")})


def _everyone(borrowers: pd.Index, text: str) -> pd.DataFrame:
    return pd.DataFrame({"borrower_id": borrowers, "code": text})


def _unknown(book: Book, borrowers: pd.Index, as_of: datetime) -> pd.DataFrame:
    table = book.table("borrowers")
    valid = table.filter(table.valid_from < ibis.literal(naive_utc(as_of), type="timestamp"))
    known = valid.select("borrower_id").distinct().to_pandas()["borrower_id"].astype("str")
    return _everyone(borrowers[~borrowers.isin(known)], code(Reason.UNKNOWN_BORROWER))


def _by_status(opened: pd.DataFrame, as_of: datetime, settings: PolicySettings) -> pd.DataFrame:
    """Return exclusions by open status. A complaint quiets for some days even where it is never resolved or comes undated."""
    quiet_since = pd.Timestamp(naive_utc(as_of)) - pd.Timedelta(days=settings.guards.complaint_quiet_days)
    quiet = (opened["kind"] == "complaint") & (opened[["at", "known_at"]].max(axis=1) >= quiet_since)
    kept = opened[opened["kind"].isin((*STOP_KINDS, "dispute", "promise", "hardship")) | quiet]
    if not settings.guards.hardship_excluded:
        kept = kept[kept["kind"] != "hardship"]
    kind, until = kept["kind"], kept["until"].dt.strftime("%Y-%m-%d").astype("str").fillna("further notice")
    details = {
        "complaint": f":{settings.guards.complaint_quiet_days:g}",
        "promise": ":" + until,
    }
    codes = kind.where(~kind.isin(STOP_KINDS), f"{Reason.STOP}:" + kind)
    for name, detail in details.items():
        codes = codes.where(kind != name, name + detail)
    return pd.DataFrame({"borrower_id": kept["borrower_id"], "code": codes})


def _refused(closed: pd.DataFrame) -> pd.DataFrame:
    counts = closed.groupby("borrower_id").size()
    return pd.DataFrame({"borrower_id": counts.index[counts == len(CHANNELS)], "code": code(Reason.OPT_OUT)})


def _by_loans(book: Book, borrowers: pd.Index, as_of: datetime, settings: PolicySettings) -> pd.DataFrame:
    """Return who has no loan to collect, and whose loans stand in a ledger that is too old."""
    instant = ibis.literal(naive_utc(as_of), type="timestamp")
    loans = loans_with_end(book)
    collected = loans.filter(
        (loans.opened_at < instant) & (loans.ended_known_at.isnull() | (loans.ended_known_at >= instant))  # noqa: PD003
    )
    owned = collected.select("borrower_id", "product").distinct().to_pandas().astype("str")
    newest = newest_posting(book, as_of)
    limit = pd.Timestamp(as_utc(as_of)) - pd.Timedelta(days=settings.ledger.lag_limit_days)
    # A product without any posting has no proof either.
    stale = newest.loc[~(newest["posted_at"] >= limit), "product"].astype("str")
    lagging = owned[owned["product"].isin(stale) & owned["borrower_id"].isin(borrowers)].sort_values("product")
    idle = _everyone(borrowers[~borrowers.isin(owned["borrower_id"])], code(Reason.NO_OPEN_LOAN))
    late = pd.DataFrame({"borrower_id": lagging["borrower_id"], "code": f"{Reason.STALE_LEDGER}:" + lagging["product"]})
    return pd.concat([idle, late], ignore_index=True)


def _not_overdue(asked: pd.DataFrame, position: pd.DataFrame, settings: PolicySettings) -> pd.DataFrame:
    rows = asked.merge(position[["point_id", "overdue_amount", "days_past_due"]], on="point_id", how="left")
    amount = pd.to_numeric(rows["overdue_amount"].astype("float64"))
    days = pd.to_numeric(rows["days_past_due"].astype("float64"))
    # A missing amount compares false: no proof, no contact.
    proven = (amount > settings.ledger.de_minimis) & (days > 0)
    return _everyone(pd.Index(rows.loc[~proven, "borrower_id"].unique(), dtype="str"), code(Reason.NOT_OVERDUE))


def _ranked(found: pd.DataFrame, borrowers: pd.Index) -> pd.DataFrame:
    rows = found.drop_duplicates().assign(
        reason=lambda t: t["code"].str.split(":").str[0], place=lambda t: borrowers.get_indexer(pd.Index(t["borrower_id"]))
    )
    rows["rank"] = rows["reason"].map({str(reason): rank for rank, reason in enumerate(PRECEDENCE)})
    rows = rows.sort_values(["place", "rank", "code"], kind="stable")
    detail = rows.groupby("place", sort=False)["code"].agg("; ".join)
    first = rows.drop_duplicates("place").set_index("place").assign(detail=detail)
    return first[list(_COLUMNS)].reset_index(drop=True)
