"""Lawful plans: none of many breaks a rule, by the tests' independent checker; and the mask of a large book in time and memory.

Plans: random histories (contacts, refusals, stops, consents, moves, loans, endpoints) under random choices of the shipped packs
and random lenders; the calendar lays a random arm, and the checker of tests/rule_oracle.py, which shares no code with the
engines, reads the raw rows and raw packs again. Of every plan one contact, drawn at random, is checked at the begin and at the
last instant of its window, the contacts before it made as late as they may be; of one plan in ten, every contact.
Mask: `lawful` for a book of borrowers with 20 past contacts each and 12 arms, in a process of its own.
"""

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Self

import numpy as np
import yaml
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.policy.calendar import lay_calendar
from lighttouch.policy.rules import Planner, load_packs
from lighttouch.policy.settings import LenderSettings, PolicySettings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from lawful_book import AS_OF, MASK_PACKS, PLACES, large_book, random_kind, random_person  # noqa: E402
from printed import hand_out  # noqa: E402
from rule_cases import book_of  # noqa: E402
from rule_oracle import denials  # noqa: E402
from rule_oracle_known import Known  # noqa: E402

KINDS, BATCH = 16, 4000
MOMENT = timedelta(microseconds=1)
# A planned contact: its channel, and the first and the last instant at which it may be made.
Window = tuple[str, datetime, datetime]
ARMS = ArmCatalogue(
    [
        Arm("none"), Arm("sms-half", sms=0.5), Arm("sms-1", sms=1), Arm("sms-3", sms=7 / 3), Arm("call-half", call=0.5),
        Arm("call-1", call=1), Arm("call-2", call=2), Arm("email-1", email=1), Arm("push-1", app_push=1),
        Arm("sms-call", sms=1, call=1), Arm("sms-email", sms=1, email=1), Arm("sms-daily", sms=7),
    ]
)  # fmt: skip
LENDERS = [{}, {"role": "creditor", "actor": "bank", "principal": "bank"},
           {"role": "third_party_collector", "actor": "agency 1", "principal": "bank"}]  # fmt: skip


@dataclass
class Tally:
    """What was laid and checked."""

    asked: int = 0
    plans: int = 0
    contacts: int = 0
    checks: int = 0
    violations: int = 0

    def __iadd__(self, other: "Tally") -> Self:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


@cache
def raw_pack(name: str) -> dict:
    """Read a shipped pack as plain values."""
    return yaml.safe_load((ROOT / "policy" / "law" / "packs" / f"{name}.yaml").read_text(encoding="utf-8"))


def check_batch(seed: int) -> Tally:
    """Lay plans for a batch of random persons under some packs and check them."""
    rng = random.Random(seed)  # noqa: S311  a benchmark
    shipped = sorted(path.stem for path in (ROOT / "policy" / "law" / "packs").glob("*.yaml"))
    names = sorted({rng.choice(["house", "house-strict", "cn", "us-fed"]), *rng.sample(shipped, rng.randint(0, 6))})
    raw, lender = [raw_pack(name) for name in names], rng.choice(LENDERS)
    kinds = [random_kind(rng) for _ in range(KINDS)]
    persons = [random_person(rng, rng.choice(kinds)) for _ in range(BATCH)]
    settings = PolicySettings(lender=LenderSettings(**lender))
    planner = Planner.of(load_packs(names), book_of(persons), AS_OF, settings=settings)
    mask = planner.lawful(ARMS).mask
    chosen = np.array([rng.choice(np.flatnonzero(row)[1:].tolist() or [0]) for row in mask])
    windows = lay_calendar(planner, ARMS, chosen).windows
    plans: dict[str, list[Window]] = {}
    for name, *window in windows[["borrower_id", "channel", "start", "end"]].itertuples(index=False, name=None):
        plans.setdefault(name, []).append((window[0], window[1].to_pydatetime(), window[2].to_pydatetime() - MOMENT))
    found = Tally(asked=len(persons))
    actor = {"role": lender.get("role", ""), "name": lender.get("actor", ""), "principal": lender.get("principal", "")}
    for number, person in enumerate(persons):
        if spans := plans.get(f"b{number}"):
            found += check_plan(raw, Known(person, AS_OF, actor), spans, rng)
    return found


def check_plan(raw: list[dict], known: Known, spans: list[Window], rng: random.Random) -> Tally:
    """Check one contact of a plan, or now and then all, at both ends of its window."""
    every = rng.random() < 0.1
    picked = range(len(spans)) if every else [rng.randrange(len(spans))]
    tally = Tally(plans=1, contacts=len(spans))
    for k in picked:
        channel, begin, last = spans[k]
        before = [(name, end) for name, _, end in spans[:k]]
        for at in (begin, last):
            tally.checks += 1
            tally.violations += bool(denials(raw, known, channel, at, AS_OF, before))
    return tally


def check_plans(plans: int, processes: int, seed: int, limit_s: float) -> str:
    """Check as many plans as were asked for, or as fit into the time."""
    total, start, batches = Tally(), time.monotonic(), iter(range(seed, seed + 1_000_000))
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(check_batch, next(batches)) for _ in range(processes)}
        while running:
            done = next(as_completed(running))
            running.remove(done)
            total += done.result()
            if total.plans < plans and time.monotonic() - start < limit_s:
                running.add(pool.submit(check_batch, next(batches)))
    return (
        f"{total.asked:,} random borrowers, {total.plans:,} plans of {total.contacts:,} contacts; nothing for the others\n"
        f"{total.checks:,} instants checked; violations: {total.violations}; "
        f"{time.monotonic() - start:.0f} s, {processes} processes, load {os.getloadavg()[0]:.0f}"
    )


def mask(borrowers: int) -> str:
    """Time the mask of a large book; reading the book into the engine's store is outside the clock."""
    book, packs = large_book(borrowers, 20), load_packs(MASK_PACKS)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    wall, cpu = time.monotonic(), time.process_time()
    planner = Planner.of(packs, book, AS_OF)
    read_wall, read_cpu = time.monotonic() - wall, time.process_time() - cpu
    found = planner.lawful(ARMS).mask
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    spent = f"{time.monotonic() - wall:>9.1f} s{time.process_time() - cpu:>9.1f} s"
    return (
        f"{borrowers:>10,}{borrowers * 20:>14,}{len(planner.facts.traits):>9,}{read_wall:>9.1f} s{read_cpu:>9.1f} s"
        f"{spent}{made:>9.2f} GiB{peak:>9.2f} GiB{found.mean():>9.1%}"
    )


def main() -> None:
    """Check plans and time masks, print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=3600, help="seconds after which no new batch is begun")
    parser.add_argument("--borrowers", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--only", type=int, help="print the line of one mask")
    parser.add_argument("--out", type=Path, help="write what is printed there too")
    asked = parser.parse_args()
    if asked.only:
        print(mask(asked.only))
        return
    lines = []
    if asked.plans:
        lines.append(check_plans(asked.plans, asked.processes, asked.seed, asked.limit))
        print(lines[-1], flush=True)
    if asked.borrowers:
        lines.append("mask, 12 arms, packs " + ", ".join(MASK_PACKS) + f"; {len(PLACES)} places")
        columns = [(10, "borrowers"), (14, "contacts"), (9, "kinds"), (11, "facts"), (11, "cpu"), (11, "in all"), (11, "cpu")]
        lines.append("".join(f"{name:>{width}}" for width, name in columns) + "    with book         peak   lawful")
    for n in asked.borrowers:
        command = [sys.executable, __file__, "--only", str(n)]
        lines.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip())  # noqa: S603
    versions = ", ".join(f"{name} {version(name)}" for name in ("lighttouch", "numpy", "pandas", "duckdb"))
    load = f"load {os.getloadavg()[0]:.0f}" if hasattr(os, "getloadavg") else "load unknown"
    lines.append(f"{os.cpu_count()} cores, {load}; {platform.machine()}; Python {platform.python_version()}; {versions}")
    hand_out("\n".join(lines), asked.out)


if __name__ == "__main__":
    main()
