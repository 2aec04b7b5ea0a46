"""Does a network learn to correct the solver it is trained through? Every training, run with every solver.

A law that makes good for the errors of its solver is better with that solver than with another one, and better there
than a law that was trained elsewhere: of two trainings, each with both solvers, either own pair has less error than
either crossed pair. The gain is what crossed pairs have beyond own ones in the mean. It can come from one crossed pair
alone, where a solver is unstable with laws that were not trained through it: that is no correction.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from lad.drawing import RC
from lad.evaluation.differences import FEWEST_WEEKS, LEVEL, draw, interval
from lad.evaluation.scores import ENSEMBLE, score_table
from lad.evaluation.series import Simulated
from lad.evaluation.style import TARGET_LABELS, legend_below
from lad.evaluation.table import grid
from lad.observations import Observed

NEGLIGIBLE = 0.01  # of the RMSE of own pairs, what would not matter
COLUMNS = ["site", "target", "trained_with", "run_with", "seed", "n", "rmse", "bias", "nse", "kge"]
GAINS = ["site", "target", "one", "other", "rmse", "gain", "low", "high", "seeds_low", "seeds_high"]
GAINS += [
    "in_one",
    "in_other",
    "least",
    "least_low",
    "least_high",
    "least_seeds_low",
    "least_seeds_high",
    "verdict",
]

FEW_WEEKS, ONE_SEED = f"under {FEWEST_WEEKS} weeks", "one seed"  # in place of an interval

Crossed = Mapping[tuple[str, str], Simulated]
"""Test fluxes by the names of the solver of training and that of the run."""


def _by_name(crossed: Crossed) -> dict[str, Simulated]:
    return {"/".join(pair): simulated for pair, simulated in crossed.items()}


def cross_scores(site: str, period: str, observed: Observed, crossed: Crossed) -> pd.DataFrame:
    """Scores of every pair and seed, and of the mean over seeds: rows of `COLUMNS`. As `score_table`."""
    scores = score_table(site, period, observed, _by_name(crossed))
    scores[["trained_with", "run_with"]] = scores.model.str.split("/", expand=True)
    return scores[COLUMNS]


def gains(observed: Observed, crossed: Crossed, scores: pd.DataFrame) -> pd.DataFrame:
    """Gain (RMSE, W m-2) of own over crossed pairs of each two solvers: one row of `GAINS` per target.

    Half of what the RMSE of the two crossed pairs is beyond that of the two own ones; positive where own pairs are
    better, `rmse` is the mean of those. `low` to `high` is the 95 % interval over weeks of the test period, of the
    means over seeds; `seeds_low` to `seeds_high` that over seeds (Student's; one seed has the same initial weights and
    windows in every training).

    The gain is the mean of what foreign training costs `in_one` solver and `in_other`, and of what a foreign solver
    costs the network of the one and of the other. `least` is the smallest of these four, which all of them share. Its
    intervals are above zero only if all four are: their ends are the lowest of each.
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
            told = verdict(rmse, [by_weeks, by_seeds], least, [least_by_weeks, least_by_seeds])
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
            rows.append([site, target, one, other, *found, told])
    return pd.DataFrame(rows, columns=GAINS)


def _costs(rmse, one: str, other: str) -> list:
    """RMSE of a crossed less an own pair: foreign training in the one solver and the other, foreign solver for each."""
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


def verdict(rmse: float, gain: Ends, least: float, least_ends: Ends) -> str:
    """What the intervals of the `gain` tell, and the smallest of its four costs, `least`, with those of that.

    `rmse` is the error of own pairs. A sure gain that the four costs do not share is one crossed pair's own.
    """
    negligible = NEGLIGIBLE * rmse
    if all(high < negligible for _, high in gain):
        return "does not"
    if least >= negligible and all(low > 0.0 for low, _ in least_ends):
        return "learns to correct"
    return "one-sided" if all(low > 0.0 for low, _ in gain) else "not decided"


def text(scores: pd.DataFrame, gained: pd.DataFrame) -> str:
    """The matrix of scores and what follows from it, for readers."""
    blocks = [
        "# Trained with one solver, run with another\n",
        "RMSE (W m-2) and NSE of the mean over seeds, on the test periods; in brackets the range of NSE over seeds.\n",
    ]
    runs = list(scores.run_with.unique())
    for (site, target), rows in scores.groupby(["site", "target"], sort=False):
        lines = [["trained with", *(f"run with {run}" for run in runs)]]
        for trained in rows.trained_with.unique():
            cells = []
            for run in runs:
                pair = rows[(rows.trained_with == trained) & (rows.run_with == run)]
                mean, nse = pair[pair.seed == ENSEMBLE].iloc[0], pair[pair.seed != ENSEMBLE].nse
                cells.append(f"{mean.rmse:.2f}, {mean.nse:.3f} ({nse.min():.3f} … {nse.max():.3f})")
            lines.append([trained, *cells])
        blocks.append(f"## {site}, {target}\n\n{grid(lines)}\n")
    heads = ["site", "flux", "one", "other", "gain", "over weeks", "over seeds", "in one", "in other"]
    lines = [[*heads, "least cost", "its weeks", "its seeds", "the network"]]
    for r in gained.itertuples():
        gain = (
            f"{r.gain:+.3f}",
            _between(r.low, r.high, FEW_WEEKS),
            _between(r.seeds_low, r.seeds_high, ONE_SEED),
        )
        weeks = _between(r.least_low, r.least_high, FEW_WEEKS)
        seeds = _between(r.least_seeds_low, r.least_seeds_high, ONE_SEED)
        costs = (f"{r.in_one:+.3f}", f"{r.in_other:+.3f}", f"{r.least:+.3f}", weeks, seeds)
        lines.append([r.site, r.target, r.one, r.other, *gain, *costs, r.verdict])
    blocks += [
        "## Does the network learn to correct its solver?\n",
        "Gain: by how much RMSE (W m-2) is lower where a network runs with the solver it was trained with than where\n"
        "two networks change their solvers; 95 % intervals. It is the mean of what training with the other solver\n"
        "costs in one and in the other, and of what the other solver costs the network of the one and of the other.\n"
        f"The network learns to correct if the least of these four costs is {100 * NEGLIGIBLE:.0f} % of the RMSE or "
        "more, with both intervals\nabove zero; it does not if both intervals of the gain end below that. A sure gain "
        "without such a cost is\none-sided: a solver is unstable with networks that were not trained through it.\n",
        grid(lines) + "\n",
    ]
    return "\n".join(blocks)


def _between(low: float, high: float, otherwise: str) -> str:
    """An interval, or why there is none."""
    return otherwise if np.isnan(low) else f"{low:+.3f} … {high:+.3f}"


def drawing(scores: pd.DataFrame, title: str) -> Figure:
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
