"""Figures of a whole study: learning curves, and the models side by side."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lad.evaluation.models import BASELINES, label, ordered, too_many
from lad.evaluation.scores import single_seeds, whole
from lad.evaluation.study import published
from lad.figures.style import COLOURS, RC, colours
from lad.observations import TARGETS

SCORE_LABELS = {"nse": "NSE", "kge": "KGE", "bias": "bias (W m$^{-2}$)", "rmse": "RMSE (W m$^{-2}$)"}
SHOWN = ("nse", "kge", "bias")
TRAINED = "LaD with trained fluxes"
KINDS = dict.fromkeys(BASELINES, "without physics") | {"bulk": "LaD"}  # of models; of all others `TRAINED`
KIND_COLOURS = {"without physics": "#999999", "LaD": COLOURS["bulk"], TRAINED: COLOURS["mlp"]}


def learning_curves(histories: Mapping[tuple[str, str], pd.DataFrame]) -> Figure:
    """Losses of free runs by step: a row for each site, a column for each model, a thin line for each seed.

    For many sites one row, with a thin line for each: `_falling`.
    """
    sites = list(dict.fromkeys(site for site, _ in histories))
    models = list(dict.fromkeys(model for _, model in histories))
    if too_many(sites):
        return _falling(histories, models)
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(2.4 * len(models) + 1.2, 2.3 * len(sites) + 0.6), layout="constrained")
        grid = figure.subplots(len(sites), len(models), sharex="col", sharey="row", squeeze=False)
        for axes_row, site in zip(grid, sites, strict=True):
            for axes, model in zip(axes_row, models, strict=True):
                history = histories[site, model]
                for name, colour in (("train_loss", "#999999"), ("validation_loss", "#0072B2")):
                    courses = history.pivot(index="step", columns="member", values=name)
                    axes.plot(courses.index, courses, color=colour, linewidth=0.5)
                    axes.plot(courses.index, courses.mean(axis=1), color=colour, label=name.split("_")[0])
                axes.set_yscale("log")
                axes.set_title(f"{site}, {label(model)}")
            axes_row[0].set_ylabel("loss of a free run")
        for axes in grid[-1]:
            axes.set_xlabel("step")
        grid[0, 0].legend()
    return figure


def _falling(histories: Mapping[tuple[str, str], pd.DataFrame], models: list[str]) -> Figure:
    """Lowest validation loss so far over that of the start, mean over seeds: a line for each site, and the median."""
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(2.4 * len(models) + 1.2, 2.9), layout="constrained")
        (grid,) = figure.subplots(1, len(models), sharey=True, squeeze=False)
        for axes, model in zip(grid, models, strict=True):
            courses = pd.DataFrame(
                {
                    site: history.groupby("step").validation_loss.mean().cummin()
                    for (site, name), history in histories.items()
                    if name == model
                }
            ).ffill()
            falling = courses / courses.iloc[0]
            axes.plot(falling.index, falling, color="#0072B2", linewidth=0.4, alpha=0.5)
            axes.plot(falling.index, falling.median(axis=1), color="#000000", label="median over sites")
            axes.set_yscale("log")
            axes.set_title(label(model))
            axes.set_xlabel("step")
        grid[0].set_ylabel("lowest validation loss / first")
        grid[0].legend()
    return figure


def ablation(scores: pd.DataFrame) -> Figure:
    """Scores of all models: a row for each site, a column for each target and score; seeds small, ensembles large.

    For many sites one row of boxes: `_spread`.
    """
    sites, models = list(dict.fromkeys(scores.site)), ordered(list(scores.model))
    if too_many(sites):
        return _spread(scores, models, SHOWN)
    colour = colours(models)
    columns = [(target, metric) for target in TARGETS for metric in SHOWN]
    with matplotlib.rc_context(RC):
        size = (1.9 * len(columns) + 1.0, (0.24 * len(models) + 0.7) * len(sites) + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(sites), len(columns), sharey=True, sharex="col", squeeze=False)
        for axes_row, site in zip(grid, sites, strict=True):
            for axes, (target, metric) in zip(axes_row, columns, strict=True):
                rows = scores[(scores.site == site) & (scores.target == target)]
                for y, model in enumerate(models):
                    of_model = rows[rows.model == model]
                    seeds = single_seeds(of_model)[metric]
                    together = whole(of_model)[metric]
                    axes.plot(seeds, np.full(len(seeds), y), ".", color=colour[model], markersize=3)
                    axes.plot(together, np.full(len(together), y), "o", color=colour[model], markersize=6)
                _dress(axes, metric, f"{site}, {target}")
            axes_row[0].set_yticks(range(len(models)), [label(model) for model in models])
        grid[0, 0].invert_yaxis()  # which all share
    return figure


def errors(scores: pd.DataFrame, intervals: pd.DataFrame) -> Figure:
    """RMSE of all models with 95 % intervals, and published ones: a row for each site, a column for each target.

    Colours show the three kinds of models: `KINDS`. `intervals` has the columns of
    `lad.evaluation.bootstrap.intervals`. For many sites one row of boxes: `_spread`.
    """
    scores = scores[scores.model != "mean"]  # far off: it would hide how the others differ
    sites, models = list(dict.fromkeys(scores.site)), ordered(list(scores.model))
    if too_many(sites):
        return _spread(scores, models, ["rmse"])
    theirs = published(scores)
    ends = intervals[intervals.metric == "rmse"]
    with matplotlib.rc_context(RC):
        size = (4.2 * len(TARGETS), (0.22 * len(models) + 0.8) * len(sites) + 0.3)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(sites), len(TARGETS), sharey=True, squeeze=False)
        for axes_row, site in zip(grid, sites, strict=True):
            for axes, target in zip(axes_row, TARGETS, strict=True):
                rows = ends[(ends.site == site) & (ends.target == target)].set_index("model")
                for y, model in enumerate(models):
                    if model in rows.index:
                        value, low, high = rows.loc[model, ["value", "low", "high"]]
                        colour = KIND_COLOURS[KINDS.get(model, TRAINED)]
                        axes.plot([low, high], [y, y], color=colour)
                        axes.plot(value, y, "o", color=colour, markersize=5)
                places = theirs[(theirs.site == site) & (theirs.target == target)]
                marks = [models.index(model) for model in places.model]
                axes.plot(places.rmse, marks, "D", color="#000000", mfc="none", markersize=6)
                _dress(axes, "rmse", f"{site}, {target}")
            axes_row[0].set_yticks(range(len(models)), [label(model) for model in models])
        grid[0, 0].invert_yaxis()  # which all share
        kinds = dict.fromkeys(KINDS.get(model, TRAINED) for model in models)
        of_legend = {kind: {"color": KIND_COLOURS[kind], "marker": "o"} for kind in kinds}
        if len(theirs):
            of_legend["published"] = {"color": "#000000", "marker": "D", "mfc": "none", "linestyle": "none"}
        entries = [Line2D([], [], label=name, **look) for name, look in of_legend.items()]
        figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))
    return figure


def _spread(scores: pd.DataFrame, models: list[str], metrics: Sequence[str]) -> Figure:
    """Scores over the sites: median, quartiles, and whiskers to the 5th and 95th percentile, by model."""
    scores = whole(scores)
    colour = colours(models)
    columns = [(target, metric) for target in TARGETS for metric in metrics]
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(1.9 * len(columns) + 1.0, 0.3 * len(models) + 1.1), layout="constrained")
        (grid,) = figure.subplots(1, len(columns), sharey=True, squeeze=False)
        for axes, (target, metric) in zip(grid, columns, strict=True):
            rows = scores[scores.target == target].dropna(subset=metric)
            boxes = axes.boxplot(
                [rows.loc[rows.model == model, metric] for model in models],
                positions=range(len(models)),
                widths=0.6,
                whis=(5, 95),
                orientation="horizontal",
                showfliers=False,
                patch_artist=True,
                medianprops={"color": "#000000"},
            )
            for box, model in zip(boxes["boxes"], models, strict=True):
                box.set_facecolor(colour[model])
            _dress(axes, metric, f"{target}, {scores.site.nunique()} sites")
        grid[0].set_yticks(range(len(models)), [label(model) for model in models])
        grid[0].invert_yaxis()  # which all share
    return figure


def _dress(axes: Axes, metric: str, title: str) -> None:
    """Common layout of panels of a score with a row for each model."""
    if metric == "bias":
        axes.axvline(0.0, color="#999999", linewidth=0.8)
    axes.grid(axis="x", linewidth=0.4)
    axes.set_title(title)
    axes.set_xlabel(SCORE_LABELS[metric])
