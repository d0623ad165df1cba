"""What decisions are truly worth: ours against common rules, under the same law and the same calls, on worlds with known truth.

A world is drawn, its past is learnt from, and on its latest quarter every policy decides on the same borrowers, each projected
onto the arms that were lawful for them and held to the calls that the days-past-due ladder makes. Truth then says what each is
worth, how many contacts it plans, and how many complain or opt out. Where the log cannot teach (training refuses it), ours is
the house policy of a first night.

    python benchmarks/decision.py --out benchmarks/results/decision.txt   # every world, some minutes each
    python benchmarks/decision.py --worlds fatigue --seed 3 --steps       # which step of the decision costs what
"""

import argparse
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from decision_worlds import Decisions, drawn
from lighttouch.data.vocabulary import CHANNELS
from lighttouch.data.world.catalogue import WORLDS
from lighttouch.data.worlds import DEFAULT_END
from lighttouch.policy.allocation_settings import CapacitySettings
from lighttouch.policy.commitments import history_of
from lighttouch.policy.exploration import Draws
from lighttouch.policy.sections import AbilitySettings, SwitchingSettings
from lighttouch.policy.settings import PolicySettings
from lighttouch.policy.value import arm_value
from lighttouch.training.deciding.decide import Circumstances, Decided, decide, decide_by_house
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.runs.run import TrainOptions, fit_bundle
from printed import hand_out

# Shared with the contest of learners.
ROOM = Path("var/benchmarks/learning/draws")
PARTS = Path("var/benchmarks/decision")
# Training refuses these: chance never gave one of two alike another arm; there is no log.
UNTAUGHT = ("no-overlap", "stop-on-success")
HOUSE_RULE = "sms-every-3-days"
# Days past due up to which each rung of the ladder is given.
LADDER = ((7, "sms-weekly"), (30, "sms-twice-weekly"), (60, "sms-call-weekly"), (np.inf, "call-twice-weekly"))
OURS, EXPLORING, LIGHTER, LADDER_NAME, ORACLE = "ours", "ours, exploring", "ours, 2%", "days-past-due ladder", "oracle"
FEWER = 0.30
LINE = "{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>11}"


@dataclass(frozen=True)
class Bench:
    """A world ready for every policy.

    Parameters
    ----------
    test : Decisions
        n decisions to judge on.
    bundle : ModelBundle or None
    worth : ndarray of shape (n, K)
        True value of every arm, account currency.
    calls : ndarray of shape (K,)
        Calls a week.
    most : float
        Calls a week that anybody may make.
    """

    test: Decisions
    bundle: ModelBundle | None
    worth: np.ndarray
    calls: np.ndarray
    most: float

    @property
    def lawful(self) -> np.ndarray:
        """The arms that were lawful, of shape (n, K)."""
        return self.test.table.lawful

    def decide(self, settings: PolicySettings, *, exploring: bool = False, history: bool = True) -> Decided:
        """Decide as a night does, with the borrowers' last arms as the log has them."""
        rows, table = self.test.table.rows, self.test.table
        chance = Draws.of(rows["decision_id"].tolist(), DEFAULT_END, settings.exploration) if exploring else None
        around = Circumstances(history_of(self.test.last_arm, table.arms) if history else None, chance)
        known = rows["overdue"].to_numpy(dtype=np.float64)
        if self.bundle is None:
            return decide_by_house(table.arms, table.features, self.lawful, known, settings, around)
        return decide(self.bundle, table.features, self.lawful, known, settings, around)


def within(worth: np.ndarray, allowed: np.ndarray, calls: np.ndarray, most: float) -> np.ndarray:
    """Return each row's best allowed arm at the least price of a call at which the calls suffice."""
    worth = np.where(allowed, worth, -np.inf)
    low, high = 0.0, float(np.nanmax(np.where(np.isfinite(worth), worth, np.nan)) - np.nanmin(worth[np.isfinite(worth)])) + 1.0

    def at(price: float) -> np.ndarray:
        return np.asarray((worth - price * calls).argmax(axis=1))

    if calls[at(low)].sum() <= most:
        return at(low)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if calls[at(middle)].sum() > most else (low, middle)
    return at(high)


def ladder(test: Decisions) -> np.ndarray:
    """Return the rung of each borrower, or the next lighter lawful one."""
    arms, dpd = test.table.arms, test.table.features["days_past_due"].to_numpy()
    rungs = np.array([0, *(arms.index(name) for _, name in LADDER)])
    wanted = 1 + np.searchsorted([days for days, _ in LADDER[:-1]], dpd, side="left")
    allowed = test.table.lawful[:, rungs] & (np.arange(len(rungs)) <= wanted[:, None])
    return np.asarray(rungs[len(rungs) - 1 - allowed[:, ::-1].argmax(axis=1)])


def constant(test: Decisions, name: str) -> np.ndarray:
    """Return an arm where it is lawful, and no contact elsewhere."""
    k = test.table.arms.index(name)
    return np.where(test.table.lawful[:, k], k, 0)


def logged(bench: Bench) -> np.ndarray:
    """Return the logged probabilities, calls beyond what all may make turned into a weekly message or nothing."""
    shares = bench.test.table.propensity.copy()
    made = float(shares.sum(axis=0) @ bench.calls)
    if made > bench.most:
        uses = bench.calls > 0
        moved = shares[:, uses].sum(axis=1) * (1 - bench.most / made)
        shares[:, uses] *= bench.most / made
        shares[np.arange(len(shares)), constant(bench.test, "sms-weekly")] += moved
    return shares


def set_bench(name: str, borrowers: int, seed: int) -> tuple[Bench, str, int]:
    """Draw a world, learn from its past; return the bench, the world's digest, and how many rows were learnt from."""
    settings = PolicySettings()
    fit, test, digest = drawn(name, borrowers, seed, ROOM)
    bundle = None if name in UNTAUGHT else fit_bundle(fit, settings, TrainOptions(threads=1))
    arms = fit.arms
    calls = arms.dose_matrix[:, CHANNELS.index("call")]
    worth = arm_value(test.response, test.recoverable, test.harm, arms, settings)
    return Bench(test, bundle, worth, calls, float(calls[ladder(test)].sum())), digest, len(fit)


def policies(bench: Bench) -> dict[str, np.ndarray]:
    """Return every policy: positions of shape (n,), or probabilities of shape (n, K)."""
    arms, settings = bench.test.table.arms, PolicySettings()
    ours = bench.decide(settings)
    found = {OURS: ours.arm}
    if bench.calls[ours.arm].sum() > bench.most:
        room = CapacitySettings(channels={"call": bench.most})
        found[OURS] = bench.decide(settings.model_copy(update={"capacity": room})).arm
    found[EXPLORING] = bench.decide(settings, exploring=True).propensity
    if bench.bundle is not None:
        lighter = settings.model_copy(update={"dose_margin_share": 0.02, "dose_price_share": 0.02})
        found[LIGHTER] = bench.decide(lighter).arm
        found["highest response"] = within(ours.response, bench.lawful, bench.calls, bench.most)
    found["sms every 3 days"] = constant(bench.test, HOUSE_RULE)
    found[LADDER_NAME] = ladder(bench.test)
    found["logged policy"] = logged(bench)
    found["nobody contacted"] = np.zeros(len(bench.test), dtype=np.int64)
    found[ORACLE] = within(bench.worth, bench.lawful, bench.calls, bench.most)
    return {name: policy if policy.ndim == 2 else np.eye(len(arms))[policy] for name, policy in found.items()}


def steps(bench: Bench) -> dict[str, np.ndarray]:
    """Return ours with one step of the decision after another, to see what each costs."""
    plain = PolicySettings(
        dose_margin_share=0.0,
        dose_price_share=0.0,
        ability=AbilitySettings(low_below=0.0),
        switching=SwitchingSettings(calm_days=0.0),
    )
    first = bench.decide(plain, history=False)
    K = np.eye(len(bench.test.table.arms))
    free = SwitchingSettings(max_step=9)
    dosed = plain.model_copy(update={"dose_margin_share": PolicySettings().dose_margin_share})
    priced = dosed.model_copy(update={"dose_price_share": PolicySettings().dose_price_share})
    able = priced.model_copy(update={"ability": AbilitySettings()})
    return {
        "highest value": K[np.where(bench.lawful, first.value, -np.inf).argmax(axis=1)],
        "+ support": K[first.arm],
        "+ minimum dose": K[bench.decide(dosed, history=False).arm],
        "+ dose price": K[bench.decide(priced, history=False).arm],
        "+ ability": K[bench.decide(able, history=False).arm],
        "+ calm": K[bench.decide(PolicySettings(), history=False).arm],
        "+ steady": K[bench.decide(PolicySettings(switching=free)).arm],
        "+ a step up at most": K[bench.decide(PolicySettings()).arm],
    }


def figures(bench: Bench, shares: np.ndarray) -> dict[str, float]:
    """Return what a policy truly does, per decision; complaints per thousand."""
    test = bench.test
    recovered = test.response * test.recoverable[:, None]
    return {
        "value": float((shares * bench.worth).sum(axis=1).mean()),
        "response": float((shares * test.response).sum(axis=1).mean()),
        "recovered": float((shares * recovered).sum(axis=1).mean()),
        "contacts": float((shares @ test.table.arms.intensity).mean()),
        "calls": float((shares @ bench.calls).mean()),
        "complaints": 1000 * float((shares * test.harm).sum(axis=1).mean()),
    }


def verdict(found: dict[str, dict[str, float]], margin: float) -> list[str]:
    """Say whether each target is met."""
    rivals = {name: one["value"] for name, one in found.items() if name not in (OURS, EXPLORING, LIGHTER, ORACLE)}
    best = max(rivals, key=rivals.__getitem__)
    gap = found[OURS]["value"] - rivals[best]
    fewer = 1 - found[OURS]["contacts"] / found[LADDER_NAME]["contacts"]
    more = found[OURS]["recovered"] - found[LADDER_NAME]["recovered"]
    worth, light = gap >= -margin, fewer >= FEWER and more >= 0
    return [
        f"value: {gap:+.2f} against the best of the others ({best}), margin {margin:.2f}: {'met' if worth else 'MISSED'}",
        f"lightness: {fewer:.0%} fewer contacts than the ladder, recovery {more:+.2f}: {'met' if light else 'MISSED'}",
    ]


def part_of(name: str, options: argparse.Namespace) -> list[str]:
    """Return a world's part of the report, from the room where it is kept."""
    file = PARTS / f"{name}-{options.borrowers}-{options.seed}{'-steps' if options.steps else ''}.txt"
    if options.fresh or not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(table_of(name, options)) + "\n", encoding="utf-8")
    return ["", *file.read_text(encoding="utf-8").splitlines()]


def table_of(name: str, options: argparse.Namespace) -> list[str]:
    """Judge every policy on a world."""
    bench, digest, learnt = set_bench(name, options.borrowers, options.seed)
    found = {policy: figures(bench, shares) for policy, shares in policies(bench).items()}
    more = steps(bench) if options.steps and bench.bundle else {}
    top, calls = found[ORACLE]["value"], bench.most / len(bench.test)
    taught = f"{learnt:,} learnt from" if bench.bundle is not None else "nothing to learn from: the house policy"
    lines = [
        f"{name}: {WORLDS[name].trap}",
        f"  {len(bench.test):,} decisions judged, {taught}; world {digest[:12]}; at most {calls:.3f} calls a week",
        "  " + LINE.format("policy", "value", "to oracle", "repaid", "recovered", "contacts", "calls", "complaints"),
    ]
    for policy, one in (found | {f"  {step}": figures(bench, shares) for step, shares in more.items()}).items():
        shown = (f"{one['value']:.2f}", f"{one['value'] - top:+.2f}", f"{one['response']:.4f}", f"{one['recovered']:.2f}")
        last = (f"{one['contacts']:.3f}", f"{one['calls']:.3f}", f"{one['complaints']:.2f}")
        lines.append("  " + LINE.format(policy, *shown, *last))
    margin = PolicySettings().dose_margin_share * float(bench.test.recoverable.mean())
    return [*lines, *(f"  {said}" for said in verdict(found, margin))]


def head_of(found: list[str], options: argparse.Namespace) -> list[str]:
    """Say what was done with what, and how many targets are met."""
    targets = [line.strip() for line in found if line.endswith(": met")]
    met = [sum(line.startswith(what) for line in targets) for what in ("value", "lightness")]
    rungs = ", ".join(f"{name} up to {days:g} days" if np.isfinite(days) else f"{name} beyond" for days, name in LADDER)
    tools = f"{os.cpu_count()} cores; numpy {version('numpy')}, lightgbm {version('lightgbm')}"
    worlds = len(options.worlds)
    return [
        f"Decisions on {worlds} worlds of {options.borrowers:,} borrowers, seed {options.seed}; {tools}.",
        f"Settings {PolicySettings().version}. Value and recovered: account currency per decision. Contacts and calls: a week,",
        "as planned. Complaints: with opt-outs, per thousand decisions. All of it true, none estimated.",
        f"Ladder: {rungs}.",
        "Ours, 2%: a lender who gives up twice as much for lighter arms (margin and price; the default is 1%); not judged.",
        f"Targets met: value on {met[0]}, lightness on {met[1]} of {worlds} worlds.",
    ]


def main() -> None:
    """Print a table per world, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--borrowers", type=int, default=12_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", action="store_true", help="ours with one step of the decision after another")
    parser.add_argument("--fresh", action="store_true", help="again, whatever is kept")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: list[str] = []
    for name in options.worlds:
        print(f"{name} ...", flush=True)
        found += part_of(name, options)
    hand_out("\n".join([*head_of(found, options), *found]), options.out)


if __name__ == "__main__":
    main()
