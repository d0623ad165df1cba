"""Pictures of curves with bands: value, uplift, dose, support, families."""

import pandas as pd
import plotly.graph_objects as go

from ..evaluation.curves import Curves, UpliftCurve
from .page import error_bars

_BAND = "rgba(31, 119, 180, 0.2)"


def curve_pictures(curves: Curves) -> list[go.Figure]:
    """Draw value curves, then Qini curves, by unit and reference arm."""
    draw = (value_curve_picture, qini_picture)
    return [picture(curve, unit, versus) for picture in draw for (unit, versus), curve in curves.items()]


def value_curve_picture(curve: UpliftCurve, unit: str, versus: str) -> go.Figure:
    """Draw value against the share treated, most promising first, with its band and the line of a lot."""
    points = curve.points
    figure = _banded(points["fraction"], points["value"], points["value_low"], points["value_high"])
    start = points["value"].iloc[0]
    figure.add_scatter(
        x=points["fraction"],
        y=start + points["random"],
        mode="lines",
        name="drawn by lot",
        line={"dash": "dot", "color": "grey"},
    )
    told = "" if curve.supported else " (not supported by the log)"
    return figure.update_layout(
        title=f"Value curve, {unit}, best arm over {versus}{told}: "
        f"Qini {curve.qini:,.4g} ({curve.low:,.4g} to {curve.high:,.4g})",
        xaxis_title="share of decisions treated, highest predicted uplift first",
        yaxis_title=f"{unit} per decision",
        template="plotly_white",
    )


def qini_picture(curve: UpliftCurve, unit: str, versus: str) -> go.Figure:
    """Draw the gain over the reference against the share treated, with its band and the line of a lot."""
    points = curve.points
    figure = _banded(points["fraction"], points["gain"], points["gain_low"], points["gain_high"])
    figure.add_scatter(
        x=points["fraction"], y=points["random"], mode="lines", name="drawn by lot", line={"dash": "dot", "color": "grey"}
    )
    return figure.update_layout(
        title=f"Qini curve, {unit}, best arm over {versus}",
        xaxis_title="share of decisions treated, highest predicted uplift first",
        yaxis_title=f"gain in {unit} per decision",
        template="plotly_white",
    )


def dose_curve_picture(doses: pd.DataFrame) -> go.Figure:
    """Draw response over contacts per week, a line per channel from no contact on; predictions as crosses.

    Intervals are drawn where the log carries them.

    Parameters
    ----------
    doses : DataFrame
        As `account.dose_table` returns it.
    """
    figure = go.Figure()
    none = doses[doses["contacts_per_week"] == 0]
    for channel, own in doses[doses["contacts_per_week"] > 0].groupby("channel", sort=False):
        line = pd.concat([none, own.sort_values("contacts_per_week", kind="stable")])
        spread = error_bars(line["response"], line["low"], line["high"], line["response_supported"])
        figure.add_scatter(
            x=line["contacts_per_week"], y=line["response"], error_y=spread, mode="lines+markers", name=str(channel),
            legendgroup=str(channel),
        )  # fmt: skip
        figure.add_scatter(
            x=line["contacts_per_week"], y=line["predicted"], mode="markers", name=f"{channel}, predicted",
            legendgroup=str(channel), marker={"symbol": "x"},
        )  # fmt: skip
    return figure.update_layout(
        title="Response by dose and channel, with interval, on decisions that the model has not seen",
        xaxis_title="contacts per week",
        yaxis_title="share repaid",
        template="plotly_white",
    )


def support_picture(support: pd.DataFrame) -> go.Figure:
    """Draw the share of decisions with comparable data, by arm and band of days past due."""
    arms = [name for name in support.columns if name not in {"days_past_due", "decisions"}]
    labels = [f"{row['days_past_due']} ({row['decisions']:,})" for row in support.to_dict("records")]
    heat = go.Heatmap(z=support[arms].to_numpy(), x=arms, y=labels, zmin=0, zmax=1, colorscale="Blues")
    return go.Figure(heat).update_layout(
        title="Support map: share with comparable data, by days past due (decisions)", template="plotly_white"
    )


def family_picture(families: pd.DataFrame, of: str = "family of history") -> go.Figure:
    """Draw how much each family, or covariate, moves the response, and what the chosen arm changes, in log odds."""
    bars = [go.Bar(y=families["family"], x=families[name], name=name, orientation="h") for name in ("response", "contrast")]
    return go.Figure(bars).update_layout(
        title=f"Mean absolute SHAP by {of}, log odds: response, and chosen arm over the baseline",
        template="plotly_white",
        yaxis={"autorange": "reversed"},
    )


def _banded(x: pd.Series, middle: pd.Series, low: pd.Series, high: pd.Series) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(x=x, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_BAND, name="band")
    return figure.add_scatter(x=x, y=middle, mode="lines", name="by predicted uplift")
