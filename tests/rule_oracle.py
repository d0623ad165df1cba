"""An independent checker of contact rules: raw packs, raw rows, datetimes and counting; nothing of the package is used."""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SPOKEN = {"call", "voicemail", "voicebot", "visit"}
SPOKEN_OUTCOMES = {"not_connected", "busy", "no_answer", "voicemail_left", "answered_wrong_party", "conversation"}
CHANNELS = ["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]


@lru_cache(maxsize=1000)
def days_off(country, year):
    return set(holidays.country_holidays(country, years=year))


def local_day(at, zone):
    return at.astimezone(ZoneInfo(zone)).date()


def speaks(match, channel, direction, party):
    return (
        channel in match.get("channels", CHANNELS)
        and match.get("direction", "any") in ("any", direction)
        and (match.get("party") is None or party in match["party"])
    )


def past_contacts(person, as_of):
    return [row for row in person["contacts"] if row["known_at"] < as_of]


def outcome_counts(wanted, row):
    """A contact that is still ahead may end in any way its channel allows."""
    if wanted is None or row["outcome"] in wanted:
        return True
    possible = SPOKEN_OUTCOMES if row["channel"] in SPOKEN else {"sent", "delivered", "bounced", "read", "replied", "clicked"}
    return row["outcome"] == "?" and bool(possible & set(wanted))


def closed_channels(person, as_of):
    known = [event for event in person["events"] if event["known_at"] < as_of]
    closed = set()
    for channel in CHANNELS:

        def latest(kind, channel=channel):
            told = [e for e in known if e["kind"] == kind and e["channel"] in (None, channel)]
            return max((e["at"] for e in told if kind == "opt_out" or e.get("detail") is None), default=None)

        out, back = latest("opt_out"), latest("opt_in")
        if out is not None and (back is None or back <= out):
            closed.add(channel)
    return closed


def is_open(event, person, as_of):
    if event["known_at"] >= as_of or (event["until"] is not None and event["until"] < as_of):
        return False
    return not any(
        ends(e, event) and e["known_at"] < as_of and e["at"] > event["at"] and e["loan_id"] in (None, event["loan_id"])
        for e in person["events"]
    )


def ends(clearing, event):
    """What a lender can settle ends by `resolved`; other stops where its detail names them; refusals by `opt_in` alone."""
    kind, detail = event["kind"], clearing.get("detail")
    wish = kind in ("quiet_hours", "quiet_place", "quiet_endpoint")
    if clearing["kind"] in ("promise_kept", "promise_broken"):
        return kind == "promise"
    if clearing["kind"] == "resolved":
        named = detail == kind and kind != "cease" and not wish
        return kind in ("complaint", "dispute", "hardship", "promise") if detail is None else named
    if clearing["kind"] == "opt_in" and clearing["channel"] is None:
        return (kind == "cease" or wish) if detail is None else (wish and detail == event.get("detail"))
    return False


def window_begin(window, day):
    """The first local day whose contacts count on a day."""
    if "rolling_days" in window:
        return day - timedelta(days=window["rolling_days"] - 1)
    if window["calendar"] == "day":
        return day
    if window["calendar"] == "week":
        first = DAYS.index(window.get("week_start", "mon"))
        return day - timedelta(days=(day.weekday() - first) % 7)
    return day.replace(day=1)


def hours_deny(rule, pack, person, zone, at):
    wall = at.astimezone(ZoneInfo(zone))
    week = {}
    for key, windows in rule["allow"].items():
        first, _, last = key.partition("-")
        named = [key] if key == "holiday" else DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]
        week.update(dict.fromkeys(named, windows))
    windows = week[DAYS[wall.weekday()]]
    if "holiday" in week:
        country = person["jurisdiction"].split("-")[0]
        if country not in holidays.list_supported_countries():
            return True
        if wall.date() in days_off(country, wall.year):
            windows = week["holiday"]
    buffer = pack["pack"].get("clock", {}).get("end_buffer_minutes", 0)
    now = wall.hour * 60 + wall.minute + (wall.second * 1_000_000 + wall.microsecond) / 60e6
    for text in windows:
        begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        if begin <= now < end - buffer:
            return False
    return True


def cap_denies(rule, zone, at, history, channel):
    match, window = rule.get("match", {}), rule["window"]
    wanted = rule.get("count", {}).get("outcomes")
    counted = [r for r in history if speaks(match, r["channel"], r["direction"], r["party"]) and outcome_counts(wanted, r)]
    if "rolling_hours" in window:
        inside = [r for r in counted if (r["at"] - at) > -timedelta(hours=window["rolling_hours"])]
    else:
        begin = window_begin(window, local_day(at, zone))
        inside = [r for r in counted if local_day(r["at"], zone) >= begin]
    if rule.get("measure") == "distinct_channels":
        return len({r["channel"] for r in inside} | {channel}) > rule["max"]
    return len(inside) >= rule["max"]


def cooldown_denies(rule, zone, at, history):
    after, span = rule["after"], rule["for"]
    wanted = [after["outcome"]] if "outcome" in after else None
    for row in history:
        if not (speaks({k: after[k] for k in after if k != "outcome"}, row["channel"], row["direction"], row["party"])):
            continue
        if not outcome_counts(wanted, row):
            continue
        if "hours" in span:
            if at - row["at"] < timedelta(hours=span["hours"]):
                return True
        else:
            free = local_day(row["at"], zone) + timedelta(days=span["days"] + (span.get("first_day") == "next"))
            if local_day(at, zone) < free:
                return True
    return False


def consent_denies(rule, person, zone, at, as_of, channel):
    for row in person["consents"]:
        if row["channel"] != channel or row["known_at"] >= as_of or row["given_at"] >= as_of:
            continue
        if row["revoked_at"] is not None and row["revoked_at"] < as_of:
            continue
        for need in rule["need"]["any_of"]:
            age = (local_day(at, zone) - local_day(row["given_at"], zone)).days
            if row["kind"] == need["kind"] and ("max_age_days" not in need or age <= need["max_age_days"]):
                return False
    return True


def stop_denies(rule, person, at, as_of):
    kinds = set(rule.get("when_any", [])) | ({rule["when"]} if "when" in rule else set())
    if "opt_out_all" in kinds and closed_channels(person, as_of) == set(CHANNELS):
        return True
    return any(
        e["kind"] in kinds and is_open(e, person, as_of) and (e["until"] is None or at <= e["until"]) for e in person["events"]
    )


def rule_denies(rule, pack, person, zone, contact, as_of):
    """contact: (channel, instant, contacts still ahead of as_of but before it)."""
    channel, at, planned = contact
    day = local_day(at, zone)
    to = rule["effective"].get("to")
    if day < rule["effective"]["from"] or (to is not None and day > to):
        return False
    history = [*past_contacts(person, as_of), *planned]
    readings = {
        "hours": lambda: hours_deny(rule, pack, person, zone, at),
        "cap": lambda: cap_denies(rule, zone, at, history, channel),
        "cooldown": lambda: cooldown_denies(rule, zone, at, history),
        "consent": lambda: consent_denies(rule, person, zone, at, as_of, channel),
        "stop": lambda: stop_denies(rule, person, at, as_of),
        "party": lambda: "borrower" not in rule["allow"],
    }
    return rule["type"] in readings and readings[rule["type"]]()


def denials(packs, person, channel, at, as_of, planned=()):
    """Return the ids of the rules that forbid an outbound contact with the borrower at an instant.

    planned: contacts that are still ahead of as_of but before `at`, as (channel, instant).
    """
    ahead = [{"channel": c, "at": t, "direction": "out", "party": "borrower", "outcome": "?"} for c, t in planned]
    denied = {"opt_out"} if channel in closed_channels(person, as_of) else set()
    for pack in packs:
        unknown = pack["pack"].get("clock", {}).get("unknown", "deny")
        zones = [person["zone"]] if person["zone"] else (unknown if isinstance(unknown, list) else [])
        if not zones:
            denied.add(f"{pack['pack']['id']}.clock")
        for rule in pack["rules"]:
            if speaks(rule.get("match", {}), channel, "out", "borrower") and any(
                rule_denies(rule, pack, person, zone, (channel, at, ahead), as_of) for zone in zones
            ):
                denied.add(rule["id"])
    return denied


def can_be_laid(packs, person, steps, as_of, end, grid):
    """Search every plan on a grid of starts: is there a window of one grid step for each contact, none against a rule?

    steps: (earliest, channel, spacing) in order; a contact may be made at any instant of its window.
    """
    moment = timedelta(microseconds=1)

    def search(k, made, previous):
        if k == len(steps):
            return True
        earliest, channel, spacing = steps[k]
        at = as_of
        while at + grid <= end:
            free = at >= earliest and (not made or (at >= made[-1][1] + moment and at >= previous + spacing))
            if (
                free
                and not denials(packs, person, channel, at, as_of, made)
                and not denials(packs, person, channel, at + grid - moment, as_of, made)
                and search(k + 1, [*made, (channel, at + grid - moment)], at)
            ):
                return True
            at += grid
        return False

    return search(0, [], as_of)
