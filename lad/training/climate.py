"""The climate of a tower from its forcing: attributes that need no measured flux, so that every tower has them."""

import numpy as np
import xarray as xr

from lad.cf import intervals
from lad.constants import CP_AIR, EPSILON, L_VAPORISATION, R_VAPOUR, SIGMA
from lad.mass_curve import mass_curve
from lad.periods import Period
from lad.physics.saturation import saturation_vapour_pressure

ALBEDO = 0.2  # of all land
PRIESTLEY_TAYLOR = 1.26


def seasonality(forcing: xr.Dataset) -> float:
    """Half of the range of the monthly mean air temperature, K."""
    of_month = forcing["Tair"].groupby("time.month").mean()
    return float(of_month.max() - of_month.min()) / 2.0


def aridity(forcing: xr.Dataset) -> float:
    """ln of potential evaporation over precipitation."""
    return float(np.log(_potential_evaporation(forcing).mean() / precipitation(forcing).mean()))


def root_zone(forcing: xr.Dataset) -> float:
    """Root-zone capacity (kg m-2) by `lad.mass_curve`, with evaporation from the climate; 0 without precipitation.

    Evaporation is proportional to potential evaporation; its mean is that of Budyko's curve (1974, Climate and Life,
    eq. 5.14) for precipitation and potential evaporation of the record.
    """
    potential, fallen = _potential_evaporation(forcing), precipitation(forcing)
    if not fallen.any():
        return 0.0
    ratio = potential.mean() / fallen.mean()
    share = np.sqrt(ratio * np.tanh(1.0 / ratio) * (1.0 - np.exp(-ratio)))
    heat = L_VAPORISATION * potential * (share * fallen.mean() / potential.mean())
    start, _ = intervals(forcing, "forcing")
    record = Period(*(day.astype("datetime64[D]").item() for day in start[[0, -1]]))
    return mass_curve(start, fallen, heat, (record,), ()).capacity


def precipitation(forcing: xr.Dataset) -> np.ndarray:
    """Rain and snow (n,), kg m-2 s-1."""
    return (forcing["Rainf"] + forcing["Snowf"]).values


def _potential_evaporation(forcing: xr.Dataset) -> np.ndarray:
    """Potential evaporation (n,), kg m-2 s-1 (Priestley & Taylor 1972, Mon. Weather Rev. 100, 81-92, eq. 5).

    Net radiation is that of a surface as warm as the air.
    """
    air = forcing["Tair"].values
    net = (1.0 - ALBEDO) * forcing["SWdown"].values + forcing["LWdown"].values - SIGMA * air**4
    slope = L_VAPORISATION * np.asarray(saturation_vapour_pressure(air)) / (R_VAPOUR * air**2)
    psychrometric = CP_AIR * forcing["Psurf"].values / (EPSILON * L_VAPORISATION)
    return PRIESTLEY_TAYLOR * slope / (slope + psychrometric) * np.maximum(net, 0.0) / L_VAPORISATION
