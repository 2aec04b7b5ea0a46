"""Marginal distribution sampling: a gap gets the mean of what was measured nearby in similar weather.

Reichstein et al. (2005, Global Change Biology 11, 1424-1439) in the variant of ONEFlux, the code that makes the
FLUXNET products (Pastorello et al. 2020, Scientific Data 7, 225); the algorithm follows ONEFlux (BSD licence).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

ALL_DRIVERS, SHORTWAVE, DIURNAL = 1, 2, 3
METHODS = {ALL_DRIVERS: "similar weather", SHORTWAVE: "similar radiation", DIURNAL: "same clock time"}
TAIR_TOLERANCE = 2.5  # K
VPD_TOLERANCE = 500.0  # Pa
SW_TOLERANCE = (20.0, 50.0)  # W m-2: the radiation itself, within these
WIDE = {ALL_DRIVERS: (14, 56), SHORTWAVE: (14, 28), DIURNAL: (1, 5)}  # days above which the quality falls


class Sampled(NamedTuple):
    """For the rows that were asked for, in order; `window` in days. Where nothing was found: NaN and zeros."""

    value: np.ndarray
    deviation: np.ndarray  # standard deviation of the samples
    count: np.ndarray
    method: np.ndarray  # a key of `METHODS`
    window: np.ndarray
    quality: np.ndarray  # 1 good, 2 medium, 3 poor


def sample(
    target: np.ndarray,
    swdown: np.ndarray,
    tair: np.ndarray,
    vpd: np.ndarray,
    steps_per_day: int,
    rows: np.ndarray | None = None,
) -> Sampled:
    """Estimates of `target` in `rows` (its gaps, unless other row numbers are given), whatever their length.

    All series (n,) on one regular time axis, NaN where missing; drivers in W m-2, K and Pa. A row that has a
    value itself is among its samples.
    """
    rows = np.flatnonzero(np.isnan(target)) if rows is None else rows
    found = [_sample_row(row, target, swdown, tair, vpd, steps_per_day) for row in rows]
    value, deviation, count, method, window = (
        np.array(column) for column in (zip(*found, strict=True) if found else [()] * 5)
    )
    count, method, window = count.astype(int), method.astype(np.int8), window.astype(int)
    return Sampled(value, deviation, count, method, window, _quality(method, window))


def _quality(method: np.ndarray, window: np.ndarray) -> np.ndarray:
    limits = np.array([(0, 0)] + [WIDE[key] for key in (ALL_DRIVERS, SHORTWAVE, DIURNAL)])[method]
    return np.where(method == 0, 0, 1 + (window[:, None] > limits).sum(axis=1)).astype(np.int8)


def _sample_row(
    row: int, target: np.ndarray, swdown: np.ndarray, tair: np.ndarray, vpd: np.ndarray, daily: int
) -> tuple[float, float, int, int, int]:
    tolerance = np.clip(swdown[row], *SW_TOLERANCE)
    drivers = {SHORTWAVE: ((swdown, tolerance),)}
    drivers[ALL_DRIVERS] = (*drivers[SHORTWAVE], (tair, TAIR_TOLERANCE), (vpd, VPD_TOLERANCE))
    usable = {
        method: not any(np.isnan(series[row]) for series, _ in pairs) for method, pairs in drivers.items()
    }
    for method, days in _order(len(target) // daily):
        if method == DIURNAL:
            samples = target[clock_rows(row, days, daily, len(target))]
            samples, window = samples[~np.isnan(samples)], 2 * days + 1
        elif usable[method]:
            around = slice(max(row - days * daily + 1, 0), row + days * daily)
            similar = ~np.isnan(target[around])
            for series, limit in drivers[method]:
                similar &= np.abs(series[around] - series[row]) < limit  # false where missing
            samples, window = target[around][similar], 2 * days
        else:
            continue
        if len(samples) > 1:
            return samples.mean(), samples.std(ddof=1), len(samples), method, window
    return np.nan, np.nan, 0, 0, 0


def _order(record_days: int) -> Iterator[tuple[int, int]]:
    """Methods with the days to either side, from the most to the least trusted."""
    yield from ((ALL_DRIVERS, 7), (ALL_DRIVERS, 14), (SHORTWAVE, 7))
    yield from ((DIURNAL, days) for days in (0, 1, 2))
    yield from ((ALL_DRIVERS, days) for days in range(21, 78, 7))
    yield from ((SHORTWAVE, days) for days in range(14, 78, 7))
    yield from ((DIURNAL, days) for days in range(3, record_days + 3, 3))


def clock_rows(row: int, days: int, daily: int, length: int) -> np.ndarray:
    """Rows within an hour of the same clock time, so many days to either side."""
    hour = daily // 24
    rows = row + np.add.outer(np.arange(-days, days + 1) * daily, np.arange(-hour, hour + 1)).ravel()
    return rows[(rows >= 0) & (rows < length)]
