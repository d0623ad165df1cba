"""Inputs for learners that can't take missing numbers."""

import numpy as np


class Filler:
    """Medians in the place of missing numbers; with `scale`, in standard deviations."""

    def __init__(self, X: np.ndarray, *, scale: bool = False) -> None:
        kept = np.isfinite(X).any(axis=0)
        self.kept = np.flatnonzero(kept)
        self.middle = np.nanmedian(X[:, self.kept], axis=0)
        filled = np.where(np.isnan(X[:, self.kept]), self.middle, X[:, self.kept])
        spread = filled.std(axis=0)
        varies = spread > 0
        self.kept, self.middle = self.kept[varies], self.middle[varies]
        self.centre, self.spread = (filled.mean(axis=0)[varies], spread[varies]) if scale else (0.0, 1.0)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return the numbers filled in, columns without information left out."""
        chosen = X[:, self.kept].astype(np.float64)
        return (np.where(np.isnan(chosen), self.middle, chosen) - self.centre) / self.spread
