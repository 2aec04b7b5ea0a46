"""Figures of studies of many towers: where they stand, skill by type of vegetation, what knowing a tower is worth."""

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lad.evaluation.models import label, ordered
from lad.evaluation.scores import ALL, ITSELF, MULTI_SITE, NOTHING, OTHER_TYPES, OTHERS, whole
from lad.figures.study import SCORE_LABELS
from lad.figures.style import MARKERS, RC, Look, looks
from lad.observations import TARGETS
from lad.tables.study import WITHOUT_SITE, compared, own_model

LOWEST_SHOWN = -0.5  # lower NSE is drawn at the edge
NAMED = 30  # most towers that are each named
DRAWN = {  # model and what it was fitted on, as in `compared`: marker and colour
    ("bulk", NOTHING): ("x", "#D55E00"),
    ("3km27", OTHERS): ("|", "#000000"),
    (MULTI_SITE, OTHER_TYPES): ("s", "#CC79A7"),
    (MULTI_SITE, OTHERS): ("D", "#E69F00"),
    (MULTI_SITE, ALL): ("o", "#56B4E9"),
    ("bulk", ITSELF): ("+", "#999999"),
}
ITS_OWN = ("^", "#009E73")


def positions(towers: pd.DataFrame) -> Figure:
    """Where the towers stand on the globe, and in air temperature and precipitation, by IGBP class.

    `towers` has the columns of `lad.evaluation.towers.describe`.
    """
    classes = sorted(set(towers.igbp))
    drawn = {igbp: (MARKERS[n % len(MARKERS)], f"C{n % 10}") for n, igbp in enumerate(classes)}
    axes_of = {
        ("longitude", "latitude"): ("longitude (°)", "latitude (°)"),
        ("air", "precipitation"): ("mean air temperature (°C)", "precipitation (mm a$^{-1}$)"),
    }
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        for axes, ((x, y), (x_label, y_label)) in zip(figure.subplots(1, 2), axes_of.items(), strict=True):
            for igbp, (marker, colour) in drawn.items():
                rows = towers[towers.igbp == igbp]
                axes.plot(rows[x], rows[y], marker, color=colour, label=igbp)
            for row in towers.to_dict("records") if len(towers) <= NAMED else ():
                axes.annotate(row["site"], (row[x], row[y]), (4, 4), textcoords="offset points", fontsize=7)
            axes.set_xlabel(x_label)
            axes.set_ylabel(y_label)
            axes.margins(0.12)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=8)
    return figure


def by_type(scores: pd.DataFrame, types: Mapping[str, str]) -> Figure:
    """NSE of all models at the towers of each IGBP class: dots are towers, lines medians. `types`: class by site."""
    scores = whole(scores[scores.model != "mean"])  # far off: it would hide how the others differ
    models, classes = ordered(list(scores.model)), sorted(set(types.values()))
    shapes, width = looks(models), 0.8 / len(models)
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(1.3 * len(classes) + 2.5, 5.2), layout="constrained")
        for axes, target in zip(figure.subplots(len(TARGETS), 1, sharex=True), TARGETS, strict=True):
            of_target = scores[scores.target == target]
            for number, model in enumerate(models):
                rows = of_target[of_target.model == model]
                place = rows.site.map(types).map(classes.index) + (number + 0.5) * width - 0.4
                nse = rows.nse.clip(lower=LOWEST_SHOWN)
                colour, _, marker = shapes[model]
                axes.plot(place, nse, marker, color=colour, markersize=4, label=label(model))
                middle = nse.groupby(place).median()
                axes.hlines(middle, middle.index - width / 2, middle.index + width / 2, colors=colour)
            axes.set_ylabel(f"NSE, {target}")
        counts = pd.Series(types).value_counts()
        axes.set_xlim(-0.5, len(classes) - 0.5)
        axes.set_xticks(range(len(classes)), [f"{igbp} ({counts[igbp]})" for igbp in classes])
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def multi_site(table: pd.DataFrame, types: Mapping[str, str]) -> Figure:
    """RMSE at each tower by what a model knew of it; towers by IGBP class, `types`, their median below.

    `table` is that of `lad evaluate-multi-site`.
    """
    own = own_model(table)
    names, sites = compared(own), sorted(types, key=lambda site: (types[site], site))
    rows = whole(table).set_index(["model", "fitted_on"])
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(9.0, 0.34 * len(sites) + 1.9), layout="constrained")
        grid = figure.subplots(1, len(TARGETS), sharey=True)
        for axes, target in zip(grid, TARGETS, strict=True):
            scores = (
                rows[rows.target == target].pivot_table("rmse", "site", ["model", "fitted_on"]).loc[sites]
            )
            scores.loc["median"] = scores.median()
            for key, name in names.items():
                marker, colour = DRAWN.get(key, ITS_OWN if key == (own, ITSELF) else ("", ""))
                if marker and key in scores:
                    axes.plot(
                        scores[key],
                        range(len(scores)),
                        marker,
                        color=colour,
                        label=name,
                        ms=7,
                        mfc="none",
                        mew=1.4,
                    )
            axes.axhline(len(sites) - 0.5, color="#000000", linewidth=0.6)
            axes.set_title(target)
            axes.set_xlabel(SCORE_LABELS["rmse"])
        grid[0].set_yticks(range(len(sites) + 1), [*(f"{types[site]}  {site}" for site in sites), "median"])
        grid[0].invert_yaxis()  # which both share
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def fine_tuning(scores: pd.DataFrame) -> Figure:
    """RMSE by years of the site that a model knows: a row for each site, a column for each target, lines are models.

    `scores` are those of `lad.tables.study.by_years_known`. Models that know nothing of a site are dashed lines; the
    network from which fine-tuning begins is a diamond.
    """
    sites, names = list(dict.fromkeys(scores.site)), list(dict.fromkeys(scores.name))
    shapes = looks(names)
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(4.2 * len(TARGETS), 2.1 * len(sites) + 0.6), layout="constrained")
        grid = figure.subplots(len(sites), len(TARGETS), sharex=True, squeeze=False)
        for axes_row, site in zip(grid, sites, strict=True):
            for axes, target in zip(axes_row, TARGETS, strict=True):
                rows = scores[(scores.site == site) & (scores.target == target)]
                for name in names:
                    of_model = rows[rows.name == name].set_index("years").rmse.sort_index()
                    _draw_by_years(axes, of_model, name, shapes[name])
                axes.set_title(f"{site}, {target}")
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes_row[0].set_ylabel(SCORE_LABELS["rmse"])
        for axes in grid[-1]:
            axes.set_xlabel("years of the site in training")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _draw_by_years(axes: Axes, course: pd.Series, name: str, shape: Look) -> None:
    """RMSE of one model by years: a course, a line if it knows no year, a diamond where fine-tuning begins."""
    if name == compared("")[WITHOUT_SITE]:
        axes.plot(course.index, course, "D", color=shape.colour, label=name)
    elif np.array_equal(course.index, [0]):
        axes.axhline(course[0], linestyle=shape.line, linewidth=0.9, color=shape.colour, label=name)
    else:
        axes.plot(course.index, course, f"{shape.marker}-", color=shape.colour, label=name)
