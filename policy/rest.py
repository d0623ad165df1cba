"""What is left of a standing decision's calendar."""

import ibis
import numpy as np
import pandas as pd

from ..data.arms import ArmCatalogue
from ..data.book import Book
from .calendar import Calendar, assemble, lay_steps
from .dose import planned_contacts
from .rule_engine import Step
from .rules import UNKNOWN_BORROWER, Planner
from .zones import DAY, Micros


def lay_rest(planner: Planner, arms: ArmCatalogue, book: Book, decisions: pd.DataFrame) -> Calendar:
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

    Returns
    -------
    Calendar
    """
    begun = decisions["as_of"].to_numpy().astype("datetime64[us]").astype(np.int64)
    made = _made(book, planner, decisions["decision_id"])
    blocked = np.full(len(decisions), None, dtype=object)
    blocked[~planner.facts.known] = UNKNOWN_BORROWER
    pieces: list[pd.DataFrame] = []
    for engine in planner.engines:
        own = pd.DataFrame(
            {"arm": decisions["arm"].to_numpy()[engine.rows], "begun": begun[engine.rows], "made": made[engine.rows]}
        )
        for _, group in own.groupby(["arm", "begun", "made"]):
            first = group.iloc[0]
            steps = _rest_of(planner, arms, str(first["arm"]), int(first["begun"]), int(first["made"]))
            if steps:
                pieces += lay_steps(planner, engine, steps, group.index.to_numpy(dtype=np.int64), blocked)
    return _within_commitment(assemble(planner, pieces, blocked), decisions)


def _within_commitment(calendar: Calendar, decisions: pd.DataFrame) -> Calendar:
    """Leave out the windows that open when the commitment has ended: what comes then is for a new decision."""
    until = decisions.set_index("borrower_id")["commit_until"].dt.tz_localize("UTC")
    windows = calendar.windows
    kept = windows["start"].to_numpy() < until.reindex(windows["borrower_id"]).to_numpy()
    return Calendar(windows[kept].reset_index(drop=True), calendar.blocked_by)


def _rest_of(planner: Planner, arms: ArmCatalogue, name: str, begun: int, made: int) -> list[Step]:
    """Return the contacts still to be made: not made, and not overtaken by the next one's time."""
    arm = arms[name]
    interval = arm.interval_days or 0.0
    planned = planned_contacts(arm, planner.settings.outcome.horizon_days)[made:]
    times = [(begun + round(one.offset_days * DAY), one.channel) for one in planned]
    pending = [(at, channel) for at, channel in times if at + round(interval * DAY) > planner.facts.as_of]
    return [Step(max(at, planner.facts.as_of), channel, round(interval * DAY / 2)) for at, channel in pending]


def _made(book: Book, planner: Planner, decision_ids: pd.Series) -> Micros:
    """Count the outbound contacts of each decision that were known at as_of."""
    contacts = book.table("contacts")
    instant = ibis.literal(np.datetime64(planner.facts.as_of, "us").item(), type="timestamp")
    known = contacts.filter((contacts.known_at < instant) & (contacts.direction == "out") & contacts.decision_id.notnull())  # noqa: PD004  ibis
    counts = known.group_by("decision_id").agg(made=known.count()).to_pandas().set_index("decision_id")["made"]
    found: Micros = counts.reindex(decision_ids.to_numpy()).fillna(0).to_numpy(dtype=np.int64)
    return found
