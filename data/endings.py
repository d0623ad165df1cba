"""What ends what a status event began: the one reading that features, guards and both rule engines share (ADR 5)."""

from dataclasses import dataclass
from typing import Final, Literal

from .vocabulary import LOAN_ENDING_KINDS, RESOLVABLE_KINDS, STATUS_KINDS, WISH_KINDS

# Refusals are taken back by the borrower alone: nothing that a lender records ends them.
REFUSAL_KINDS: Final = ("cease", *WISH_KINDS)


@dataclass(frozen=True)
class Ending:
    """A kind of event that ends others: earlier ones of the same borrower, and of its loan where it names one.

    Parameters
    ----------
    by : tuple of str
        Kinds of the event that ends.
    ends : tuple of str
        Kinds that it ends.
    detail : {"any", "none", "kind", "same"}
        What its `detail` has to say: anything; nothing; the very kind that it ends; the ended event's own detail.
    general : bool
        Whether it has to be without a channel.
    """

    by: tuple[str, ...]
    ends: tuple[str, ...]
    detail: Literal["any", "none", "kind", "same"] = "any"
    general: bool = False

    def covers(self, detail: str | None, channel: str | None, kind: str, own_detail: str | None) -> bool:
        """Tell whether an event of these kinds, with this detail and channel, ends one of a kind with a detail of its own.

        Examples
        --------
        >>> named = ENDINGS[1]
        >>> named.covers("attorney", None, "attorney", None), named.covers(None, None, "attorney", None)
        (True, False)
        """
        said = {
            "any": True,
            "none": detail is None,
            "kind": detail == kind,
            "same": detail is not None and detail == own_detail,
        }
        return kind in self.ends and said[self.detail] and (channel is None or not self.general)


_ENDING_KINDS: Final = ("resolved", "opt_in", "promise_kept", "promise_broken")
# What says something without holding a borrower back by itself; rules that name one of them read it from the open events.
PASSING_KINDS: Final = (*_ENDING_KINDS, "opt_out", "bureau_reported", "override", "offer_accepted", *LOAN_ENDING_KINDS)
_NAMEABLE: Final = tuple(kind for kind in STATUS_KINDS if kind not in (*REFUSAL_KINDS, *PASSING_KINDS))

ENDINGS: Final = (
    Ending(("resolved",), RESOLVABLE_KINDS, "none"),
    # The vaguest event must not open the worst doors: whatever else is over has to be named.
    Ending(("resolved",), _NAMEABLE, "kind"),
    Ending(("promise_kept", "promise_broken"), ("promise",)),
    Ending(("opt_in",), REFUSAL_KINDS, "none", general=True),
    Ending(("opt_in",), WISH_KINDS, "same", general=True),
)
