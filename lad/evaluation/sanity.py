"""Whether simulations are physically sound, and how they compare with soil data that no fit has seen."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lad.evaluation.series import SENSOR_LAYER, measured, sensors, usable_means
from lad.forcing import Record, first_year, rows
from lad.integrate import fast
from lad.model import Model
from lad.periods import Periods, mask
from lad.simulation import free_run
from lad.state import plain_state

ROUNDING_SHARE = 1e-4  # of a limit, below which a value is rounding, which differs between machines
EMPTY = 1.0  # kg m-2 in the root zone, below which the land cannot evaporate
TIMES_REPEATED = 6  # of the first year, for the drift of the soil
DRIFT_SOLVER = fast()  # one for all, so that it is compiled once


class Limit(NamedTuple):
    """Largest absolute value that is sound."""

    value: float
    meaning: str


LIMITS = {
    "drift": Limit(0.5, "K a year, of the annual mean of any soil layer, when a year is repeated"),
    "surface_difference": Limit(2.0, "K, mean surface temperature less that of the calibrated LaD"),
    "surface_month": Limit(
        10.0, "K, surface temperature less that of the calibrated LaD, mean of the month where it is largest"
    ),
    "overdraft": Limit(1e-9, "kg m-2, evaporated in an interval beyond the available water"),
    "deficit": Limit(1e-9, "kg m-2, by which a store of snow or of the root zone went below empty"),
    "energy_residual": Limit(1e-6, "J m-2, created in an interval"),
    "water_residual": Limit(1e-9, "kg m-2, created in an interval"),
}


def drift(model: Model, record: Record) -> float:
    """Change (K) of the annual mean temperature of the soil layer that changes most, between the last two repeats.

    The first year of the longest segment is run `TIMES_REPEATED` times from a plain state.
    """
    longest = max(record.segments(), key=lambda segment: segment.stop - segment.start)
    year = first_year(rows(record.forcing, longest), record.dt)
    state, means = plain_state(model.parameters, year), []
    for _ in range(TIMES_REPEATED):
        state, trajectory = free_run(DRIFT_SOLVER, model, state, year, record.dt)
        means.append(np.array([np.mean(T) for T in trajectory.state.T]))
    change = means[-1] - means[-2]
    return float(change[np.argmax(np.abs(change))])


def overdraft(run: xr.Dataset, record: Record) -> float:
    """Most water (kg m-2) evaporated in an interval beyond the stores at its start and its rain and snow; 0 if none."""
    fallen = (np.asarray(record.forcing.Rainf) + np.asarray(record.forcing.Snowf)) * record.dt
    stores = (run.SWE + run.RootMoist).values
    follows = np.diff(record.segment) == 0
    excess = (run.Evap.values * record.dt - fallen)[1:] - stores[:-1]
    return float(max(0.0, excess[follows].max(initial=0.0)))


def deficit(run: xr.Dataset) -> float:
    """Most water (kg m-2) by which snow or root zone fell below empty; 0 if neither ever did."""
    return float(max(0.0, -run.SWE.values.min(), -run.RootMoist.values.min()))


def empty_days(run: xr.Dataset, periods: Periods) -> float:
    """Share (%) of the days of `periods` with less than `EMPTY` in the root zone, as daily mean; NaN without a day."""
    water = run.RootMoist.to_series()[mask(run.time.values, periods)]
    days = water.groupby(water.index.normalize()).mean()
    return 100.0 * float((days < EMPTY).mean())


def surface_temperature(run: xr.Dataset) -> pd.Series:
    """Temperature (K) of the first soil layer at the end of each interval."""
    return run.SoilTemp[:, 0].to_series()


def largest_monthly_mean(values: pd.Series) -> float:
    """The monthly mean of `values` that is farthest from zero; without a month that counts, the mean of the record."""
    means = usable_means(values, np.full(len(values), True), "M")
    return float(means.iloc[means.abs().argmax()] if len(means) else values.mean())


def soil_scores(run: xr.Dataset, observed: xr.Dataset) -> dict[str, float]:
    """Bias and RMSE (K) of soil temperature at the shallowest sensor, r of root-zone water with soil moisture.

    Over the intervals where the sensors measured; NaN without such a sensor. States are those at the ends of intervals.
    """
    found = {"soil_bias": np.nan, "soil_rmse": np.nan, "moisture_r": np.nan}
    pairs = {"SoilTemp": run.SoilTemp.values[:, SENSOR_LAYER], "SoilMoist": run.RootMoist.values}
    for prefix, simulated in pairs.items():
        shallowest = sensors(observed, prefix)[:1]
        if not shallowest:
            continue
        sensor = measured(observed, *shallowest)
        usable = np.isfinite(sensor)
        if usable.sum() < 2:
            continue
        error = simulated[usable] - sensor[usable]
        if prefix == "SoilTemp":
            found |= {"soil_bias": error.mean(), "soil_rmse": np.sqrt((error**2).mean())}
        else:
            found["moisture_r"] = np.corrcoef(simulated[usable], sensor[usable])[0, 1]
    return {name: float(value) for name, value in found.items()}


def sanity(
    run: xr.Dataset, model: Model, record: Record, observed: xr.Dataset, reference: pd.Series, test: Periods
) -> dict[str, float]:
    """All values for one simulation; `reference` is the `surface_temperature` of the calibrated LaD.

    `empty_days` are for the `test` periods, all else is for the whole record.
    """
    surface = surface_temperature(run)
    difference = surface - reference
    found = {
        "drift": drift(model, record),
        "surface_temperature": float(surface.mean()),
        "surface_difference": float(difference.mean()),
        "surface_month": largest_monthly_mean(difference),
        "overdraft": overdraft(run, record),
        "deficit": deficit(run),
        "empty_days": empty_days(run, test),
        "energy_residual": run.attrs["max_energy_residual"],
        "water_residual": run.attrs["max_water_residual"],
    }
    return {name: _shown(name, value) for name, value in found.items()} | soil_scores(run, observed)


def _shown(name: str, value: float) -> float:
    """A value, 0 if it is less than `ROUNDING_SHARE` of its limit."""
    return 0.0 if name in LIMITS and abs(value) < ROUNDING_SHARE * LIMITS[name].value else value


def sound(found: Mapping[str, float]) -> bool:
    """Whether all values are within `LIMITS`."""
    return all(abs(found[name]) <= limit.value for name, limit in LIMITS.items())
