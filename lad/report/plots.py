"""Time series of the report, as Plotly draws them."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.models import label
from lad.evaluation.series import Comparison, contrasted_weeks, usable_day_means
from lad.figures.style import LINES, looks
from lad.observations import TARGETS

WEEK = pd.Timedelta(days=7)
AXES = {"LE": "y2", "H": "y"}
DASHES = dict(zip(LINES, ("solid", "dash", "dot", "dashdot"), strict=True))
RAIN_COLOUR = "#56B4E9"
LAYOUT = {
    "xaxis": {"type": "date", "anchor": "y"},
    "yaxis": {"domain": [0.0, 0.42], "title": {"text": "H (W m⁻²)"}},
    "yaxis2": {"domain": [0.46, 0.88], "title": {"text": "LE (W m⁻²)"}},
    "yaxis3": {"domain": [0.91, 1.0], "title": {"text": "P (mm)"}, "nticks": 3, "rangemode": "tozero"},
    "hovermode": "x unified",
    "legend": {"orientation": "h", "y": -0.08},
    "margin": {"l": 56, "r": 8, "t": 8, "b": 8},
    "height": 620,
}


class View(NamedTuple):
    """Traces and layout of one stretch of time, named on its button."""

    name: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


class Plot(NamedTuple):
    """Views of one site; the page shows one at a time."""

    title: str
    caption: str
    views: list[View]
    kind: str = "plot"


def timeseries(comparison: Comparison, precipitation: np.ndarray, shown: Sequence[str]) -> Plot:
    """Daily means of the whole test period, and half-hours of a few contrasted weeks.

    `precipitation` (n,) kg m⁻² s⁻¹. Models other than `shown` are drawn when their name in the legend is chosen.
    """
    amount = pd.Series(precipitation * comparison.step.total_seconds(), comparison.time)
    tower = {target: comparison.tower(target) for target in TARGETS}
    models = {target: comparison.means(target) for target in TARGETS}
    daily = {
        target: usable_day_means(models[target].assign(observed=tower[target]), tower[target])
        for target in TARGETS
    }
    views = [_view("Daily means", daily, amount.resample("D").sum(min_count=1), pd.Timedelta(days=1), shown)]
    for name, first in _weeks(tower):
        inside = (comparison.time >= first) & (comparison.time < first + WEEK)
        # resampling to the step itself opens the gap between two segments of the record
        half_hours = {
            target: models[target].assign(observed=tower[target])[inside].resample(comparison.step).mean()
            for target in TARGETS
        }
        rain = amount[inside].resample(comparison.step).mean()
        views.append(_view(f"{name}, {first:%Y-%m-%d}", half_hours, rain, comparison.step, shown))
    caption = (
        "Fluxes of the tower (dots) and of the models (lines, mean over seeds), sum of rain and snow above. Daily "
        "means are over the usable half-hours, of days with at least half of them; weeks show half-hours, local "
        "standard time. Drag to zoom, double-click to go back; names in the legend switch models on and off."
    )
    return Plot("Time series of the test period", caption, views)


def _weeks(tower: dict[str, pd.Series]) -> Iterator[tuple[str, pd.Timestamp]]:
    """Name and first day of the weeks with the lowest and highest LE and H, each week once."""
    usable = tower["LE"].notna() & tower["H"].notna()
    seen = set()
    for target in TARGETS:
        for kind, first in zip(("lowest", "highest"), contrasted_weeks(tower[target], usable), strict=False):
            if first not in seen:
                seen.add(first)
                yield f"Week of {kind} {target}", first


def _view(
    name: str, fluxes: dict[str, pd.DataFrame], rain: pd.Series, step: pd.Timedelta, shown: Sequence[str]
) -> View:
    """Traces of all columns of `fluxes`, the models and `observed`, at the middle of their intervals."""
    shapes = looks([model for model in fluxes["LE"] if model != "observed"])

    def regular(series: pd.Series) -> dict[str, Any]:
        start = series.index[0] + step / 2
        return {
            "x0": start.isoformat(sep=" "),
            "dx": step / pd.Timedelta(milliseconds=1),
            "y": _floats(series),
        }

    bars = {"type": "bar", "name": "precipitation", "marker": {"color": RAIN_COLOUR}, "showlegend": False}
    traces = [bars | regular(rain) | {"yaxis": "y3", "hovertemplate": "%{y:.1f} mm"}]
    for target, table in fluxes.items():
        for column in table:
            trace = {
                "type": "scatter",
                "legendgroup": column,
                "showlegend": target == "LE",
                "yaxis": AXES[target],
            }
            trace |= regular(table[column]) | {"hovertemplate": f"{target} %{{y:.1f}}"}
            if column == "observed":  # the page gives the tower the colour of its text
                look = {"name": "tower", "mode": "markers", "marker": {"size": 4}, "meta": "tower"}
            else:
                shape = shapes[column]
                line = {"color": shape.colour, "width": 1.3, "dash": DASHES[shape.line]}
                look = {"name": label(column), "mode": "lines", "line": line}
                look["visible"] = True if column in shown else "legendonly"
            traces.append(trace | look)
    return View(name, traces, LAYOUT)


def _floats(series: pd.Series) -> dict[str, str]:
    """Values as Plotly reads them from base64: single precision, NaN a gap."""
    return {"dtype": "f4", "bdata": base64.b64encode(series.to_numpy("<f4").tobytes()).decode()}
