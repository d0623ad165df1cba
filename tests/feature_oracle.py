"""The features a second time, in plain Python, one borrower at a time, written from the catalogue's descriptions.

Slow and simple on purpose: rows are dictionaries, lists are filtered, loops are nested. Nothing of the package's `features`
is used, so that the same mistake would have to be made twice.
"""

from collections import Counter
from datetime import UTC
from decimal import Decimal

import holidays
from feature_oracle_contact import ContactSide
from feature_oracle_known import DAY, NAN, SIGN, days, ratio


class Oracle(ContactSide):
    """Computes the features of one borrower at one instant from rows."""

    def __call__(self, borrower, as_of):
        self.look(borrower, as_of)
        found = {}
        for part in (self.ability, self.willing, self.lateness, self.responses, self.habit, self.contact, self.decided,
                     self.reach, self.friction, self.stage, self.health):  # fmt: skip
            found |= part()
        return {name: NAN if value is None else float(value) for name, value in found.items()}

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
            "overdue_to_instalment_ratio": ratio(owed["overdue"], mean),
            "instalment_amount_mean": mean,
            "due_sum_next_30d": sum(row["amount"] for row in ahead if row["due_on"] < self.today + 30 * DAY),
            "days_to_next_due": (ahead[0]["due_on"] - self.today).days if ahead else NAN,
            "share_of_dues_paid": ratio(min(max(owed["paid"], 0), owed["fallen"]), owed["fallen"]),
            **{f"payment_sum_{w}d": total for w, total in net.items()},
            **{f"payment_count_{w}d": sum(self.within(row["paid_at"], w) for row in made) for w in (30, 90, 365)},
            "payment_to_due_ratio_90d": ratio(net[90], sum(last_90)),
            "payment_amount_mean": ratio(sum(row["amount"] for row in made), len(made)),
            "payment_amount_last": last,
            "last_payment_to_instalment_ratio": ratio(last, mean),
            "partial_payment_share_365d": ratio(len(partial), len(judged)),
            "reversal_count_365d": sum(row["kind"] == "reversal" and self.within(row["paid_at"], 365) for row in acts),
        }  # fmt: skip

    def willing(self):
        promises, kept, broken = self.kind("promise"), self.kind("promise_kept"), self.kind("promise_broken")
        still = self.standing("promise", ["promise_kept", "promise_broken"])
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


def oracle_rows(rows, points, ledger):
    """Return the features of points, a list of (borrower_id, aware as_of), as a list of dictionaries."""
    oracle = Oracle(rows, ledger)
    return [oracle(borrower, as_of.astimezone(UTC)) for borrower, as_of in points]
