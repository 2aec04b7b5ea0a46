"""Reader of netCDF files with ALMA names, such as PLUMBER2's (Ukkola et al. 2022, Earth Syst. Sci. Data 14, 449)."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.cf import intervals
from lad.errors import InputError
from lad.io import read_netcdf
from lad.towers.csv_table import NO_VALUE, STEPS, check_raster
from lad.towers.flags import MISSING, NOT_KNOWN, worst
from lad.towers.meteorology import EPSILON, saturation
from lad.towers.variables import FLUXES, FORCING, LEAVES, USTAR
from lad.towers.vocabulary import PLUMBER2, translate, vocabulary

# Our unit: spellings in the files, the factor to ours, and the offset added after it.
UNITS = {
    "K": (
        ("K, kelvin, degK, degrees K", 1.0, 0.0),
        ("degC, C, °C, celsius, degrees C, degrees Celsius", 1.0, 273.15),
    ),
    "Pa": (("Pa, pascal", 1.0, 0.0), ("hPa, mbar, mb, millibar", 100.0, 0.0), ("kPa", 1000.0, 0.0)),
    "m s-1": (("m/s, m s-1, m/sec", 1.0, 0.0),),
    "W m-2": (("W/m2, W m-2, Watt/m2, Watts/m2, Watt m-2, Watts m-2", 1.0, 0.0),),
    "kg m-2 s-1": (
        ("kg/m2/s, kg m-2 s-1, kg/m2 s, kg m-2/s, mm/s, mm s-1", 1.0, 0.0),
        ("mm/h, mm h-1, mm/hr, mm hr-1, mm/hour", 1 / 3600, 0.0),
        ("mm/30min", 1 / 1800, 0.0),
    ),
    "1": (("1, m2/m2, m2 m-2, -", 1.0, 0.0),),
    "kg/kg": (("kg/kg, kg kg-1, g/g, g g-1, 1", 1.0, 0.0), ("g/kg, g kg-1", 1e-3, 0.0)),
    "%": (("%, percent", 1.0, 0.0), ("1, fraction, -, 0-1", 100.0, 0.0)),
}
# From these others can be derived; RH goes to the reader of all archives.
HELPERS = {"RH": "%", "Qair": "kg/kg", "Rainf": "kg m-2 s-1", "Snowf": "kg m-2 s-1", "Wind_N": "m s-1"}
HELPERS |= {"Wind_E": "m s-1"} | dict.fromkeys(("SWnet", "LWnet", "SWup", "LWup"), "W m-2")
NAMES = {name: v.units for name, v in (FORCING | FLUXES | USTAR | LEAVES).items()} | HELPERS
FLAGS = r"_?(qc|qcok|qf|flag)"  # added to a variable's name in that of its flags
# Of PLUMBER2, without use here; a remark names all other variables over time that are not read.
PASSED_OVER = r"co2air|lai_alternative|nee|gpp|resp|.*_(cor|uc|bnds|bounds)|segment"


def read_alma(
    path: Path, site_id: str
) -> tuple[pd.DatetimeIndex, int, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, str], list[str]]:
    """Interval starts, step in s, SI values, flags, origins and remarks of a Met or a Flux file.

    Names are those of ALMA, case aside. VPD or relative humidity is read rather than `Qair`, whose flags are wrong in
    PLUMBER2. What the file lacks is derived if possible: precipitation is rain and snow, wind the length of its
    components, net radiation the balance of its parts. Flags are as the file explains them (`vocabulary`); values that
    they call missing or wrong are NaN.
    Raises InputError for another site, units that are unknown or contradict the values, duplicate variables, and time
    axes that `cf.intervals` refuses.
    """
    dataset = read_netcdf(path)
    stated = dataset.attrs.get("site_code", site_id)
    if stated != site_id:
        raise InputError(f"{path.name}: is of site {stated}, expected {site_id}")
    index, step = _axis(dataset, path.name)
    spelled = _spellings(dataset, path.name)
    values, flags, remarks, plain = {}, {}, [], []
    for name, theirs in spelled.items():
        value = _column(dataset, theirs, len(index), path.name)
        if np.isfinite(value).any():
            value = _converted(value, name, dataset[theirs], path.name)
            flags[name], odd = _flags(dataset, theirs, value, path.name, plain)
            unused = np.isfinite(value) & (flags[name] == MISSING)
            if unused.any():
                odd += [
                    f"{theirs}: {unused.sum()} values are dropped, their flags call them missing or wrong"
                ]
            values[name] = np.where(unused, np.nan, value)
            remarks += odd
    if plain:
        remarks.append(
            f"nothing explains the flags of {', '.join(plain)}, they are read as those of PLUMBER2"
        )
    origins = {name: spelled[name] for name in values}
    _humidity(values, flags, origins)
    remarks += _derive(values, flags, origins, dataset)
    unread = _unread(dataset, values, {*spelled.values(), dataset["time"].attrs.get("bounds")})
    if unread:
        remarks.append(f"variables over time that are not read: {', '.join(unread)}")
    kept = {name: "_RH" if name == "RH" else name for name in values if name == "RH" or name not in HELPERS}
    tables = ({ours: table[name] for name, ours in kept.items()} for table in (values, flags, origins))
    return index, step, *tables, remarks


def _axis(dataset: xr.Dataset, name: str) -> tuple[pd.DatetimeIndex, int]:
    start, step = intervals(dataset, name)
    index = pd.DatetimeIndex(start, name="time")
    if step not in STEPS:
        raise InputError(f"{name}: {len(index)} intervals of {step} s, expected a series of 1800 or 3600 s")
    check_raster(index, step, name)
    return index, step


def _spellings(dataset: xr.Dataset, source: str) -> dict[str, str]:
    """Our names of the variables in the file, and their names there."""
    spelled: dict[str, str] = {}
    ours = {name.lower(): name for name in NAMES}
    for theirs in map(str, dataset.data_vars):
        name = ours.get(theirs.lower())
        if name in spelled:
            raise InputError(f"{source}: has both {spelled[name]} and {theirs}, expected one of them")
        if name:
            spelled[name] = theirs
    return {name: spelled[name] for name in NAMES if name in spelled}


def _column(dataset: xr.Dataset, variable: str, length: int, name: str) -> np.ndarray:
    value = dataset[variable]
    if value.size != length:
        raise InputError(
            f"{name}: {variable} has {value.size} values, expected one for each of {length} times"
        )
    if value.dtype.kind not in "fiub":
        raise InputError(f"{name}: {variable} is of type {value.dtype}, expected numbers")
    value = value.values.ravel().astype(float)
    return np.where(value == NO_VALUE, np.nan, value)


def _plain(units: str) -> str:
    """A spelling of units without blanks, case and signs of powers."""
    return re.sub(r"[\s*^._{}()]", "", units.translate(str.maketrans("²⁻¹", "2-1"))).lower()


def _converted(value: np.ndarray, name: str, variable: xr.DataArray, source: str) -> np.ndarray:
    """Values in our units. Raises InputError for unknown units, and for values that contradict unit or sign."""
    units = str(variable.attrs.get("units", ""))
    for spellings, factor, added in UNITS[NAMES[name]]:
        if _plain(units) in map(_plain, spellings.split(", ")):
            value = factor * value + added
            break
    else:
        expected = ", ".join(spellings for spellings, *_ in UNITS[NAMES[name]])
        raise InputError(f"{source}: {variable.name} is in {units!r}, expected one of {expected}")
    if name == "RH" and not 1.5 < np.nanmax(value) < 150.0:
        raise InputError(f"{source}: {variable.name} is in {units!r} and up to {np.nanmax(value) / factor:g}")
    if name in ("SWup", "LWup") and np.nanmean(value) < 0.0:
        raise InputError(f"{source}: {variable.name} is negative in the mean, expected positive upward")
    return value


def _flags(
    dataset: xr.Dataset, variable: str, value: np.ndarray, source: str, plain: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Our flags of a variable and remarks on those that nothing explains.

    If the file explains none, the name of the flags is added to `plain`.
    """
    attached = str(dataset[variable].attrs.get("ancillary_variables", "")).split()
    own = re.compile(re.escape(variable) + FLAGS, re.IGNORECASE)
    named = [str(name) for name in dataset.data_vars if own.fullmatch(str(name))]
    named += [name for name in attached if name in dataset and re.search(f"{FLAGS}$", name.lower())]
    if not named:
        return np.full(len(value), NOT_KNOWN), []
    attrs = dataset[named[0]].attrs, dataset[variable].attrs, dataset.attrs
    known = vocabulary(attrs, named[0])
    if known is None:
        plain.append(named[0])
    stated = _column(dataset, named[0], len(value), source)
    flags, odd = translate(stated, PLUMBER2 if known is None else known, np.isfinite(value))
    remark = f"{named[0]}: nothing explains the flags {odd}, their values count as filled poorly"
    return flags, [remark] if odd else []


def _humidity(values: dict[str, np.ndarray], flags: dict[str, np.ndarray], origins: dict[str, str]) -> None:
    """VPD from specific humidity, if there is no relative humidity, where VPD is missing."""
    if "RH" not in values and {"Qair", "Tair", "Psurf"} <= values.keys():
        pressure = values["Qair"] * values["Psurf"] / (EPSILON + (1.0 - EPSILON) * values["Qair"])
        vpd = np.maximum(saturation(values["Tair"]) - pressure, 0.0)
        # Psurf is not in the flag: a pressure 1 % off changes the vapour pressure by only 1 %
        _supplement(values, flags, origins, "VPD", vpd, ("Qair", "Tair"), origins["Qair"])


def _derive(
    values: dict[str, np.ndarray], flags: dict[str, np.ndarray], origins: dict[str, str], dataset: xr.Dataset
) -> list[str]:
    """Precipitation, wind and net radiation from their parts where the file lacks them; remarks on it."""
    remarks = []
    if "Rainf" in values:
        parts, fallen = ("Rainf",), values["Rainf"]
        if "Snowf" in values:
            words = " ".join(
                str(dataset[origins["Rainf"]].attrs.get(key, "")) for key in ("standard_name", "long_name")
            )
            if re.search("precip|total", words.lower()):
                remarks.append(
                    f"{origins['Rainf']} is precipitation by its name ({words.strip()}), Snowf is not added"
                )
            else:
                parts, fallen = ("Rainf", "Snowf"), fallen + values["Snowf"]
        if "Precip" in values:
            both = np.isfinite(values["Precip"]) & np.isfinite(fallen)
            stated, summed = values["Precip"][both].mean(), fallen[both].mean()
            if abs(stated - summed) > 0.01 * stated:
                remarks.append(
                    f"Precip is taken, {' + '.join(parts)} is {summed / stated if stated else np.inf:.2f} times as much"
                )
        else:
            _supplement(values, flags, origins, "Precip", fallen, parts)
    if {"Wind_N", "Wind_E"} <= values.keys():
        wind = np.hypot(values["Wind_N"], values["Wind_E"])
        _supplement(values, flags, origins, "Wind", wind, ("Wind_N", "Wind_E"))
    for parts in (("SWnet", "LWnet"), ("SWdown", "SWup", "LWdown", "LWup")):
        if set(parts) <= values.keys():
            balance = sum(-values[part] if part.endswith("up") else values[part] for part in parts)
            _supplement(values, flags, origins, "Rnet", balance, parts)
    return remarks


def _supplement(
    values: dict[str, np.ndarray],
    flags: dict[str, np.ndarray],
    origins: dict[str, str],
    name: str,
    value: np.ndarray,
    parts: tuple[str, ...],
    origin: str = "",
) -> None:
    """Put a value (n,) derived from `parts` where `name` has none; its flag is the worst of theirs."""
    have = values.get(name, np.full(len(value), np.nan))
    gap = np.isnan(have) & np.isfinite(value)
    if gap.any():
        derived = worst(*(flags[part] for part in parts))
        values[name], flags[name] = (
            np.where(gap, value, have),
            np.where(gap, derived, flags.get(name, MISSING)),
        )
        own = [origins[name]] if name in origins else []
        origins[name] = ", ".join([*own, origin or ", ".join(origins[part] for part in parts)])


def _unread(dataset: xr.Dataset, values: dict[str, np.ndarray], read: set[str]) -> list[str]:
    """Variables over time with unknown names, and parts of a sum whose other parts are missing."""
    alone = {"Wind_N": "Wind", "Wind_E": "Wind", "Snowf": "Precip"}
    unused = {part.lower() for part, whole in alone.items() if whole not in values}
    return [
        name
        for name in map(str, (n for n, variable in dataset.data_vars.items() if "time" in variable.dims))
        if not re.fullmatch(f"{PASSED_OVER}|.*{FLAGS}", name.lower())
        and (name not in read or name.lower() in unused)
    ]
