"""Promotion and rollback: what the gate says, done in the registry and kept there."""

from dataclasses import dataclass

from ..data.book import Book
from ..data.errors import Fault, InvalidInput
from ..policy.settings import PolicySettings
from .gate.hold import GateVerdict, Trial, check_models, closed, hold, open_trial
from .gate.settings import GateSettings
from .registry.bundle import ModelBundle
from .registry.provenance import provenance
from .registry.tracker import LoggedRun, Standing, Tracker
from .runs.record import gate_record


@dataclass(frozen=True)
class Candidates:
    """What the registry holds under a name.

    Parameters
    ----------
    standing : Standing
    challenger : ModelBundle
    champion : ModelBundle, optional
        None where there is none yet.
    """

    standing: Standing
    challenger: ModelBundle
    champion: ModelBundle | None

    @classmethod
    def load(cls, tracker: Tracker, name: str) -> "Candidates":
        """Load challenger and champion of a name.

        Raises
        ------
        InvalidInput
            Where there is no challenger.
        """
        standing = tracker.standing(name)
        if standing.challenger is None:
            remedy = f"`lighttouch train DATA --register {name}` makes one."
            raise InvalidInput([Fault(f"model '{name}'", "a challenger", "none", remedy)])
        challenger = ModelBundle.load(tracker.folder(f"models:/{name}/{standing.challenger}"))
        if standing.champion is None:
            return cls(standing, challenger, None)
        return cls(standing, challenger, ModelBundle.load(tracker.folder(f"models:/{name}/{standing.champion}")))

    def check(self, settings: PolicySettings, gate: GateSettings) -> None:
        """Refuse models that cannot be judged, before a book is read for them: its arms need not be those of the book.

        Raises
        ------
        InvalidInput
            Every fault at once; none where the challenger need not be judged at all.
        """
        if not self.bar:
            check_models(self.challenger, self.champion, settings, gate)

    @property
    def bar(self) -> str:
        """Why the challenger need not be judged at all; empty where it is to be judged."""
        own, champion = self.standing.challenger, self.standing.champion
        if own == champion:
            return f"version {own} is the champion already."
        if self.champion is not None and self.champion.version == self.challenger.version:
            return f"version {own} is the same model, byte for byte, as the champion, version {champion}."
        if own in self.standing.withdrawn:
            return f"version {own} was champion and has been rolled back by a person: train and register a new one."
        return ""


@dataclass(frozen=True)
class Promotion:
    """What came of a challenger.

    Parameters
    ----------
    verdict : GateVerdict
    before, after : Standing
        Of the registry.
    trial : Trial, optional
        None where the candidate was not judged.
    run : LoggedRun, optional
        Where the verdict is kept.
    """

    verdict: GateVerdict
    before: Standing
    after: Standing
    trial: Trial | None = None
    run: LoggedRun | None = None


def promote(
    book: Book, candidates: Candidates, tracker: Tracker, settings: PolicySettings, gate: GateSettings | None = None
) -> Promotion:
    """Judge the challenger on the book's final fold, keep the verdict, and move the `champion` alias if it passes.

    Returns
    -------
    Promotion
        With every reason against it. A challenger that does not pass leaves the champion where it is.
    """
    gate, standing = gate or GateSettings(), candidates.standing
    if candidates.bar:
        return Promotion(closed(candidates.bar), standing, standing)
    trial = open_trial(book, candidates.challenger, candidates.champion, settings, gate)
    found = hold(trial, settings, gate, tracker.looks(trial.fold))
    tags = {
        "registered_name": standing.name,
        "challenger_version": str(standing.challenger),
        "champion_version": standing.champion or "none",
        **provenance(book, settings),
    }
    # Kept before anything moves: a look at the fold counts whatever happens next.
    run = tracker.log(gate_record(found, trial, gate, tags))
    if not found.passed:
        return Promotion(found, standing, standing, trial, run)
    after = standing.promoted(str(standing.challenger))
    tracker.settle(after)
    return Promotion(found, standing, after, trial, run)


def rollback(tracker: Tracker, name: str) -> tuple[Standing, Standing]:
    """Make the previous champion champion again; the one that is taken back is not promoted again.

    Returns
    -------
    tuple of Standing
        Before and after.

    Raises
    ------
    InvalidInput
        Where there is nothing to go back to.
    """
    before = tracker.standing(name)
    after = before.rolled_back()
    tracker.settle(after)
    return before, after
