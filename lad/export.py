"""Runs of a model in the layout of PLUMBER2, netCDF with names and units of ALMA, for modelevaluation.org."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from lad.cf import intervals
from lad.output import FLUXES, STORES
from lad.parameters import Parameters

ALMA_UNITS = {"W m-2": "W/m2", "kg m-2 s-1": "kg/m2/s", "kg m-2": "kg/m2"}
EXPORTED = ("Qle", "Qh", "Qg", "Rnet", "SWnet", "LWnet", "Evap", "Qsm", "Qsb", "SWE", "RootMoist")
PARAMETERS = {
    "rs": ("s/m", "stomatal resistance without water stress"),
    "Wmax": ("kg/m2", "capacity of the root zone"),
    "z0": ("m", "roughness length for momentum"),
    "zh": ("m", "roughness length for heat and moisture"),
    "Wc": ("kg/m2", "snow mass that masks half of the surface"),
    "alb0_warm": ("-", "snow-free albedo"),
    "C": ("J/m3/K", "heat capacity of the uppermost soil layer"),
    "lam": ("W/m/K", "thermal conductivity of the uppermost soil layer"),
}


def exported(runs: Sequence[xr.Dataset], models: Sequence[Parameters], site: Mapping[str, Any]) -> xr.Dataset:
    """Means over the `runs` of all seeds on (time, y, x); where there are several, `_sd` is the standard deviation.

    `parameter_…` are means over the parameters of `models`, one per seed or none. `site` is a row of the site table.
    """
    start, step = intervals(runs[0], "simulation")
    dataset = xr.Dataset(
        attrs={"Conventions": "CF-1.8", "site_code": site["site_id"], "site_name": site["name"]}
    )
    dataset.attrs |= {"time_step_s": step, "seeds": len(runs), "utc_offset_hours": site["utc_offset_hours"]}
    axis = {"standard_name": "time", "long_name": "start of the interval, local standard time", "axis": "T"}
    seconds = {
        "units": f"seconds since {str(start[0])[:10]} 00:00:00",
        "dtype": "float64",
        "calendar": "standard",
    }
    dataset.coords["time"] = ("time", start.astype("datetime64[ns]"), axis, seconds)
    for name in ("x", "y"):
        dataset.coords[name] = (name, [1.0])
    for name, units in (("latitude", "degrees_north"), ("longitude", "degrees_east"), ("elevation", "m")):
        dataset[name] = (("y", "x"), [[float(site[name])]], {"units": units, "long_name": name})
    for name in EXPORTED:
        if name in runs[0]:
            units, positive, _, long_name = FLUXES.get(name) or ("kg m-2", "", *STORES[name])
            attributes = {"units": ALMA_UNITS[units], "long_name": long_name}
            attributes |= {"positive": positive} if positive else {}
            _add(dataset, name, [run[name].values for run in runs], attributes)
    if "SoilTemp" in runs[0]:
        surface = [run["SoilTemp"].values[:, 0] for run in runs]
        _add(dataset, "AvgSurfT", surface, {"units": "K", "long_name": "surface temperature"})
    for name, (units, long_name) in PARAMETERS.items() if models else ():
        values = [np.ravel(getattr(model, name))[0] for model in models]
        _add(dataset, f"parameter_{name}", values, {"units": units, "long_name": long_name})
    return dataset


def _add(dataset: xr.Dataset, name: str, members: Sequence, attributes: Mapping[str, str]) -> None:
    """A variable as mean over the members, and its standard deviation over them if there are several."""
    values = np.stack(members).astype(float)
    found = {name: (values.mean(axis=0), dict(attributes))}
    if len(values) > 1:
        about = {"units": attributes["units"], "long_name": f"standard deviation of {name} over the seeds"}
        found[f"{name}_sd"] = (values.std(axis=0, ddof=1), about)
    for key, (value, about) in found.items():
        of_time = value.ndim > 0
        shaped = value[:, None, None].astype("float32") if of_time else value
        dataset[key] = (("time", "y", "x") if of_time else (), shaped, about)
