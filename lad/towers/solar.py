"""Radiation at the top of the atmosphere."""

import numpy as np
import pandas as pd
import pvlib

from lad.towers.sites import Site

SOLAR_CONSTANT = 1361.0  # W m-2
PIECE = 1800  # s; the mean over a longer interval is taken from the middles of such pieces


def potential(start: np.ndarray, step: int, site: Site) -> np.ndarray:
    """Mean downward shortwave radiation at the top of the atmosphere, W m-2.

    `start` (n,): beginnings of intervals of `step` s, local standard time.
    """
    middles = range(PIECE // 2, step, PIECE)
    return np.mean([_instant(start + np.timedelta64(middle, "s"), site) for middle in middles], axis=0)


def _instant(time: np.ndarray, site: Site) -> np.ndarray:
    utc = pd.DatetimeIndex(time - np.timedelta64(round(site.utc_offset_hours * 3600), "s"), tz="UTC")
    zenith = pvlib.solarposition.ephemeris(utc, site.latitude, site.longitude)["zenith"].to_numpy()
    normal = pvlib.irradiance.get_extra_radiation(utc, solar_constant=SOLAR_CONSTANT).to_numpy()
    return normal * np.maximum(np.cos(np.radians(zenith)), 0.0)
