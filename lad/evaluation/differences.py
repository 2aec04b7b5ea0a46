"""Differences of scores between models, with intervals.

Half-hours of a tower are no independent sample, weeks nearly are: weeks of the test periods are drawn with replacement
(block bootstrap, Künsch 1989, Ann. Stat. 17, 1217-1241), the same ones for both models, and all scores are taken
anew. Every score here follows from six sums, so a draw costs a weighted sum over the weeks.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.models import ordered
from lad.evaluation.series import Simulated
from lad.observations import TARGETS, Observed

COLUMNS = ["site", "target", "model", "reference", "metric", "difference", "low", "high", "weeks"]
DRAWS = 2000
LEVEL = 0.95
WEEK = np.timedelta64(7, "D")


class Sums(NamedTuple):
    """Sums by week, each (weeks,): count, simulated s, observed o, and their products."""

    n: np.ndarray
    s: np.ndarray
    o: np.ndarray
    ss: np.ndarray
    oo: np.ndarray
    so: np.ndarray

    @classmethod
    def of(cls, simulated: np.ndarray, observed: np.ndarray, week: np.ndarray) -> "Sums":
        """Sums over the half-hours (n,) of each of the weeks, numbered by `week` (n,) from 0."""
        s, o = simulated, observed
        return cls(*(np.bincount(week, weights) for weights in (np.ones(len(s)), s, o, s * s, o * o, s * o)))


def scores(sums: Sums, weights: np.ndarray) -> dict[str, np.ndarray]:
    """rmse, abs_bias (W m-2), nse and kge (draws,) of weeks taken `weights` (draws, weeks) times.

    As `lad.evaluation.metrics`, but for abs_bias, the size of the bias whatever its sign. NaN where undefined.
    """
    n, s, o, ss, oo, so = (weights @ x for x in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        error, variance_o, variance_s = ss - 2 * so + oo, oo / n - (o / n) ** 2, ss / n - (s / n) ** 2
        r = (so / n - s * o / n**2) / np.sqrt(variance_s * variance_o)
        spread = np.sqrt(variance_s / variance_o)
        kge = 1.0 - np.sqrt((r - 1) ** 2 + (spread - 1) ** 2 + (s / o - 1) ** 2)
        return {
            "rmse": np.sqrt(error / n),
            "abs_bias": np.abs(s - o) / n,
            "nse": 1.0 - error / (n * variance_o),
            "kge": kge,
        }


def weeks(time: np.ndarray) -> np.ndarray:
    """Number (n,) of the week, from 0 without a break in numbering, of each of the interval starts `time` (n,)."""
    return np.unique((time - time[0]) // WEEK, return_inverse=True)[1]


def differences(site: str, observed: Observed, simulated: dict[str, Simulated]) -> pd.DataFrame:
    """Score of each model's mean less that of each other model before it in the tables: one row of `COLUMNS`.

    `low` to `high` is the 95 % interval over the draws. `observed` and `simulated` hold the test half-hours.
    """
    rows = []
    names = ordered(list(simulated))
    for target in TARGETS:
        usable = observed.usable[target]
        week = weeks(observed.time[usable])
        count = int(week[-1]) + 1
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1.0 / count), size=DRAWS)
        weights = np.concatenate([np.ones((1, count)), drawn])  # the first is the record itself
        found = {
            name: scores(
                Sums.of(simulated[name].mean(target)[usable], observed.flux[target][usable], week), weights
            )
            for name in names
        }
        for number, model in enumerate(names):
            for reference in names[:number]:
                for metric in found[model]:
                    change = found[model][metric] - found[reference][metric]
                    low, high = np.quantile(change[1:], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
                    values = (site, target, model, reference, metric, change[0], low, high, count)
                    rows.append(dict(zip(COLUMNS, values, strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)
