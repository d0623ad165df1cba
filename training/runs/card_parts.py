"""Parts that model cards share: sections, tables, digests, counts, calibration, alarms."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ..alarms.kept import alarms_of
from ..registry.bundle import ModelBundle
from ..registry.provenance import versions


def table_text(frame: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers short.

    Examples
    --------
    >>> print(table_text(pd.DataFrame({"arm": ["none"], "share": [0.123456]})))
    | arm | share |
    |---|---|
    | none | 0.1235 |
    """
    rows = [map(_short, row) for row in frame.to_numpy(dtype=object)]
    head, *body = (f"| {' | '.join(cells)} |" for cells in (map(str, frame.columns), *rows))
    return "\n".join([head, "|---" * frame.shape[1] + "|", *body])


def _short(cell: object) -> str:
    if isinstance(cell, float):
        return "-" if np.isnan(cell) else f"{cell:,.4g}"
    return str(cell).replace("|", "/")


def section(title: str, body: str) -> str:
    """Return a section under its title."""
    return f"## {title}\n\n{body}"


def origin_section(origin: Mapping[str, str]) -> str:
    """Return the section of digests."""
    return section("Digests", "\n".join(f"- {name}: `{value}`" for name, value in origin.items()))


def counts_section(bundle: ModelBundle) -> str:
    """Return the section of the rows by arm that a model learnt from."""
    support = bundle.response.artefact.support
    counts = pd.DataFrame({"arm": bundle.arms.names, "decisions": support.counts})
    odds = (
        "the same odds for everyone"
        if support.randomised
        else f"comparable where the propensity is {support.floor:.3g} or more"
    )
    return section("Training set by arm", f"{table_text(counts)}\n\nPropensities: {odds}.")


def calibration_text(table: pd.DataFrame, confidence: float) -> str:
    """Return calibration by arm, and which arms are off beyond chance."""
    off = table[(table["low"] > 0) | (table["high"] < 0)]["arm"].tolist()
    named = ", ".join(f"`{arm}`" for arm in off)
    told = f"{len(off)} of {len(table)} arms are off beyond chance at {confidence:.0%}, each by itself: {named}"
    return f"{table_text(table)}\n\n{told if off else 'No arm is off beyond chance'}."


def alarms_text(bundle: ModelBundle) -> str:
    """Return what rang at training."""
    rang = alarms_of(bundle)
    if rang is None:
        return "The log was never asked."
    return lines(str(alarm) for alarm in rang) or "None: every question was asked, none rang."


def lines(texts: Iterable[str]) -> str:
    """Return a list, an entry a line."""
    return "\n".join(f"- {text}" for text in texts)


def made_with() -> str:
    """Return the versions that made a model, a line each."""
    return "\n".join(f"- {name} {value}" for name, value in versions().items())
