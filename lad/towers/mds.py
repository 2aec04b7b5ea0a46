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
PIECE = 1000  # rows at a time, to spare memory
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

    All series (n,) on one regular time axis, NaN where missing; drivers in W m-2, K and Pa. A row with a
    value is itself among its samples.
    """
    rows = np.flatnonzero(np.isnan(target)) if rows is None else np.asarray(rows)
    valid = np.flatnonzero(~np.isnan(target))
    drivers = {SHORTWAVE: [(swdown, np.clip(swdown, *SW_TOLERANCE))]}
    drivers[ALL_DRIVERS] = [
        *drivers[SHORTWAVE],
        (tair, np.full_like(tair, TAIR_TOLERANCE)),
        (vpd, np.full_like(vpd, VPD_TOLERANCE)),
    ]
    result = Sampled(*np.full((2, len(rows)), np.nan), *np.zeros((4, len(rows)), dtype=int))
    left = np.arange(len(rows))  # those of `rows` without samples so far
    for method, days in _order(len(target) // steps_per_day + 1):
        if len(left) == 0 or len(valid) < 2:
            break
        if method == DIURNAL:
            found = _same_clock(target, valid, rows[left], days, steps_per_day)
        else:
            found = _similar(target, valid, drivers[method], rows[left], days * steps_per_day)
        window = 2 * days + (method == DIURNAL)
        quality = 1 + (window > WIDE[method][0]) + (window > WIDE[method][1])
        for at, samples in found.items():
            row = left[at]
            result.value[row], result.deviation[row] = samples.mean(), samples.std(ddof=1)
            result.count[row], result.method[row] = len(samples), method
            result.window[row], result.quality[row] = window, quality
        left = np.delete(left, list(found))
    return result


def _order(record_days: int) -> Iterator[tuple[int, int]]:
    """Methods with the days to either side, from the most to the least trusted."""
    yield from ((ALL_DRIVERS, 7), (ALL_DRIVERS, 14), (SHORTWAVE, 7))
    yield from ((DIURNAL, days) for days in (0, 1, 2))
    yield from ((ALL_DRIVERS, days) for days in range(21, 78, 7))
    yield from ((SHORTWAVE, days) for days in range(14, 78, 7))
    yield from ((DIURNAL, days) for days in range(3, record_days + 3, 3))


def _similar(
    target: np.ndarray,
    valid: np.ndarray,
    drivers: list[tuple[np.ndarray, np.ndarray]],
    rows: np.ndarray,
    reach: int,
) -> dict[int, np.ndarray]:
    """Samples nearer than `reach` rows with all drivers within their tolerance, by position in `rows`."""
    values, weather = target[valid], [series[valid] for series, _ in drivers]
    first, last = np.searchsorted(valid, rows - reach + 1), np.searchsorted(valid, rows + reach)
    known = ~np.isnan([series[rows] for series, _ in drivers]).any(axis=0)
    found = {}
    for at in np.flatnonzero(known & (last - first > 1)):
        around = slice(first[at], last[at])
        similar = np.ones(last[at] - first[at], dtype=bool)
        for part, (series, tolerance) in zip(weather, drivers, strict=True):
            similar &= np.abs(part[around] - series[rows[at]]) < tolerance[rows[at]]  # false where missing
        if np.count_nonzero(similar) > 1:
            found[at] = values[around][similar]
    return found


def _same_clock(
    target: np.ndarray, valid: np.ndarray, rows: np.ndarray, days: int, daily: int
) -> dict[int, np.ndarray]:
    """Samples within an hour of the same clock time, `days` days to either side, by position in `rows`."""
    reach = days * daily + daily // 24
    some = np.flatnonzero(np.searchsorted(valid, rows + reach + 1) - np.searchsorted(valid, rows - reach) > 1)
    found = {}
    for part in np.split(some, range(PIECE, len(some), PIECE)):
        near = clock_rows(rows[part, None], days, daily)
        samples = np.where((near >= 0) & (near < len(target)), target[near.clip(0, len(target) - 1)], np.nan)
        known = ~np.isnan(samples)
        for at in np.flatnonzero(known.sum(axis=1) > 1):
            found[int(part[at])] = samples[at][known[at]]
    return found


def clock_rows(row: np.ndarray | int, days: int, daily: int) -> np.ndarray:
    """Rows within an hour of the clock time of `row`, up to `days` days away; some may lie outside the record."""
    hour = daily // 24
    return row + np.add.outer(np.arange(-days, days + 1) * daily, np.arange(-hour, hour + 1)).ravel()
