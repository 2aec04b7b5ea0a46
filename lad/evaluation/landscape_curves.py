"""What the curves of `lad.evaluation.landscape` tell: minimum, kinks, errors of derivatives, and their figure."""

import matplotlib
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from lad.drawing import RC
from lad.evaluation.style import legend_below
from lad.evaluation.table import grid

POINTS = 41
REFERENCE = (
    "fast-4"  # 0.1 W m-2 from the adaptive solver (`lad solvers`), which takes a hundred times as long
)
COLUMNS = ["solver", "parameter", "unit", "range", "value", "loss", "by_autodiff", "by_difference"]
SUMMARY = ["parameter", "solver", "minimum", "shift_pct", "kinks_wide", "kinks_close"]
SUMMARY += ["autodiff_error", "gradient_error"]


def kinks(losses: Float[np.ndarray, " m"]) -> float:
    """Changes of sign of the second difference: 0 for a convex curve, 1 for an inflection, many for a rough one."""
    return (
        float(np.count_nonzero(np.diff(np.sign(np.diff(losses, 2))))) if np.isfinite(losses).all() else np.nan
    )


def lowest(values: Float[np.ndarray, " m"], losses: Float[np.ndarray, " m"]) -> float:
    """Value at the minimum of a curve, by a parabola through its lowest points; NaN where an end or a plateau is."""
    k = int(np.argmin(losses))
    if k in (0, len(losses) - 1):
        return np.nan
    a, b, c = losses[k - 1 : k + 2]
    if a - 2 * b + c <= 0:  # a plateau
        return np.nan
    return float(np.interp(k + 0.5 * (a - c) / (a - 2 * b + c), np.arange(len(values)), values))


def _rms(x) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row of `SUMMARY` for each solver and parameter of a table of `landscape`, unrounded: kinks would be noise.

    `minimum` and its shift from that of the reference (%); `kinks_wide`, `kinks_close` (see `kinks`); `autodiff_error`,
    the largest difference between derivatives by autodiff and by differences, and `gradient_error`, the
    root-mean-square one of those by autodiff from the reference's: both over the wide range, in units of the
    root-mean-square derivative, of the solver itself and of the reference. NaN where a loss is not finite.
    """
    rows = []
    for parameter, group in table.groupby("parameter", sort=False):
        curves = {(solver, reach): curve for (solver, reach), curve in group.groupby(["solver", "range"])}
        true = curves[REFERENCE, "wide"]
        at = lowest(true.value.to_numpy(), true.loss.to_numpy())
        for solver in group.solver.unique():
            wide, close = curves[solver, "wide"], curves[solver, "close"]
            found = lowest(wide.value.to_numpy(), wide.loss.to_numpy())
            departure = np.max(np.abs(wide.by_autodiff - wide.by_difference)) / _rms(wide.by_difference)
            wrong = _rms(wide.by_autodiff.to_numpy() - true.by_difference.to_numpy()) / _rms(
                true.by_difference
            )
            rough = (kinks(curve.loss.to_numpy()) for curve in (wide, close))
            rows.append([parameter, solver, found, 100.0 * (found / at - 1.0), *rough, departure, wrong])
    return pd.DataFrame(rows, columns=SUMMARY)


def text(found: pd.DataFrame, title: str) -> str:
    """A table of `summary` for readers."""
    lines = [["parameter", "solver", "minimum", "shift %", "kinks", "close", "autodiff", "gradient"]]
    for r in found.itertuples():
        numbers = zip(
            ("{:.4g}", "{:+.2f}", "{:.0f}", "{:.0f}", "{:.1e}", "{:.3f}"),
            (r.minimum, r.shift_pct, r.kinks_wide, r.kinks_close, r.autodiff_error, r.gradient_error),
            strict=True,
        )
        cells = ["-" if np.isnan(x) else form.format(x) for form, x in numbers]
        lines.append([r.parameter, r.solver, *cells])
    legend = (
        f"minimum: value at the lowest loss, and its shift from that of {REFERENCE}. kinks: changes of sign of\n"
        f"the second difference over {POINTS} points, in a wide range and a hundredth of it. autodiff: largest\n"
        "difference of derivatives by autodiff from differences of the solver's own loss; gradient: root-mean-square\n"
        f"difference from those of {REFERENCE}, both in units of the root-mean-square derivative."
    )
    return f"# {title}\n\n{legend}\n\n{grid(lines)}\n"


def drawing(table: pd.DataFrame, title: str) -> Figure:
    """Loss and derivative in the wide range, and derivative in the close one, along each parameter.

    The axes are those of `REFERENCE`, with room for half as much on either side: an unstable solver leaves them.
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
                reference = curves[parameter, REFERENCE, reach]
                true, unit = reference[column], reference.unit.iloc[0]
                room = 0.5 * np.ptp(true)
                panel.set_ylim(true.min() - room, true.max() + room)
                panel.set(xlabel=f"{parameter} ({unit})", ylabel=f"{name}, {reach} range")
        legend_below(figure, axes[0, 0])
    return figure
