"""What the experiments with solvers show: networks run with other solvers, and the loss along parameters.

Numerical daemons: does a network learn to correct the solver it is trained through? Each network is run with each
solver. A law that compensates for the errors of its solver is better with that solver than with another, and better
there than a law trained through another: of two trainings, each run with both solvers, either own pair has less error
than either crossed pair. The gain is the mean error of crossed pairs less that of own pairs. It can come from one
crossed pair alone, where a solver is unstable with laws not trained through it: that is no correction.

The landscape: minimum, kinks and errors of derivatives of the curves of `lad.evaluation.experiments.landscape`.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import ttest_1samp

from lad.evaluation.bootstrap import LEVEL, draw, interval
from lad.evaluation.scores import ENSEMBLE, score_table
from lad.evaluation.series import Simulated
from lad.observations import Observed

NEGLIGIBLE = 0.01  # of the RMSE of own pairs, a gain that would not matter
CROSS_COLUMNS = ["site", "target", "trained_with", "run_with", "seed", "n", "rmse", "bias", "nse", "kge"]
GAIN_COLUMNS = ["site", "target", "one", "other", "rmse", "gain", "low", "high", "seeds_low", "seeds_high"]
GAIN_COLUMNS += [
    "in_one",
    "in_other",
    "least",
    "least_low",
    "least_high",
    "least_seeds_low",
    "least_seeds_high",
    "verdict",
]
LANDSCAPE_POINTS = 41
REFERENCE_SOLVER = (
    "fast-4"  # 0.1 W m-2 from the adaptive solver (`lad solvers`), which takes a hundred times as long
)
LANDSCAPE_COLUMNS = ["solver", "parameter", "unit", "range", "value", "loss", "by_autodiff", "by_difference"]
SUMMARY_COLUMNS = ["parameter", "solver", "minimum", "shift_pct", "kinks_wide", "kinks_close"]
SUMMARY_COLUMNS += ["autodiff_error", "gradient_error"]

Crossed = Mapping[tuple[str, str], Simulated]
"""Test fluxes by the names of the solvers of training and of the run."""


def _by_name(crossed: Crossed) -> dict[str, Simulated]:
    return {"/".join(pair): simulated for pair, simulated in crossed.items()}


def cross_scores(site: str, period: str, observed: Observed, crossed: Crossed) -> pd.DataFrame:
    """Scores of every pair and seed, and of the mean over seeds: rows of `CROSS_COLUMNS`. As `score_table`."""
    scores = score_table(site, period, observed, _by_name(crossed))
    scores[["trained_with", "run_with"]] = scores.model.str.split("/", expand=True)
    return scores[CROSS_COLUMNS]


def gains(observed: Observed, crossed: Crossed, scores: pd.DataFrame) -> pd.DataFrame:
    """Gain (RMSE, W m-2) of own over crossed pairs of each two solvers: one row of `GAIN_COLUMNS` per target.

    Mean RMSE of the two crossed pairs less that of the two own ones, `rmse`; positive where own pairs are better. `low`
    to `high` is the 95 % interval over weeks of the test period, of the means over seeds; `seeds_low` to `seeds_high`
    that over seeds (Student's; one seed has the same initial weights and windows in every training).

    The gain is the mean of four costs: of training through the other solver, for runs with the one (`in_one`) and the
    other (`in_other`), and of running with the other solver, for the network of each. `least` is the smallest of
    these. Its intervals are above zero only if all four are: their ends are the lowest of each.
    """
    drawn, rows = draw(observed, _by_name(crossed)), []
    solvers = list(dict.fromkeys(trained for trained, _ in crossed))
    members = scores[scores.seed != ENSEMBLE]
    for (site, target), group in members.groupby(["site", "target"], sort=False):
        weeks = drawn[target].weeks
        by_seed = group.pivot(index="seed", columns=["trained_with", "run_with"], values="rmse")
        by_week = {pair: drawn[target].scores["/".join(pair)]["rmse"] for pair in crossed}
        for one, other in combinations(solvers, 2):
            over_weeks = [interval(cost, weeks) for cost in _with_mean(_costs(by_week, one, other))]
            over_seeds = [_interval_over_seeds(cost) for cost in _with_mean(_costs(by_seed, one, other))]
            (gain, *by_weeks), by_seeds = over_weeks.pop(), over_seeds.pop()
            least, *least_by_weeks = np.min(over_weeks, axis=0)
            least_by_seeds = np.min(over_seeds, axis=0)
            rmse = 0.5 * (by_week[one, one][0] + by_week[other, other][0])
            gained = gain_verdict(rmse, [by_weeks, by_seeds], least, [least_by_weeks, least_by_seeds])
            in_one, in_other = (cost for cost, *_ in over_weeks[:2])
            found = [
                rmse,
                gain,
                *by_weeks,
                *by_seeds,
                in_one,
                in_other,
                least,
                *least_by_weeks,
                *least_by_seeds,
            ]
            rows.append([site, target, one, other, *found, gained])
    return pd.DataFrame(rows, columns=GAIN_COLUMNS)


def _costs(rmse, one: str, other: str) -> list:
    """RMSE of a crossed less an own pair: other training, in the one solver and the other; other solver, for each."""
    own = rmse[one, one], rmse[other, other]
    crossed = rmse[other, one], rmse[one, other]
    return [a - b for a, b in (*zip(crossed, own, strict=True), *zip(crossed, own[::-1], strict=True))]


def _with_mean(costs: list) -> list:
    """The costs and their mean, which is the gain."""
    return [*costs, sum(costs) / len(costs)]


def _interval_over_seeds(values) -> tuple[float, float]:
    """Student's interval of a mean over seeds; NaN for one seed, which has no spread."""
    return ttest_1samp(values, 0.0).confidence_interval(LEVEL) if len(values) > 1 else (np.nan, np.nan)


Ends = Sequence[tuple[float, float]]
"""Intervals, over weeks and over seeds; NaN where there are too few of them."""


def gain_verdict(rmse: float, gain: Ends, least: float, least_ends: Ends) -> str:
    """The verdict from the intervals of the `gain`, the smallest of its four costs, `least`, and the intervals of that.

    `rmse` is the error of own pairs. A significant gain that not all four costs share is due to one crossed pair.
    """
    negligible = NEGLIGIBLE * rmse
    if all(high < negligible for _, high in gain):
        return "does not"
    if least >= negligible and all(low > 0.0 for low, _ in least_ends):
        return "learns to correct"
    return "one-sided" if all(low > 0.0 for low, _ in gain) else "not significant"


def kinks(losses: Float[np.ndarray, " m"]) -> float:
    """Changes of sign of the second difference: 0 for a convex curve, 1 for an inflection, many for a rough one."""
    return (
        float(np.count_nonzero(np.diff(np.sign(np.diff(losses, 2))))) if np.isfinite(losses).all() else np.nan
    )


def lowest(values: Float[np.ndarray, " m"], losses: Float[np.ndarray, " m"]) -> float:
    """Value at the minimum of a curve, by a parabola through its lowest points; NaN at an end or on a plateau."""
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
    """One row of `SUMMARY_COLUMNS` for each solver and parameter of an unrounded table of `landscape` (rounding
    adds kinks).

    `minimum` and its shift from that of the reference (%); `kinks_wide`, `kinks_close` (see `kinks`); `autodiff_error`,
    the largest difference between derivatives by autodiff and by finite differences; `gradient_error`, the
    root-mean-square difference of those by autodiff from the reference's; both over the wide range, in units of the
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
