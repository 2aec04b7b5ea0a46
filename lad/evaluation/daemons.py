"""Does a network learn to correct the solver it is trained through? Every training, run with every solver.

A law that makes good for the errors of its solver is better with that solver than with another one, and loses this as
it changes solvers. Whether one training or one solver is better in general is no part of that: of the scores of two
trainings, each with both solvers, the gain is what crossed pairs have in error beyond own pairs.
"""

from collections.abc import Mapping
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from lad.drawing import RC
from lad.evaluation.differences import LEVEL, draw, interval
from lad.evaluation.scores import ENSEMBLE, score_table
from lad.evaluation.series import Simulated
from lad.evaluation.style import TARGET_LABELS, legend_below
from lad.evaluation.table import grid
from lad.observations import Observed

NEGLIGIBLE = 0.01  # of the RMSE of own pairs, a gain that would not matter
COLUMNS = ["site", "target", "trained_with", "run_with", "seed", "n", "rmse", "bias", "nse", "kge"]
GAINS = ["site", "target", "one", "other", "rmse", "gain", "low", "high", "seeds_low", "seeds_high"]
GAINS += ["in_one", "in_other", "verdict"]

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
    windows in every training). The gain is the mean of what foreign training costs `in_one`
    solver and `in_other`: unequal where a solver is unstable with laws that were not trained through it.
    """
    drawn, rows = draw(observed, _by_name(crossed)), []
    solvers = list(dict.fromkeys(trained for trained, _ in crossed))
    members = scores[scores.seed != ENSEMBLE]
    for (site, target), group in members.groupby(["site", "target"], sort=False):
        by_seed = group.pivot(index="seed", columns=["trained_with", "run_with"], values="rmse")
        for one, other in combinations(solvers, 2):

            def gain(of, one=one, other=other):
                return 0.5 * (of(one, other) + of(other, one) - of(one, one) - of(other, other))

            def over_weeks(trained, run, found=drawn[target].scores):
                return found[f"{trained}/{run}"]["rmse"]

            def over_seeds(trained, run, found=by_seed):
                return found[trained, run].to_numpy()

            value, *by_week = interval(gain(over_weeks), drawn[target].weeks)
            by_seed_gain = gain(over_seeds)
            by_seeds = (np.nan, np.nan)  # one seed has no spread
            if len(by_seed_gain) > 1:
                by_seeds = ttest_1samp(by_seed_gain, 0.0).confidence_interval(LEVEL)
            crossing = [over_weeks(other, one)[0], over_weeks(one, other)[0]]
            own = [over_weeks(one, one)[0], over_weeks(other, other)[0]]
            costs = np.subtract(crossing, own)
            told = verdict(np.mean(own), [by_week, by_seeds], costs)
            rows.append([site, target, one, other, np.mean(own), value, *by_week, *by_seeds, *costs, told])
    return pd.DataFrame(rows, columns=GAINS)


def verdict(rmse: float, intervals, costs) -> str:
    """What `intervals` of a gain, over weeks and over seeds, tell, where own pairs have an error of `rmse`.

    `costs` of foreign training in the one and the other solver: where one of them is none, a sure gain is one solver's
    instability with laws of the other, and no correction.
    """
    if all(low > 0.0 for low, _ in intervals):
        return "learns to correct" if min(costs) > 0.0 else "one-sided"
    if all(high < NEGLIGIBLE * rmse for _, high in intervals):
        return "does not"
    return "not decided"


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
    lines = [
        ["site", "", "one", "other", "gain", "over weeks", "over seeds", "in one", "in other", "the network"]
    ]
    for r in gained.itertuples():
        ends = (f"{r.low:+.3f} … {r.high:+.3f}", f"{r.seeds_low:+.3f} … {r.seeds_high:+.3f}")
        costs = (f"{r.in_one:+.3f}", f"{r.in_other:+.3f}")
        lines.append([r.site, r.target, r.one, r.other, f"{r.gain:+.3f}", *ends, *costs, r.verdict])
    blocks += [
        "## Does the network learn to correct its solver?\n",
        "Gain: by how much RMSE (W m-2) is lower where a network runs with the solver it was trained with than where\n"
        "two networks change their solvers; 95 % intervals. It is the mean of what training with the other solver\n"
        "costs in one and in the other. The network learns to correct if both intervals are above zero and either\n"
        "costs something (one-sided: only one does), and does not if both intervals end below "
        f"{100 * NEGLIGIBLE:.0f} % of the RMSE.\n",
        grid(lines) + "\n",
    ]
    return "\n".join(blocks)


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
