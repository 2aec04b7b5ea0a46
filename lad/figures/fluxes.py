"""Fluxes of tower and models: in time, as mean day and year, against each other, and as target diagram."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, DayLocator
from matplotlib.figure import Figure

from lad.evaluation import metrics
from lad.evaluation.models import label
from lad.evaluation.series import Comparison, contrasted_weeks, usable_day_means
from lad.evaluation.strata import SEASONS
from lad.figures.style import (
    CELLS,
    COUNTS,
    OF_SEEDS,
    RC,
    TARGET_LABELS,
    date_axis,
    density_norm,
    draw_models,
    draw_observed,
    groups,
    legend_below,
    looks,
)
from lad.observations import TARGETS

ACROSS = 4  # panels of densities
PADDING, LEAST_HALF_WIDTH = 1.25, 0.08  # of the axes of a target diagram: around the points, and in σ_o
TARGET_NOTE = "large: mean over seeds, small: seeds; open: varies less than the tower; lines of equal NSE"
CONTOUR_POINTS = 200  # to each side, for the lines of equal NSE


def timeseries(comparison: Comparison, precipitation: np.ndarray) -> Figure:
    """Daily means over the whole test period above, two contrasted weeks at full resolution below.

    `precipitation` (n,) kg m⁻² s⁻¹ is drawn as daily sums.
    """
    usable = comparison.tower("LE").notna() & comparison.tower("H").notna()
    weeks = contrasted_weeks(comparison.tower("LE"), usable)
    names = ("lowest observed LE", "highest observed LE") if len(weeks) > 1 else ("most observations",)
    rows = [(target, group) for target in TARGETS for group in groups(comparison.models())]
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 2.3 + 4.6 * len(rows)))
        figure.suptitle(comparison.title)
        heights = [0.5] + [1.2] * len(rows) + [1.0] * len(rows)
        grid = figure.add_gridspec(len(heights), max(1, len(weeks)), height_ratios=heights)
        whole = [figure.add_subplot(grid[row, :]) for row in range(1 + len(rows))]
        _daily_precipitation(whole[0], comparison, precipitation)
        whole[1].set_title(
            "daily means over usable half-hours, of days with at least half of them", loc="left"
        )
        for axes, (target, group) in zip(whole[1:], rows, strict=True):
            axes.sharex(whole[0])
            _daily(axes, comparison, target, group)
        date_axis(whole[-1])
        for axes in whole[:-1]:
            axes.tick_params(labelbottom=False)
        for column, first in enumerate(weeks):
            for row, (target, group) in enumerate(rows):
                axes = figure.add_subplot(grid[len(whole) + row, column])
                _week(axes, comparison, target, group, first)
                if row == len(rows) - 1:
                    axes.set_xlabel(f"{first.year}, local standard time")
                if row == 0:
                    axes.set_title(f"half-hours of the week with the {names[column]}", loc="left")
                if column == 0:
                    axes.set_ylabel(TARGET_LABELS[target])
        legend_below(figure, *whole[1:], note=OF_SEEDS)
    return figure


def _daily_precipitation(axes: Axes, comparison: Comparison, precipitation: np.ndarray) -> None:
    amount = pd.Series(precipitation * comparison.step.total_seconds(), comparison.time)
    daily = amount.resample("D").sum(min_count=1)
    axes.bar(daily.index, daily, width=1.0, align="edge", color="#56B4E9")
    axes.set_ylabel("P (mm d$^{-1}$)")


def _daily(axes: Axes, comparison: Comparison, target: str, models: list[str]) -> None:
    tower = comparison.tower(target)
    means = {model: usable_day_means(comparison.members(model, target), tower) for model in models}
    draw_observed(axes, usable_day_means(tower.to_frame(), tower)[0], size=4)
    draw_models(axes, means, comparison.models())
    axes.set_ylabel(TARGET_LABELS[target])


def _week(axes: Axes, comparison: Comparison, target: str, models: list[str], first: pd.Timestamp) -> None:
    inside = (comparison.time >= first) & (comparison.time < first + pd.Timedelta(days=7))
    # resampling to the step itself opens the gap between two segments of the record
    members = {
        model: comparison.members(model, target)[inside].resample(comparison.step).mean() for model in models
    }
    draw_observed(axes, comparison.tower(target)[inside], size=4)
    draw_models(axes, members, comparison.models())
    axes.xaxis.set(major_locator=DayLocator(), major_formatter=DateFormatter("%d %b"))


def diurnal(comparison: Comparison) -> Figure:
    """Mean diurnal cycle by season, of tower and models over the same usable half-hours."""
    time, shown = comparison.time, groups(comparison.models())
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 1.0 + 5.0 * len(shown)))
        figure.suptitle(f"{comparison.title}: mean diurnal cycle over usable half-hours")
        panels = figure.subplots(len(TARGETS) * len(shown), len(SEASONS), sharex=True, squeeze=False)
        for block, target in zip(np.split(panels, len(TARGETS)), TARGETS, strict=True):
            for number, (row, group) in enumerate(zip(block, shown, strict=True)):
                for axes, (season, months) in zip(row, SEASONS.items(), strict=True):
                    if axes is not block[0, 0]:
                        axes.sharey(block[0, 0])
                    count = _cycle(axes, comparison, target, group, time.month.isin(months), comparison.hour)
                    if number == 0:
                        axes.set_title(f"{season}, n = {count}")
                    axes.tick_params(labelleft=axes is row[0])
                row[0].set_ylabel(TARGET_LABELS[target])
        for axes in panels[-1]:
            axes.set_xlabel("local standard time (h)")
            axes.set_xticks(range(0, 25, 6))
        legend_below(figure, *panels[: len(shown), 0], note=OF_SEEDS)
    return figure


def seasonal(comparison: Comparison) -> Figure:
    """Mean of each month of the year, of tower and models over the same usable half-hours."""
    shown, month = groups(comparison.models()), comparison.time.month
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 1.0 + 3.6 * len(shown)))
        figure.suptitle(f"{comparison.title}: monthly means over usable half-hours")
        panels = figure.subplots(len(shown), len(TARGETS), sharex=True, sharey="col", squeeze=False)
        for row, group in zip(panels, shown, strict=True):
            for axes, target in zip(row, TARGETS, strict=True):
                _cycle(axes, comparison, target, group, np.ones(len(month), dtype=bool), month)
                axes.set_ylabel(TARGET_LABELS[target])
        for axes in panels[-1]:
            axes.set_xticks(range(1, 13), list("JFMAMJJASOND"))
            axes.set_xlabel("month")
        legend_below(figure, *panels[:, 0], note=OF_SEEDS)
    return figure


def _cycle(
    axes: Axes,
    comparison: Comparison,
    target: str,
    models: list[str],
    chosen: np.ndarray,
    phase: pd.Index,
) -> int:
    """Draw means by `phase` (n,) of the usable half-hours among `chosen` (n,); return the number of these."""
    tower = comparison.tower(target)
    used = chosen & tower.notna().to_numpy()
    means = {model: comparison.members(model, target)[used].groupby(phase[used]).mean() for model in models}
    draw_observed(axes, tower[used].groupby(phase[used]).mean(), size=5)
    draw_models(axes, means, comparison.models())
    return int(used.sum())


def scatter(comparison: Comparison) -> Figure:
    """Density of simulated (mean over seeds) against observed usable half-hours, 1:1 line and scores."""
    models = comparison.models()
    across, down = min(ACROSS, len(models)), -(-len(models) // ACROSS)
    with matplotlib.rc_context(RC):
        size = (1.2 + 2.6 * across, 0.6 + 2.9 * down * len(TARGETS))
        figure = Figure(figsize=size, layout="compressed")  # the layout that handles square panels
        figure.suptitle(f"{comparison.title}: usable half-hours and the 1:1 line")
        panels = figure.subplots(down * len(TARGETS), across, squeeze=False)
        for block, target in zip(np.split(panels, len(TARGETS)), TARGETS, strict=True):
            for axes in block.flat[len(models) :]:
                axes.remove()
            _densities(figure, block.flat[: len(models)], comparison, target)
            for axes in block[:, 0]:
                axes.set_ylabel(f"simulated {target} (W m$^{{-2}}$)")
    return figure


def _densities(figure: Figure, panels: np.ndarray, comparison: Comparison, target: str) -> None:
    """One panel per model with common axes and a common colour scale."""
    usable = comparison.observed.usable[target]
    observed = comparison.observed.flux[target][usable]
    series = {model: comparison.simulated[model].mean(target)[usable] for model in comparison.models()}
    both = np.concatenate([observed, *series.values()])
    edges = np.linspace(both.min(), both.max(), CELLS + 1)
    counts = {model: np.histogram2d(observed, values, edges)[0].T for model, values in series.items()}
    norm = density_norm(*counts.values())
    for axes, (model, values) in zip(panels, series.items(), strict=True):
        cells = np.ma.masked_equal(counts[model], 0)
        image = axes.pcolormesh(edges, edges, cells, norm=norm, cmap=COUNTS, rasterized=True)
        axes.plot(edges[[0, -1]], edges[[0, -1]], color="black", linewidth=0.8)
        axes.set_aspect("equal")
        axes.set_xlabel(f"observed {target} (W m$^{{-2}}$)")
        seeds = len(comparison.simulated[model].seeds)
        axes.set_title(label(model) + (f", mean of {seeds} seeds" if seeds > 1 else ""))
        scores = metrics.all_metrics(values, observed, f"{comparison.title}, {target}, {model}")
        lines = (
            f"RMSE {scores['rmse']:.1f} W m$^{{-2}}$",
            f"NSE {scores['nse']:.2f}",
            f"KGE {scores['kge']:.2f}",
            f"n {observed.size}",
        )
        axes.text(
            0.03,
            0.97,
            "\n".join(lines),
            transform=axes.transAxes,
            verticalalignment="top",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
        )
    figure.colorbar(image, ax=list(panels), label="half-hours per cell", pad=0.01)


def target_point(simulated: np.ndarray, observed: np.ndarray) -> tuple[float, float]:
    """Unbiased error with the sign of σ_s − σ_o, and bias, both in units of σ_o.

    Series (n,) of one unit. The distance from the origin is RMSE/σ_o = √(1 − NSE) (Jolliff et al. 2009, J. Marine
    Syst. 76, 64–82).
    """
    spread = np.std(observed)
    unbiased = metrics.rmse(simulated - np.mean(simulated), observed - np.mean(observed))
    sign = np.copysign(1.0, np.std(simulated) - spread)
    return float(sign * unbiased / spread), metrics.bias(simulated, observed) / float(spread)


def target_diagram(comparison: Comparison) -> Figure:
    """The part of the target diagrams of LE and H where the models are: seeds small, the mean of their fluxes large.

    The left half is folded over to the right, its points are open.
    """
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 6.3))
        figure.suptitle(f"{comparison.title}: target diagram")
        panels = figure.subplots(1, len(TARGETS))
        for axes, target in zip(panels, TARGETS, strict=True):
            _target(axes, comparison, target)
        legend_below(figure, panels[0], note=TARGET_NOTE)
    return figure


def _target(axes: Axes, comparison: Comparison, target: str) -> None:
    usable = comparison.observed.usable[target]
    observed, points = comparison.observed.flux[target][usable], []
    for model, look in looks(comparison.models()).items():
        simulated = comparison.simulated[model]
        seeds = [target_point(flux[usable], observed) for flux in simulated.flux[target]]
        mean = target_point(simulated.mean(target)[usable], observed)
        axes.plot([], [], look.marker, color=look.colour, label=label(model))
        for size, (error, bias) in [*((2.5, seed) for seed in seeds if len(seeds) > 1), (7, mean)]:
            fill = "full" if error > 0 else "none"
            axes.plot(abs(error), bias, look.marker, color=look.colour, markersize=size, fillstyle=fill)
            points.append((abs(error), bias))
    _frame(axes, np.array(points))
    axes.set_title(target)
    axes.set_xlabel("unbiased RMSE / $\\sigma_o$ (–)")
    axes.set_ylabel("bias / $\\sigma_o$ (–)")


def _frame(axes: Axes, points: np.ndarray) -> None:
    """Square about `points` (k, 2), with lines of equal NSE."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(LEAST_HALF_WIDTH, PADDING * 0.5 * (high - low).max())
    x, y = (np.linspace(middle - half, middle + half, CONTOUR_POINTS) for middle in 0.5 * (low + high))
    lines = axes.contour(x, y, 1.0 - x**2 - y[:, None] ** 2, colors="#999999", linewidths=0.8, zorder=1)
    axes.clabel(lines, fontsize=7)
    for line in (axes.axhline, axes.axvline):
        line(0.0, color="black", linewidth=0.8, zorder=1)
    axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
