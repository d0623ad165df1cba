"""Six settings for every learner to choose from: the same number of tries for all, the cheapest first.

Ours has none to choose: its defaults are used as they are. A stack chooses the weights of its members.
"""

from typing import Any

KEYS = ("leaves", "rate", "rounds", "min_leaf")


def _named(*settings: tuple[float, ...]) -> list[dict[str, Any]]:
    return [dict(zip(KEYS, setting, strict=True)) for setting in settings]


# All rows in one model.
WHOLE = _named(
    (7, 0.1, 150, 300), (7, 0.03, 400, 300), (15, 0.03, 300, 300),
    (31, 0.1, 100, 20), (31, 0.03, 300, 100), (7, 0.03, 800, 1000),
)  # fmt: skip
# A tenth of the rows in each of many models.
BY_ARM = _named(
    (3, 0.1, 50, 100), (4, 0.05, 100, 100), (7, 0.05, 100, 50), (7, 0.03, 200, 100), (15, 0.03, 150, 50), (31, 0.1, 100, 20)
)  # fmt: skip
# All rows' pseudo-outcomes, which are noisy, in a model per arm.
FINAL = _named(
    (2, 0.03, 50, 1000), (2, 0.03, 150, 1000), (4, 0.03, 100, 1000),
    (4, 0.03, 300, 500), (7, 0.03, 200, 500), (31, 0.1, 100, 20),
)  # fmt: skip
OUTCOME = dict(zip(KEYS, (7, 0.05, 300, 300), strict=True))

BUDGETS: dict[str, list[dict[str, Any]]] = {
    "ours": [{}],
    "plain LightGBM": WHOLE,
    "causalml S": BY_ARM,
    "causalml T": BY_ARM,
    "causalml X": BY_ARM,
    "EconML LinearDML": [{"features": d, "outcome": OUTCOME} for d in (5, 10, 20, 40, 80, 1000)],
    "EconML DRLearner": [{**setting, "outcome": OUTCOME} for setting in FINAL],
    "causalml uplift forest": [
        {"trees": trees, "depth": depth, "min_leaf": least, "features": tried}
        for trees, depth, least, tried in (
            (10, 5, 200, 10), (20, 5, 200, 30), (40, 5, 500, 30), (40, 8, 200, 30), (60, 6, 200, 50), (100, 5, 500, 10),
        )
    ],
    "EconML CausalForestDML": [
        {"trees": trees, "min_leaf": least, "share": share, "outcome": OUTCOME}
        for trees, least, share in (
            (40, 500, 0.2), (100, 200, 0.2), (100, 500, 0.45), (100, 50, 0.45), (200, 200, 0.45), (100, 5, 0.45),
        )
    ],
}  # fmt: skip
# Who contends: ours, and what a data scientist would otherwise pick.
CONTENDERS = tuple(BUDGETS)
# Other ways to the same end that were built to be compared with ours.
STACK = "stack by value"
BUDGETS |= {"residual trees": FINAL, "robust trees": FINAL, STACK: [{}]}
MEMBERS = ("ours", "plain LightGBM", "residual trees", "robust trees")
PEERS = ("econml", "causalml")


def needs_peers(learner: str) -> bool:
    """Return whether the learner lives in the peers' environment."""
    return learner.lower().startswith(PEERS)
