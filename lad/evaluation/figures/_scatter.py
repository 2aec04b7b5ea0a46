"""Simulated against observed fluxes, half-hour by half-hour."""

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation import metrics
from lad.evaluation.figures._comparison import Comparison
from lad.evaluation.models import label
from lad.evaluation.style import COUNTS
from lad.observations import TARGETS

ACROSS = 4  # panels
CELLS = 90  # to each side


def scatter(comparison: Comparison) -> Figure:
    """Density of simulated (mean over seeds) against observed usable half-hours, 1:1 line and scores."""
    models = comparison.models()
    across, down = min(ACROSS, len(models)), -(-len(models) // ACROSS)
    with matplotlib.rc_context(RC):
        size = (1.2 + 2.6 * across, 0.6 + 2.9 * down * len(TARGETS))
        figure = Figure(figsize=size, layout="compressed")  # the layout that knows of square panels
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
    norm = LogNorm(1, max(2, max(count.max() for count in counts.values())))
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
