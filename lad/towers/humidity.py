"""Moist air: saturation, deficit, specific humidity, rain or snow."""

import numpy as np

EPSILON = 0.622  # ratio of the molar masses of water and dry air


def saturation(tair: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water, Pa, of air at `tair` K.

    611 exp(17.26938818 t / (237.3 + t)) with t in degrees Celsius: the formula with which ONEFlux turns
    relative humidity into a deficit, so that the way back is exact.
    """
    celsius = tair - 273.15
    return 611.0 * np.exp(17.26938818 * celsius / (237.3 + celsius))


def deficit(tair: np.ndarray, relative_humidity: np.ndarray) -> np.ndarray:
    """Vapour-pressure deficit, Pa, from K and %. Sensors drift a little above 100 %: no negative deficit."""
    return np.maximum(saturation(tair) * (1.0 - relative_humidity / 100.0), 0.0)


def relative(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Relative humidity, %, from K and Pa: the way back from `deficit`."""
    return 100.0 * (1.0 - vpd / saturation(tair))


LEAST = 1.0  # Pa


def vapour_pressure(tair: np.ndarray, vpd: np.ndarray) -> np.ndarray:
    """Vapour pressure, Pa, at least `LEAST`, from K and Pa."""
    return np.maximum(saturation(tair) - vpd, LEAST)


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
