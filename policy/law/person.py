"""One borrower's facts as plain rows, and what follows from them: open states, refusals, traits."""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from ...data.endings import ENDINGS, PASSING_KINDS
from ...data.vocabulary import CHANNELS, WISH_KINDS
from ..zones import to_micros
from .clock import Place
from .compose import Actor
from .history import FOREVER
from .traits import WHOLE_WEEK, Traits, agreed_hours, endpoint_kind, parse_hours, quiet_until


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact that was made; None where its row does not say."""

    at: datetime
    channel: str
    outcome: str
    direction: str = "out"
    party: str = "borrower"
    purpose: str = "collection"
    endpoint_id: str | None = None
    endpoint_kind: str | None = None
    actor: str | None = None
    principal: str | None = None
    loans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """A consent; one that is revoked counts for the contacts made before."""

    channel: str
    kind: str
    given_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """A status event."""

    kind: str
    at: datetime
    until: datetime | None = None
    channel: str | None = None
    loan_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A live endpoint of the borrower."""

    channel: str
    endpoint_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class OpenLoan:
    """A loan that is open."""

    loan_id: str
    product: str = ""


@dataclass(frozen=True)
class BorrowerFacts:
    """What the rules need to know of one borrower.

    Parameters
    ----------
    place : Place
    contacts : tuple of PastContact
    events : tuple of StatusEvent
        All that are known, the cleared ones and the clearing ones among them.
    consents : tuple of GivenConsent
    loans : tuple of OpenLoan
        Empty where they are not known.
    endpoints : tuple of Endpoint
    former : tuple of Place
        Where else the borrower was within the reach of past contacts.
    overdue_since : date, optional
        The day on which the oldest open due fell.
    first_talk : datetime, optional
        The first conversation ever, where it lies before `contacts`.
    actor : Actor
        Who makes the contact.
    as_of : datetime, optional
        When all of this was known: what had run out before no longer holds. The instant of the contact where left out.
    """

    place: Place
    contacts: tuple[PastContact, ...] = ()
    events: tuple[StatusEvent, ...] = ()
    consents: tuple[GivenConsent, ...] = ()
    loans: tuple[OpenLoan, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    former: tuple[Place, ...] = ()
    overdue_since: date | None = None
    first_talk: datetime | None = None
    actor: Actor = field(default_factory=Actor)
    as_of: datetime | None = None

    @cached_property
    def open_events(self) -> tuple[StatusEvent, ...]:
        """The events that have not run out and that no later one has ended; an event of the same instant ends nothing."""
        return tuple(
            one for one in self.events
            if one.kind not in PASSING_KINDS
            and (one.until is None or self.as_of is None or to_micros(one.until) >= to_micros(self.as_of))
            and not any(_ends(by, one) for by in self.events)
        )  # fmt: skip

    @cached_property
    def refused(self) -> frozenset[str]:
        """Channels opted out of and not opened again."""

        def latest(kind: str, channel: str) -> int:
            found = [e for e in self.events if e.kind == kind and e.channel in (None, channel)]
            return max((to_micros(e.at) for e in found if kind == "opt_out" or e.detail is None), default=-FOREVER)

        return frozenset(c for c in CHANNELS if latest("opt_out", c) >= max(latest("opt_in", c), -FOREVER + 1))

    @cached_property
    def standing(self) -> tuple[GivenConsent, ...]:
        """Consents that are not revoked."""
        return tuple(given for given in self.consents if given.revoked_at is None)

    @cached_property
    def traits(self) -> Traits:
        """What decides which rules and hours hold."""
        quiet = [
            (parse_hours(one.detail, WHOLE_WEEK), FOREVER if one.until is None else to_micros(one.until))
            for one in self.open_events
            if one.kind == "quiet_hours"
        ]
        agreed = {(one.channel, week) for one in self.standing if (week := agreed_hours(one.kind)) is not None}
        return Traits(
            self.place,
            self.former,
            tuple(sorted({loan.product for loan in self.loans if loan.product})),
            tuple(self._endpoint(channel) for channel in CHANNELS),
            quiet_until(quiet),
            tuple(sorted(agreed)),
            tuple(sorted({(one.channel, one.kind) for one in self.standing})),
            self.overdue_since.toordinal() if self.overdue_since is not None else 0,
        )

    def _endpoint(self, channel: str) -> str:
        own = [one for one in self.endpoints if one.channel == channel]
        wishes = [w for w in self.open_events if w.kind in WISH_KINDS[1:] and w.channel in (None, channel)]
        left = [one.kind for one in own if not any(refuses(wish, one.endpoint_id, one.kind) for wish in wishes)]
        return endpoint_kind(channel, [one.kind for one in own] or (None if wishes else []), left)


def refuses(wish: StatusEvent, endpoint_id: str | None, kind: str | None) -> bool:
    """Tell whether a wish refuses an endpoint; what is not known may be what was refused."""
    asked = endpoint_id if wish.kind == "quiet_endpoint" else kind
    return not wish.detail or asked is None or wish.detail == asked


def _ends(clearing: StatusEvent, opened: StatusEvent) -> bool:
    """Tell whether one event ends another: ADR 5."""
    if not (to_micros(clearing.at) > to_micros(opened.at) and clearing.loan_id in (None, opened.loan_id)):
        return False
    return any(
        clearing.kind in one.by and one.covers(clearing.detail, clearing.channel, opened.kind, opened.detail) for one in ENDINGS
    )
