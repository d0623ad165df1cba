"""A world's records as the ten event tables, the way a bank has them at the end of the period."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..vocabulary import CHANNELS, CONTACT_POINT_KINDS, DIRECTIONS, OUTCOMES, PAYMENT_KINDS, STATUS_KINDS
from .arrow import endpoint_ids, ids, instants, money, propensity_map, table, words
from .calendar import DAY_US, SECOND_US
from .hazards import Setting
from .loans import PRODUCTS
from .people import PLACES, SEGMENTS, Ints
from .record import NO_TIME, Recorder
from .snapshot import Snapshot
from .state import State


class TableBuilder:
    """Turns what a world wrote down into tables.

    Parameters
    ----------
    setting, state, record, log
        The world when it has run.
    """

    def __init__(self, setting: Setting, state: State, record: Recorder, log: Snapshot) -> None:
        self.setting, self.state, self.record, self.log = setting, state, record, log
        self.end_us = int(setting.calendar.night_us(setting.calendar.days))
        self.borrower = ids("B", np.arange(len(setting.people)))
        self.statuses = record.columns("statuses")
        self.loan_row, self.loans = self._loans()

    def build(self, gaps: pa.Table) -> dict[str, pa.Table]:
        """Return every table of the contract; rows that the bank does not know yet are left out."""
        return {
            "borrowers": self._borrowers(),
            "loans": self.loans,
            "instalments": self._instalments(),
            "payments": self._payments(),
            "contacts": self._contacts(),
            "contact_points": self._contact_points(),
            "consents": self._consents(),
            "status_events": self._status_events(),
            "system_gaps": gaps,
            "decisions": self._decisions(),
        }

    def _borrowers(self) -> pa.Table:
        people = self.setting.people
        place = people.place
        known = np.where(people.zone_known, place, -1)
        return table(
            "borrowers",
            borrower_id=self.borrower,
            valid_from=instants(np.full(len(people), self.setting.calendar.start_us - 90 * DAY_US)),
            timezone=words([p[1] for p in PLACES], known),
            jurisdiction=words([p[0] for p in PLACES], place),
            language=words([p[2] for p in PLACES], np.where(people.spoken, place, -1)),
            birth_year=pa.array(people.birth_year, pa.int32()),
            segment=words(SEGMENTS, people.segment),
        )

    def _loans(self) -> tuple[Ints, pa.Table]:
        """Return the row of each person's loans in the table (-1: not there), of shape (n, slots), and the table."""
        setting = self.setting
        last_day = self._gone_day()
        there = (setting.loans.term > 0) & (setting.loans.opened_day < last_day[:, None])
        person, slot = np.nonzero(there)
        row = np.full(there.shape, -1, dtype=np.int64)
        row[person, slot] = np.arange(len(person))
        opened = setting.calendar.night_us(setting.loans.opened_day[person, slot]) - 9 * 3_600 * SECOND_US
        built = table(
            "loans",
            loan_id=ids("L", np.arange(len(person))),
            borrower_id=pc.take(self.borrower, pa.array(person)),
            product=words(PRODUCTS, setting.loans.product[person, slot]),
            principal=money(setting.loans.principal[person, slot]),
            currency=words([p[3] for p in PLACES], setting.people.place[person]),
            opened_at=instants(opened),
        )
        return row, built

    def _gone_day(self) -> Ints:
        """Return the day from which a person opens no loan: the end, or the write-off."""
        last = np.full(len(self.setting.people), self.setting.calendar.days)
        gone = self.statuses["kind"] == STATUS_KINDS.index("written_off")
        last[self.statuses["person"][gone]] = (self.statuses["at"][gone] - self.setting.calendar.start_us) // DAY_US
        return last

    def _instalments(self) -> pa.Table:
        loans, calendar = self.setting.loans, self.setting.calendar
        person, slot = np.nonzero(self.loan_row >= 0)
        term = loans.term[person, slot]
        at = np.repeat(np.arange(len(person)), term)
        nth = np.arange(len(at)) - np.repeat(term.cumsum() - term, term)
        start = np.datetime64(calendar.start_us, "us").astype("datetime64[M]")
        month = start + (loans.start[person, slot][at] + nth)
        due = month.astype("datetime64[D]") + (self.setting.people.due_dom[person][at] - 1)
        return table(
            "instalments",
            loan_id=pc.take(self.loans["loan_id"], pa.array(at)),
            due_on=pa.array(due),
            amount=money(loans.instalment[person, slot][at]),
            known_at=pc.take(self.loans["opened_at"], pa.array(at)),
        )

    def _payments(self) -> pa.Table:
        events = self._known(self.record.columns("payments"), "posted")
        return table(
            "payments",
            payment_id=ids("P", np.arange(len(events["person"])), 9),
            loan_id=pc.take(self.loans["loan_id"], pa.array(self.loan_row[events["person"], events["slot"]])),
            kind=words(PAYMENT_KINDS, events["kind"]),
            paid_at=instants(events["paid"]),
            posted_at=instants(events["posted"]),
            amount=money(events["cents"]),
        )

    def _contacts(self) -> pa.Table:
        events = self._known(self.record.columns("contacts"), "known")
        person, channel, inbound = events["person"], events["channel"], events["inbound"]
        n = len(person)
        decision = events["decision"] if self.setting.spec.operations.log_decisions else np.full(n, -1)
        logged = pa.array(np.where(inbound == 1, -1, decision), mask=(inbound == 1) | (decision < 0))
        return table(
            "contacts",
            contact_id=ids("C", np.arange(n), 9),
            borrower_id=pc.take(self.borrower, pa.array(person)),
            decision_id=pc.take(self._decision_ids(), logged),
            channel=words(CHANNELS, channel),
            direction=words(DIRECTIONS, inbound),
            party=words(("borrower",), np.zeros(n, dtype=np.int64)),
            endpoint_id=endpoint_ids(self.borrower, person, channel),
            endpoint_kind=words(CONTACT_POINT_KINDS, np.full(n, CONTACT_POINT_KINDS.index("personal"))),
            purpose=words(("collection",), np.zeros(n, dtype=np.int64)),
            at=instants(events["at"]),
            outcome=words(OUTCOMES, events["outcome"]),
            known_at=instants(events["known"]),
        )

    def _contact_points(self) -> pa.Table:
        people, calendar = self.setting.people, self.setting.calendar
        used = self._channels()
        person = np.repeat(np.arange(len(people)), len(used))
        channel = np.tile(used, len(people))
        since = calendar.start_us - (30 + (person * 7 + channel * 13) % 60) * DAY_US
        dead = people.dead_day[person, channel]
        # The bank finds a dead endpoint out some two months late, if at all; one in twelve was never verified.
        found = dead + 45 + person % 31
        ended = (found < calendar.days) & self.setting.spec.operations.dead_found
        return table(
            "contact_points",
            borrower_id=pc.take(self.borrower, pa.array(person)),
            channel=words(CHANNELS, channel),
            endpoint_id=endpoint_ids(self.borrower, person, channel),
            kind=words(CONTACT_POINT_KINDS, np.full(len(person), CONTACT_POINT_KINDS.index("personal"))),
            verified_at=instants(np.where((person * 5 + channel) % 12 == 0, NO_TIME, since + DAY_US)),
            valid_from=instants(since),
            valid_to=instants(np.where(ended, calendar.night_us(np.where(ended, found, 0)), NO_TIME)),
        )

    def _consents(self) -> pa.Table:
        """Consent by channel, given at the beginning; withdrawn where the person opted out of that channel."""
        used, start = self._channels(), self.setting.calendar.start_us
        person = np.repeat(np.arange(len(self.setting.people)), len(used))
        channel = np.tile(used, len(self.setting.people))
        revoked = np.full((len(self.setting.people), len(CHANNELS)), NO_TIME)
        out = (self.statuses["kind"] == STATUS_KINDS.index("opt_out")) & (self.statuses["at"] < self.end_us)
        one, every = out & (self.statuses["channel"] >= 0), out & (self.statuses["channel"] < 0)
        revoked[self.statuses["person"][one], self.statuses["channel"][one]] = self.statuses["at"][one]
        revoked[self.statuses["person"][every]] = self.statuses["at"][every][:, None]
        given = np.full(len(person), start - 80 * DAY_US)
        return table(
            "consents",
            consent_id=ids("K", np.arange(len(person)), 9),
            borrower_id=pc.take(self.borrower, pa.array(person)),
            channel=words(CHANNELS, channel),
            kind=words(("collection",), np.zeros(len(person), dtype=np.int64)),
            given_at=instants(given),
            revoked_at=instants(revoked[person, channel]),
            known_at=instants(given),
        )

    def _status_events(self) -> pa.Table:
        events = self._known(self.statuses, "known")
        person, slot = events["person"], events["slot"]
        loan = np.where(slot >= 0, self.loan_row[person, np.maximum(slot, 0)], -1)
        return table(
            "status_events",
            borrower_id=pc.take(self.borrower, pa.array(person)),
            loan_id=pc.take(self.loans["loan_id"], pa.array(loan, mask=loan < 0)),
            kind=words(STATUS_KINDS, events["kind"]),
            channel=words(CHANNELS, events["channel"]),
            at=instants(events["at"]),
            until=instants(events["until"]),
            known_at=instants(events["known"]),
        )

    def _decisions(self) -> pa.Table:
        log, setting = self.log, self.setting
        if not setting.spec.operations.log_decisions:
            return table("decisions")
        n, as_of = len(log), setting.calendar.night_us(log.day)
        version = words((f"world-{setting.spec.name}",), np.zeros(n, dtype=np.int64))
        return table(
            "decisions",
            decision_id=self._decision_ids(),
            borrower_id=pc.take(self.borrower, pa.array(log.person)),
            as_of=instants(as_of),
            commit_until=instants(as_of + setting.spec.horizon_days * DAY_US),
            arm=words(setting.arms.names, log.arm),
            propensities=propensity_map(setting.arms.names, log.propensity, log.lawful),
            explore=pa.array(np.ones(n, dtype=bool)),
            policy_version=version,
            model_version=version,
            rules_version=version,
        )

    def _decision_ids(self) -> pa.Array:
        return ids("D", np.arange(len(self.log)), 9)

    def _channels(self) -> Ints:
        return np.flatnonzero(self.setting.plan.any(axis=(0, 1)) | np.isin(CHANNELS, ("call", "im", "email")))

    def _known(self, events: dict[str, Ints], known: str) -> dict[str, Ints]:
        """Keep what is known before the end, in the order of time."""
        kept = np.flatnonzero(events[known] < self.end_us)
        return {name: column[kept] for name, column in events.items()}
