"""Figures of one site: fluxes of the tower and of the models at the half-hours of the test periods."""

from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, DayLocator
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation import metrics
from lad.evaluation.models import label, ordered
from lad.evaluation.series import Simulated
from lad.evaluation.strata import SEASONS
from lad.evaluation.style import (
    COUNTS,
    TARGET_LABELS,
    colours,
    draw_model,
    draw_observed,
    legend_below,
)
from lad.observations import TARGETS, Observed


class Comparison(NamedTuple):
    """What all figures show: fluxes (W m⁻², positive upward) at the same test half-hours."""

    title: str
    observed: Observed
    simulated: dict[str, Simulated]

    @property
    def time(self) -> pd.DatetimeIndex:
        """Interval starts."""
        return pd.DatetimeIndex(self.observed.time.astype("datetime64[ns]"))

    @property
    def step(self) -> pd.Timedelta:
        """Length of an interval."""
        return pd.Timedelta(self.time.to_series().diff().min())

    def models(self) -> list[str]:
        """Models in the order of the tables."""
        return ordered(list(self.simulated))

    def tower(self, target: str) -> pd.Series:
        """Observed flux, NaN where it is not usable."""
        flux = np.where(self.observed.usable[target], self.observed.flux[target], np.nan)
        return pd.Series(flux, self.time)

    def members(self, model: str, target: str) -> pd.DataFrame:
        """Simulated flux at all test half-hours, one column per seed."""
        simulated = self.simulated[model]
        return pd.DataFrame(simulated.flux[target].T, self.time, columns=list(simulated.seeds))


def _usable_day_means(series: pd.DataFrame, tower: pd.Series) -> pd.DataFrame:
    """Daily means over the half-hours where `tower` is usable; NaN on a day with less than half of them.

    Towers lose nights more often than days: means of model and tower over different hours would differ by
    that alone.
    """
    usable = tower.notna()
    share = usable.resample("D").mean()
    return series.where(usable, axis=0).resample("D").mean().where(share >= 0.5, axis=0)


def contrasted_weeks(tower: pd.Series, usable: pd.Series) -> list[pd.Timestamp]:
    """First days of the well observed weeks with the lowest and the highest mean of `tower`.

    Weeks count from the first day; well observed is at least 0.8 of the best share of `usable` half-hours. A
    record with fewer than two such weeks gives fewer.
    """
    origin = tower.index[0].normalize()
    share = usable.resample("7D", origin=origin).sum()
    means = tower.resample("7D", origin=origin).mean()[share >= max(1, 0.8 * share.max())]
    return list(dict.fromkeys([means.idxmin(), means.idxmax()])) if len(means) else []


def timeseries(comparison: Comparison, precipitation: np.ndarray) -> Figure:
    """Daily means over the whole test period above, two contrasted weeks at full resolution below.

    `precipitation` (n,) kg m⁻² s⁻¹ is drawn as daily sums.
    """
    usable = comparison.tower("LE").notna() & comparison.tower("H").notna()
    weeks = contrasted_weeks(comparison.tower("LE"), usable)
    names = ("lowest observed LE", "highest observed LE") if len(weeks) > 1 else ("most observations",)
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 11.5))
        figure.suptitle(comparison.title)
        grid = figure.add_gridspec(5, max(1, len(weeks)), height_ratios=[0.5, 1.2, 1.2, 1, 1])
        whole = [figure.add_subplot(grid[row, :]) for row in range(3)]
        _daily_precipitation(whole[0], comparison, precipitation)
        whole[1].set_title(
            "daily means over usable half-hours, of days with at least half of them", loc="left"
        )
        for axes, target in zip(whole[1:], TARGETS, strict=True):
            axes.sharex(whole[0])
            _daily(axes, comparison, target)
        locator = AutoDateLocator()
        whole[0].xaxis.set(
            major_locator=locator, major_formatter=ConciseDateFormatter(locator, show_offset=False)
        )
        for axes in whole[:-1]:
            axes.tick_params(labelbottom=False)
        for column, first in enumerate(weeks):
            for row, target in enumerate(TARGETS, start=3):
                axes = figure.add_subplot(grid[row, column])
                _week(axes, comparison, target, first)
                if row == 3:
                    axes.set_title(f"half-hours of the week with the {names[column]}", loc="left")
                if column == 0:
                    axes.set_ylabel(TARGET_LABELS[target])
        legend_below(figure, whole[1])
    return figure


def _daily_precipitation(axes: Axes, comparison: Comparison, precipitation: np.ndarray) -> None:
    amount = pd.Series(precipitation * comparison.step.total_seconds(), comparison.time)
    daily = amount.resample("D").sum(min_count=1)
    axes.bar(daily.index, daily, width=1.0, align="edge", color="#56B4E9")
    axes.set_ylabel("P (mm d$^{-1}$)")


def _daily(axes: Axes, comparison: Comparison, target: str) -> None:
    tower = comparison.tower(target)
    palette = colours(comparison.models())
    for model in comparison.models():
        draw_model(axes, _usable_day_means(comparison.members(model, target), tower), model, palette[model])
    draw_observed(axes, _usable_day_means(tower.to_frame(), tower)[0], size=4)
    axes.set_ylabel(TARGET_LABELS[target])


def _week(axes: Axes, comparison: Comparison, target: str, first: pd.Timestamp) -> None:
    inside = (comparison.time >= first) & (comparison.time < first + pd.Timedelta(days=7))
    palette = colours(comparison.models())
    for model in comparison.models():
        # resampling to the step itself opens the gap between two segments of the record
        members = comparison.members(model, target)[inside].resample(comparison.step).mean()
        draw_model(axes, members, model, palette[model])
    draw_observed(axes, comparison.tower(target)[inside], size=4)
    axes.xaxis.set(major_locator=DayLocator(), major_formatter=DateFormatter("%d %b"))
    axes.set_xlabel(f"{first.year}, local standard time")


def diurnal(comparison: Comparison) -> Figure:
    """Mean diurnal cycle by season, of tower and models over the same usable half-hours."""
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 6))
        figure.suptitle(f"{comparison.title}: mean diurnal cycle over usable half-hours")
        panels = figure.subplots(len(TARGETS), len(SEASONS), sharex=True, sharey="row")
        for row, target in zip(panels, TARGETS, strict=True):
            for axes, (season, months) in zip(row, SEASONS.items(), strict=True):
                count = _cycle(axes, comparison, target, months)
                axes.set_title(f"{season}, n = {count}")
            row[0].set_ylabel(TARGET_LABELS[target])
        for axes in panels[-1]:
            axes.set_xlabel("local standard time (h)")
            axes.set_xticks(range(0, 25, 6))
        legend_below(figure, panels[0, 0])
    return figure


def _cycle(axes: Axes, comparison: Comparison, target: str, months: tuple[int, ...]) -> int:
    """Draw one season; return the number of half-hours in it."""
    tower = comparison.tower(target)
    chosen = np.isin(comparison.time.month, months) & tower.notna()
    time = comparison.time[chosen]
    middle = (time - time.normalize() + comparison.step / 2).total_seconds() / 3600
    palette = colours(comparison.models())
    for model in comparison.models():
        members = comparison.members(model, target)[chosen].groupby(middle).mean()
        draw_model(axes, members, model, palette[model])
    draw_observed(axes, tower[chosen].groupby(middle).mean(), size=5)
    return int(chosen.sum())


def scatter(comparison: Comparison) -> Figure:
    """Density of simulated (mean over seeds) against observed usable half-hours, 1:1 line and scores."""
    models = comparison.models()
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(1.2 + 3.3 * len(models), 7))
        figure.suptitle(f"{comparison.title}: usable half-hours and the 1:1 line")
        panels = figure.subplots(len(TARGETS), len(models), squeeze=False)
        for row, target in zip(panels, TARGETS, strict=True):
            _density_row(figure, row, comparison, target)
            row[0].set_ylabel(f"simulated {target} (W m$^{{-2}}$)")
        for axes, model in zip(panels[0], models, strict=True):
            seeds = len(comparison.simulated[model].seeds)
            axes.set_title(label(model) + (f", mean of {seeds} seeds" if seeds > 1 else ""))
    return figure


def _density_row(figure: Figure, row: np.ndarray, comparison: Comparison, target: str) -> None:
    """One panel per model with common axes and a common colour scale."""
    usable = comparison.observed.usable[target]
    observed = comparison.observed.flux[target][usable]
    series = {model: comparison.simulated[model].mean(target)[usable] for model in comparison.models()}
    both = np.concatenate([observed, *series.values()])
    edges = np.linspace(both.min(), both.max(), 91)
    counts = {model: np.histogram2d(observed, values, edges)[0].T for model, values in series.items()}
    norm = LogNorm(1, max(2, max(count.max() for count in counts.values())))
    for axes, (model, values) in zip(row, series.items(), strict=True):
        image = axes.pcolormesh(edges, edges, np.ma.masked_equal(counts[model], 0), norm=norm, cmap=COUNTS)
        axes.plot(edges[[0, -1]], edges[[0, -1]], color="black", linewidth=0.8)
        axes.set_aspect("equal")
        axes.set_xlabel(f"observed {target} (W m$^{{-2}}$)")
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
    figure.colorbar(image, ax=list(row), label="half-hours per cell", pad=0.01)
