"""Reachability: which endpoints are alive, how lately they were verified, how often contact has failed in a row."""

from typing import Any

from ..data.vocabulary import DELIVERED_OUTCOMES, FAILED_OUTCOMES
from .assemble import attach, days_between, zero_filled
from .definition import family
from .known import Known

_COUNTED = ("sms", "call", "email", "im", "app_push")

FEATURES = family(
    "reachability",
    ("live_endpoint_count", "endpoints", "Endpoints, by channel and id, valid at as_of."),
    *((f"live_endpoint_{channel}_count", "endpoints", f"Endpoints for {channel} valid at as_of.") for channel in _COUNTED),
    ("live_channel_count", "channels", "Channels with an endpoint valid at as_of."),
    ("days_since_verified", "days", "Days since the last verification of an endpoint valid at as_of."),
    ("days_since_endpoint_added", "days", "Days since an endpoint last began to be valid."),
    ("endpoint_ended_count_365d", "endpoints", "Endpoints that stopped being valid in the last 365 days."),
    (
        "consecutive_failure_count",
        "contacts",
        "Outbound contacts with a failed outcome later than the last with a delivered one.",
    ),
    (
        "consecutive_missed_call_count",
        "contacts",
        "Outbound calls later than the last outbound call that became a conversation.",
    ),
    ("consent_channel_count", "channels", "Channels with a consent known and not revoked at as_of."),
)


def columns(known: Known) -> Any:
    """Return the family's columns, a row per point."""
    table = attach(known.points.select("point_id", "as_of"), _endpoints(known), _streaks(known), _consents(known))
    counts = [feature.name for feature in FEATURES if "_count" in feature.name]
    return table.select(
        "point_id",
        **zero_filled(table, counts),
        days_since_verified=days_between(table.as_of, table.verified_at),
        days_since_endpoint_added=days_between(table.as_of, table.added_at),
    )


def _endpoints(known: Known) -> Any:
    points = known.points.select("point_id", "borrower_id", "as_of", "from_365d")
    listed = known.book.table("contact_points")
    seen = points.join(listed, [points.borrower_id == listed.borrower_id, listed.valid_from < points.as_of])
    ended = (seen.valid_to < seen.as_of).fill_null(False)  # noqa: FBT003  ibis's own signature
    seen = seen.select(
        "point_id", "channel", "endpoint_id", "valid_from",
        is_live=~ended,
        verified=(seen.verified_at < seen.as_of).ifelse(seen.verified_at, None),
        ended_lately=ended & (seen.valid_to >= seen.from_365d),
    )  # fmt: skip
    # The same endpoint may have been listed several times: it is one endpoint.
    each = seen.group_by(["point_id", "channel", "endpoint_id"]).agg(
        live=seen.is_live.cast("int32").max(),
        verified_at=seen.verified.max(where=seen.is_live),
        added_at=seen.valid_from.max(),
        ended=seen.count(where=seen.ended_lately),
    )
    alive = each.live == 1
    by_channel = each.group_by(["point_id", "channel"]).agg(
        live=each.count(where=alive), verified_at=each.verified_at.max(), added_at=each.added_at.max(), ended=each.ended.sum()
    )
    return by_channel.group_by("point_id").agg(
        **{
            f"live_endpoint_{channel}_count": by_channel.live.sum(where=by_channel.channel == channel).fill_null(0)
            for channel in _COUNTED
        },
        live_endpoint_count=by_channel.live.sum(),
        live_channel_count=by_channel.count(where=by_channel.live > 0),
        verified_at=by_channel.verified_at.max(),
        added_at=by_channel.added_at.max(),
        endpoint_ended_count_365d=by_channel.ended.sum(),
    )


def _streaks(known: Known) -> Any:
    outbound = known.contacts.filter(known.contacts.is_out)
    told = outbound.filter(outbound.outcome.isin([*FAILED_OUTCOMES, *DELIVERED_OUTCOMES]) | (outbound.channel == "call"))
    told = told.select(
        "point_id", "at",
        failed=told.outcome.isin(FAILED_OUTCOMES),
        delivered=told.outcome.isin(DELIVERED_OUTCOMES),
        call=told.channel == "call",
        talked=(told.channel == "call") & (told.outcome == "conversation"),
    )  # fmt: skip
    last = told.group_by("point_id").agg(
        delivered_at=told["at"].max(where=told.delivered), talked_at=told["at"].max(where=told.talked)
    )
    last = last.rename(last_point="point_id")
    both = told.filter(told.failed | told.call)
    both = both.join(last, both.point_id == last.last_point)
    failing = both.failed & (both.delivered_at.isnull() | (both["at"] > both.delivered_at))
    missing = both.call & (both.talked_at.isnull() | (both["at"] > both.talked_at))
    return both.group_by("point_id").agg(
        consecutive_failure_count=both.count(where=failing), consecutive_missed_call_count=both.count(where=missing)
    )


def _consents(known: Known) -> Any:
    points = known.points.select("point_id", "borrower_id", "as_of")
    given = known.book.table("consents").rename(consent_known_at="known_at")
    seen = points.join(given, [points.borrower_id == given.borrower_id, given.consent_known_at < points.as_of])
    seen = seen.filter(seen.revoked_at.isnull() | (seen.revoked_at >= seen.as_of))
    channels = seen.select("point_id", "channel").distinct()
    return channels.group_by("point_id").agg(consent_channel_count=channels.count())
