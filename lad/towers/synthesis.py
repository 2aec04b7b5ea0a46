"""Estimates of what a tower does not measure."""

import numpy as np

from lad.towers.humidity import vapour_pressure

GRAVITY = 9.80665  # m s-2
R_DRY = 287.04  # J kg-1 K-1
LAPSE_RATE = 0.0065  # K m-1, standard atmosphere
SEA_LEVEL = 101325.0  # Pa
STEFAN_BOLTZMANN = 5.6704e-8  # W m-2 K-4


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
