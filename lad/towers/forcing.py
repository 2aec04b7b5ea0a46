"""What the model is driven by, and what it is compared with, from the filled record of a tower."""

from itertools import chain

import numpy as np
import xarray as xr

from lad.errors import InputError
from lad.towers.humidity import snow_fraction, specific_humidity
from lad.towers.netcdf import cf_dataset
from lad.towers.record import Record
from lad.towers.solar import potential
from lad.towers.synthesis import pressure
from lad.towers.variables import FLUXES, FORCING, PROFILES, USTAR, Variable, variable, worst

SAME = ("SWdown", "LWdown", "Tair", "Psurf", "Wind")
DERIVED = {
    "Qair": Variable("", "1", 0.0, 0.1, "specific_humidity"),
    "Rainf": Variable("", "kg m-2 s-1", 0.0, 0.05, "rainfall_flux"),
    "Snowf": Variable("", "kg m-2 s-1", 0.0, 0.05, "snowfall_flux"),
}
DESCRIPTIONS = {name: FORCING[name] for name in SAME} | DERIVED
PRESSURE_MARGIN = 0.1  # relative departure from the standard pressure at the elevation


def forcing_dataset(record: Record) -> xr.Dataset:
    """Forcing of the model in the layout of forcing.nc, without NaN.

    Shortwave radiation becomes zero where it is negative (offset of the sensor at night) and in the dark.
    Qair carries the worst flag of VPD and Tair. Raises InputError if the result cannot be weather.
    """
    weather = {name: record.values[name].to_numpy() for name in FORCING}
    snow = snow_fraction(weather["Tair"], weather["VPD"])
    values = {name: weather[name] for name in SAME} | {
        "SWdown": np.where(_dark(record), 0.0, np.maximum(weather["SWdown"], 0.0)),
        "Qair": specific_humidity(weather["Tair"], weather["VPD"], weather["Psurf"]),
        "Rainf": (1.0 - snow) * weather["Precip"],
        "Snowf": snow * weather["Precip"],
    }
    flags = {name: record.flags[name].to_numpy() for name in SAME}
    flags["Qair"] = worst(record.flags["VPD"], record.flags["Tair"])
    flags["Rainf"] = flags["Snowf"] = record.flags["Precip"].to_numpy()
    _check(record, values)
    return cf_dataset(
        record, DESCRIPTIONS, values, flags, f"Forcing of a land surface model at {record.site.site_id}"
    )


def observations_dataset(record: Record) -> xr.Dataset:
    """Fluxes and soil sensors in the layout of observations.nc: NaN and flag 9 where missing.

    Qle and Qh are positive upward, Qg and Rnet positive downward.
    """
    wanted = [name for name in record.values if name.split("_")[0] in chain(FLUXES, USTAR, PROFILES)]
    descriptions = {name: variable(name) for name in wanted}
    title = f"Fluxes and soil observed at {record.site.site_id}"
    return cf_dataset(record, descriptions, record.values, record.flags, title)


def _dark(record: Record) -> np.ndarray:
    """Where the sun is down in an interval and in both around it: twilight is not dark."""
    lag = np.timedelta64(record.step, "s")
    top = [potential(record.time + shift, record.step, record.site) for shift in (-lag, 0 * lag, lag)]
    return np.max(top, axis=0) <= 0.0


def _check(record: Record, values: dict[str, np.ndarray]) -> None:
    """Raise InputError with the variable and the time of the first value that cannot be weather."""
    standard = pressure(values["Tair"], record.site.elevation)
    saturated = specific_humidity(values["Tair"], np.zeros(len(standard)), values["Psurf"])
    limits = {name: (described.low, described.high) for name, described in DESCRIPTIONS.items()}
    limits["Psurf"] = ((1.0 - PRESSURE_MARGIN) * standard, (1.0 + PRESSURE_MARGIN) * standard)
    limits["Qair"] = (0.0, np.minimum(saturated, DESCRIPTIONS["Qair"].high))
    for name, (low, high) in limits.items():
        wrong = ~((values[name] >= low) & (values[name] <= high))
        if wrong.any():
            at = int(np.argmax(wrong))
            low, high = (np.broadcast_to(limit, wrong.shape)[at] for limit in (low, high))
            raise InputError(
                f"{record.site.site_id}: {name} = {values[name][at]:g} at {str(record.time[at])[:16]}, "
                f"{wrong.sum()} such values, expected {low:g} to {high:g} {DESCRIPTIONS[name].units}"
            )
