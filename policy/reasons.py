"""Reason codes of decisions and exclusions, and the sentence that each stands for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a borrower got an arm, or none; details follow the code after colons.

    Examples
    --------
    >>> sentence("arm_removed:call-weekly:house.calls_7d")
    'Arm call-weekly was taken away by rule house.calls_7d.'
    """

    HALTED = "halted"
    UNKNOWN_BORROWER = "unknown_borrower"
    DOUBTFUL = "doubtful"
    STOP = "stop"
    NO_OPEN_LOAN = "no_open_loan"
    STALE_LEDGER = "stale_ledger"
    NOT_OVERDUE = "not_overdue"
    DISPUTE = "dispute"
    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    PROMISE = "promise"
    HARDSHIP = "hardship"
    STANDING = "standing"
    ARM_REMOVED = "arm_removed"
    ARM_UNSUPPORTED = "arm_unsupported"
    BEST_VALUE = "best_value"
    MINIMUM_DOSE = "minimum_dose"
    STEADY = "steady"
    NO_LAWFUL_CONTACT = "no_lawful_contact"
    NO_SUPPORT = "no_support"
    FALLBACK = "fallback"
    FALLBACK_NOT_LAWFUL = "fallback_not_lawful"
    EXPLORED = "explored"
    HOLDOUT = "holdout"
    HOUSE_POLICY = "house_policy"
    HOUSE_POLICY_LIGHTER = "house_policy_lighter"
    COMMITMENT_ENDED = "commitment_ended"
    MOVED = "moved"
    ALREADY_MADE = "already_made"
    ENDPOINT = "endpoint"
    OUTSIDE_WINDOW = "outside_window"
    RULE = "rule"
    UNPLACED = "unplaced"


# {0}, {1}: what follows the code.
TEMPLATES: Final[dict[Reason, str]] = {
    Reason.HALTED: "The stop switch is on: nobody is contacted.",
    Reason.UNKNOWN_BORROWER: "The book has no valid row for this borrower, so nothing is known to be allowed.",
    Reason.DOUBTFUL: "A row about this borrower was quarantined: a payment or a refusal may be missing.",
    Reason.STOP: "A stop is open ({0}): nobody may be dunned until it is ended or has run out.",
    Reason.NO_OPEN_LOAN: "No loan of this borrower is collected here: closed, written off, sold or recalled.",
    Reason.STALE_LEDGER: "The ledger of product {0} is too old to prove that anything is overdue.",
    Reason.NOT_OVERDUE: "Nothing is proven overdue.",
    Reason.DISPUTE: "A dispute is open.",
    Reason.OPT_OUT: "The borrower has refused every channel.",
    Reason.COMPLAINT: "The borrower complained less than {0} days ago.",
    Reason.PROMISE: "A promise to pay is open until {0}.",
    Reason.HARDSHIP: "Hardship is open: help is due, not pressure.",
    Reason.STANDING: "An earlier decision still stands until {0}.",
    Reason.ARM_REMOVED: "Arm {0} was taken away by rule {1}.",
    Reason.ARM_UNSUPPORTED: "Arm {0} has no comparable data for this borrower.",
    Reason.BEST_VALUE: "This arm has the highest expected net recovery.",
    Reason.MINIMUM_DOSE: "This arm is lighter than the best, and is expected to lose no more than the margin.",
    Reason.STEADY: "The last arm is kept: a heavier one would not gain more than the margin for switching.",
    Reason.NO_LAWFUL_CONTACT: "The rules leave no contact for this borrower tonight.",
    Reason.NO_SUPPORT: "The data cannot tell the lawful arms apart for this borrower.",
    Reason.FALLBACK: "The fallback arm is given.",
    Reason.FALLBACK_NOT_LAWFUL: "The fallback arm is not lawful here, so nobody is contacted.",
    Reason.EXPLORED: "This lawful arm was drawn with a known probability, so that its effect can be learnt.",
    Reason.HOLDOUT: "This borrower is among the few left alone for a while, so that the effect of contact can be learnt.",
    Reason.HOUSE_POLICY: "There is no model yet: the arm of the house policy is given.",
    Reason.HOUSE_POLICY_LIGHTER: "There is no model yet: the next lighter arm than the house policy's that may be given here.",
    Reason.COMMITMENT_ENDED: "The commitment behind this contact has ended ({0}).",
    Reason.MOVED: "The borrower's zone or jurisdiction has changed since the window was laid.",
    Reason.ALREADY_MADE: "This contact was made already.",
    Reason.ENDPOINT: "The endpoint on {0} reaches nobody ({1}): it is to be refreshed, not tried again.",
    Reason.OUTSIDE_WINDOW: "It is too {0} for this window.",
    Reason.UNPLACED: "A contact on {0} found no room on any day: {1} is full.",
    Reason.RULE: "Rule {0} forbids this contact now.",
}


def code(reason: Reason, *details: object) -> str:
    """Return a reason's code with its details.

    Examples
    --------
    >>> code(Reason.PROMISE, "2026-12-01")
    'promise:2026-12-01'
    """
    return ":".join([str(reason), *map(str, details)])


def sentence(text: str, templates: Mapping[Reason, str] = TEMPLATES, unknown: str = "unknown") -> str:
    """Return the sentence of a code.

    Parameters
    ----------
    text : str
        A code with its details, from `code`.
    templates : mapping, optional
        The sentences of all codes, in another language perhaps.
    unknown : str, optional
        Said where a detail is missing.

    Raises
    ------
    ValueError
        Where the code is not a reason.
    """
    name, *details = text.split(":")
    reason = Reason(name)
    fields = templates[reason].count("{")
    # The last detail keeps colons of its own, as an instant has.
    joined = [*details[: fields - 1], ":".join(details[fields - 1 :])] if fields and details else details
    return templates[reason].format(*joined, *[unknown] * (fields - len(joined)))
