"""Fit an empirical baseline to the training half-hours of a tower, and run it over the record.

Writes NAME.nc, or NAME/seed0.nc, … of one that starts from random weights, as `lad evaluate` reads simulations.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import xarray as xr

from lad.baselines.data import baseline_data
from lad.baselines.fits import predict
from lad.cf import time_frame
from lad.errors import InputError
from lad.evaluation.models import BASELINES, SEEDED_BASELINES
from lad.forcing import Record
from lad.io import write_netcdf
from lad.observations import TARGETS
from lad.output import FLUXES
from lad.periods import add_period_arguments, periods_from
from lad.provenance import package_version, provenance
from lad.training.options import LEARNING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad baselines`."""
    parser.add_argument("--name", choices=BASELINES, required=True, help="of the baseline")
    parser.add_argument("--forcing", required=True, help="forcing file (netCDF)")
    parser.add_argument("--observations", required=True, help="measured fluxes (netCDF)")
    add_period_arguments(parser, *LEARNING)
    parser.add_argument("--seeds", type=int, default=1, help=f"members of {' and '.join(SEEDED_BASELINES)}")
    parser.add_argument("--output-directory", required=True, type=Path)


def run(args: argparse.Namespace) -> None:
    """Fit and write."""
    if args.seeds < 1:
        raise InputError(f"--seeds {args.seeds}: expected at least 1")
    periods = periods_from(args, *LEARNING)
    data = baseline_data(args.forcing, args.observations, **periods)
    seeded = args.name in SEEDED_BASELINES
    fluxes = predict(args.name, data, args.seeds if seeded else 1)
    origin = provenance(
        {"forcing": args.forcing, "observations": args.observations},
        baseline=args.name,
        **{name: [str(period) for period in value] for name, value in periods.items()},
    )
    origin["packages"]["scikit-learn"] = package_version("scikit-learn")  # which no other step needs
    for seed, member in enumerate(fluxes):
        file = f"{args.name}/seed{seed}.nc" if seeded else f"{args.name}.nc"
        about = origin | ({"seed": seed} if seeded else {})
        write_netcdf(args.output_directory / file, _dataset(data.record, member, args.name, about))


def _dataset(record: Record, fluxes: np.ndarray, name: str, origin: dict) -> xr.Dataset:
    """Fluxes (n, 2) over the record as a simulation that has nothing else."""
    attrs = {
        "title": f"Fluxes of the empirical baseline {name}",
        "history": "made by lad baselines, see provenance",
        "provenance": json.dumps(origin, sort_keys=True),
    }
    place = ("site_id", "igbp", "utc_offset_hours")
    attrs |= {key: record.attrs[key] for key in place if key in record.attrs}
    dataset = time_frame(record.time, record.dt, record.segment, attrs)
    for variable, values in zip(TARGETS.values(), fluxes.T, strict=True):
        units, positive, standard_name, long_name = FLUXES[variable]
        about = {"standard_name": standard_name, "long_name": long_name, "units": units}
        dataset[variable] = ("time", values, about | {"positive": positive, "cell_methods": "time: mean"})
    return dataset
