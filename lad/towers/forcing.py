"""The forcing of the model, leaf area index included, and the fluxes to compare it with, from a filled record."""

from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lad.constants import DAY, L_VAPORISATION, YEAR
from lad.errors import InputError
from lad.towers.checks import PRESSURE_MARGIN
from lad.towers.closure import corrected_fluxes
from lad.towers.flags import CLIMATOLOGY, FLAGS, INTERPOLATED, MISSING, worst
from lad.towers.meteorology import (
    LEAST_VAPOUR,
    potential,
    pressure,
    saturation,
    snow_fraction,
    snow_fraction_jordan,
    specific_humidity,
)
from lad.towers.netcdf import cf_dataset
from lad.towers.record import Record
from lad.towers.variables import (
    FLUXES,
    FORCING,
    LEAVES,
    PROFILES,
    USTAR,
    Variable,
    variable,
)

WHOLE_YEAR = 0.9  # share of a year that the record must have for an annual sum
DRAWN = 150.0  # mm that the soil may supply in a year beyond precipitation
UNCHANGED = ("SWdown", "LWdown", "Tair", "Psurf", "Wind")
COMPUTED = {
    "Qair": Variable("", "1", 0.0, 0.1, "specific_humidity"),
    "Rainf": Variable("", "kg m-2 s-1", 0.0, 0.05, "rainfall_flux"),
    "Snowf": Variable("", "kg m-2 s-1", 0.0, 0.05, "snowfall_flux"),
}
DESCRIPTIONS = {name: FORCING[name] for name in UNCHANGED} | COMPUTED
CORRECTED = {f"{name}_cor": FLUXES[name] for name in ("Qle", "Qh")}
LAI_COLUMNS = ("lai", "lai_mean_3x3")
LAI_SMOOTHING = "33D"  # of the running median: single retrievals through thin clouds are far too low
METHOD = {
    "long_name": "method of the correction for the energy balance",
    "flag_values": np.array([0, 1, 2], dtype=np.int8),
    "flag_meanings": "none factors_of_the_days_around mean_correction_of_neighbouring_rows",
}


def forcing_dataset(record: Record, leaves: pd.Series | None = None) -> xr.Dataset:
    """Forcing of the model in the layout of forcing.nc, without NaN.

    Shortwave radiation becomes zero where it is negative (offset of the sensor at night) and in the dark.
    Qair carries the worst flag of VPD and Tair. With `leaves` (LAI by date, from `read_lai`), or if the
    record has LAI itself, there is a variable LAI. Raises InputError if the result cannot be weather.
    """
    weather = {name: record.values[name].to_numpy() for name in FORCING}
    snow = snow_fraction(weather["Tair"], weather["VPD"])
    values = {name: weather[name] for name in UNCHANGED} | {
        "SWdown": np.where(_dark(record), 0.0, np.maximum(weather["SWdown"], 0.0)),
        "Qair": specific_humidity(weather["Tair"], weather["VPD"], weather["Psurf"]),
        "Rainf": (1.0 - snow) * weather["Precip"],
        "Snowf": snow * weather["Precip"],
    }
    flags = {name: record.flags[name].to_numpy() for name in UNCHANGED}
    flags["Qair"] = worst(record.flags["VPD"], record.flags["Tair"])
    flags["Rainf"] = flags["Snowf"] = record.flags["Precip"].to_numpy()
    descriptions = dict(DESCRIPTIONS)
    own = record.values["LAI"].dropna() if "LAI" in record.values else pd.Series(dtype=float)
    if leaves is None and len(own):
        leaves = own
    if leaves is not None:
        descriptions |= LEAVES
        values["LAI"], flags["LAI"] = lai_at(leaves, record.time)
        if leaves is own:
            given = record.values["LAI"].notna().to_numpy()
            flags["LAI"] = np.where(given, record.flags["LAI"], flags["LAI"])
    _check(record, values, flags)
    return cf_dataset(
        record, descriptions, values, flags, f"Forcing of a land surface model at {record.site.site_id}"
    )


def observations_dataset(record: Record) -> xr.Dataset:
    """Fluxes and soil sensors in the layout of observations.nc: NaN and flag 9 where missing.

    Qle and Qh are positive upward, Qg and Rnet positive downward; all four exist, if only as NaN. Qle_cor and
    Qh_cor are corrected for the energy balance (`closure`), `closure_method` states how.
    """
    absent = [name for name in FLUXES if name not in record.values]
    values = record.values.assign(**dict.fromkeys(absent, np.nan))
    flags = record.flags.assign(**dict.fromkeys(absent, np.int8(MISSING)))
    corrected, derived, method = corrected_fluxes(values, flags, record.time, record.step, record.segment)
    wanted = [name for name in values if name.split("_")[0] in chain(FLUXES, USTAR, PROFILES)]
    descriptions = {name: variable(name) for name in wanted} | CORRECTED
    title = f"Fluxes and soil observed at {record.site.site_id}"
    dataset = cf_dataset(record, descriptions, {**values, **corrected}, {**flags, **derived}, title)
    dataset["closure_method"] = ("time", method, METHOD)
    return dataset


def raised(record: Record) -> int:
    """Number of intervals whose vapour pressure had to be raised to `LEAST_VAPOUR`."""
    return int((saturation(record.values["Tair"]) - record.values["VPD"] < LEAST_VAPOUR).sum())


def snowfall(record: Record) -> dict[str, float]:
    """Mean precipitation, and snowfall by two rules, mm a year; shows how much the choice of rule matters."""
    rain, tair = record.values["Precip"].to_numpy(), record.values["Tair"].to_numpy()
    shares = {
        "precipitation": 1.0,
        "snow (Jennings et al. 2018)": snow_fraction(tair, record.values["VPD"].to_numpy()),
        "snow (Jordan 1991)": snow_fraction_jordan(tair),
    }
    return {name: float((share * rain).mean() * YEAR) for name, share in shares.items()}


def _dark(record: Record) -> np.ndarray:
    """Where the sun is down in an interval and both its neighbours: twilight is not dark."""
    lag = np.timedelta64(record.step, "s")
    top = [potential(record.time + shift, record.step, record.site) for shift in (-lag, 0 * lag, lag)]
    return np.max(top, axis=0) <= 0.0


def _check(record: Record, values: dict[str, np.ndarray], flags: dict[str, np.ndarray]) -> None:
    """Raise InputError with the variable and the time of the first value that cannot be weather.

    The rest holds by construction and is asserted: a regular axis, a flag for every value, no lost water.
    """
    lags = np.diff(record.time)[np.diff(record.segment) == 0] // np.timedelta64(1, "s")
    assert (lags == record.step).all(), "the time axis is not regular"
    assert all(np.isin(flag, list(set(FLAGS) - {MISSING})).all() for flag in flags.values()), "a flag is none"
    fallen = values["Rainf"] + values["Snowf"]
    assert np.allclose(fallen, record.values["Precip"], rtol=1e-12, atol=0.0), "rain and snow lose water"
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


def dry_years(record: Record) -> list[str]:
    """A line for each whole year in which far more evaporated than fell: the gauge may have failed."""
    by_year = record.values[["Precip", "Qle"]].groupby(record.values.index.year)
    means, shares = by_year.mean() * YEAR, by_year.size() * record.step / YEAR
    balance = pd.DataFrame({"fallen": means["Precip"], "evaporated": means["Qle"] / L_VAPORISATION})
    short = (balance["evaporated"] - balance["fallen"] > DRAWN) & (shares >= WHOLE_YEAR)
    return [
        f"{year}: {row.fallen:.0f} mm fell and {row.evaporated:.0f} mm evaporated; the gauge may have failed"
        for year, row in balance[np.asarray(short)].iterrows()
    ]


def read_lai(path: str | Path) -> pd.Series:
    """LAI (m2 m-2) by date, running median over a month, from a CSV table with `date` and `lai`.

    The column `lai_mean_3x3` of MODIS subsets is accepted too. Raises InputError (file, row) for anything else.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path}: not a CSV table ({str(error).strip()})") from None
    column = next((name for name in LAI_COLUMNS if name in table), None)
    if column is None or "date" not in table:
        raise InputError(f"{path}: expected the columns date and {' or '.join(LAI_COLUMNS)}")
    table = table.dropna(subset=[column])
    date = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    value = pd.to_numeric(table[column], errors="coerce")
    described = LEAVES["LAI"]
    wrong = (
        date.isna()
        | ~value.between(described.low, described.high)
        | ~(date.diff().dt.days > 0).where(np.arange(len(date)) > 0, True)
    )
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{path}: {table['date'].iloc[row]}, {column} = {table[column].iloc[row]} in data row "
            f"{table.index[row] + 1}, expected rising dates YYYY-MM-DD and {described.low:g} to {described.high:g}"
        )
    if value.empty:
        raise InputError(f"{path}: no value of {column}")
    return (
        pd.Series(value.to_numpy(), index=pd.DatetimeIndex(date)).rolling(LAI_SMOOTHING, center=True).median()
    )


def lai_at(series: pd.Series, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LAI (n,) and its flags at interval starts: lines between the dates, outside them the mean of the season."""
    days, wanted = (
        stamps.astype("datetime64[s]").astype(float) / DAY for stamps in (series.index.to_numpy(), time)
    )
    value = np.interp(wanted, days, series.to_numpy())
    outside = (wanted < days[0]) | (wanted > days[-1])
    season = series.groupby(series.index.day_of_year).mean().reindex(range(1, 367))
    # across the turn of the year
    season = (
        pd.concat([season] * 3, ignore_index=True).interpolate(limit_direction="both").to_numpy()[366:732]
    )
    value = np.where(outside, season[pd.DatetimeIndex(time).day_of_year - 1], value)
    return value, np.where(outside, CLIMATOLOGY, INTERPOLATED)
