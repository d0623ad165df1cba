"""Pictures of a training run, as one self-contained HTML page: a bank's machine has no internet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.vocabulary import CHANNELS

_BINS = 10


def page(title: str, figures: Sequence[go.Figure]) -> str:
    """Return one HTML page with the figures under a title; the drawing library is inside the page, once."""
    # A fixed id instead of a random one: the same run writes the same page.
    parts = [
        pio.to_html(figure, full_html=False, include_plotlyjs=i == 0, div_id=f"figure-{i}") for i, figure in enumerate(figures)
    ]
    body = "\n".join(parts)
    meta = f'<meta charset="utf-8"><title>{title}</title>'
    return f"<!doctype html><html><head>{meta}</head><body><h1>{title}</h1>{body}</body></html>"


def error_bars(middle: pd.Series, low: pd.Series, high: pd.Series, supported: pd.Series) -> dict[str, Any]:
    """Return error bars from `low` to `high`, none where the log does not carry the figure."""
    sure = supported.astype(bool)
    return {"type": "data", "array": (high - middle).where(sure), "arrayminus": (middle - low).where(sure)}


def value_picture(values: pd.DataFrame) -> go.Figure:
    """Draw policy values, with their intervals where the log carries them.

    Parameters
    ----------
    values : DataFrame
        policy, estimate, low, high, supported.
    """
    bars = error_bars(values["estimate"], values["low"], values["high"], values["supported"])
    figure = go.Figure(go.Scatter(x=values["estimate"], y=values["policy"], mode="markers", error_x=bars))
    return figure.update_layout(title="Value of each policy on decisions that the model has not seen", template="plotly_white")


def calibration_picture(
    predicted: NDArray[np.float64], outcome: NDArray[np.float64], arm: NDArray[np.int64], arms: ArmCatalogue
) -> go.Figure:
    """Draw observed against predicted response by arm, in tenths of the prediction.

    Parameters
    ----------
    predicted : ndarray of shape (n,)
        Probability under the committed arm.
    outcome : ndarray of shape (n,)
        0 or 1.
    arm : ndarray of shape (n,)
        Position of the committed arm.
    """
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line={"dash": "dot", "color": "grey"}))
    for k, name in enumerate(arms.names):
        own = arm == k
        if own.sum() < _BINS:
            continue
        rank = pd.Series(predicted[own]).rank(method="first", pct=True)
        tenth = np.ceil(rank * _BINS).astype(int)
        means = pd.DataFrame({"predicted": predicted[own], "observed": outcome[own]}).groupby(tenth).mean()
        figure.add_scatter(x=means["predicted"], y=means["observed"], mode="lines+markers", name=name)
    return figure.update_layout(
        title="Calibration by arm", xaxis_title="predicted response", yaxis_title="observed share", template="plotly_white"
    )


def dose_picture(by_arm: NDArray[np.float64], arms: ArmCatalogue) -> go.Figure:
    """Draw the mean predicted response over contacts per week, a line per channel, all starting at no contact.

    Parameters
    ----------
    by_arm : ndarray of shape (n, K)
        Predicted response.
    """
    means, dose = by_arm.mean(axis=0), arms.dose_matrix
    figure = go.Figure()
    for j, channel in enumerate(CHANNELS):
        alone = np.flatnonzero((dose[:, j] > 0) & (dose[:, j] == dose.sum(axis=1)))
        if len(alone) == 0:
            continue
        points = np.concatenate([[0], alone[np.argsort(dose[alone, j])]])
        figure.add_scatter(x=dose[points, j], y=means[points], mode="lines+markers", name=channel)
    return figure.update_layout(
        title="Mean response by dose", xaxis_title="contacts per week", yaxis_title="response", template="plotly_white"
    )


def share_picture(shares: pd.DataFrame) -> go.Figure:
    """Draw how often each arm was given and is recommended.

    Parameters
    ----------
    shares : DataFrame
        arm, and a column of shares for each policy.
    """
    figure = go.Figure([go.Bar(x=shares["arm"], y=shares[name], name=name) for name in shares.columns if name != "arm"])
    return figure.update_layout(title="Share of decisions by arm", template="plotly_white")
