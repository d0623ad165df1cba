"""How long a world takes to draw, and how much memory: `python benchmarks/worlds.py [BORROWERS ...]`."""

import os
import platform
import resource
import sys
import time

from lighttouch.data.worlds import simulate

EVENTS = ("instalments", "payments", "contacts", "status_events", "decisions")


def main(sizes: list[int]) -> None:
    """Draw a two-year world of each size, the smallest first, and print a table."""
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'borrowers':>10} {'events':>12} {'decisions':>10} {'seconds':>8} {'peak GB':>8}")
    for size in sorted(sizes):
        start = time.perf_counter()
        world = simulate("confounded", borrowers=size)
        seconds = time.perf_counter() - start
        events = sum(world.tables[name].num_rows for name in EVENTS)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{size:>10,} {events:>12,} {len(world.truth):>10,} {seconds:>8.1f} {peak:>8.2f}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [20_000])
