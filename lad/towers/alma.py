"""Reader of netCDF files with ALMA names, as those of PLUMBER2 (Ukkola et al. 2022, Earth Syst. Sci. Data 14, 449)."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.humidity import EPSILON, saturation
from lad.towers.table import STEPS, check_raster
from lad.towers.variables import (
    CLIMATOLOGY,
    DERIVED,
    FLUXES,
    FORCING,
    LEAVES,
    NOT_KNOWN,
    REANALYSIS,
    USTAR,
    worst,
)

# Spelling of the units in the files: factor to ours.
UNITS = {
    **{
        unit: 1.0
        for unit in ("K", "W/m2", "W m-2", "Pa", "m/s", "m s-1", "kg/m2/s", "kg m-2 s-1", "kg/kg", "%", "1")
    },
    "hPa": 100.0,
}
STAND_INS = {"RH": "_RH", "Qair": "_Qair", "Rainf": "_Rainf", "Snowf": "_Snowf"}
# Flags of PLUMBER2: 0 measured, 1 to 3 filled well, medium and poorly, then reanalysis, statistical, derived.
FLAGS = {0: 0, 1: 1, 2: 2, 3: 3, 4: REANALYSIS, 5: CLIMATOLOGY, 101: DERIVED}


def read_alma(
    path: Path, site_id: str
) -> tuple[pd.DatetimeIndex, int, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, str]]:
    """Interval starts, step in s, SI values, flags and origins of a Met or a Flux file.

    `time` is the start of the interval in local standard time. VPD or relative humidity is read rather than `Qair`,
    whose flags are wrong in PLUMBER2; rain and snow are added up where there is no `Precip`. Raises InputError for
    another site, units that are not known and a time axis that is none.
    """
    dataset = read_netcdf(path)
    stated = dataset.attrs.get("site_code", site_id)
    if stated != site_id:
        raise InputError(f"{path.name}: is of site {stated}, expected {site_id}")
    index, step = _axis(dataset, path.name)
    values, flags, origins = {}, {}, {}
    for name in (*FORCING, *FLUXES, *USTAR, *LEAVES, *STAND_INS):
        if name not in dataset:
            continue
        value = _column(dataset, name, len(index), path.name)
        if np.isfinite(value).any():
            units = dataset[name].attrs.get("units", "")
            if units not in UNITS:
                raise InputError(f"{path.name}: {name} is in {units!r}, expected one of {', '.join(UNITS)}")
            ours = STAND_INS.get(name, name)
            values[ours], origins[ours] = value * UNITS[units], name
            flags[ours] = _flags(dataset, name, len(index), path.name)
    _derive(values, flags, origins)
    return index, step, values, flags, origins


def _derive(values: dict[str, np.ndarray], flags: dict[str, np.ndarray], origins: dict[str, str]) -> None:
    """VPD from specific humidity and precipitation from rain and snow, where the file has them no other way."""
    if not {"VPD", "_RH"} & values.keys() and {"_Qair", "Tair", "Psurf"} <= values.keys():
        pressure = values["_Qair"] * values["Psurf"] / (EPSILON + (1.0 - EPSILON) * values["_Qair"])
        values["VPD"] = np.maximum(saturation(values["Tair"]) - pressure, 0.0)
        flags["VPD"], origins["VPD"] = worst(flags["_Qair"], flags["Tair"], flags["Psurf"]), "Qair"
    if "Precip" not in values and "_Rainf" in values:
        snow = values.get("_Snowf", np.zeros(len(values["_Rainf"])))
        values["Precip"], flags["Precip"] = values["_Rainf"] + snow, flags["_Rainf"]
        origins["Precip"] = "Rainf, Snowf" if "_Snowf" in values else "Rainf"
    for table in (values, flags, origins):
        for name in set(STAND_INS.values()) - {"_RH"}:
            table.pop(name, None)


def _axis(dataset: xr.Dataset, name: str) -> tuple[pd.DatetimeIndex, int]:
    if "time" not in dataset.dims or not np.issubdtype(dataset["time"].dtype, np.datetime64):
        raise InputError(f"{name}: no dimension and variable time with dates")
    index = pd.DatetimeIndex(dataset["time"].values, name="time").round("s").as_unit("s")
    lags = np.diff(index) // np.timedelta64(1, "s")
    if len(index) < 2 or lags.min() not in STEPS:
        step = int(lags.min()) if len(lags) else 0
        raise InputError(f"{name}: {len(index)} intervals of {step} s, expected a series of 1800 or 3600 s")
    check_raster(index, int(lags.min()), name)
    return index, int(lags.min())


def _column(dataset: xr.Dataset, variable: str, length: int, name: str) -> np.ndarray:
    value = np.asarray(dataset[variable].values, dtype=float)
    if value.size != length:
        raise InputError(
            f"{name}: {variable} has {value.size} values, expected one for each of {length} times"
        )
    return value.ravel()


def _flags(dataset: xr.Dataset, variable: str, length: int, name: str) -> np.ndarray:
    if f"{variable}_qc" not in dataset:
        return np.full(length, NOT_KNOWN)
    stated = _column(dataset, f"{variable}_qc", length, name)
    return np.select([stated == theirs for theirs in FLAGS], list(FLAGS.values()), NOT_KNOWN)
