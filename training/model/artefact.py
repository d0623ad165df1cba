"""The saved response model: what is needed to score, apart from the code that fits."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from ...data.arms import ArmCatalogue
from ...data.errors import Fault, InvalidInput
from ...data.files import digest, replacing
from ..columns import Columns
from ..inputs import Floats
from .artefact_parts import Noise, Score, Support
from .calibration import Calibration
from .covariates import Covariates
from .effects import Effects, Sizes
from .outlook import Outlook
from .scorer import PropensityScorer, chunks, raw_scores
from .sealed import checked_array, checked_text, sealed, unsealed
from .spread import Spread

FORMAT = 4
MODEL_FILE = "model.json"
COVARIANCE_FILE = "covariance.npy"
# Weight of the pooled noise against a borrower's own, in pairs: four differences alone say little about a variance.
PRIOR_PAIRS = 8.0


@dataclass(frozen=True)
class ResponseArtefact:
    """A fitted response model that scores.

    Parameters
    ----------
    arms : ArmCatalogue
    columns : Columns
        The covariates of the fit.
    boosters : tuple of Booster
        How good a borrower is anyway: first half, second half, first half, ... of each pair.
    covariates : Covariates
        What the effects are linear in.
    outlook : Outlook
        How the level becomes further columns that they are linear in.
    effects : Effects
        What each arm changes.
    mix : ndarray of shape (p,)
        Coefficients of the effect that the logged policy had on average, which the boosters' level contains.
    shares : ndarray of shape (K,)
        Mean propensities at fit.
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
    covariates: Covariates
    outlook: Outlook
    effects: Effects
    mix: Floats
    shares: Floats
    calibration: Calibration
    noise: Noise
    support: Support
    propensity: PropensityScorer | None
    parameters: dict[str, Any]

    def predict_by_arm(self, X: pd.DataFrame, threads: int = 0) -> Floats:
        """Return calibrated probabilities of shape (n, K), strictly inside (0, 1)."""
        Z = self.columns.encode(X)
        result = np.empty((len(Z), len(self.arms)))
        for rows in chunks(len(Z)):
            result[rows] = sigmoid(self.calibration.apply(self.score(Z[rows], threads).raw))
        return result

    def interval_by_arm(self, X: pd.DataFrame, confidence: float, threads: int = 0) -> tuple[Floats, Floats]:
        """Return lower and upper ends of shape (n, K) each: of level, effects and calibration together."""
        Z, reach = self.columns.encode(X), self.reach(confidence)
        low, high = np.empty((len(Z), len(self.arms))), np.empty((len(Z), len(self.arms)))
        for rows in chunks(len(Z)):
            score = self.score(Z[rows], threads)
            centre, slope = self.calibration.apply(score.raw), self.calibration.slope(score.raw)
            own = self._spread.by_arm(score.F) + score.noise[:, None]
            half = reach * np.sqrt(slope**2 * own + self.calibration.variance(score.raw, np.ones_like(centre)))
            low[rows], high[rows] = sigmoid(centre - half), sigmoid(centre + half)
        return low, high

    def contrast_by_arm(
        self, X: pd.DataFrame, reference: str, confidence: float, threads: int = 0
    ) -> tuple[Floats, Floats, Floats]:
        """Return P(arm) - P(reference) and its joint interval, of shape (n, K) each."""
        Z, r, reach = self.columns.encode(X), self.arms.index(reference), self.reach(confidence)
        shape = (len(Z), len(self.arms))
        middle, low, high = np.empty(shape), np.empty(shape), np.empty(shape)
        for rows in chunks(len(Z)):
            score = self.score(Z[rows], threads)
            p = sigmoid(self.calibration.apply(score.raw))
            steep = p * (1 - p)
            pull = steep * self.calibration.slope(score.raw)
            variance = self._spread.contrast(score.F, pull, r) + against(pull, r) ** 2 * score.noise[:, None]
            half = reach * np.sqrt(variance + self.calibration.variance(score.raw, steep, r))
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

    def base(self, F: Floats) -> Floats:
        """Return log odds under no contact beside the boosters' level, of shape (n,)."""
        base: Floats = self.effects.level(F) - np.einsum("np,p->n", F, self.mix)
        return base

    def disagreement(self, Z: Floats, threads: int = 0) -> float:
        """Return the mean jackknife variance of the level's log odds over encoded rows."""
        _, own = self.level(Z, threads)
        return float(own.mean())

    def score(self, Z: Floats, threads: int) -> Score:
        """Return what every prediction starts from, for encoded rows."""
        level, own = self.level(Z, threads)
        F = self.covariates.encode(Z, beside=self.outlook.encode(level))
        raw = (level + self.base(F))[:, None] + self.effects.logits(F)
        pairs = len(self.boosters) / 2
        # A borrower's own variance is drawn towards the average (Smyth 2004, moderated t): few differences say little.
        variance = (pairs * own + PRIOR_PAIRS * self.noise.variance) / (pairs + PRIOR_PAIRS)
        return Score(F, raw, self.noise.inflation * variance)

    def level(self, Z: Floats, threads: int) -> tuple[Floats, Floats]:
        """Return mean log odds of the boosters and their delete-half jackknife variance, of shape (n,) each."""
        total, squares = np.zeros(len(Z)), np.zeros(len(Z))
        for first, second in zip(self.boosters[::2], self.boosters[1::2], strict=True):
            left, right = raw_scores(first, Z, threads), raw_scores(second, Z, threads)
            total = total + left + right
            # Two independent halves differ by four times the variance that all rows have.
            squares = squares + (left - right) ** 2 / 4
        return total / len(self.boosters), squares / (len(self.boosters) // 2)

    def reach(self, confidence: float) -> float:
        """Return how many standard errors an interval reaches to each side."""
        if not 0 < confidence < 1:
            raise InvalidInput([Fault("confidence", "between 0 and 1", repr(confidence), "0.9 gives a 90% interval.")])
        return float(stdtrit(len(self.boosters) / 2 + PRIOR_PAIRS, 0.5 + confidence / 2))

    @cached_property
    def _spread(self) -> Spread:
        return Spread.of(self.effects, self.shares)

    def save(self, folder: str | Path) -> None:
        """Write LightGBM text, arrays and JSON with digests, never a pickle; the folder appears whole or not at all."""
        with replacing(folder) as made:
            made.mkdir()
            names = {"response": self.boosters, "propensity": self.propensity.boosters if self.propensity else ()}
            for kind, boosters in names.items():
                for i, booster in enumerate(boosters):
                    (made / f"{kind}-{i}.txt").write_text(booster.model_to_string(), encoding="utf-8", newline="\n")
            np.save(made / COVARIANCE_FILE, self.effects.covariance, allow_pickle=False)
            digests = {path.name: digest(path) for path in sorted(made.iterdir())}
            (made / MODEL_FILE).write_text(sealed(self._content() | {"digests": digests}), encoding="utf-8", newline="\n")

    def _content(self) -> dict[str, Any]:
        scaling = {"slope": self.propensity.slope, "offsets": self.propensity.offsets.tolist()} if self.propensity else None
        sizes = self.effects.sizes
        return {
            "format": FORMAT,
            "parameters": self.parameters,
            "arms": self.arms.to_dict(),
            "columns": self.columns.to_dict(),
            "covariates": self.covariates.to_dict(),
            "outlook": self.outlook.to_dict(),
            "effects": {
                "mean": self.effects.mean.tolist(),
                "sizes": {"level": sizes.level.tolist(), "slope": sizes.slope.tolist(), "main": sizes.main},
                "differ": self.effects.differ,
                "mix": self.mix.tolist(),
                "shares": self.shares.tolist(),
            },
            "calibration": self.calibration.to_dict(),
            "noise": {"variance": self.noise.variance, "inflation": self.noise.inflation},
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
    digests = content["digests"]
    texts = {name: checked_text(folder / name, expected) for name, expected in digests.items() if name.endswith(".txt")}
    response, propensity = (
        tuple(lgb.Booster(model_str=texts[name]) for name in _numbered(texts, kind)) for kind in ("response", "propensity")
    )
    scaling = content["propensity"]
    return ResponseArtefact(
        arms=ArmCatalogue.from_dict(content["arms"]),
        columns=Columns.from_dict(content["columns"]),
        boosters=response,
        covariates=Covariates.from_dict(content["covariates"]),
        outlook=Outlook.from_dict(content["outlook"]),
        effects=_effects(content["effects"], checked_array(folder / COVARIANCE_FILE, digests[COVARIANCE_FILE])),
        mix=np.array(content["effects"]["mix"]),
        shares=np.array(content["effects"]["shares"]),
        calibration=Calibration.from_dict(content["calibration"]),
        noise=Noise(**content["noise"]),
        support=Support(**content["support"] | {"counts": tuple(content["support"]["counts"])}),
        propensity=scaling and PropensityScorer(propensity, scaling["slope"], np.array(scaling["offsets"])),
        parameters=content["parameters"],
    )


def _effects(content: dict[str, Any], covariance: Floats) -> Effects:
    told = content["sizes"]
    sizes = Sizes(np.array(told["level"]), np.array(told["slope"]), told["main"])
    return Effects(np.array(content["mean"]), covariance, sizes, content["differ"])


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
