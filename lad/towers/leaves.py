"""Leaf area index from a table of dates, as satellites and field campaigns give it."""

from pathlib import Path

import numpy as np
import pandas as pd

from lad.errors import InputError
from lad.towers.variables import CLIMATOLOGY, INTERPOLATED, LEAVES

COLUMNS = ("lai", "lai_mean_3x3")
SMOOTHING = "33D"  # of the running median: single retrievals through thin clouds are far too low


def read_lai(path: str | Path) -> pd.Series:
    """LAI (m2 m-2) by date, running median over a month, from a CSV table with `date` and `lai`.

    The column `lai_mean_3x3` of MODIS subsets is taken too. Raises InputError (file, row) for anything else.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:  # of which pandas' own errors are kinds
        raise InputError(f"{path}: not a CSV table ({str(error).strip()})") from None
    column = next((name for name in COLUMNS if name in table), None)
    if column is None or "date" not in table:
        raise InputError(f"{path}: expected the columns date and {' or '.join(COLUMNS)}")
    table = table.dropna(subset=[column])
    date = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    value = pd.to_numeric(table[column], errors="coerce")
    described = LEAVES["LAI"]
    wrong = (
        date.isna()
        | ~value.between(described.low, described.high)
        | ~(date.diff().dt.days > 0).where(np.arange(len(date)) > 0, True)
    )
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{path}: {table['date'].iloc[row]}, {column} = {table[column].iloc[row]} in data row "
            f"{table.index[row] + 1}, expected rising dates YYYY-MM-DD and {described.low:g} to {described.high:g}"
        )
    if value.empty:
        raise InputError(f"{path}: no value of {column}")
    return pd.Series(value.to_numpy(), index=pd.DatetimeIndex(date)).rolling(SMOOTHING, center=True).median()


def lai_at(series: pd.Series, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LAI (n,) and its flags at interval starts: lines between the dates, outside them the mean of the season."""
    days, wanted = (
        stamps.astype("datetime64[s]").astype(float) / 86400.0 for stamps in (series.index.to_numpy(), time)
    )
    value = np.interp(wanted, days, series.to_numpy())
    outside = (wanted < days[0]) | (wanted > days[-1])
    season = series.groupby(series.index.day_of_year).mean().reindex(range(1, 367))
    # round the turn of the year
    season = (
        pd.concat([season] * 3, ignore_index=True).interpolate(limit_direction="both").to_numpy()[366:732]
    )
    value = np.where(outside, season[pd.DatetimeIndex(time).day_of_year - 1], value)
    return value, np.where(outside, CLIMATOLOGY, INTERPOLATED)
