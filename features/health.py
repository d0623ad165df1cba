"""Data health: how fresh the ledger was, and whether silence was chosen or explained by an outage."""

from typing import Any

import ibis

from ..data.vocabulary import CHANNELS
from .assemble import SECONDS_PER_DAY, attach, days_between, flag, seconds_between, share
from .definition import family
from .known import Known
from .windows import age_band, in_64_bits

_GAP_DAYS = 30
_GAP_CHANNELS = ("sms", "call")

FEATURES = family(
    "data health",
    ("ledger_lag_days", "days", "Days since the newest posting of any payment in the book."),
    (
        "posting_lag_days_mean_365d",
        "days",
        "Mean days from payment to posting, over the borrower's payments of the last 365 days.",
    ),
    *((f"{channel}_gap_days_30d", "days", f"Days of the last 30 in which {channel} was down.") for channel in _GAP_CHANNELS),
    ("silence_explained_share", "share", "Part of the time since the last outbound contact in which its channel was down."),
    ("silence_chosen_days", "days", "Days since the last outbound contact in which its channel was not down."),
    ("profile_known", "0 or 1", "A profile of the borrower was valid before as_of."),
    ("timezone_known", "0 or 1", "The borrower's time zone is in that profile."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    points = known.points
    base = points.select(
        "point_id", "as_of",
        profile_known=flag(points.has_profile),
        timezone_known=flag(points.timezone.notnull()),
    )  # fmt: skip
    nights = attach_nights(base, _newest(known), *(_gap_seconds(known, channel) for channel in _GAP_CHANNELS))
    table = attach(nights, _posting_lag(known), _silence(known))
    silence = seconds_between(table.as_of, table.silent_since)
    # Overlapping outages of one channel must not explain more than there was.
    explained = ibis.least(table.silent_seconds.fill_null(0), silence)
    return table.select(
        "point_id", "profile_known", "timezone_known", "posting_lag_days_mean_365d",
        ledger_lag_days=days_between(table.as_of, table.newest_posting),
        **{f"{channel}_gap_days_30d": table[f"{channel}_seconds"].fill_null(0) / SECONDS_PER_DAY for channel in _GAP_CHANNELS},
        silence_explained_share=share(explained, silence),
        silence_chosen_days=(silence - explained) / SECONDS_PER_DAY,
    )  # fmt: skip


def attach_nights(points: Any, *parts: Any) -> Any:
    """Join tables of one row per instant onto the points."""
    joined, kept = points, list(points.columns)
    for place, part in enumerate(parts):
        key = f"night_{place}"
        named = part.rename({key: "as_of"})
        joined = joined.left_join(named, joined.as_of == named[key])
        kept += [name for name in part.columns if name != "as_of"]
    return joined.select(*kept)


def _newest(known: Known) -> Any:
    """Return the newest posting before each instant.

    Postings are first reduced to the newest of each hour; hours before the instant's own are read off a running maximum, and
    only its own hour is compared posting by posting. Joining every instant to every posting would grow with their product.
    """
    postings = known.book.table("payments").select("posted_at")
    postings = postings.mutate(hour=postings.posted_at.truncate("h"))
    nights = known.nights.select("as_of", hour=known.nights.as_of.truncate("h"))
    by_hour = postings.group_by("hour").agg(newest=postings.posted_at.max())
    hours = nights.select("hour").distinct().mutate(newest=ibis.null("timestamp(6)")).union(by_hour)
    hours = hours.group_by("hour").agg(newest=hours.newest.max())
    earlier = ibis.window(order_by=hours.hour, preceding=(None, 1))
    running = hours.select(until_hour="hour", newest_before=hours.newest.max().over(earlier))
    same = nights.left_join(postings, [nights.hour == postings.hour, postings.posted_at < nights.as_of])
    same = same.group_by(["as_of", "hour"]).agg(newest_within=same.posted_at.max())
    both = same.left_join(running, same.hour == running.until_hour)
    # The instant's own hour is the later one wherever it has a posting.
    return both.select("as_of", newest_posting=ibis.coalesce(both.newest_within, both.newest_before))


def _gap_seconds(known: Known, channel: str) -> Any:
    """Return the seconds of the last 30 days in which a channel was down, by instant."""
    gaps = known.book.table("system_gaps")
    gaps = gaps.filter(gaps.channel == channel).select("start_at", "end_at")
    nights = known.nights
    during = nights.join(gaps, gaps.start_at < nights.as_of)
    lost = _overlap(during, during.from_30d)
    rows = during.select("as_of", lost=lost)
    sums = rows.group_by("as_of").agg(lost=in_64_bits(rows.lost.sum()))
    return sums.select("as_of", **{f"{channel}_seconds": ibis.least(sums.lost, int(_GAP_DAYS * SECONDS_PER_DAY))})


def _overlap(during: Any, since: Any) -> Any:
    """Return the seconds that a gap shares with the time from an instant to as_of; an end not yet known is as_of."""
    end = ibis.ifelse(during.end_at < during.as_of, during.end_at, during.as_of)
    start = ibis.ifelse(during.start_at > since, during.start_at, since)
    return ibis.ifelse(end > start, seconds_between(end, start), 0)


def _posting_lag(known: Known) -> Any:
    made = known.payments.filter(known.payments.happened & (known.payments.kind == "payment"))
    made = made.join(known.points.select("point_id", *_edges()), "point_id")
    made = made.filter(age_band(made, made.paid_at) <= 3)
    made = made.select("point_id", lag=seconds_between(made.posted_at, made.paid_at))
    sums = made.group_by("point_id").agg(lag=in_64_bits(made.lag.sum()), payments=made.count())
    return sums.select("point_id", posting_lag_days_mean_365d=share(sums.lag, sums.payments) / SECONDS_PER_DAY)


def _edges() -> tuple[str, ...]:
    return tuple(f"from_{days}d" for days in (7, 30, 90, 365))


def _silence(known: Known) -> Any:
    """Return when the last outbound contact was, and for how long since then its channel has been down."""
    outbound = known.contacts.filter(known.contacts.is_out)
    last = outbound.group_by("point_id").agg(
        **{channel: outbound["at"].max(where=outbound.channel == channel) for channel in CHANNELS},
        as_of=outbound.as_of.max(),
        silent_since=outbound["at"].max(),
    )
    channel = ibis.cases(*((last[name] == last.silent_since, name) for name in CHANNELS))
    last = last.select("point_id", "as_of", "silent_since", last_channel=channel)
    gaps = known.book.table("system_gaps").select("channel", "start_at", "end_at")
    during = last.left_join(gaps, [last.last_channel == gaps.channel, gaps.start_at < last.as_of])
    lost = ibis.ifelse(during.start_at.isnull(), 0, _overlap(during, during.silent_since))
    rows = during.select("point_id", "silent_since", lost=lost)
    return rows.group_by(["point_id", "silent_since"]).agg(silent_seconds=in_64_bits(rows.lost.sum()))
