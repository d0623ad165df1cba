"""Which families of history move the prediction, and which move what contact changes; on the logit scale, summing exactly.

The level is trees: their SHAP values as LightGBM gives them, averaged over boosters. Effects are linear in ranks of mean zero:
coefficient times rank is their SHAP value for independent covariates. What effects owe to the outlook goes to those who make
the outlook, in proportion to their share in its distance from the average (the rescale rule of Chen, Lundberg, Lee 2022,
Explaining a series of models by propagating Shapley values, Nature Communications 13). The calibration has a column of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from ...features.catalogue import FEATURES
from ..inputs import Floats, Ints
from .artefact import ResponseArtefact
from .covariates import Covariates

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
    trees = np.mean([booster.predict(Z, pred_contrib=True, num_threads=1) for booster in artefact.boosters], axis=0)
    linear = _Linear.of(artefact, Z, trees, labels)
    # Rows of `effects.mean`: the level that arms share, then each arm but the first, whose effect is none.
    effects = np.vstack([np.zeros(artefact.effects.mean.shape[1]), artefact.effects.mean[1:]])
    of_level = _grouped(trees[:, :-1], labels, linear.families, trees[:, -1])
    of_base = linear.split((artefact.effects.mean[0] - artefact.mix)[None, :])
    of_own, of_other = linear.split(effects[arm]), linear.split(effects[[reference]])
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


@dataclass(frozen=True)
class _Linear:
    """What the linear parts are linear in, each column with the family that it belongs to.

    Parameters
    ----------
    ranks : ndarray of shape (n, q)
        Before rotation.
    rotation : ndarray of shape (q, r)
    at_average : ndarray of shape (DEGREES,)
        The outlook's columns at the average level.
    slope : ndarray of shape (n, DEGREES)
        The outlook's columns less that, by distance of the level from the average.
    shap : ndarray of shape (n, d)
        Contributions of the covariates to that distance.
    owner : list of str, length q + d
    """

    ranks: Floats
    rotation: Floats
    at_average: Floats
    slope: Floats
    shap: Floats
    owner: list[str]

    @classmethod
    def of(cls, artefact: ResponseArtefact, Z: Floats, trees: Floats, labels: list[str]) -> Self:
        covariates = artefact.covariates
        ranks = replace(covariates, rotation=None).encode(Z)[:, 1:]
        rotation = np.eye(ranks.shape[1]) if covariates.rotation is None else covariates.rotation
        level, _ = artefact.level(Z, 1)
        average = trees[:, -1]
        at_average = artefact.outlook.encode(average[:1])[0]
        gap = (level - average)[:, None]
        moved = artefact.outlook.encode(level) - at_average
        slope = np.divide(moved, gap, out=np.zeros_like(moved), where=gap != 0)
        return cls(ranks, rotation, at_average, slope, trees[:, :-1], [*_owners(covariates, labels), *labels])

    @property
    def families(self) -> list[str]:
        return [*dict.fromkeys(self.owner)]

    def split(self, coefficients: Floats) -> pd.DataFrame:
        """Return families' parts of a sum with these coefficients, of shape (n, p) or (1, p)."""
        constant, slopes, of_outlook = np.split(coefficients, [1, 1 + self.rotation.shape[1]], axis=1)
        through = (self.slope * of_outlook).sum(axis=1, keepdims=True)
        parts = np.hstack([self.ranks * (slopes @ self.rotation.T), self.shap * through])
        return _grouped(parts, self.owner, self.families, constant[:, 0] + of_outlook @ self.at_average)


def _owners(covariates: Covariates, labels: list[str]) -> list[str]:
    """Return the family of each column before rotation: one for a number, one per indicator for a category."""
    counts = [1 if len(grid) else len(levels) for grid, levels in zip(covariates.grids, covariates.levels, strict=True)]
    return [label for label, count in zip(labels, counts, strict=True) for _ in range(count)]


def _grouped(parts: Floats, labels: list[str], names: list[str], constant: Floats) -> pd.DataFrame:
    own = np.array(labels, dtype=object)
    sums = {name: parts[:, own == name].sum(axis=1) for name in names}
    return pd.DataFrame({**sums, EVERYONE: np.broadcast_to(constant, len(parts))})
