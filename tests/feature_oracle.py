"""The features a second time, in plain Python, one borrower at a time, written from the catalogue's descriptions.

Slow and simple on purpose: rows are dictionaries, lists are filtered, loops are nested. Nothing of the package's `features`
is used, so that the same mistake would have to be made twice.
"""

import math
from bisect import bisect_left
from collections import Counter
from datetime import UTC, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import holidays

DAY = timedelta(days=1)
NAN = math.nan
CHANNELS = ["sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit"]
FAILED = ["not_connected", "bounced", "answered_wrong_party"]
REACHED = ["conversation", "read", "replied", "clicked"]
DELIVERED = ["delivered", "read", "replied", "clicked", "voicemail_left", "conversation"]
MESSAGES = ["sms", "email", "app_push", "im"]
STOPS = ["cease", "attorney", "bankruptcy", "deceased", "moratorium", "vulnerable", "identity_theft", "hospitalised", "disaster",
         "minor"]  # fmt: skip
ENDINGS = ["closed", "written_off", "sold", "recalled"]
SIGN = {"payment": 1, "waiver": 1, "reversal": -1, "refund": -1}


def days(later, earlier):
    """Return days between two instants, each cut to its second."""
    return (later.replace(microsecond=0) - earlier.replace(microsecond=0)) / DAY


def ratio(part, whole):
    return NAN if whole is None or whole == 0 or part is None or part != part else float(part) / float(whole)


class Oracle:
    """Computes the features of one borrower at one instant from rows.

    Parameters
    ----------
    rows : dict of str to list of dict
    ledger : LedgerSettings
    """

    def __init__(self, rows, ledger):
        self.rows, self.ledger, self.zone = rows, ledger, ZoneInfo(ledger.booking_zone)
        self.postings = sorted(row["posted_at"] for row in rows["payments"])

    def __call__(self, borrower, as_of):
        self.as_of, self.borrower = as_of, borrower
        self.today = self.day(as_of)
        self._look()
        found = {}
        for part in (self.ability, self.willing, self.lateness, self.responses, self.habit, self.contact, self.decided,
                     self.reach, self.friction, self.stage, self.health):  # fmt: skip
            found |= part()
        return {name: NAN if value is None else float(value) for name, value in found.items()}

    # -- what was known -------------------------------------------------------------------------------------------------

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

    # -- families -------------------------------------------------------------------------------------------------------

    def ability(self):
        ours = [loan for loan, row in self.loans.items() if row["currency"] == self.account]
        dues = [row for row in self.dues if row["loan_id"] in ours]
        acts = [row for row in self.acts if row["loan_id"] in ours]
        made = [row for row in acts if row["kind"] == "payment"]
        mean = ratio(sum(row["amount"] for row in dues), len(dues))
        ahead = [row for row in dues if row["loan_id"] in self.open and row["due_on"] >= self.today]
        net = {
            w: sum(SIGN[row["kind"]] * row["amount"] for row in acts if self.within(row["paid_at"], w))
            for w in (7, 30, 90, 365)
        }
        principal = sum(self.loans[loan]["principal"] for loan in ours if loan in self.open)
        usual = {loan: [row["amount"] for row in self.dues if row["loan_id"] == loan] for loan in ours}
        judged = [row for row in made if self.within(row["paid_at"], 365) and usual[row["loan_id"]]]
        partial = [row for row in judged if row["amount"] * len(usual[row["loan_id"]]) * 100 < 95 * sum(usual[row["loan_id"]])]
        last_90 = [row["amount"] for row in dues if self.today - 90 * DAY <= row["due_on"] < self.today]
        owed, last = self.owed, float(made[-1]["amount"]) if made else NAN
        return {
            "balance": owed["balance"], "overdue_amount": owed["overdue"], "overdue_instalment_count": owed["uncovered"],
            "balance_to_principal_ratio": ratio(owed["balance"], principal),
            "overdue_to_balance_ratio": ratio(owed["overdue"], owed["balance"]),
            "overdue_to_instalment_ratio": ratio(owed["overdue"], mean) if mean == mean else NAN,
            "instalment_amount_mean": mean,
            "due_sum_next_30d": sum(row["amount"] for row in ahead if row["due_on"] < self.today + 30 * DAY),
            "days_to_next_due": (ahead[0]["due_on"] - self.today).days if ahead else NAN,
            "share_of_dues_paid": ratio(min(max(owed["paid"], 0), owed["fallen"]), owed["fallen"]),
            **{f"payment_sum_{w}d": total for w, total in net.items()},
            **{f"payment_count_{w}d": sum(self.within(row["paid_at"], w) for row in made) for w in (30, 90, 365)},
            "payment_to_due_ratio_90d": ratio(net[90], sum(last_90)),
            "payment_amount_mean": ratio(sum(row["amount"] for row in made), len(made)),
            "payment_amount_last": last,
            "last_payment_to_instalment_ratio": ratio(last, mean) if mean == mean else NAN,
            "partial_payment_share_365d": ratio(len(partial), len(judged)),
            "reversal_count_365d": sum(row["kind"] == "reversal" and self.within(row["paid_at"], 365) for row in acts),
        }  # fmt: skip

    def kind(self, *kinds):
        return [row for row in self.status if row["kind"] in kinds]

    def lately(self, rows):
        return sum(self.within(row["at"], 365) for row in rows)

    def standing(self, kinds, endings):
        """Return events that have not run out and that no later ending, of their loan or of all, has ended."""
        return [
            row for row in self.kind(*kinds)
            if (row["until"] is None or row["until"] >= self.as_of)
            and not any(end["at"] > row["at"] and (end["loan_id"] is None or end["loan_id"] == row["loan_id"])
                        for end in self.kind(*endings))
        ]  # fmt: skip

    def willing(self):
        promises, kept, broken = self.kind("promise"), self.kind("promise_kept"), self.kind("promise_broken")
        still = self.standing(["promise"], ["promise_kept", "promise_broken", "resolved"])
        ends = [row["until"] for row in still if row["until"]]
        run_out = {(row["at"], row["until"]) for row in promises if self.before(row["until"])}
        paid = [span for span in run_out if any(span[0] <= row["paid_at"] <= span[1] for row in self.made)]
        return {
            "promise_count_365d": self.lately(promises), "promise_broken_count_365d": self.lately(broken),
            "promise_kept_share": ratio(len(kept), len(kept) + len(broken)), "promise_open": bool(still),
            "days_to_promise": days(min(ends), self.as_of) if ends else NAN,
            "days_since_promise": self.since([row["at"] for row in promises]),
            "promise_followed_by_payment_share": ratio(len(paid), len(run_out)),
        }  # fmt: skip

    def lateness(self):
        settled, whole, first = [], [], []
        for loan in self.loans:
            dues = [row for row in self.dues if row["loan_id"] == loan]
            paid = [row["paid_at"] for row in self.made if row["loan_id"] == loan]
            if dues and paid:
                first.append((self.day(min(paid)) - min(due["due_on"] for due in dues)).days)
            run, running = Decimal(0), []
            for row in self.acts:
                if row["loan_id"] == loan:
                    run += SIGN[row["kind"]] * row["amount"]
                    running.append((run, row["paid_at"]))
            owed, covered = Decimal(0), []
            for due in dues:
                owed += due["amount"]
                at = next((at for run, at in running if run >= owed - Decimal(str(self.ledger.de_minimis))), None)
                if at is not None:
                    covered.append((due["due_on"], (self.day(at) - due["due_on"]).days, at))
            settled += covered
            if dues and len(covered) == len(dues):
                whole.append((max(self.day(at) for _, _, at in covered) - max(due["due_on"] for due in dues)).days)
        late = [lateness for _, lateness, _ in settled]
        slow = [row for row in settled if row[1] > self.ledger.grace_days]
        alone = [row[1] for row in slow if not any(self.day(c["at"]) > row[0] and c["at"] < row[2] for c in self.out)]
        return {
            "late_days_mean": ratio(sum(late), len(late)), "late_days_max": max(late, default=NAN),
            "late_days_last": max(settled)[1] if settled else NAN,
            "on_time_share": ratio(sum(value <= self.ledger.grace_days for value in late), len(late)),
            "settled_instalment_count": len(late), "settled_loan_count": len(whole),
            "loan_late_days_mean": ratio(sum(whole), len(whole)), "first_payment_late_days_mean": ratio(sum(first), len(first)),
            "self_cure_share": ratio(len(alone), len(slow)),
            "self_cure_days_mean": ratio(sum(alone), len(alone)),
        }  # fmt: skip

    def responses(self):
        first = min((row["at"] for row in self.out), default=None)
        after = [row["paid_at"] for row in self.made if first and row["paid_at"] > first]
        talks = [row["at"] for row in self.contacts
                 if row["outcome"] == "conversation" and self.as_of - 365 * DAY <= row["at"] < self.as_of - 7 * DAY]  # fmt: skip
        answered = [at for at in talks if any(at < row["paid_at"] <= at + 7 * DAY for row in self.made)]
        inbound = [row["at"] for row in self.contacts if row["direction"] == "in"]
        return {
            "days_from_first_contact_to_payment": days(min(after), first) if after else NAN,
            "paid_after_conversation_share": ratio(len(answered), len(talks)),
            **{f"contact_in_count_{w}d": sum(self.within(at, w) for at in inbound) for w in (30, 365)},
        }  # fmt: skip

    def habit(self):
        local = [row["paid_at"].astimezone(self.zone) for row in self.made]
        found, n = {"days_since_payment": self.since([row["paid_at"] for row in self.made])}, len(local)
        for name, values in (("day_of_month", [at.day for at in local]), ("weekday", [at.weekday() for at in local]),
                             ("hour", [at.hour for at in local])):  # fmt: skip
            mode = min(Counter(values).items(), key=lambda item: (-item[1], item[0]), default=(NAN, NAN))
            found |= {f"pay_{name}_mode": mode[0], f"pay_{name}_share": ratio(mode[1], n)}
        del found["pay_hour_share"]
        mean = ratio(days(self.made[-1]["paid_at"], self.made[0]["paid_at"]), n - 1) if n > 1 else NAN
        forward = (found["pay_day_of_month_mode"] - self.today.day) % 31
        days_off, calendar = [], self.calendar()
        if calendar is not None:
            days_off = [not calendar.is_working_day(at.date()) for at in local]
        return found | {
            "payment_interval_days_mean": mean, "payment_interval_overrun_ratio": ratio(found["days_since_payment"], mean),
            "payday_distance_days": min(forward, 31 - forward) if n else NAN, "days_to_payday": forward,
            "pay_weekend_share": ratio(sum(at.weekday() >= 5 for at in local), n),
            "pay_nonworking_day_share": ratio(sum(days_off), len(days_off)),
            "as_of_day_of_month": self.today.day, "as_of_weekday": self.today.weekday(), **self.coming(calendar),
        }  # fmt: skip

    def calendar(self):
        country, _, part = (self.profile["jurisdiction"] if self.profile else "").partition("-")
        try:
            return holidays.country_holidays(country, subdiv=part or None)
        except NotImplementedError:
            return None

    def coming(self, calendar):
        if calendar is None:
            return dict.fromkeys(["is_working_day", "is_holiday", "days_to_working_day", "holiday_count_next_14d",
                                  "makeup_workday_count_next_14d"], NAN)  # fmt: skip
        ahead = [self.today + i * DAY for i in range(1, 15)]
        public = [day in calendar for day in ahead]
        weekend = [day.weekday() >= 5 and calendar.is_working_day(day) for day in ahead]
        return {
            "is_working_day": calendar.is_working_day(self.today), "is_holiday": self.today in calendar,
            "days_to_working_day": next(i for i in range(40) if calendar.is_working_day(self.today + i * DAY)),
            "holiday_count_next_14d": sum(public), "makeup_workday_count_next_14d": sum(weekend),
        }  # fmt: skip

    def contact(self):
        def count(window, test=lambda row: True):
            return sum(self.within(row["at"], window) and test(row) for row in self.out)

        def last(test=lambda row: True):
            return self.since([row["at"] for row in self.out if test(row)])

        messages = count(365, lambda row: row["channel"] in MESSAGES)
        found = {f"contact_count_{w}d": count(w) for w in (7, 30, 90, 365)}
        for channel in CHANNELS:
            for w in (7, 30, 90, 365) if channel in ("sms", "call") else (90,):
                found[f"contact_{channel}_count_{w}d"] = count(w, lambda row, channel=channel: row["channel"] == channel)
        for name, outcomes, windows in (("conversation", ["conversation"], (7, 30, 90, 365)), ("delivered", DELIVERED, (30, 365)),
                                        ("read", REACHED, (30, 365)), ("failed", FAILED, (30, 365))):  # fmt: skip
            found |= {f"contact_{name}_count_{w}d": count(w, lambda row, o=outcomes: row["outcome"] in o) for w in windows}
        ages = [math.floor(days(self.as_of, row["at"])) for row in self.out]
        return found | {
            "days_since_contact": last(), "days_since_contact_sms": last(lambda row: row["channel"] == "sms"),
            "days_since_contact_call": last(lambda row: row["channel"] == "call"),
            "days_since_conversation": last(lambda row: row["outcome"] == "conversation"),
            **{f"contact_fatigue_{half}d": sum(0.5 ** (age / half) for age in ages) for half in (7, 30)},
            "message_delivered_share_365d":
                ratio(count(365, lambda row: row["channel"] in MESSAGES and row["outcome"] in DELIVERED), messages),
            "message_read_share_365d":
                ratio(count(365, lambda row: row["channel"] in MESSAGES and row["outcome"] in REACHED), messages),
            "call_conversation_share_365d":
                ratio(count(365, lambda row: row["channel"] == "call" and row["outcome"] == "conversation"),
                      found["contact_call_count_365d"]),
            "decided_contact_share_90d": ratio(count(90, lambda row: row["decision_id"] is not None), found["contact_count_90d"]),
        }  # fmt: skip

    def decided(self):
        log = sorted(self.mine("decisions", "as_of"), key=lambda row: (row["as_of"], row["decision_id"]))
        found = {"decision_count_365d": sum(self.within(row["as_of"], 365) for row in log),
                 "days_since_decision": self.since([row["as_of"] for row in log])}  # fmt: skip
        if not log:
            return found | dict.fromkeys(["last_decision_contact_count", "last_decision_contact_rate"], NAN)
        done = sum(row["decision_id"] == log[-1]["decision_id"] for row in self.out)
        stood = max(1.0, days(min(self.as_of, log[-1]["commit_until"]), log[-1]["as_of"]))
        return found | {"last_decision_contact_count": done, "last_decision_contact_rate": done / (stood / 7)}

    def reach(self):
        points = self.mine("contact_points", "valid_from")
        live = [row for row in points if not self.before(row["valid_to"])]
        ids = {(row["channel"], row["endpoint_id"]) for row in live}
        delivered = max((row["at"] for row in self.out if row["outcome"] in DELIVERED), default=None)
        talked = max(
            (row["at"] for row in self.out if row["channel"] == "call" and row["outcome"] == "conversation"), default=None
        )
        return {
            "live_endpoint_count": len(ids), "live_channel_count": len({channel for channel, _ in ids}),
            **{f"live_endpoint_{channel}_count": sum(name == channel for name, _ in ids)
               for channel in ("sms", "call", "email", "im", "app_push")},
            "days_since_verified": self.since([row["verified_at"] for row in live if self.before(row["verified_at"])]),
            "days_since_endpoint_added": self.since([row["valid_from"] for row in points]),
            "endpoint_ended_count_365d": sum(self.before(row["valid_to"]) and self.within(row["valid_to"], 365) for row in points),
            "consecutive_failure_count":
                sum(row["outcome"] in FAILED and (delivered is None or row["at"] > delivered) for row in self.out),
            "consecutive_missed_call_count":
                sum(row["channel"] == "call" and (talked is None or row["at"] > talked) for row in self.out),
            "consent_channel_count":
                len({row["channel"] for row in self.mine("consents", "known_at") if not self.before(row["revoked_at"])}),
        }  # fmt: skip

    def friction(self):
        found, silenced = {}, 0
        for kind in ("complaint", "opt_out", "dispute", "hardship"):
            found[f"{kind}_count_365d"] = self.lately(self.kind(kind))
            found[f"days_since_{kind}"] = self.since([row["at"] for row in self.kind(kind)])
        for channel in CHANNELS:
            for_it = [row for row in self.kind("opt_out", "opt_in") if row["channel"] in (None, channel)]
            outs = [row["at"] for row in for_it
                    if row["kind"] == "opt_out" and (row["until"] is None or row["until"] >= self.as_of)]  # fmt: skip
            silenced += bool(outs) and not any(row["kind"] == "opt_in" and row["at"] > max(outs) for row in for_it)
        return found | {
            "dispute_open": bool(self.standing(["dispute"], ["resolved"])),
            "hardship_open": bool(self.standing(["hardship"], ["resolved"])),
            "stop_open": bool(self.standing(STOPS, ["resolved"])), "opted_out_channel_count": silenced,
        }  # fmt: skip

    def stage(self):
        reported = [row["at"] for row in self.kind("bureau_reported") if row["loan_id"] is None or row["loan_id"] in self.open]
        opened = {loan: row["opened_at"] for loan, row in self.loans.items()}
        past = self.owed["past"]
        return {
            "days_past_due": past, "days_past_due_band": sum(past >= start for start in (1, 4, 8, 16, 31, 61, 91)),
            "bureau_reported": bool(reported), "days_since_bureau_reported": self.since(reported),
            "open_loan_count": len(self.open), "ended_loan_count": len(self.ended), "open_currency_count": len(self.accounts),
            "loan_age_days": days(self.as_of, min(opened[loan] for loan in self.open)) if self.open else NAN,
            "days_since_loan_opened": self.since(list(opened.values())),
            "customer_age_days": days(self.as_of, min(opened.values())) if opened else NAN,
        }  # fmt: skip

    def health(self):
        place = bisect_left(self.postings, self.as_of)
        lags = [days(row["posted_at"], row["paid_at"]) for row in self.made if self.within(row["paid_at"], 365)]
        found = {
            "ledger_lag_days": days(self.as_of, self.postings[place - 1]) if place else NAN,
            "posting_lag_days_mean_365d": ratio(sum(lags), len(lags)), "profile_known": self.profile is not None,
            "timezone_known": bool(self.profile and self.profile["timezone"]),
            **{f"{channel}_gap_days_30d": min(30.0, self.lost(channel, self.as_of - 30 * DAY)) for channel in ("sms", "call")},
        }  # fmt: skip
        if not self.out:
            return found | {"silence_explained_share": NAN, "silence_chosen_days": NAN}
        at = max(row["at"] for row in self.out)
        channel = min((row["channel"] for row in self.out if row["at"] == at), key=CHANNELS.index)
        silence = days(self.as_of, at)
        explained = min(silence, self.lost(channel, at))
        return found | {"silence_explained_share": ratio(explained, silence), "silence_chosen_days": silence - explained}

    def lost(self, channel, since):
        total = 0.0
        for gap in self.rows["system_gaps"]:
            if gap["channel"] == channel and self.before(gap["start_at"]):
                end = gap["end_at"] if self.before(gap["end_at"]) else self.as_of
                start = max(gap["start_at"], since)
                total += days(end, start) if end > start else 0.0
        return total


def oracle_rows(rows, points, ledger):
    """Return the features of points, a list of (borrower_id, aware as_of), as a list of dictionaries."""
    oracle = Oracle(rows, ledger)
    return [oracle(borrower, as_of.astimezone(UTC)) for borrower, as_of in points]
