"""An independent checker of contact rules: raw packs, raw rows, datetimes and counting; nothing of the package is used."""

from datetime import timedelta

from rule_oracle_counts import cap_denies, cooldown_denies, is_holiday, left_out, span_over, under_consent, works
from rule_oracle_known import (
    CHANNELS,
    DAYS,
    Known,
    blocks,
    covers_day,
    held_packs,
    kinds_of,
    listed,
    local_day,
    speaks,
    wall,
    week_of,
    zones_for,
)

WISH = "wish"
MOMENT = timedelta(microseconds=1)


def within(windows, minutes, buffer):
    return any(begin <= minutes < end - buffer for begin, end in windows)


def minutes_of(at, zone):
    clock = wall(at, zone)
    return clock.hour * 60 + clock.minute + (clock.second * 1_000_000 + clock.microsecond) / 60e6


def hours_deny(rule, pack, known, zone, contact):
    channel, at, _ = contact
    day, now = local_day(at, zone), minutes_of(at, zone)
    buffer = pack["pack"].get("clock", {}).get("end_buffer_minutes", 0)
    for lift in rule.get("override_when", []):
        since = known.overdue_since()
        if "days_past_due_gt" in lift and since is not None and (day - since).days > lift["days_past_due_gt"]:
            return False
        if any(c["channel"] == channel and c["kind"] == lift.get("consent") for c in known.standing):
            return False
    if rule.get("agreed_override"):
        for given in known.standing:
            name, _, hours = given["kind"].partition(" ")
            week = week_of(hours) if name == "agreed_hours" and given["channel"] == channel else None
            if week is not None and within(week[day.weekday()], now, buffer):
                return False
    windows = windows_of(rule, pack, known, day)
    return windows is None or not within(windows, now, buffer)


def windows_of(rule, pack, known, day):
    """The windows of a local day in minutes; None where nobody knows whether it is a holiday."""
    named, windows = DAYS[day.weekday()], None
    for key, texts in rule["allow"].items():
        first, _, last = key.partition("-")
        if key != "holiday" and DAYS.index(first) <= DAYS.index(named) <= DAYS.index(last or first):
            windows = texts
    if "holiday" in rule["allow"]:
        calendar = pack["pack"]["holidays"]
        region = calendar.get("calendar", "borrower_region")
        code = known.place[1] if region == "borrower_region" else region
        found = is_holiday(code, day, calendar.get("unknown", "deny"))
        if found is None:
            return None
        windows = rule["allow"]["holiday"] if found else windows
    return [tuple(int(part[:2]) * 60 + int(part[3:]) for part in text.split("-")) for text in windows]


def consent_denies(rule, known, zones, contact):
    channel, at, _ = contact

    def young(row, days):
        return days is None or all((local_day(at, z) - local_day(row["given_at"], z)).days <= days for z in zones)

    own = [row for row in known.standing if row["channel"] == channel]
    for need in rule["need"]["any_of"]:
        given = [row for row in own if row["kind"] == need["kind"]]
        if {"debt", "account", "endpoint"} & set(listed(need.get("per"))):
            continue
        if any(young(row, need.get("max_age_days")) for row in given):
            return False
        checked = need.get("or_number_reassign_check_days")
        if given and checked and any(young(row, checked) for row in own if row["kind"] == "number_reassign_check"):
            return False
    return True


def stop_denies(rule, pack, known, zone, at):
    kinds = kinds_of(rule.get("when_any")) | kinds_of(rule.get("when"))
    if "opt_out_all" in kinds and known.closed == set(CHANNELS):
        return True
    return any(
        e["kind"] in kinds and not is_lifted(rule, known, e) and holds(rule, pack, known, e, zone, at) for e in known.open
    )


def is_lifted(rule, known, event):
    later = [e for e in known.events if e["at"] > event["at"] and e["loan_id"] in (None, event["loan_id"])]
    until, unless = kinds_of(rule.get("until")), kinds_of(rule.get("unless"))
    return any(e["kind"] in until or (e["kind"] in unless and e["until"] is None and e in known.open) for e in later)


def holds(rule, pack, known, event, zone, at):
    if event["until"] is not None:
        return at <= event["until"]
    return "for" not in rule or not span_over(rule["for"], event["at"], at, zone, lambda day: works(pack, known, day))


def party_denies(rule, known, at):
    kinds = kinds_of(rule.get("forbid_when"))
    if "always" in kinds or ("opt_out_all" in kinds and known.closed == set(CHANNELS)):
        return True
    if rule.get("allow") is not None and "borrower" not in listed(rule["allow"]):
        return True
    return any(e["kind"] in kinds and (e["until"] is None or at <= e["until"]) for e in known.open)


def rule_denies(rule, pack, above, known, contact):
    """Whether a rule of a pack forbids a planned contact: (channel, instant, contacts still ahead of as_of but before it)."""
    channel, at, _ = contact
    clock = pack["pack"].get("clock", {})
    paced = rule["type"] in ("cap", "cooldown")
    places = [known.place, *(known.former if paced else [])]
    zones = list(dict.fromkeys(zone for place in places for zone in zones_for(clock, *place)))
    in_force = [
        zone for zone in zones
        if covers_day(rule["effective"], local_day(at, zone))
        and not any(covers_day(other["effective"], local_day(at, zone)) for other in above)
    ]  # fmt: skip
    if not in_force:
        return False
    plan = {"channel": channel, "direction": "out", "party": "borrower", "outcome": "?"}
    if paced and (left_out(rule, plan) or under_consent(rule, known, zones, channel, at)):
        return False
    readings = {
        "hours": lambda: any(hours_deny(rule, pack, known, zone, contact) for zone in in_force),
        "cap": lambda: any(cap_denies(rule, zone, zones, contact, known) for zone in zones),
        "cooldown": lambda: any(cooldown_denies(rule, pack, zone, zones, contact, known) for zone in zones),
        "consent": lambda: consent_denies(rule, known, zones, contact),
        "stop": lambda: any(stop_denies(rule, pack, known, zone, at) for zone in zones),
        "party": lambda: party_denies(rule, known, at),
    }
    return rule["type"] in readings and readings[rule["type"]]()


def wishes_deny(known, zones, channel, at):
    """Whether the borrower asked not to be reached on the channel, at the endpoint, or at that hour anywhere they may be.

    Where nobody knows the hour, that is what is told.
    """
    if channel in known.closed or known.endpoint[channel] is None:
        return True
    return bool(zones) and any(
        (until is None or at <= until)
        and (week is None or any(within(week[local_day(at, z).weekday()], minutes_of(at, z), 0) for z in zones))
        for week, until in known.quiet
    )


def denials(packs, person, channel, at, as_of, planned=(), actor=None):
    """Return the ids of the rules that forbid an outbound contact with the borrower at an instant; a wish is one id.

    person: raw rows, or what is known of them already. planned: contacts that are still ahead of as_of but before `at`, as
    (channel, instant).
    """
    known = person if isinstance(person, Known) else Known(person, as_of, actor)
    ahead = [
        {"channel": c, "at": t, "direction": "out", "party": "borrower", "outcome": "?", "endpoint_kind": known.endpoint[c]}
        for c, t in planned
    ]  # fmt: skip
    here, rules = held_packs(packs, known, known.place[1])
    zones = {zone for pack in here for zone in zones_for(pack["pack"].get("clock", {}), *known.place)}
    denied = {WISH} if wishes_deny(known, zones, channel, at) else set()
    denied |= set() if here else {"no_pack"}
    denied |= {
        f"{pack['pack']['id']}.clock" for pack in here if not zones_for(pack["pack"].get("clock", {}), *known.place)
    }  # fmt: skip
    for _, jurisdiction in known.former:
        rules += [one for one in held_packs(packs, known, jurisdiction)[1] if one[1]["type"] in ("cap", "cooldown")]
    plan = {"channel": channel, "direction": "out", "party": "borrower", "endpoint_kind": known.endpoint[channel]}
    return denied | {
        rule["id"] for pack, rule, above in rules
        if blocks(pack, rule) and speaks(rule.get("match") or {}, plan)
        and rule_denies(rule, pack, above, known, (channel, at, ahead))
    }  # fmt: skip


def can_be_laid(packs, person, steps, as_of, end, grid):
    """Search every plan on a grid of starts: is there a window of one grid step for each contact, none against a rule?

    steps: (earliest, channel, spacing) in order; a contact may be made at any instant of its window.
    """
    known = Known(person, as_of)

    def search(k, made, previous):
        if k == len(steps):
            return True
        earliest, channel, spacing = steps[k]
        at = as_of
        while at + grid <= end:
            free = at >= earliest and (not made or (at >= made[-1][1] + MOMENT and at >= previous + spacing))
            if (
                free
                and not denials(packs, known, channel, at, as_of, made)
                and not denials(packs, known, channel, at + grid - MOMENT, as_of, made)
                and search(k + 1, [*made, (channel, at + grid - MOMENT)], at)
            ):
                return True
            at += grid
        return False

    return search(0, [], as_of)
