"""Worlds: simulated books with known potential outcomes."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import ArrayLike

from .arms import ArmCatalogue, default_arms
from .errors import Fault, InvalidInput
from .files import replacing
from .policies import Policy
from .world.arrow import ids, instants, table, words
from .world.calendar import DAY_US, Calendar, lay_plans
from .world.catalogue import WORLDS, find_spec
from .world.engine import Engine
from .world.hazards import Setting
from .world.loans import draw_loans
from .world.nights import DecisionLog
from .world.people import EARLY_DAYS_MAX, Floats, draw_people
from .world.record import Recorder
from .world.replay import replay_decisions
from .world.snapshot import Snapshot
from .world.specs import WorldSpec
from .world.state import State
from .world.tables import TableBuilder
from .world.truth import Truth, true_odds
from .world.truth_files import read_truth, write_truth
from .writing import refuse_strangers

__all__ = ["WORLDS", "Truth", "World", "WorldSpec", "replay", "simulate"]

DEFAULT_END: Final = datetime(2026, 11, 20, 22, tzinfo=UTC)
_DIGEST_ROWS = 10_000
_DIGEST_DIGITS = 9
_LATER: Final = ("detail",)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class World:
    """A simulated book.

    Parameters
    ----------
    spec : WorldSpec
    seed : int
    tables : dict of str to Table
        The ten event tables, as a bank has them at the end of the period.
    truth : Truth
        Response and harm of every arm for every decision.
    setting, snapshot
        What the truth was computed from; `replay` starts from it.
    """

    spec: WorldSpec
    seed: int
    tables: dict[str, pa.Table]
    truth: Truth
    setting: Setting
    snapshot: Snapshot

    @property
    def name(self) -> str:
        """The world's name."""
        return self.spec.name

    @property
    def end(self) -> datetime:
        """The instant at which the tables were drawn."""
        us = int(self.setting.calendar.night_us(self.setting.calendar.days))
        return datetime.fromtimestamp(us / 1e6, UTC)

    def digest(self) -> str:
        """Return a digest of every table's length and first rows and of the truth's, in hexadecimal.

        Fractions count to nine digits, so that processors which round the last bit differently agree.
        """
        sha = hashlib.sha256()
        for name, content in self.tables.items():
            sha.update(f"{name}:{content.num_rows};".encode())
            head = _steady(_as_frozen(content).slice(0, _DIGEST_ROWS).combine_chunks())
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, head.schema) as writer:
                writer.write_table(head)
            sha.update(sink.getvalue())
        for values in (self.truth.response, self.truth.harm, self.truth.propensity):
            sha.update(np.ascontiguousarray(values[:_DIGEST_ROWS].round(_DIGEST_DIGITS)).tobytes())
        return sha.hexdigest()

    def write(self, folder: str | Path) -> None:
        """Write the tables as Parquet, and the truth into the folder `truth` inside, all or nothing.

        Parameters
        ----------
        folder : str or Path
            Replaced where it exists; one that holds anything but tables is refused.
        """
        refuse_strangers(Path(folder), also=("truth",))
        with replacing(folder) as room:
            room.mkdir()
            for name, content in self.tables.items():
                pq.write_table(content, room / f"{name}.parquet")
            write_truth(self.truth, room / "truth")
            (room / "truth" / "world.json").write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")

    def describe(self) -> dict[str, Any]:
        """Return the world's name, seed, digest, horizon and arms as plain values."""
        return {
            "name": self.name,
            "trap": self.spec.trap,
            "seed": self.seed,
            "borrowers": len(self.setting.people),
            "days": self.setting.calendar.days,
            "end": self.end.isoformat(),
            "horizon_days": self.spec.horizon_days,
            "digest": self.digest(),
            "arms": self.setting.arms.to_dict(),
        }

    @staticmethod
    def read_truth(folder: str | Path) -> Truth:
        """Read the truth of a written world.

        Raises
        ------
        InvalidInput
            Where the folder has no truth.
        """
        return read_truth(Path(folder) / "truth")


def simulate(  # noqa: PLR0913  the public signature: a world in one call
    name: str | WorldSpec,
    borrowers: int = 20_000,
    days: int = 730,
    end: datetime = DEFAULT_END,
    *,
    arms: ArmCatalogue | None = None,
    policy: Policy | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> World:
    """Simulate a book day by day, and compute its truth.

    Parameters
    ----------
    name : str or WorldSpec
        A named world, or a specification of one's own.
    borrowers, days : int
        Size of the book and length of its history.
    end : datetime
        Aware; the night that the tables end with. Nights are at its time of day; the last decisions are a day earlier.
    arms : ArmCatalogue, optional
        With known doses; the ten default arms where not given.
    policy : Policy, optional
        Decides each night; the world's own where not given.
    seed : int
        The same seed and arguments give the same world.
    progress : callable, optional
        Told the days done and the days in all.

    Returns
    -------
    World
    """
    spec = name if isinstance(name, WorldSpec) else find_spec(name)
    _check_size(spec, borrowers, days)
    streams = [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(3)]
    setting = _draw_setting(spec, (borrowers, days, end), arms or default_arms(), streams)
    lags = len(spec.operations.posting_lag)
    run = Engine(setting, State.fresh(borrowers, lags), Recorder(), streams[2])
    borrower_id = ids("B", np.arange(borrowers)).to_numpy(zero_copy_only=False)
    log = DecisionLog(policy or spec.policy(), borrower_id)
    for day in range(days):
        if day:
            run.step(day)
        log.decide(run, day)
        if progress is not None:
            progress(day + 1, days)
    run.step(days)
    snapshot = Snapshot.join(log.nights)
    tables = TableBuilder(setting, run.state, run.record, snapshot).build(_gaps(setting))
    return World(spec, seed, tables, _truth(setting, snapshot), setting, snapshot)


def replay(world: World, decisions: ArrayLike, arm: str, repeats: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Live through the horizon of decisions again and again, under a forced arm.

    Parameters
    ----------
    world : World
    decisions : array-like of int of shape (m,)
        Rows of the decision log.
    arm : str
        Given to all of them.
    repeats : int
        Times that each decision's horizon is lived through.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of ndarray of shape (m,)
        How often each was repaid, and how often harmed, within the horizon.
    """
    rows = np.asarray(decisions, dtype=np.int64)
    return replay_decisions(world.setting, world.snapshot.take(rows), world.setting.arms.index(arm), repeats, rng)


def _check_size(spec: WorldSpec, borrowers: int, days: int) -> None:
    least = 3 * spec.horizon_days
    faults = [] if borrowers >= 1 else [Fault("borrowers", "1 or more", str(borrowers), "")]
    if days < least:
        faults.append(Fault("days", f"at least {least}, three horizons", str(days), "Ask for a longer history."))
    if faults:
        raise InvalidInput(faults)


def _draw_setting(
    spec: WorldSpec, size: tuple[int, int, datetime], arms: ArmCatalogue, streams: list[np.random.Generator]
) -> Setting:
    borrowers, days, end = size
    margin = spec.horizon_days + EARLY_DAYS_MAX + 2
    calendar = Calendar.build(end, days, margin, spec.operations.gaps)
    people = draw_people(spec, borrowers, days, streams[0])
    loans = draw_loans(people, calendar, streams[1])
    return Setting(spec, arms, calendar, people, loans, lay_plans(arms, spec.horizon_days))


def _truth(setting: Setting, snapshot: Snapshot) -> Truth:
    response, harm = true_odds(setting, snapshot)
    paid = snapshot.already_paid
    response[paid], harm[paid] = np.nan, np.nan
    return Truth(
        decision_id=ids("D", np.arange(len(snapshot)), 9).to_numpy(zero_copy_only=False),
        arms=setting.arms,
        response=response,
        harm=harm,
        lawful=snapshot.lawful,
        propensity=snapshot.propensity,
        taken=snapshot.arm,
        recoverable=np.maximum(snapshot.due_total - snapshot.paid_total, 0) / 100.0,
        already_paid=paid,
    )


def _as_frozen(content: pa.Table) -> pa.Table:
    """Return a table without the columns that contracts gained after the worlds were frozen, which no world fills."""
    later = [name for name in _LATER if name in content.column_names and content[name].null_count == content.num_rows]
    return content.drop_columns(later) if later else content


def _steady(content: pa.Table) -> pa.Table:
    """Return a table with its probabilities rounded."""
    if "propensities" not in content.column_names:
        return content
    at, maps = content.column_names.index("propensities"), content["propensities"].combine_chunks()
    if not len(maps):
        return content
    # Arrow rebuilds the map from its parts: keys and items cut to the slice, offsets from zero.
    first, last = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    items = pc.round(maps.items[first:last], _DIGEST_DIGITS)
    rebuilt = pa.MapArray.from_arrays(pc.subtract(maps.offsets, maps.offsets[0]), maps.keys[first:last], items)
    return content.set_column(at, content.schema.field(at), rebuilt)


def _gaps(setting: Setting) -> pa.Table:
    gaps, calendar = setting.spec.operations.gaps, setting.calendar
    # Day d is lost as a whole: from the night before it to its own.
    first = np.array([int(gap.at * calendar.days) - 1 for gap in gaps], dtype=np.int64)
    length = np.array([gap.days for gap in gaps], dtype=np.int64)
    return (
        table(
            "system_gaps",
            channel=words([gap.channel for gap in gaps], np.arange(len(gaps))),
            start_at=instants(calendar.night_us(first)),
            end_at=instants(calendar.night_us(first) + length * DAY_US),
            cause=words([gap.cause for gap in gaps], np.arange(len(gaps))),
        )
        if gaps
        else table("system_gaps")
    )
