"""An independent reading of a night's output against the raw tables and the house rules, row by row, without the package."""

from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import holidays

STOPS = {
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
}
CALLS = {"call", "voicemail", "voicebot"}


class Checker:
    """Finds everything wrong with recommendations as of an instant."""

    def __init__(self, tables, as_of):
        self.as_of = as_of
        self.rows = {name: table.to_pylist() for name, table in tables.items()}
        self.person = {row["borrower_id"]: row for row in self.rows["borrowers"] if row["valid_from"] < as_of}
        self.status = self._by_borrower("status_events", "known_at")
        self.contacts = self._by_borrower("contacts", "known_at")
        self.overdue = self._overdue()

    def _by_borrower(self, table, known):
        found = defaultdict(list)
        for row in self.rows[table]:
            if row[known] < self.as_of:
                found[row["borrower_id"]].append(row)
        return found

    def _overdue(self):
        ended = {row["loan_id"] for row in self.rows["status_events"] if self._ends_loan(row)}
        owner = {
            r["loan_id"]: r["borrower_id"]
            for r in self.rows["loans"]
            if r["opened_at"] < self.as_of and r["loan_id"] not in ended
        }
        owed = defaultdict(int)
        for row in self.rows["instalments"]:
            superseded = row.get("superseded_at") and row["superseded_at"] < self.as_of
            if (
                row["loan_id"] in owner
                and row["known_at"] < self.as_of
                and not superseded
                and row["due_on"] < self.as_of.date()
            ):
                owed[owner[row["loan_id"]]] += row["amount"]
        for row in self.rows["payments"]:
            if row["loan_id"] in owner and row["posted_at"] < self.as_of:
                sign = 1 if row["kind"] in {"payment", "waiver"} else -1
                owed[owner[row["loan_id"]]] -= sign * row["amount"]
        return {borrower for borrower, amount in owed.items() if amount > 1}

    def _ends_loan(self, row):
        return row["kind"] in {"closed", "written_off", "sold", "recalled"} and row["loan_id"] and row["known_at"] < self.as_of

    def open_kinds(self, borrower):
        events = self.status[borrower]
        kinds = set()
        for event in events:
            later = [e for e in events if e["at"] > event["at"] and (e["loan_id"] in {None, event["loan_id"]})]
            # A lender settles what it can settle; an attorney, a death, a refusal do not end by a bare word of its own.
            enders = {"resolved"} if event["kind"] in {"complaint", "dispute", "hardship", "promise"} else set()
            enders |= {"promise_kept", "promise_broken"} if event["kind"] == "promise" else set()
            if not any(e["kind"] in enders for e in later) and (event["until"] is None or event["until"] >= self.as_of):
                kinds.add(event["kind"])
        return kinds

    def closed_channels(self, borrower, channels):
        closed = set()
        for channel in channels:
            events = [
                e for e in self.status[borrower] if e["kind"] in {"opt_out", "opt_in"} and e["channel"] in {None, channel}
            ]
            outs = [e["at"] for e in events if e["kind"] == "opt_out"]
            ins = [e["at"] for e in events if e["kind"] == "opt_in"]
            if outs and (not ins or max(ins) <= max(outs)):
                closed.add(channel)
        return closed

    def faults(self, row):
        """Return what is wrong with one recommendation."""
        borrower = row["borrower_id"]
        found = [f"open {kind}" for kind in self.open_kinds(borrower) & (STOPS | {"dispute", "promise"})]
        found += [] if borrower in self.person else ["unknown borrower"]
        found += [] if borrower in self.overdue else ["not overdue"]
        recent = [e for e in self.status[borrower] if e["kind"] == "complaint" and e["at"] >= self.as_of - timedelta(days=30)]
        if recent and "complaint" in self.open_kinds(borrower):
            found.append("complained lately")
        return found + (self.plan_faults(row) if row["windows"] else [])

    def plan_faults(self, row):
        person = self.person[row["borrower_id"]]
        windows = [parse(text) for text in row["windows"]]
        found = [f"refused {c}" for c in self.closed_channels(row["borrower_id"], {c for *_, c in windows})]
        zones = [ZoneInfo(person["timezone"])] if person["timezone"] else [start.tzinfo for start, *_ in windows]
        for start, end, channel in windows:
            if start <= self.as_of or end <= start or start >= row["commit_until"] + timedelta(days=14):
                found.append(f"window {start} is not in the commitment")
            for zone in zones if person["timezone"] else [None]:
                found += (
                    [] if zone is None else hours_faults(start.astimezone(zone), end.astimezone(zone), person["jurisdiction"])
                )
            del channel
        return found + self.cap_faults(row["borrower_id"], windows, zones[0])

    def cap_faults(self, borrower, windows, zone):
        past = [(c["at"].astimezone(zone).date(), c["channel"]) for c in self.contacts[borrower] if c["direction"] == "out"]
        planned = [(start.astimezone(zone).date(), channel) for start, _, channel in windows]
        every = sorted(past + planned)
        found = []
        for day, channel in planned:
            for days, most, of in [(1, 1, None), (7, 4, None), (31, 12, None), (7, 3, CALLS)]:
                if of and channel not in of:
                    continue
                count = sum(1 for d, c in every if 0 <= (day - d).days < days and (not of or c in of))
                if count > most:
                    found.append(f"{count} contacts in {days} days up to {day}")
        return found


def hours_faults(start, end, jurisdiction):
    """Return what is wrong with a window in local time: 9 to 19, no Sunday, no public holiday."""
    country, _, part = jurisdiction.partition("-")
    part = part if country == "US" else None
    off = start.date() in holidays.country_holidays(country, subdiv=part or None, years=[start.year])
    late = end.date() != start.date() or end.hour > 19 or (end.hour == 19 and end.minute > 0)
    return [f"window {start} to {end} is outside the hours"] if off or start.weekday() == 6 or start.hour < 9 or late else []


def parse(text):
    """Return start, end and channel of a window."""
    span, channel = text.split(" ")
    start, end = span.split("/")
    return datetime.fromisoformat(start), datetime.fromisoformat(end), channel
