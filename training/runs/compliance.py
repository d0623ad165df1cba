"""Planned against executed: how far what was committed was also done. Effects are of what was assigned.

A commitment's contacts are planned a night at a time. One is called off where the debt is paid, or another clearing event
became known, before the night it belongs to; what is then left was due, and is held against the contacts that were made.
Each night judges as `policy.commitments.standing_decisions` does: who owes again after a payment is contacted again.
"""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ...data.arms import ArmCatalogue
from ...data.book import Book
from ...data.vocabulary import CHANNELS, DELIVERED_OUTCOMES
from ...features.ledger import net_amount, point_loans, position
from ...features.points import decision_points
from ...policy.commitments import CLEARING_KINDS
from ...policy.dose import planned_contacts
from ...policy.settings import PolicySettings
from ..rows.exposure import planned_kind
from ..rows.table import TrainingTable

_COUNTS = ("commitments", "planned", "stopped_by_payment", "stopped_by_event", "due", "executed", "delivered", "in_outage")
COLUMNS = ("arm", "channel", *_COUNTS, "executed_share", "delivered_share", "outage_share")
_DAY = pd.Timedelta(days=1)


def compliance_table(book: Book, table: TrainingTable, arms: ArmCatalogue, settings: PolicySettings) -> pd.DataFrame:
    """Hold the contacts that arms planned against those that were made.

    Parameters
    ----------
    table : TrainingTable
        Commitments of the book's decision log.

    Returns
    -------
    DataFrame
        A row per arm and channel that it plans or that was used under it: commitments; contacts planned over the horizon; of
        them called off by payment and by another event (a stop, promise, complaint, a newer decision, the commitment's end);
        due; executed and delivered (also beyond the plan); due on days on which the channel was down for half the day or
        more. Shares: executed and in outage of what was due, delivered of what was executed; missing where that is nothing.
        Empty where the table is of landmarks: nobody knows what was planned.
    """
    if table.estimated or not len(table):
        return pd.DataFrame(columns=list(COLUMNS))
    rows = _with_ends(book, table, settings)
    slots = _slots(rows, arms, settings.outcome.horizon_days)
    slots["paid"] = slots["paid"] & ~_owing(book, slots, settings)
    slots["down"] = _down(book, slots)
    slots["ended"] &= ~slots["paid"]
    due = ~(slots["paid"] | slots["ended"])
    planned = slots.assign(due=due, in_outage=slots["down"] & due).groupby(["arm", "channel"], observed=True)
    sums = planned[["paid", "ended", "due", "in_outage"]].sum().assign(planned=planned.size())
    names = {"paid": "stopped_by_payment", "ended": "stopped_by_event"}
    found = sums.rename(columns=names).join(_executed(book, rows), how="outer").fillna(0.0).reset_index()
    return _finished(found, rows, arms)


def said_of(compliance: pd.DataFrame) -> str:
    """Say in one sentence how far plans were carried out."""
    n = {name: compliance[name].sum() for name in _COUNTS}
    if n["due"] == 0:
        made = f", and {n['executed']:,.0f} were made all the same" if n["executed"] else ""
        return f"compliance: no contact was due{made}"
    return (
        f"compliance: {n['executed']:,.0f} contacts made of {n['due']:,.0f} due ({n['executed'] / n['due']:.1%}); of "
        f"{n['planned']:,.0f} planned, {n['stopped_by_payment']:,.0f} were called off by payment and "
        f"{n['stopped_by_event']:,.0f} by other events; {n['in_outage']:,.0f} fell into an outage; "
        f"{n['delivered'] / max(n['executed'], 1):.1%} of those made were delivered. Effects are of what was assigned"
    )


def _with_ends(book: Book, table: TrainingTable, settings: PolicySettings) -> pd.DataFrame:
    """Return the commitments with when each was paid by the booked ledger and when something else ended it (naive UTC)."""
    rows = table.rows[["decision_id", "borrower_id", "as_of", "arm"]].reset_index(drop=True)
    points = decision_points(rows["borrower_id"].to_numpy(), pd.DatetimeIndex(rows["as_of"]), settings.ledger)
    with book.points(points) as lent:
        paid = _first_paid(book, lent, settings).to_pandas().set_index("point_id")["at"]
        event = _first_event(book, lent).to_pandas().set_index("point_id")["at"]
    log = book.table("decisions").select("decision_id", "borrower_id", "as_of", "commit_until").to_pandas()
    log = log.sort_values(["borrower_id", "as_of", "decision_id"])
    log["over"] = log[["commit_until"]].assign(newer=log.groupby("borrower_id")["as_of"].shift(-1)).min(axis=1)
    return rows.assign(
        as_of=rows["as_of"].dt.tz_convert("UTC").dt.tz_localize(None),
        paid_at=paid.reindex(rows.index).astype("datetime64[us]").to_numpy(),
        event_at=event.reindex(rows.index).astype("datetime64[us]").to_numpy(),
        over_at=log.set_index("decision_id")["over"].reindex(rows["decision_id"]).to_numpy(),
    )


def _first_paid(book: Book, points: Any, settings: PolicySettings) -> Any:
    """Return point_id and when what was overdue at as_of had been booked as paid, within the horizon."""
    spoken = position(book, points, settings.ledger).select("point_id", "currency", "overdue_amount")
    owned = point_loans(book, points)
    owned = owned.filter(owned.is_open).join(spoken, ["point_id", "currency"])
    payments = book.table("payments")
    joined = owned.join(payments, "loan_id")
    end = joined.as_of + ibis.interval(days=settings.outcome.horizon_days)
    booked = joined.filter((joined.posted_at >= joined.as_of) & (joined.posted_at < end))
    booked = booked.select("point_id", "overdue_amount", "posted_at", "payment_id", net=net_amount(booked))
    window = ibis.cumulative_window(group_by=booked.point_id, order_by=[booked.posted_at, booked.payment_id])
    running = booked.mutate(sum=booked.net.sum().over(window))
    rest = running.overdue_amount.cast("float64") - running["sum"].cast("float64")
    covered = running.filter(rest <= settings.ledger.de_minimis)
    return covered.group_by("point_id").agg(at=covered.posted_at.min())


def _first_event(book: Book, points: Any) -> Any:
    """Return point_id and when a clearing event became known after as_of."""
    events = book.table("status_events").filter(lambda t: t.kind.isin(CLEARING_KINDS)).select("borrower_id", "known_at")
    joined = points.join(events, "borrower_id")
    later = joined.filter(joined.known_at >= joined.as_of)
    return later.group_by("point_id").agg(at=later.known_at.min())


def _slots(rows: pd.DataFrame, arms: ArmCatalogue, horizon_days: int) -> pd.DataFrame:
    """Return every planned contact: arm, channel, the start of its day, and whether payment or another event came before."""
    plans = pd.DataFrame(
        [
            (arm.name, contact.channel, int(contact.offset_days))
            for arm in arms
            for contact in planned_contacts(arm, horizon_days)
        ],
        columns=["arm", "channel", "day"],
    )
    slots = rows.merge(plans, on="arm")
    start = slots["as_of"] + slots["day"] * _DAY
    # What becomes known during a day comes too late for its contacts, or just in time: nobody can say, so the night before
    # decides, by what was known before it.
    over = (slots["over_at"] <= start) | (slots["event_at"] < start)
    paid = slots["paid_at"] < start
    ended_at = slots[["over_at", "event_at"]].min(axis=1)
    first = paid & ~(over & (ended_at < slots["paid_at"]))
    return slots[["borrower_id", "arm", "channel"]].assign(start=start, paid=first, ended=over)


def _owing(book: Book, slots: pd.DataFrame, settings: PolicySettings) -> pd.Series:
    """Tell of the contacts that a payment called off which were due again: something was overdue on their own night."""
    nights = slots.loc[slots["paid"], ["borrower_id", "start"]].drop_duplicates(ignore_index=True)
    points = decision_points(nights["borrower_id"].to_numpy(), nights["start"].dt.tz_localize("UTC"), settings.ledger)
    with book.points(points) as lent:
        owed = position(book, lent, settings.ledger).filter(lambda t: t.days_past_due > 0).select("point_id").to_pandas()
    again = pd.MultiIndex.from_frame(nights.iloc[owed["point_id"].to_numpy()])
    return pd.Series(pd.MultiIndex.from_frame(slots[["borrower_id", "start"]]).isin(again), index=slots.index)


def _down(book: Book, slots: pd.DataFrame) -> pd.Series:
    """Tell which contacts were due on a day on which their channel was down for half of it or more."""
    hours = pd.Series(0.0, index=slots.index)
    gaps = book.table("system_gaps").to_pandas().sort_values("start_at")
    for channel, own_gaps in gaps.groupby("channel"):
        own, over = slots.loc[slots["channel"] == channel, "start"], own_gaps["start_at"].iloc[0]
        for begin, end in zip(own_gaps["start_at"], own_gaps["end_at"], strict=True):
            # Two records of one outage are one outage: each begins where those before it have ended.
            upper, first = own + _DAY, own.clip(lower=max(begin, over))
            last = upper if pd.isna(end) else upper.clip(upper=end)
            hours[own.index] += (last - first).dt.total_seconds().clip(lower=0.0) / 3_600
            if pd.isna(end):
                break
            over = max(over, end)
    return hours >= 12.0


def _executed(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """Count contacts made under the commitments, by arm and channel: those that name it, or lie in its time and name none."""
    made = planned_kind(book).select("borrower_id", "decision_id", "channel", "at", "outcome").to_pandas()
    named = made[made["decision_id"].notna()].merge(rows[["decision_id", "arm"]], on="decision_id")
    loose = made[made["decision_id"].isna()].sort_values("at")
    rows = rows.assign(over_at=rows[["over_at", "event_at"]].min(axis=1))
    starts = rows[["borrower_id", "as_of", "arm", "over_at"]].sort_values("as_of").astype({"as_of": loose["at"].dtype})
    met = pd.merge_asof(loose, starts, left_on="at", right_on="as_of", by="borrower_id")
    met = met[met["at"] < met["over_at"]]
    both = pd.concat([named[["arm", "channel", "outcome"]], met[["arm", "channel", "outcome"]]], ignore_index=True)
    found = both.assign(delivered=both["outcome"].isin(DELIVERED_OUTCOMES)).groupby(["arm", "channel"])["delivered"]
    counted: pd.DataFrame = found.agg(executed="size", delivered="sum")
    return counted


def _finished(found: pd.DataFrame, rows: pd.DataFrame, arms: ArmCatalogue) -> pd.DataFrame:
    share = found.assign(
        commitments=found["arm"].map(rows["arm"].value_counts()),
        executed_share=_ratio(found["executed"], found["due"]),
        delivered_share=_ratio(found["delivered"], found["executed"]),
        outage_share=_ratio(found["in_outage"], found["due"]),
    )
    order = [_rank(arms.names, share["arm"]), _rank(CHANNELS, share["channel"])]
    placed: pd.DataFrame = share.iloc[np.lexsort(order[::-1])][list(COLUMNS)].reset_index(drop=True)
    whole: pd.DataFrame = placed.astype(dict.fromkeys(_COUNTS, "int64"))
    return whole


def _rank(names: Sequence[str], values: pd.Series) -> Any:
    return values.map({name: k for k, name in enumerate(names)}).to_numpy()


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole).where(whole > 0)
