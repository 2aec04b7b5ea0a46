"""Target diagram: bias and pattern error of all models at once."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation import metrics
from lad.evaluation.figures._comparison import Comparison
from lad.evaluation.models import label
from lad.evaluation.style import legend_below, looks
from lad.observations import TARGETS

PADDING, LEAST = 1.25, 0.08  # of half the width of the axes: about the points, and in σ_o
NOTE = "large: mean over seeds, small: seeds; open: varies less than the tower; lines of equal NSE"
POINTS = 200  # to each side, for the lines of equal NSE


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
            _draw(axes, comparison, target)
        legend_below(figure, panels[0], note=NOTE)
    return figure


def _draw(axes: Axes, comparison: Comparison, target: str) -> None:
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
    half = max(LEAST, PADDING * 0.5 * (high - low).max())
    x, y = (np.linspace(middle - half, middle + half, POINTS) for middle in 0.5 * (low + high))
    lines = axes.contour(x, y, 1.0 - x**2 - y[:, None] ** 2, colors="#999999", linewidths=0.8, zorder=1)
    axes.clabel(lines, fontsize=7)
    for line in (axes.axhline, axes.axvline):
        line(0.0, color="black", linewidth=0.8, zorder=1)
    axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
