"""Thin support: arms that hardly anybody was given in some part of the book."""

from typing import Any

import numpy as np
import pandas as pd

from ..alarm import Alarm
from ..evaluation.weights import effective_number
from ..inputs import Floats
from .logged_rows import LoggedRows

NAME = "thin support"
THIN_ROWS, THIN_ESS = 30, 30.0
# Of all rows: exploring in a segment with fewer would find nobody.
SMALL_SEGMENT = 0.01


def thin_support(rows: LoggedRows, e: Floats) -> Alarm:
    """Count rows and effective rows by arm and segment, and name the cells that are too thin to learn from.

    A cell where the law forbade the arm to everybody is not thin: it is empty by right. A segment with less than a hundredth
    of the rows, too few even for an even draw, is told and not judged. An arm that nobody was given is another question
    (`never_logged`).

    Parameters
    ----------
    e : ndarray of shape (n, K)
        Probability of every arm, stated or estimated out of fold.
    """
    label = "" if rows.segment is None else str(rows.segment.name)
    table = _cells(rows, e)
    judged = table[table["judged"]]
    thin = judged[(judged["rows"] < THIN_ROWS) | (judged["ess"] < THIN_ESS)].sort_values("could", ascending=False)
    figures: dict[str, float | int | str] = {
        "cells": len(judged),
        "thin cells": len(thin),
        "lawful row-arms with support": 1 - float(thin["could"].sum() / judged["could"].sum()),
    }
    aside = _not_judged(label, table)
    what = f"arm and {label}" if label else "one arm each"
    if thin.empty:
        reason = f"Each of {len(judged)} cells of {what} has {judged['rows'].min():,} rows or more.{aside}"
        return Alarm(NAME, "ok", reason, figures, table=table)
    worst = "; ".join(
        f"'{row.arm}'{f' in {label} {_told_segment(row.segment)}' if label else ''}: {row.rows:,} of {row.could:,} rows that "
        f"could have it ({row.ess:.0f} effective)"
        for row in thin.head(3).itertuples()
    )
    where = f" in every {label}" if label else ""
    remedy = "explore these arms in these segments, or merge segments" if label else "give these arms to more, by chance"
    reason = (
        f"Expected at least {THIN_ROWS} rows and {THIN_ESS:.0f} effective ones of each arm{where}, found fewer in "
        f"{len(thin)} of {len(judged)} cells: {worst}. What is predicted there leans on other rows and on like arms; "
        f"{remedy}.{aside}"
    )
    return Alarm(NAME, "warn", reason, figures, tuple(sorted(set(thin["arm"]))), table)


def _cells(rows: LoggedRows, e: Floats) -> pd.DataFrame:
    """Return a row per cell, segments in their order.

    Returns
    -------
    DataFrame
        segment, size (its rows), arm, could (rows that could have it), rows, ess, judged.
    """
    weight = 1.0 / np.maximum(e[np.arange(len(e)), rows.codes], 1e-12)
    segment = pd.Series(np.zeros(len(rows))) if rows.segment is None else rows.segment
    parts, values = pd.factorize(segment, sort=True, use_na_sentinel=False)
    given = np.bincount(rows.codes, minlength=len(rows.arms)) > 0
    cells: list[dict[str, Any]] = []
    for part, value in enumerate(values):
        inside = parts == part
        size, could = int(inside.sum()), rows.lawful[inside].sum(axis=0) * given
        judged = size >= SMALL_SEGMENT * len(rows) or size >= THIN_ROWS * int(np.count_nonzero(could))
        for k in np.flatnonzero(could):
            own = weight[inside & (rows.codes == k)]
            cell = {"segment": value, "size": size, "arm": rows.arms.names[k], "could": int(could[k]), "rows": len(own)}
            cells.append({**cell, "ess": effective_number(own), "judged": judged})
    table = pd.DataFrame(cells)
    # Where there is a segment for every few rows all are small: then all are judged.
    table["judged"] |= not table["judged"].any()
    return table


def _not_judged(label: str, table: pd.DataFrame) -> str:
    """Tell which segments have too few borrowers to be judged by arm."""
    small = table[~table["judged"]].drop_duplicates("segment")
    told = ", ".join(f"{_told_segment(row.segment)} ({row.size:,} rows)" for row in small.itertuples())
    return f" Not judged, with hardly any rows: {label} {told}." if told else ""


def _told_segment(segment: object) -> object:
    """Return the value of a segment as it is told: a band that is counted in floats is a whole number."""
    if isinstance(segment, float) and np.isnan(segment):
        return "missing"
    return int(segment) if isinstance(segment, float) and segment.is_integer() else segment
