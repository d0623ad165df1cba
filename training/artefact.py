"""The saved response model: what is needed to score, apart from the code that fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from ..data.arms import ArmCatalogue
from ..data.errors import Fault, InvalidInput
from ..data.files import digest, replacing
from .calibration import Calibration
from .inputs import Columns, Floats
from .scorer import ArmInputs, PropensityScorer, chunks, logits_by_arm
from .sealed import checked_text, sealed, unsealed

FORMAT = 1
MODEL_FILE = "model.json"
# Weight of the pooled noise against a borrower's own, in pairs: four differences alone say little about a variance.
PRIOR_PAIRS = 8.0


@dataclass(frozen=True)
class Support:
    """When an arm has comparable data.

    Parameters
    ----------
    counts : tuple of int
        Rows of each arm at fit.
    least_rows : int
        Fewest rows of an arm.
    floor : float
        Least estimated propensity at x; by default 0.1 / K.
    randomised : bool
        True where the stated odds were the same for everyone: then only the counts matter.
    """

    counts: tuple[int, ...]
    least_rows: int
    floor: float
    randomised: bool


@dataclass(frozen=True)
class Noise:
    """How much halves of the data disagree, on average over borrowers.

    Parameters
    ----------
    logit : ndarray of shape (K,)
        Variance of a calibrated logit.
    contrast : ndarray of shape (K, K)
        Variance of P(arm) - P(reference), by arm and reference.
    """

    logit: Floats
    contrast: Floats


@dataclass(frozen=True)
class ResponseArtefact:
    """A fitted response model that scores.

    Parameters
    ----------
    arms : ArmCatalogue
    columns : Columns
        The covariates of the fit.
    boosters : tuple of Booster
        First half, second half, first half, ... of each pair.
    calibration : Calibration
    noise : Noise
    support : Support
    propensity : PropensityScorer or None
        None where the arms were drawn with the same odds for everyone.
    parameters : dict
        What the model was fitted with.
    """

    arms: ArmCatalogue
    columns: Columns
    boosters: tuple[lgb.Booster, ...]
    calibration: Calibration
    noise: Noise
    support: Support
    propensity: PropensityScorer | None
    parameters: dict[str, Any]

    def predict_by_arm(self, X: pd.DataFrame, threads: int = 0) -> Floats:
        """Return calibrated probabilities of shape (n, K), strictly inside (0, 1)."""
        Z = self.columns.encode(X)
        result = np.empty((len(Z), len(self.arms)))
        for rows in chunks(len(Z), len(self.arms)):
            result[rows] = sigmoid(self.calibration.apply(self._mean_logits(Z[rows], threads)))
        return result

    def interval_by_arm(self, X: pd.DataFrame, confidence: float, threads: int = 0) -> tuple[Floats, Floats]:
        """Return lower and upper ends of shape (n, K) each, from the halves' disagreement and the calibration."""
        Z = self.columns.encode(X)
        low, high = np.empty((len(Z), len(self.arms))), np.empty((len(Z), len(self.arms)))
        reach = self._quantile(confidence)
        for rows in chunks(len(Z), len(self.arms)):
            raw, own = self._spread(Z[rows], threads, lambda logits: logits)
            centre = self.calibration.apply(raw)
            variance = self._moderate(own, self.noise.logit) + self.calibration.variance(raw, np.ones_like(raw))
            half = reach * np.sqrt(variance)
            low[rows], high[rows] = sigmoid(centre - half), sigmoid(centre + half)
        return low, high

    def contrast_by_arm(
        self, X: pd.DataFrame, reference: str, confidence: float, threads: int = 0
    ) -> tuple[Floats, Floats, Floats]:
        """Return P(arm) - P(reference) and its joint interval, of shape (n, K) each."""
        Z, r = self.columns.encode(X), self.arms.index(reference)
        shape = (len(Z), len(self.arms))
        middle, low, high = np.empty(shape), np.empty(shape), np.empty(shape)
        reach = self._quantile(confidence)
        for rows in chunks(*shape):
            raw, own = self._spread(Z[rows], threads, lambda logits: against(sigmoid(logits), r))
            p = sigmoid(self.calibration.apply(raw))
            variance = self._moderate(own, self.noise.contrast[:, r]) + self.calibration.variance(raw, p * (1 - p), r)
            half = reach * np.sqrt(variance)
            half[:, r] = 0.0
            middle[rows] = against(p, r)
            low[rows], high[rows] = np.maximum(middle[rows] - half, -1.0), np.minimum(middle[rows] + half, 1.0)
        return middle, low, high

    def propensity_by_arm(self, X: pd.DataFrame, threads: int = 0) -> Floats | None:
        """Return estimated propensities of shape (n, K); None where the stated odds were the same for everyone."""
        return None if self.propensity is None else self.propensity.score(self.columns.encode(X), threads)

    def support_by_arm(self, X: pd.DataFrame, threads: int = 0) -> NDArray[np.bool_]:
        """Return True where arm and borrower have comparable data, of shape (n, K)."""
        Z = self.columns.encode(X)
        enough = np.array(self.support.counts) >= self.support.least_rows
        mask = np.broadcast_to(enough, (len(Z), len(self.arms))).copy()
        if self.propensity is not None:
            mask &= self.propensity.score(Z, threads) >= self.support.floor
        return mask

    def disagreement(self, Z: Floats, threads: int = 0) -> tuple[Floats, Floats]:
        """Return the mean jackknife variance over encoded rows: of logits (K,), and of contrasts (K, K) by reference."""
        K = len(self.arms)
        logit, contrast = np.zeros(K), np.zeros((K, K))
        for rows in chunks(len(Z), K):
            for first, second in self._pairs(Z[rows], threads):
                left, right = self.calibration.apply(first), self.calibration.apply(second)
                logit += ((left - right) ** 2).sum(axis=0)
                gap = sigmoid(left) - sigmoid(right)
                for r in range(K):
                    contrast[:, r] += (against(gap, r) ** 2).sum(axis=0)
        scale = 4 * len(Z) * (len(self.boosters) // 2)
        return logit / scale, contrast / scale

    def _mean_logits(self, Z: Floats, threads: int) -> Floats:
        total = np.zeros((len(Z), len(self.arms)))
        for booster in self.boosters:
            total = total + logits_by_arm(booster, Z, self._inputs, threads)
        return total / len(self.boosters)

    def _spread(self, Z: Floats, threads: int, of: Any) -> tuple[Floats, Floats]:
        """Return mean raw logits and the delete-half jackknife variance of a function of the calibrated ones."""
        total, squares = np.zeros((len(Z), len(self.arms))), np.zeros((len(Z), len(self.arms)))
        for first, second in self._pairs(Z, threads):
            total = total + first + second
            gap = of(self.calibration.apply(first)) - of(self.calibration.apply(second))
            # Two independent halves differ by four times the variance that all rows have.
            squares = squares + gap * gap / 4
        return total / len(self.boosters), squares / (len(self.boosters) // 2)

    def _pairs(self, Z: Floats, threads: int) -> Iterator[tuple[Floats, Floats]]:
        for first, second in zip(self.boosters[::2], self.boosters[1::2], strict=True):
            yield logits_by_arm(first, Z, self._inputs, threads), logits_by_arm(second, Z, self._inputs, threads)

    def _moderate(self, own: Floats, pooled: Floats) -> Floats:
        """Draw a borrower's own variance towards the arm's (Smyth 2004, moderated t)."""
        pairs = len(self.boosters) / 2
        moderated: Floats = (pairs * own + PRIOR_PAIRS * pooled) / (pairs + PRIOR_PAIRS)
        return moderated

    def _quantile(self, confidence: float) -> float:
        if not 0 < confidence < 1:
            raise InvalidInput([Fault("confidence", "between 0 and 1", repr(confidence), "0.9 gives a 90% interval.")])
        return float(stdtrit(len(self.boosters) / 2 + PRIOR_PAIRS, 0.5 + confidence / 2))

    @cached_property
    def _inputs(self) -> ArmInputs:
        return ArmInputs.of(self.arms)

    def save(self, folder: str | Path) -> None:
        """Write LightGBM text and JSON with digests, never a pickle; the folder appears whole or not at all."""
        with replacing(folder) as made:
            made.mkdir()
            names = {"response": self.boosters, "propensity": self.propensity.boosters if self.propensity else ()}
            for kind, boosters in names.items():
                for i, booster in enumerate(boosters):
                    (made / f"{kind}-{i}.txt").write_text(booster.model_to_string(), encoding="utf-8", newline="\n")
            digests = {path.name: digest(path) for path in sorted(made.iterdir())}
            (made / MODEL_FILE).write_text(sealed(self._content() | {"digests": digests}), encoding="utf-8", newline="\n")

    def _content(self) -> dict[str, Any]:
        scaling = {"slope": self.propensity.slope, "offsets": self.propensity.offsets.tolist()} if self.propensity else None
        return {
            "format": FORMAT,
            "parameters": self.parameters,
            "arms": self.arms.to_dict(),
            "columns": self.columns.to_dict(),
            "calibration": self.calibration.to_dict(),
            "noise": {"logit": self.noise.logit.tolist(), "contrast": self.noise.contrast.tolist()},
            "support": vars(self.support) | {"counts": list(self.support.counts)},
            "propensity": scaling,
        }


def load_artefact(folder: str | Path) -> ResponseArtefact:
    """Read a saved model back; it scores bit for bit as the one that was saved.

    Raises
    ------
    InvalidInput
        Where the folder holds no model.
    DamagedFile
        Where a file is missing or one of its bytes was changed; the file is named.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInput([Fault(str(folder), "the folder of a saved model", "no folder", "Check the path, or train first.")])
    content = unsealed(folder / MODEL_FILE)
    if content["format"] != FORMAT:
        found = f"format {content['format']}"
        raise InvalidInput([Fault(str(folder / MODEL_FILE), f"format {FORMAT}", found, "Train again with this version.")])
    texts = {name: checked_text(folder / name, expected) for name, expected in content["digests"].items()}
    response, propensity = (
        tuple(lgb.Booster(model_str=texts[name]) for name in _numbered(texts, kind)) for kind in ("response", "propensity")
    )
    scaling = content["propensity"]
    return ResponseArtefact(
        arms=ArmCatalogue.from_dict(content["arms"]),
        columns=Columns.from_dict(content["columns"]),
        boosters=response,
        calibration=Calibration.from_dict(content["calibration"]),
        noise=Noise(np.array(content["noise"]["logit"]), np.array(content["noise"]["contrast"])),
        support=Support(**content["support"] | {"counts": tuple(content["support"]["counts"])}),
        propensity=scaling and PropensityScorer(propensity, scaling["slope"], np.array(scaling["offsets"])),
        parameters=content["parameters"],
    )


def sigmoid(logits: Floats) -> Floats:
    """Return probabilities; the calibrated logit's limit keeps them strictly inside (0, 1)."""
    result: Floats = np.exp(-np.logaddexp(0.0, -logits))
    return result


def against(values: Floats, reference: int) -> Floats:
    """Return the difference of every column to one of them."""
    return values - values[:, [reference]]


def _numbered(texts: dict[str, str], kind: str) -> list[str]:
    names = [name for name in texts if name.startswith(f"{kind}-")]
    return sorted(names, key=lambda name: int(name.removeprefix(f"{kind}-").removesuffix(".txt")))
