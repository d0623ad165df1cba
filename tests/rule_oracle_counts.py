"""How the independent checker counts: caps and pauses over past contacts, in buckets, with what is left out."""

from datetime import date, timedelta
from functools import lru_cache

import holidays
from rule_oracle_known import DAYS, listed, local_day, speaks

SPOKEN = {"call", "voicemail", "voicebot", "visit"}
SPOKEN_OUTCOMES = {"not_connected", "busy", "no_answer", "voicemail_left", "answered_wrong_party", "conversation"}
WRITTEN_OUTCOMES = {"sent", "delivered", "bounced", "read", "replied", "clicked"}
DAY = timedelta(days=1)


@lru_cache(maxsize=5000)
def days_off(country, part, year):
    return set(holidays.country_holidays(country, subdiv=part, years=year))


@lru_cache(maxsize=1)
def countries():
    return holidays.list_supported_countries(include_aliases=True)


@lru_cache(maxsize=100_000)
def is_holiday(code, day, unknown):
    """Whether a day is a holiday of a place; None where nobody knows."""
    country, _, part = code.partition("-")
    if country not in countries():
        return None
    parts = countries()[country]
    if part in parts:
        return day in days_off(country, part, day.year)
    national = day in days_off(country, None, day.year)
    if not parts or unknown == "national":
        return national
    return national or any(day in days_off(country, p, day.year) for p in parts) if unknown != "deny" else None


def outcomes_of(words):
    talks = ("answered_wrong_party", "conversation")
    return {name for word in listed(words) for name in (talks if word in ("answered", "connected") else (word,))}


def possible(channel):
    return SPOKEN_OUTCOMES if channel in SPOKEN else WRITTEN_OUTCOMES


def outcome_in(wanted, row):
    """A contact that is still ahead may end in any way its channel allows."""
    return row["outcome"] in wanted or (row["outcome"] == "?" and bool(possible(row["channel"]) & wanted))


def left_out(rule, row):
    """Whether an exclusion speaks of a contact; one still ahead only where every way it may end is excluded."""
    for one in rule.get("exclude", []):
        if "excess_consent" in one:
            continue
        wanted = outcomes_of(one.get("outcome"))
        ended = not wanted or (possible(row["channel"]) <= wanted if row["outcome"] == "?" else row["outcome"] in wanted)
        named = {key: one[key] for key in ("channels", "party", "purpose", "direction") if one.get(key) is not None}
        if ended and speaks(named, row):
            return True
    return False


def under_consent(rule, known, zones, channel, at):
    """Whether a consent to more contacts covers a contact; its last day has to last in every zone."""
    spans = [one["excess_consent"] for one in rule.get("exclude", []) if "excess_consent" in one]
    for span in spans:
        last = span["days"] - (span.get("first_day", "event") == "event")
        for given in known.consents:
            if given["kind"] != "excess_contact" or given["channel"] != channel or at < given["given_at"]:
                continue
            if given["revoked"] and at >= given["revoked_at"]:
                continue
            if all(local_day(at, zone) <= local_day(given["given_at"], zone) + last * DAY for zone in zones):
                return True
    return False


def counted(rule, match, wanted, known, zones, ahead):
    """The contacts, past and ahead, that a cap or pause counts."""
    per = listed(rule.get("per")) or ["borrower"]
    across = rule.get("across", "all")
    if "creditor" in per and across == "all":
        across = "principal"
    own = {"actor": known.actor["name"], "principal": known.actor["principal"], "all": ""}[across]
    found = []
    for row in [*known.contacts, *ahead]:
        if "person" in per:
            if row["party"] != "borrower" or not speaks({**match, "party": None}, row):
                continue
        elif not speaks(match, row):
            continue
        if own and row.get(across) not in (None, own):
            continue
        if wanted and not outcome_in(wanted, row):
            continue
        if not left_out(rule, row) and not under_consent(rule, known, zones, row["channel"], row["at"]):
            found.append(row)
    return found


def buckets(rule, rows, known):
    """What is counted together; what does not name its debt or endpoint, or names a debt that is over, is in every bucket."""
    per = listed(rule.get("per"))
    if "debt" in per or "account" in per:
        held = {loan["loan_id"] for loan in known.loans}

        def concerns(row, debt):
            named = row.get("loan_ids") or []
            return not named or debt in named or not set(named) <= held

        return [[row for row in rows if concerns(row, debt)] for debt in held] or [rows]
    if "endpoint" in per:
        named = {row.get("endpoint_id") for row in rows} - {None}
        return [[row for row in rows if row.get("endpoint_id") in (None, one)] for one in named] or [rows]
    return [rows]


def window_begin(window, day):
    """The first local day whose contacts count on a day."""
    if "rolling_days" in window:
        return day - (window["rolling_days"] - 1) * DAY
    if window["calendar"] == "day":
        return day
    if window["calendar"] == "week":
        return day - ((day.weekday() - DAYS.index(window.get("week_start", "mon"))) % 7) * DAY
    return day.replace(day=1)


def cap_denies(rule, zone, zones, contact, known):
    channel, at, ahead = contact
    event = rule.get("active_after")
    if event and not (known.happened(event) or (event == "first_conversation" and any(r["channel"] in SPOKEN for r in ahead))):
        return False
    wanted = outcomes_of((rule.get("count") or {}).get("outcomes"))
    rows, window = counted(rule, rule.get("match", {}), wanted, known, zones, ahead), rule["window"]
    if "rolling_hours" in window:
        inside = [row for row in rows if row["at"] - at > -timedelta(hours=window["rolling_hours"])]
    else:
        begin = window_begin(window, local_day(at, zone))
        inside = [row for row in rows if local_day(row["at"], zone) >= begin]
    if rule.get("measure") == "distinct_channels":
        return len({row["channel"] for row in inside} | {channel}) > rule["max"]
    return rule["max"] == 0 or any(len(bucket) >= rule["max"] for bucket in buckets(rule, inside, known))


def works(pack, known, day):
    """Whether a day surely is a business day wherever the borrower counts."""
    calendar = pack["pack"].get("holidays") or {"unknown": "treat_as_holiday_if_any"}
    region = calendar.get("calendar", "borrower_region")
    codes = [place[1] if region == "borrower_region" else region for place in (known.place, *known.former)]
    return day.weekday() < 5 and all(is_holiday(code, day, calendar.get("unknown", "deny")) is False for code in codes)


def span_over(span, since, at, zone, business):
    """Whether a span that began at an instant, or with a local day, is over."""
    if "hours" in span:
        return at - since >= timedelta(hours=span["hours"])
    first = since if not hasattr(since, "astimezone") else local_day(since, zone)
    today, late = local_day(at, zone), span.get("first_day") == "next"
    if "days" in span:
        return today >= first + (span["days"] + late) * DAY
    if "months" in span:
        year, month = divmod(first.year * 12 + first.month - 1 + span["months"], 12)
        after = date(year + (month == 11), (month + 1) % 12 + 1, 1)
        return today >= min(date(year, month + 1, 1) + (first.day - 1) * DAY, after - DAY) + late * DAY
    day, left = first + late * DAY, span["business_days"]
    while day < today and left:
        left -= business(day)
        day += DAY
    return left == 0


def cooldown_denies(rule, pack, zone, zones, contact, known):
    _, at, ahead = contact
    after, span = rule["after"], rule["for"]

    def business(day):
        return works(pack, known, day)

    if "event" in after:
        since = known.overdue_since() if after["event"] == "due_date" else known.happened(after["event"])
        if since is None:
            return after["event"] in ("due_date", "written_notice_sent")
        return not span_over(span, since, at, zone, business)
    match = {key: after[key] for key in ("direction", "channels") if key in after}
    rows = counted(rule, match, outcomes_of(after.get("outcome")), known, zones, ahead)
    return any(not span_over(span, row["at"], at, zone, business) for bucket in buckets(rule, rows, known) for row in bucket)
