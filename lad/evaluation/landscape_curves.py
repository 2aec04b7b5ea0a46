"""What the curves of `lad.evaluation.landscape` show: minimum, kinks, errors of derivatives."""

import numpy as np
import pandas as pd
from jaxtyping import Float

LANDSCAPE_POINTS = 41
REFERENCE_SOLVER = (
    "fast-4"  # 0.1 W m-2 from the adaptive solver (`lad solvers`), which takes a hundred times as long
)
LANDSCAPE_COLUMNS = ["solver", "parameter", "unit", "range", "value", "loss", "by_autodiff", "by_difference"]
SUMMARY_COLUMNS = ["parameter", "solver", "minimum", "shift_pct", "kinks_wide", "kinks_close"]
SUMMARY_COLUMNS += ["autodiff_error", "gradient_error"]


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
    """One row of `SUMMARY_COLUMNS` for each solver and parameter of a table of `landscape`, unrounded: else kinks
    are noise.

    `minimum` and its shift from that of the reference (%); `kinks_wide`, `kinks_close` (see `kinks`); `autodiff_error`,
    the largest difference between derivatives by autodiff and by differences, and `gradient_error`, the
    root-mean-square one of those by autodiff from the reference's: both over the wide range, in units of the
    root-mean-square derivative, of the solver itself and of the reference. NaN where a loss is not finite.
    """
    rows = []
    for parameter, group in table.groupby("parameter", sort=False):
        curves = {(solver, reach): curve for (solver, reach), curve in group.groupby(["solver", "range"])}
        true = curves[REFERENCE_SOLVER, "wide"]
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
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
