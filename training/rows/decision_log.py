"""The decision log as training reads it: one row per commitment, each long enough for its outcome to be its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue, unknown_arm_fault
from ...data.book import Book
from ...data.errors import Fault, InvalidInput
from ...policy.commitments import CLEARING_KINDS

# A night that runs an hour early, or a clock that is changed, cuts a commitment by less than this.
_DAY = pd.Timedelta(days=1)
# Share of commitments that may end early with nothing in the tables to tell why: money waived, records that were lost.
_UNEXPLAINED = 0.05


def read_log(book: Book, arms: ArmCatalogue) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the decisions that were in force, in order of as_of and decision_id, and what was left out.

    Returns
    -------
    log : DataFrame
        decision_id, borrower_id, as_of and commit_until (aware), arm, and for every arm of the catalogue whether the log
        names it (`lawful_columns`) and its logged propensity (`among_given` reads it).
    notices : tuple of str

    Raises
    ------
    InvalidInput
        Where the log is empty or names an unknown arm.
    """
    log = book.table("decisions")
    named = {_lawful(name): log.propensities.contains(name) for name in arms.names}
    chances = {_column(name): log.propensities.get(name, 0.0) for name in (*arms.names, *_retired(arms))}
    picked = log.select("decision_id", "borrower_id", "as_of", "arm", "commit_until", **named, **chances).order_by(
        ["as_of", "decision_id"]
    )
    frame: pd.DataFrame = picked.to_pandas()
    if frame.empty:
        remedy = "Without a log the arm is not known: start with the house policy's first night, which logs propensities."
        raise InvalidInput([Fault("table 'decisions'", "decisions with their propensities", "an empty table", remedy)])
    _refuse_unknown(set(frame["arm"].unique()) - {*arms.names, *_retired(arms)}, arms.names)
    frame = frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in ("as_of", "commit_until")})
    # Of two decisions of one instant the later by name was in force, as for the nights after it.
    in_force = ~frame.duplicated(["borrower_id", "as_of"], keep="last")
    over = int((~in_force).sum())
    notices = (f"{over:,} of {len(frame):,} decisions replaced by another of the same instant are left out",) if over else ()
    return frame[in_force].reset_index(drop=True), notices


def refuse_short(book: Book, log: pd.DataFrame, horizon_days: int) -> None:
    """Refuse a log whose commitments end before the horizon of their outcome, where no payment or event explains it.

    A log with a decision each night, and an outcome of a fortnight, gives every arm the outcomes of thirteen others: effects
    come out near zero, and one payment counts for each of the nights before it.

    Parameters
    ----------
    log : DataFrame
        From `read_log`.
    horizon_days : int
        Over which the outcome is measured.

    Raises
    ------
    InvalidInput
        Where more than a twentieth of the commitments end early and nobody knows why.
    """
    ordered = log.sort_values(["borrower_id", "as_of"])
    newer = ordered.groupby("borrower_id")["as_of"].shift(-1)
    ends = ordered[["commit_until"]].assign(newer=newer).min(axis=1)
    lasted = ends - ordered["as_of"]
    early = ordered.assign(ends=ends, lasted=lasted)[lasted < pd.Timedelta(days=horizon_days) - _DAY].sort_values("as_of")
    news = _news(book)
    met = pd.merge_asof(
        early.astype({"borrower_id": "object"}),
        news,
        left_on="as_of",
        right_on="news_at",
        by="borrower_id",
        direction="forward",
    )
    unexplained = met[~(met["news_at"] <= met["ends"])]
    if len(unexplained) > _UNEXPLAINED * len(log):
        days = float(unexplained["lasted"].dt.total_seconds().median()) / 86_400
        found = (
            f"{len(unexplained):,} of {len(log):,} that end earlier (half of them after {days:.3g} days or less), by their "
            "`commit_until` or by a newer decision, without a payment or an event"
        )
        remedy = (
            "An outcome would count for several arms. Log a decision where a commitment begins, not every night, and hold its "
            f"arm; or measure what the commitment can do: `outcome: {{horizon_days: {max(1, round(days))}}}`."
        )
        raise InvalidInput([Fault("table 'decisions'", f"commitments of {horizon_days} days, as the outcome", found, remedy)])


def last_arms(log: pd.DataFrame, memory_days: float) -> pd.Series:
    """Return the arm of each borrower's decision before, where it has not ended too long ago, as a night sees it."""
    before = log.groupby("borrower_id")[["arm", "commit_until"]].shift()
    recent = before["commit_until"] >= log["as_of"] - pd.Timedelta(days=memory_days)
    arm: pd.Series = before["arm"].where(recent)
    return arm


def among_given(log: pd.DataFrame, arms: ArmCatalogue) -> NDArray[np.float64]:
    """Return propensities of shape (n, K), given that no retired arm was drawn: the rows of those are left out."""
    own, gone = ([_column(name) for name in names] for names in (arms.names, _retired(arms)))
    left = 1.0 - log[gone].to_numpy(dtype=np.float64).sum(axis=1, keepdims=True)
    chances: NDArray[np.float64] = log[own].to_numpy(dtype=np.float64) / left
    return chances


def lawful_arms(log: pd.DataFrame, arms: ArmCatalogue) -> NDArray[np.bool_]:
    """Return the arms that the log names, with whatever probability, of shape (n, K)."""
    lawful: NDArray[np.bool_] = log[[_lawful(name) for name in arms.names]].to_numpy(dtype=bool)
    return lawful


def _news(book: Book) -> pd.DataFrame:
    """Return what may end a commitment early, and when it became known: a posting of the borrower's, or a clearing event."""
    events = book.table("status_events").filter(lambda t: t.kind.isin(CLEARING_KINDS))
    payments, loans = book.table("payments"), book.table("loans")
    posted = payments.join(loans, "loan_id").select("borrower_id", news_at="posted_at")
    found = events.select("borrower_id", news_at="known_at").union(posted).distinct().to_pandas()
    kinds = {"borrower_id": "object", "news_at": "datetime64[us]"}
    found = found.astype(kinds).sort_values("news_at", ignore_index=True)
    news: pd.DataFrame = found.assign(news_at=found["news_at"].dt.tz_localize("UTC"))
    return news


def _retired(arms: ArmCatalogue) -> list[str]:
    return [arm.name for arm in arms.retired]


def _refuse_unknown(unknown: set[Any], known: Sequence[str]) -> None:
    if unknown:
        raise InvalidInput([unknown_arm_fault(str(name), known, "arm in table 'decisions'") for name in sorted(unknown)])


def _lawful(arm: str) -> str:
    return f"lawful: {arm}"


def _column(arm: str) -> str:
    return f"propensity of {arm}"
