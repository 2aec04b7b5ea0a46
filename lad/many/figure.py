"""Scores at each tower by what a model knew of it."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation.scores import whole
from lad.evaluation.study_figures import SHOWN, dress
from lad.many.scores import compared
from lad.observations import TARGETS

COLOURED = 10  # sites that colours tell apart
LOWEST = -1.0  # NSE and KGE below it stand at the edge


def joint_figure(table: pd.DataFrame, own: str) -> Figure:
    """A panel for each target and score, a row for each model and what it was fitted on, a line for each site.

    `table` is that of `lad joint`, `own` the model of the sites themselves. The black line is the median over sites.
    """
    names = compared(own)
    rows = whole(table).set_index(["model", "fitted_on"])
    sites = list(dict.fromkeys(table.site))
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(9.5, 5.8), layout="constrained")
        grid = figure.subplots(len(TARGETS), len(SHOWN), sharey=True, squeeze=False)
        for target, axes_row in zip(TARGETS, grid, strict=True):
            of_target = rows[rows.target == target]
            for metric, axes in zip(SHOWN, axes_row, strict=True):
                scores = of_target.pivot_table(metric, ["model", "fitted_on"], "site").reindex(list(names))
                if metric != "bias":
                    scores = scores.clip(lower=LOWEST)
                for number, site in enumerate(sites):
                    colour = f"C{number}" if len(sites) <= COLOURED else "#BBBBBB"
                    axes.plot(scores[site], range(len(names)), ".-", color=colour, linewidth=0.7, label=site)
                axes.plot(scores.median(axis=1), range(len(names)), "k|-", markersize=9, label="median")
                dress(axes, metric, target)
        grid[0, 0].invert_yaxis()  # which all share
        for axes_row in grid:
            axes_row[0].set_yticks(range(len(names)), list(names.values()))
        handles, labels = grid[0, 0].get_legend_handles_labels()
        told = slice(None) if len(sites) <= COLOURED else slice(-2, None)
        figure.legend(handles[told], labels[told], loc="outside lower center", ncols=6)
    return figure
