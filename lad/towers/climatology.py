"""Mean diurnal course around a day, from the same day of other years where the surroundings are empty too."""

from collections.abc import Iterator

import numpy as np

NEIGHBOURS = (7, 14, 28)  # days before and after
SEASONS = (7, 14, 28, 91, 183)  # days before and after the day of the year
ENOUGH = 5  # samples
DAY = 86400  # s


def diurnal_ratio(time: np.ndarray, step: int, numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Sum of the numerator over sum of the denominator at the same clock time of the days around, (n,).

    Arrays (n,) at interval starts `time`; rows where either is NaN are no samples. The narrowest window with
    enough samples counts: neighbouring days first, then the same season of all years. NaN where the record
    has no sample at that clock time, and where the denominators of a window sum to zero. With ones as
    denominator it is the mean diurnal course (Falge et al. 2001).
    """
    seconds = time.astype("datetime64[s]").astype(np.int64)
    day, slot = seconds // DAY - seconds[0] // DAY, seconds % DAY // step
    dates = seconds[0] // DAY + np.arange(day[-1] + 1)
    sample = ~np.isnan(numerator + denominator)
    grids = np.zeros((3, len(dates), DAY // step))
    for grid, column in zip(grids, (np.ones(len(time)), numerator, denominator), strict=True):
        grid[day[sample], slot[sample]] = column[sample]
    result = np.full(grids.shape[1:], np.nan)
    for enough, sums in _windows(grids, dates):
        take = np.isnan(result) & enough & (sums[2] != 0.0)
        result[take] = sums[1][take] / sums[2][take]
    return result[day, slot]


def _windows(grids: np.ndarray, dates: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Where a window holds enough samples, and its sums (3, days, slots); windows from narrow to wide."""
    for days in NEIGHBOURS:
        sums = _moving_sum(grids, days)
        yield sums[0] >= ENOUGH, sums
    calendar = dates.astype("datetime64[D]")
    season = (calendar - calendar.astype("datetime64[Y]")).astype(int)  # 0 … 365
    years = np.zeros((3, 366, grids.shape[2]))
    for grid, total in zip(grids, years, strict=True):
        np.add.at(total, season, grid)
    for days in SEASONS:
        around = np.concatenate([years[:, -days:], years, years[:, :days]], axis=1)
        sums = _moving_sum(around, days)[:, days:-days][:, season]
        yield sums[0] >= (ENOUGH if days != SEASONS[-1] else 1), sums


def _moving_sum(grids: np.ndarray, days: int) -> np.ndarray:
    """Sum over the rows from `days` before to `days` after each row, fewer at the ends."""
    n = grids.shape[1]
    total = np.concatenate([np.zeros_like(grids[:, :1]), np.cumsum(grids, axis=1)], axis=1)
    row = np.arange(n)
    return total[:, np.minimum(row + days + 1, n)] - total[:, np.maximum(row - days, 0)]
