"""Formulas of the air and the sun: humidity, rain or snow, pressure, longwave and potential radiation."""

import numpy as np
import pandas as pd

from lad.towers.sites import Site

EPSILON = 0.622  # ratio of the molar masses of water and dry air
LEAST_VAPOUR = 1.0  # Pa
GRAVITY = 9.80665  # m s-2
R_DRY = 287.04  # J kg-1 K-1
LAPSE_RATE = 0.0065  # K m-1, standard atmosphere
SEA_LEVEL = 101325.0  # Pa
STEFAN_BOLTZMANN = 5.6704e-8  # W m-2 K-4
SOLAR_CONSTANT = 1361.0  # W m-2
SUN_STEP = 1800  # s; the mean over a longer interval is taken from the middles of such pieces


def saturation(tair: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water, Pa, of air at `tair` K.

    611 exp(17.26938818 t / (237.3 + t)) with t in degrees Celsius: the formula with which ONEFlux turns
    relative humidity into a deficit, so that the inverse is exact.
    """
    celsius = tair - 273.15
    return 611.0 * np.exp(17.26938818 * celsius / (237.3 + celsius))


def deficit(tair: np.ndarray, relative_humidity: np.ndarray) -> np.ndarray:
    """Vapour-pressure deficit, Pa, from K and %. Never negative: sensors drift a little above 100 %."""
    return np.maximum(saturation(tair) * (1.0 - relative_humidity / 100.0), 0.0)


def relative(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Relative humidity, %, from K and Pa: the inverse of `deficit`."""
    return 100.0 * (1.0 - vpd / saturation(tair))


def vapour_pressure(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Vapour pressure, Pa, at least `LEAST_VAPOUR`, from K and Pa."""
    return np.maximum(saturation(tair) - vpd, LEAST_VAPOUR)


def specific_humidity(tair: np.ndarray, vpd: np.ndarray, psurf: np.ndarray) -> np.ndarray:
    """Specific humidity, kg kg-1, from K, Pa, Pa."""
    e = vapour_pressure(tair, vpd)
    return EPSILON * e / (psurf - (1.0 - EPSILON) * e)


def relative_humidity(tair: np.ndarray, qair: np.ndarray, psurf: np.ndarray) -> np.ndarray:
    """Relative humidity, %, from K, kg kg-1, Pa."""
    return 100.0 * qair * psurf / (EPSILON + (1.0 - EPSILON) * qair) / saturation(tair)


def snow_fraction(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Share of precipitation that falls as snow, 0 to 1, from K and Pa.

    Jennings et al. (2018, Nature Communications 9, 1148), bivariate logistic regression on air temperature
    (degrees Celsius) and relative humidity (%): at 0 degrees Celsius dry air brings more snow than moist air.
    Shares below 1 % and above 99 % are rounded: a trace of snow in summer rain is the tail of a fitted curve.
    """
    humidity = 100.0 * vapour_pressure(tair, vpd) / saturation(tair)
    share = 1.0 / (1.0 + np.exp(-10.04 + 1.41 * (tair - 273.15) + 0.09 * humidity))
    return np.where(share < 0.01, 0.0, np.where(share > 0.99, 1.0, share))


def snow_fraction_jordan(tair: np.ndarray) -> np.ndarray:
    """Share of precipitation that falls as snow after Jordan (1991, CRREL Special Report 91-16), from K alone."""
    warmth = tair - 273.16
    rising = 1.0 - (-54.632 + 0.2 * tair)
    return np.select([warmth > 2.5, warmth <= 0.5, warmth <= 2.0], [0.0, 1.0, np.clip(rising, 0.0, 1.0)], 0.6)


def pressure(tair: np.ndarray, elevation: float) -> np.ndarray:
    """Surface pressure, Pa, at `elevation` m for standard pressure at sea level, in air of `tair` K."""
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


def potential(start: np.ndarray, step: int, site: Site) -> np.ndarray:
    """Mean downward shortwave radiation at the top of the atmosphere, W m-2.

    `start` (n,): beginnings of intervals of `step` s, local standard time.
    """
    middles = range(SUN_STEP // 2, step, SUN_STEP)
    return np.mean([_instant(start + np.timedelta64(middle, "s"), site) for middle in middles], axis=0)


def _instant(time: np.ndarray, site: Site) -> np.ndarray:
    import pvlib  # slow, and the other formulas do without

    utc = pd.DatetimeIndex(time - np.timedelta64(round(site.utc_offset_hours * 3600), "s"), tz="UTC")
    zenith = pvlib.solarposition.ephemeris(utc, site.latitude, site.longitude)["zenith"].to_numpy()
    normal = pvlib.irradiance.get_extra_radiation(utc, solar_constant=SOLAR_CONSTANT).to_numpy()
    return normal * np.maximum(np.cos(np.radians(zenith)), 0.0)
