"""Pictures of the frontier: what is recovered, and what harmed, for the contacts that are made."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..judging.frontier import SWEPT
from .page import error_bars


def frontier_pictures(table: pd.DataFrame) -> list[go.Figure]:
    """Draw recovery against contacts, complaints against contacts, and recovery against complaints.

    Parameters
    ----------
    table : DataFrame
        From `frontier_table`. Policies that the log cannot carry are drawn without a band, hollow.
    """
    contacts, recovered, harm = "contacts a week per borrower", "recovered per decision", "complaints and opt-outs, share"
    return [
        _picture(table, ("contacts_per_week", "recovered"), (contacts, recovered)),
        _picture(table, ("contacts_per_week", "harm"), (contacts, harm)),
        _picture(table, ("harm", "recovered"), (harm, recovered)),
    ]


def _picture(table: pd.DataFrame, columns: tuple[str, str], titles: tuple[str, str]) -> go.Figure:
    x, y = columns
    figure = go.Figure()
    swept = table[table["policy"] == SWEPT]
    across = f"{x}_predicted" if f"{x}_predicted" in table else x
    figure.add_scatter(x=swept[across], y=swept[f"{y}_predicted"], mode="lines", name="frontier, as predicted")
    for name, rows in table.groupby("policy", sort=False):
        sure = rows["supported"].to_numpy(dtype=bool)
        marks = {"symbol": np.where(sure, "circle", "circle-open"), "size": 9}
        figure.add_scatter(x=rows[x], y=rows[y], mode="markers", name=f"{name}, from the log", marker=marks)
        figure.update_traces(
            selector={"name": f"{name}, from the log"},
            error_y=error_bars(rows[y], rows[f"{y}_low"], rows[f"{y}_high"], rows["supported"]),
            customdata=rows[["price"]],
            hovertemplate="%{x:.3g}, %{y:.4g}, price %{customdata[0]:.3g}",
        )
    title = f"{titles[1].capitalize()} against {titles[0]}"
    return figure.update_layout(title=title, xaxis_title=titles[0], yaxis_title=titles[1], template="plotly_white")
