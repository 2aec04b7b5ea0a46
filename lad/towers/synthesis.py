"""Estimates of what a tower does not measure."""

from collections.abc import Mapping

import numpy as np

from lad.towers.humidity import vapour_pressure
from lad.towers.variables import SYNTHESISED

GRAVITY = 9.80665  # m s-2
R_DRY = 287.04  # J kg-1 K-1
LAPSE_RATE = 0.0065  # K m-1, standard atmosphere
SEA_LEVEL = 101325.0  # Pa
STEFAN_BOLTZMANN = 5.6704e-8  # W m-2 K-4
DAY = 86400.0  # s
BLOCK, ENOUGH = 30, 10  # days that are judged together, and how many of them must have values
# What a measured series has no part of: departure (standard deviation) from a smooth function of the air. Measured
# months of six towers depart by 7 W m-2 and 6 Pa at least, formulas by 0.8 W m-2 and 0.5 Pa at most.
FORMULAS = {"LWdown": (("Tair", "VPD"), 1.5, "W m-2"), "Psurf": (("Tair",), 4.0, "Pa")}


def pressure(tair: np.ndarray, elevation: float) -> np.ndarray:
    """Surface pressure, Pa, of the standard sea-level pressure at `elevation` m in air of `tair` K."""
    sea_level_temperature = tair + LAPSE_RATE * elevation
    return SEA_LEVEL * (tair / sea_level_temperature) ** (GRAVITY / R_DRY / LAPSE_RATE)


def longwave(tair: np.ndarray, vpd: np.ndarray, clearness: np.ndarray) -> np.ndarray:
    """Downward longwave radiation, W m-2, from K, Pa and the ratio of shortwave to potential radiation.

    Brutsaert's (1975) clear-sky emissivity times 1 + 0.22 c**2, with the cloud cover c falling linearly from
    1 at clearness 0.5 to 0 at 0.9: LW_IN_JSB of the FLUXNET products (Pastorello et al. 2020).
    """
    cloud = np.clip(1.0 - (clearness - 0.5) / 0.4, 0.0, 1.0)
    emissivity = 0.64 * (vapour_pressure(tair, vpd) / tair) ** (1.0 / 7.0)
    return (1.0 + 0.22 * cloud**2) * emissivity * STEFAN_BOLTZMANN * tair**4


def longwave_by_humidity(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Downward longwave radiation, W m-2, from K and Pa alone.

    Abramowitz et al. (2012, Geophysical Research Letters 39, L04801): a regression on towers under all skies.
    """
    return 2.648 * tair + 0.0346 * vapour_pressure(tair, vpd) - 474.0


def synthetic(
    values: Mapping[str, np.ndarray], flags: Mapping[str, np.ndarray], step: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """`flags` (n,) with LWdown and Psurf that are formulas of the air synthesised, and a line on each that is.

    Sources fill LWdown by functions of temperature and humidity, Psurf by functions of elevation and temperature.
    Both show in the values (n,), SI at every `step` s: in blocks of a month a smooth function of Tair and VPD, or of
    Tair, leaves less of them than `FORMULAS`. Blocks with values for less than `ENOUGH` days are not judged.
    """
    found, remarks = dict(flags), []
    for name, (inputs, most, units) in FORMULAS.items():
        if not {name, *inputs} <= values.keys():
            continue
        value, *air = (np.asarray(values[key], dtype=float) for key in (name, *inputs))
        known = np.isfinite(value) & np.isfinite(air).all(axis=0)
        marked = np.zeros(len(value), dtype=bool)
        for rows in np.array_split(np.arange(len(value)), max(1, round(len(value) * step / DAY / BLOCK))):
            used = rows[known[rows]]
            if len(used) * step >= ENOUGH * DAY and _departure(value[used], *(a[used] for a in air)) < most:
                marked[rows] = np.isfinite(value[rows])
        if marked.any():
            found[name] = np.where(marked, SYNTHESISED, found[name])
            share = marked.sum() / np.isfinite(value).sum()
            remarks.append(
                f"{name}: {share:.0%} of the values follow from {' and '.join(inputs)} to {most:g} {units}, which no "
                "sensor's do; they count as synthesised"
            )
    return found, remarks


def _departure(value: np.ndarray, tair: np.ndarray, vpd: np.ndarray | None = None) -> float:
    """Standard deviation of a series (n,) about the best smooth function of the air's temperature and humidity."""
    warm = (tair - 280.0) / 10.0
    shapes = [np.ones_like(warm), warm, warm**2]
    if vpd is not None:
        e = vapour_pressure(tair, vpd)
        shapes += [e / 1000.0, np.log(e), warm * np.log(e)]
    table = np.stack(shapes, axis=1)
    return float(np.std(value - table @ np.linalg.lstsq(table, value, rcond=None)[0]))
