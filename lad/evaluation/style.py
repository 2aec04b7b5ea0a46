"""How models and observations are drawn: colours, names, units."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.evaluation.models import label, ordered

TARGET_LABELS = {"LE": "Latent heat LE (W m$^{-2}$)", "H": "Sensible heat H (W m$^{-2}$)"}
OBSERVED = "#000000"
# Okabe & Ito (2008), Color Universal Design: told apart with all common forms of colour blindness.
COLOURS = {
    "bulk": "#D55E00",
    "mlp": "#0072B2",
    "mlp_nostate": "#009E73",
    "residual": "#E69F00",
    "1lin": "#CC79A7",
    "2lin": "#CC79A7",
    "3km27": "#CC79A7",
}
SPARE_COLOURS = ("#56B4E9", "#F0E442", "#999999", "#000000")
COUNTS = "viridis"


def colours(models: list[str]) -> dict[str, str]:
    """A colour for each model: always the same for a known one, the spare ones in turn for others."""
    others = [model for model in ordered(models) if model not in COLOURS]
    spare = {model: SPARE_COLOURS[i % len(SPARE_COLOURS)] for i, model in enumerate(others)}
    return {model: (COLOURS | spare)[model] for model in models}


def draw_observed(axes: Axes, series: pd.Series, size: float) -> None:
    """Observations as dots; a gap (NaN) has none."""
    look = {"color": OBSERVED, "markersize": size, "markeredgewidth": 0, "zorder": 3}
    axes.plot(series.index, series, ".", label="observed", **look)


def draw_model(axes: Axes, members: pd.DataFrame, model: str, colour: str) -> None:
    """Mean over the members (columns) as a line, broken at NaN, and their range as a band."""
    seeds = members.shape[1]
    if seeds > 1:
        low, high = members.min(axis=1), members.max(axis=1)
        axes.fill_between(members.index, low, high, color=colour, alpha=0.25, linewidth=0)
    name = label(model) + (f" (mean and range of {seeds} seeds)" if seeds > 1 else "")
    mean = members.mean(axis=1, skipna=False)
    # the small marker shows a value that stands alone between two gaps
    axes.plot(members.index, mean, ".-", markersize=1.5, color=colour, label=name)


def legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for the whole figure, with the entries of `axes`."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
