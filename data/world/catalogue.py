"""The named worlds: each one trap from practice, on the ground of the same parameters otherwise."""

from typing import Final

from ..errors import Fault, InvalidInput
from .policies import HardCasesPolicy, HardRulePolicy
from .specs import Friction, Gap, Operations, Repayment, WorldSpec

_MESSAGES: Final = ("sms", "app_push", "im", "email")

WORLDS: Final[dict[str, WorldSpec]] = {
    spec.name: spec
    for spec in (
        WorldSpec("randomised", "None: every lawful arm has the same chance, so that plain averages tell the truth."),
        WorldSpec(
            "confounded",
            "Hard cases get more contact, so that contact looks harmful to whoever compares averages.",
            policy=HardCasesPolicy,
        ),
        WorldSpec(
            "fatigue",
            "More contact helps up to a point that differs by person, and drives people away beyond it.",
            friction=Friction(tolerance=1.6, tolerance_spread=0.9, temper=1.3),
        ),
        WorldSpec(
            "outage",
            "No message goes out for a week, so that silence in it is no choice of the bank's, and is not made up for later.",
            operations=Operations(gaps=tuple(Gap(channel, 0.5, 7) for channel in _MESSAGES)),
        ),
        WorldSpec(
            "stale",
            "Most numbers and addresses die sooner or later and stay in the files: what was assigned never arrives.",
            operations=Operations(dead_share=0.75, dead_found=False),
        ),
        WorldSpec(
            "lagged-ledger",
            "Payments are booked days late, so that the bank decides on, and contacts, people who have paid.",
            operations=Operations(posting_lag=(0.3, 0.25, 0.2, 0.15, 0.1)),
        ),
        WorldSpec(
            "bureau",
            "Overdue for more than thirty days, people are reported to a credit bureau; from then on contact puts them off.",
            repayment=Repayment(bureau_after=30, bureau_gain=-1.0),
        ),
        WorldSpec(
            "self-cure",
            "Most people pay anyway, so that every arm looks effective and there is little left to gain.",
            repayment=Repayment(daily_rate=0.22, forgetting=0.5, stage=0.08, burden=0.12),
        ),
        WorldSpec(
            "flat",
            "Contact changes nothing, and hard cases get more of it: whatever a comparison of averages shows is a sham.",
            policy=HardCasesPolicy,
            repayment=Repayment(gain=0.0, promise=0.0),
            friction=Friction(temper=0.0, harm_rate=0.0),
        ),
        WorldSpec(
            "drift",
            "Half way through, times change: fewer can pay, and reminding them does less than it did.",
            repayment=Repayment(shock_at=0.5, shock=-0.6, shock_gain=0.35),
        ),
        WorldSpec(
            "no-overlap",
            "A hard rule on days past due gives the arm, so that no two people who are alike got different arms.",
            policy=HardRulePolicy,
        ),
        WorldSpec(
            "stop-on-success",
            "There is no log of decisions, only contacts that were made, and these stop when people pay.",
            operations=Operations(log_decisions=False),
        ),
        WorldSpec(
            "hidden",
            "Staff give the heavier arms to those whose means they know of and no table shows; the log says chance alone.",
            insight=0.8,
            repayment=Repayment(ability=0.8),
        ),
    )
}


def find_spec(name: str) -> WorldSpec:
    """Return a named world's specification.

    Raises
    ------
    InvalidInput
        Where there is no world of that name.
    """
    if name not in WORLDS:
        raise InvalidInput([Fault("world", f"one of {', '.join(WORLDS)}", repr(name), "Choose a named world.")])
    return WORLDS[name]
