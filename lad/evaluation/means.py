"""Means over days and months: which of them count, those with at least half of their half-hours.

Towers lose nights more often than days: means of model and tower over different hours would differ by that alone.
Lost are also the half-hours of a day or month that a record, or a period, does not have.
"""

import numpy as np
import pandas as pd

LEAST = 0.5  # share of all half-hours that a day or month can have


def counts(chosen: np.ndarray, period: pd.PeriodIndex, step: float) -> pd.Series:
    """Whether enough of the intervals (n,) of `step` s are `chosen`, by their day or month `period` (n,)."""
    number = pd.Series(chosen).groupby(period).sum()
    length = (number.index + 1).to_timestamp() - number.index.to_timestamp()
    return number * step / length.total_seconds() >= LEAST


def usable_means(series: pd.DataFrame, usable: np.ndarray, frequency: str) -> pd.DataFrame:
    """Means of `series` (n rows) over its `usable` intervals (n,), of the days ("D") or months ("M") that count."""
    period, step = series.index.to_period(frequency), np.diff(series.index).min() / np.timedelta64(1, "s")
    kept = counts(usable, period, step)
    return series[usable].groupby(period[usable]).mean().loc[kept.index[kept]]


def usable_day_means(series: pd.DataFrame, tower: pd.Series) -> pd.DataFrame:
    """Daily means, one after the other, over the half-hours where `tower` is usable; NaN on days that do not count."""
    means = usable_means(series, tower.notna().to_numpy(), "D")
    days = series.index.normalize()
    return means.to_timestamp().reindex(pd.date_range(days[0], days[-1], freq="D"))
