"""Random borrowers for the packs that ship: raw rows, in the places and states that the packs speak of."""

from datetime import timedelta

from lighttouch.data.vocabulary import CHANNELS, STATUS_KINDS, STOP_KINDS
from rule_oracle_counts import outcomes_of
from rule_oracle_known import kinds_of, listed

# A zone of each place that a shipped pack covers; "" beside it: a bank does not always know.
ZONES = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "BR-AL": "America/Maceio", "BR-ES": "America/Sao_Paulo",
    "BR-RJ": "America/Sao_Paulo", "BR-SP": "America/Sao_Paulo", "CA-AB": "America/Edmonton", "CA-BC": "America/Vancouver",
    "CA": "America/Winnipeg", "CA-ON": "America/Toronto", "CA-QC": "America/Toronto", "CL": "America/Santiago",
    "CN": "Asia/Shanghai", "CO": "America/Bogota", "EU": "Europe/Paris", "GB": "Europe/London", "GR": "Europe/Athens",
    "ID": "Asia/Jakarta", "IN": "Asia/Kolkata", "IT": "Europe/Rome", "JP": "Asia/Tokyo", "KE": "Africa/Nairobi",
    "KR": "Asia/Seoul", "MX": "America/Mexico_City", "PE": "America/Lima", "PH": "Asia/Manila", "RU": "Asia/Yekaterinburg",
    "TH": "Asia/Bangkok", "US": "America/Chicago",
    "US-DC": "America/New_York", "US-MA": "America/New_York", "US-NY-NYC": "America/New_York",
    "US-WA": "America/Los_Angeles", "US-WV": "America/New_York", "VN": "Asia/Ho_Chi_Minh", "ZA": "Africa/Johannesburg",
    "ZZ": "Pacific/Chatham",
}  # fmt: skip
_SPOKEN = ["not_connected", "busy", "no_answer", "voicemail_left", "answered_wrong_party", "conversation", "conversation"]
_WRITTEN = ["sent", "delivered", "bounced", "read", "replied"]
_VOICES = ("call", "voicemail", "voicebot", "visit")
_CONSENTS = ["direct_prior", "direct_prior", "direct_prior", "written", "prior_express", "entry_permission", "express_hours",
             "inbound_text_same_number", "creditor_notice", "number_reassign_check", "excess_contact",
             "agreed_hours mon-fri 20:00-23:00", "agreed_hours sat-sun 07:00-10:00"]  # fmt: skip
_DETAILS = {
    "quiet_hours": ["mon-fri 12:00-14:00", "18:00-21:00", "22:00-06:00", "at night"], "quiet_endpoint": ["e1", "e2"],
    "quiet_place": ["workplace", "home", None], "resolved": [None, None, *STOP_KINDS[:3]], "opt_in": [None, None, "workplace"],
}  # fmt: skip
# Weights: what most histories hold comes often, a notice among it, without which some packs allow nothing at all.
_KINDS = [
    *STATUS_KINDS,
    *["resolved", "opt_out", "opt_in", "dispute", "promise", "quiet_hours"] * 2,
    *["written_notice_sent"] * 12,
]


def aim_of(rule):
    """Return what a history needs for a rule to speak: channels, outcomes, days, kinds of events, of consents, of endpoints."""
    match, after, window = rule.get("match") or {}, rule.get("after") or {}, rule.get("window") or {}
    span = rule.get("for") or {}
    named = ("when", "when_any", "until", "unless", "forbid_when", "active_after")
    kinds = set().union(*(kinds_of(rule.get(name)) for name in named), kinds_of(after.get("event")))
    needs = [need["kind"] for need in (rule.get("need") or {}).get("any_of", [])]
    lifts = [lift["consent"] for lift in rule.get("override_when", []) if "consent" in lift]
    outcomes = outcomes_of((rule.get("count") or {}).get("outcomes")) | outcomes_of(after.get("outcome"))
    whole = {"day": 1, "week": 7, "month": 31}.get(window.get("calendar"), 7)
    return {
        "channels": after.get("channels") or match.get("channels") or CHANNELS,
        "outcomes": sorted(outcomes),
        "days": window.get("rolling_days") or span.get("days") or whole,
        "kinds": sorted(kinds & set(STATUS_KINDS)),
        "consents": needs + lifts,
        "endpoints": listed(match.get("endpoint")),
        "most": rule.get("max", 1),
    }


class Persons:
    """Draws persons, as the checker reads them and as `book_of` makes a book of them.

    Parameters
    ----------
    rng : random.Random
    as_of : datetime
    packs : list of dict
        As plain values.
    """

    def __init__(self, rng, as_of, packs):
        self.rng, self.as_of, self.packs = rng, as_of, packs
        own = [pack["pack"]["jurisdiction"] for pack in packs]
        # Of some only the country is known: any of its regions may be theirs.
        self.elsewhere = [*own, *(code[:2] for code in own if code[:2] in ZONES), "ZZ"]

    def of_all(self):
        """Return two persons for each rule that history decides on."""
        told = ("cap", "cooldown", "stop", "consent")
        rules = [(pack, rule) for pack in self.packs for rule in pack["rules"] if rule["type"] in told]
        return [self.draw(*one) for one in rules for _ in range(2)]

    def draw(self, pack, rule):
        """Return a person who mostly lives where the pack holds, with much of what the rule asks about, and its channels."""
        aim = aim_of(rule)
        zone, jurisdiction = self._place(pack["pack"]["jurisdiction"])
        former = [self._place()] if self.rng.random() < 0.15 else []
        contacts = self.rng.choice([0, 1, aim["most"], aim["most"] + 1, aim["most"] + 2, 2 * aim["most"] + 2])
        return {
            "zone": zone,
            "jurisdiction": jurisdiction,
            "channels": list(aim["channels"]),
            "former": [{"zone": z, "jurisdiction": j, "left_at": self._ago(3)} for z, j in former],
            "contacts": [self._contact(aim) for _ in range(min(contacts, 40))],
            "events": [self._event(aim) for _ in range(self.rng.choice([0, 1, 1, 2, 4]))],
            "consents": [self._consent(aim, c) for c in CHANNELS for _ in range(2) if self.rng.random() < 0.4],
            "loans": [
                {"loan_id": name, "product": self.rng.choice(["credit_card", "mortgage", "cash"]), "due_on": self._due()}
                for name in ("l1", "l2")[: self.rng.choice([0, 1, 1, 2])]
            ],
            "points": [
                {"channel": c, "endpoint_id": e, "kind": self._kind(aim)}
                for c in CHANNELS
                for e in ("e1", "e2")
                if self.rng.random() < 0.4
            ],
        }

    def _place(self, own="ZZ"):
        jurisdiction = self.rng.choice([own] * 5 + self.elsewhere) if own != "ZZ" else self.rng.choice(self.elsewhere)
        return ("" if self.rng.random() < 0.1 else ZONES[jurisdiction]), jurisdiction

    def _ago(self, days):
        return self.as_of - timedelta(minutes=self.rng.randint(1, int(days * 24 * 60)))

    def _due(self):
        return self.rng.choice([None, *(self.as_of.date() - timedelta(days=days) for days in (6, 9, 14, 16, 40))])

    def _kind(self, aim):
        return self.rng.choice([*(aim["endpoints"] or ["personal"]) * 2, "personal", "home", "workplace", "other"])

    def _contact(self, aim):
        channel = self.rng.choice(aim["channels"] if self.rng.random() < 0.8 else CHANNELS)
        possible = _SPOKEN if channel in _VOICES else _WRITTEN
        wanted = [one for one in aim["outcomes"] if one in possible]
        at = self._ago(min(aim["days"] * 0.8, 40) if self.rng.random() < 0.9 else 40)
        plain = {
            "channel": channel, "outcome": self.rng.choice(wanted if wanted and self.rng.random() < 0.8 else possible),
            "direction": "out", "party": "borrower", "purpose": "collection", "endpoint_id": None, "endpoint_kind": None,
            "actor": None, "principal": None, "loan_ids": None, "at": at, "known_at": at,
        }  # fmt: skip
        # Most contacts count wherever contacts are counted: a cap is reached only where they meet.
        return plain | (self._odd(aim, at) if self.rng.random() < 0.3 else {})

    def _odd(self, aim, at):
        return {
            "direction": self.rng.choice(["out", "out", "in"]),
            "party": self.rng.choice(["borrower", "borrower", "spouse"]),
            "purpose": self.rng.choice(["collection", "collection", "required_by_law", "reply_to_borrower"]),
            "endpoint_id": self.rng.choice([None, "e1", "e2"]),
            "endpoint_kind": self.rng.choice([None, self._kind(aim)]),
            "actor": self.rng.choice([None, "bank", "agency 1", "agency 2"]),
            "principal": self.rng.choice([None, "bank", "other bank"]),
            "loan_ids": self.rng.choice([None, ["l1"], ["l2"], ["l1", "l2"], ["gone"]]),
            "known_at": at + timedelta(hours=self.rng.choice([0, 0, 5])),
        }

    def _event(self, aim):
        kind = self.rng.choice(aim["kinds"] if aim["kinds"] and self.rng.random() < 0.6 else _KINDS)
        at = self._ago(self.rng.choice([10, 120]))
        return {
            "kind": kind,
            "channel": self.rng.choice([None, "sms", "call"]),
            "loan_id": self.rng.choice([None, None, "l1"]),
            "detail": self.rng.choice(_DETAILS.get(kind, [None])),
            "at": at,
            "until": at + timedelta(days=self.rng.randint(1, 150)) if self.rng.random() < 0.3 else None,
            "known_at": at,
        }

    def _consent(self, aim, channel):
        given = self._ago(self.rng.choice([5, 70, 400]))
        revoked = given + timedelta(days=self.rng.randint(1, 200)) if self.rng.random() < 0.1 else None
        kind = self.rng.choice([*_CONSENTS, *aim["consents"] * 5])
        return {"channel": channel, "kind": kind, "given_at": given, "revoked_at": revoked, "known_at": given}
