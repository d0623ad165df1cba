"""What is left of a standing decision's calendar."""

import ibis
import numpy as np
import pandas as pd

from ..data.arms import Arm, ArmCatalogue
from ..data.book import Book
from .calendar import Calendar, assemble, delayed, lay_steps
from .dose import planned_contacts
from .law.engine import Step
from .rules import UNKNOWN_BORROWER, Planner
from .zones import DAY, HOUR, Micros


def lay_rest(
    planner: Planner, arms: ArmCatalogue, book: Book, decisions: pd.DataFrame, delay: Micros | None = None
) -> Calendar:
    """Lay what is left of each standing decision, from the planner's as_of on.

    Contacts that were made are not made again; one whose successor's time has come is not made up for, so that an outage
    does not end in a burst.

    Parameters
    ----------
    planner : Planner
        Of the decisions' borrowers, in their order.
    arms : ArmCatalogue
        Retired arms may stand.
    book : Book
        Its contacts tell what was made.
    decisions : DataFrame of shape (n, ...)
        decision_id, borrower_id, as_of and commit_until (UTC without a zone), arm.
    delay : ndarray of shape (n,), optional
        Days by which the rest of each plan is laid later than it could be.

    Returns
    -------
    Calendar
    """
    blocked = np.full(len(decisions), None, dtype=object)
    blocked[~planner.facts.known] = UNKNOWN_BORROWER
    state = _state(planner, arms, book, decisions).assign(later=0 if delay is None else delay)
    pieces: list[pd.DataFrame] = []
    for engine in planner.engines:
        own = state.iloc[engine.rows].reset_index(drop=True)
        for _, group in own.groupby(["arm", "begun", "made", "resumed", "later"]):
            first = group.iloc[0]
            begun, made, resumed = (int(first[name]) for name in ("begun", "made", "resumed"))
            steps = _rest_of(planner, arms[str(first["arm"])], begun, made, resumed)
            if steps:
                place = group.index.to_numpy(dtype=np.int64)
                pieces += lay_steps(planner, engine, delayed(steps, int(first["later"])), place, blocked)
    return _within_commitment(assemble(planner, pieces, blocked), decisions)


def rest_slack(planner: Planner, arms: ArmCatalogue, decisions: pd.DataFrame) -> Micros:
    """Return by how many days what is left of each plan may be laid later without its next contact being overtaken.

    Returns
    -------
    ndarray of shape (n,)
        Days.
    """
    interval = decisions["arm"].map(lambda name: arms[name].interval_days or 1.0).to_numpy(dtype=np.float64)
    begun = decisions["as_of"].to_numpy().astype("datetime64[us]").astype(np.int64)
    elapsed = (planner.facts.as_of - begun) / DAY
    left = interval - np.mod(elapsed, interval)
    return np.asarray(np.maximum(np.ceil(left) - 1, 0), dtype=np.int64)


def _within_commitment(calendar: Calendar, decisions: pd.DataFrame) -> Calendar:
    """Leave out the windows that open when the commitment has ended: what comes then is for a new decision."""
    until = decisions.set_index("borrower_id")["commit_until"].dt.tz_localize("UTC")
    windows = calendar.windows
    kept = windows["start"].to_numpy() < until.reindex(windows["borrower_id"]).to_numpy()
    return Calendar(windows[kept].reset_index(drop=True), calendar.blocked_by)


def _rest_of(planner: Planner, arm: Arm, begun: int, made: int, resumed: int) -> list[Step]:
    """Return the contacts still to be made: not made, and not overtaken by the next one's time.

    Where the first comes late, the others keep the arm's own pace from it: a week after an outage has no more contacts than
    any other.
    """
    interval = round((arm.interval_days or 0.0) * DAY)
    planned = planned_contacts(arm, planner.settings.outcome.horizon_days)[made:]
    times = [(begun + round(one.offset_days * DAY), one.channel) for one in planned]
    pending = [(at, channel) for at, channel in times if at + interval > resumed]
    late = bool(pending) and pending[0][0] < planner.facts.as_of - DAY
    spacing = _pace(interval) if late else interval // 2
    return [Step(max(at, resumed), channel, spacing) for at, channel in pending]


def _pace(interval: int) -> int:
    """Return how long after a contact the next one comes at the arm's own pace, to the half day: hours move by the clock."""
    return max(interval // 2, interval - DAY // 2)


def _state(planner: Planner, arms: ArmCatalogue, book: Book, decisions: pd.DataFrame) -> pd.DataFrame:
    """Return arm, begun, made (contacts), and resumed: the instant before which nothing is left to be made.

    `resumed` is as_of, or later where the last contact was made a moment ago: what came late is not followed at once by what
    had been planned after it. It is cut to the hour, so that borrowers in the same state are laid together.
    """
    found = _made(book, planner, decisions["decision_id"])
    interval = decisions["arm"].map(lambda name: round((arms[name].interval_days or 0.0) * DAY)).to_numpy(dtype=np.int64)
    pace = np.maximum(interval // 2, interval - DAY // 2)
    again = np.where(found["last"] > 0, -(-(found["last"] + pace) // HOUR) * HOUR, 0)
    return pd.DataFrame(
        {
            "arm": decisions["arm"].to_numpy(),
            "begun": decisions["as_of"].to_numpy().astype("datetime64[us]").astype(np.int64),
            "made": found["made"].to_numpy(),
            "resumed": np.maximum(again, planner.facts.as_of),
        }
    )


def _made(book: Book, planner: Planner, decision_ids: pd.Series) -> pd.DataFrame:
    """Return each decision's outbound contacts that were known at as_of: made (how many), last (UTC microseconds, or 0)."""
    contacts = book.table("contacts")
    instant = ibis.literal(np.datetime64(planner.facts.as_of, "us").item(), type="timestamp")
    known = contacts.filter((contacts.known_at < instant) & (contacts.direction == "out") & contacts.decision_id.notnull())  # noqa: PD004  ibis
    sums = known.group_by("decision_id").agg(made=known.count(), last=known.at.max()).to_pandas().set_index("decision_id")
    rows = sums.reindex(decision_ids.to_numpy())
    last = rows["last"].astype("datetime64[us]")
    micros = np.where(last.isna(), 0, last.to_numpy().astype(np.int64))
    return pd.DataFrame({"made": rows["made"].fillna(0).to_numpy(dtype=np.int64), "last": micros.astype(np.int64)})
