"""What the features' oracle sees: the rows that one borrower's instant could know, in plain Python."""

import math
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
NAN = math.nan
CHANNELS = ["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]
FAILED = ["not_connected", "bounced", "answered_wrong_party"]
REACHED = ["conversation", "read", "replied", "clicked"]
DELIVERED = ["delivered", "read", "replied", "clicked", "voicemail_left", "conversation"]
MESSAGES = ["sms", "email", "app_push", "im"]
STOPS = [
    "cease",
    "attorney",
    "bankruptcy",
    "deceased",
    "moratorium",
    "vulnerable",
    "identity_theft",
    "hospitalised",
    "disaster",
    "minor",
    "incapacitated",
    "family_death",
    "debt_adviser",
    "time_barred",
]
ENDINGS = ["closed", "written_off", "sold", "recalled"]
SIGN = {"payment": 1, "waiver": 1, "reversal": -1, "refund": -1}


def days(later, earlier):
    """Return days between two instants, each cut to its second."""
    return (later.replace(microsecond=0) - earlier.replace(microsecond=0)) / DAY


def ratio(part, whole):
    return NAN if not whole or math.isnan(whole) or math.isnan(part) else float(part) / float(whole)


class KnownRows:
    """Holds the rows of all borrowers and picks what one of them was known for at an instant.

    Parameters
    ----------
    rows : dict of str to list of dict
    ledger : LedgerSettings
    """

    def __init__(self, rows, ledger):
        self.rows, self.ledger, self.zone = rows, ledger, ZoneInfo(ledger.booking_zone)
        self.postings = sorted(row["posted_at"] for row in rows["payments"])

    def look(self, borrower, as_of):
        self.as_of, self.borrower = as_of, borrower
        self.today = self.day(as_of)
        self._look()

    def day(self, instant):
        return instant.astimezone(self.zone).date()

    def before(self, instant):
        return instant is not None and instant < self.as_of

    def within(self, instant, window):
        return instant >= self.as_of - window * DAY

    def since(self, instants):
        return max(0.0, days(self.as_of, max(instants))) if instants else NAN

    def mine(self, table, known):
        return [row for row in self.rows[table] if row["borrower_id"] == self.borrower and self.before(row[known])]

    def _look(self):
        profiles = sorted(self.mine("borrowers", "valid_from"), key=lambda row: row["valid_from"])
        self.profile = profiles[-1] if profiles else None
        self.status = self.mine("status_events", "known_at")
        self.contacts = [row for row in self.mine("contacts", "known_at") if row["at"] < self.as_of]
        self.out = [row for row in self.contacts if row["direction"] == "out"]
        self.loans = {row["loan_id"]: row for row in self.mine("loans", "opened_at")}
        self.ended = {
            loan
            for loan, row in self.loans.items()
            for event in self.rows["status_events"]
            if event["kind"] in ENDINGS and self.before(event["known_at"])
            and (event["loan_id"] == loan or (event["loan_id"] is None and event["borrower_id"] == self.borrower
                                              and row["opened_at"] < event["known_at"]))
        }  # fmt: skip
        self.open = [loan for loan in self.loans if loan not in self.ended]
        self.dues = sorted(
            (row for row in self.rows["instalments"]
             if row["loan_id"] in self.loans and self.before(row["known_at"]) and not self.before(row["superseded_at"])),
            key=lambda row: (row["due_on"], row["loan_id"], row["amount"]),
        )  # fmt: skip
        self.posted = sorted(
            (row for row in self.rows["payments"] if row["loan_id"] in self.loans and self.before(row["posted_at"])),
            key=lambda row: (row["paid_at"], row["payment_id"]),
        )
        self.acts = [row for row in self.posted if row["paid_at"] < self.as_of]
        self.made = [row for row in self.acts if row["kind"] == "payment"]
        self._owe()

    def _owe(self):
        accounts = {}
        for currency in sorted({self.loans[loan]["currency"] for loan in self.open}):
            loans = [loan for loan in self.open if self.loans[loan]["currency"] == currency]
            paid = sum((SIGN[row["kind"]] * row["amount"] for row in self.posted if row["loan_id"] in loans), Decimal(0))
            dues = [row for row in self.dues if row["loan_id"] in loans]
            fallen = [row for row in dues if row["due_on"] + self.ledger.grace_days * DAY < self.today]
            total, uncovered = Decimal(0), []
            for row in fallen:
                total += row["amount"]
                if total - paid > Decimal(str(self.ledger.de_minimis)):
                    uncovered.append(row)
            accounts[currency] = {
                "paid": paid, "fallen": total, "uncovered": len(uncovered), "overdue": total - paid if uncovered else 0,
                "balance": max(Decimal(0), sum((row["amount"] for row in dues), Decimal(0)) - paid),
                "past": (self.today - uncovered[0]["due_on"]).days if uncovered else 0,
                "oldest": uncovered[0]["due_on"] if uncovered else None,
            }  # fmt: skip
        self.accounts = accounts
        self.currency = min(accounts, key=lambda name: (-accounts[name]["past"], name)) if accounts else None
        nothing = dict.fromkeys(("paid", "fallen", "uncovered", "overdue", "balance", "past"), 0) | {"oldest": None}
        self.owed = accounts.get(self.currency, nothing)
        newest = sorted(self.loans.values(), key=lambda row: (-row["opened_at"].timestamp(), row["loan_id"]))
        self.account = self.currency or (newest[0]["currency"] if newest else None)

    def kind(self, *kinds):
        return [row for row in self.status if row["kind"] in kinds]

    def lately(self, rows):
        return sum(self.within(row["at"], 365) for row in rows)

    def stops(self):
        """Return stops that have not run out: a cease ends by a bare opt-in, any other by a `resolved` that names its kind."""

        def ends(end, stop):
            if stop["kind"] == "cease":
                return end["kind"] == "opt_in" and end["channel"] is None and end["detail"] is None
            return end["kind"] == "resolved" and end["detail"] == stop["kind"]

        return [
            row for row in self.kind(*STOPS)
            if (row["until"] is None or row["until"] >= self.as_of)
            and not any(end["at"] > row["at"] and end["loan_id"] in (None, row["loan_id"]) and ends(end, row)
                        for end in self.status)
        ]  # fmt: skip

    def standing(self, kind, own_endings=()):
        """Return events of a kind that have not run out, nor ended by one of its own endings or a `resolved` for it."""

        def ends(end):
            return end["kind"] in own_endings or (end["kind"] == "resolved" and end["detail"] in (None, kind))

        return [
            row for row in self.kind(kind)
            if (row["until"] is None or row["until"] >= self.as_of)
            and not any(end["at"] > row["at"] and end["loan_id"] in (None, row["loan_id"]) and ends(end)
                        for end in self.status)
        ]  # fmt: skip
