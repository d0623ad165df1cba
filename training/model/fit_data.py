"""What `fit` was given, checked: every fault at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ..columns import Columns, frame_faults
from ..inputs import (
    LARGEST_SEED,
    Floats,
    Ints,
    arm_positions,
    binary_outcome,
    group_codes,
    positive_weights,
    whole_number,
)
from ..statistics.clusters import LEAST_CLUSTERS
from ..value_faults import few_groups
from .artefact_parts import SupportRule
from .boosting import Boosting
from .propensity import Propensity, read_propensity


@dataclass(frozen=True)
class FitData:
    """Logged rows that weigh something, checked and encoded.

    Parameters
    ----------
    kept : ndarray of shape (N,)
        Which of the rows given are among the n that weigh something.
    columns : Columns
        Names, kinds and levels of the covariates.
    Z : ndarray of shape (n, d)
        Encoded covariates.
    y : ndarray of shape (n,)
        0 and 1.
    codes : ndarray of shape (n,)
        Positions of the taken arms.
    groups : ndarray of shape (n,)
        A number per group.
    weight : ndarray of shape (n,), optional
        Of mean 1.
    propensity : Propensity, optional
        None where it is to be estimated.
    """

    kept: NDArray[np.bool_]
    columns: Columns
    Z: Floats
    y: Floats
    codes: Ints
    groups: Ints
    weight: Floats | None
    propensity: Propensity | None

    def for_all(self, own: Floats, X: pd.DataFrame, predict: Callable[[pd.DataFrame], Floats | None]) -> Floats:
        """Return figures of all rows given, of shape (N, K): their own, and predictions where nothing was learnt from a row."""
        if self.kept.all():
            return own
        full = np.empty((len(self.kept), own.shape[1]))
        full[self.kept], full[~self.kept] = own, predict(X[~self.kept])
        return full


def parameter_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with parameters of a `ResponseModel` that only `fit` looks at."""
    faults: list[Fault] = []
    whole_number("random_state", parameters["random_state"], faults, "The same state gives the same model.", LARGEST_SEED)
    whole_number("n_threads", parameters["n_threads"], faults, "0 takes all cores.")
    kinds = {"boosting": Boosting, "propensity_boosting": Boosting, "support": SupportRule}
    for name, kind in kinds.items():
        if not isinstance(parameters[name], kind):
            found, remedy = type(parameters[name]).__name__, f"Leave it out, or pass {kind.__name__}(...)."
            faults.append(Fault(name, f"a {kind.__name__}", found, remedy))
    return faults


def check_fit(  # noqa: PLR0913, PLR0917  the arguments of `fit`
    arms: ArmCatalogue, X: Any, y: Any, arm: Any, propensity: Any, groups: Any, weight: Any, found: list[Fault]
) -> FitData:
    """Check the arguments of `ResponseModel.fit`.

    Parameters
    ----------
    found : list of Fault
        What was found before, and is told with the rest.

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    # Without a table or arms there is no number of rows and no code to hold the rest against.
    if missing := _missing_parts(arms, X):
        raise InvalidInput([*found, *missing])
    faults = list(found)
    try:
        columns = Columns.learn(X)
    except InvalidInput as error:
        faults += error.faults
        columns = Columns((), (), ())
    n = len(X)
    if len(arms) < 2:
        faults.append(Fault("arms", "at least two", f"{len(arms)}", "An effect needs an arm to compare with."))
    weights = positive_weights(weight, n, faults)
    kept = np.ones(n, dtype=np.bool_) if weights is None else weights > 0
    clusters = _clusters(groups, kept, faults)
    outcome = binary_outcome(y, n, faults, counted=kept)
    codes = arm_positions(arm, arms.names, n, faults)
    known = read_propensity(propensity, codes, arms.names, faults)
    if faults:
        raise InvalidInput(faults)
    # Nothing is copied where every row weighs something.
    rows = slice(None) if kept.all() else kept
    own = None if weights is None else weights[rows]
    return FitData(kept, columns, columns.encode(X[rows]), outcome[rows], codes[rows], clusters, own, _rows_of(known, rows))


def _rows_of(known: Propensity | None, rows: slice | NDArray[np.bool_]) -> Propensity | None:
    if known is None:
        return None
    return replace(known, taken=known.taken[rows], full=None if known.full is None else known.full[rows])


def _missing_parts(arms: Any, X: Any) -> list[Fault]:
    faults = [] if isinstance(X, pd.DataFrame) else frame_faults(X)
    if not isinstance(arms, ArmCatalogue):
        remedy = 'Build it: ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)]), or ArmCatalogue.from_names(names, baseline).'
        faults.append(Fault("arms", "an ArmCatalogue", type(arms).__name__, remedy))
    return faults


def _clusters(groups: Any, kept: NDArray[np.bool_], faults: list[Fault]) -> Ints:
    """Return a number per group, for the rows that weigh something."""
    own: list[Fault] = []
    codes = np.unique(group_codes(groups, len(kept), own)[kept], return_inverse=True)[1]
    if not own and groups is not None and (few := few_groups("groups", codes, LEAST_CLUSTERS)):
        own.append(few)
    faults += own
    return codes
