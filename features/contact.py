"""Contact history: what was tried, through which channel, what came of it, how tired it may have made the borrower."""

from typing import Any

import ibis

from ..data.vocabulary import CHANNELS, DELIVERED_OUTCOMES, FAILED_OUTCOMES, REACHED_OUTCOMES
from .assemble import SECONDS_PER_DAY, attach, days_between, seconds_between, share, zero_filled
from .definition import family
from .known import Known
from .windows import WINDOWS, Measure, window_totals

_WATCHED = ("sms", "call")  # the channels that carry most contacts get every window, the others one
_RARER = tuple(channel for channel in CHANNELS if channel not in _WATCHED)
_MESSAGES = ("sms", "email", "app_push", "im")
_HALF_LIVES = (7, 30)  # days
# Weights of decay are whole numbers in units of 2^-40, so that their sum is exact in any order.
_UNIT = 2.0**40

FEATURES = family(
    "contact history",
    *((f"contact_count_{days}d", "contacts", f"Outbound contacts of the last {days} days.") for days in WINDOWS),
    *(
        (f"contact_{channel}_count_{days}d", "contacts", f"Outbound contacts by {channel} of the last {days} days.")
        for channel in _WATCHED
        for days in WINDOWS
    ),
    *((f"contact_{channel}_count_90d", "contacts", f"Outbound contacts by {channel}, last 90 days.") for channel in _RARER),
    *(
        (f"contact_conversation_count_{days}d", "contacts", f"Outbound contacts of {days} days that became a conversation.")
        for days in WINDOWS
    ),
    *(
        (f"contact_{what}_count_{days}d", "contacts", f"Outbound contacts of {days} days with a {outcomes} outcome.")
        for what, outcomes in (("delivered", "delivered"), ("read", "reached"), ("failed", "failed"))
        for days in (30, 365)
    ),
    ("days_since_contact", "days", "Days since the last outbound contact."),
    ("days_since_contact_sms", "days", "Days since the last outbound SMS."),
    ("days_since_contact_call", "days", "Days since the last outbound call."),
    ("days_since_conversation", "days", "Days since the last outbound contact that became a conversation."),
    *(
        (f"contact_fatigue_{days}d", "contacts", f"Outbound contacts, each halved per {days} whole days of its age.")
        for days in _HALF_LIVES
    ),
    ("message_delivered_share_365d", "share", "Outbound messages of the last 365 days with a delivered outcome."),
    ("message_read_share_365d", "share", "Outbound messages of the last 365 days with a reached outcome."),
    ("call_conversation_share_365d", "share", "Outbound calls of the last 365 days that became a conversation."),
    ("decided_contact_share_90d", "share", "Outbound contacts of the last 90 days that carry a decision's id."),
    ("decision_count_365d", "decisions", "Decisions of the last 365 days."),
    ("days_since_decision", "days", "Days since the last decision."),
    ("last_decision_contact_count", "contacts", "Outbound contacts that carry the id of the last decision."),
    ("last_decision_contact_rate", "contacts per week", "These over the weeks (at least a day) its commitment has stood."),
)  # fmt: skip


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    outbound = known.contacts.filter(known.contacts.is_out)
    table = attach(known.points.select("point_id", "as_of"), _history(outbound), _decisions(known, outbound))
    counts = [feature.name for feature in FEATURES if "_count_" in feature.name]
    return table.select(
        "point_id", "last_decision_contact_count", "last_decision_contact_rate",
        **zero_filled(table, counts),
        days_since_contact=days_between(table.as_of, table.last_at),
        days_since_contact_sms=days_between(table.as_of, table.last_sms_at),
        days_since_contact_call=days_between(table.as_of, table.last_call_at),
        days_since_conversation=days_between(table.as_of, table.last_talk_at),
        days_since_decision=days_between(table.as_of, table.decided_at),
        **{f"contact_fatigue_{days}d": table[f"weights_{days}d"].fill_null(0) / _UNIT for days in _HALF_LIVES},
        message_delivered_share_365d=share(table.messages_delivered, table.messages),
        message_read_share_365d=share(table.messages_read, table.messages),
        call_conversation_share_365d=share(table.calls_talked, table.contact_call_count_365d),
        decided_contact_share_90d=share(table.decided, table.contact_count_90d),
    )  # fmt: skip


def _by(channel: str) -> Any:
    return lambda t: t.channel == channel


def _with(outcomes: tuple[str, ...], channels: tuple[str, ...] = CHANNELS) -> Any:
    if channels == CHANNELS:
        return lambda t: t.outcome.isin(outcomes)
    return lambda t: t.outcome.isin(outcomes) & t.channel.isin(channels)


def _weight(days: int) -> Any:
    """Return the integer weight of a contact, halved per so many days."""
    return lambda t: (2.0 ** (-t.age_days / float(days)) * _UNIT).round().cast("int64")


def _measures() -> tuple[Measure, ...]:
    talked = ("conversation",)
    return (
        Measure("any"),
        *(Measure(channel, _by(channel)) for channel in CHANNELS),
        Measure("talked", _with(talked)),
        Measure("delivered", _with(DELIVERED_OUTCOMES)),
        Measure("read", _with(REACHED_OUTCOMES)),
        Measure("failed", _with(FAILED_OUTCOMES)),
        Measure("messages", lambda t: t.channel.isin(_MESSAGES)),
        Measure("messages_delivered", _with(DELIVERED_OUTCOMES, _MESSAGES)),
        Measure("messages_read", _with(REACHED_OUTCOMES, _MESSAGES)),
        Measure("calls_talked", _with(talked, ("call",))),
        Measure("decided", lambda t: t.decision_id.notnull()),
        Measure("last_at", latest=lambda t: t["at"]),
        Measure("last_sms_at", _by("sms"), latest=lambda t: t["at"]),
        Measure("last_call_at", _by("call"), latest=lambda t: t["at"]),
        Measure("last_talk_at", _with(talked), latest=lambda t: t["at"]),
        *(Measure(f"weights_{days}d", total=_weight(days)) for days in _HALF_LIVES),
    )


def _history(outbound: Any) -> Any:
    whole_days = (seconds_between(outbound.as_of, outbound["at"]) / SECONDS_PER_DAY).floor()
    events = outbound.select("point_id", "at", "band", "channel", "outcome", "decision_id", age_days=whole_days)
    wanted: dict[str, tuple[str, int | None]] = {f"contact_count_{days}d": ("any", days) for days in WINDOWS}
    wanted |= {f"contact_{channel}_count_{days}d": (channel, days) for channel in _WATCHED for days in WINDOWS}
    wanted |= {f"contact_{channel}_count_90d": (channel, 90) for channel in _RARER}
    wanted |= {f"contact_conversation_count_{days}d": ("talked", days) for days in WINDOWS}
    wanted |= {f"contact_{what}_count_{days}d": (what, days) for what in ("delivered", "read", "failed") for days in (30, 365)}
    wanted |= {name: (name, 365) for name in ("messages", "messages_delivered", "messages_read", "calls_talked")}
    wanted |= {"decided": ("decided", 90)}
    wanted |= {name: (name, None) for name in ("last_at", "last_sms_at", "last_call_at", "last_talk_at")}
    wanted |= {f"weights_{days}d": (f"weights_{days}d", None) for days in _HALF_LIVES}
    return window_totals(events, _measures(), wanted)


def _decisions(known: Known, outbound: Any) -> Any:
    points = known.points.select("point_id", "borrower_id", "from_365d", now="as_of")
    log = known.book.table("decisions").select("decision_id", "borrower_id", "commit_until", decided_at="as_of")
    own = points.join(log, [points.borrower_id == log.borrower_id, log.decided_at < points.now])
    newest = ibis.window(group_by=own.point_id, order_by=[own.decided_at.desc(), own.decision_id.desc()])
    of_point = ibis.window(group_by=own.point_id)
    ranked = own.mutate(
        place=ibis.row_number().over(newest),
        decision_count_365d=own.count(where=own.decided_at >= own.from_365d).over(of_point),
    )
    last = ranked.filter(ranked.place == 0)
    done = outbound.filter(outbound.decision_id.notnull()).select(done_point="point_id", done_id="decision_id")
    both = last.left_join(done, [last.point_id == done.done_point, last.decision_id == done.done_id])
    key = ["point_id", "now", "decided_at", "commit_until", "decision_count_365d"]
    sums = both.group_by(key).agg(contacts=both.done_id.count())
    stood = seconds_between(ibis.least(sums.now, sums.commit_until), sums.decided_at)
    weeks = ibis.greatest(stood, int(SECONDS_PER_DAY)) / (7 * SECONDS_PER_DAY)
    return sums.select(
        "point_id", "decided_at", "decision_count_365d",
        last_decision_contact_count=sums.contacts,
        last_decision_contact_rate=sums.contacts / weeks,
    )  # fmt: skip
