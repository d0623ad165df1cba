"""What the independent checker knows of a person as of an instant: raw rows and plain Python, nothing of the package."""

import re
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CHANNELS = ["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]
ALIASES = {
    "dispute_open": "dispute", "complaint_open": "complaint", "hardship_application_open": "hardship",
    "attorney_represented": "attorney", "written_cease_or_refusal": "cease", "bankruptcy_stay": "bankruptcy",
    "borrower_deceased": "deceased", "statutory_moratorium": "moratorium", "vulnerable_unassessed": "vulnerable",
    "identity_theft_claim": "identity_theft", "disaster_area": "disaster", "borrower_incapacitated": "incapacitated",
    "debt_adviser_engaged": "debt_adviser", "written_dispute_in_validation_period": "dispute", "attorney_notice": "attorney",
}  # fmt: skip
WISHES = ("quiet_hours", "quiet_place", "quiet_endpoint")
NOBODY = {"role": "", "name": "", "principal": "", "drafts": False}


def listed(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def kinds_of(value):
    return {ALIASES.get(one, one) for one in listed(value)}


@lru_cache(maxsize=200_000)
def wall(at, zone):
    return at.astimezone(ZoneInfo(zone))


def local_day(at, zone):
    return wall(at, zone).date()


@lru_cache(maxsize=1)
def zone_table():
    lines = (files("tzdata.zoneinfo") / "zone.tab").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line[:1] != "#"]
    return [(row[0], row[2]) for row in rows if len(row) > 2]


def zones_for(clock, zone, jurisdiction):
    """The zones that must all agree; none where the pack denies what it cannot know."""
    basis, unknown = clock.get("basis", "borrower_location"), clock.get("unknown", "deny")
    if basis.startswith("fixed:"):
        return [basis[len("fixed:") :]]
    if zone:
        return [zone]
    if isinstance(unknown, list):
        return unknown
    return [name for country, name in zone_table() if unknown == "intersect" and country == jurisdiction[:2]]


def week_of(text):
    """The minutes of each weekday that a wish or an agreement names; None where it cannot be read."""
    days = [[] for _ in DAYS]
    for piece in (text or "").split(","):
        read = re.fullmatch(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?(\d\d):(\d\d)-(\d\d):(\d\d)", piece.strip())
        if not read:
            return None
        first, last = DAYS.index(read[1] or "mon"), DAYS.index(read[2] or read[1] or "sun")
        begin, end = int(read[3]) * 60 + int(read[4]), int(read[5]) * 60 + int(read[6])
        for k in range(first, first + (last - first) % 7 + 1):
            if begin < end:
                days[k % 7].append((begin, end))
            else:
                days[k % 7].append((begin, 1440))
                days[(k + 1) % 7].append((0, end))
    return days


def ends(clearing, event):
    """What a lender can settle ends by `resolved`; other stops where its detail names them; refusals by `opt_in` alone."""
    kind, detail = event["kind"], clearing.get("detail")
    wish = kind in WISHES
    if clearing["kind"] in ("promise_kept", "promise_broken"):
        return kind == "promise"
    if clearing["kind"] == "resolved":
        named = detail == kind and kind != "cease" and not wish
        return kind in ("complaint", "dispute", "hardship", "promise") if detail is None else named
    if clearing["kind"] == "opt_in" and clearing["channel"] is None:
        return (kind == "cease" or wish) if detail is None else (wish and detail == event.get("detail"))
    return False


class Known:
    """One person as of an instant, for one actor."""

    def __init__(self, person, as_of, actor=None):
        self.person, self.as_of, self.actor = person, as_of, {**NOBODY, **(actor or {})}
        self.place = (person["zone"], person["jurisdiction"])
        self.former = [
            (old["zone"], old["jurisdiction"]) for old in person.get("former", [])
            if (old["zone"], old["jurisdiction"]) != self.place
        ]  # fmt: skip
        self.contacts = [row for row in person["contacts"] if row["known_at"] < as_of]
        self.events = [row for row in person["events"] if row["known_at"] < as_of]
        self.open = [row for row in self.events if self._is_open(row)]
        given = [row for row in person["consents"] if row["known_at"] < as_of and row["given_at"] < as_of]
        self.consents = [{**row, "revoked": bool(row["revoked_at"] and row["revoked_at"] < as_of)} for row in given]
        self.standing = [row for row in self.consents if not row["revoked"]]
        over = {
            row["loan_id"] for row in self.events if row["kind"] in ("closed", "written_off", "sold", "recalled")
        }  # fmt: skip
        self.loans = [loan for loan in person.get("loans", []) if loan["loan_id"] not in over and None not in over]
        self.products = [loan["product"] for loan in self.loans]
        self.closed = {channel for channel in CHANNELS if self._is_closed(channel)}
        talks = [row["at"] for row in self.contacts if row["outcome"] == "conversation" and row["party"] == "borrower"]
        self.first_talk = min(talks, default=None)
        self.endpoint = {channel: self._endpoint(channel) for channel in CHANNELS}
        self.quiet = [(week_of(row.get("detail")), row["until"]) for row in self.open if row["kind"] == "quiet_hours"]

    def _is_open(self, event):
        if event["until"] is not None and event["until"] < self.as_of:
            return False
        return not any(
            ends(e, event) and e["at"] > event["at"] and e["loan_id"] in (None, event["loan_id"]) for e in self.events
        )

    def _is_closed(self, channel):
        told = [e for e in self.events if e["channel"] in (None, channel)]
        out = max((e["at"] for e in told if e["kind"] == "opt_out"), default=None)
        back = max((e["at"] for e in told if e["kind"] == "opt_in" and e.get("detail") is None), default=None)
        return out is not None and (back is None or back <= out)

    def _endpoint(self, channel):
        """The kind of endpoint that a plan goes to: '' where not known, None where all are refused."""
        if channel == "app_push":
            return "personal"
        own = [p for p in self.person.get("points", []) if p["channel"] == channel]
        wishes = [e for e in self.open if e["kind"] in WISHES[1:] and e["channel"] in (None, channel)]

        def refused(point):
            named = {"quiet_place": point["kind"], "quiet_endpoint": point["endpoint_id"]}
            return any(wish.get("detail") in (None, named[wish["kind"]]) for wish in wishes)

        left = [p["kind"] for p in own if not refused(p)]
        if not own:
            return None if wishes else ""
        return next((kind for kind in ("personal", "home", "other", "workplace") if kind in left), None)

    def overdue_since(self):
        return min((loan["due_on"] for loan in self.loans if loan.get("due_on") is not None), default=None)

    def happened(self, kind):
        """When an event happened last, or the first conversation; None where it never did."""
        if kind == "first_conversation":
            return self.first_talk
        return max((e["at"] for e in self.events if e["kind"] == ALIASES.get(kind, kind)), default=None)


def speaks(match, row):
    """Whether a rule's match speaks of a contact; an endpoint of unknown kind may be of any."""
    places = {"personal": ["personal", "home"], "home": ["home"], "workplace": ["workplace"], "other": ["other", "workplace"]}
    meant = [kind for place in listed(match.get("endpoint")) for kind in places[place]]
    return (
        row["channel"] in match.get("channels", CHANNELS)
        and match.get("direction", "any") in ("any", row["direction"])
        and (match.get("party") is None or row["party"] in listed(match["party"]))
        and (match.get("purpose") is None or row.get("purpose", "collection") in listed(match["purpose"]))
        and (not meant or not row.get("endpoint_kind") or row["endpoint_kind"] in meant)
    )


CONSUMER = {
    "consumer_credit", "credit_card", "mortgage", "car_loan", "student_loan", "payday_loan", "microfinance", "microloan",
    "p2p_loan", "digital_loan", "bnpl", "overdraft", "leasing", "salary_loan",
}  # fmt: skip
EU = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT",
    "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip


def of_product(selector, products):
    if not selector or not products:
        return True
    wanted = {*selector, *(CONSUMER if "consumer_credit" in selector else ())}
    return any(product in wanted or product not in CONSUMER | {"business_loan"} for product in products)


def in_place(own, jurisdiction):
    """A pack holds in its place, its parts, and wherever the borrower may be in its place."""
    if own == "ZZ":
        return True
    if own == "EU":
        return jurisdiction[:2] in EU or jurisdiction == "EU"
    if jurisdiction == "EU":
        return own[:2] in EU
    if not jurisdiction or jurisdiction == "ZZ":
        return False
    return f"{jurisdiction}-".startswith(f"{own}-") or f"{own}-".startswith(f"{jurisdiction}-")


def held_packs(packs, known, jurisdiction):
    """The packs of a place with the rules that speak: [(pack, [(rule, pre-empting rules)])]."""
    found = []
    for pack in packs:
        head = pack["pack"]
        applies, role = head.get("applies") or {}, known.actor["role"]
        if role and applies.get("actor_role") and role not in applies["actor_role"]:
            continue
        if of_product(applies.get("product"), known.products) and in_place(head["jurisdiction"], jurisdiction):
            found.append(pack)
    speaking = [
        (pack, rule) for pack in found for rule in pack["rules"]
        if of_product((rule.get("match") or {}).get("product"), known.products)
        and (rule["authority"] != "draft" or known.actor["drafts"])
    ]  # fmt: skip
    above = [other for pack, other in speaking if other.get("supersedes") and blocks(pack, other)]
    return found, [(pack, rule, [o for o in above if rule["id"] in o["supersedes"]]) for pack, rule in speaking]


def blocks(pack, rule):
    at = pack["pack"].get("block_at") or {}
    return rule["type"] != "duty" and at.get(rule["effect"], "block") == "block"


def covers_day(effective, day):
    return effective["from"] <= day and (effective.get("to") is None or day <= effective["to"])
