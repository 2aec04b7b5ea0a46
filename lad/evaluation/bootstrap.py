"""Scores and their differences between models, with intervals.

Half-hours of a tower are not independent, weeks nearly are: weeks of the test periods are drawn with replacement
(block bootstrap, Carlstein 1986, Ann. Stat. 14, 1171-1179), the same ones for both models, and all scores are
recomputed. Every score here follows from six sums, so a draw costs a weighted sum over the weeks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.evaluation.metrics import BETTER, NEITHER
from lad.evaluation.models import ordered
from lad.evaluation.series import Simulated
from lad.observations import TARGETS, Observed

DIFFERENCE_COLUMNS = ["site", "target", "model", "reference", "metric", "difference", "low", "high", "weeks"]
INTERVAL_COLUMNS = ["site", "target", "model", "metric", "value", "low", "high", "weeks"]
DIFFERENCE_METRICS = ("rmse", "abs_bias", "nse", "kge")
"""Scores whose differences are computed."""
DIFFERENCE_KEYS = ["site", "target", "model", "reference", "metric"]
DRAWS = 2000
FEWEST_WEEKS = 8  # to draw from, below which an interval would be far too narrow
LEVEL = 0.95
ROUNDING_VARIANCE = 1e-9  # of the mean square, below which a variance is rounding
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


class Drawn(NamedTuple):
    """Scores of one target: model → score → (1 + draws,), the first of the record itself; and the number of weeks."""

    scores: dict[str, dict[str, np.ndarray]]
    weeks: int


def scores(sums: Sums, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Scores (draws,) of weeks taken `weights` (draws, weeks) times; NaN where undefined.

    The scores of `lad.evaluation.metrics` that follow from the sums, and abs_bias (W m-2), the size of the bias: for
    the first draw, the record itself, its absolute value; for the others the bias in that direction. (Absolute values
    of all draws would lie above that of a record without bias, and their interval would not contain it.)
    """
    n, s, o, ss, oo, so = (weights @ x for x in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.maximum(ss - 2 * so + oo, 0.0)  # rounding can make that of a perfect model negative
        variance_o, variance_s = oo / n - (o / n) ** 2, ss / n - (s / n) ** 2
        variance_s = np.where(
            variance_s > ROUNDING_VARIANCE * ss / n, variance_s, 0.0
        )  # a constant, up to rounding
        bias = (s - o) / n
        r = (so / n - s * o / n**2) / np.sqrt(variance_s * variance_o)
        r = np.where(variance_s > 0, r, np.nan)
        alpha, beta = np.sqrt(variance_s / variance_o), s / o
        return {
            "rmse": np.sqrt(error / n),
            "bias": bias,
            "abs_bias": bias * np.sign(bias[0]),
            "bias_pct": 100 * bias / np.abs(o / n),
            "nse": 1.0 - error / (n * variance_o),
            "kge": 1.0 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2),
            "r": r,
            "kge_2012": 1.0 - np.sqrt((r - 1) ** 2 + (alpha / beta - 1) ** 2 + (beta - 1) ** 2),
            "kge_2021": 1.0 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + bias**2 / variance_o),
            "sd_diff": np.abs(1.0 - alpha),
        }


def weeks(time: np.ndarray) -> np.ndarray:
    """Number (n,) of the week of each interval start in `time` (n,), counted from 0 without gaps."""
    return np.unique((time - time[0]) // WEEK, return_inverse=True)[1]


def draw(observed: Observed, simulated: dict[str, Simulated]) -> dict[str, Drawn]:
    """By target the scores of each model's mean, in the order of the tables, over the same drawn weeks for all.

    `observed` and `simulated` hold the test half-hours.
    """
    drawn = {}
    for target in TARGETS:
        usable = observed.usable[target]
        week = weeks(observed.time[usable])
        count = int(week[-1]) + 1
        times = np.random.default_rng(0).multinomial(count, np.full(count, 1.0 / count), size=DRAWS)
        weights = np.concatenate([np.ones((1, count)), times])
        found = {}
        for name in ordered(list(simulated)):
            flux = simulated[name].mean(target)[usable]
            found[name] = scores(Sums.of(flux, observed.flux[target][usable], week), weights)
        drawn[target] = Drawn(found, count)
    return drawn


def interval(values: np.ndarray, weeks: int) -> tuple[float, float, float]:
    """Value of the record itself, and low and high end of the 95 % interval over the draws from `weeks`.

    The ends are NaN for fewer than `FEWEST_WEEKS`.
    """
    if weeks < FEWEST_WEEKS:
        return float(values[0]), np.nan, np.nan
    low, high = np.quantile(values[1:], [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(values[0]), float(low), float(high)


def intervals(site: str, drawn: dict[str, Drawn]) -> pd.DataFrame:
    """Scores of each model's mean with their 95 % intervals over the draws: one row of `INTERVAL_COLUMNS`."""
    rows = [
        (site, target, model, metric, *interval(values, count), count)
        for target, (models, count) in drawn.items()
        for model, found in models.items()
        for metric, values in found.items()
        if metric != "abs_bias"  # for `differences`; here the interval of the bias says more
    ]
    return pd.DataFrame(rows, columns=INTERVAL_COLUMNS)


def differences(site: str, drawn: dict[str, Drawn]) -> pd.DataFrame:
    """Score of each model's mean less that of each model before it in the tables: rows of `DIFFERENCE_COLUMNS`.

    `low` to `high` is the 95 % interval over the draws, which are the same for both.
    """
    rows = [
        (
            site,
            target,
            model,
            reference,
            metric,
            *interval(found[model][metric] - found[reference][metric], count),
            count,
        )
        for target, (found, count) in drawn.items()
        for number, model in enumerate(found)
        for reference in list(found)[:number]
        for metric in DIFFERENCE_METRICS
    ]
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def gain(ends: pd.DataFrame, key: Sequence[str], metric: str) -> tuple[float, float, float] | None:
    """Score of a model less that of another with its interval, whichever of the two the table calls reference.

    `ends`: the table of `differences` with the index `DIFFERENCE_KEYS`; `key`: site, target, model and reference. None
    where the two were not compared.
    """
    site, target, model, reference = key
    for pair, sign in (((model, reference), 1.0), ((reference, model), -1.0)):
        if (site, target, *pair, metric) in ends.index:
            row = ends.loc[(site, target, *pair, metric), ["difference", "low", "high"]]
            difference, *interval = sign * row.astype(float)
            return difference, *sorted(interval)
    return None


def verdict(metric: str, low: float, high: float) -> str:
    """better, worse or open, from the interval of a difference of the score `metric`.

    Open if it contains zero, and for signed scores, which are best at 0.
    """
    if BETTER[metric] == NEITHER or not (low > 0 or high < 0):
        return "open"
    return "better" if BETTER[metric] * low > 0 else "worse"
