"""Reminders before the due day: a regime of their own. Who is reminded owes nothing yet, and is not in any decision."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import ibis
import numpy as np
import pandas as pd

from ..data.arms import DAYS_PER_WEEK, Arm, ArmCatalogue
from ..data.book import Book
from ..features.ledger import known_dues, point_loans
from ..features.points import decision_points
from .calendar import lay_calendar
from .law.engine import LAWFUL_HOURS, PREFERRED_HOURS, TIGHT
from .reasons import Reason
from .rules import Planner, RulePack
from .settings import PolicySettings

REGIME: Final = "pre_due"
COLUMNS: Final = (
    "borrower_id", "as_of", "regime", "channel", "due_on", "amount", "currency", "contact_from", "contact_to", "template",
)  # fmt: skip
_TEMPLATE: Final = "reminder"


def pre_due_reminders(
    book: Book, as_of: datetime, settings: PolicySettings, packs: Sequence[RulePack], excluded: pd.DataFrame
) -> pd.DataFrame:
    """Return one reminder for everyone whose next due day is so many days ahead, where nothing but that forbids a contact.

    Parameters
    ----------
    book : Book
    as_of : datetime
        Aware.
    settings : PolicySettings
    packs : sequence of RulePack
        The same rules and caps as for any contact.
    excluded : DataFrame
        From `guards.guard` on all borrowers: only those for whom "nothing is overdue" is the one and only reason are reminded.

    Returns
    -------
    DataFrame
        A row per borrower and currency, by borrower_id; empty where the section is not enabled or the stop switch is on.
    """
    if not settings.pre_due.enabled or settings.halted:
        return _empty()
    calm = excluded.loc[excluded["detail"] == str(Reason.NOT_OVERDUE), "borrower_id"]
    due = _dues(book, calm, as_of, settings)
    if due.empty:
        return _empty()
    # A borrower is written to once, whatever falls due that day.
    people = due["borrower_id"].drop_duplicates().reset_index(drop=True)
    windows = _windows(book, people, as_of, settings, packs)
    rows = due.merge(windows, on="borrower_id")
    known = {(one.kind, one.tone): one.id for one in reversed(settings.messages.templates)}
    rows = rows.assign(as_of=pd.Timestamp(as_of), regime=REGIME, template=known[_TEMPLATE, "friendly"])
    # A reminder that would come after the due day is none.
    day = pd.to_datetime(rows["due_on"])
    rows = rows.assign(due_on=day.dt.date)[rows["contact_day"] <= day]
    return rows.sort_values(["borrower_id", "currency"], ignore_index=True)[list(COLUMNS)]


def _dues(book: Book, borrower_ids: pd.Series, as_of: datetime, settings: PolicySettings) -> pd.DataFrame:
    points = decision_points(borrower_ids.to_numpy(), as_of, settings.ledger)
    with book.points(points) as lent:
        owned = point_loans(book, lent, "borrower_id")
        loans = book.table("loans").select("loan_id", "currency")
        owned = owned.filter(owned.is_open).join(loans, "loan_id")
        dues: Any = known_dues(book, owned, settings.ledger)
        ahead = ibis.interval(days=settings.pre_due.days_before)
        tomorrow = dues.filter(dues.due_on == (dues.as_of_date + ahead).cast("date"))
        sums = tomorrow.group_by(["borrower_id", "currency", "due_on"]).agg(amount=tomorrow.amount.sum())
        return pd.DataFrame(sums.to_pandas())


def _windows(
    book: Book, people: pd.Series, as_of: datetime, settings: PolicySettings, packs: Sequence[RulePack]
) -> pd.DataFrame:
    """Lay one contact each, on the first channel that the rules leave."""
    once = DAYS_PER_WEEK / settings.outcome.horizon_days
    channels = settings.pre_due.channels
    arms = ArmCatalogue([Arm("none"), *(Arm(channel, **{channel: once}) for channel in channels)])  # type: ignore[arg-type]
    planner = Planner.of(packs, book, as_of, people.tolist(), settings)
    mask = planner.lawful(arms).mask[:, 1:]
    chosen = np.where(mask.any(axis=1), mask.argmax(axis=1) + 1, 0).astype(np.int64)
    # A reminder comes before the due day or not at all: a working day later would often be that very day.
    laid = lay_calendar(planner, arms, chosen, comforts=(PREFERRED_HOURS, LAWFUL_HOURS, TIGHT)).windows
    return pd.DataFrame(
        {
            "borrower_id": laid["borrower_id"].astype("str"),
            "channel": laid["channel"],
            "contact_from": laid["start_local"],
            "contact_to": laid["end_local"],
            "contact_day": pd.to_datetime(laid["start_local"].str[:10]),
        }
    )


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})
