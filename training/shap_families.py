"""Which families of history move the prediction, and which move what contact changes; on the logit scale, summing exactly.

The level is trees: their SHAP values as LightGBM gives them, averaged over boosters. Effects are linear in ranks of mean zero:
coefficient times rank is their SHAP value for independent covariates. The calibration has a column of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..features.catalogue import FEATURES
from .artefact import ResponseArtefact
from .covariates import Covariates
from .inputs import Floats, Ints

EVERYONE, CALIBRATION, OTHER = "everyone", "calibration", "other"
# Rows explained for the table of a run: means over more would not differ in the digits shown.
ROWS = 1_000


@dataclass(frozen=True)
class Contributions:
    """Parts of log odds by family.

    Parameters
    ----------
    response : DataFrame of shape (n, families + 2)
        Of the response under the arm: a column per family, `everyone` (what all share) and `calibration`; rows sum to the log
        odds of the prediction.
    contrast : DataFrame of shape (n, families + 2)
        Of log odds under the arm less log odds under the reference; rows sum to their difference.
    """

    response: pd.DataFrame
    contrast: pd.DataFrame


def family_of() -> dict[str, str]:
    """Return the family of each feature of the catalogue."""
    return {feature.name: feature.family for feature in FEATURES}


def contributions(
    artefact: ResponseArtefact, X: pd.DataFrame, arm: Ints, reference: int = 0, families: Mapping[str, str] | None = None
) -> Contributions:
    """Split predictions into families of covariates.

    Parameters
    ----------
    artefact : ResponseArtefact
        `model.artefact`.
    X : DataFrame of shape (n, d)
    arm : ndarray of shape (n,)
        Position of each row's arm.
    reference : int, optional
        Position of the arm that it is held against; no contact.
    families : mapping of str to str, optional
        Column to family; by default of the catalogue, and `other` for columns that it does not have.
    """
    known = family_of() if families is None else families
    labels = [known.get(name, OTHER) for name in artefact.columns.names]
    Z = artefact.columns.encode(X)
    level = np.mean([booster.predict(Z, pred_contrib=True, num_threads=1) for booster in artefact.boosters], axis=0)
    parts, owner, coefficients = _linear(artefact, Z, labels)
    # Rows of `effects.mean`: the level that arms share, then each arm but the first, whose effect is none.
    slopes = np.vstack([np.zeros(parts.shape[1]), coefficients[1:]])
    own, other = (parts * slopes[at] for at in (arm, np.full(len(Z), reference)))
    base = parts * coefficients[0]
    names = [*dict.fromkeys(labels)]
    of_level = _grouped(level[:, :-1], labels, names, level[:, -1])
    of_base, of_own, of_other = (_grouped(part[:, 1:], owner, names, part[:, 0]) for part in (base, own, other))
    response = of_level + of_base + of_own
    contrast = of_own - of_other
    raw = response.sum(axis=1).to_numpy()
    mapped = _calibrated(artefact, raw, arm)
    below = raw - contrast.sum(axis=1).to_numpy()
    response[CALIBRATION] = mapped - raw
    contrast[CALIBRATION] = (mapped - raw) - (_calibrated(artefact, below, np.full(len(Z), reference)) - below)
    return Contributions(response, contrast)


def family_table(found: Contributions) -> pd.DataFrame:
    """Return a row per family: mean absolute contribution to the response and to what the arm changes, largest first."""
    table = pd.DataFrame({"response": found.response.abs().mean(), "contrast": found.contrast.abs().mean()})
    table.index.name = "family"
    families = table.drop(index=[EVERYONE, CALIBRATION]).sort_values("response", ascending=False, kind="stable")
    return pd.concat([families, table.loc[[EVERYONE, CALIBRATION]]]).reset_index()


def contribution_table(
    artefact: ResponseArtefact, X: pd.DataFrame, arm: Ints, families: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return `family_table` of rows evenly spaced among many: no draw, so the same run explains the same decisions.

    Parameters
    ----------
    X, arm, families
        As in `contributions`.
    """
    at = np.unique(np.linspace(0, len(X) - 1, ROWS).astype(np.int64))
    return family_table(contributions(artefact, X.iloc[at], arm[at], families=families))


def _calibrated(artefact: ResponseArtefact, raw: Floats, arm: Ints) -> Floats:
    wide = np.broadcast_to(raw[:, None], (len(raw), len(artefact.arms)))
    mapped: Floats = artefact.calibration.apply(wide)[np.arange(len(raw)), arm]
    return mapped


def _linear(artefact: ResponseArtefact, Z: Floats, labels: list[str]) -> tuple[Floats, list[str], Floats]:
    """Return the linear parts' columns before rotation (n, 1 + q), their families (q), and coefficients (K, 1 + q) on them."""
    covariates = artefact.covariates
    parts = replace(covariates, rotation=None).encode(Z)
    coefficients = artefact.effects.mean.copy()
    coefficients[0] = coefficients[0] - artefact.mix
    if covariates.rotation is not None:
        coefficients = np.column_stack([coefficients[:, 0], coefficients[:, 1:] @ covariates.rotation.T])
    return parts, _owners(covariates, labels), coefficients


def _owners(covariates: Covariates, labels: list[str]) -> list[str]:
    """Return the family of each column before rotation: one for a number, one per indicator for a category."""
    counts = [1 if len(grid) else len(levels) for grid, levels in zip(covariates.grids, covariates.levels, strict=True)]
    return [label for label, count in zip(labels, counts, strict=True) for _ in range(count)]


def _grouped(parts: Floats, labels: list[str], names: list[str], constant: Floats) -> pd.DataFrame:
    own = np.array(labels, dtype=object)
    sums = {name: parts[:, own == name].sum(axis=1) for name in names}
    return pd.DataFrame({**sums, EVERYONE: constant})
