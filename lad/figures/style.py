"""How figures look, how models and observations are drawn, and how figures are saved."""

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from lad.evaluation.models import BASELINES, label, ordered
from lad.io import replacing

RC = {
    "font.size": 9,
    "axes.titlesize": 9,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
PDF = {"pdf.fonttype": 42}  # whole TrueType fonts: text that can be edited and searched
DPI, CELLS_DPI = 150, 300  # of a PNG; of what is drawn as an image inside a PDF, the densities

TARGET_LABELS = {"LE": "Latent heat LE (W m$^{-2}$)", "H": "Sensible heat H (W m$^{-2}$)"}
OBSERVED = "#000000"
# Okabe & Ito (2008), Color Universal Design: distinct with all common forms of colour blindness.
COLOURS = {
    "bulk": "#D55E00",
    "mlp": "#0072B2",
    "mlp_nostate": "#009E73",
    "residual": "#E69F00",
    **dict.fromkeys(("1lin", "2lin", "3km27", "gbt", "ann", "lstm"), "#CC79A7"),
}
SPARE_COLOURS = ("#56B4E9", "#882255", "#999999", "#999933")
LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
MARKERS = "osD^vP<X>*hd"
COUNTS = "viridis"
CELLS = 90  # of a density, to each side
IN_EVERY_PANEL = ("bulk", *BASELINES)
TOGETHER = 4  # other models that lines and bands can show in one panel
OF_SEEDS = "line: mean over seeds, band: their range"


class Look(NamedTuple):
    """How a model is drawn: no two of twelve or fewer models of one figure look the same."""

    colour: str
    line: str | tuple
    marker: str


def colours(models: list[str]) -> dict[str, str]:
    """A colour for each model: always the same for a known one, spare colours in turn for others."""
    others = [model for model in ordered(models) if model not in COLOURS]
    spare = {model: SPARE_COLOURS[i % len(SPARE_COLOURS)] for i, model in enumerate(others)}
    return {model: (COLOURS | spare)[model] for model in models}


def looks(models: list[str]) -> dict[str, Look]:
    """Looks of all models of a figure, in the order of the tables; models of one colour differ in line and marker."""
    palette, used, found = colours(models), Counter(), {}
    for number, model in enumerate(ordered(models)):
        colour = palette[model]
        found[model] = Look(colour, LINES[used[colour] % len(LINES)], MARKERS[number % len(MARKERS)])
        used[colour] += 1
    return found


def groups(models: list[str]) -> list[list[str]]:
    """Models of each panel, few enough to keep it readable: calibrated LaD and baselines are in every one."""
    reference = [model for model in ordered(models) if model in IN_EVERY_PANEL]
    others = [model for model in ordered(models) if model not in IN_EVERY_PANEL]
    count = max(1, -(-len(others) // TOGETHER))
    edges = [len(others) * k // count for k in range(count + 1)]
    return [reference + others[first:last] for first, last in itertools.pairwise(edges)]


def draw_observed(axes: Axes, series: pd.Series, size: float, name: str = "observed") -> None:
    """Observations as dots; a gap (NaN) has none."""
    look = {"color": OBSERVED, "markersize": size, "markeredgewidth": 0, "zorder": 3}
    axes.plot(series.index, series, ".", label=name, **look)


def draw_models(axes: Axes, members: Mapping[str, pd.DataFrame], models: list[str]) -> None:
    """Lines and bands of some of the `models` of a figure; a column of `members` for each seed."""
    look = looks(models)
    for model, frame in members.items():
        draw_model(axes, frame, model, look[model])


def draw_model(axes: Axes, members: pd.DataFrame, model: str, look: Look) -> None:
    """Mean over the members (columns) as a line, broken at NaN, and their range as a band."""
    if members.shape[1] > 1:
        low, high = members.min(axis=1), members.max(axis=1)
        axes.fill_between(members.index, low, high, color=look.colour, alpha=0.25, linewidth=0)
    mean = members.mean(axis=1, skipna=False)
    alone = mean.notna() & mean.shift(1).isna() & mean.shift(-1).isna()  # which a line does not show
    lone = {"marker": ".", "markersize": 3, "markevery": alone.to_numpy()} if alone.any() else {}
    axes.plot(mean.index, mean, color=look.colour, linestyle=look.line, label=label(model), **lone)


def legend_below(figure: Figure, *panels: Axes, note: str = "") -> None:
    """One legend for the whole figure, with the entries of all `panels` and a `note` above them."""
    entries = {}
    for axes in panels:
        entries |= {name: handle for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    inches = 0.45 + 0.07 * max(map(len, entries), default=0)
    columns = max(1, min(len(entries), int(figure.get_figwidth() / inches)))
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside lower center",
        ncols=columns,
        title=note,
        title_fontsize=8,
    )


def date_axis(axes: Axes) -> None:
    """Label months and years on a time axis and on those that share it."""
    locator = AutoDateLocator()
    axes.xaxis.set(major_locator=locator, major_formatter=ConciseDateFormatter(locator, show_offset=False))


def density_norm(*counts: np.ndarray) -> LogNorm:
    """Common scale of the colours of `counts` of half-hours by cell."""
    return LogNorm(1, max(2, max(count.max() for count in counts)))


def save(path: str | Path, figure: Figure, origin: Mapping[str, Any], vector: bool = True) -> None:
    """Write the PNG `path` and, if `vector` is set, beside it a PDF for printing.

    Both hold their record of origin (`lad.provenance`), the PNG as the text `provenance`, the PDF as keywords. Neither
    has a date or a software name, so that equal figures are equal files.
    """
    record = json.dumps(origin, sort_keys=True)
    with replacing(path) as temporary, matplotlib.rc_context(RC):
        metadata = {"Software": None, "provenance": record}
        figure.savefig(temporary, format="png", dpi=DPI, metadata=metadata)
    if vector:
        metadata = {"Creator": None, "Producer": None, "CreationDate": None, "Keywords": record}
        with replacing(Path(path).with_suffix(".pdf")) as temporary, matplotlib.rc_context(RC | PDF):
            figure.savefig(temporary, format="pdf", dpi=CELLS_DPI, metadata=metadata)
