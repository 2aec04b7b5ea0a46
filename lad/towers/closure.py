"""Correction of the turbulent fluxes for the energy balance that towers do not close.

LE and H are raised by one factor, which keeps their ratio (Twine et al. 2000, Agricultural and Forest Meteorology 103,
279-300), in the variant of ONEFlux, the code that makes LE_CORR and H_CORR of the FLUXNET products (Pastorello et al.
2020, Scientific Data 7, 225); the algorithm follows ONEFlux (BSD licence), its methods 1 and 2 for half-hours and
hours. Method 3, which borrows from neighbouring years, is left out: rows that need it stay uncorrected.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from lad.towers.flags import DERIVED, GOOD, MISSING, OWN_VALUES
from lad.towers.mds import clock_rows
from lad.towers.variables import FLUXES

HALF_WINDOW = 15  # days to either side
FEWEST = 5  # samples
SPREAD = 1.5  # interquartile ranges around the median within which a factor counts
# Ends of the intervals around midnight and noon, when storage in canopy and soil changes least, in minutes.
MIDNIGHT, NOON = (22 * 60, 2 * 60 + 30), (10 * 60, 14 * 60 + 30)
NEIGHBOURS = 5  # days to either side from which method 2 takes the correction of method 1
USABLE = (*OWN_VALUES, GOOD)  # flags of LE and H
QUARTILES = (0.25, 0.50, 0.75)


class Closed(NamedTuple):
    """Corrected fluxes (n, 3), W m-2: the 25th, 50th and 75th percentile; NaN where there is none."""

    latent: np.ndarray
    sensible: np.ndarray
    count: np.ndarray  # samples of the factor
    method: np.ndarray  # 1 factors of the days around, 2 mean correction of neighbouring rows, 0 none


def corrected_fluxes(
    values: Mapping[str, np.ndarray],
    flags: Mapping[str, np.ndarray],
    time: np.ndarray,
    step: int,
    segment: np.ndarray,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """`Qle_cor` and `Qh_cor` of a record, their flags, and the method of each row (0 none, 1, 2).

    `values` and `flags` have the four fluxes of `variables.FLUXES`, (n,) like the interval starts `time`. NaN, flag 9
    and method 0 where there is no correction.
    """
    own = {name: np.where(np.isin(flags[name], OWN_VALUES), values[name], np.nan) for name in ("Rnet", "Qg")}
    factor = closure_factor(
        np.asarray(values["Qle"]),
        np.asarray(values["Qh"]),
        (np.asarray(flags["Qle"]), np.asarray(flags["Qh"])),
        own["Rnet"],
        own["Qg"],
    )
    end_minute = ((time + np.timedelta64(step, "s")).astype("datetime64[m]").astype(int)) % 1440
    corrected, method = np.full((2, len(time)), np.nan), np.zeros(len(time), dtype=np.int8)
    for number in np.unique(segment):
        rows = segment == number
        latent, sensible = (np.asarray(values[name])[rows] for name in ("Qle", "Qh"))
        found = correct(latent, sensible, factor[rows], end_minute[rows], 86400 // step)
        corrected[0, rows], corrected[1, rows] = found.latent[:, 1], found.sensible[:, 1]
        method[rows] = found.method
    result = dict(zip(("Qle_cor", "Qh_cor"), corrected, strict=True))
    derived = {name: np.where(np.isnan(value), MISSING, DERIVED) for name, value in result.items()}
    return result, derived, method


def energy_balance(
    values: Mapping[str, np.ndarray], flags: Mapping[str, np.ndarray], groups: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """How far LE + H make up Rn - G in each group of rows (bool (n,) by name), where the tower gave all four.

    `ratio` is that of the sums; `slope` and `intercept` (W m-2) are those of LE + H on Rn - G by least squares.
    """
    own = np.all([np.isin(flags[name], OWN_VALUES) for name in FLUXES], axis=0)
    fluxes = {name: np.asarray(values[name], dtype=float) for name in FLUXES}
    turbulent, available = fluxes["Qle"] + fluxes["Qh"], fluxes["Rnet"] - fluxes["Qg"]
    rows = []
    for name, group in groups.items():
        used = own & group & ~np.isnan(turbulent + available)
        x, y = available[used], turbulent[used]
        slope, intercept = np.polyfit(x, y, 1) if len(x) > 2 else (np.nan, np.nan)
        ratio = y.sum() / x.sum() if len(x) else np.nan
        rows.append((name, int(used.sum()), ratio, slope, intercept))
    return pd.DataFrame(rows, columns=["period", "intervals", "ratio", "slope", "intercept"])


def closure_factor(
    latent: np.ndarray,
    sensible: np.ndarray,
    flags: tuple[np.ndarray, np.ndarray],
    net_radiation: np.ndarray,
    ground: np.ndarray,
) -> np.ndarray:
    """(Rn - G) / (LE + H) where all four exist and LE and H are measured or well filled, else NaN.

    Factors outside the median ± 1.5 interquartile ranges of the whole record are dropped. All (n,), W m-2;
    `flags` of LE and H: see `lad.towers.flags`.
    """
    usable = np.isin(flags[0], USABLE) & np.isin(flags[1], USABLE)
    turbulent = latent + sensible
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(usable & (turbulent != 0.0), (net_radiation - ground) / turbulent, np.nan)
    known = factor[~np.isnan(factor)]
    if len(known) == 0:
        return factor
    low, _, high = _percentiles(known)
    middle, margin = np.median(known), SPREAD * (high - low)
    return np.where((factor > middle - margin) & (factor < middle + margin), factor, np.nan)


def correct(
    latent: np.ndarray, sensible: np.ndarray, factor: np.ndarray, end_minute: np.ndarray, steps_per_day: int
) -> Closed:
    """Corrected fluxes of each row, from the `factor` of the rows around noon and midnight.

    All (n,) on one regular time axis, NaN where missing; `end_minute` is the minute of the day at which the
    interval ends (0 … 1439).
    """
    quiet = np.flatnonzero(~np.isnan(factor) & _is_quiet(end_minute))
    row, reach = np.arange(len(factor)), HALF_WINDOW * steps_per_day
    first = np.searchsorted(quiet, row - reach - (steps_per_day == 48))
    count = np.searchsorted(quiet, row + reach) - first
    samples = [factor[quiet[start : start + n]] for start, n in zip(first, count, strict=True)]
    fluxes = np.stack([latent, sensible])
    corrected = np.full((2, len(factor), 3), np.nan)
    for k in np.flatnonzero(count >= FEWEST):
        corrected[:, k] = [_percentiles(flux * samples[k]) for flux in fluxes[:, k]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = corrected[:, :, 1] / fluxes
    ratio[~np.isfinite(ratio)] = np.nan
    method = np.where(count >= FEWEST, 1, 0).astype(np.int8)
    for k in np.flatnonzero(count < FEWEST):
        rows = clock_rows(k, NEIGHBOURS, steps_per_day)
        near = ratio[:, rows[(rows >= 0) & (rows < len(factor))]]
        count[k] = (~np.isnan(near)).any(axis=0).sum()
        if count[k]:
            method[k] = 2
            with np.errstate(invalid="ignore"):  # one of the fluxes may have no neighbour
                corrected[:, k, 1] = fluxes[:, k] * np.nansum(near, axis=1) / (~np.isnan(near)).sum(axis=1)
    method[np.isnan(corrected[:, :, 1]).all(axis=0)] = 0
    return Closed(*corrected, count, method)


def _is_quiet(minute: np.ndarray) -> np.ndarray:
    return (minute >= MIDNIGHT[0]) | (minute <= MIDNIGHT[1]) | ((minute >= NOON[0]) & (minute <= NOON[1]))


def _percentiles(values: np.ndarray) -> list[float]:
    """The quartiles as ONEFlux takes them: always one of the values."""
    ordered = np.sort(values)
    return [ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in QUARTILES]
