"""Figure of the responses of flux laws to sun, dry air, water in the root zone and season."""

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.evaluation.models import label
from lad.evaluation.response import INPUTS, MONTH, Midday
from lad.figures.style import RC, TARGET_LABELS, groups, legend_below, looks
from lad.observations import TARGETS

INPUT_LABELS = {
    "SWdown": "downward shortwave (W m$^{-2}$)",
    "VPD": "vapour-pressure deficit (hPa)",
    "fill": "root-zone fill $W_r/W_{max}$ (–)",
}
MONTH_LABEL = "month of the antecedent weather and LAI"
INPUT_SCALES = {"VPD": 0.01}  # hPa in a Pa
RESPONSE_NOTE = (
    "thick: mean over seeds, thin: each seed; grey: 5th to 95th percentile of the middays, dotted: their median\n"
    "state and surface temperature are fixed: the sun does not warm the surface, fluxes may exceed available energy\n"
    "month: only the antecedent weather and LAI change, all else is as in summer"
)
FLUX_MARGIN = 0.05  # of the range of a flux


def response_figure(table: pd.DataFrame, typical: Midday, title: str) -> Figure:
    """LE and H of `table` (`lad.evaluation.response`) along inputs and months: mean over seeds thick, each seed thin.

    Grey is where the inputs of the `typical` middays lie (5th to 95th percentile), the dotted line is their median.
    """
    models = list(table.model.unique())
    rows = [(target, group) for target in TARGETS for group in groups(models)]
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(13.5, 1.2 + 2.7 * len(rows)))
        figure.suptitle(title)
        panels = figure.subplots(len(rows), len(INPUTS) + 1, sharex="col", sharey="row", squeeze=False)
        for line, (target, group) in zip(panels, rows, strict=True):
            for axes, name in zip(line[:-1], INPUTS, strict=True):
                scale = INPUT_SCALES.get(name, 1.0)
                axes.axvspan(*(scale * end for end in typical.lived[name]), color="#F0F0F0", zorder=0)
                axes.axvline(scale * typical.typical[name], color="#999999", linestyle=":", linewidth=0.8)
                _curves(axes, table[table.input == name], target, group, models, scale)
            _curves(line[-1], table[table.input == MONTH], target, group, models, 1.0, marker=".")
            low, high = table[target].min(), table[target].max()
            margin = FLUX_MARGIN * (high - low)
            line[0].set(ylabel=TARGET_LABELS[target], ylim=(low - margin, high + margin))
        for axes, name in zip(panels[-1], (*INPUT_LABELS.values(), MONTH_LABEL), strict=True):
            axes.set_xlabel(name)
        panels[-1, -1].set_xticks(range(1, 13), list("JFMAMJJASOND"))
        legend_below(figure, *panels[:, 0], note=RESPONSE_NOTE)
    return figure


def _curves(
    axes: Axes,
    table: pd.DataFrame,
    target: str,
    group: list[str],
    models: list[str],
    scale: float,
    marker: str = "",
) -> None:
    for model, look in looks(models).items():
        if model not in group:
            continue
        seeds = table[table.model == model].pivot(index="value", columns="seed", values=target)
        seeds.index *= scale
        if seeds.shape[1] > 1:
            axes.plot(seeds.index, seeds, color=look.colour, linewidth=0.4)
        mean = seeds.mean(axis=1)
        axes.plot(
            mean.index,
            mean,
            color=look.colour,
            linestyle=look.line,
            marker=marker,
            linewidth=1.6,
            label=label(model),
        )
