"""How flux laws respond to one input at a time, around a typical summer midday."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from lad.errors import InputError
from lad.forcing import VARIABLES, Forcing, Record, make_forcing
from lad.model import Model, latent_heat
from lad.periods import Periods, mask
from lad.physics.saturation import saturation_vapour_pressure, specific_humidity
from lad.state import State

MIDDAY = (10, 14)  # h, local standard time
SUMMER = 3  # warmest months of the year
INPUTS = ("SWdown", "VPD", "fill")
"""What is varied: shortwave (W m-2), vapour-pressure deficit (Pa, by humidity), fill of the root zone W_r/W_max."""
MONTH = "month"
"""What else is varied: the antecedent weather and LAI together, from those of January (1) to those of December (12)."""
RESPONSE_POINTS = 41
LIVED = (5, 95)  # percentiles
RESPONSE_COLUMNS = ["model", "seed", "input", "value", "LE", "H"]


class Midday(NamedTuple):
    """Medians of the middays of the warmest months, and ranges of the inputs in them."""

    forcing: Forcing  # ()
    state: State  # (), root zone at the typical fill of the simulation it is from
    typical: dict[str, float]  # median of each of `INPUTS`
    lived: dict[str, tuple[float, float]]  # 5th and 95th percentile
    highest: dict[str, float]
    season: dict[int, dict[str, jax.Array | None]]  # antecedents and LAI, by month of the record


def midday(record: Record, periods: Periods, run: xr.Dataset, Wmax: float) -> Midday:
    """Typical midday of `periods`: 10 to 14 h in their three warmest months, with the soil of a simulation.

    `run` is of `lad simulate` over the `record`, `Wmax` (kg m-2) the capacity of its root zone. Raises InputError if
    the periods have no such half-hour.
    """
    time, inside = pd.DatetimeIndex(record.time), mask(record.time, periods)
    air = pd.Series(np.asarray(record.forcing.Tair))[inside]
    warmest = air.groupby(time[inside].month).mean().nlargest(SUMMER).index
    at_midday = (time.hour >= MIDDAY[0]) & (time.hour < MIDDAY[1])
    chosen = inside & at_midday & time.month.isin(warmest)
    if not chosen.any():
        raise InputError(f"no half-hour of {MIDDAY[0]} to {MIDDAY[1]} h in {', '.join(map(str, periods))}")
    weather = {name: np.asarray(getattr(record.forcing, name))[chosen] for name in (*VARIABLES, "VPD")}
    inputs = {
        "SWdown": weather["SWdown"],
        "VPD": weather["VPD"],
        "fill": run.RootMoist.values[chosen] / Wmax,
    }
    snow, root, groundwater = (
        jnp.median(run[name].values[chosen]) for name in ("SWE", "RootMoist", "GroundWater")
    )
    forcing = make_forcing(**{name: np.median(weather[name]) for name in VARIABLES})

    def season(rows: np.ndarray) -> dict[str, jax.Array | None]:
        slow = {name: getattr(record.forcing, name) for name in ("antecedents", "LAI")}
        return {
            name: None if values is None else jnp.median(values[rows], axis=0)
            for name, values in slow.items()
        }

    of_month = {month: inside & at_midday & (time.month == month) for month in range(1, 13)}
    return Midday(
        dataclasses.replace(forcing, **season(chosen)),
        State(tuple(jnp.median(run.SoilTemp.values[chosen], axis=0)), snow, root, groundwater),
        {name: float(np.median(values)) for name, values in inputs.items()},
        {name: tuple(map(float, np.percentile(values, LIVED))) for name, values in inputs.items()},
        {name: float(values.max()) for name, values in inputs.items()} | {"fill": 1.0},
        {month: season(rows) for month, rows in of_month.items() if rows.any()},
    )


def response(models: Mapping[str, Model], typical: Midday) -> pd.DataFrame:
    """LE and H (W m-2, positive upward) of the laws of all `models`, MODEL or MODEL/SEED, along `INPUTS` and `MONTH`.

    All else is as on the `typical` midday, the same for all models; the fill of the root zone is a share of each
    model's own capacity. A law that sees neither antecedent weather nor LAI does not change with the month. State and
    forcing are fixed and the energy balance of the surface is not solved: a response to the sun that acts only through
    a warmer surface does not show.
    """
    tables = []
    held = {key: jnp.full(RESPONSE_POINTS, typical.typical[key]) for key in INPUTS}
    for name, model in models.items():
        label, _, seed = name.partition("/")
        for varied in INPUTS:
            values = np.linspace(0.0, _end(varied, typical), RESPONSE_POINTS)
            fluxes = _fluxes(model, typical.forcing, typical.state, held | {varied: jnp.asarray(values)})
            tables.append(_curve(label, seed, varied, values, fluxes))
        once = {key: values[:1] for key, values in held.items()}
        of_months = [
            _fluxes(model, dataclasses.replace(typical.forcing, **season), typical.state, once)
            for season in typical.season.values()
        ]
        tables.append(_curve(label, seed, MONTH, list(typical.season), np.concatenate(of_months, axis=1)))
    return pd.concat(tables, ignore_index=True)


def _curve(label: str, seed: str, varied: str, values: Sequence[float], fluxes: Sequence) -> pd.DataFrame:
    """Rows of `RESPONSE_COLUMNS`; `fluxes` are LE and H (n,)."""
    columns = (label, seed, varied, np.asarray(values, dtype=float), *map(np.asarray, fluxes))
    return pd.DataFrame(dict(zip(RESPONSE_COLUMNS, columns, strict=True)))


def _end(name: str, typical: Midday) -> float:
    """Largest value of an input; no air is drier than dry."""
    driest = float(saturation_vapour_pressure(typical.forcing.Tair))
    return min(typical.highest[name], driest) if name == "VPD" else typical.highest[name]


@eqx.filter_jit
def _fluxes(model: Model, forcing: Forcing, state: State, inputs: dict[str, jax.Array]):
    """LE and H (n,) at `inputs` (n,) by name."""

    def at(SWdown, VPD, fill):
        e = saturation_vapour_pressure(forcing.Tair) - VPD
        Qair = specific_humidity(e, forcing.Psurf)
        weather = dataclasses.replace(forcing, SWdown=SWdown, VPD=VPD, Qair=Qair)
        column = dataclasses.replace(state, root=fill * model.parameters.Wmax)
        rates = model.rates(column, weather)
        return latent_heat(rates), rates.H

    return jax.vmap(at)(*(inputs[name] for name in INPUTS))
