"""Arms: contact plans in words of dose, contacts per week by channel."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arm_sections import read_arm_sections
from .errors import Fault, InvalidInput
from .vocabulary import CHANNELS

DAYS_PER_WEEK = 7.0
_ADD_IT = "Add it to the catalogue, or correct the source."


@dataclass(frozen=True, slots=True)
class Arm:
    """A contact plan: how many contacts a week on each channel.

    Parameters
    ----------
    name : str
        Unique in its catalogue.
    sms, call, voicemail, voicebot, email, app_push, im, letter, visit : float
        Contacts per week on that channel. All zero means no contact.
    dose_known : bool
        False for the arms of an experiment whose contacts were not stated; the arm is then known by its name alone.

    Examples
    --------
    >>> arm = Arm("sms-every-3-days", sms=7 / 3)
    >>> arm.channels, round(arm.intensity, 2), arm.interval_days
    (('sms',), 2.33, 3.0)
    """

    name: str
    sms: float = 0.0
    call: float = 0.0
    voicemail: float = 0.0
    voicebot: float = 0.0
    email: float = 0.0
    app_push: float = 0.0
    im: float = 0.0
    letter: float = 0.0
    visit: float = 0.0
    dose_known: bool = True

    def __post_init__(self) -> None:
        faults = [
            Fault(f"arm '{self.name}', channel '{channel}'", "a finite number of contacts per week, 0 or more", repr(dose), "")
            for channel, dose in self.doses.items()
            if not _is_dose(dose)
        ]
        if not self.name:
            faults.append(Fault("an arm", "a name", "an empty one", "Name it after its plan, such as sms-weekly."))
        if faults:
            raise InvalidInput(faults)
        for channel, dose in self.doses.items():
            object.__setattr__(self, channel, float(dose))

    @property
    def doses(self) -> dict[str, float]:
        """Contacts per week by channel, every channel."""
        return {channel: getattr(self, channel) for channel in CHANNELS}

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the arm uses, the most used first."""
        used = [(dose, channel) for channel, dose in self.doses.items() if dose > 0]
        return tuple(channel for _, channel in sorted(used, key=lambda pair: -pair[0]))

    @property
    def intensity(self) -> float:
        """Contacts per week, all channels together."""
        return sum(self.doses.values())

    @property
    def interval_days(self) -> float | None:
        """Days from one contact to the next; None where there is no contact."""
        return DAYS_PER_WEEK / self.intensity if self.intensity > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Return what `Arm(**d)` reads back, zeros left out."""
        used = {channel: dose for channel, dose in self.doses.items() if dose > 0}
        return {"name": self.name, **used, **({} if self.dose_known else {"dose_known": False})}


@dataclass(frozen=True)
class ArmCatalogue:
    """The arms a policy may choose from, the no-contact arm first.

    Parameters
    ----------
    arms : sequence of Arm
        The first is the baseline: no contact.
    fallback : str, optional
        The arm taken when the model abstains; the baseline by default.
    retired : sequence of Arm
        Arms that are no longer given but stand in old logs; they stay decodable.

    Examples
    --------
    >>> arms = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])
    >>> arms.names, len(arms), arms.fallback
    (['none', 'sms-weekly', 'call-weekly'], 3, 'none')
    >>> arms.encode(["call-weekly", "none"])
    array([2, 0])
    """

    arms: Sequence[Arm]
    fallback: str = ""
    retired: Sequence[Arm] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", tuple(self.arms))
        object.__setattr__(self, "retired", tuple(self.retired))
        if faults := _catalogue_faults(self):
            raise InvalidInput(faults)
        object.__setattr__(self, "fallback", self.fallback or self.arms[0].name)

    @classmethod
    def from_names(cls, names: Iterable[str], baseline: str) -> Self:
        """Build a catalogue for an experiment whose arms have names but no stated dose.

        Parameters
        ----------
        names : iterable of str
            All arms, in any order; the baseline is put first.
        baseline : str
            The arm without treatment.
        """
        listed = list(dict.fromkeys(names))
        if baseline not in listed:
            raise InvalidInput(
                [unknown_arm_fault(baseline, listed, "baseline", "Name one of these as the arm without treatment.")]
            )
        rest = [Arm(name, dose_known=False) for name in listed if name != baseline]
        return cls([Arm(baseline), *rest])

    @classmethod
    def from_yaml(cls, path: str | Path) -> Self:
        """Read the `arms` section of a settings file.

        The section is a mapping from arm name to its doses (`sms: 1`), in order; `fallback` and `retired` stand beside it
        under `arm_options`.
        """
        return cls.from_dict(read_arm_sections(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild a catalogue from `to_dict`."""
        known = {item.name for item in fields(Arm)}
        arms = [*content.get("arms", ()), *content.get("retired", ())]
        faults = [
            Fault(f"arm '{arm.get('name')}'", f"a channel out of {', '.join(CHANNELS)}", repr(key), _closest(key, CHANNELS))
            for arm in arms
            for key in arm
            if key not in known
        ]
        made: dict[str, list[Arm]] = {"arms": [], "retired": []}
        for part, listed in made.items():
            for arm in content.get(part, ()):
                try:
                    listed.append(Arm(**{key: value for key, value in arm.items() if key in known}))
                except InvalidInput as refusal:
                    faults += refusal.faults
        if faults:
            raise InvalidInput(faults)
        active, retired = made.values()
        return cls(active, fallback=content.get("fallback", ""), retired=retired)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back."""
        return {
            "arms": [arm.to_dict() for arm in self.arms],
            "fallback": self.fallback,
            "retired": [arm.to_dict() for arm in self.retired],
        }

    @property
    def names(self) -> list[str]:
        """Names of the arms that may be given, in catalogue order."""
        return [arm.name for arm in self.arms]

    @property
    def baseline(self) -> str:
        """Name of the no-contact arm."""
        return self.arms[0].name

    @property
    def dose_matrix(self) -> NDArray[np.float64]:
        """Contacts per week, of shape (K, channels) in the order of `CHANNELS`; NaN where the dose is not known."""
        rows = [[arm.doses[channel] if arm.dose_known else np.nan for channel in CHANNELS] for arm in self.arms]
        return np.array(rows, dtype=np.float64)

    @property
    def intensity(self) -> NDArray[np.float64]:
        """Contacts per week of each arm, of shape (K,); NaN where the dose is not known."""
        return np.array([arm.intensity if arm.dose_known else np.nan for arm in self.arms])

    def __len__(self) -> int:
        return len(self.arms)

    def __iter__(self) -> Iterator[Arm]:
        return iter(self.arms)

    def __getitem__(self, name: str) -> Arm:
        """Return an arm by name, retired ones included."""
        for arm in (*self.arms, *self.retired):
            if arm.name == name:
                return arm
        raise InvalidInput([unknown_arm_fault(name, self.names, "arm")])

    def index(self, name: str) -> int:
        """Return the position of an arm that may be given."""
        return int(self.encode([name])[0])

    def encode(self, names: ArrayLike, where: str = "arm") -> NDArray[np.int64]:
        """Turn arm names into positions.

        Parameters
        ----------
        names : array-like of str of shape (n,)
        where : str, optional
            Named in the error.

        Returns
        -------
        ndarray of shape (n,)
            Positions in the catalogue.

        Raises
        ------
        InvalidInput
            Where a name is not in the catalogue; every unknown name is listed.
        """
        values, inverse = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
        position = {name: i for i, name in enumerate(self.names)}
        if faults := [unknown_arm_fault(str(v), self.names, where) for v in values if v not in position]:
            raise InvalidInput(faults)
        codes = np.array([position[str(v)] for v in values], dtype=np.int64)
        return codes[inverse.reshape(-1)] if len(values) else np.empty(0, dtype=np.int64)


def default_arms() -> ArmCatalogue:
    """Return the ten arms of the default house policy."""
    return ArmCatalogue(
        [
            Arm("none"),
            Arm("app-push-weekly", app_push=1),
            Arm("email-weekly", email=1),
            Arm("sms-weekly", sms=1),
            Arm("sms-twice-weekly", sms=2),
            Arm("sms-every-3-days", sms=7 / 3),
            Arm("voicebot-weekly", voicebot=1),
            Arm("call-weekly", call=1),
            Arm("sms-call-weekly", sms=1, call=1),
            Arm("call-twice-weekly", call=2),
        ]
    )


def unknown_arm_fault(name: str, known: Sequence[str], where: str, otherwise: str = _ADD_IT) -> Fault:
    """Describe an arm that the catalogue does not have, with what to do where none is called nearly so."""
    return Fault(where, f"one of {', '.join(known)}", repr(name), _closest(name, known, otherwise))


def _closest(word: str, known: Sequence[str], otherwise: str = _ADD_IT) -> str:
    match = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{match[0]}'?" if match else otherwise


def _is_dose(dose: object) -> bool:
    """Tell whether a value, perhaps out of a settings file, is a number of contacts a week."""
    return isinstance(dose, Real) and not isinstance(dose, bool) and np.isfinite(float(dose)) and float(dose) >= 0


def _catalogue_faults(catalogue: ArmCatalogue) -> list[Fault]:
    names = [arm.name for arm in (*catalogue.arms, *catalogue.retired)]
    if not catalogue.arms:
        return [Fault("arms", "at least the no-contact arm", "none at all", 'Begin with Arm("none").')]
    faults = [
        Fault("arms", "each name once", f"'{name}' {names.count(name)} times", "Rename one.")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    first = catalogue.arms[0]
    if first.intensity > 0 or not first.dose_known:
        faults.append(Fault("the first arm", "no contact at all", f"'{first.name}'", 'Put Arm("none") first.'))
    if catalogue.fallback and catalogue.fallback not in catalogue.names:
        faults.append(unknown_arm_fault(catalogue.fallback, catalogue.names, "fallback"))
    return faults
