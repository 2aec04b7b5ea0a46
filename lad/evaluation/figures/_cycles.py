"""Mean cycles: of the day by season, and of the year."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation.figures._comparison import Comparison
from lad.evaluation.strata import SEASONS
from lad.evaluation.style import OF_SEEDS, TARGET_LABELS, draw_models, draw_observed, groups, legend_below
from lad.observations import TARGETS


def diurnal(comparison: Comparison) -> Figure:
    """Mean diurnal cycle by season, of tower and models over the same usable half-hours."""
    time = comparison.time
    middle = (time - time.normalize() + comparison.step / 2).total_seconds() / 3600
    shown = groups(comparison.models())
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 1.0 + 5.0 * len(shown)))
        figure.suptitle(f"{comparison.title}: mean diurnal cycle over usable half-hours")
        panels = figure.subplots(len(TARGETS) * len(shown), len(SEASONS), sharex=True, squeeze=False)
        for block, target in zip(np.split(panels, len(TARGETS)), TARGETS, strict=True):
            for number, (row, group) in enumerate(zip(block, shown, strict=True)):
                for axes, (season, months) in zip(row, SEASONS.items(), strict=True):
                    if axes is not block[0, 0]:
                        axes.sharey(block[0, 0])
                    count = _cycle(axes, comparison, target, group, time.month.isin(months), middle)
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
