"""Small worlds of every name, drawn once for all tests of worlds."""

from dataclasses import replace
from functools import cache

from lighttouch.data.worlds import WORLDS, World, simulate

# Without a trap beside who got what: their figures are compared with fixed bounds.
ORDINARY = ("randomised", "confounded")
NAMES = tuple(WORLDS)
TRAPS = tuple(name for name in NAMES if name not in ORDINARY)


@cache
def draw(name: str) -> World:
    """Return a small world, the same for every test."""
    borrowers, days = (2_000, 365) if name in ORDINARY else (1_500, 300)
    return simulate(name, borrowers=borrowers, days=days, seed=11)


@cache
def logged(name: str) -> World:
    """Return the same world with its log of decisions, whether the bank keeps one or not."""
    world = draw(name)
    if world.spec.operations.log_decisions:
        return world
    spec = replace(world.spec, operations=replace(world.spec.operations, log_decisions=True))
    return simulate(spec, borrowers=len(world.setting.people), days=world.setting.calendar.days, seed=world.seed)
