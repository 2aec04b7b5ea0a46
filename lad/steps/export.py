"""Export the runs of a model at a tower in the layout of PLUMBER2, as modelevaluation.org takes them.

Fluxes and states are means over the seeds; their standard deviation over the seeds stands beside them, as `Qle_sd`.
So do the calibrated or trained parameters.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lad.cf import intervals
from lad.errors import InputError
from lad.io import read_netcdf, write_netcdf
from lad.output import FLUXES, STORES
from lad.parameters import Parameters, read_parameters
from lad.provenance import provenance
from lad.training.files import load_model
from lad.training.sites import site_row

UNITS = {"W m-2": "W/m2", "kg m-2 s-1": "kg/m2/s", "kg m-2": "kg/m2"}
"""Ours: as ALMA spells them."""
EXPORTED = {  # name in ALMA: long name
    "Qle": "latent heat flux, positive upward",
    "Qh": "sensible heat flux, positive upward",
    "Qg": "ground heat flux, positive downward",
    "Rnet": "net radiation, positive downward",
    "SWnet": "net shortwave radiation, positive downward",
    "LWnet": "net longwave radiation, positive downward",
    "Evap": "total evapotranspiration, positive upward",
    "Qsm": "snow melt",
    "Qsb": "subsurface runoff",
    "SWE": "snow water equivalent, at the end of the interval",
    "RootMoist": "root zone soil moisture, at the end of the interval",
}
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad export`."""
    parser.add_argument("--site", required=True, help="site identifier, as in the files")
    parser.add_argument(
        "--model-name", required=True, metavar="NAME", help="as the file is to call the model"
    )
    parser.add_argument("--forcing", type=Path, required=True, metavar="NC", help="forcing file of the tower")
    parser.add_argument(
        "--simulation",
        type=Path,
        nargs="+",
        required=True,
        metavar="NC",
        help="of lad simulate, of each seed",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--model", type=Path, nargs="+", default=[], metavar="EQX", help="of lad train, of each seed"
    )
    what.add_argument("--parameters", type=Path, metavar="JSON", help="of lad calibrate")
    parser.add_argument("--output", type=Path, required=True, metavar="NC")


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    runs = [read_netcdf(path) for path in args.simulation]
    for path, one in zip(args.simulation, runs, strict=True):
        if one.attrs.get("site_id") != args.site:
            raise InputError(f"{path}: is of site {one.attrs.get('site_id')}, expected {args.site}")
        if not np.array_equal(one.time, runs[0].time):
            raise InputError(f"{path}: its times differ from those of {args.simulation[0]}")
    forcing = read_netcdf(args.forcing)
    models = [load_model(path, args.site).parameters for path in args.model]
    if args.parameters:
        models = [read_parameters(args.parameters, float(forcing["reference_height"]))]
    inputs = {"forcing": args.forcing} | {f"simulation {n}": path for n, path in enumerate(args.simulation)}
    inputs |= {f"model {n}": path for n, path in enumerate(args.model)}
    try:
        row = site_row(forcing)
    except KeyError:
        raise InputError(f"{args.forcing}: does not state its site, expected a file of lad forcing") from None
    dataset = exported(runs, models, row)
    dataset.attrs |= {
        "title": f"Simulation of {args.model_name} at {args.site}",
        "model": args.model_name,
        "history": "made by lad export, see provenance",
        "provenance": json.dumps(provenance(inputs, model=args.model_name), sort_keys=True),
    }
    write_netcdf(args.output, dataset)


def exported(
    runs: Sequence[xr.Dataset], models: Sequence[Parameters], site: Mapping[str, object]
) -> xr.Dataset:
    """Runs of all seeds as one dataset over (time, y, x), with position and parameters; `site` is its table row."""
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
    for name, long_name in EXPORTED.items():
        if name in runs[0]:
            units = UNITS["kg m-2" if name in STORES else FLUXES[name][0]]
            _add(dataset, name, [one[name].values for one in runs], units, long_name)
    if "SoilTemp" in runs[0]:
        surface = [one["SoilTemp"].values[:, 0] for one in runs]
        _add(dataset, "AvgSurfT", surface, "K", "surface temperature, at the end of the interval")
    for name, (units, long_name) in PARAMETERS.items() if models else ():
        values = [np.ravel(getattr(model, name))[0] for model in models]
        _add(dataset, f"parameter_{name}", values, units, long_name)
    return dataset


def _add(dataset: xr.Dataset, name: str, members: Sequence, units: str, long_name: str) -> None:
    """A variable as mean over the members, and its standard deviation over them if there are several."""
    values = np.stack(members).astype(float)
    of_time = values.ndim == 2
    dims = ("time", "y", "x") if of_time else ()
    kinds = {"": (values.mean(axis=0), long_name)}
    if len(values) > 1:
        kinds["_sd"] = (values.std(axis=0, ddof=1), f"{long_name}: standard deviation over the seeds")
    for ending, (value, text) in kinds.items():
        shaped = value[:, None, None].astype("float32") if of_time else value
        dataset[name + ending] = (dims, shaped, {"units": units, "long_name": text})
