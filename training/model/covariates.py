"""Covariates of the linear parts: ranks on one scale, categories as indicators, so that no unit or outlier decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from joblib import Parallel, cpu_count, delayed

from ..columns import ROWS_AT_A_TIME, Columns
from ..inputs import Floats

# Points of the quantile grid that turns a number into its rank.
GRID = 101
# Rows that quantiles, means and scales are learnt from: evenly spaced over all, they tell a quantile to a tenth of a point.
LEARNT_ROWS = 200_000
# Levels of a category that get an indicator; the rest share none.
MOST_LEVELS = 20
# A column of less spread than this is a constant.
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Covariates:
    """How encoded covariates become columns of mean 0 and variance 1 beside a constant.

    Parameters
    ----------
    grids : tuple of ndarray
        Quantiles of each number column; empty for a category.
    levels : tuple of tuple of int
        Codes of each category column that have an indicator; empty for a number.
    mean, scale : ndarray of shape (q,)
        Of the columns before rotation; a constant column has an infinite scale and becomes 0.
    rotation : ndarray of shape (q, p - 1) or None
        Leading principal directions where there are too many columns; None where all are kept.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [20.0, 30.0, 40.0, np.nan]})
    >>> columns = Columns.learn(table)
    >>> Covariates.learn(columns.encode(table), columns, most=10).encode(columns.encode(table)).round(2)
    array([[ 1.  , -1.22],
           [ 1.  ,  0.  ],
           [ 1.  ,  1.22],
           [ 1.  ,  0.  ]])
    """

    grids: tuple[Floats, ...]
    levels: tuple[tuple[int, ...], ...]
    mean: Floats
    scale: Floats
    rotation: Floats | None = None

    @classmethod
    def learn(cls, Z: Floats, columns: Columns, most: int, threads: int = 1) -> Self:
        """Learn ranks, levels and scales from encoded covariates.

        Parameters
        ----------
        Z : ndarray of shape (n, d)
        columns : Columns
        most : int
            Columns kept, the constant aside; above that the leading principal directions stand for all.
        threads : int
            0 takes all cores; no result depends on it.
        """
        category, some = set(columns.categorical), spaced(Z)
        learnt = Parallel(n_jobs=threads or cpu_count(), prefer="threads")(
            delayed(_learn_column)(some[:, j], category=j in category) for j in range(Z.shape[1])
        )
        empty = np.empty(0)
        grids, levels, means, scales = zip(*learnt, strict=True) if learnt else ((), (), (empty,), (empty,))
        straight = cls(grids, levels, np.concatenate(means), np.concatenate(scales))
        if len(straight.mean) <= most:
            return straight
        return replace(straight, rotation=_leading(straight.encode(some, threads)[:, 1:], most))

    @property
    def width(self) -> int:
        """Columns that `encode` returns, p."""
        return 1 + (len(self.mean) if self.rotation is None else self.rotation.shape[1])

    def encode(self, Z: Floats, threads: int = 1, beside: Floats | None = None) -> Floats:
        """Return the columns, a constant 1 first; what is missing stands at the mean.

        Parameters
        ----------
        Z : ndarray of shape (n, d)
        threads : int
            0 takes all cores; no result depends on it.
        beside : ndarray of shape (n, r), optional
            Further columns, which are put last.

        Returns
        -------
        ndarray of shape (n, p) or (n, p + r)
        """
        further = np.empty((len(Z), 0)) if beside is None else beside
        encoded = np.empty((len(Z), self.width + further.shape[1]))

        def fill(rows: slice) -> None:
            encoded[rows] = np.column_stack([self._encode(Z[rows]), further[rows]])

        jobs = min(threads or cpu_count(), -(-len(Z) // ROWS_AT_A_TIME))
        Parallel(n_jobs=max(jobs, 1), require="sharedmem")(
            delayed(fill)(slice(start, start + ROWS_AT_A_TIME)) for start in range(0, len(Z), ROWS_AT_A_TIME)
        )
        return encoded

    def _encode(self, Z: Floats) -> Floats:
        parts = [_ranks(Z[:, j], grid, own) for j, (grid, own) in enumerate(zip(self.grids, self.levels, strict=True))]
        columns = np.column_stack(parts) if parts else np.empty((len(Z), 0))
        columns = standardised(columns, self.mean, self.scale)
        if self.rotation is not None:
            # Row by row the same sum, whatever the batch: one borrower alone scores as in a book.
            columns = np.einsum("nq,qp->np", columns, self.rotation)
        return np.column_stack([np.ones(len(Z)), columns])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that `from_dict` reads back exactly."""
        return {
            "grids": [grid.tolist() for grid in self.grids],
            "levels": [list(own) for own in self.levels],
            "mean": self.mean.tolist(),
            "scale": plain_scale(self.scale),
            "rotation": None if self.rotation is None else self.rotation.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        return cls(
            tuple(np.array(grid, dtype=np.float64) for grid in content["grids"]),
            tuple(tuple(own) for own in content["levels"]),
            np.array(content["mean"], dtype=np.float64),
            scale_of(content["scale"]),
            None if content["rotation"] is None else np.array(content["rotation"], dtype=np.float64),
        )


def _learn_column(column: Floats, *, category: bool) -> tuple[Floats, tuple[int, ...], Floats, Floats]:
    """Return grid, levels, means and scales of one encoded covariate."""
    grid, levels = (np.empty(0), _frequent(column)) if category else (quantile_grid(column), ())
    return grid, levels, *scaling(_ranks(column, grid, levels))


def _leading(columns: Floats, most: int) -> Floats:
    """Return the leading principal directions of columns of mean 0, of shape (q, most)."""
    value, vector = np.linalg.eigh(columns.T @ columns / len(columns))
    lead = np.argsort(-value, kind="stable")[:most]
    # A direction's sign is arbitrary: fixed, so that the same data give the same model.
    axes = vector[:, lead] * np.sign(vector[np.abs(vector[:, lead]).argmax(axis=0), lead])
    return np.ascontiguousarray(axes)


def _ranks(column: Floats, grid: Floats, levels: tuple[int, ...]) -> Floats:
    """Return the ranks of a number, or the indicators of a category, of shape (n, 1) or (n, levels)."""
    if not len(grid):
        given: Floats = (column[:, None] == np.array(levels, dtype=np.float64)).astype(np.float64)
        return given
    # The middle of where it would be put before and after its equals; the grid has each value once.
    below = np.searchsorted(grid, column, "left")
    rank = (2 * below + (grid[np.minimum(below, len(grid) - 1)] == column)) / (2.0 * len(grid))
    return np.where(np.isfinite(column), rank, np.nan)[:, None]


def scaling(columns: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, infinite for a constant; what is missing does not count."""
    known = np.maximum(np.isfinite(columns).sum(axis=0), 1)
    mean = np.nansum(columns, axis=0) / known
    spread = np.sqrt(np.nansum((columns - mean) ** 2, axis=0) / known)
    return mean, np.where(spread > _LEAST_SPREAD, spread, np.inf)


def standardised(columns: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return columns of mean 0 and variance 1; what is missing stands at the mean."""
    result: Floats = np.nan_to_num((columns - mean) / scale)
    return result


def plain_scale(scale: Floats) -> list[float | None]:
    """Return a scale as JSON can hold it: None for infinite."""
    return [None if np.isinf(value) else float(value) for value in scale]


def scale_of(plain: Iterable[float | None]) -> Floats:
    """Read back what `plain_scale` wrote."""
    return np.array([np.inf if value is None else value for value in plain], dtype=np.float64)


def spaced(rows: Floats) -> Floats:
    """Return some of many rows, evenly spaced, which quantiles, means and scales are learnt from."""
    return rows[:: max(1, len(rows) // LEARNT_ROWS)]


def quantile_grid(column: Floats) -> Floats:
    """Return the quantiles of what is known of a column, each value once."""
    finite = column[np.isfinite(column)]
    if len(finite) == 0:
        return np.zeros(1)
    grid: Floats = np.unique(np.quantile(finite, np.linspace(0.0, 1.0, GRID)))
    return grid


def _frequent(column: Floats) -> tuple[int, ...]:
    codes, counts = np.unique(column[np.isfinite(column)].astype(np.int64), return_counts=True)
    keep = np.sort(codes[np.argsort(-counts, kind="stable")[:MOST_LEVELS]])
    return tuple(int(code) for code in keep)
