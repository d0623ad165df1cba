"""How alike arms are believed to be before any data: what any contact does, what a channel does, what a dose does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ...data.arms import Arm, ArmCatalogue
from ..inputs import Floats

COMPONENTS = ("contact", "channel", "dose", "dose of the channel", "arm itself")
# Reach of the smooth dose curve, on the scale log(1 + contacts per week): from one a week to three.
REACH = 0.7
# Keeps a covariance invertible where two arms are the same in every respect.
JITTER = 1e-9


@dataclass(frozen=True)
class ArmKernel:
    """Covariance of the arms' effects against no contact, as a sum of parts whose sizes the data decide.

    Two doses of a channel share what any contact does, what the channel does, and a smooth curve over the dose, which may
    turn back; each arm keeps a part of its own.

    Parameters
    ----------
    parts : ndarray of shape (C, K - 1, K - 1)
        The components that apply, over the arms other than the baseline.
    names : tuple of str
        Of the components.

    Examples
    --------
    >>> arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
    >>> kernel = ArmKernel.of(arms)
    >>> kernel.names
    ('contact', 'channel', 'dose', 'dose of the channel', 'arm itself')
    >>> kernel.covariance(np.zeros(5)).round(6)
    array([[5., 2.],
           [2., 5.]])
    """

    parts: Floats
    names: tuple[str, ...]

    @classmethod
    def of(cls, arms: ArmCatalogue) -> Self:
        """Describe a catalogue; where a dose is not known, only contact itself and the arm's own part apply."""
        others = list(arms)[1:]
        stacked = np.stack(_parts(others, others, _top(others)))
        if not np.isfinite(arms.intensity).all():
            keep = [COMPONENTS.index("contact"), COMPONENTS.index("arm itself")]
            return cls(stacked[keep], tuple(COMPONENTS[i] for i in keep))
        return cls(stacked, COMPONENTS)

    def covariance(self, logs: Floats) -> Floats:
        """Return the covariance of shape (K - 1, K - 1) for logarithms of the components' sizes, of shape (C,)."""
        total: Floats = np.einsum("c,ckl->kl", np.exp(logs), self.parts) + JITTER * np.eye(self.parts.shape[1])
        return total

    def of_new_arm(self, arm: Arm, arms: ArmCatalogue, logs: Floats) -> tuple[Floats, float]:
        """Return weights of the known arms' effects in that of an arm never tried, and the variance that stays.

        Kriging: what the covariance says of a dose between those that were tried.

        Returns
        -------
        weights : ndarray of shape (K - 1,)
        variance : float
        """
        sizes, others = np.exp(logs), list(arms)[1:]
        own_parts = [COMPONENTS.index(name) for name in self.names]
        across = np.einsum("c,ck->k", sizes, np.stack(_parts([arm], others, _top(others)))[own_parts, 0])
        own = float(sizes @ np.stack(_parts([arm], [arm], _top(others)))[own_parts, 0, 0])
        weights: Floats = np.linalg.solve(self.covariance(logs), across)
        return weights, max(own - float(weights @ across), 0.0)


def _top(arms: Sequence[Arm]) -> float:
    """Return the scale of the dose: that of the heaviest arm, on the log scale."""
    return max(float(np.log1p(max(arm.intensity for arm in arms))), 1e-9)


def _parts(left: Sequence[Arm], right: Sequence[Arm], top: float) -> list[Floats]:
    mix_left, mix_right = _mix(left), _mix(right)
    dose_left, dose_right = (np.log1p([arm.intensity for arm in side]) for side in (left, right))
    channel = mix_left @ mix_right.T
    curve = np.exp(-0.5 * ((dose_left[:, None] - dose_right[None, :]) / REACH) ** 2)
    same = np.array([[float(one.name == other.name) for other in right] for one in left])
    return [np.ones_like(channel), channel, np.outer(dose_left, dose_right) / top**2, channel * curve, same]


def _mix(arms: Sequence[Arm]) -> Floats:
    """Return each arm's doses by channel at unit length, of shape (K, channels)."""
    doses = np.array([list(arm.doses.values()) for arm in arms], dtype=np.float64).reshape(len(arms), -1)
    length = np.sqrt((doses**2).sum(axis=1, keepdims=True))
    mix: Floats = doses / np.where(length > 0, length, 1.0)
    return mix
