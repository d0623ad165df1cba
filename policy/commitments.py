"""Standing decisions: what was decided earlier and holds until its horizon ends or something clears it."""

from datetime import datetime
from typing import Any, Final

import ibis
import numpy as np
import pandas as pd

from ..data.arms import ArmCatalogue
from ..data.book import Book
from ..data.clock import naive_utc
from ..data.vocabulary import LOAN_ENDING_KINDS, STOP_KINDS
from ..features.ledger import position
from ..features.points import decision_points
from .restraint import History
from .settings import PolicySettings

# Events after which an arm that was committed before them is thought over again.
CLEARING_KINDS: Final = (
    *STOP_KINDS, "opt_out", "complaint", "dispute", "hardship", "promise", "override", "offer_accepted", *LOAN_ENDING_KINDS,
)  # fmt: skip


def standing_decisions(book: Book, as_of: datetime, settings: PolicySettings | None = None) -> pd.DataFrame:
    """Return the decisions whose commitment has not ended, unchanged.

    A commitment ends with its time, with a newer decision, with a clearing event that was not known when it was taken (a stop,
    refusal, complaint, dispute, promise, hardship, the loan's end), or when nothing is overdue any more.

    Parameters
    ----------
    book : Book
    as_of : datetime
        Aware; only what was known before it counts.
    settings : PolicySettings, optional

    Returns
    -------
    DataFrame
        The columns of the decision log, a row per borrower, by borrower_id.
    """
    latest = _latest(book.table("decisions"), ibis.literal(naive_utc(as_of), type="timestamp"))
    cleared = _cleared(book, latest, ibis.literal(naive_utc(as_of), type="timestamp"))
    standing: pd.DataFrame = latest.anti_join(cleared, "decision_id").order_by("borrower_id").to_pandas()
    overdue = _still_overdue(book, standing["borrower_id"], as_of, settings or PolicySettings())
    return standing[standing["borrower_id"].isin(overdue)].reset_index(drop=True)


def last_commitments(
    book: Book, borrower_ids: pd.Series, as_of: datetime, arms: ArmCatalogue, settings: PolicySettings
) -> History:
    """Return each borrower's last commitment, where it has not ended too long ago.

    Parameters
    ----------
    borrower_ids : Series of shape (n,)
    as_of : datetime
        Aware.
    arms : ArmCatalogue
        Arms that it does not know at all count as no commitment.
    settings : PolicySettings
        Its `switching.memory_days` counts from the end of the commitment.
    """
    instant = ibis.literal(naive_utc(as_of), type="timestamp")
    oldest = pd.Timestamp(naive_utc(as_of)) - pd.Timedelta(days=settings.switching.memory_days)
    newest = _newest(book.table("decisions"), instant).select("borrower_id", "arm", "commit_until").to_pandas()
    recent = newest[newest["commit_until"] >= oldest].set_index("borrower_id")["arm"]
    return history_of(recent.reindex(borrower_ids.to_numpy()), arms)


def history_of(last_arm: pd.Series, arms: ArmCatalogue) -> History:
    """Return the history of borrowers whose last arms are known by name, missing where there was none."""
    place = {name: k for k, name in enumerate(arms.names)}
    dose = {arm.name: arm.intensity if arm.dose_known else np.nan for arm in (*arms, *arms.retired)}
    last = np.asarray(last_arm.map(place).fillna(-1), dtype=np.int64)
    return History(last, np.asarray(last_arm.map(dose), dtype=np.float64))


def _latest(decisions: Any, instant: Any) -> Any:
    """Return each borrower's newest decision, where it has not run out: a newer one takes the place of an older one."""
    return _newest(decisions, instant).filter(lambda t: t.commit_until > instant)


def _newest(decisions: Any, instant: Any) -> Any:
    taken = decisions.filter(decisions.as_of < instant)
    newest = ibis.row_number().over(group_by=taken.borrower_id, order_by=[taken.as_of.desc(), taken.decision_id.desc()])
    return taken.mutate(place=newest).filter(lambda t: t.place == 0).drop("place")


def _cleared(book: Book, latest: Any, instant: Any) -> Any:
    events = book.table("status_events")
    news = events.filter(events.kind.isin(CLEARING_KINDS) & (events.known_at < instant)).select(
        "borrower_id", news_at="known_at"
    )
    # What became known at the very instant of the decision was not known to it.
    joined = latest.select("decision_id", "borrower_id", "as_of").join(news, "borrower_id")
    return joined.filter(joined.news_at >= joined.as_of).select("decision_id").distinct()


def _still_overdue(book: Book, borrower_ids: pd.Series, as_of: datetime, settings: PolicySettings) -> pd.Series:
    points = decision_points(borrower_ids, as_of, settings.ledger)
    with book.points(points) as lent:
        owed = position(book, lent, settings.ledger).filter(lambda t: t.days_past_due > 0).select("point_id").to_pandas()
    still: pd.Series = borrower_ids.iloc[owed["point_id"].to_numpy()]
    return still
