"""What `fit` was given, checked: every fault at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ..columns import Columns, frame_faults
from ..inputs import Floats, Ints, arm_positions, binary_outcome, group_codes, positive_weights, whole_number
from ..statistics.clusters import LEAST_CLUSTERS
from ..value_faults import few_groups
from .propensity import Propensity, read_propensity


@dataclass(frozen=True)
class FitData:
    """Logged rows, checked and encoded.

    Parameters
    ----------
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

    columns: Columns
    Z: Floats
    y: Floats
    codes: Ints
    groups: Ints
    weight: Floats | None
    propensity: Propensity | None

    @property
    def counted(self) -> NDArray[np.bool_] | slice:
        """Rows that weigh something."""
        return slice(None) if self.weight is None else self.weight > 0


def parameter_faults(random_state: Any, n_threads: Any) -> list[Fault]:
    """Return what is wrong with parameters of a `ResponseModel` that only `fit` looks at."""
    faults: list[Fault] = []
    whole_number("random_state", random_state, faults, "The same state gives the same model; 0 is usual.")
    whole_number("n_threads", n_threads, faults, "0 takes all cores.")
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
    clusters, weights = _clusters(groups, n, faults), positive_weights(weight, n, faults)
    outcome = binary_outcome(y, n, faults, counted=None if weights is None else weights > 0)
    codes = arm_positions(arm, arms.names, n, faults)
    known = read_propensity(propensity, codes, arms.names, faults)
    if faults:
        raise InvalidInput(faults)
    return FitData(columns, columns.encode(X), outcome, codes, clusters, weights, known)


def _missing_parts(arms: Any, X: Any) -> list[Fault]:
    faults = [] if isinstance(X, pd.DataFrame) else frame_faults(X)
    if not isinstance(arms, ArmCatalogue):
        remedy = 'Build it: ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1)]), or ArmCatalogue.from_names(names, baseline).'
        faults.append(Fault("arms", "an ArmCatalogue", type(arms).__name__, remedy))
    return faults


def _clusters(groups: Any, n: int, faults: list[Fault]) -> Ints:
    own: list[Fault] = []
    codes = group_codes(groups, n, own)
    if not own and groups is not None and (few := few_groups("groups", codes, LEAST_CLUSTERS)):
        own.append(few)
    faults += own
    return codes
