"""Simulations as CF-1.8 netCDF with ALMA names."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lad.cf import intervals, time_frame
from lad.errors import InputError
from lad.forcing import Record
from lad.integrate import Trajectory
from lad.model import ground_heat, latent_heat
from lad.observations import TARGETS, open_series
from lad.parameters import Parameters

FLUXES = {
    "Qle": ("W m-2", "up", "surface_upward_latent_heat_flux", "latent heat flux, sublimation included"),
    "Qh": ("W m-2", "up", "surface_upward_sensible_heat_flux", "sensible heat flux"),
    "Qg": (
        "W m-2",
        "down",
        "downward_heat_flux_at_ground_level_in_soil",
        "heat flux into the soil column: Rnet - Qle - Qh less the heat of melt",
    ),
    "Rnet": ("W m-2", "down", "surface_net_downward_radiative_flux", "net radiation"),
    "SWnet": ("W m-2", "down", "surface_net_downward_shortwave_flux", "net shortwave radiation"),
    "LWnet": ("W m-2", "down", "surface_net_downward_longwave_flux", "net longwave radiation"),
    "Evap": ("kg m-2 s-1", "up", "water_evapotranspiration_flux", "evaporation and sublimation"),
    "Qsm": ("kg m-2 s-1", "", "surface_snow_melt_flux", "snow melt, from snow to root zone"),
    "Qrec": ("kg m-2 s-1", "down", "", "drainage from root zone to ground water"),
    "Qsb": ("kg m-2 s-1", "", "subsurface_runoff_flux", "discharge of ground water out of the column"),
    "Calving": ("kg m-2 s-1", "", "", "snow in excess of the cap, out of the column"),
    "Qrise": ("kg m-2 s-1", "up", "", "capillary rise from ground water to root zone"),
    "Qinflow": ("kg m-2 s-1", "", "", "inflow to ground water that no gauge records"),
}
"""Interval means: units, direction of positive values, CF standard name, long name."""

STORES = {
    "SWE": ("surface_snow_amount", "snow water equivalent"),
    "RootMoist": ("mass_content_of_water_in_soil_layer_defined_by_root_depth", "water of the root zone"),
    "GroundWater": ("", "ground water"),
}
"""Water (kg m-2) at the end of an interval: CF standard name, long name."""


def simulation_dataset(trajectory: Trajectory, parameters: Parameters, record: Record) -> xr.Dataset:
    """Dataset of a run over `record`: states at the end of each interval, fluxes as means over it."""
    state, rates = trajectory.state, trajectory.rates
    values = {
        "Qle": latent_heat(rates),
        "Qh": rates.H,
        "Qg": ground_heat(rates),
        "Rnet": rates.SWnet + rates.LWnet,
        "SWnet": rates.SWnet,
        "LWnet": rates.LWnet,
        "Evap": rates.E_snow + rates.E_root,
        "Qsm": rates.melt,
        "Qrec": rates.drainage,
        "Qsb": rates.discharge,
        "Calving": rates.calving,
    }
    if parameters.rise_time is not None:
        values |= {"Qrise": rates.rise, "Qinflow": rates.inflow}
    comment = "time is the start of the interval; fluxes are means over it, states are at its end"
    dataset = _frame(record, "Land surface simulated by LaD", "simulate", comment=comment)
    edges = np.concatenate([[0.0], np.cumsum(parameters.dz)])
    depth = {"standard_name": "depth", "long_name": "depth of the middle of the soil layer", "units": "m"}
    depth |= {"positive": "down", "axis": "Z", "bounds": "soil_layer_bnds"}
    dataset.coords["soil_layer"] = ("soil_layer", 0.5 * (edges[1:] + edges[:-1]), depth)
    dataset["soil_layer_bnds"] = (("soil_layer", "bound"), np.stack([edges[:-1], edges[1:]], axis=1))
    profiles = {"SoilTemp": (state.T, "K", "soil_temperature", "soil temperature, layer 1 the surface")}
    if state.ice:
        profiles["SoilIce"] = (state.ice, "J m-3", "", "heat that would melt the ice of the soil")
    for name, (layers, units, standard_name, long_name) in profiles.items():
        dataset[name] = (
            ("time", "soil_layer"),
            np.stack(layers, axis=-1),
            _named(standard_name, long_name) | {"units": units, "cell_methods": "time: point"},
        )
    for (name, (standard_name, long_name)), store in zip(
        STORES.items(), (state.snow, state.root, state.groundwater), strict=True
    ):
        attributes = {"units": "kg m-2", "cell_methods": "time: point"}
        dataset[name] = ("time", store, _named(standard_name, long_name) | attributes)
    for name in values:
        _add_flux(dataset, name, values[name])
    residuals = {
        "energy_residual": ("J m-2", "energy created", trajectory.energy_residual),
        "water_residual": ("kg m-2", "water created", trajectory.water_residual),
    }
    for name, (units, what, residual) in residuals.items():
        long_name = f"{what} in the interval by the solver: gain of the column less its fluxes"
        dataset[name] = ("time", residual, {"long_name": long_name, "units": units})
        dataset.attrs[f"max_{name}"] = float(np.abs(residual).max())
    return dataset


def state_at(path: str | Path, time: np.datetime64, site: str | None, dz: np.ndarray) -> dict[str, Any]:
    """The state that a simulation of `site` has at `time`, as `lad.state.initial_state` reads it.

    Raises InputError for a file that is no simulation of states, of another site or of other soil layers than those of
    thickness `dz` (m), and for one with no interval that ends then.
    """
    dataset = open_series(path, site, ())
    if not {"SoilTemp", *STORES} <= set(dataset):
        raise InputError(f"{path}: has no states, expected a run of lad simulate, or a JSON file")
    thickness = np.diff(dataset.soil_layer_bnds.values, axis=1).ravel()
    if thickness.shape != dz.shape or not np.allclose(thickness, dz):
        raise InputError(f"{path}: soil layers of {thickness.round(4).tolist()} m, expected {dz.tolist()}")
    starts, step = intervals(dataset, path)
    found = np.flatnonzero(starts + np.timedelta64(round(step), "s") == time)
    if not found.size:
        raise InputError(f"{path}: has no state at {str(time)[:16]}, where the forcing begins")
    state = dataset.isel(time=int(found[0]))
    ice = {"F": state.SoilIce.values.tolist()} if "SoilIce" in state else {}
    stores = {key: float(state[name]) for key, name in zip(("Ws", "Wr", "Wg"), STORES, strict=True)}
    return {"T": state.SoilTemp.values.tolist(), **stores, **ice}


def flux_dataset(record: Record, fluxes: np.ndarray, title: str, step: str) -> xr.Dataset:
    """Dataset of LE and H (n, 2), W m-2 positive upward, over `record`, made by `lad step`: without any state."""
    dataset = _frame(record, title, step)
    for name, values in zip(TARGETS.values(), fluxes.T, strict=True):
        _add_flux(dataset, name, values)
    return dataset


def _add_flux(dataset: xr.Dataset, name: str, values: np.ndarray) -> None:
    """Add one of `FLUXES` with its attributes."""
    units, positive, standard_name, long_name = FLUXES[name]
    attributes = {"units": units, "cell_methods": "time: mean"} | ({"positive": positive} if positive else {})
    dataset[name] = ("time", values, _named(standard_name, long_name) | attributes)


def _named(standard_name: str, long_name: str) -> dict[str, str]:
    return ({"standard_name": standard_name} if standard_name else {}) | {"long_name": long_name}


def _frame(record: Record, title: str, step: str, **attrs: str) -> xr.Dataset:
    """Time, segments and site attributes."""
    attrs = {"title": title, "history": f"made by lad {step}, see provenance"} | attrs
    place = ("site_id", "igbp", "utc_offset_hours")
    attrs |= {name: record.attrs[name] for name in place if name in record.attrs}
    return time_frame(record.time, record.dt, record.segment, attrs)
