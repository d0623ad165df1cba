"""What is true in a world, as frozen parameters."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..policies import Policy, UniformPolicy


@dataclass(frozen=True)
class Repayment:
    """How overdue people come to pay. Effects are on the log of the daily hazard unless said otherwise.

    Parameters
    ----------
    daily_rate : float
        Hazard per day of an average person who has just fallen overdue and hears nothing.
    ability, forgetting : float
        Per standard deviation of ability (up) and from a person who never forgets to one who always does (down).
    stage, burden : float
        Per 30 days past due (down), and per factor e of overdue amount over one instalment (down).
    pay_day : float
        Swing between the day after pay day and the days before the next one.
    gain : float
        What a nudge does to somebody who always forgets and has the funds; 0 makes contact useless.
    gain_days, gain_floor : float
        Days past due over which the gain falls by a factor e, towards a share that stays: who has not paid for long has
        not merely forgotten.
    nudge_days : float
        Mean days that a nudge lasts.
    on_time : float
        Logit of paying an instalment by its due day, for an average person.
    promise, promise_days, promise_effect : float, int, float
        Chance of a promise in a conversation, days it runs, and its effect while it runs.
    quiet : float
        Effect of being left alone after a stop or a broken promise.
    bureau_after, bureau_gain : int or None, float
        Days past due at which the loan is reported to a credit bureau, and the factor on the gain from then on.
    shock_at, shock, shock_gain : float or None, float, float
        Share of the period after which times change; from then on, the effect, and the factor on the gain.
    """

    daily_rate: float = 0.06
    ability: float = 0.5
    forgetting: float = 0.9
    stage: float = 0.16
    burden: float = 0.22
    pay_day: float = 0.5
    gain: float = 4.6
    gain_days: float = 30.0
    gain_floor: float = 0.3
    nudge_days: float = 4.0
    on_time: float = 0.75
    promise: float = 0.22
    promise_days: int = 5
    promise_effect: float = 0.9
    quiet: float = -0.2
    bureau_after: int | None = None
    bureau_gain: float = 1.0
    shock_at: float | None = None
    shock: float = 0.0
    shock_gain: float = 1.0


@dataclass(frozen=True)
class Friction:
    """What contact costs people, and what they do about it.

    Parameters
    ----------
    tolerance, tolerance_spread : float
        Median contact load that a person bears, and the spread of its logarithm. The load is the sum of the contacts'
        weights, halved every `half_life` days.
    temper : float
        Mean loss in the log hazard of paying per unit of load above what is tolerated; 0 makes contact harmless.
    half_life : float
        Days.
    harm_rate : float
        Chance per contact of a complaint or opt-out by an even-tempered person who is not overloaded.
    complaint_share, opt_out_all_share : float
        Of harm: complaints rather than opt-outs; of opt-outs: from all channels rather than from the channel used.
    exit_rate : float
        Chance per day of a dispute or a hardship notice, which ends the commitment.
    """

    tolerance: float = 1.5
    tolerance_spread: float = 0.4
    temper: float = 0.5
    half_life: float = 7.0
    harm_rate: float = 0.0016
    complaint_share: float = 0.4
    opt_out_all_share: float = 0.3
    exit_rate: float = 0.0008


@dataclass(frozen=True)
class Gap:
    """A time without one channel.

    Parameters
    ----------
    channel : str
    at : float
        Share of the period at which it starts.
    days : int
    cause : str
    """

    channel: str
    at: float
    days: int
    cause: str = "provider outage"


@dataclass(frozen=True)
class Operations:
    """What the bank's own machinery does to the picture.

    Parameters
    ----------
    posting_lag : tuple of float
        Chance that a payment is booked before the nightly run of its day, one night later, two nights later, ...
    partial_rate, reversal_rate : float
        Chance per overdue day of a partial payment; of an on-time payment to bounce two days later.
    dead_share : float
        Share of endpoints that go dead some time in the period, unknown to the bank.
    dead_found : bool
        Whether the bank finds a dead endpoint out, some two months late, and ends it in its files; else it stays there.
    inbound_rate : float
        Chance per overdue day that the person calls.
    write_off_after : int
        Days past due.
    gaps : tuple of Gap
    log_decisions : bool
        False: the bank has contacts and no decision log.
    """

    posting_lag: tuple[float, ...] = (0.88, 0.09, 0.03)
    partial_rate: float = 0.004
    reversal_rate: float = 0.006
    dead_share: float = 0.06
    dead_found: bool = True
    inbound_rate: float = 0.003
    write_off_after: int = 150
    gaps: tuple[Gap, ...] = (Gap("sms", 0.31, 1), Gap("call", 0.62, 1, "maintenance"))
    log_decisions: bool = True


@dataclass(frozen=True)
class WorldSpec:
    """One named world.

    Parameters
    ----------
    name, trap : str
        Its name, and what it teaches in one sentence.
    policy : callable
        Makes the policy that decides while the book is drawn.
    horizon_days : int
        Days for which a decision stands and over which its outcome is measured.
    insight : float
        How far those who hand the arms out go by the means of a person that no table shows: the correlation between
        these means and the dose on a normal scale; 0 draws the arms as they are logged.
    repayment, friction, operations
        Parameters of the parts.
    """

    name: str
    trap: str
    policy: Callable[[], Policy] = UniformPolicy
    horizon_days: int = 14
    insight: float = 0.0
    repayment: Repayment = field(default_factory=Repayment)
    friction: Friction = field(default_factory=Friction)
    operations: Operations = field(default_factory=Operations)
