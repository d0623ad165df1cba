"""Willingness: promises, how late dues were settled, whether that took a contact, what answers to contact there were."""

from typing import Any

import ibis

from .assemble import attach, days_between, flag, not_below_zero, share, zero_filled
from .definition import family
from .known import Known
from .status import open_events
from .windows import Measure, window_totals

_ANSWER_DAYS = 7  # a payment within a week of a conversation is taken as an answer to it

FEATURES = family(
    "willingness",
    ("promise_count_365d", "promises", "Promises to pay given in the last 365 days."),
    ("promise_broken_count_365d", "promises", "Promises recorded as broken in the last 365 days."),
    ("promise_kept_share", "share", "Promises recorded as kept over those recorded as kept or broken."),
    ("promise_open", "0 or 1", "A promise that has not run out, with no later record of kept, broken or resolved."),
    ("days_to_promise", "days", "Days from as_of to the earliest end of an open promise."),
    ("days_since_promise", "days", "Days since the last promise was given, at least 0."),
    ("promise_followed_by_payment_share", "share", "Promises run out, during which (given to end) a payment was made."),
    ("late_days_mean", "days", "Mean over settled instalments of the local day of settlement less the due day."),
    ("late_days_max", "days", "Largest lateness of a settled instalment."),
    ("late_days_last", "days", "Lateness of the settled instalment due last; the largest where several fell due that day."),
    ("on_time_share", "share", "Settled instalments that were not settled later than due day and grace."),
    ("settled_instalment_count", "instalments", "Instalments that their loan's net payments, oldest first, have covered."),
    ("settled_loan_count", "loans", "Loans of which every known instalment is settled."),
    ("loan_late_days_mean", "days", "Mean over settled loans of the last settlement's day less the last due day."),
    (
        "first_payment_late_days_mean",
        "days",
        "Mean over loans of the local day of their first payment less their first due day.",
    ),
    (
        "self_cure_share",
        "share",
        "Instalments settled late without an outbound contact since the due day, of those settled late.",
    ),
    ("self_cure_days_mean", "days", "Mean lateness of the instalments settled late without an outbound contact."),
    ("days_from_first_contact_to_payment", "days", "Days from the first outbound contact to the first payment after it."),
    (
        "paid_after_conversation_share",
        "share",
        "Conversations 8 to 365 days old with a payment in the 7 days after, of all such.",
    ),
    ("contact_in_count_30d", "contacts", "Inbound contacts of the last 30 days."),
    ("contact_in_count_365d", "contacts", "Inbound contacts of the last 365 days."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    parts = [
        _promises(known), _open_promises(known), _promises_paid(known), _lateness(known), _settled_loans(known),
        _first_payments(known), _self_cure(known), _first_answer(known), _conversations(known), _inbound(known),
    ]  # fmt: skip
    table = attach(known.points.select("point_id", "as_of"), *parts)
    counts = [name for name in (feature.name for feature in FEATURES) if "_count" in name]
    since = days_between(table.as_of, table.promised_at)
    return table.select(
        "point_id", "promise_kept_share", "promise_followed_by_payment_share", "late_days_mean", "late_days_max",
        "late_days_last", "on_time_share", "loan_late_days_mean", "first_payment_late_days_mean", "self_cure_share",
        "self_cure_days_mean", "days_from_first_contact_to_payment", "paid_after_conversation_share",
        **zero_filled(table, counts),
        promise_open=flag(table.open_promises > 0),
        days_to_promise=days_between(table.promise_until, table.as_of),
        days_since_promise=not_below_zero(since),
    )  # fmt: skip


def _promises(known: Known) -> Any:
    measures = (
        Measure("promised", where=lambda t: t.kind == "promise"),
        Measure("kept", where=lambda t: t.kind == "promise_kept"),
        Measure("broken", where=lambda t: t.kind == "promise_broken"),
        Measure("promised_at", where=lambda t: t.kind == "promise", latest=lambda t: t["at"]),
    )
    events = known.status.filter(known.status.kind.isin(["promise", "promise_kept", "promise_broken"]))
    sums = window_totals(
        events,
        measures,
        {
            "promise_count_365d": ("promised", 365),
            "promise_broken_count_365d": ("broken", 365),
            "kept": ("kept", None),
            "broken_ever": ("broken", None),
            "promised_at": ("promised_at", None),
        },
    )
    return sums.select(
        "point_id", "promise_count_365d", "promise_broken_count_365d", "promised_at",
        promise_kept_share=share(sums.kept, sums.kept + sums.broken_ever),
    )  # fmt: skip


def _open_promises(known: Known) -> Any:
    still = open_events(known.status, ["promise"])
    return still.group_by("point_id").agg(open_promises=still.count(), promise_until=still.until.min())


def _promises_paid(known: Known) -> Any:
    """Judge promises by the money, whether or not anybody recorded them as kept."""
    promises = known.status.filter((known.status.kind == "promise") & (known.status.until < known.status.as_of))
    # Two promises of the same span are one: there is no id to tell them apart.
    promises = promises.select("point_id", given_at="at", until="until").distinct()
    made = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    made = made.select(payer="point_id", paid_at="paid_at")
    paid = promises.join(
        made, [promises.point_id == made.payer, made.paid_at >= promises.given_at, made.paid_at <= promises.until]
    )
    paid = paid.select("point_id", "given_at", "until").distinct()
    paid = paid.group_by("point_id").agg(paid_promises=paid.count())
    due = promises.group_by("point_id").agg(due_promises=promises.count())
    both = attach(due, paid)
    return both.select("point_id", promise_followed_by_payment_share=share(both.paid_promises.fill_null(0), both.due_promises))


def _lateness(known: Known) -> Any:
    settled = known.settled
    newest = ibis.window(group_by=settled.point_id, order_by=[settled.due_on.desc(), settled.late_days.desc()])
    ranked = settled.select("point_id", "late_days", place=ibis.row_number().over(newest))
    on_time = ranked.late_days <= known.ledger.grace_days
    sums = ranked.group_by("point_id").agg(
        settled_instalment_count=ranked.count(),
        late_sum=ranked.late_days.sum(),
        late_days_max=ranked.late_days.max(),
        late_days_last=ranked.late_days.max(where=ranked.place == 0),
        on_time=ranked.count(where=on_time),
    )
    return sums.select(
        "point_id", "settled_instalment_count", "late_days_max", "late_days_last",
        late_days_mean=share(sums.late_sum, sums.settled_instalment_count),
        on_time_share=share(sums.on_time, sums.settled_instalment_count),
    )  # fmt: skip


def _settled_loans(known: Known) -> Any:
    key = ["point_id", "loan_id"]
    dues, settled = known.dues, known.settled
    owed = dues.group_by(key).agg(dues=dues.count(), last_due_on=dues.due_on.max())
    done = settled.group_by(key).agg(settled=settled.count(), last_settled_on=settled.settled_on.max())
    both = owed.join(done, key)
    both = both.filter(both.dues == both.settled)
    late = both.select("point_id", late_days=both.last_settled_on.delta(both.last_due_on, unit="day"))
    sums = late.group_by("point_id").agg(settled_loan_count=late.count(), late_sum=late.late_days.sum())
    return sums.select("point_id", "settled_loan_count", loan_late_days_mean=share(sums.late_sum, sums.settled_loan_count))


def _first_payments(known: Known) -> Any:
    key = ["point_id", "loan_id"]
    made = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    first = made.group_by(key).agg(first_paid_on=made.paid_on.min())
    owed = known.dues.group_by(key).agg(first_due_on=known.dues.due_on.min())
    both = owed.join(first, key)
    late = both.select("point_id", late_days=both.first_paid_on.delta(both.first_due_on, unit="day"))
    sums = late.group_by("point_id").agg(loans=late.count(), late_sum=late.late_days.sum())
    return sums.select("point_id", first_payment_late_days_mean=share(sums.late_sum, sums.loans))


def _self_cure(known: Known) -> Any:
    settled = known.settled.filter(known.settled.late_days > known.ledger.grace_days)
    order = ibis.window(order_by=[settled.point_id, settled.loan_id, settled.due_on, settled.settled_at])
    late = settled.select("point_id", "due_on", "settled_at", "late_days", case=ibis.row_number().over(order))
    tried = known.contacts.filter(known.contacts.is_out).select(tried_point="point_id", tried_at="at", tried_on="on")
    # Contacts of the due day itself are reminders before the due, not collection after it.
    touched = late.join(
        tried, [late.point_id == tried.tried_point, tried.tried_on > late.due_on, tried.tried_at < late.settled_at]
    )
    touched = touched.select(touched_case="case").distinct()
    both = late.left_join(touched, late["case"] == touched.touched_case)
    alone = both.touched_case.isnull()
    sums = both.group_by("point_id").agg(
        late=both.count(), alone=both.count(where=alone), alone_days=both.late_days.sum(where=alone)
    )
    return sums.select(
        "point_id", self_cure_share=share(sums.alone, sums.late), self_cure_days_mean=share(sums.alone_days, sums.alone)
    )


def _first_answer(known: Known) -> Any:
    tried = known.contacts.filter(known.contacts.is_out)
    first = tried.group_by("point_id").agg(first_at=tried["at"].min())
    made = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    made = made.select(payer="point_id", paid_at="paid_at")
    after = first.join(made, [first.point_id == made.payer, made.paid_at > first.first_at])
    answer = after.group_by(["point_id", "first_at"]).agg(answered_at=after.paid_at.min())
    return answer.select("point_id", days_from_first_contact_to_payment=days_between(answer.answered_at, answer.first_at))


def _conversations(known: Known) -> Any:
    talks = known.contacts
    # Younger conversations have not had their week yet.
    old_enough = talks["at"] < talks.as_of - ibis.interval(days=_ANSWER_DAYS)
    talks = talks.filter((talks.outcome == "conversation") & old_enough & (talks.band <= 3))
    talks = talks.select("point_id", "contact_id", talked_at="at", week_on=talks["at"] + ibis.interval(days=_ANSWER_DAYS))
    made = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    made = made.select(payer="point_id", paid_at="paid_at")
    answered = talks.join(made, [talks.point_id == made.payer, made.paid_at > talks.talked_at, made.paid_at <= talks.week_on])
    answered = answered.select("point_id", "contact_id").distinct()
    answered = answered.group_by("point_id").agg(answered=answered.count())
    both = attach(talks.group_by("point_id").agg(talks=talks.count()), answered)
    return both.select("point_id", paid_after_conversation_share=share(both.answered.fill_null(0), both.talks))


def _inbound(known: Known) -> Any:
    inbound = known.contacts.filter(~known.contacts.is_out)
    wanted: dict[str, tuple[str, int | None]] = {f"contact_in_count_{days}d": ("inbound", days) for days in (30, 365)}
    return window_totals(inbound, (Measure("inbound"),), wanted)
