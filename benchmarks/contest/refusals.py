"""What training says of the log of a draw: the alarms that refuse it as a whole, whoever learns from it."""

from dataclasses import replace

import numpy as np
import pandas as pd
from contest.worlds import Draw
from lighttouch.training.alarms.logged_rows import PAST
from lighttouch.training.alarms.ring import AlarmOptions, LoggedRows, training_alarms
from lighttouch.training.response import ResponseModel


def refused_by(rows: Draw, seed: int, threads: int) -> list[str]:
    """Return the names of the alarms that refuse every comparison, as `lighttouch train` would tell them."""
    X = pd.DataFrame(rows["X"].astype(np.float64), columns=list(rows.columns))
    arm = np.array(rows.arms.names, dtype=object)[rows["code"]]
    y, e, groups = rows["y"], rows["e"], rows["group"]
    model = ResponseModel(rows.arms, random_state=seed, n_threads=threads)
    model.fit(X, y, arm=arm, propensity=e, groups=groups)
    past = X[[name for name in PAST if name in X]].assign(overdue=rows["overdue"])
    logged = LoggedRows.of(X, y, arm=arm, arms=rows.arms, propensity=e, groups=groups, past=past)
    # How strong a confounder must be refuses nothing: its fits are left out.
    options = AlarmOptions(benchmark_features=0, seed=seed, threads=threads)
    found = training_alarms(model, replace(logged, lawful=rows["lawful"]), options)
    return [alarm.name for alarm in found if alarm.refusal is not None and not alarm.arms]
