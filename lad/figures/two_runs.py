"""Figure of two runs at one tower: when, at which hours and on which scores one is better than the other."""

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lad.evaluation.models import label
from lad.evaluation.scores import ENSEMBLE
from lad.evaluation.series import Comparison
from lad.evaluation.strata import SEASONS
from lad.figures.style import COLOURS, RC, date_axis, legend_below
from lad.observations import TARGETS
from lad.tables import SCORES

RMSE_AXIS = "RMSE of {} (W m$^{{-2}}$)"
PANELS = {"W m$^{-2}$, below": ("rmse", "abs_bias"), "no unit, above": ("nse", "kge", "r")}
"""Unit of the differences, and on which side of zero B is better → their scores."""
RUN_LINES = ("--", "-")
RUN_COLOURS = (
    COLOURS["bulk"],
    COLOURS["mlp"],
)  # of A and B, whatever they are: their models may share a colour
NOT_SIGNIFICANT = "#999999"


def two_runs(comparison: Comparison, table: pd.DataFrame) -> Figure:
    """RMSE of both runs by month, and by hour and season; differences of their scores with intervals.

    `table` is that of `lad.evaluation.two_runs.compare`; an interval has the colour of the run that is
    significantly better.
    """
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(12, 10))
        figure.suptitle(comparison.title)
        above, below = figure.subfigures(2, 1)
        grid = above.subplots(2, 2, width_ratios=[3, 1], squeeze=False)
        grid[1, 0].sharex(grid[0, 0])
        panels = below.subplots(len(TARGETS), len(SEASONS), sharex=True, sharey="row")
        for (axes, _), row, target in zip(grid, panels, TARGETS, strict=True):
            _months(axes, comparison, target)
            for hours, (season, months) in zip(row, SEASONS.items(), strict=True):
                _hours(hours, comparison, target, months)
                hours.set_title(season)
            row[0].set_ylabel(RMSE_AXIS.format(target))
        for axes in panels[-1]:
            axes.set(xlabel="local standard time (h)", xticks=range(0, 25, 6))
        for (_, axes), (unit, metrics) in zip(grid, PANELS.items(), strict=True):
            _intervals(
                axes,
                table[table.metric.isin(metrics)],
                dict(zip(comparison.simulated, RUN_COLOURS, strict=True)),
            )
            axes.set_xlabel(f"{unit} zero: {label(list(comparison.simulated)[1])} is better")
        legend_below(figure, grid[0, 0])
    return figure


def _draw_rmse(axes: Axes, comparison: Comparison, target: str, by: pd.Grouper | pd.Series) -> None:
    """RMSE over the usable half-hours of each group `by`: a line for the mean flux, a band for the range over seeds."""
    for model, line, colour in zip(comparison.simulated, RUN_LINES, RUN_COLOURS, strict=True):
        seeds = comparison.members(model, target)
        flux = seeds.assign(**{ENSEMBLE: seeds.mean(axis=1)})
        rmse = flux.sub(comparison.tower(target), axis=0).pow(2).groupby(by).mean().pow(0.5)
        name = label(model)
        if len(seeds.columns) > 1:
            low, high = rmse[seeds.columns].min(axis=1), rmse[seeds.columns].max(axis=1)
            axes.fill_between(rmse.index, low, high, color=colour, alpha=0.25, linewidth=0)
            name += f" (mean flux and range of {len(seeds.columns)} seeds)"
        axes.plot(rmse.index, rmse[ENSEMBLE], "." + line, markersize=4, color=colour, label=name)


def _months(axes: Axes, comparison: Comparison, target: str) -> None:
    _draw_rmse(axes, comparison, target, pd.Grouper(freq="MS"))
    date_axis(axes)
    axes.set(title="by month", ylabel=RMSE_AXIS.format(target))


def _hours(axes: Axes, comparison: Comparison, target: str, months: tuple[int, ...]) -> None:
    hour = pd.Series(comparison.hour, comparison.time)
    _draw_rmse(axes, comparison, target, hour.where(comparison.time.month.isin(months)))


def _intervals(axes: Axes, rows: pd.DataFrame, palette: dict[str, str]) -> None:
    """Difference B less A of each score and target."""
    names = [f"{SCORES[row.metric].heading} {row.target}" for row in rows.itertuples()]
    for y, row in enumerate(rows.itertuples()):
        colour = palette.get(row.better, NOT_SIGNIFICANT)
        axes.plot([row.low, row.high], [y, y], color=colour)
        axes.plot(row.difference, y, "o", color=colour, markersize=5)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(y=0.15)
    axes.invert_yaxis()
    axes.set_title("difference, 95 % interval")
