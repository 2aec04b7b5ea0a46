"""The sites of a fit: what is known of each before its fluxes are seen, and what a fit may see."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

from lad.cf import intervals
from lad.constants import DAY, YEAR
from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS, BulkFluxes, Scaling
from lad.forcing import rows
from lad.integrate import fast
from lad.io import read_netcdf
from lad.model import Model
from lad.parameters import Parameters, table_parameters
from lad.periods import Periods
from lad.simulation import free_runs
from lad.site_files import record_of
from lad.state import State, plain_state
from lad.towers.flags import CLIMATOLOGY, INTERPOLATED
from lad.towers.sites import stated_row
from lad.training import climate
from lad.training.data import LearningData, learning_data
from lad.training.space import Space, calibration_space, load_calibrated

ATTRIBUTES: dict[str, Callable[[Parameters, xr.Dataset], Any]] = {
    "rs": lambda p, _: np.log(p.rs),  # s m-1
    "z0": lambda p, _: np.log(p.z0),  # m
    "albedo": lambda p, _: p.alb0_warm,  # -
    "Wmax": lambda p, _: np.log(p.Wmax),  # kg m-2
    "C": lambda p, _: p.C[0],  # J m-3 K-1
    "lam": lambda p, _: p.lam[0],  # W m-1 K-1
    "sensors": lambda p, _: np.log(p.z_ref),  # m, height above the zero plane
    "canopy": lambda _, forcing: stated_row(forcing.attrs)["canopy_height"],  # m
    "LAI": lambda _, forcing: forcing["LAI"].mean(),  # m2 m-2, mean of the record
    "air": lambda _, forcing: forcing["Tair"].mean(),  # K, mean of the record
    "season": lambda _, forcing: climate.seasonality(forcing),  # K
    "aridity": lambda _, forcing: climate.aridity(forcing),
    "capacity": lambda _, forcing: np.log(max(1.0, climate.root_zone(forcing))),
}
"""Name of an attribute → its value from the table's parameters and the forcing file. The first three are those of the
cover, which follows from the IGBP class."""

WITHOUT_WEATHER = (INTERPOLATED, CLIMATOLOGY)
"""Flags of gap-filled values that do not follow the weather (synthetic longwave does)."""
LARGEST_GAP_FILLED = 0.5  # share of such values above which an input is hidden
FIRST_RISE_TIME = 150.0 * DAY
LEAST_INFLOW = 10.0  # kg m-2 a-1, at the start of a training with inflow
FIRST_SPIN_UP = 3  # passes through the record, from a state that may be far off


class Anchor(eqx.Module):
    """A site before training; anchors of many sites can be stacked."""

    space: Space
    origin: Float[Array, " k"]  # free numbers of the physical parameters that training begins with
    attributes: Float[Array, " attributes"]
    hidden: Bool[Array, " 5"]  # inputs of `FORCING_INPUTS` that the network does not see here
    scaling: Scaling | None = None  # of the network, while it is trained; the same at all sites


class Site(NamedTuple):
    """One site of a fit."""

    site_id: str
    anchor: Anchor
    data: LearningData
    start: State  # where its first spin-up begins
    reference: Parameters  # calibrated, else those of the table
    states: State | None = None  # (n,), at the end of each interval of LaD's own free run with `reference`


def read_site(
    site_id: str,
    forcing: str | Path,
    observations: str | Path,
    train: Periods,
    validation: Periods,
    *,
    parameters: Parameters | str | Path | None = None,
    attributes: Iterable[str] = (),
    prescribed_radiation: bool = False,
    root_zone: str | None = None,
    ground_water: str | None = None,
) -> Site:
    """A site of a training, from its files.

    `parameters` are calibrated ones, or their file; without them training begins with those of LaD's table. With
    `prescribed_radiation` measured net radiation is used where available. With a `root_zone` training begins
    with the capacity of the mass curve of the fluxes ("mass_curve") or of the climate ("climate") if that exceeds the
    one of `parameters` or of the table. `ground_water` is as in the
    settings of a model. Raises InputError as the readers do, and for a forcing file that lacks one of the `attributes`.
    """
    record = record_of(site_id, forcing, observations if prescribed_radiation else None)
    height = record.reference_height
    if isinstance(parameters, str | Path):
        reference, space = load_calibrated(parameters, height)
    else:
        space = calibration_space(a_priori(record.attrs, height, forcing))
        reference = parameters or space.table
    origin = space.free(reference) if parameters else space.origin()
    data, dataset = learning_data(record, observations, train, validation), read_netcdf(forcing)
    if root_zone:
        capacity = data.mass_curve.capacity if root_zone == "mass_curve" else climate.root_zone(dataset)
        origin = _with_capacity(space, origin, reference, capacity)
    if ground_water:
        space, origin = _with_ground_water(space, origin, ground_water == "inflow", data.mass_curve.excess)
    seen = np.isin(intervals(dataset, forcing)[0], data.trained)
    anchor = Anchor(space, origin, *_described(dataset, seen, space.table, attributes, forcing))
    start = plain_state(reference, data.forcing)
    runs = free_runs(
        fast(),
        Model(reference, BulkFluxes()),
        data.forcing,
        data.time,
        data.segments,
        data.dt,
        lambda _: start,
        FIRST_SPIN_UP,
    )
    states = jax.tree.map(lambda *x: np.concatenate(x), *(run.state for run in runs))
    return Site(site_id, anchor, data, start, reference, states)


def at_step(site: Site, dt: float) -> Site:
    """`site` with each interval cut into parts of `dt` (s) that have its weather and its mean fluxes.

    States of the reference run are interpolated linearly. Raises InputError unless `dt` divides the interval.
    """
    data = site.data
    parts = round(data.dt / dt)
    if parts * dt != data.dt:
        raise InputError(f"{site.site_id}: intervals of {data.dt:g} s, expected a multiple of {dt:g} s")
    if parts == 1:
        return site
    row, part = (x.ravel() for x in np.indices((len(data.time), parts)))
    finer = dataclasses.replace(
        data,
        **{name: rows(getattr(data, name), row) for name in ("forcing", "observed", "train", "validation")},
        time=data.time[row] + part * np.timedelta64(round(dt), "s"),
        segments=tuple(slice(parts * segment.start, parts * segment.stop) for segment in data.segments),
        dt=dt,
    )
    if site.states is None:
        return site._replace(data=finer)
    share = (part + 1) / parts

    def between(x):
        weight = share.reshape(-1, *[1] * (x.ndim - 1))
        return (1.0 - weight) * x[data.before[row]] + weight * x[row]

    return site._replace(data=finer, states=jax.tree.map(between, site.states))


def _with_capacity(space: Space, origin: np.ndarray, begin: Parameters, capacity: float) -> np.ndarray:
    """`origin`, the free numbers of `begin`, with a root zone of `capacity` (kg m-2) if that is larger."""
    if not capacity > begin.Wmax:
        return origin
    larger = space.free(
        dataclasses.replace(begin, Wmax=capacity), 0.02
    )  # inside bounds, where a descent can move
    return np.where([b.name == "Wmax" for b in space.bounds], larger, origin)


def _with_ground_water(
    space: Space, origin: np.ndarray, inflow: bool, excess: float
) -> tuple[Space, np.ndarray]:
    """`space` and `origin` with ground water that plants draw on, see `Space.with_ground_water`.

    Training begins with the table's residence time, a slow rise and, with `inflow`, the `excess` of evaporation over
    precipitation (kg m-2 a-1).
    """
    wider = space.with_ground_water(inflow)
    begin = space.parameters(origin)
    first_inflow = np.fmax(excess, LEAST_INFLOW) / YEAR
    begin = dataclasses.replace(begin, rise_time=FIRST_RISE_TIME, inflow=first_inflow)
    return wider, np.concatenate([origin, wider.free(begin, 0.02)[len(origin) :]])


def unseen_anchor(
    forcing: str | Path, height: float, attributes: Iterable[str], root_zone: str | None = None
) -> Anchor:
    """The anchor of a site from its forcing file alone, for sensors at `height` (m).

    Raises InputError for a file without cover, soil or one of `attributes`.
    """
    dataset = read_netcdf(forcing)
    space = calibration_space(a_priori(dataset.attrs, height, forcing))
    origin = space.origin()
    if root_zone == "climate":
        origin = _with_capacity(space, origin, space.table, climate.root_zone(dataset))
    return Anchor(space, origin, *_described(dataset, slice(None), space.table, attributes, forcing))


def _described(
    dataset: xr.Dataset,
    seen: np.ndarray | slice,
    table: Parameters,
    attributes: Iterable[str],
    source: str | Path,
) -> tuple[np.ndarray, np.ndarray]:
    """Attributes of a site, and which inputs are hidden from the network there, from the rows `seen` of its forcing."""
    values = []
    for name in attributes:
        try:
            values.append(float(ATTRIBUTES[name](table, dataset)))
        except KeyError:
            raise InputError(f"{source}: lacks {name}, an attribute that the network sees") from None
    hidden = gap_filled_inputs(dataset, seen)
    return np.array(values), np.array([name in hidden for name in FORCING_INPUTS])


def gap_filled_inputs(dataset: xr.Dataset, seen: np.ndarray | slice) -> tuple[str, ...]:
    """Inputs that do not follow the weather in more than `LARGEST_GAP_FILLED` of the rows `seen` of a forcing file.

    Wind that is a climatology in training would vary in the test as the network has never seen.
    """
    flags = {name: {"VPD": "Qair_qc"}.get(name, f"{name}_qc") for name in FORCING_INPUTS}
    return tuple(
        name
        for name, flag in flags.items()
        if flag in dataset
        and np.isin(dataset[flag].values[seen], WITHOUT_WEATHER).mean() > LARGEST_GAP_FILLED
    )


def a_priori(attrs: dict[str, Any], height: float, source: str | Path) -> Parameters:
    """The table's parameters for the cover and soil types among the attributes of a forcing file."""
    try:
        return table_parameters(int(attrs["lad_cover"]), int(attrs["lad_soil"]), height)
    except KeyError as error:
        raise InputError(
            f"{source}: no attribute {error}, expected LaD's type of cover and of soil"
        ) from None
