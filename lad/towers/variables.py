"""What a tower measures: ALMA names, SI units, FLUXNET names and units, plausible ranges."""

from dataclasses import dataclass

import numpy as np

from lad.constants import LEAF_AREA


@dataclass(frozen=True)
class Variable:
    """`value = scale * fluxnet + offset`; values outside low … high cannot be weather (SI units)."""

    fluxnet: str
    units: str
    low: float
    high: float
    standard_name: str
    scale: float = 1.0
    offset: float = 0.0
    per_step: bool = False  # FLUXNET gives the sum over the averaging interval
    long_name: str = ""  # where CF has no standard name


FORCING = {
    "Tair": Variable("TA", "K", 200.0, 333.0, "air_temperature", offset=273.15),
    "VPD": Variable("VPD", "Pa", 0.0, 1.0e4, "water_vapor_saturation_deficit_in_air", scale=100.0),
    "Psurf": Variable("PA", "Pa", 5.0e4, 1.1e5, "surface_air_pressure", scale=1000.0),
    "Wind": Variable("WS", "m s-1", 0.0, 75.0, "wind_speed"),
    "Precip": Variable("P", "kg m-2 s-1", 0.0, 0.05, "precipitation_flux", per_step=True),
    "SWdown": Variable("SW_IN", "W m-2", -50.0, 1500.0, "surface_downwelling_shortwave_flux_in_air"),
    "LWdown": Variable("LW_IN", "W m-2", 50.0, 750.0, "surface_downwelling_longwave_flux_in_air"),
}
FLUXES = {
    "Qle": Variable("LE", "W m-2", -700.0, 1500.0, "surface_upward_latent_heat_flux"),
    "Qh": Variable("H", "W m-2", -700.0, 1500.0, "surface_upward_sensible_heat_flux"),
    "Qg": Variable("G", "W m-2", -500.0, 1000.0, "downward_heat_flux_in_soil"),
    "Rnet": Variable("NETRAD", "W m-2", -300.0, 1500.0, "surface_net_downward_radiative_flux"),
}
LEAVES = {"LAI": Variable("LAI", "1", *LEAF_AREA, "leaf_area_index")}
USTAR = {"Ustar": Variable("USTAR", "m s-1", 0.0, 10.0, "", long_name="friction velocity")}
# Several sensors each: SoilTemp_1, SoilTemp_2, …
PROFILES = {
    "SoilTemp": Variable("TS", "K", 200.0, 350.0, "soil_temperature", offset=273.15),
    "SoilMoist": Variable("SWC", "1", 0.0, 1.0, "volume_fraction_of_condensed_water_in_soil", scale=0.01),
}
VARIABLES = FORCING | FLUXES | USTAR | LEAVES | PROFILES

REQUIRED = ("Tair", "VPD", "Precip", "SWdown", "Qle", "Qh")


def variable(name: str) -> Variable:
    """Description of `Tair` or of one sensor of a profile such as `SoilTemp_2`."""
    return VARIABLES[name.split("_")[0]]


def to_si(name: str, column: np.ndarray, step: int) -> np.ndarray:
    """A column in the networks' units, over intervals of `step` s, converted to ours; `_RH` stays in %."""
    if name == "_RH":
        return column
    described = variable(name)
    return column * described.scale / (step if described.per_step else 1.0) + described.offset
