"""The oracle's families about contact: what was tried, what came of it, what stands in its way."""

import math
from bisect import bisect_left

from feature_oracle_known import CHANNELS, DAY, DELIVERED, FAILED, MESSAGES, NAN, REACHED, KnownRows, days, ratio


class ContactSide(KnownRows):
    """Computes the families about contact."""

    def responses(self):
        first = min((row["at"] for row in self.out), default=None)
        after = [row["paid_at"] for row in self.made if first and row["paid_at"] > first]
        talks = [
            row["at"]
            for row in self.contacts
            if row["outcome"] == "conversation" and self.as_of - 365 * DAY <= row["at"] < self.as_of - 7 * DAY
        ]
        answered = [at for at in talks if any(at < row["paid_at"] <= at + 7 * DAY for row in self.made)]
        inbound = [row["at"] for row in self.contacts if row["direction"] == "in"]
        return {
            "days_from_first_contact_to_payment": days(min(after), first) if after else NAN,
            "paid_after_conversation_share": ratio(len(answered), len(talks)),
            **{f"contact_in_count_{w}d": sum(self.within(at, w) for at in inbound) for w in (30, 365)},
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
        for name, outcomes, windows in (
            ("conversation", ["conversation"], (7, 30, 90, 365)),
            ("delivered", DELIVERED, (30, 365)),
            ("read", REACHED, (30, 365)),
            ("failed", FAILED, (30, 365)),
        ):
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
            "decided_contact_share_90d":
                ratio(count(90, lambda row: row["decision_id"] is not None), found["contact_count_90d"]),
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
            "endpoint_ended_count_365d":
                sum(self.before(row["valid_to"]) and self.within(row["valid_to"], 365) for row in points),
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
            outs = [row["at"] for row in for_it if row["kind"] == "opt_out"]
            backs = [row["at"] for row in for_it if row["kind"] == "opt_in" and row["detail"] is None]
            silenced += bool(outs) and not any(back > max(outs) for back in backs)
        return found | {
            "dispute_open": bool(self.standing("dispute")),
            "hardship_open": bool(self.standing("hardship")),
            "stop_open": bool(self.stops()), "opted_out_channel_count": silenced,
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
