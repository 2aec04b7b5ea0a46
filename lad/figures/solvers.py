"""Figures of the experiments with solvers: error against time, crossed trainings and runs, loss along parameters."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lad.evaluation.experiments import LIMIT_STEPS, QUANTITIES
from lad.evaluation.scores import ENSEMBLE
from lad.evaluation.solvers import REFERENCE_SOLVER
from lad.figures.style import COLOURS, RC, SPARE_COLOURS, TARGET_LABELS, legend_below

SOLVER_LOOKS = {  # colour and marker
    "original": ("#999999", "s"),
    "euler": (COLOURS["residual"], "v"),
    "fast": (COLOURS["bulk"], "o"),
    "Tsit5": (SPARE_COLOURS[0], "^"),
    "Kvaerno3": (COLOURS["mlp_nostate"], "D"),
    "Kvaerno5": (COLOURS["mlp"], "P"),
}
SOLVER_LABELS = {
    "original": f"original, against its own limit ({LIMIT_STEPS} steps)",
    "euler": "linearly implicit Euler, order 1",
    "fast": "fast, order 2",
}


def work_precision_diagram(table: pd.DataFrame, title: str) -> Figure:
    """Error against time of all solvers, from a table of `lad.evaluation.experiments`; points show the setting."""
    smoothing = table[table.solver == "smoothing"].iloc[0]
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(11, 5))
        figure.suptitle(title)
        for axes, (name, unit) in zip(figure.subplots(1, len(QUANTITIES)), QUANTITIES.items(), strict=True):
            column = f"{name}_rms"
            for solver, (colour, marker) in SOLVER_LOOKS.items():
                rows = table[table.solver == solver]
                x, y = rows.ms_per_site_year, rows[column]
                axes.loglog(
                    x, y, color=colour, marker=marker, label=SOLVER_LABELS.get(solver, f"diffrax {solver}")
                )
                for place, error, setting in zip(x, y, rows.setting, strict=True):
                    text = setting.removesuffix(" steps").removeprefix("rtol ")
                    axes.annotate(text, (place, error), (3, 3), textcoords="offset points", fontsize=6)
            axes.axhline(
                smoothing[column], color="k", linestyle=":", label="smoothed against original equations"
            )
            axes.set(xlabel="time (ms per site-year)", ylabel=f"error of {name} (rms, {unit})")
        legend_below(figure, axes)
    return figure


def crossed(scores: pd.DataFrame, title: str) -> Figure:
    """RMSE by solver of the run, a line for each solver of training: the mean over seeds; dots are single seeds."""
    solvers = list(scores.trained_with.unique())
    shades = matplotlib.colormaps["viridis"](np.linspace(0.9, 0.0, len(solvers)))
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(9, 4.2))
        figure.suptitle(title)
        axes = figure.subplots(1, len(TARGET_LABELS))
        for panel, (target, name) in zip(axes, TARGET_LABELS.items(), strict=True):
            for number, (trained, colour) in enumerate(zip(solvers, shades, strict=True)):
                rows = scores[(scores.target == target) & (scores.trained_with == trained)]
                place = rows.run_with.map(solvers.index) + 0.06 * (number - (len(solvers) - 1) / 2)
                mean = rows.seed == ENSEMBLE
                panel.plot(place[~mean], rows.rmse[~mean], ".", color=colour, markersize=4)
                own = rows.run_with[mean] == trained
                panel.plot(place[mean], rows.rmse[mean], "-o", color=colour, label=f"trained with {trained}")
                panel.plot(place[mean][own], rows.rmse[mean][own], "s", color=colour, markersize=9)
            panel.set_xticks(range(len(solvers)), solvers)
            panel.set(xlabel="run with", ylabel=f"RMSE, {name}")
        legend_below(figure, axes[0])
    return figure


def landscape(table: pd.DataFrame, title: str) -> Figure:
    """Loss and derivative in the wide range, and derivative in the close one, along each parameter.

    The axes fit the curves of `REFERENCE_SOLVER`, with half as much room on either side; unstable solvers leave them.
    """
    parameters, solvers = table.parameter.unique(), table.solver.unique()
    curves = dict(list(table.groupby(["parameter", "solver", "range"])))
    shades = matplotlib.colormaps["turbo"](np.linspace(0.95, 0.05, len(solvers)))
    panels = (
        ("wide", "loss", "loss"),
        ("wide", "by_autodiff", "derivative"),
        ("close", "by_autodiff", "derivative"),
    )
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(12, 3.6 * len(parameters) + 0.8))
        figure.suptitle(title)
        axes = figure.subplots(len(parameters), len(panels), squeeze=False)
        for row, parameter in zip(axes, parameters, strict=True):
            for panel, (reach, column, name) in zip(row, panels, strict=True):
                for solver, colour in zip(solvers, shades, strict=True):
                    curve = curves[parameter, solver, reach]
                    line, dots = {"color": colour, "label": solver}, {"color": colour, "markersize": 2.5}
                    if column == "by_autodiff":
                        panel.plot(curve.value, curve.by_difference, ".", **dots)
                    panel.plot(curve.value, curve[column], **line)
                reference = curves[parameter, REFERENCE_SOLVER, reach]
                true, unit = reference[column], reference.unit.iloc[0]
                room = 0.5 * np.ptp(true)
                panel.set_ylim(true.min() - room, true.max() + room)
                panel.set(xlabel=f"{parameter} ({unit})", ylabel=f"{name}, {reach} range")
        legend_below(figure, axes[0, 0])
    return figure
