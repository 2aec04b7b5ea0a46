"""Fluxes in time: daily means over the whole test period, and two contrasted weeks."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, DayLocator
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation.figures._comparison import Comparison
from lad.evaluation.means import usable_day_means
from lad.evaluation.style import OF_SEEDS, TARGET_LABELS, draw_models, draw_observed, groups, legend_below
from lad.observations import TARGETS


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


def date_axis(axes: Axes) -> None:
    """Label months and years of an axis of time, and of those it is shared with."""
    locator = AutoDateLocator()
    axes.xaxis.set(major_locator=locator, major_formatter=ConciseDateFormatter(locator, show_offset=False))


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
