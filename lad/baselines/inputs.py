"""Inputs of the learning baselines: the weather of a half-hour, and that before it."""

import numpy as np
import pandas as pd

from lad.baselines.data import BaselineData

RAIN_DAYS = (1, 3, 10, 30, 90)
MEAN_DAYS = (1, 10)
REMEMBERED = ("SWdown", "Tair", "VPD")


def weather(data: BaselineData) -> pd.DataFrame:
    """The inputs of the hybrids' networks, and rain and snow together as `Precip` (kg m-2 s-1); SI units, (n, k)."""
    forcing = data.record.forcing
    columns = {name: getattr(forcing, name) for name in data.seen} | {"Precip": forcing.Rainf + forcing.Snowf}
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def with_antecedents(data: BaselineData) -> pd.DataFrame:
    """`weather`, and means of it over the days that end with the half-hour: `Precip_90d`, `VPD_10d`, …

    Where a stretch of the record is younger than that, the mean is over what there is of it.
    """
    now = weather(data)
    days = {"Precip": RAIN_DAYS} | {name: MEAN_DAYS for name in REMEMBERED if name in data.seen}
    columns = [now]
    for name, lengths in days.items():
        for length in lengths:
            rows = round(length * 86400 / data.record.dt)
            rolling = now[name].groupby(data.record.segment).rolling(rows, min_periods=1).mean()
            columns.append(rolling.reset_index(drop=True).rename(f"{name}_{length}d"))
    return pd.concat(columns, axis=1)


def standardised(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Columns (n, k) less mean, by standard deviation of the rows `training` (n,); 0 what does not vary there."""
    mean, std = values[training].mean(axis=0), values[training].std(axis=0)
    return (values - mean) / np.where(std > 0, std, np.inf)
