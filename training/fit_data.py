"""What `fit` was given, checked: every fault at once."""

from dataclasses import dataclass
from typing import Any

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from .inputs import Columns, Floats, Ints, arm_positions, binary_outcome, group_codes, positive_weights
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


def check_fit(arms: ArmCatalogue, X: Any, y: Any, arm: Any, propensity: Any, groups: Any, weight: Any) -> FitData:
    """Check the arguments of `ResponseModel.fit`.

    Raises
    ------
    InvalidInput
        Every fault at once.
    """
    faults: list[Fault] = []
    try:
        columns = Columns.learn(X)
    except InvalidInput as error:
        faults += error.faults
        columns = Columns((), (), ())
    n = len(X)
    if len(arms) < 2:
        faults.append(Fault("arms", "at least two", f"{len(arms)}", "An effect needs an arm to compare with."))
    outcome = binary_outcome(y, n, faults)
    codes = arm_positions(arm, arms.names, n, faults)
    clusters, weights = group_codes(groups, n, faults), positive_weights(weight, n, faults)
    known = None if faults else read_propensity(propensity, codes, arms.names, faults)
    if faults:
        raise InvalidInput(faults)
    return FitData(columns, columns.encode(X), outcome, codes, clusters, weights, known)
